#!/usr/bin/python3
"""One txtd takes over from another under load: no query is lost, every update that was acknowledged is served afterwards,
changes are refused with 503 and Retry-After for a moment only, and a successor that fails changes nothing.

    test_takeover.py TXTD TXTCTL
"""
import array
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time

from service import Failure, START_S, Txtd, run, update

QUERIES_PER_S = 500
ACCOUNTS = 4


def wait(what, condition, limit_s=START_S):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise Failure("timed out waiting for " + what)
        time.sleep(0.02)


class Client(threading.Thread):
    """Updates one delegate again and again; what is answered 503 is tried again."""

    def __init__(self, txtd):
        super().__init__(daemon=True)
        self.txtd = txtd
        self.account = txtd.register()
        self.acknowledged = []
        self.statuses = set()
        self.retry_after = set()
        self.enough = False

    def run(self):
        connection = self.txtd.connect()
        number = 0
        while not self.enough:
            number += 1
            value = "%043d" % number
            try:
                connection.request("POST", "/update", json.dumps({"subdomain": self.account["subdomain"], "txt": value}),
                                   {"X-Api-User": self.account["username"], "X-Api-Key": self.account["password"]})
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                # The process behind this connection has ended; it may have carried the request out or not.
                connection.close()
                connection = self.txtd.connect()
                time.sleep(0.01)
                continue
            self.statuses.add(response.status)
            if response.status == 200:
                self.acknowledged.append(value)
            else:
                self.retry_after.add(response.headers.get("retry-after"))
            time.sleep(0.005)


def take_over(txtd, number, environment=None, config=None):
    """Starts a successor; returns it and the path of its log."""
    log = os.path.join(txtd.directory, "successor-%d.log" % number)
    with open(log, "w", encoding="ascii") as file:
        process = subprocess.Popen([txtd.program, "-c", config or txtd.config, "--take-over"], stderr=file,
                                   env=dict(os.environ, **(environment or {})))
    return process, log


def text_of(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def succeed(txtd, number, environment=None):
    """A whole take-over: the old process has ended with 0, `txtd` stands for the new one."""
    old = txtd.process
    new, log = take_over(txtd, number, environment)
    try:
        wait("the successor", lambda: "event=start.end" in text_of(log) or new.poll() is not None)
        if new.poll() is not None:
            raise Failure("the successor failed: %s\n%s" % (text_of(log), txtd.text()))
        if old.wait(START_S) != 0:
            raise Failure("the old txtd ended with %d" % old.returncode)
    finally:
        txtd.process, txtd.log = new, log
    refused = re.search(r"event=takeover.end changes_refused_ms=(\d+)", text_of(log))
    if refused is None:
        raise Failure("the successor does not say for how long changes were refused")
    return int(refused.group(1)), old.pid


def request():
    with open("/proc/self/cgroup", encoding="ascii") as file:
        return json.dumps({"command": "take-over", "groups": file.read()}).encode() + b"\n"


def refuse_other_service(path):
    """Whoever does not belong to the service is refused at once: the manager would end the service with the old process."""
    for groups in ("0::/elsewhere\n", "", None, 7):
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(START_S)
            asking.connect(path)
            asking.sendall(json.dumps({"command": "take-over", "groups": groups}).encode() + b"\n")
            answer = asking.makefile().readline()
        if "systemctl reload" not in answer:
            raise Failure("a successor with control groups %r was answered %r" % (groups, answer))


def refuse(txtd, path):
    """Somebody asks to take over, gets the sockets, and goes away: meanwhile DNS answers and changes are refused."""
    account = txtd.register()
    connection = txtd.connect()
    if update(connection, account, "1" * 43)[0] != 200:
        raise Failure("no update before the take-over")
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(START_S)
        asking.connect(path)
        asking.sendall(request())
        line = b""
        while not line.endswith(b"\n"):
            octet = asking.recv(1)
            if not octet:
                raise Failure("the control socket hung up: " + txtd.text())
            line += octet
        offer = json.loads(line)
        _, ancillary, _, _ = asking.recvmsg(1, socket.CMSG_SPACE(4 * 253))
        sockets = array.array("i")
        sockets.frombytes(ancillary[0][2])
        for descriptor in sockets:
            os.close(descriptor)
        if len(sockets) != 1 + offer["dns"] + offer["http"]:
            raise Failure("%d sockets came with %r" % (len(sockets), offer))
        status, _ = update(connection, account, "2" * 43)
        if status != 503:
            raise Failure("an update was answered %d while the store was given away" % status)
        if txtd.dig(account["fulldomain"]) != ["1" * 43]:
            raise Failure("DNS does not go on from memory")
    wait("the store to come back", lambda: "event=takeover.undone" in txtd.text())
    if update(connection, account, "3" * 43)[0] != 200:
        raise Failure("no update after a take-over that failed")
    if txtd.dig(account["fulldomain"]) != ["1" * 43, "3" * 43]:
        raise Failure("served after a take-over that failed: %r" % txtd.dig(account["fulldomain"]))


def stop_while_away(txtd, path):
    """Told to stop while somebody takes long to take over, txtd stops all the same."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(START_S)
        asking.connect(path)
        asking.sendall(request())
        if asking.recv(1) != b"{":
            raise Failure("no offer: " + txtd.text())
        txtd.stop()


def refuse_other_addresses(txtd):
    """A successor whose configuration has other addresses fails, and the old one goes on."""
    config = os.path.join(txtd.directory, "other.yaml")
    with open(txtd.config, encoding="ascii") as file:
        sections = json.load(file)
    sections["dns"]["listen"] = ["127.0.0.1:0", "[::1]:0"]
    with open(config, "w", encoding="ascii") as file:
        json.dump(sections, file)
    before = txtd.text().count("event=takeover.undone")
    new, log = take_over(txtd, 99, config=config)
    if new.wait(START_S) == 0 or "dns.listen" not in text_of(log):
        raise Failure("a successor with other addresses: %s" % text_of(log))
    wait("the store to come back", lambda: txtd.text().count("event=takeover.undone") > before)
    account = txtd.register()
    if update(txtd.connect(), account, "4" * 43)[0] != 200:
        raise Failure("no update after a successor has failed")


def start_dnsperf(txtd, names, seconds):
    data = os.path.join(txtd.directory, "queries")
    with open(data, "w", encoding="ascii") as file:
        file.writelines("%s TXT\n" % name for name in names)
    return subprocess.Popen(["dnsperf", "-s", "127.0.0.1", "-p", str(txtd.dns_port), "-d", data, "-l", str(seconds), "-Q",
                             str(QUERIES_PER_S), "-c", "20", "-t", "20"], stdout=subprocess.PIPE, text=True)


def check_dnsperf(dnsperf):
    output = dnsperf.communicate(timeout=180)[0]
    counts = {what: int(count) for what, count in re.findall(r"Queries (sent|completed|lost):\s+(\d+)", output)}
    codes = re.search(r"Response codes:\s+(.*)", output).group(1)
    if counts["lost"] != 0 or counts["completed"] != counts["sent"] or not re.fullmatch(r"NOERROR \d+ \(100\.00%\)", codes):
        raise Failure("dnsperf: %r, %s" % (counts, codes))
    return counts["completed"]


def main(directory, txtd_program, _txtctl):
    path = os.path.join(directory, "control.sock")
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind(os.path.join(directory, "notify.sock"))
    notified.setblocking(False)
    environment = {"NOTIFY_SOCKET": notified.getsockname()}
    with Txtd(txtd_program, directory, environment, process={"control_socket": path},
              dns={"listen": ["127.0.0.1:0"], "workers": 2, "pin": False, "rrl": {"enabled": False}}) as txtd:
        refuse_other_service(path)
        refuse(txtd, path)
        refuse_other_addresses(txtd)
        print("ok: successors that fail")

        clients = [Client(txtd) for _ in range(ACCOUNTS)]
        for client in clients:
            client.start()
        dnsperf = start_dnsperf(txtd, [client.account["fulldomain"] for client in clients], 6)
        try:
            time.sleep(1)
            refused = []
            for number in range(2):
                milliseconds, _ = succeed(txtd, number, environment)
                refused.append(milliseconds)
                count = sum(len(client.acknowledged) for client in clients)
                wait("updates after a take-over",
                     lambda: sum(len(client.acknowledged) for client in clients) > count + 10)  # pylint: disable=W0640
            queries = check_dnsperf(dnsperf)
        finally:
            dnsperf.kill()
            dnsperf.wait()
        for client in clients:
            client.enough = True
        for client in clients:
            client.join(START_S)
            values = txtd.dig(client.account["fulldomain"])
            if not client.statuses <= {200, 503} or None in client.retry_after:
                raise Failure("answers were %r, with Retry-After %r" % (client.statuses, client.retry_after))
            # The very last request may have been carried out without its answer having come.
            if client.acknowledged[-1] not in values:
                raise Failure("%s was acknowledged, served are %r" % (client.acknowledged[-1], values))
        messages = b""
        try:
            while True:
                messages += notified.recv(4096)
        except BlockingIOError:
            pass
        if b"MAINPID=%d\n" % txtd.process.pid not in messages or b"STOPPING" in messages:
            raise Failure("the service manager was told %r" % messages)
        if not os.path.exists(path):
            raise Failure("the control socket went with the old process")
        stop_while_away(txtd, path)
        if os.path.exists(path):
            raise Failure("the control socket is left")
        print("ok: two take-overs, %d queries, none lost; changes refused for %s ms" % (queries, refused))
    notified.close()


if __name__ == "__main__":
    run(main)
