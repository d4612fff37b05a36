#!/usr/bin/python3
"""The two newest distinct values are served, by order of commit: four updates inside one second, repeats, updates that
arrive together; each looked up by dig as soon as it was answered 200.

    test_rotation.py TXTD TXTCTL
"""
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

ROUNDS = 20


def value(name):
    return (name + "_" * 43)[:43]


def expect(what, got, wanted):
    if got != wanted:
        raise service.Failure("%s: served are %s, not %s" % (what, got, wanted))


def change(connection, account, name):
    status, text = service.update(connection, account, value(name))
    if (status, text) != (200, '{"txt":"%s"}' % value(name)):
        raise service.Failure("update to %s was answered %d %s" % (name, status, text))


def check_sequence(txtd, slots, sequence):
    """Updates one after the other; after each, what is served must be the newest distinct ones in order."""
    account = txtd.register()
    connection = txtd.connect()
    expect("a new delegate", txtd.dig(account["fulldomain"]), [])
    wanted = []
    for name in sequence:
        change(connection, account, name)
        wanted = [other for other in wanted if other != value(name)] + [value(name)]
        wanted = wanted[-slots:]
        expect("after %s of %s" % (name, sequence), sorted(txtd.dig(account["fulldomain"])), sorted(wanted))
    connection.close()


def check_one_second(txtd):
    """Without a look between them: four within one second of the clock."""
    account = txtd.register()
    connection = txtd.connect()
    change(connection, account, "warm")
    for _ in range(10):
        time.sleep(1 - time.time() % 1)
        begin = int(time.time())
        for name in ("a", "b", "c", "d"):
            change(connection, account, name)
        if int(time.time()) == begin:
            expect("four in one second", sorted(txtd.dig(account["fulldomain"])), [value("c"), value("d")])
            change(connection, account, "c")
            change(connection, account, "e")
            expect("a repeat, then another", sorted(txtd.dig(account["fulldomain"])), [value("c"), value("e")])
            connection.close()
            return
    raise service.Failure("four updates never fell into one second")


def check_together(txtd):
    """Apex and wildcard at once, over two connections: both must be there, every time."""
    account = txtd.register()
    connections = [txtd.connect(), txtd.connect()]
    for number in range(ROUNDS):
        names = ["apex%d" % number, "wildcard%d" % number]
        gate = threading.Barrier(2)
        failures = []

        def send(index, names=names, gate=gate, failures=failures):
            gate.wait()
            try:
                change(connections[index], account, names[index])
            except (service.Failure, OSError) as failure:
                failures.append(failure)

        threads = [threading.Thread(target=send, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise service.Failure(str(failures))
        expect("two at once", sorted(txtd.dig(account["fulldomain"])), sorted(map(value, names)))
    for connection in connections:
        connection.close()


def check_case(txtd):
    account = txtd.register()
    connection = txtd.connect()
    change(connection, account, "a")
    expect("the name in upper case", txtd.dig(account["fulldomain"].upper()), [value("a")])
    expect("a name below", txtd.dig("x." + account["fulldomain"]), [])
    connection.close()


def check_restart(txtd):
    account = txtd.register()
    connection = txtd.connect()
    for name in ("a", "b", "c", "b"):
        change(connection, account, name)
    connection.close()
    before = txtd.dig(account["fulldomain"])
    txtd.stop()
    txtd.start()
    expect("after a restart", txtd.dig(account["fulldomain"]), before)
    connection = txtd.connect()
    change(connection, account, "d")
    connection.close()
    expect("which was the newest is known after a restart", sorted(txtd.dig(account["fulldomain"])),
           [value("b"), value("d")])


def check_expiry(program, directory):
    """value_expiry: served so long after the last update, and an update does not bring back what has expired."""
    zone = {"name": service.ZONE, "nameservers": [{"name": "ns1." + service.ZONE, "addresses": ["127.0.0.1"]}],
            "value_expiry": "2s", "slots": 3}
    with service.Txtd(program, directory, zones=[zone]) as txtd:
        check_sequence(txtd, 3, "abcda")
        account = txtd.register()
        connection = txtd.connect()
        change(connection, account, "a")
        expect("before its time is over", txtd.dig(account["fulldomain"]), [value("a")])
        deadline = time.monotonic() + 10
        while txtd.dig(account["fulldomain"]):
            if time.monotonic() > deadline:
                raise service.Failure("a value that lives 2 s is there after 10 s")
            time.sleep(0.1)
        change(connection, account, "b")
        expect("after its time was over", txtd.dig(account["fulldomain"]), [value("b")])
        connection.close()
        txtd.stop()


def main(directory, program, _txtctl):
    with service.Txtd(program, directory) as txtd:
        check_sequence(txtd, 2, "aabacbbdaa")
        check_one_second(txtd)
        check_together(txtd)
        check_case(txtd)
        check_restart(txtd)
        txtd.stop()
    other = os.path.join(directory, "expiry")
    os.mkdir(other)
    check_expiry(program, other)


if __name__ == "__main__":
    service.run(main)
