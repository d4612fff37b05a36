#!/usr/bin/python3
"""The behaviour tables, row by row, over UDP and TCP, IPv4 and IPv6; every answer is decoded by dnspython. First with the
defaults, then with every option of the zone and of DNS the other way."""

import os
import uuid

import cookies
from harness import ADDRESS, APEX, COOKIE_SECRET, Delegates, Failure, HERE, Txtd, exchange, run
from messages import Query, check_answer, read_table

TABLES = ("compliance.table", "names.table", "messages.table")
OPTIONS_TABLE = "options.table"
NEW_SECRET = "00112233445566778899aabbccddeeff"
DROP_WAIT_S = 0.15


def variables(delegates):
    live1, live2, idle = (delegates.of(count)[0] for count in (1, 2, 0))
    return {
        "live1": live1, "live2": live2, "idle": idle, "unknown": str(uuid.UUID(int=1, version=4)),
        "live1_upper": live1.upper(), "live1_bare": live1.replace("-", ""), "live1_short": live1[:-1],
        "live1_wrong": live1[:-1] + "g",
        "value": delegates.values[live1][0],
        "value_a": delegates.values[live2][0], "value_b": delegates.values[live2][1],
    }


def run_table(scene, table, names):
    failures = asked = 0
    for row in read_table(os.path.join(HERE, table), names):
        for transport in row.transports():
            asked += 1
            query = Query(row, ADDRESS[transport])
            dropped = row.expect[0][0] == "drop"
            wire = exchange(transport, ADDRESS[transport], query.wire, DROP_WAIT_S if dropped else 2)
            try:
                check_answer(row, query, wire, transport)
            except Failure as failure:
                failures += 1
                print("%s %s over %s: %s" % (row.where, row.name, transport, failure))
            scene.check_alive("txtd")
    print("%s: %d queries, %d failures" % (table, asked, failures))
    return failures


def alias_to_delegate(scene, txtd, delegates):
    """A CNAME to a delegate can only be written once the delegate's name is known; a reload brings it in."""
    with open(scene.path("auth.zone"), encoding="ascii") as file:
        text = file.read()
    line = "\nalias-delegate CNAME %s\n" % delegates.of(1)[0]
    txtd.reload("auth.zone", text + line, lambda: not is_nxdomain("alias-delegate." + APEX))


def is_nxdomain(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    answer = exchange("udp4", ADDRESS["udp4"], b"\1\1\0\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1")
    return answer is None or answer[3] & 15 == 3


def check_tables(scene, tables, names):
    failures = sum(run_table(scene, table, names) for table in tables)
    if failures:
        raise Failure("%d rows" % failures)


def test(scene, program):
    cookies.check_vectors()
    txtd = Txtd(scene, program)
    txtd.start()
    delegates = Delegates(txtd, 1)
    alias_to_delegate(scene, txtd, delegates)
    check_tables(scene, TABLES, variables(delegates))
    if scene.stop("txtd") != 0:
        raise Failure("txtd did not end with status 0")
    # The same store again: what was registered and updated is there after the restart.
    options = {"value_ttl": "7s", "delegate_caa": False, "delegate_mail_hardening": True}
    Txtd(scene, program, options, identity="", version="", cookie_secrets=[NEW_SECRET, COOKIE_SECRET]).start()
    check_tables(scene, [OPTIONS_TABLE], {**variables(delegates), "new_secret": NEW_SECRET})


if __name__ == "__main__":
    run(test)
