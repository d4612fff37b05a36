#!/usr/bin/python3
"""What an operator looks at: /metrics (judged by promtool), /health and /readyz, and what they say when the store takes no
changes.

    test_operations.py TXTD TXTCTL
"""
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

VALUE = "___validation_token_received_from_the_ca___"


def metric(text, name):
    found = re.search("^%s (\\S+)$" % re.escape(name), text, re.MULTILINE)
    if found is None:
        raise service.Failure("no metric %s in:\n%s" % (name, text))
    return float(found[1])


def get_metrics(txtd):
    status, text = txtd.get_internal("/metrics")
    if status != 200:
        raise service.Failure("/metrics was answered %d" % status)
    return text


def expect_internal(txtd, path, status, body=None):
    got = txtd.get_internal(path)
    if got[0] != status or (body is not None and got[1] != body):
        raise service.Failure("%s was answered %s, not %d %s" % (path, got, status, body))


def check_metrics(txtd):
    account = txtd.register()
    connection = txtd.connect()
    for number in range(3):
        service.update(connection, account, VALUE[:-1] + str(number))
    service.update(connection, dict(account, password="wrong"), VALUE)
    connection.close()
    txtd.dig(account["fulldomain"])
    text = get_metrics(txtd)
    promtool = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    if promtool.returncode != 0 or promtool.stderr.strip():
        raise service.Failure("promtool: " + promtool.stdout + promtool.stderr)
    for name, least in (("txtd_registrations_total", 1), ("txtd_updates_total", 3),
                        ('txtd_refusals_total{reason="forbidden"}', 1), ('txtd_dns_queries_total{transport="udp"}', 1),
                        ('txtd_dns_queries_by_type_total{type="TXT"}', 1),
                        ('txtd_dns_positive_answers_total{source="delegate"}', 1), ("txtd_delegates", 1),
                        ('txtd_dns_latency_seconds_count{transport="udp"}', 1),
                        ("txtd_delegates_live", 1), ("txtd_commits_total", 4), ("txtd_store_revision", 4),
                        ("txtd_dns_answering", 1), ("txtd_store_writable", 1), ("txtd_store_damaged", 0), ('txtd_http_answers_total{status="2xx"}', 4),
                        ("txtd_certificate_not_after_seconds", time.time()),
                        ("txtd_commit_seconds_count", 4), ('txtd_commit_seconds_bucket{le="+Inf"}', 4),
                        ("txtd_changes_waiting_max", 1), ("txtd_store_bytes", 1), ("txtd_store_available_bytes", 1),
                        ("txtd_published_total", 4), ("txtd_http_connections_max", 16), ("process_max_fds", 16),
                        ("process_resident_memory_bytes", 1), ("process_open_fds", 10), ("txtd_calls_max", 16), ("txtd_edits_max", 256),
                        ("txtd_delegates_max", 100000000), ("process_start_time_seconds", time.time() - 3600)):
        if metric(text, name) < least:
            raise service.Failure("%s is %g, expected is %g or more" % (name, metric(text, name), least))
    if metric(text, "txtd_served_revision") != metric(text, "txtd_store_revision"):
        raise service.Failure("what is acknowledged is not served")
    for name in ("txtd_changes_waiting", "txtd_rcu_retired", "txtd_rcu_grace_periods_total", "txtd_rcu_grace_longest_seconds",
                 "txtd_audit_lost_total", "txtd_http_accept_pauses_total", "txtd_backup_last_success_timestamp_seconds",
                 "txtd_backup_failures_total", "txtd_edits", 'txtd_limits_reached_total{limit="updates"}', "txtd_log_lost_total", "txtd_dns_tcp_buffered_bytes", "txtd_http_displaced_total"):
        metric(text, name)  # is there
    check_sums(txtd)


def total(text, family):
    return sum(float(value) for value in re.findall(r"^%s\{.*\} (\S+)$" % family, text, re.MULTILINE))


def check_sums(txtd):
    """Every message was answered, or dropped for a reason; and every one here has a type. The probe's may be under way."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        text = get_metrics(txtd)
        received, answered, typed = (total(text, "txtd_dns_%s_total" % what) for what in ("queries", "answers", "queries_by_type"))
        dropped = total(text, "txtd_dns_dropped_total") - metric(text, 'txtd_dns_dropped_total{reason="send"}')
        if received == answered + dropped == typed:
            return
        time.sleep(0.1)
    raise service.Failure("of %g messages %g were answered and %g dropped, %g have a type" % (received, answered, dropped, typed))


def check_edits(txtd):
    """What clients get wrong is told apart from what we do; edits are counted by kind."""
    account = txtd.register("/api/v1/delegates")
    connection = txtd.connect()
    pair = {"X-Api-User": account["username"], "X-Api-Key": account["key"]}
    before = get_metrics(txtd)
    for method, tail, headers, body, status in (("PUT", "/values", {}, '{"values":["a"]}', 200),
                                                ("PUT", "/values", {"If-Match": '"1"'}, '{"values":[]}', 412),
                                                ("PUT", "/values", {}, '{"values":["a","b","c"]}', 400),
                                                ("DELETE", "/values/z", {}, None, 404), ("DELETE", "/keys/1", {}, None, 409),
                                                ("PATCH", "", {}, '{"note":"n"}', 200)):
        connection.request(method, "/api/v1/delegates/" + account["id"] + tail, body, dict(pair, **headers))
        response = connection.getresponse()
        text = response.read()
        if response.status != status:
            raise service.Failure("%s %s: %d %s" % (method, tail, response.status, text))
    connection.close()
    after = get_metrics(txtd)
    for name, more in (('txtd_edits_total{kind="values"}', 1), ('txtd_edits_total{kind="settings"}', 1),
                       ('txtd_refusals_total{reason="conflict"}', 2), ('txtd_refusals_total{reason="invalid"}', 1),
                       ('txtd_refusals_total{reason="not_found"}', 1), ('txtd_refusals_total{reason="forbidden"}', 0),
                       ('txtd_refusals_total{reason="failed"}', 0)):
        if metric(after, name) - metric(before, name) != more:
            raise service.Failure("%s has grown by %g, not by %d" % (name, metric(after, name) - metric(before, name), more))


def expect_soon(txtd, name, value):
    deadline = time.monotonic() + 60
    while metric(get_metrics(txtd), name) < value:
        if time.monotonic() > deadline:
            raise service.Failure("%s is %g, not %g" % (name, metric(get_metrics(txtd), name), value))
        time.sleep(0.05)


def check_loads(txtd):
    """Reloads and certificates that fail are counted."""
    with open(txtd.config, encoding="ascii") as file:
        config = file.read()
    txtd.process.send_signal(signal.SIGHUP)
    expect_soon(txtd, 'txtd_reloads_total{outcome="ok"}', 1)
    expect_soon(txtd, 'txtd_certificate_loads_total{outcome="ok"}', 1)
    with open(txtd.config, "w", encoding="ascii") as file:
        file.write("zones: 7\n")
    txtd.process.send_signal(signal.SIGHUP)
    expect_soon(txtd, 'txtd_reloads_total{outcome="failed"}', 1)
    with open(txtd.config, "w", encoding="ascii") as file:
        file.write(config)
    certificate = os.path.join(txtd.directory, "state", "self-signed.pem")
    with open(certificate, encoding="ascii") as file:
        good = file.read()
    with open(certificate, "w", encoding="ascii") as file:
        file.write("none\n")
    txtd.process.send_signal(signal.SIGHUP)
    expect_soon(txtd, 'txtd_certificate_loads_total{outcome="failed"}', 1)
    with open(certificate, "w", encoding="ascii") as file:
        file.write(good)


def check_internal_site(txtd):
    expect_internal(txtd, "/livez", 200, '{"status":"ok"}')
    expect_internal(txtd, "/readyz", 200, '{"status":"ok"}')
    expect_internal(txtd, "/health", 200, '{"status":"ok"}')
    expect_internal(txtd, "/register", 404)
    expect_internal(txtd, "/api/v1/delegates/x", 404)


def check_health_costs_nothing(txtd):
    """However often it is asked: one probe a second, and no write."""
    before = get_metrics(txtd)
    begin = time.monotonic()
    for _ in range(200):
        expect_internal(txtd, "/health", 200)
    took = time.monotonic() - begin
    after = get_metrics(txtd)
    queries = 'txtd_dns_queries_total{transport="udp"}'
    if metric(after, queries) - metric(before, queries) > took + 3:
        raise service.Failure("200 requests for /health led to %g queries" %
                              (metric(after, queries) - metric(before, queries)))
    if metric(after, "txtd_store_revision") != metric(before, "txtd_store_revision"):
        raise service.Failure("requests for /health led to commits")


def check_full_store(txtd, account):
    """Space is below the reserve: changes are 503, /health says why, DNS and /readyz go on."""
    deadline = time.monotonic() + 60
    while txtd.get_internal("/health")[0] != 503:
        if time.monotonic() > deadline:
            raise service.Failure("/health does not tell that the store is full")
        time.sleep(0.1)
    if "reserve" not in txtd.get_internal("/health")[1]:
        raise service.Failure("/health does not tell why: " + txtd.get_internal("/health")[1])
    expect_internal(txtd, "/readyz", 200)
    expect_internal(txtd, "/livez", 200)
    connection = txtd.connect()
    got = service.update(connection, account, VALUE)
    connection.request("POST", "/register")
    response = connection.getresponse()
    text = response.read().decode()
    if got != (503, '{"error":"unavailable"}') or (response.status, text) != (503, '{"error":"unavailable"}'):
        raise service.Failure("changes were answered %s and %d %s" % (got, response.status, text))
    if response.headers.get("Retry-After") is None:
        raise service.Failure("503 without Retry-After")
    connection.close()
    if txtd.dig(account["fulldomain"]) != ["1" * 43]:
        raise service.Failure("DNS does not go on")
    if metric(get_metrics(txtd), "txtd_store_writable") != 0:
        raise service.Failure("txtd_store_writable is not 0")


def check_secrets(directory, program):
    """A start warns of files with secrets that any user can read, and of no others."""
    os.mkdir(directory)
    files = {}
    for key, mode, secret in (("operator_tokens_file", 0o644, "operator-token-0123456789"), ("registration_tokens_file", 0o640, "t" * 20),
                              ("cookie_secret_file", 0o604, "00112233445566778899aabbccddeeff")):
        files[key] = os.path.join(directory, key)
        with open(files[key], "w", encoding="ascii") as file:
            file.write(secret + "\n")
        os.chmod(files[key], mode)
    cookies = {"cookie_secret_file": files.pop("cookie_secret_file")}
    with service.Txtd(program, directory, api=dict(files, registration="token"), dns=cookies) as txtd:
        warned = re.findall(r"level=warning event=start.secret_readable key=(\S+) file=(\S+)", txtd.text())
    wanted = [("api.operator_tokens_file", files["operator_tokens_file"]), ("dns.cookie_secret_file", cookies["cookie_secret_file"])]
    if sorted(warned) != sorted(wanted):
        raise service.Failure("warned of %s, not %s" % (warned, wanted))


def main(directory, program, _txtctl):
    with service.Txtd(program, directory) as txtd:
        check_metrics(txtd)
        check_edits(txtd)
        check_loads(txtd)
        check_internal_site(txtd)
        check_health_costs_nothing(txtd)
        account = txtd.register()
        connection = txtd.connect()
        service.update(connection, account, "1" * 43)
        connection.close()
        txtd.stop()
    with service.Txtd(program, directory, store={"reserve": "1024TiB"}) as txtd:
        check_full_store(txtd, account)
        txtd.stop()
    check_secrets(os.path.join(directory, "secrets"), program)


if __name__ == "__main__":
    service.run(main)
