#!/usr/bin/python3
"""A disk that is really full, under load: changes are answered 503, DNS goes on with what was acknowledged, changes are taken
again by themselves when there is room, and after kill -9 nothing that was acknowledged is missing.

    test_disk_full.py TXTD TXTCTL

The disk is a tmpfs in a mount namespace of this test's own.
"""
import http.client
import json
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

CLIENTS = 8
PATIENCE_S = 60  # for what comes by itself, under sanitizers on a busy machine
MIB = 1 << 20


def value(client, number):
    return ("v%d_%d_" % (client, number) + "_" * 43)[:43]


class Client(threading.Thread):
    """Updates its delegate without a pause; three times of four it sets a persistent value of about 1 KB, to fill the disk."""

    def __init__(self, load, number, account):
        super().__init__(daemon=True)
        self.load, self.number, self.account = load, number, account
        self.acknowledged = self.asked = self.turns = 0

    def run(self):
        connection = self.load.txtd.connect()
        while not self.load.ending:
            try:
                self.step(connection)
            except (OSError, http.client.HTTPException) as failure:
                self.load.fail("client %d: %s: %s" % (self.number, type(failure).__name__, failure))
                return
        connection.close()

    def step(self, connection):
        self.turns += 1
        if self.turns % 4 != 0:
            status = self.set_persistent(connection)
        else:
            self.asked += 1
            status, _ = service.update(connection, self.account, value(self.number, self.asked))
            if status == 200:
                self.acknowledged = self.asked
        self.load.count(status)
        if status != 200:
            time.sleep(0.02)

    def set_persistent(self, connection):
        text = "ca.example; accounturi=https://ca.example/%d/%s" % (self.turns, os.urandom(450).hex())
        connection.request("PUT", "/api/v1/delegates/%s/persistent" % self.account["subdomain"], json.dumps({"values": [text]}),
                           {"Authorization": service.basic(self.account), "Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status


class Load:
    """The clients, and what they were answered since the last look."""

    def __init__(self, txtd):
        self.txtd, self.ending, self.failure = txtd, False, None
        self.lock, self.statuses = threading.Lock(), {}
        self.clients = [Client(self, number, txtd.register()) for number in range(CLIENTS)]
        for client in self.clients:
            client.start()

    def fail(self, text):
        self.failure = self.failure or text

    def count(self, status):
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def take(self):
        with self.lock:
            statuses, self.statuses = self.statuses, {}
        return statuses

    def look(self, what, wanted):
        """The answers since the last look are all of `wanted`, and at least one is there of the last of them."""
        statuses = self.take()
        print("%s: %s" % (what, statuses))
        if self.failure or self.txtd.process.poll() is not None:
            raise service.Failure("%s: %s; txtd ended with %s" % (what, self.failure, self.txtd.process.poll()))
        if not set(statuses) <= set(wanted) or wanted[-1] not in statuses:
            raise service.Failure("%s: answered were %s" % (what, statuses))

    def until(self, what, wanted):
        """It comes within PATIENCE_S."""
        deadline = time.monotonic() + PATIENCE_S
        self.take()
        while wanted not in self.statuses:
            if time.monotonic() > deadline:
                raise service.Failure("%s: %s, never %d" % (what, self.statuses, wanted))
            time.sleep(0.05)

    def until_only(self, what, wanted, window_s):
        """Within PATIENCE_S there is a time of `window_s` in which it comes and nothing else does."""
        deadline = time.monotonic() + PATIENCE_S
        statuses = {}
        while set(statuses) != {wanted}:
            if self.failure or time.monotonic() > deadline:
                raise service.Failure("%s: %s, %s, never only %d" % (what, self.failure, statuses, wanted))
            self.take()
            time.sleep(window_s)
            statuses = self.take()
        print("%s: %s" % (what, statuses))

    def check_dns(self, what):
        """Each delegate has what was acknowledged last, or something newer; two slots hold one more that is under way."""
        for client in self.clients:
            newest = client.acknowledged
            served = self.txtd.dig(client.account["fulldomain"])
            numbers = [int(text.split("_")[1]) for text in served if text.startswith("v")]
            if newest > 0 and (not numbers or max(numbers) < newest):
                raise service.Failure("%s: client %d was told %d, served are %s" % (what, client.number, newest, served))

    def end(self):
        self.ending = True
        for client in self.clients:
            client.join(30)
            if client.is_alive():
                raise service.Failure("a client hangs")


class Filler(threading.Thread):
    """Takes all the room there is on the disk, and all that becomes free, until it ends: then it gives it back."""

    def __init__(self, disk):
        super().__init__(daemon=True)
        self.path, self.ending = os.path.join(disk, "filler"), False
        self.start()

    def run(self):
        with open(self.path, "wb", buffering=0) as file:
            while not self.ending:
                for block in (MIB, 4096):
                    try:
                        while not self.ending:
                            file.write(b"\0" * block)
                    except OSError:
                        pass
                time.sleep(0.002)
        os.unlink(self.path)

    def end(self):
        self.ending = True
        self.join()


def health_says(txtd, wanted):
    """/health comes to say it: it looks once a second, and without a reserve the store is whole again between two failed writes.
    /readyz says all the while that DNS answers."""
    deadline = time.monotonic() + PATIENCE_S
    while txtd.get_internal("/health")[0] != wanted:
        if time.monotonic() > deadline:
            raise service.Failure("/health %s, not %d" % (txtd.get_internal("/health"), wanted))
        time.sleep(0.05)
    if txtd.get_internal("/readyz")[0] != 200:
        raise service.Failure("/readyz %s" % (txtd.get_internal("/readyz"),))


def after_kill(txtd, load, what):
    load.end()
    txtd.kill()
    txtd.start()
    load.check_dns(what + ", after kill -9")
    txtd.stop()


def scene(directory, program, name, options, reserve):
    disk = os.path.join(directory, name)
    state = os.path.join(directory, name + "-state")
    os.mkdir(disk)
    os.mkdir(state, 0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)
    return disk, service.Txtd(program, state, store={"reserve": reserve, "directory": os.path.join(disk, "store")})


def full(directory, program, name, reserve):
    disk, txtd = scene(directory, program, name, "size=192m", reserve)
    with txtd:
        load = Load(txtd)
        load.until("before", 200)
        load.check_dns("before")
        filler = Filler(disk)
        load.until("full", 503)
        load.look("full", (200, 503))
        for _ in range(2):
            if reserve:
                load.until_only("still full", 503, 0.7)
            else:
                load.until("still full", 503)
                load.look("still full", (200, 503))
            load.check_dns("full")
        health_says(txtd, 503)
        filler.end()
        load.until("room again", 200)
        load.look("room again", (503, 200))
        load.until_only("room again, later", 200, 0.5)
        load.check_dns("room again")
        for words in ("event=store.refuses reason=", "event=store.writable after_s="):
            if words not in txtd.text():
                raise service.Failure("the log does not say %s" % words)
        after_kill(txtd, load, name)


def no_inodes(directory, program):
    disk, txtd = scene(directory, program, "inodes", "size=192m,nr_inodes=100", 0)
    names = []
    with txtd:
        load = Load(txtd)
        load.until("before", 200)
        try:
            while True:
                names.append(os.path.join(disk, "file%d" % len(names)))
                os.close(os.open(names[-1], os.O_CREAT | os.O_WRONLY))
        except OSError:
            names.pop()
        time.sleep(1)  # for changes without a file to be had
        load.until("no inodes", 200)
        load.look("no inodes", (503, 200))
        load.check_dns("no inodes")
        load.end()
        txtd.kill()
        try:
            txtd.start()
            raise service.Failure("txtd starts without a file to be had")
        except service.Failure as failure:
            if "No space left on device" not in str(failure):
                raise
        for path in names:
            os.unlink(path)
        txtd.start()
        load.check_dns("inodes again, after kill -9")
        txtd.stop()


def main(directory, program, _):
    try:
        full(directory, program, "reserve", 64 * MIB)
        full(directory, program, "enospc", 0)
        no_inodes(directory, program)
    finally:
        for name in os.listdir(directory):
            if os.path.ismount(os.path.join(directory, name)):
                subprocess.run(["umount", "--lazy", os.path.join(directory, name)], check=False)
    print("ok: disk full")


if __name__ == "__main__":
    if os.environ.get("TXTD_DISK_FULL_INSIDE") is None:
        os.environ["TXTD_DISK_FULL_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", *sys.argv])
    service.run(main)
