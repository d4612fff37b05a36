#!/usr/bin/python3
"""Malformed messages by the thousand. Everything with a header and QR=0 is answered, and rightly so; everything else is
dropped (RFC 8906); the server stays, and answers the next good query."""

import collections
import select
import shlex
import socket
import struct
import time
import types

import dns.rcode

from harness import ADDRESS, APEX, Delegates, Failure, Txtd, exchange, receive_exactly, run, seeded_random, serves
from messages import Query, decode

BURST = 48
ANSWER_WAIT_S = 2.0
DROP_WAIT_S = 0.1
BIT_FLIPS = 2500
RANDOM_MESSAGES = 800
HEADER_LEN = 12


def seeds(delegate):
    """Good messages to start from."""
    texts = ("", "edns", "name=%s type=TXT" % delegate, "name=%s type=TXT edns do cookie=client" % delegate,
             "option=3: option=8:00010000 option=9: cookie=server", "name=www type=A extra='x 60 IN A 192.0.2.1'",
             "name=alias2 type=AAAA edns size=4096", "name=nothing type=A flags=rd", "type=ANY edns=1 option=100:00ff",
             "name=big type=TXT edns", "class=CH name=id.server. type=TXT")
    rows = [types.SimpleNamespace(query=[word.partition("=") for word in shlex.split(text)]) for text in texts]
    return [Query(row, "127.0.0.1").wire for row in rows]


def truncated(wires):
    """Every proper prefix; from the header on each is FORMERR, for the counts promise more."""
    for wire in wires:
        for length in range(2, len(wire)):
            yield wire[:length], "FORMERR"


def with_counts(wires, random):
    """A count that does not agree with what follows."""
    for wire in wires:
        for field in range(4):
            for count in (0, 1, 2, 3, 255, 65535, random.randrange(65536)):
                at = 4 + 2 * field
                yield wire[:at] + struct.pack("!H", count) + wire[at + 2:], None


def with_pointers(wires, random):
    """Compression pointers and reserved label types where they must not be."""
    for wire in wires:
        for at in range(HEADER_LEN, min(len(wire) - 1, HEADER_LEN + 60)):
            target = random.choice((0, 12, at, at - 1, at + 1, len(wire), 0x3fff))
            yield wire[:at] + struct.pack("!H", 0xc000 | target) + wire[at + 2:], None
            yield wire[:at] + bytes([random.choice((0x40, 0x7f, 0x80, 0xbf))]) + wire[at + 1:], None


def with_tails(wires):
    for wire in wires:
        for tail in (b"\0", b"\xff", b"\0" * 11, wire[12:], b"\xc0\x0c" * 40):
            yield wire + tail, "FORMERR"


def with_flips(wires, random):
    for _ in range(BIT_FLIPS):
        wire = bytearray(random.choice(wires))
        for _ in range(random.choice((1, 1, 2, 5))):
            wire[random.randrange(2, len(wire))] ^= 1 << random.randrange(8)
        yield bytes(wire), None


def random_messages(random):
    for _ in range(RANDOM_MESSAGES):
        yield random.randbytes(random.choice((2, 5, 11, 12, 13, 17, 30, 100, 512, 1232, 1500))), None


def check_answer(sent, wire, rcode):
    """What holds for every answer, whatever was asked."""
    if len(wire) < HEADER_LEN or not wire[2] & 0x80:
        raise Failure("no answer: %s" % wire.hex())
    if wire[2] >> 3 & 15 != sent[2] >> 3 & 15:
        raise Failure("the opcode is not echoed")
    if wire[3] & 0xf0:
        raise Failure("RA, Z, AD or CD is set")
    if len(wire) > 1232:
        raise Failure("%d octets" % len(wire))
    try:
        message = decode(wire)
    except Exception as error:  # whatever dnspython finds wrong with it
        raise Failure("the answer does not decode: %s: %s" % (error, wire.hex())) from error
    have = dns.rcode.to_text(message.rcode())
    if sent[2] >> 3 & 15 != 0:
        rcode = "NOTIMP"
    if rcode is not None and have != rcode:
        raise Failure("RCODE is %s, not %s" % (have, rcode))
    if message.question:
        end = HEADER_LEN + len(message.question[0].name.to_wire()) + 4
        if wire[HEADER_LEN:end] != sent[HEADER_LEN:end]:
            raise Failure("another question is echoed")
    return have


class Prober:
    """Sends bursts with distinct IDs and sorts the answers."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect((ADDRESS["udp4"], 53))
        self.next_id = 1
        self.sent = 0
        self.rcodes = collections.Counter()

    def burst(self, cases):
        expected = {}
        for wire, rcode in cases:
            self.next_id = self.next_id % 65535 + 1
            wire = struct.pack("!H", self.next_id) + wire[2:]
            self.sock.send(wire)
            self.sent += 1
            expected[wire[:2]] = (wire, rcode)
        self.collect(expected)

    def collect(self, expected):
        due = {wire[:2] for wire, _ in expected.values() if len(wire) >= HEADER_LEN and not wire[2] & 0x80}
        end = time.monotonic() + ANSWER_WAIT_S
        while True:
            wait = end - time.monotonic() if due else DROP_WAIT_S
            if wait <= 0 or not select.select([self.sock], [], [], wait)[0]:
                break
            wire = self.sock.recv(65535)
            if wire[:2] not in due:
                raise Failure("an answer that nobody waits for, to %s" % expected.get(wire[:2], ("?",))[0])
            due.discard(wire[:2])
            sent, rcode = expected[wire[:2]]
            try:
                self.rcodes[check_answer(sent, wire, rcode)] += 1
            except Failure as failure:
                raise Failure("%s; sent %s; answer %s" % (failure, sent.hex(), wire.hex())) from failure
        if due:
            raise Failure("no answer to %s" % expected[next(iter(due))][0].hex())


def probe(scene, name, cases):
    prober, burst = Prober(), []
    for case in cases:
        burst.append(case)
        if len(burst) == BURST:
            prober.burst(burst)
            burst = []
    prober.burst(burst)
    scene.check_alive("txtd")
    if not serves("127.0.0.1", APEX):
        raise Failure("after %s a good query is not answered" % name)
    print("%-16s %5d messages: %s" % (name, prober.sent, dict(prober.rcodes)))


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def tcp_connection():
    sock = socket.create_connection((ADDRESS["tcp4"], 53), 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def tcp_answer(sock):
    header = receive_exactly(sock, 2)
    return receive_exactly(sock, struct.unpack("!H", header)[0]) if header else None


def probe_tcp(scene, wires):
    """RFC 7766: lengths that lie, messages in pieces, many at once."""
    for octets in (b"", b"\0", b"\0\0", b"\0\5abcde", b"\0\x0bxxxxxxxxxxx", b"\xff\xffshort", framed(wires[0])[:-3]):
        with tcp_connection() as sock:
            sock.sendall(octets)
            sock.shutdown(socket.SHUT_WR)
            if sock.recv(65535):
                raise Failure("TCP: an answer to %r" % octets)
    with tcp_connection() as sock:
        for octet in framed(wires[1]):
            sock.sendall(bytes([octet]))
        check_answer(wires[1], tcp_answer(sock) or b"", "NOERROR")
    with tcp_connection() as sock:
        sock.sendall(b"".join(framed(struct.pack("!H", number) + wires[2][2:]) for number in range(300)))
        seen = {(tcp_answer(sock) or b"\xff\xff")[:2] for _ in range(300)}
        if seen != {struct.pack("!H", number) for number in range(300)}:
            raise Failure("TCP: of 300 pipelined queries %d were answered" % len(seen))
    with tcp_connection() as sock:  # a malformed message does not take the connection with it, or closes it cleanly
        sock.sendall(framed(wires[0][:-1]) + framed(wires[0]))
        check_answer(wires[0][:-1], tcp_answer(sock) or b"", "FORMERR")
    scene.check_alive("txtd")
    if exchange("tcp4", ADDRESS["tcp4"], wires[0]) is None:
        raise Failure("TCP: a good query is not answered any more")


def test(scene, program):
    random = seeded_random()
    txtd = Txtd(scene, program)
    txtd.start()
    wires = seeds(Delegates(txtd, 1).of(2)[0])
    probe(scene, "good", [(wire, None) for wire in wires])
    probe(scene, "truncated", truncated(wires))
    probe(scene, "counts", with_counts(wires, random))
    probe(scene, "pointers", with_pointers(wires, random))
    probe(scene, "tails", with_tails(wires))
    probe(scene, "bit flips", with_flips(wires, random))
    probe(scene, "random", random_messages(random))
    probe_tcp(scene, wires)


if __name__ == "__main__":
    run(test)
