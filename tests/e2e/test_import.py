#!/usr/bin/python3
"""Moving in from acme-dns: txtctl import acme-dns, of an SQLite file and of PostgreSQL dumps; clients go on with their old keys,
and what is not taken over is said.

    test_import.py TXTD TXTCTL
"""
import concurrent.futures
import json
import os
import re
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import service  # noqa: E402

ZONE = {"name": service.ZONE, "nameservers": [{"name": "ns1." + service.ZONE, "addresses": ["127.0.0.1"]}],
        "value_expiry": 0}
SCHEMA = """
CREATE TABLE acmedns(Name TEXT, Value TEXT);
CREATE TABLE records(Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL, Subdomain TEXT UNIQUE NOT NULL,
                     AllowFrom TEXT);
CREATE TABLE txt(Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT);
"""
# Hashes by a cost of 10, as acme-dns has it.
A = {"username": "aaaaaaaa-4632-44f0-83fe-e070fef28a10", "subdomain": "8e5700ea-a4bf-41c7-8a77-e990661dcc6a",
     "password": "old-key-of-account-A-0123456789_abcdefgh",
     "hash": "$2a$10$abcdefghijklmnopqrstuu6/GFpg47cUveaGG/k1dHl3j.GfFb9cm"}
B = {"username": "bbbbbbbb-0d0f-4c35-b2ba-8d8b1e1e9d11", "subdomain": "5a0e4b0c-7b1c-4d5e-9b6f-2f3c4d5e6f70",
     "password": "old-key-of-account-B-0123456789_abcdefgh",
     "hash": "$2a$10$ABCDEFGHIJKLMNOPQRSTUuDTOlxUoFqqqlSkkXNTTNrKn7pk5r14e"}
C = {"username": "cccccccc-4632-44f0-83fe-e070fef28a10", "subdomain": "c57bbe5e-7d2c-4f5f-8f4f-0f7e0a0e7b11",
     "password": "old-key-of-account-C-0123456789_abcdefgh",
     "hash": "$2a$10$0123456789abcdefghijku/AkCcrh/pGXS81y1aZHxVs9Se0fKv1i"}

D = {"username": "dddddddd-4632-44f0-83fe-e070fef28a10", "subdomain": "d57bbe5e-7d2c-4f5f-8f4f-0f7e0a0e7b11",
     "hash": A["hash"][:-1] + "n"}  # of a key that nobody knows

OPERATOR = "operator-token-0123456789"


def value(name):
    return (name + "_" * 43)[:43]


def expect(what, got, wanted):
    if got != wanted:
        raise service.Failure("%s: %r, not %r" % (what, got, wanted))


def fulldomain(account):
    return account["subdomain"] + "." + service.ZONE


def make_sqlite(path, records, values, version="1"):
    database = sqlite3.connect(path)
    database.executescript(SCHEMA)
    if version is not None:
        database.execute("INSERT INTO acmedns VALUES('db_version', ?)", (version,))
    database.executemany("INSERT INTO records VALUES(?, ?, ?, ?)", records)
    database.executemany("INSERT INTO txt VALUES(?, ?, ?)", values)
    database.commit()
    database.close()


def txtctl_import(program, txtd, source, *options, stdin=None):
    """Returns the exit status and the report, or what was said on standard error."""
    done = subprocess.run([program, "import", "acme-dns", "--json", "-c", txtd.config, *options, source], stdin=stdin,
                          capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.returncode < 2 else done.stderr


def counts(report):
    if isinstance(report, str):
        raise service.Failure(report)
    return [report[name] for name in ("accounts", "imported", "present", "values")]


def make_source(directory):
    source = os.path.join(directory, "acme-dns.db")
    now = int(time.time())
    make_sqlite(source,
                [(A["username"], A["hash"], A["subdomain"], "[]"),
                 (B["username"], B["hash"].encode(), B["subdomain"], '["192.0.2.0/24"]'),
                 (D["username"], D["hash"], D["subdomain"], None),
                 (C["username"].upper(), C["hash"].encode(), C["subdomain"], '["127.0.0.0/8","[2001:db8::1]/64"]')],
                [(A["subdomain"], value("newer"), now - 5), (A["subdomain"], value("older"), now - 10),
                 (B["subdomain"], "", None), (B["subdomain"], "", None), (C["subdomain"], value("only"), now - 7)])
    return source


def check_clients(txtd):
    """The old keys, through the API."""
    expect("values of A", sorted(txtd.dig(fulldomain(A))), [value("newer"), value("older")])
    expect("values of B", txtd.dig(fulldomain(B)), [])
    expect("values of C", txtd.dig(fulldomain(C)), [value("only")])
    connection = txtd.connect()
    wrong = dict(A, password=B["password"])
    expect("a wrong key", service.update(connection, wrong, value("x")), (401, '{"error":"forbidden"}'))
    expect("an address outside allowfrom", service.update(connection, B, value("x"))[0], 401)
    expect("another's delegate", service.update(connection, dict(A, subdomain=C["subdomain"]), value("x"))[0], 401)
    for account, name in ((A, "a1"), (A, "a2"), (C, "c1")):
        expect("update " + name, service.update(connection, account, value(name)), (200, '{"txt":"%s"}' % value(name)))
    expect("a wrong key after the upgrade", service.update(connection, wrong, value("x"))[0], 401)
    connection.close()
    expect("new values of A", sorted(txtd.dig(fulldomain(A))), [value("a1"), value("a2")])
    expect("new values of C", sorted(txtd.dig(fulldomain(C))), [value("c1"), value("only")])


def check_operator(txtd):
    """Whose delegate an imported one is is not kept with it, so its allowfrom is the account's to change."""
    connection = txtd.connect()
    connection.request("PATCH", "/api/v1/delegates/" + B["subdomain"], json.dumps({"allowfrom": []}),
                       {"Authorization": "Bearer " + OPERATOR, "Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    expect("the operator's change", (response.status, answer["error"], "imported" in answer["detail"]), (404, "unknown_account", True))


def compared(txtd):
    """How many keys were compared with bcrypt, by outcome."""
    _, text = txtd.get_internal("/metrics")
    return {name: int(number) for name, number in
            re.findall(r'txtd_imported_keys_total\{outcome="(\w+)"\} (\d+)', text)}


def check_upgrade(txtd):
    """bcrypt was asked for each key once, and what came of it has outlived kill -9."""
    expect("upgraded", {name: compared(txtd)[name] for name in ("upgraded", "wrong")}, {"upgraded": 2, "wrong": 1})
    txtd.kill()
    txtd.start()
    connection = txtd.connect()
    for account in (A, C):
        expect("after kill -9", service.update(connection, account, value("later"))[0], 200)
    connection.close()
    expect("upgraded again", compared(txtd)["upgraded"], 0)


def check_bound(txtd):
    """More at once than may wait: those are told to come again, and nobody is let in."""
    def one(number):
        connection = txtd.connect()
        connection.request("POST", "/update", json.dumps({"subdomain": D["subdomain"], "txt": value("x")}),
                           {"X-Api-User": D["username"], "X-Api-Key": "%040d" % number})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, response.headers["Retry-After"]

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(one, range(48)))
    statuses = {status for status, _ in answers}
    if not statuses <= {401, 503} or 503 not in statuses or 401 not in statuses:
        raise service.Failure("48 wrong keys at once were answered %s" % statuses)
    if any(status == 503 and after is None for status, after in answers):
        raise service.Failure("a 503 without Retry-After")


def check_sqlite(directory, txtd_program, txtctl):
    source = make_source(directory)
    operators = os.path.join(directory, "operators")
    with open(operators, "w", encoding="ascii") as file:
        file.write(OPERATOR + "\n")
    txtd = service.Txtd(txtd_program, directory, zones=[ZONE],
                        api={"operator_tokens_file": operators,
                             "limits": dict(service.NO_LIMITS, bcrypt_queue=2, bcrypt_per_minute=0),
                             "listen": ["127.0.0.1:0"], "internal_listen": ["127.0.0.1:0"], "self_signed": True,
                             "trusted_proxies": []})
    os.mkdir(os.path.join(directory, "state"), 0o700)
    status, report = txtctl_import(txtctl, txtd, source, "--dry-run")
    expect("dry run", (status, counts(report), report["refused"]), (0, [4, 4, 0, 3], []))
    expect("what the dry run made", os.listdir(os.path.join(directory, "state")), [])
    with txtd:
        status, said = txtctl_import(txtctl, txtd, source)
        if status != 2 or "in use by another process" not in said:
            raise service.Failure("import beside a running txtd: %d %s" % (status, said))
        txtd.stop()
        status, report = txtctl_import(txtctl, txtd, source)
        expect("import", (status, counts(report), report["refused"]), (0, [4, 4, 0, 3], []))
        status, report = txtctl_import(txtctl, txtd, source)
        expect("import once more", (status, counts(report)), (0, [4, 0, 4, 0]))
        txtd.start()
        check_clients(txtd)
        check_operator(txtd)
        check_upgrade(txtd)
        connection = txtd.connect()
        check_bound(txtd)
        expect("beside them", service.update(connection, A, value("beside"))[0], 200)
        connection.close()
        txtd.stop()


def check_dumps(directory, txtd_program, txtctl):
    """Three forms of one dump, as pg_dump wrote them: the same accounts and values."""
    for name in ("copy", "inserts", "columns"):
        place = os.path.join(directory, name)
        os.makedirs(os.path.join(place, "state"), 0o700)
        source = os.path.join(HERE, "acmedns", name + ".sql")
        with service.Txtd(txtd_program, place, zones=[ZONE]) as txtd:
            txtd.stop()
            status, report = txtctl_import(txtctl, txtd, source)
            expect(name, (status, counts(report)), (1, [4, 3, 0, 3]))
            expect(name, report["refused"],
                   [{"account": "not a uuid; it's ); odd", "reason": "its username is no UUID"},
                    {"account": B["subdomain"], "reason": "a value of it: not 43 characters of base64url"}])
            with open(source, encoding="ascii") as file:
                status, report = txtctl_import(txtctl, txtd, "-", stdin=file)
            expect(name + " from standard input", (status, counts(report)), (1, [4, 0, 3, 0]))
            txtd.start()
            expect(name, sorted(txtd.dig(fulldomain(A))), [value("newer"), value("older")])
            expect(name, txtd.dig(fulldomain(C)), [value("only")])
            connection = txtd.connect()
            expect(name, service.update(connection, A, value("new"))[0], 200)
            expect(name, sorted(txtd.dig(fulldomain(A))), [value("new"), value("newer")])
            connection.close()
            txtd.stop()


def check_refusals(directory, txtd_program, txtctl):
    """What cannot be taken over is named with its reason; a source that cannot be trusted is not begun with."""
    other = "dddddddd-0000-4000-8000-00000000000%d"
    place = os.path.join(directory, "refusals")
    os.makedirs(os.path.join(place, "state"), 0o700)
    txtd = service.Txtd(txtd_program, place, zones=[ZONE])
    source = os.path.join(place, "acme-dns.db")
    make_sqlite(source, [(other % 1, "plain text", other % 1, "[]"),
                         (other % 2, A["hash"].replace("$10$", "$14$"), other % 2, "[]"),
                         (other % 3, A["hash"][:-1] + "a", "sub.domain", "[]"),
                         (other % 4, A["hash"][:-1] + "b", other % 4, '["192.0.2.1"]'),
                         (other % 5, A["hash"][:-1] + "c", other % 5, "192.0.2.0/24"),
                         (other % 6, A["hash"][:-1] + "d", other % 6, json.dumps(["192.0.2.0/24"] * 33)),
                         (other % 7, A["hash"][:-1] + "e", "00000000-0000-8000-8000-000000000001", "[]"),
                         (other % 8, A["hash"][:-1] + "f", other % 8, "[]"),
                         ((other % 8).upper(), A["hash"][:-1] + "g", other % 9, "[]")],
                [(other % 1, "short", 1), (other % 2, "", 1)])
    status, report = txtctl_import(txtctl, txtd, source)
    reasons = sorted((refusal["account"][-1], refusal["reason"]) for refusal in report["refused"])
    expect("refusals", (status, counts(report)), (1, [9, 0, 0, 0]))
    expect("reasons", reasons, [("1", "a value of it: not 43 characters of base64url"),
                                ("1", "its password is no bcrypt hash"), ("2", "its bcrypt hash costs more than 12"),
                                ("3", "its subdomain is no UUID"), ("4", "its AllowFrom has what is no prefix"),
                                ("5", "its AllowFrom is no JSON array"), ("6", "its AllowFrom has more than 32 prefixes"),
                                ("7", "its subdomain is reserved by txtd"),
                                ("8", "its username or its subdomain occurs more than once"),
                                ("8", "its username or its subdomain occurs more than once")])
    make_sqlite(os.path.join(place, "old.db"), [], [], version=None)
    make_sqlite(os.path.join(place, "newer.db"), [], [], version="2")
    make_sqlite(os.path.join(place, "odd.db"), [], [], version="1.0")
    with open(os.path.join(place, "half.sql"), "w", encoding="ascii") as file:
        file.write("INSERT INTO acmedns VALUES ('db_version', '1');\n")
    with open(os.path.join(HERE, "acmedns", "copy.sql"), "rb") as file:
        whole = file.read()
    for name, octets in (("torn.sql", whole[:whole.index(b"\\.")]), ("short.sql", whole[:whole.index(b"dump complete")]), ("custom", b"PGDMP\1\2"),
                         ("gz", b"\x1f\x8b\x08"), ("torn.db", open(source, "rb").read()[:6000]), ("empty", b"")):
        with open(os.path.join(place, name), "wb") as file:
            file.write(octets)
    for name, words in (("old.db", "db_version"), ("newer.db", "db_version in table acmedns is '2', not 1"),
                        ("odd.db", "is '1.0', not 1"), ("half.sql", "the table records, with the accounts, is not in it"), ("torn.sql", "cut off"),
                        ("short.sql", "cut off"), ("custom", "--format=plain"), ("gz", "compressed"),
                        ("torn.db", "SQLite says"), ("empty", "db_version"), ("missing", "No such file")):
        status, said = txtctl_import(txtctl, txtd, os.path.join(place, name))
        if status != 2 or words not in said:
            raise service.Failure("%s was answered %d %s" % (name, status, said))


def main(directory, txtd, txtctl):
    check_sqlite(directory, txtd, txtctl)
    check_dumps(directory, txtd, txtctl)
    check_refusals(directory, txtd, txtctl)


if __name__ == "__main__":
    service.run(main)
