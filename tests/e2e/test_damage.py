#!/usr/bin/python3
"""A store whose tables are damaged: what is read of it at the start is refused with the file's name; what is read later costs
the changes that need it, the log names the file, /health says so, and DNS goes on.

    test_damage.py TXTD TXTCTL
"""
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

ACCOUNTS = 20


def value(name):
    return (name + "_" * 43)[:43]


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        octet = file.read(1)[0]
        file.seek(at)
        file.write(bytes([octet ^ 0xff]))


def table_of(store, family):
    """The first table of a column family: each names its family."""
    for name in sorted(os.listdir(store)):
        if name.endswith(".sst"):
            with open(os.path.join(store, name), "rb") as file:
                if family.encode() in file.read():
                    return name
    raise service.Failure("no table of the %s" % family)


def wait(what, is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > deadline:
            raise service.Failure("still not: " + what)
        time.sleep(0.1)


def damaged_accounts(txtd, store, accounts):
    table = table_of(store, "accounts")
    flip(os.path.join(store, table), 40)
    txtd.start()
    for number, account in enumerate(accounts):
        if txtd.dig(account["fulldomain"]) != [value("v%d" % number)]:
            raise service.Failure("DNS does not go on")
    connection = txtd.connect()
    statuses = {service.update(connection, account, value("new"))[0] for account in accounts}
    connection.close()
    if statuses != {503}:
        raise service.Failure("updates were answered %s" % statuses)
    wait("a line that names the file", lambda: any(
        "event=store.corrupt" in line and table in line for line in txtd.text().splitlines()))
    wait("/health to tell", lambda: txtd.get_internal("/health")[0] == 503)
    if "\ntxtd_store_damaged 1\n" not in txtd.get_internal("/metrics")[1]:
        raise service.Failure("/metrics does not say that the store is damaged")
    if "damaged" not in txtd.get_internal("/health")[1] or txtd.get_internal("/readyz")[0] != 200:
        raise service.Failure("/health says %s, /readyz %s" % (txtd.get_internal("/health"), txtd.get_internal("/readyz")))
    if txtd.text().count("event=store.corrupt") != 1:
        raise service.Failure("the same again and again: " + txtd.text())
    txtd.kill()


def refused_start(txtd, words):
    try:
        txtd.start()
    except service.Failure:
        for word in words:
            if word not in txtd.text():
                raise service.Failure("the refusal does not say %s: %s" % (word, txtd.text())) from None
        return
    raise service.Failure("txtd starts with a damaged store")


def main(directory, program, _):
    store = os.path.join(directory, "state", "store")
    good = os.path.join(directory, "good")
    with service.Txtd(program, directory) as txtd:
        accounts = [txtd.register() for _ in range(ACCOUNTS)]
        connection = txtd.connect()
        for number, account in enumerate(accounts):
            service.update(connection, account, value("v%d" % number))
        connection.close()
        txtd.stop()
        shutil.copytree(store, good)
        damaged_accounts(txtd, store, accounts)

        for damage in ("lost", "flipped"):
            shutil.rmtree(store)
            shutil.copytree(good, store)
            table = table_of(store, "delegates")
            if damage == "lost":
                os.unlink(os.path.join(store, table))
            else:
                flip(os.path.join(store, table), 40)
            for _ in range(8):
                refused_start(txtd, [table, "restore the store"])
            if len([name for name in os.listdir(store) if name.startswith("LOG")]) > 3:
                raise service.Failure("each start that fails leaves a file: %s" % sorted(os.listdir(store)))
    print("ok: damage")


if __name__ == "__main__":
    service.run(main)
