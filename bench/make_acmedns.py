#!/usr/bin/python3
"""Makes acme-dns's SQLite file with many accounts, each with two values; no key belongs to the hashes.

    make_acmedns.py FILE ACCOUNTS
"""
import random
import sqlite3
import sys
import time
import uuid

BCRYPT = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SCHEMA = """
CREATE TABLE acmedns(Name TEXT, Value TEXT);
CREATE TABLE records(Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL, Subdomain TEXT UNIQUE NOT NULL,
                     AllowFrom TEXT);
CREATE TABLE txt(Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT);
INSERT INTO acmedns VALUES('db_version', '1');
"""


def main():
    path, count = sys.argv[1], int(sys.argv[2])
    chance = random.Random(1)
    now = int(time.time())

    def text(alphabet, length):
        return "".join(chance.choices(alphabet, k=length))

    def new_uuid():
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + SCHEMA)
    for number in range(count):
        subdomain = new_uuid()
        allowfrom = '["192.0.2.0/24"]' if number % 10 == 0 else "[]"
        database.execute("INSERT INTO records VALUES(?, ?, ?, ?)",
                         (new_uuid(), ("$2a$10$" + text(BCRYPT, 53)).encode(), subdomain, allowfrom))
        for age in (100, 50):
            database.execute("INSERT INTO txt VALUES(?, ?, ?)", (subdomain, text(BASE64URL, 43), now - age))
    database.commit()
    database.close()


if __name__ == "__main__":
    main()
