#!/usr/bin/python3
"""A storm of registrations and updates over HTTPS, cut off in the middle: everything that was answered 201 or 200 is there after
the restart, in DNS and in the store.

    test_kill9.py TXTD TXTCTL [ROUNDS]

First with kill -9, several times over one store, at random points under load and while txtd starts and recovers, the very first
start of all included; with ROUNDS so many times, and only that (tests/faults/kill9.sh). Then with a power failure, after which the disk holds only what was synced
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
STORM_S = (0.05, 1.2)
POWER_STORM_S = (0.6, 1.4)
ACKNOWLEDGED_MIN = 20  # before the power fails: storms with fewer say nothing
PATIENCE_S = 60        # under sanitizers on a busy machine
FIRST_STARTS = 6       # or a tenth of the rounds


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


def acknowledged_by(clients):
    return sum(client.acknowledged - client.begin for client in clients)


def storm(txtd, accounts, begins, within_s=STORM_S, least=0):
    """Lets the clients go, kills txtd in the middle, at a random time once each client has an acknowledgement, and all together
    `least`; returns the clients, and how many updates were acknowledged."""
    clients = [Client(txtd, i, account, begins[i]) for i, account in enumerate(accounts)]
    for client in clients:
        client.start()
    deadline = time.monotonic() + PATIENCE_S
    while any(client.acknowledged == client.begin for client in clients) or acknowledged_by(clients) < least:
        if time.monotonic() > deadline or not all(client.is_alive() for client in clients):
            raise Failure("the storm does not begin: %s" % [client.fault or client.acknowledged - client.begin for client in clients])
        time.sleep(0.01)
    time.sleep(random.uniform(*within_s))
    txtd.kill()
    for client in clients:
        client.join(30)
        if client.is_alive():
            raise Failure("a client hangs")
        if client.fault:
            raise Failure(client.fault)
    return clients, acknowledged_by(clients)


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


def start_and_kill(txtd, within_s):
    """A start that is killed at a random point of it: while it opens, replays the log, loads, or just after."""
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen([txtd.program, "-c", txtd.config], stdout=nothing, stderr=nothing)
    time.sleep(random.uniform(0, within_s))
    process.kill()
    process.wait()


def kill_again_and_again(directory, program, rounds):
    """Returns how many starts were killed."""
    total = starts_killed = 0
    everybody = []
    with Txtd(program, directory) as txtd:
        accounts = [txtd.register() for _ in range(CLIENTS)]
        begins = [0] * CLIENTS
        start_s = 0.2
        for number in range(rounds):
            clients, acknowledged = storm(txtd, accounts, begins)
            for _ in range(random.choice((0, 1, 1, 3))):
                start_and_kill(txtd, 1.2 * start_s)
                starts_killed += 1
            begin = time.monotonic()
            txtd.start()
            start_s = time.monotonic() - begin
            lost = missing(txtd, clients)
            if lost:
                raise Failure("kill %d: %d of %d lost: %s" % (number + 1, len(lost), acknowledged, lost[:3]))
            total += acknowledged
            everybody += [account for client in clients for account in client.registered]
            # What was under way may have been applied: go on behind it.
            begins = [client.acknowledged + 1 for client in clients]
        gone = [account for account in everybody if txtd.dig(account["fulldomain"]) != [value_of(99, 1)]]
        if gone:
            raise Failure("%d of %d accounts are gone at the end" % (len(gone), len(everybody)))
        txtd.stop()
    print("kill -9: %d times under load and %d times while it started; %d updates and %d registrations acknowledged, all there" %
          (rounds, starts_killed, total, len(everybody)))


def kill_first_starts(directory, program, rounds):
    """The very first start, which makes the store, is killed: the next one makes up for it."""
    for number in range(rounds):
        place = os.path.join(directory, str(number))
        os.makedirs(place)
        txtd = Txtd(program, place)
        for _ in range(random.choice((1, 1, 2))):
            start_and_kill(txtd, 0.15)
        with txtd:
            account = txtd.register()
            update(txtd.connect(), account, value_of(0, 1))
            txtd.kill()
            txtd.start()
            if txtd.dig(account["fulldomain"]) != [value_of(0, 1)]:
                raise Failure("first start %d: the update is lost" % number)
        shutil.rmtree(place)
    print("kill -9: of %d first starts" % rounds)


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
        clients, acknowledged = storm(txtd, accounts, [0] * CLIENTS, POWER_STORM_S, ACKNOWLEDGED_MIN)
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


def main(directory, program, txtctl, rounds=None):
    seed = os.environ.get("KILL9_SEED") or str(random.randrange(1 << 32))
    random.seed(seed)
    print("KILL9_SEED=%s gives the same random times again" % seed)
    places = {name: os.path.join(directory, name) for name in ("kill", "first", "power", "lie", "nosync")}
    for place in places.values():
        os.makedirs(place)
    kill_again_and_again(places["kill"], program, int(rounds or KILLS))
    kill_first_starts(places["first"], program, int(rounds or 0) // 10 or FIRST_STARTS)
    if rounds is not None:
        return
    acknowledged, lost = cut_power(places["power"], program, txtctl)
    if lost:
        raise Failure("after a power failure: %d of %d lost: %s" % (len(lost), acknowledged, lost[:3]))
    print("power failure: %d updates acknowledged, all there" % acknowledged)
    must_lose("a disk that lies", places["lie"], program, txtctl, lie=True)
    must_lose("a txtd that does not sync", places["nosync"], os.path.join(build_of(txtctl), "tests", "e2e", "txtd_nosync"),
              txtctl, lie=False)


if __name__ == "__main__":
    run(main)
