#!/usr/bin/python3
"""A storm of registrations and updates over HTTPS, cut off in the middle: everything that was answered 201 or 200 is there after
the restart, in DNS and in the store.

    test_kill9.py TXTD TXTCTL

First with kill -9, several times over one store; then with a power failure, after which the disk holds only what was synced
(tests/faults/README.md); then with a power failure on a disk that lies about syncing, and with a txtd that does not sync
(nosync.c), where updates must be missing: else this test would see nothing.
"""
import base64
import hashlib
import os
import random
import shutil
import subprocess
import threading
import time

from service import ZONE, Failure, Txtd, build_of, preload, run, update

CLIENTS = 6
KILLS = 4
STORM_S = (0.6, 1.4)
ACKNOWLEDGED_MIN = 20  # a storm with fewer says nothing


def value_of(client, number):
    digest = hashlib.sha256(b"%d %d" % (client, number)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Client(threading.Thread):
    """Updates one delegate after the other value, and registers another now and then; remembers what was acknowledged."""

    def __init__(self, txtd, number, account, begin):
        super().__init__(daemon=True)
        self.txtd, self.number, self.account = txtd, number, account
        self.acknowledged = begin
        self.begin = begin
        self.registered = []
        self.fault = None

    def run(self):
        number = self.acknowledged
        try:
            connection = self.txtd.connect()
            while True:
                number += 1
                status, text = update(connection, self.account, value_of(self.number, number))
                if status != 200:
                    self.fault = "an update was answered %d %s" % (status, text)
                    return
                self.acknowledged = number
                if number % 40 == 0:
                    self.registered.append(self.txtd.register())
        except (OSError, ValueError, Failure) as reason:
            # The kill. Whatever was under way was not acknowledged; a refusal before it would be a Failure of ours.
            if isinstance(reason, Failure):
                self.fault = str(reason)
        except Exception as reason:  # http.client's own kinds
            if not type(reason).__module__.startswith("http"):
                self.fault = repr(reason)


def storm(txtd, accounts, begins):
    """Lets the clients go, kills txtd in the middle; returns the clients."""
    clients = [Client(txtd, i, account, begins[i]) for i, account in enumerate(accounts)]
    for client in clients:
        client.start()
    time.sleep(random.uniform(*STORM_S))
    txtd.kill()
    for client in clients:
        client.join(30)
        if client.is_alive():
            raise Failure("a client hangs")
        if client.fault:
            raise Failure(client.fault)
    acknowledged = sum(client.acknowledged for client in clients) - sum(begins)
    if acknowledged < ACKNOWLEDGED_MIN:
        raise Failure("only %d updates were acknowledged" % acknowledged)
    return clients, acknowledged


def missing(txtd, clients):
    """What was acknowledged and is not there now."""
    lost = []
    for client in clients:
        served = txtd.dig(client.account["fulldomain"])
        if client.acknowledged > client.begin and value_of(client.number, client.acknowledged) not in served:
            lost.append("value %d of client %d, served: %s" % (client.acknowledged, client.number, served))
        for account in client.registered:
            status, text = update(txtd.connect(), account, value_of(99, 1))
            if status != 200 or txtd.dig(account["fulldomain"]) != [value_of(99, 1)]:
                lost.append("account %s: %d %s" % (account["username"], status, text))
    return lost


def kill_again_and_again(directory, program):
    with Txtd(program, directory) as txtd:
        accounts = [txtd.register() for _ in range(CLIENTS)]
        begins = [0] * CLIENTS
        for _ in range(KILLS):
            clients, acknowledged = storm(txtd, accounts, begins)
            txtd.start()
            lost = missing(txtd, clients)
            if lost:
                raise Failure("after kill -9: %d of %d lost: %s" % (len(lost), acknowledged, lost[:3]))
            print("kill -9: %d updates acknowledged, all there" % acknowledged)
            # What was under way may have been applied: go on behind it.
            begins = [client.acknowledged + 1 for client in clients]
        txtd.stop()


def cut_power(directory, program, txtctl, lie=False):
    """Returns how many updates were acknowledged, and what is lost."""
    disk, journal, after = (os.path.join(directory, name) for name in ("disk", "journal", "after"))
    os.makedirs(disk)
    environment = dict(preload("powerloss_shim.so", txtctl), POWERLOSS_DIR=disk, POWERLOSS_JOURNAL=journal)
    if lie:
        environment["POWERLOSS_LIE"] = "1"
    # The certificate is not what is tested: it stays where it is, the store alone is on the disk that fails.
    with Txtd(program, directory, environment, store={"directory": os.path.join(disk, "store")}) as txtd:
        accounts = [txtd.register() for _ in range(CLIENTS)]
        clients, acknowledged = storm(txtd, accounts, [0] * CLIENTS)
    subprocess.run([os.path.join(build_of(txtctl), "tests", "faults", "powerloss_disk"), journal, after], check=True, timeout=60)
    with Txtd(program, directory, store={"directory": os.path.join(after, "store")}) as txtd:
        lost = missing(txtd, clients)
        txtd.stop()
    return acknowledged, lost


def must_lose(what, directory, program, txtctl, lie):
    """A power failure that must not go unnoticed."""
    try:
        acknowledged, lost = cut_power(directory, program, txtctl, lie)
        print("%s: %d updates acknowledged, %d losses seen" % (what, acknowledged, len(lost)))
    except Failure as failure:
        if "did not start" not in str(failure):
            raise
        lost = ["the store"]
        print("%s: the store does not even open" % what)
    if not lost:
        raise Failure("%s: nothing is lost: this test sees nothing" % what)
    shutil.rmtree(directory, ignore_errors=True)


def main(directory, program, txtctl):
    places = {name: os.path.join(directory, name) for name in ("kill", "power", "lie", "nosync")}
    for place in places.values():
        os.makedirs(place)
    kill_again_and_again(places["kill"], program)
    acknowledged, lost = cut_power(places["power"], program, txtctl)
    if lost:
        raise Failure("after a power failure: %d of %d lost: %s" % (len(lost), acknowledged, lost[:3]))
    print("power failure: %d updates acknowledged, all there" % acknowledged)
    must_lose("a disk that lies", places["lie"], program, txtctl, lie=True)
    must_lose("a txtd that does not sync", places["nosync"], os.path.join(build_of(txtctl), "tests", "e2e", "txtd_nosync"),
              txtctl, lie=False)


if __name__ == "__main__":
    run(main)
