#!/usr/bin/python3
"""Every bound of the native API, on both sides: the most that is taken is taken whole, one more is refused by name and changes
nothing. Bodies that are none. Limits of registrations by client, by prefix and for all together, with Retry-After.

    test_native_bounds.py TXTD TXTCTL
"""
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
from service import Failure  # noqa: E402

DELEGATES = "/api/v1/delegates"
BODY_MAX = 16384  # api.limits.body
OPERATOR = "operator-token-0123456789"
BEARER = {"Authorization": "Bearer " + OPERATOR}
RETRY_MAX_S = 60


def call(txtd, method, path, headers=None, body=None):
    """Over a connection of its own, for some of these end it. A body of text is sent as it is."""
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    connection = txtd.connect()
    connection.request(method, path, body.encode() if isinstance(body, str) else body, headers or {})
    response = connection.getresponse()
    octets = response.read()
    connection.close()
    return response.status, response.headers, json.loads(octets) if octets else {}


def dig_tcp(txtd, name):
    """The TXT values of a name, more than UDP takes."""
    return service.dig_values(["dig", "@127.0.0.1", "-p", str(txtd.dns_port), "+short", "+norecurse", "+tcp", "+tries=3",
                               "+time=10", name, "TXT"])


def check(txtd, account, method, tail, body, status, error=None, says=None):
    got, _, answer = call(txtd, method, DELEGATES + "/" + account["id"] + tail, account["pair"], body)
    if got != status or (error is not None and answer.get("error") != error):
        raise Failure("%s %s %.80r: %d %s, not %d %s" % (method, tail, body, got, answer, status, error))
    if says is not None and not says(answer):
        raise Failure("%s %s %.80r: the answer is %s" % (method, tail, body, answer))
    return answer


def register(txtd, body=None):
    """By the operator, who is not bound by what the zone has, if the body asks for something."""
    status, _, account = call(txtd, "POST", DELEGATES, None if body is None else BEARER, body)
    if status != 201:
        raise Failure("registration was answered %d %s" % (status, account))
    account["pair"] = {"X-Api-User": account["username"], "X-Api-Key": account["key"]}
    return account


def check_settings(txtd):
    account = register(txtd, {"slots": 16})
    prefixes = ["10.%d.0.0/16" % number for number in range(31)] + ["127.0.0.0/8"]
    note = "é" * 127 + "e"  # 255 octets
    taken = {"note": note, "allowfrom": prefixes}
    check(txtd, account, "PATCH", "", taken, 200, says=lambda got: got["note"] == note and got["allowfrom"] == prefixes)
    check(txtd, account, "PATCH", "", {"note": "é" * 128}, 400, "invalid_note")
    check(txtd, account, "PATCH", "", {"allowfrom": prefixes + ["192.0.2.0/24"]}, 400, "invalid_allowfrom")
    for prefix in ("127.0.0.0/33", "2001:db8::/129", "127.0.0.0/", "/8", "127.0.0.0/-1", "127.0.0.0/8 ", "x" * 1000, 8, None):
        check(txtd, account, "PATCH", "", {"allowfrom": [prefix]}, 400, "invalid_allowfrom")
    check(txtd, account, "GET", "", None, 200, says=lambda got: got["note"] == note and got["allowfrom"] == prefixes)
    check(txtd, account, "PATCH", "", {"note": ""}, 200, says=lambda got: got["note"] == "" and got["allowfrom"] == prefixes)
    for body, error in (({"slots": 2}, None), ({"slots": 16}, None), ({"slots": 1}, "invalid_slots"), ({"slots": 17}, "invalid_slots"),
                        ({"slots": 2.0}, "invalid_slots"), ({"slots": "2"}, "invalid_slots"), ({"slots": -2**31}, "invalid_slots"),
                        ({"slots": 2**63 - 1}, "invalid_slots"), ({"value_expiry_s": 0}, None),
                        ({"value_expiry_s": 10 * 366 * 86400}, None), ({"value_expiry_s": 10 * 366 * 86400 + 1}, "invalid_value_expiry"),
                        ({"value_expiry_s": -1}, "invalid_value_expiry"), ({"zone": "x" * 300}, "unknown_zone"),
                        ({"zone": service.ZONE + "."}, "unknown_zone"), ({"zone": None}, "unknown_zone")):
        status, _, answer = call(txtd, "POST", DELEGATES, BEARER, body)
        if (status, answer.get("error")) != ((201, None) if error is None else (400, error)):
            raise Failure("registration of %s: %d %s" % (body, status, answer))


def check_values(txtd):
    account = register(txtd, {"slots": 16})
    # all printable ASCII is in the first, the others are of full length
    most = ["".join(chr(code) for code in range(0x20, 0x7f))] + ["%02d" % number + "x" * 253 for number in range(15)]

    def has(values, member="values"):
        return lambda got: [item["value"] if member == "values" else item for item in got[member]] == values

    check(txtd, account, "PUT", "/values", {"values": most}, 200, says=has(most))
    if len(dig_tcp(txtd, account["fulldomain"])) != 16:
        raise Failure("DNS has not all of 16 values")
    for values, error in ((most + ["one more"], "too_many_values"), (["x"] * 200, "too_many_values"), (["x" * 256], "invalid_value"),
                          ([""], "invalid_value"), (["\x1f"], "invalid_value"), (["\x7f"], "invalid_value"), (["a\u0000b"], "malformed_json"),
                          ([1], "invalid_value"), ([None], "invalid_value"), ([["a"]], "invalid_value"), ({}, "invalid_value")):
        check(txtd, account, "PUT", "/values", {"values": values}, 400, error)
    check(txtd, account, "GET", "", None, 200, says=has(most))

    issuers = ["ca%d.example; accounturi=https://ca%d.example/" % (number, number) for number in range(8)]
    eight = [issuer + "x" * (126 - len(issuer)) for issuer in issuers]  # 8 x (126 + 2) = 1024
    one = issuers[0] + "x" * (1022 - len(issuers[0]))
    check(txtd, account, "PUT", "/persistent", {"values": eight}, 200, says=has(eight, "persistent"))
    check(txtd, account, "PUT", "/persistent", {"values": eight[:7] + [eight[7] + "x"]}, 400, "too_many_values")
    check(txtd, account, "PUT", "/persistent", {"values": issuers + ["ca8.example"]}, 400, "too_many_values")
    check(txtd, account, "PUT", "/persistent", {"values": [one + "x"]}, 400, "too_many_values")
    check(txtd, account, "GET", "", None, 200, says=has(eight, "persistent"))
    check(txtd, account, "PUT", "/persistent", {"values": [one]}, 200, says=has([one], "persistent"))
    check(txtd, account, "GET", "", None, 200, says=has(most))
    joined = [line.replace('" "', "") for line in dig_tcp(txtd, account["fulldomain"])]
    if one not in joined or len(joined) != 17:
        raise Failure("DNS has not the longest persistent value beside 16 others: %s" % joined)


def check_keys(txtd):
    account = register(txtd)
    for _ in range(3):
        check(txtd, account, "POST", "/keys", None, 201)
    check(txtd, account, "POST", "/keys", None, 409, "too_many_keys")
    for key_id in ("0", "-1", "01", "5", "4294967296", "18446744073709551617", "1x", "%31%32%33%34%35%36%37%38%39%30%31%32%33", "%00",
                   "%", "%zz"):
        check(txtd, account, "DELETE", "/keys/" + key_id, None, 404)
    check(txtd, account, "GET", "", None, 200, says=lambda got: [key["key_id"] for key in got["keys"]] == [1, 2, 3, 4])


def check_bodies(txtd):
    """Length, and what is no JSON or no such object."""
    account = register(txtd, {"slots": 3})
    for method, tail, body in (("PATCH", "", '{"note":"n"}'), ("PUT", "/values", '{"values":["v"]}'),
                               ("PUT", "/persistent", '{"values":["ca.example"]}')):
        check(txtd, account, method, tail, body.ljust(BODY_MAX), 200)
        check(txtd, account, method, tail, body.ljust(BODY_MAX + 1), 413)
        for broken in ("", " ", "null", "[]", "1", '"x"', body[:-1], body + "}", "[" * 5000, '{"a":' * 3000, body[:-1] + ",}",
                       '{"note":"a","note":"b"}', '{"values":[],"values":[]}', b'{"note":"\xff"}', b'{"values":["\xc3("]}',
                       b"\xef\xbb\xbf{}", '{"values":[NaN]}', '{"values":[1e999]}'):
            check(txtd, account, method, tail, broken, 400, "malformed_json")
        for other in ('{"Note":"a"}', '{"VALUES":[]}', '{"x":1}', '{"":1}'):
            check(txtd, account, method, tail, other, 400, "unknown_member")
    status, _, answer = call(txtd, "POST", DELEGATES, None, "{}".ljust(BODY_MAX + 1))
    if status != 413:
        raise Failure("a registration that is too long: %d %s" % (status, answer))
    check(txtd, account, "GET", "", None, 200, says=lambda got: got["note"] == "n" and got["persistent"] == ["ca.example"])


def check_paths(txtd):
    """Identifiers that are none, tags that are none, questions at their bounds."""
    account = register(txtd)
    for wrong in ("x", "0" * 36, account["id"][:-1], account["id"] + "0", "%2e%2e", "%00", account["id"].replace("-", "")):
        status, _, answer = call(txtd, "GET", DELEGATES + "/" + wrong, account["pair"])
        if status != 401:
            raise Failure("GET of the delegate %s: %d %s" % (wrong, status, answer))
        status, _, answer = call(txtd, "GET", DELEGATES + "/" + wrong, BEARER)
        if status != 404:
            raise Failure("GET of the delegate %s by the operator: %d %s" % (wrong, status, answer))
    for tag, wanted in (('"1"', 200), ("*", 200), ('"1"', 412), ('"18446744073709551615"', 412), ('"99999999999999999999999"', 412),
                        ('W/"3"', 412), ("3", 412), ('""', 412), ('"x"', 412), ('"3"', 200),
                        ('"1", "4"', 200), ('W/"5", "5x", "5"', 200), ('W/"6"', 412), ('"x,y" ,\t"6"', 200), ('"1", "2"', 412),
                        ("1, 7", 412), ('"1" "', 412), ('W/', 412), ('"', 412), (", ,", 412), ('"1",' * 15 + '"7"', 200),
                        ('"8"x', 412), ('"8" x', 412), ('"08"', 412), ('"1""8"', 412), ('"8""1"', 412), ('*, "8"', 412),
                        ('"8", x', 412), ('"8", *', 412), ('"8" ,, \t', 200)):
        status, _, answer = call(txtd, "PATCH", DELEGATES + "/" + account["id"], dict(account["pair"], **{"If-Match": tag}),
                                 {"note": tag})
        if status != wanted:
            raise Failure("If-Match %s: %d %s, not %d" % (tag, status, answer, wanted))
    for lines, wanted in ((('"1"', '"9"'), 200), (('"10"', '"1"x'), 412), (('"1"', "*"), 412), (('"1"', '"2"'), 412)):
        octets = ("DELETE %s/%s HTTP/1.1\r\nHost: x\r\nX-Api-User: %s\r\nX-Api-Key: %s\r\n%s\r\n" % (
            DELEGATES + "/" + account["id"], "values/none" if wanted == 412 else "keys/9", account["pair"]["X-Api-User"],
            account["pair"]["X-Api-Key"], "".join("If-Match: %s\r\n" % line for line in lines))).encode()
        status = txtd.exchange(octets, "DELETE")[0]
        if status != (412 if wanted == 412 else 404):
            raise Failure("If-Match on lines of its own, %s: %d" % (lines, status))
    longest = ".".join(("a" * 63, "b" * 63, "c" * 63, "d" * 61))  # 253 characters
    for query, wanted in (("domain=" + longest, 400), ("domain=x" + longest, 400),
                          ("domain=" + longest[20:], 200), ("domain=" + longest[19:], 400), ("domain=" + "a" * 63, 200),
                          ("domain=" + "a" * 64, 400), ("domain=a.test&account_url=https://" + "x" * 1016, 200),
                          ("domain=a.test&account_url=https://" + "x" * 1017, 400),
                          ("domain=a.test&issuer=" + longest, 200), ("domain=a.test&issuer=x" + longest, 400)):
        status, _, answer = call(txtd, "GET", DELEGATES + "/" + account["id"] + "/setup?" + query, account["pair"])
        if status != wanted:
            raise Failure("setup?%.60s (%d characters): %d %s, not %d" % (query, len(query), status, answer, wanted))


def check_lists(txtd):
    """A question that does not fit or is badly encoded must not pass for one that was not asked: a cursor would begin again."""
    for name, most in (("limit", "256"), ("zone", service.ZONE), ("disabled", "false"), ("disabled", "true")):
        if call(txtd, "GET", DELEGATES + "?%s=%s" % (name, most), BEARER)[0] != 200:
            raise Failure("the list with %s=%s is refused" % (name, most))
    for name, error in (("limit", "invalid_limit"), ("cursor", "invalid_cursor"), ("zone", "unknown_zone"),
                        ("disabled", "invalid_disabled")):
        for value in ("", "x", "1" * 300, "%", "%2", "%zz", "%00", "true%00", "18446744073709551617"):
            status, _, answer = call(txtd, "GET", DELEGATES + "?%s=%s" % (name, value), BEARER)
            if (status, answer.get("error")) != (400, error):
                raise Failure("the list with %s=%.30s: %d %s, not 400 %s" % (name, value, status, str(answer)[:200], error))


def check_retry(what, headers):
    if not 1 <= int(headers["Retry-After"]) <= RETRY_MAX_S:
        raise Failure("Retry-After of %s is %s" % (what, headers["Retry-After"]))


def check_prefixes(directory, program):
    """A client's allowance is an IPv4 address's or an IPv6 /64's; the operator has no bound."""
    limits = dict(service.NO_LIMITS, registrations_per_minute=2)
    api = {"limits": limits, "trusted_proxies": ["127.0.0.1/32"], "operator_tokens_file": operator_file(directory)}
    with service.Txtd(program, directory, api=api) as txtd:
        for clients, path in ((("192.0.2.1", "192.0.2.1", "192.0.2.1"), DELEGATES),
                              (("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::3"), DELEGATES),
                              (("192.0.2.2", "192.0.2.2", "192.0.2.2"), "/register")):
            answers = [call(txtd, "POST", path, {"X-Forwarded-For": client}) for client in clients]
            if [status for status, _, _ in answers] != [201, 201, 429]:
                raise Failure("registrations from %s: %s" % (clients, [status for status, _, _ in answers]))
            check_retry("a client's limit", answers[2][1])
        for other in ("192.0.2.3", "2001:db8:1:3::1"):
            if call(txtd, "POST", DELEGATES, {"X-Forwarded-For": other})[0] != 201:
                raise Failure("a registration from %s pays for others" % other)
        if call(txtd, "POST", DELEGATES, dict(BEARER, **{"X-Forwarded-For": "192.0.2.1"}))[0] != 201:
            raise Failure("the operator is limited")


def check_network(txtd, what, client, multiple, refusals):
    """Each client asks once, until so many are refused. A slow machine gets as many more as the time it takes refills."""
    statuses = []
    begin = time.monotonic()
    while statuses.count(429) < refusals and len(statuses) < 250:
        status, headers, _ = call(txtd, "POST", DELEGATES, {"X-Forwarded-For": client % len(statuses)})
        statuses.append(status)
    refilled = int((time.monotonic() - begin + 0.1) * multiple / 60)
    taken = statuses.count(201)
    if statuses[:multiple] != [201] * multiple or taken + refusals != len(statuses) or taken > multiple + refilled:
        raise Failure("registrations from %s, with %d refilled: %s" % (what, refilled, statuses))
    check_retry("a network's limit", headers)


def check_networks(directory, program):
    """Who has many addresses gets a multiple of one client's limit, by each wider prefix."""
    limits = dict(service.NO_LIMITS, registrations_per_minute=1)
    with service.Txtd(program, directory, api={"limits": limits, "trusted_proxies": ["127.0.0.1/32"]}) as txtd:
        for what, client, multiple, refusals in (("an IPv4 /24", "192.0.2.%d", 32, 8), ("an IPv6 /56", "2001:db8:1:%x::1", 4, 2),
                                                 ("an IPv6 /48", "2001:db8:2:%x00::1", 8, 2)):
            check_network(txtd, what, client, multiple, refusals)
        if call(txtd, "POST", DELEGATES, {"X-Forwarded-For": "192.0.3.1"})[0] != 201:
            raise Failure("another network pays")
        expect_metric(txtd, 'txtd_limits_reached_total{limit="registrations_network"}', 8 + 2 + 2)


def expect_metric(txtd, name, value):
    if "\n%s %d\n" % (name, value) not in txtd.get_internal("/metrics")[1]:
        raise Failure("%s is not %d" % (name, value))


def check_full(directory, program):
    """As many delegates as there may be: 503 with a word of its own, whoever asks; a deletion makes room."""
    api = {"limits": dict(service.NO_LIMITS, delegates=2), "operator_tokens_file": operator_file(directory)}
    with service.Txtd(program, directory, api=api) as txtd:
        first = register(txtd)
        register(txtd)
        for path, headers in ((DELEGATES, None), ("/register", None), (DELEGATES, BEARER)):
            status, headers, answer = call(txtd, "POST", path, headers)
            if (status, answer.get("error")) != (503, "full") or "Retry-After" not in headers:
                raise Failure("one delegate too many at %s: %d %s" % (path, status, answer))
        check(txtd, first, "PUT", "/values", {"values": ["v"]}, 200)
        check(txtd, first, "DELETE", "", None, 204)
        register(txtd)
        expect_metric(txtd, 'txtd_limits_reached_total{limit="delegates"}', 3)
        expect_metric(txtd, 'txtd_refusals_total{reason="full"}', 3)
        expect_metric(txtd, "txtd_delegates_max", 2)


def check_total(directory, program):
    """All clients together; each asks once only."""
    limits = dict(service.NO_LIMITS, registrations_per_second_total=1)
    with service.Txtd(program, directory, api={"limits": limits, "trusted_proxies": ["127.0.0.1/32"]}) as txtd:
        deadline = time.monotonic() + 60
        number = taken = refused = 0
        while (refused == 0 or taken < 2) and time.monotonic() < deadline:
            number += 1
            status, headers, answer = call(txtd, "POST", DELEGATES, {"X-Forwarded-For": "198.51.100.%d" % (number % 250)})
            if status == 429:
                refused += 1
                check_retry("the limit of all together", headers)
                time.sleep(int(headers["Retry-After"]))  # as it asks; then there is a place again
            elif status == 201:
                taken += 1
            else:
                raise Failure("a registration: %d %s" % (status, answer))
        if refused == 0 or taken < 2:
            raise Failure("with one a second for all, %d of %d were refused" % (refused, number))


def operator_file(directory):
    path = os.path.join(directory, "operators")
    with open(path, "w", encoding="ascii") as file:
        file.write(OPERATOR + "\n")
    return path


def main(directory, program, _txtctl):
    places = [os.path.join(directory, name) for name in ("open", "prefix", "total", "networks", "full")]
    for place in places:
        os.mkdir(place)
    with service.Txtd(program, places[0], api={"operator_tokens_file": operator_file(places[0])}) as txtd:
        check_settings(txtd)
        check_values(txtd)
        check_keys(txtd)
        check_bodies(txtd)
        check_paths(txtd)
        check_lists(txtd)
    check_prefixes(places[1], program)
    check_total(places[2], program)
    check_networks(places[3], program)
    check_full(places[4], program)
    print("ok: the bounds of the native API")


if __name__ == "__main__":
    service.run(main)
