#!/usr/bin/python3
"""The audit log: one line for every change that was acknowledged, none for those that were not, no secrets; rotation by
renaming and SIGHUP loses nothing.

    test_audit.py TXTD TXTCTL
"""
import json
import os
import signal
import subprocess
import time

from service import Failure, Txtd, ZONE, run, update

VALUES = ["%043d" % number for number in range(5)]


def lines(path):
    with open(path, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def wait(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise Failure("timed out waiting for " + what)
        time.sleep(0.05)


def expect(got, want, what):
    if got != want:
        raise Failure("%s: %r, not %r" % (what, got, want))


def main(directory, txtd_program, txtctl):
    audit = os.path.join(directory, "audit.json")
    socket = os.path.join(directory, "control.sock")
    with Txtd(txtd_program, directory, log={"audit_file": audit},
              process={"control_socket": socket}) as txtd:
        account = txtd.register()
        connection = txtd.connect()
        expect(update(connection, account, VALUES[0])[0], 200, "update")
        wrong = dict(account, password="x" * 40)
        expect(update(connection, wrong, VALUES[1])[0], 401, "update with a wrong key")
        subprocess.run([txtctl, "-S", socket, "acme-hook", "--settle", "0", "--", "begin", "dns-01", "name", "token",
                        VALUES[2]], check=True)
        wait("three lines", lambda: len(lines(audit)) >= 3)

        os.rename(audit, audit + ".1")
        txtd.process.send_signal(signal.SIGHUP)
        wait("the reload", lambda: "event=reload.end" in txtd.text())
        expect(update(connection, account, VALUES[3])[0], 200, "update")
        txtd.stop()

        old, new = lines(audit + ".1"), lines(audit)
        expect([line["event"] for line in old], ["delegate.registered", "delegate.updated", "acme.published"], "events")
        expect([line["event"] for line in new], ["delegate.updated"], "events after the rotation")
        for line, value in ((old[1], VALUES[0]), (new[0], VALUES[3])):
            expect([line[key] for key in ("delegate", "zone", "account", "key_id", "client", "value")],
                   [account["subdomain"], ZONE, account["username"], 1, "127.0.0.1", value], "a line")
        expect(old[2]["uid"], os.getuid(), "who published")
        for path in (audit, audit + ".1"):
            with open(path, encoding="ascii") as file:
                if account["password"] in file.read():
                    raise Failure("the audit log has the key")
            expect(os.stat(path).st_mode & 0o137, 0o000, "who may read and write")
    print("ok: every change, no secret, nothing lost by rotation")


if __name__ == "__main__":
    run(main)
