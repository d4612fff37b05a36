#!/usr/bin/python3
"""Delegates that nobody ever used are deleted when the operator says so, by SIGHUP as well; whatever was used in any way stays.

    test_expiry.py TXTD TXTCTL
"""
import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
from service import Failure  # noqa: E402

OPERATOR = "operator-token-0123456789"
BEARER = {"Authorization": "Bearer " + OPERATOR}
DELEGATES = "/api/v1/delegates"
WAIT_S = 60


def call(txtd, method, path, headers=None, body=None):
    connection = txtd.connect()
    connection.request(method, path, None if body is None else json.dumps(body), headers or {})
    response = connection.getresponse()
    octets = response.read()
    connection.close()
    return response.status, json.loads(octets) if octets else None


def expect(txtd, status, method, tail, account, headers=None, body=None):
    got, answer = call(txtd, method, DELEGATES + "/" + account["id"] + tail, headers or account["pair"], body)
    if got != status:
        raise Failure("%s %s: %d %s, not %d" % (method, tail, got, answer, status))


def register(txtd):
    status, account = call(txtd, "POST", DELEGATES)
    if status != 201:
        raise Failure("registration was answered %d %s" % (status, account))
    account["pair"] = {"X-Api-User": account["username"], "X-Api-Key": account["key"]}
    return account


def listed(txtd):
    return {item["id"] for item in call(txtd, "GET", DELEGATES, BEARER)[1]["delegates"]}


def reload(txtd, period):
    with open(txtd.config, encoding="ascii") as file:
        sections = json.load(file)
    sections["api"]["expire_unused"] = period
    with open(txtd.config, "w", encoding="ascii") as file:
        json.dump(sections, file)
    before = txtd.text().count("event=reload.end")
    txtd.process.send_signal(signal.SIGHUP)
    wait("the reload", lambda: txtd.text().count("event=reload.end") > before)


def wait(what, condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise Failure("timed out waiting for " + what)
        time.sleep(0.05)


def main(directory, program, _txtctl):
    audit, operators = os.path.join(directory, "audit.json"), os.path.join(directory, "operators")
    with open(operators, "w", encoding="ascii") as file:
        file.write(OPERATOR + "\n")
    with service.Txtd(program, directory, log={"audit_file": audit}, api={"operator_tokens_file": operators}) as txtd:
        unused = [register(txtd) for _ in range(3)]
        used = [register(txtd) for _ in range(5)]
        expect(txtd, 200, "PUT", "/values", used[0], body={"values": ["v" * 43]})
        expect(txtd, 200, "PATCH", "", used[1], body={"note": "mine"})
        expect(txtd, 201, "POST", "/keys", used[2])
        expect(txtd, 200, "PUT", "/persistent", used[3], body={"values": ["ca.example"]})
        expect(txtd, 200, "POST", "/disable", used[4], BEARER)

        reload(txtd, "300d")
        reload(txtd, "1s")
        wait("the expiry", lambda: not listed(txtd) & {account["id"] for account in unused})
        reload(txtd, "0")
        late = register(txtd)
        if listed(txtd) != {account["id"] for account in used + [late]}:
            raise Failure("listed are %s" % listed(txtd))
        for account in unused:
            expect(txtd, 401, "GET", "", account)
            expect(txtd, 401, "PUT", "/values", account, body={"values": ["v"]})
            expect(txtd, 404, "GET", "", account, BEARER)
        if txtd.dig(used[0]["fulldomain"]) != ["v" * 43]:
            raise Failure("a value that was in use is gone")
        txtd.stop()
        with open(audit, encoding="ascii") as file:
            lines = [json.loads(line) for line in file]
        expired = [(line["delegate"], line["by"], line["client"]) for line in lines if line["event"] == "delegate.expired"]
        if sorted(expired) != sorted((account["id"], "txtd", "") for account in unused):
            raise Failure("the audit log has %s" % expired)
        txtd.start()
        if listed(txtd) != {account["id"] for account in used + [late]}:
            raise Failure("listed are %s after a restart" % listed(txtd))
    print("ok: what was never used goes, the rest stays")


if __name__ == "__main__":
    service.run(main)
