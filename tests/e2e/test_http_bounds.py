#!/usr/bin/python3
"""Clients that mean ill: half-open connections, handshakes, headers and bodies that come in drips, answers nobody reads, garbage,
storms of renegotiation, all places taken, too many changes. Each ends at its bound and is counted, and meanwhile updates and DNS go on for others.

    test_http_bounds.py TXTD TXTCTL
"""
import contextlib
import itertools
import os
import re
import resource
import socket
import ssl
import subprocess
import threading
import time

from service import NO_LIMITS, Failure, Txtd, run, update

PLACES = 60
LIMITS = dict(NO_LIMITS, connections=2 * PLACES, connections_per_client=20, handshake="3s", request="2s", idle="3s")
DRIP_S = 0.1
PATIENCE_S = 30  # until what has to end has ended, on a busy machine
ATTACKER = "127.0.0.9"
HEAD = b"POST /update HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


class Others:
    """A client at 127.0.0.1 that updates and asks all the while, over a connection that stays and over new ones."""

    def __init__(self, txtd):
        self.txtd = txtd
        self.account = txtd.register()
        self.kept = txtd.connect()
        self.done = 0
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stopping.set()
        self.thread.join()
        self.kept.close()

    def run(self):
        try:
            while not self.stopping.wait(0.05):
                fresh = self.txtd.connect()
                for connection in (self.kept, fresh):
                    value = "%043d" % self.done
                    status, text = update(connection, self.account, value)
                    if status != 200:
                        raise Failure("an update of another client is answered %d %s" % (status, text))
                    if value not in self.txtd.dig(self.account["fulldomain"]):
                        raise Failure("the answer lacks the value that was acknowledged last")
                    self.done += 1
                fresh.close()
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            self.failure = failure

    def check(self, what):
        """Goes on doing what they do, and has done so since."""
        before, end = self.done, time.monotonic() + PATIENCE_S
        while self.done < before + 2 and self.failure is None and time.monotonic() < end:
            time.sleep(0.02)
        if self.failure is not None or self.done < before + 2:
            raise Failure("%s: others are not served: %s" % (what, self.failure or "no progress"))


def metric(txtd, name):
    found = re.search("^%s (\\S+)$" % re.escape(name), txtd.get_internal("/metrics")[1], re.MULTILINE)
    if found is None:
        raise Failure("no metric " + name)
    return float(found[1])


def dial(txtd, source=ATTACKER):
    return socket.create_connection(("127.0.0.1", txtd.api_port), PATIENCE_S, (source, 0))


def dial_tls(txtd, source=ATTACKER):
    return txtd.context.wrap_socket(dial(txtd, source), server_hostname="127.0.0.1")


def wait_for_end(sock):
    """Reads until the server ends the connection; returns what it said."""
    heard = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while True:
            part = sock.recv(65536)
            if not part:
                break
            heard += part
    return heard


def drip(sock, octets):
    """Sends an octet at a time until the server ends it. Returns what it said."""
    end = time.monotonic() + PATIENCE_S
    with contextlib.suppress(OSError):
        for octet in octets:
            sock.sendall(bytes([octet]))
            time.sleep(DRIP_S)
            if time.monotonic() > end:
                raise Failure("dripping goes on for %d s" % PATIENCE_S)
    return wait_for_end(sock)


def together(count, action):
    """Runs it so many times at once. Returns what the runs returned."""
    results, failures = [], []

    def one():
        try:
            results.append(action())
        except (Failure, OSError) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failure("%d of %d: %s" % (len(failures), count, failures[0]))
    return results


def client_hello(txtd):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        txtd.context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    return outgoing.read()


def half_open(txtd):
    for sock in [dial(txtd, "127.0.0.10") for _ in range(15)]:
        wait_for_end(sock)
        sock.close()
    return 15


def slow_handshakes(txtd):
    hello = client_hello(txtd)
    together(10, lambda: drip(dial(txtd, "127.0.0.11"), hello))
    return 10


def slow_headers(txtd):
    together(10, lambda: drip(dial_tls(txtd, "127.0.0.12"), HEAD + b"X: " + b"x" * 400))
    return 10


def slow_bodies(txtd):
    answers = together(10, lambda: drip_body(txtd))
    if not all(b" 408 " in answer for answer in answers):
        raise Failure("slow bodies are answered %s" % answers)
    return 10


def drip_body(txtd):
    sock = dial_tls(txtd, "127.0.0.13")
    sock.sendall(HEAD + b"Content-Length: 400\r\n\r\n")
    return drip(sock, b"x" * 400)


def idle(txtd):
    socks = [dial_tls(txtd, "127.0.0.14") for _ in range(10)]
    for sock in socks:
        wait_for_end(sock)
        sock.close()
    return 10


def garbage(txtd):
    """Not TLS at all, broken TLS, HTTP without TLS, and TLS with what is not HTTP."""
    failed = metric(txtd, 'txtd_http_handshakes_total{outcome="failed"}')
    hello = client_hello(txtd)
    texts = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\xff" * 500,
             hello[:20] + bytes(octet ^ 0x5A for octet in hello[20:]), b"\x80\x2e\x01\x00\x02" + b"\0" * 100]
    for number in range(100):
        with dial(txtd) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(texts[number % len(texts)] + os.urandom(64))
            wait_for_end(sock)
    if metric(txtd, 'txtd_http_handshakes_total{outcome="failed"}') < failed + 100:
        raise Failure("100 pieces of garbage are not counted")
    with dial_tls(txtd) as sock:
        sock.sendall(os.urandom(200).replace(b"\n", b"x") + b"\r\n\r\n")
        if b" 400 " not in wait_for_end(sock):
            raise Failure("garbage within TLS is not answered 400")


def deaf(txtd):
    """Asks and asks and does not read: at some point txtd reads no more, and in the end it closes."""
    sock = dial_tls(txtd)
    sock.settimeout(1)
    asked = 0
    with contextlib.suppress(OSError):
        while asked < 200000:
            sock.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
            asked += 50
    if asked == 200000:
        raise Failure("%d requests were taken from a client that does not read" % asked)
    sock.close()


def renegotiation(txtd):
    """s_client asks for it as soon as it can; the server says no, and s_client ends."""
    def one():
        command = ["openssl", "s_client", "-tls1_2", "-bind", ATTACKER, "-connect", "127.0.0.1:%d" % txtd.api_port]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as tool:
            try:
                tool.stdin.write(b"R\n")
                tool.stdin.flush()
                tool.wait(PATIENCE_S)
                if b"no renegotiation" not in tool.stdout.read():
                    raise Failure("renegotiation is not refused")
            except subprocess.TimeoutExpired:
                raise Failure("s_client hangs") from None
            finally:
                tool.kill()
    for _ in range(3):
        together(8, one)


def all_of_one_client(txtd):
    refused = metric(txtd, 'txtd_http_refused_total{limit="client"}')
    socks = [dial(txtd, "127.0.0.8") for _ in range(LIMITS["connections_per_client"] + 5)]
    end = time.monotonic() + PATIENCE_S
    while metric(txtd, 'txtd_http_refused_total{limit="client"}') < refused + 5:
        if time.monotonic() > end:
            raise Failure("a client has more connections than it may")
        time.sleep(0.02)
    for sock in socks:
        sock.close()


def all_places(txtd):
    """Clients of many addresses take every place and keep it, silent, within TLS, within a request: who comes displaces those."""
    def take(source):
        socks = [dial(txtd, source) for _ in range(6)] + [dial_tls(txtd, source) for _ in range(5)]
        slow = [dial_tls(txtd, source) for _ in range(4)]
        for sock in slow:
            sock.sendall(HEAD)
        return socks + slow

    socks = [sock for number in range(20, 24) for sock in take("127.0.0.%d" % number)]
    if len(socks) != PLACES:
        raise Failure("the test does not take every place")
    time.sleep(1.5)
    if txtd.get_internal("/readyz")[0] != 200:
        raise Failure("monitoring does not work when all places are taken")
    with Others(txtd) as others:
        others.check("all_places")
    if metric(txtd, "txtd_http_displaced_total") < 1:
        raise Failure("nobody was displaced")
    for sock in socks:
        sock.close()


def all_slow(txtd):
    """All ways to be slow at once; every connection must end by a time-out that is counted."""
    before = metric(txtd, "txtd_http_timeouts_total")
    attacks = [half_open, slow_handshakes, slow_headers, slow_bodies, idle]
    count = sum(together(len(attacks), lambda: attacks.pop()(txtd)))
    if metric(txtd, "txtd_http_timeouts_total") < before + count:
        raise Failure("not every connection ended by a time-out")


def queued_changes(txtd):
    """More changes at once than may wait: some are answered 503, and every other one is served."""
    refused = []
    accounts = [txtd.register() for _ in range(12)]
    turns = itertools.cycle(accounts)

    def change():
        account, connection = next(turns), txtd.connect()
        last = None
        for number in range(20):
            value = "%043d" % number
            status, text = update(connection, account, value)
            if status == 200:
                last = value
            elif status == 503 and "unavailable" in text:
                refused.append(value)
            else:
                raise Failure("an update is answered %d %s" % (status, text))
        connection.close()
        if last is not None and last not in txtd.dig(account["fulldomain"]):
            raise Failure("a change that was acknowledged is not served")

    end = time.monotonic() + PATIENCE_S
    while not refused and time.monotonic() < end:
        together(len(accounts), change)
    if not refused or metric(txtd, 'txtd_refusals_total{reason="busy"}') < len(refused):
        raise Failure("changes without bound wait, or refusals are not counted: %d" % len(refused))


def main(directory, program, *_):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard >= 0 else 4096, hard))
    with Txtd(program, directory, api={"limits": LIMITS, "threads": 2}) as txtd:
        with Others(txtd) as others:
            for attack in (all_slow, garbage, deaf, renegotiation, all_of_one_client):
                attack(txtd)
                others.check(attack.__name__)
                print("ok: %s" % attack.__name__)
        txtd.stop()
    patient = dict(LIMITS, connections=PLACES, handshake="60s", request="60s", idle="60s")
    with Txtd(program, directory, api={"limits": patient, "threads": 2}) as txtd:
        all_places(txtd)
        print("ok: all_places")
        txtd.stop()
    with Txtd(program, directory, api={"limits": NO_LIMITS, "threads": 2}, store={"queue": 1, "batch": 1}) as txtd:
        queued_changes(txtd)
        print("ok: queued_changes")
        txtd.stop()


run(main)
