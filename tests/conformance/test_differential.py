#!/usr/bin/python3
"""Thousands of random queries to txtd, Knot DNS and NSD, which serve the same data. Every difference must match an entry of
differential.toml, which names the class of query and the RFC that allows both; an unmatched difference fails, and so
does an entry that nothing matches any more."""

import collections
import os
import socket
import time
import tomllib
import types
import uuid

import dns.rcode
import dns.rdataclass
import dns.rdatatype

from harness import (APEX, Delegates, Failure, HERE, Txtd, exchange, peer_zones, run, seeded_random, start_knot,
                     start_nsd)
from messages import Query, decode

QUERIES = 6000
REPORTED_MAX = 25
SERVERS = {"txtd": "127.0.0.1", "knot": "127.0.0.2", "nsd": "127.0.0.3"}
ANSWER_WAIT_S = {"txtd": 10.0, "knot": 1.0, "nsd": 1.0}  # txtd has one try, and a busy machine may be slow
PEER_TRIES = 8
PEER_PAUSE_S = 0.1  # and twice as long with each try: a peer may have run out of TCP connections for a moment

STATIC = ("ns1 mail www mixed _443._tcp.www _web._tcp text host unknown alias alias2 alias-case alias-nodata alias-nx "
          "alias-far alias-other alias-deep loop1 loop2 self chain0 chain1 chain5 a.b.ent deep medium big").split()
ENTS = ["ent", "b.ent", "_tcp", "_tcp.www"]
BESIDE = ["example.com.", ".", "test.", "conform.test.", "xauth.conform.test.", "auth.conform.tes.", "other.conform.test.",
          "auth.conform.test.example.", "1.0.0.127.in-addr.arpa.", "COM.", "id.server.", "version.bind."]
COMMON_TYPES = ["A", "AAAA", "TXT", "NS", "SOA", "CNAME", "MX", "CAA", "DS", "SRV", "HTTPS", "TLSA"]
OTHER_TYPES = ["MD", "PTR", "HINFO", "LOC", "NAPTR", "KX", "CERT", "DNAME", "APL", "SSHFP", "IPSECKEY", "RRSIG", "NSEC",
               "DNSKEY", "NSEC3", "NSEC3PARAM", "CDS", "CDNSKEY", "SPF", "URI", "NULL", "TYPE1000", "TYPE65280", "TYPE65534"]
ODD_TYPES = ["ANY", "AXFR", "IXFR", "MAILB", "MAILA", "TYPE0", "TYPE128", "TYPE200", "OPT", "TSIG", "TKEY", "TYPE65535"]
CODES_OF_MEANING = (3, 10, 15)  # NSID, COOKIE, EDE: compared apart; every other option as it is


def pick_name(random, delegates):
    """(where, name): a name in, at, below or beside the zones."""
    alive = random.choice(delegates.of(random.choice((1, 2))))
    idle = random.choice(delegates.of(0))
    static = random.choice(STATIC)
    where, name = random.choice((
        ("apex", "@"), ("apex", "@"), ("live", alive), ("live", alive), ("live", alive), ("idle", idle),
        ("unknown", str(uuid.UUID(int=random.getrandbits(128)))), ("form", alive.replace("-", "")), ("form", alive[:-1]),
        ("below", "_acme-challenge." + random.choice((alive, idle))), ("below", "x.y." + alive),
        ("otherzone", alive + ".other.test."), ("otherzone", alive + ".deep"),
        ("static", static), ("static", static), ("static", static), ("belowstatic", "x." + static),
        ("ent", random.choice(ENTS)), ("missing", "nothing"), ("missing", "x.y.nothing.ent"),
        ("deep", random.choice(("deep", "host.deep", "up.deep", "x.deep", "x.host.deep"))),
        ("other", random.choice(("other.test.", "www.other.test.", "ns2.other.test.", "back.other.test.", "x.other.test."))),
        ("beside", random.choice(BESIDE)),
    ))
    if not name.endswith("."):
        name = APEX + "." if name == "@" else "%s.%s." % (name, APEX)
    return where, name


def shuffle_case(random, name):
    return "".join(random.choice((c.lower(), c.upper())) for c in name)


def pick_edns(random):
    """The words of an OPT, or none."""
    if random.random() < 0.4:
        return []
    words = [("edns", 0 if random.random() < 0.93 else random.choice((1, 2, 255)))]
    words.append(("size", random.choice((0, 512, 1232, 1232, 1400, 4096, 65535))))
    if random.random() < 0.3:
        words.append(("do", ""))
    if random.random() < 0.1:
        words.append(("eflags", random.choice(("0x4000", "0x0080", "0x7fff"))))
    for option in random.sample(("3:", "8:00010000", "9:", "100:", "65001:0102", "12:000000"), random.choice((0, 0, 0, 1, 2))):
        words.append(("option", option))
    if random.random() < 0.1:
        words.append(("cookie", random.choice(("client", "server", "bad"))))
    return words


def pick_query(random, delegates):
    where, name = pick_name(random, delegates)
    if random.random() < 0.3:
        name = shuffle_case(random, name)
    kind = random.choice((COMMON_TYPES,) * 8 + (OTHER_TYPES,) * 3 + (ODD_TYPES,))
    words = [("name", name), ("type", random.choice(kind))]
    if random.random() < 0.04:
        words.append(("class", random.choice(("CH", "HS", "NONE", "ANY", "CLASS7"))))
    flags = [flag for flag in ("aa", "tc", "rd", "ra", "z", "ad", "cd") if random.random() < 0.12]
    if flags:
        words.append(("flags", ",".join(flags)))
    if random.random() < 0.03:
        words.append(("opcode", random.choice((1, 2, 3, 4, 5, 6, 15))))
    words += pick_edns(random)
    if random.random() < 0.03:
        words.append(("extra", "x 60 IN A 192.0.2.1"))
    transport = "tcp4" if random.random() < 0.1 else "udp4"
    row = types.SimpleNamespace(query=[(key, "=", str(value)) for key, value in words])
    query = Query(row, "127.0.0.1")
    query.where, query.transport, query.owner = where, transport, name.lower()
    query.words = " ".join("%s=%s" % word for word in words) + " over " + transport
    query.typename = dns.rdatatype.to_text(query.type)
    query.rdclassname = dns.rdataclass.to_text(query.rdclass)
    return query


def records(section):
    """The records of a section, names without case; two equal records stay two."""
    return sorted((str(rrset.name).lower(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata.to_digestable())
                  for rrset in section for rdata in rrset if rrset.rdtype != dns.rdatatype.OPT)


def summarise(query, wire):
    """What is compared of an answer."""
    if wire is None:
        return types.SimpleNamespace(answered=False)
    message = decode(wire)
    flags = int.from_bytes(wire[2:4], "big")
    options = {int(option.otype): option.to_wire() for option in message.options}
    ede = options.get(15)
    cookie = options.get(10)
    return types.SimpleNamespace(
        answered=True,
        id=wire[:2] == query.wire[:2], qr=flags >> 15, opcode=flags >> 11 & 15, rcode=dns.rcode.to_text(message.rcode()),
        aa=flags >> 10 & 1, tc=flags >> 9 & 1, rd=flags >> 8 & 1, ra=flags >> 7 & 1, z=flags >> 6 & 1, ad=flags >> 5 & 1,
        cd=flags >> 4 & 1, question=wire[4:6] + wire[12:12 + len(query.question)] if wire[5] else b"",
        answer=records(message.answer), authority=records(message.authority), extra=records(message.additional),
        edns=message.edns, eflags=message.ednsflags & 0xffff, nsid=options.get(3),
        ede=ede and int.from_bytes(ede[:2], "big"), cookie=cookie and cookie[:8],
        options=sorted(item for item in options.items() if item[0] not in CODES_OF_MEANING))


def differences(ours, theirs):
    if not (ours.answered and theirs.answered):
        return {"answered"} if ours.answered != theirs.answered else set()
    return {field for field in vars(ours) if getattr(ours, field) != getattr(theirs, field)}


class AllowList:
    """differential.toml: for each difference that is right, when it may happen, and how often it did."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.entries = tomllib.load(file)["allow"]
        for entry in self.entries:
            for key in ("name", "peers", "fields", "when", "rfc", "why"):
                if key not in entry:
                    raise Failure("differential.toml: an entry without %s: %r" % (key, entry))
            entry["code"] = compile(entry["when"], entry["name"], "eval")
        self.hits = collections.Counter()

    def unexplained(self, peer, query, ours, theirs):
        """The fields that differ and that no entry explains."""
        left = differences(ours, theirs)
        if not left:
            return left
        names = {"__builtins__": {}, "q": query, "ours": ours, "theirs": theirs, "all": all, "len": len}
        for entry in self.entries:
            explained = left & set(entry["fields"])
            if explained and peer in entry["peers"] and eval(entry["code"], names):
                self.hits[entry["name"]] += 1
                left = left - explained
        return left

    def report(self):
        print("%6s  %-14s %s" % ("hits", "peers", "allowed difference"))
        for entry in self.entries:
            print("%6d  %-14s %s (%s)" % (self.hits[entry["name"]], ",".join(entry["peers"]), entry["name"], entry["rfc"]))
        unused = [entry["name"] for entry in self.entries if self.hits[entry["name"]] == 0]
        if unused:
            raise Failure("entries that matched nothing, to be taken out: %s" % ", ".join(unused))


class Asker:
    """One UDP socket to each server, so that thousands of questions take seconds."""

    def __init__(self):
        self.sockets = {}
        for server, address in SERVERS.items():
            self.sockets[server] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sockets[server].connect((address, 53))
            self.sockets[server].settimeout(ANSWER_WAIT_S[server])

    def ask(self, query):
        """Each server's answer. The others, which now and then lose one, are asked again; txtd has to lose none."""
        return {server: self.ask_one(server, query, 1 if server == "txtd" else PEER_TRIES) for server in SERVERS}

    def ask_one(self, server, query, tries):
        for attempt in range(tries):
            if attempt > 0:
                time.sleep(PEER_PAUSE_S * 2 ** (attempt - 1) if attempt > 1 else 0)
            if query.transport == "tcp4":
                wire = exchange("tcp4", SERVERS[server], query.wire, ANSWER_WAIT_S[server])
            else:
                self.sockets[server].send(query.wire)
                wire = self.receive(server, query)
            if wire is not None:
                return wire
        return None

    def receive(self, server, query):
        while True:
            try:
                wire = self.sockets[server].recv(65535)
            except socket.timeout:
                return None
            if wire[:2] == query.wire[:2]:
                return wire


def describe(peer, query, fields, ours, theirs):
    lines = ["%s differs from %s: %s (%s)" % ("txtd", peer, query.words, query.where)]
    for field in sorted(fields):
        lines.append("    %s: txtd %r, %s %r" % (field, getattr(ours, field), peer, getattr(theirs, field)))
    return "\n".join(lines)


def compare(scene, delegates, allow):
    random = seeded_random()
    asker, unmatched = Asker(), 0
    for _ in range(QUERIES):
        query = pick_query(random, delegates)
        summaries = {server: summarise(query, wire) for server, wire in asker.ask(query).items()}
        for peer in ("knot", "nsd"):
            fields = allow.unexplained(peer, query, summaries["txtd"], summaries[peer])
            if fields:
                unmatched += 1
                if unmatched <= REPORTED_MAX:
                    print(describe(peer, query, fields, summaries["txtd"], summaries[peer]))
        scene.check_alive("txtd")
    return unmatched


def test(scene, program):
    txtd = Txtd(scene, program)
    txtd.start()
    delegates = Delegates(txtd, 8)
    zones = peer_zones(scene, delegates)
    start_knot(scene, zones)
    start_nsd(scene, zones)
    allow = AllowList(os.path.join(HERE, "differential.toml"))
    unmatched = compare(scene, delegates, allow)
    if unmatched:
        raise Failure("%d differences are neither fixed nor allowed" % unmatched)
    allow.report()


if __name__ == "__main__":
    run(test)
