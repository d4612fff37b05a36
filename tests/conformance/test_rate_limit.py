#!/usr/bin/python3
"""Response rate limiting as a client sees it: slip by TC, and who is not limited: positive answers, TCP, valid cookies."""

import select
import socket
import time
import types

from harness import Delegates, Failure, Txtd, exchange, run
from messages import Query

OTHER_PER_S = 20
BURST, CHUNK = 300, 50
QUIET_S = 0.3  # no answer for so long: the rest was dropped


def make_query(words):
    return Query(types.SimpleNamespace(query=[word.partition("=") for word in words.split()]), "127.0.0.1")


def ask_chunk(sock, words):
    """The answers to CHUNK queries over UDP."""
    for _ in range(CHUNK):
        sock.send(make_query(words).wire)
    answers = []
    while len(answers) < CHUNK and select.select([sock], [], [], QUIET_S)[0]:
        answers.append(sock.recv(65535))
    return answers


def ask(words, transport="udp4"):
    """How many of BURST queries are answered in full and with TC, and in how many seconds."""
    start = time.monotonic()
    if transport == "tcp4":
        answers = [exchange("tcp4", "127.0.0.1", make_query(words).wire) for _ in range(BURST)]
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", 53))
            answers = [answer for _ in range(BURST // CHUNK) for answer in ask_chunk(sock, words)]
    slipped = sum(1 for answer in answers if answer[2] & 2)
    full = len(answers) - slipped
    print("%-60s %4d answered %4d slipped %4d dropped" % (
        words + " over " + transport, full, slipped, BURST - len(answers)))
    return full, slipped, time.monotonic() - start


def test(scene, program):
    txtd = Txtd(scene, program, workers=1, rrl={"enabled": True, "positive_per_second": 100000,
                                                "other_per_second": OTHER_PER_S, "slip": 2})
    txtd.start()
    live = Delegates(txtd, 1).of(2)[0]
    for words in ("name=nothing type=A edns", "name=nothing type=A cookie=bad", "name=%s type=A" % live):
        full, slipped, elapsed_s = ask(words)
        if full > OTHER_PER_S * (elapsed_s + 1.5) or not 2 * slipped - 2 <= BURST - full <= 2 * slipped + 2:
            raise Failure("%s: not limited to %d a second, every second one slipped" % (words, OTHER_PER_S))
    for words, transport in (("name=%s type=TXT" % live, "udp4"), ("name=nothing type=A", "tcp4"),
                             ("name=nothing type=A cookie=server", "udp4")):
        if ask(words, transport)[0] != BURST:
            raise Failure("%s over %s was limited" % (words, transport))


if __name__ == "__main__":
    run(test)
