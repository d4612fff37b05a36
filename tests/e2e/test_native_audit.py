#!/usr/bin/python3
"""The audit log of the native API: each change is one line, with who made it, and no refused one is; no secret stands in it.

    test_native_audit.py TXTD TXTCTL
"""
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
from service import Failure  # noqa: E402

OPERATOR = "operator-token-0123456789"
BEARER = {"Authorization": "Bearer " + OPERATOR}
DELEGATES = "/api/v1/delegates"


def call(connection, method, path, headers, body, status):
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    octets = response.read()
    if response.status != status:
        raise Failure("%s %s %s: %d %s, not %d" % (method, path, body, response.status, octets, status))
    return json.loads(octets) if octets else None


def main(directory, program, _txtctl):
    audit = os.path.join(directory, "audit.json")
    operators = os.path.join(directory, "operators")
    with open(operators, "w", encoding="ascii") as file:
        file.write(OPERATOR + "\n")
    with service.Txtd(program, directory, log={"audit_file": audit}, api={"operator_tokens_file": operators}) as txtd:
        connection = txtd.connect()
        account = call(connection, "POST", DELEGATES, {}, {"note": "a secret of the customer's"}, 201)
        path = DELEGATES + "/" + account["id"]
        pair = {"X-Api-User": account["username"], "X-Api-Key": account["key"]}
        keys = [account["key"]]
        # method, what is called, by whom, body, status; then the line: event, key_id, subject, what was changed. None: there must
        # be no line.
        table = (
            ("PATCH", "", pair, {"note": "n"}, 200, ("delegate.changed", 1, 0, ("settings", "note"))),
            ("PATCH", "", pair, {"note": "m", "allowfrom": ["127.0.0.0/8", "::1/128"]}, 200,
             ("delegate.changed", 1, 0, ("settings", "allowfrom 127.0.0.0/8 ::1/128, note"))),
            ("PATCH", "", pair, {"allowfrom": []}, 200, ("delegate.changed", 1, 0, ("settings", "allowfrom everywhere"))),
            ("PATCH", "", pair, {"note": 1}, 400, None),
            ("PATCH", "", BEARER, {"allowfrom": ["::1/128"]}, 200, ("delegate.changed", 0, 0, ("settings", "allowfrom ::1/128"))),
            ("PUT", "/values", pair, {"values": ["a"]}, 401, None),
            ("PATCH", "", BEARER, {"allowfrom": [], "note": "the operator's"}, 400, None),
            ("PATCH", "", dict(BEARER, Authorization="Bearer wrong-token-0123456789"), {"allowfrom": []}, 401, None),
            ("PATCH", "", BEARER, {"allowfrom": []}, 200, ("delegate.changed", 0, 0, ("settings", "allowfrom everywhere"))),
            ("PUT", "/values", pair, {"values": ["a", "b"]}, 200, ("delegate.values_set", 1, 2, ("values", '"a" "b"'))),
            ("PUT", "/values", pair, {"values": ['"' * 255, "b"]}, 200,
             ("delegate.values_set", 1, 2, ("values", '"' + '\\"' * 255 + '" "b"'))),
            ("PUT", "/values", pair, {"values": ["a", "b"]}, 200, ("delegate.values_set", 1, 2, ("values", '"a" "b"'))),
            ("PUT", "/values", pair, {"values": ["a", "b", "c"]}, 400, None),
            ("PUT", "/values", dict(pair, **{"If-Match": '"1"'}), {"values": []}, 412, None),
            ("DELETE", "/values/a", pair, None, 200, ("delegate.value_removed", 1, 0, ("value", "a"))),
            ("DELETE", "/values/a", pair, None, 404, None),
            ("DELETE", "/values", pair, None, 200, ("delegate.values_set", 1, 0, ("values", ""))),
            ("PUT", "/persistent", pair, {"values": ["ca.example"]}, 200, ("delegate.persistent_set", 1, 1, ("values", '"ca.example"'))),
            ("POST", "/keys", pair, None, 201, ("key.added", 1, 2)),
            ("DELETE", "/keys/9", pair, None, 404, None),
            ("POST", "/disable", BEARER, None, 200, ("delegate.disabled", 0, 0)),
            ("PUT", "/values", pair, {"values": ["a"]}, 401, None),
            ("POST", "/disable", pair, None, 401, None),
            ("POST", "/enable", BEARER, None, 200, ("delegate.enabled", 0, 0)),
            ("GET", "", pair, None, 200, None),
            ("GET", "/history", BEARER, None, 200, None),
            ("DELETE", "/keys/2", pair, None, 204, ("key.revoked", 1, 2)),
            ("DELETE", "/keys/1", pair, None, 409, None),
            ("DELETE", "", dict(pair, **{"X-Api-Key": "x" * 40}), None, 401, None),
            ("DELETE", "", pair, None, 204, ("delegate.deleted", 1, 0)),
            ("DELETE", "", pair, None, 401, None),
        )
        expected = [("delegate.registered", 1, None, "anyone", "allowfrom everywhere")]
        for method, tail, headers, body, status, line in table:
            answer = call(connection, method, path + tail, headers, body, status)
            if tail == "/keys" and status == 201:
                keys.append(answer["key"])
            if line is not None:
                expected.append((line[0], line[1], line[2], "operator" if headers is BEARER else "account",
                                 line[3][1] if len(line) > 3 else None))
        connection.close()
        txtd.stop()  # which writes what waits
        with open(audit, encoding="ascii") as file:
            text = file.read()
        lines = [json.loads(line) for line in text.splitlines()]
        got = [(line["event"], line["key_id"], line.get("subject"), line.get("by"),
                line.get("settings", line.get("values", line.get("value")))) for line in lines]
        if got != expected:
            raise Failure("the audit log has %s, not %s" % (got, expected))
        for line in lines:
            if (line["delegate"], line["zone"], line["client"]) != (account["id"], service.ZONE, "127.0.0.1"):
                raise Failure("a line does not say what and from where: %s" % line)
            if line["by"] == "operator" and line["token"] != hashlib.sha256(OPERATOR.encode()).hexdigest()[:8]:
                raise Failure("a line does not say by which token: %s" % line)
            if line["by"] != "operator" and line["account"] != account["username"]:
                raise Failure("a line does not say whose: %s" % line)
        revisions = [line["revision"] for line in lines]
        if revisions != sorted(set(revisions)):
            raise Failure("the revisions are %s" % revisions)
        for secret in keys + [OPERATOR]:
            if secret in text or secret in txtd.text():
                raise Failure("a secret is in a log")
    print("ok: every change of the native API is in the audit log")


if __name__ == "__main__":
    service.run(main)
