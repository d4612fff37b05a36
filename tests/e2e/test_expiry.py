#!/usr/bin/python3
"""Use is counted and told; a delegate that nobody has used for 100 days is deleted, one that was asked for over DNS is not.

    test_expiry.py TXTD TXTCTL

The 100 days are the clock shim's. A clock that is wrong at the start is put right within the hour, so before that nothing is
deleted; txtd_impatient waits for a second only.
"""
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

DAY_S = 86400


def status_of(txtd, account):
    connection = txtd.connect()
    connection.request("GET", "/api/v1/delegates/" + account["subdomain"], None,
                       {"X-Api-User": account["username"], "X-Api-Key": account["password"]})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def wait(what, is_so):
    deadline = time.monotonic() + 30
    while not is_so():
        if time.monotonic() > deadline:
            raise service.Failure("still not: " + what)
        time.sleep(0.1)


def check_shown(txtd, txtctl, account):
    """When is known to the hour, and txtctl claims no more."""
    credentials = os.path.join(txtd.directory, "credentials.json")
    with open(credentials, "w", encoding="ascii") as file:
        json.dump({"example.com": account}, file)
    shown = subprocess.run([txtctl, "show", "--insecure", "--url", "https://127.0.0.1:%d" % txtd.api_port, "--credentials", credentials],
                           capture_output=True, text=True, check=True).stdout
    if not re.search(r"^  asked for  \d+ times, last in the hour of 20[0-9T:-]+:00:00Z$", shown, re.M):
        raise service.Failure("txtctl show: " + shown)


def idle(directory, impatient, clock, asked, updated):
    """On day 450: one was asked for on day 0, the other updated on day 100; 400 days are the least there is."""
    clock.set_ahead(450 * DAY_S)
    with service.Txtd(impatient, directory, clock.environment, api={"expire_idle": "400d"}) as txtd:
        wait("the end of the pass", lambda: "event=expiry.end" in txtd.text())
        if (status_of(txtd, asked)[0], status_of(txtd, updated)[0]) != (401, 200):
            raise service.Failure("idle: %s, %s" % (status_of(txtd, asked), status_of(txtd, updated)))
        txtd.stop()


def main(directory, program, txtctl):
    clock = service.Clock(directory, txtctl)
    impatient = os.path.join(service.build_of(txtctl), "tests", "e2e", "txtd_impatient")
    with service.Txtd(program, directory, clock.environment) as txtd:
        unused, asked, updated = (txtd.register() for _ in range(3))
        for _ in range(3):
            txtd.dig(asked["fulldomain"])
        txtd.dig("_dmarc." + unused["fulldomain"])  # another name
        connection = txtd.connect()
        service.update(connection, updated, "v" * 43)
        connection.close()
        wait("three queries are counted", lambda: status_of(txtd, asked)[1]["asked_count"] >= 3)
        if not status_of(txtd, asked)[1]["last_asked_at"].startswith("20"):
            raise service.Failure("no time of the last query")
        if status_of(txtd, unused)[1]["asked_count"] != 0 or status_of(txtd, unused)[1]["last_asked_at"] is not None:
            raise service.Failure("a delegate that nobody asked for: %s" % (status_of(txtd, unused),))
        check_shown(txtd, txtctl, asked)
        txtd.dig(asked["fulldomain"])
        txtd.stop()  # what was counted last is written, too

        txtd.start()
        if status_of(txtd, asked)[1]["asked_count"] < 4:
            raise service.Failure("a count was lost by a stop: %s" % (status_of(txtd, asked),))
        time.sleep(0.5)
        if status_of(txtd, unused)[0] != 200:
            raise service.Failure("a young delegate was deleted")
        txtd.stop()

        clock.set_ahead(100 * DAY_S)
        txtd.start()
        wait("the line about the hour", lambda: "event=expiry.waits for_s=3600" in txtd.text())
        time.sleep(2)
        if status_of(txtd, unused)[0] != 200:
            raise service.Failure("a clock that may be wrong is believed at the start")
        txtd.stop()

        txtd.start(impatient)
        wait("the deletion", lambda: "event=delegate.expired" in txtd.text())
        if unused["subdomain"] not in txtd.text().split("event=delegate.expired", 1)[1].split("\n", 1)[0]:
            raise service.Failure("another delegate was deleted")
        wait("the end of the pass", lambda: "event=expiry.end" in txtd.text())
        for account, wanted in ((unused, 401), (asked, 200), (updated, 200)):
            if status_of(txtd, account)[0] != wanted:
                raise service.Failure("%s is answered %s, not %d" % (account["subdomain"], status_of(txtd, account), wanted))
        if "txtd_delegates_expired_total 1\n" not in txtd.get_internal("/metrics")[1]:
            raise service.Failure("/metrics does not count it")
        connection = txtd.connect()
        service.update(connection, updated, "w" * 43)
        connection.close()
        txtd.stop()
    idle(directory, impatient, clock, asked, updated)
    print("ok: use and expiry")


if __name__ == "__main__":
    service.run(main)
