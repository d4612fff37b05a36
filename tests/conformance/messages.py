"""Rows of the behaviour tables: a query built from words, and the words that its answer must satisfy.

A table is text, one row per line: `name | query | expectation`; '#' starts a comment; words as a shell splits them.
{braces} are replaced by the test (names of delegates, their values).

Query words (default: SOA at the apex, class IN, no flags, no EDNS):
  name=N         owner, absolute with a final dot, else below the apex; @ is the apex; its case is kept
  type=T class=C mnemonic or number          opcode=N
  flags=aa,tc    header bits set: qr aa tc rd ra z ad cd
  edns[=V]       an OPT of version V (0)     size=N  do  eflags=0x80
  option=CODE[:HEX]                          may be repeated
  cookie=client|server|stale|bad|HEX         a COOKIE: 8 octets; with the server's right answer; with one too old; wrong
  question=HEX   instead of name, type, class; no question with question=-
  counts=Q,A,N,R the header's counts, instead of the true ones
  answer=RR  authority=RR  extra=RR          a record in that section: "name ttl class type rdata", the
                 rdata as text, or "\\# hex"
  opt=HEX        a raw OPT                   tail=HEX  octets behind the message
  raw=HEX        the whole message behind the ID
  only=T,T       transports: udp4 udp6 tcp4 tcp6 udp tcp; default all

Expectation words:
  drop           no answer
  RCODE          NOERROR, NXDOMAIN, BADVERS ...
  aa  tc         that flag set (else it must be clear; `aa?` either)
  answer=X       none; a record "name ttl type rdata", repeated for each, in any order but no others;
                 or `answer=TYPE` exactly one record of that type at the question's name;
                 or `answer=TYPE*N`; `answer=any` anything; `answer=rrset` one RRset of any type. A ttl of ? is any
  authority=X extra=X   likewise; default none. SOA stands for the zone's SOA with the negative TTL
  question=no    the question is not echoed, and every count but the OPT's is 0
  opt=no opt=any no OPT although the query had one; with or without
  ede=N nsid cookie     that EDNS option is there: an Extended DNS Error, our NSID, a valid server cookie;
                 cookie=HEX when it must come from that secret. NSID and COOKIE must not be there otherwise
  max=N          octets at most
Whatever the words say, see check_rules.
"""

import random
import shlex
import struct

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

import cookies
from harness import APEX, COOKIE_SECRET, IDENTITY, Failure

FLAG_BITS = {"qr": 0x8000, "aa": 0x0400, "tc": 0x0200, "rd": 0x0100, "ra": 0x0080, "z": 0x0040, "ad": 0x0020,
             "cd": 0x0010}
OPTION_NSID, OPTION_COOKIE, OPTION_EDE = 3, 10, 15
OPTION_UNKNOWN = 100
NEGATIVE_TTL = {"auth.conform.test.": 3, "deep.auth.conform.test.": 2, "other.test.": 5}  # RFC 2308 section 3


class Row:
    """One row of a table."""

    def __init__(self, file, line, text, variables):
        fields = [field.strip() for field in text.split("|")]
        if len(fields) != 3:
            raise Failure("%s:%d: a row has three fields" % (file, line))
        for key, value in variables.items():
            fields = [field.replace("{%s}" % key, value) for field in fields]
        self.where = "%s:%d" % (file, line)
        self.name = fields[0]
        self.query = [word.partition("=") for word in shlex.split(fields[1])]
        self.expect = [word.partition("=") for word in shlex.split(fields[2])]

    def transports(self):
        chosen = next((value for key, _, value in self.query if key == "only"), "udp,tcp").split(",")
        return [name for name in ("udp4", "udp6", "tcp4", "tcp6") if name in chosen or name[:3] in chosen]


def read_table(path, variables):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    return [Row(path.rsplit("/", 1)[-1], number, line, variables)
            for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]


def absolute(name):
    """A name's wire form, case kept."""
    if name == "@":
        name = APEX + "."
    elif not name.endswith("."):
        name += "." + APEX + "."
    return dns.name.from_text(name).to_wire()


def record_wire(text):
    name, ttl, rdclass, rdtype, data = (text.split(None, 4) + [""])[:5]
    kind, group = dns.rdatatype.from_text(rdtype), dns.rdataclass.from_text(rdclass)
    if data.startswith("\\#"):
        rdata = bytes.fromhex(data[2:])
    else:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, kind, data).to_wire()
    return absolute(name) + struct.pack("!HHIH", kind, group, int(ttl), len(rdata)) + rdata


class Query:
    """The octets of a row's query, and what the checks need to know of it."""

    def __init__(self, row, address):
        self.id = random.randrange(65536)
        self.flags = self.opcode = 0
        self.type, self.rdclass = dns.rdatatype.SOA, dns.rdataclass.IN
        self.name = "@"
        self.version, self.size, self.eflags = None, 1232, 0
        self.options, self.cookie = b"", None
        self.sections = {"answer": [], "authority": [], "extra": []}
        self.question = self.counts = self.raw = self.raw_opt = None
        self.tail = b""
        self.address = address
        for key, _, value in row.query:
            self.take(key, value)
        self.wire = self.build()

    def take(self, key, value):
        if key == "flags":
            for flag in value.split(","):
                self.flags |= FLAG_BITS[flag]
        elif key == "opcode":
            self.opcode = int(value)
        elif key == "name":
            self.name = value
        elif key == "type":
            self.type = dns.rdatatype.from_text(value)
        elif key == "class":
            self.rdclass = dns.rdataclass.from_text(value)
        elif key == "edns":
            self.version = int(value or 0)
        elif key == "size":
            self.size = int(value)
        elif key == "do":
            self.eflags |= 0x8000
        elif key == "eflags":
            self.eflags |= int(value, 16)
        elif key == "option":
            code, _, data = value.partition(":")
            self.add_option(int(code), bytes.fromhex(data))
        elif key == "cookie":
            self.add_option(OPTION_COOKIE, cookies.make(value, self.address))
            self.cookie = cookies.CLIENT
        elif key == "question":
            self.question = b"" if value == "-" else bytes.fromhex(value)
        elif key == "counts":
            self.counts = [int(count) for count in value.split(",")]
        elif key in self.sections:
            self.sections[key].append(record_wire(value))
        elif key == "opt":
            self.raw_opt = bytes.fromhex(value)
        elif key == "tail":
            self.tail = bytes.fromhex(value)
        elif key == "raw":
            self.raw = bytes.fromhex(value)
        elif key != "only":
            raise Failure("unknown query word %s" % key)

    def add_option(self, code, data):
        self.options += struct.pack("!HH", code, len(data)) + data
        if self.version is None:
            self.version = 0

    def build(self):
        if self.raw is not None:
            return struct.pack("!H", self.id) + self.raw
        has_question = self.question is None
        if has_question:
            self.question = absolute(self.name) + struct.pack("!HH", self.type, self.rdclass)
        extra = list(self.sections["extra"])
        if self.raw_opt is not None:
            extra.append(self.raw_opt)
        elif self.version is not None:
            extra.append(b"\0" + struct.pack("!HHBBHH", dns.rdatatype.OPT, self.size, 0, self.version, self.eflags,
                                             len(self.options)) + self.options)
        counts = self.counts or [int(bool(self.question)), len(self.sections["answer"]),
                                 len(self.sections["authority"]), len(extra)]
        header = struct.pack("!HHHHHH", self.id, self.flags | self.opcode << 11, *counts)
        return (header + self.question + b"".join(self.sections["answer"]) + b"".join(self.sections["authority"]) +
                b"".join(extra) + self.tail)


class Expectation:
    """The words of a row's third field."""

    def __init__(self, words):
        self.drop = False
        self.rcode = None
        self.flags = set()
        self.flags_free = set()
        self.sections = {"answer": [], "authority": [], "extra": []}
        self.question = True
        self.opt = True
        self.ede = self.max = None
        self.options = set()
        self.secret = COOKIE_SECRET
        for key, _, value in words:
            self.take(key, value)

    def take(self, key, value):
        if key == "drop":
            self.drop = True
        elif key in ("aa", "tc"):
            self.flags.add(key)
        elif key in ("aa?", "tc?"):
            self.flags_free.add(key[:2])
        elif key in self.sections:
            self.sections[key].append(value)
        elif key == "question":
            self.question = False
        elif key == "opt":
            self.opt = None if value == "any" else False
        elif key == "ede":
            self.ede = int(value)
        elif key in ("nsid", "cookie"):
            self.options.add(key)
            self.secret = value or COOKIE_SECRET
        elif key == "max":
            self.max = int(value)
        elif key.isupper():
            self.rcode = key
        else:
            raise Failure("unknown expectation word %s" % key)


def decode(wire):
    """dnspython's reading of an answer; an opcode that it does not know must not hide the rest from it."""
    return dns.message.from_wire(wire[:2] + bytes([wire[2] & 0x87]) + wire[3:], one_rr_per_rrset=True)


def need(condition, text, *arguments):
    if not condition:
        raise Failure(text % arguments)


def check_rules(query, wire, message, expect, transport):
    """What holds for every answer: RFC 1035 section 4.1.1, RFC 6891 section 6.1, RFC 8906."""
    flags, qdcount, ancount, nscount, arcount = struct.unpack("!HHHHH", wire[2:12])
    need(wire[:2] == query.wire[:2], "the ID is not echoed")
    need(flags & 0x8000, "QR is not set")
    need(flags >> 11 & 15 == query.opcode, "the opcode is not echoed")
    rd = query.flags & 0x0100 if query.opcode == 0 else 0
    need(flags & 0x0100 == rd, "RD is %d", bool(flags & 0x0100))
    need(flags & 0x00f0 == 0, "RA, Z, AD or CD is set: %04x", flags)
    for name in ("aa", "tc"):
        if name not in expect.flags_free:
            need(bool(flags & FLAG_BITS[name]) == (name in expect.flags), "%s is %d", name, bool(flags & FLAG_BITS[name]))
    if expect.question:
        need(qdcount == int(bool(query.question)), "QDCOUNT is %d", qdcount)
        need(wire[12:12 + len(query.question)] == query.question, "the question is not echoed octet by octet")
    else:
        need((qdcount, ancount, nscount) == (0, 0, 0), "counts are %d %d %d", qdcount, ancount, nscount)
    has_opt = message.edns >= 0
    wants_opt = query.version is not None and expect.opt
    need(has_opt == wants_opt or expect.opt is None, "OPT is %sthere", "" if has_opt else "not ")
    need(expect.question or arcount == int(has_opt), "ARCOUNT is %d", arcount)
    if has_opt:
        need(message.edns == 0, "the OPT's version is %d", message.edns)
        need(message.ednsflags & 0x7fff == 0, "EDNS flags %04x", message.ednsflags)
        need(message.ednsflags & 0x8000 == query.eflags & 0x8000, "DO is not echoed")
        need(message.payload >= 512, "the OPT offers %d octets", message.payload)
        need(all(int(option.otype) != OPTION_UNKNOWN for option in message.options), "option 100 is echoed")
        need(len(message.options) == len({int(option.otype) for option in message.options}), "an option stands twice")
    if transport.startswith("udp"):
        limit = 512 if query.version is None else max(512, min(query.size, 1232))
        need(len(wire) <= limit, "%d octets, over UDP and its limit of %d", len(wire), limit)


def record_text(rrset, rdata, ttl=None):
    return "%s %s %s %s" % (rrset.name, ttl or rrset.ttl, dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())


def wanted_record(text):
    name, ttl, rdtype, data = text.split(None, 3)
    owner = dns.name.from_wire(absolute(name), 0)[0]
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), data,
                                origin=dns.name.from_text(APEX), relativize=False)
    return "%s %s %s %s" % (owner, ttl, rdtype, rdata.to_text())


def check_section(query, section, rrsets, wanted):
    have = [record_text(rrset, rdata) for rrset in rrsets for rdata in rrset]
    if wanted == ["any"]:
        return
    if not wanted or wanted == ["none"]:
        need(not have, "%s: %s", section, have)
        return
    if wanted == ["SOA"] and section == "authority":
        need(len(have) == 1 and rrsets[0].rdtype == dns.rdatatype.SOA, "authority is not one SOA: %s", have)
        zone = rrsets[0].name.to_text()
        need(zone.lower() in NEGATIVE_TTL and rrsets[0].ttl == NEGATIVE_TTL[zone.lower()],
             "the SOA is %s, TTL %d", zone, rrsets[0].ttl)
        return
    if wanted == ["rrset"]:
        need(len({(rrset.name, rrset.rdtype) for rrset in rrsets}) == 1, "%s is not one RRset: %s", section, have)
        return
    if len(wanted) == 1 and " " not in wanted[0]:
        rdtype, _, count = wanted[0].partition("*")
        need(len(have) == int(count or 1), "%s has %d records: %s", section, len(have), have)
        for rrset in rrsets:
            need(dns.rdatatype.to_text(rrset.rdtype) == rdtype, "%s has a %s", section, dns.rdatatype.to_text(rrset.rdtype))
            need(section != "answer" or rrset.name.to_wire() == absolute(query.name), "the owner is %s", rrset.name)
        return
    if any(text.split()[1] == "?" for text in wanted):
        have = [record_text(rrset, rdata, "?") for rrset in rrsets for rdata in rrset]
    want = sorted(wanted_record(text) for text in wanted)
    need(sorted(have) == want, "%s is\n    %s\nnot\n    %s", section, "\n    ".join(sorted(have)), "\n    ".join(want))


def option_data(message, code):
    for option in message.options:
        if int(option.otype) == code:
            return option.to_wire()
    return None


def check_options(query, message, expect):
    if expect.ede is not None:
        data = option_data(message, OPTION_EDE)
        need(data is not None and struct.unpack("!H", data[:2])[0] == expect.ede, "EDE is %r", data)
    nsid = option_data(message, OPTION_NSID)
    need((nsid is not None) == ("nsid" in expect.options), "NSID is %r", nsid)
    need(nsid is None or nsid == IDENTITY.encode(), "NSID is %r", nsid)
    cookie = option_data(message, OPTION_COOKIE)
    if "cookie" in expect.options:
        need(cookie is not None, "no COOKIE")
        cookies.check(cookie, query.address, expect.secret)
    else:
        need(cookie is None, "a COOKIE: %r", cookie)


def check_answer(row, query, wire, transport):
    """Raises Failure unless the answer (octets, or None) is what the row says."""
    expect = Expectation(row.expect)
    if expect.drop:
        need(wire is None, "answered: %r", wire)
        return
    need(wire is not None, "no answer")
    try:
        message = decode(wire)
    except Exception as error:  # whatever dnspython finds wrong with it
        raise Failure("it does not decode: %s: %r" % (error, wire)) from error
    check_rules(query, wire, message, expect, transport)
    need(dns.rcode.to_text(message.rcode()) == expect.rcode, "RCODE is %s", dns.rcode.to_text(message.rcode()))
    for section, rrsets in (("answer", message.answer), ("authority", message.authority), ("extra", message.additional)):
        check_section(query, section, rrsets, expect.sections[section])
    check_options(query, message, expect)
    need(expect.max is None or len(wire) <= expect.max, "%d octets", len(wire))
