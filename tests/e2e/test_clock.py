#!/usr/bin/python3
"""The wall clock jumps, forwards and back, while txtd runs: requests and queries go on as if nothing had been, and a clock that
was wrong for a while costs no value.

    test_clock.py TXTD TXTCTL
"""
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

DAY_S = 86400
JUMPS_S = (3600, 0, -3600, 0, 20 * DAY_S, -20 * DAY_S + 60, 7200, -7200, 0)  # ahead of the true time; less than values live
REQUESTS = 10000
PATIENCE_S = 30  # for one request, under sanitizers on a busy machine; a stalled one would take an hour
CLIENTS = 4


def value(number):
    return "v%042d" % number


class Client(threading.Thread):
    """Updates its delegate over and over, and looks whether what it was told is served. Reconnects like any client when an idle
    connection was closed."""

    def __init__(self, txtd, account):
        super().__init__()
        self.txtd, self.account = txtd, account
        self.ending, self.failure, self.count, self.longest_s = False, None, 0, 0.0

    def run(self):
        connection = self.txtd.connect()
        try:
            while not self.ending and self.failure is None:
                self.step(connection)
        except Exception as failure:  # whatever it is: a client that is gone sees nothing
            self.failure = "%s: %s" % (type(failure).__name__, failure)
        connection.close()

    def step(self, connection):
        self.count += 1
        begin = time.monotonic()
        try:
            status, text = service.update(connection, self.account, value(self.count))
        except ConnectionError:
            connection.close()
            status, text = service.update(connection, self.account, value(self.count))
        self.longest_s = max(self.longest_s, time.monotonic() - begin)
        if status != 200:
            self.failure = "update %d was answered %d %s" % (self.count, status, text)
        elif value(self.count) not in self.txtd.dig(self.account["fulldomain"]):
            self.failure = "update %d is not served" % self.count


def change_all_the_while(txtd, clock):
    clients = [Client(txtd, txtd.register()) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for ahead_s in JUMPS_S:
        clock.set_ahead(ahead_s)
        begun = [client.count for client in clients]
        deadline = time.monotonic() + 2 * PATIENCE_S
        time.sleep(0.4)
        # What was begun before the jump does not count: one more is to be begun and done after it.
        while any(client.count < before + 2 and client.failure is None for client, before in zip(clients, begun)):
            if time.monotonic() > deadline:
                raise service.Failure("%d s ahead: clients do not go on" % ahead_s)
            time.sleep(0.01)
    for client in clients:
        client.ending = True
    for client in clients:
        client.join(60)
        if client.is_alive():
            raise service.Failure("a request hangs")
        if client.failure is not None or client.longest_s > PATIENCE_S:
            raise service.Failure("%s; the longest request took %.1f s" % (client.failure, client.longest_s))
    print("%d updates while the clock jumped, the longest took %.2f s" %
          (sum(client.count for client in clients), max(client.longest_s for client in clients)))


def back_all_the_while(txtd, clock):
    """Back and back again, so often that whatever is put off for a moment is put off to a time that is long in coming. (HTTP/2, for
    which libh2o puts off every answer.)"""
    load = subprocess.Popen(["h2load", "-c", "4", "-m", "4", "-n", str(REQUESTS), "https://127.0.0.1:%d/livez" % txtd.api_port],
                            stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    backs = 0
    while load.poll() is None and time.monotonic() < deadline:
        time.sleep(0.0001)
        backs += 1
        clock.set_ahead(-60 * backs)
    load.kill()
    output = load.communicate()[0]
    clock.set_ahead(0)
    if "%d succeeded" % REQUESTS not in output:
        raise service.Failure("of requests while the clock went back and back: " + output)
    print("%d requests while the clock went back %d times" % (REQUESTS, backs))


def expect(what, got, wanted):
    if got != wanted:
        raise service.Failure("%s: served are %s, not %s" % (what, got, wanted))


def served_until(txtd, name, wanted, what):
    deadline = time.monotonic() + 60
    while txtd.dig(name) != wanted:
        if time.monotonic() > deadline:
            expect(what, txtd.dig(name), wanted)
        time.sleep(0.1)


def wrong_for_a_while(txtd, clock):
    """40 days ahead, values are over (they live for 30); once the clock is right they are there again, without a restart."""
    account = txtd.register()
    connection = txtd.connect()
    expect("the update", service.update(connection, account, value(1)), (200, '{"txt":"%s"}' % value(1)))
    clock.set_ahead(40 * DAY_S)
    served_until(txtd, account["fulldomain"], [], "40 days later")
    time.sleep(1)  # for what clears away
    clock.set_ahead(0)
    served_until(txtd, account["fulldomain"], [value(1)], "when the clock is right again")
    connection.close()


def order_is_of_commits(txtd, clock):
    """The newest two, though the clock says that they are older."""
    account = txtd.register()
    connection = txtd.connect()
    for number, ahead_s in enumerate((0, -DAY_S, -2 * DAY_S)):
        clock.set_ahead(ahead_s)
        expect("an update", service.update(connection, account, value(number))[0], 200)
    expect("the newest", sorted(txtd.dig(account["fulldomain"])), [value(1), value(2)])
    clock.set_ahead(0)
    connection.close()


def main(directory, program, txtctl):
    clock = service.Clock(directory, txtctl)
    with service.Txtd(program, directory, clock.environment, api={"http2": True}) as txtd:
        change_all_the_while(txtd, clock)
        back_all_the_while(txtd, clock)
        wrong_for_a_while(txtd, clock)
        order_is_of_commits(txtd, clock)
        for path in ("/livez", "/readyz"):
            expect(path, txtd.get_internal(path)[0], 200)
        txtd.stop()
    print("ok: a clock that jumps")


if __name__ == "__main__":
    service.run(main)
