#!/usr/bin/python3
"""Resolution as a certificate authority does it: through unbound (QNAME minimisation, 0x20, hardening, small EDNS buffers)
and through BIND, from a private root down to txtd, over IPv4 and IPv6."""

import os
import time
import uuid

import dns.flags
import dns.message
import dns.query
import dns.rcode

from harness import (APEX, Delegates, Failure, Txtd, exchange, run, seeded_random, soa_query, start_knot, values_for)

ROOT, CUSTOMERS = "127.0.0.6", "127.0.0.2"
NEGATIVE_TTL_S = 3

ROOT_ZONE = """
. 3600 SOA a.root.test. host.root.test. 1 3600 600 86400 60
. 3600 NS a.root.test.
a.root.test. 3600 A {root}
{apex}. 3600 NS ns1.{apex}.
ns1.{apex}. 3600 A 127.0.0.1
ns1.{apex}. 3600 AAAA ::1
{apex}. 3600 NS ns2.other.test.
other.test. 3600 NS ns2.other.test.
ns2.other.test. 3600 A 127.0.0.1
customer.test. 3600 NS ns.customer.test.
ns.customer.test. 3600 A {customers}
"""

UNBOUND = """
server:
  interface: {address}
  access-control: 127.0.0.0/8 allow
  directory: "{directory}"
  pidfile: ""
  chroot: ""
  username: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  root-hints: "{directory}/root.hints"
  local-zone: "test." nodefault
  do-not-query-localhost: no
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
  harden-glue: yes
  harden-below-nxdomain: yes
  harden-referral-path: yes
  harden-large-queries: yes
  harden-short-bufsize: no
  edns-buffer-size: {size}
  max-udp-size: 4096
remote-control:
  control-enable: no
"""

NAMED = """
options {{
  directory "{directory}";
  listen-on port 53 {{ {address}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile "{directory}/session.key";
  managed-keys-directory "{directory}";
  recursion yes;
  allow-query {{ any; }};
  dnssec-validation no;
  empty-zones-enable no;
  qname-minimization strict;
  edns-udp-size {size};
}};
controls {{ }};
zone "." {{ type hint; file "{directory}/root.hints"; }};
"""


def start_authorities(scene, delegates):
    scene.write("root.hints", ". 3600 NS a.root.test.\na.root.test. 3600 A %s\n" % ROOT)
    root = scene.write("root.zone", ROOT_ZONE.format(root=ROOT, apex=APEX, customers=CUSTOMERS))
    start_knot(scene, {".": root}, ROOT, "root")
    lines = ["$ORIGIN customer.test.", "@ 60 SOA ns host 1 3600 600 86400 5", "@ 60 NS ns", "ns 60 A " + CUSTOMERS]
    lines += ["_acme-challenge.site%d 60 CNAME %s.%s." % (number, name, APEX)
              for number, name in enumerate(delegates.values)]
    customers = scene.write("customer.zone", "\n".join(lines) + "\n")
    start_knot(scene, {"customer.test": customers}, CUSTOMERS, "customers")


def start_resolver(scene, name, address, configuration, size, *command):
    directory = scene.path(name)
    os.makedirs(directory)
    os.link(scene.path("root.hints"), os.path.join(directory, "root.hints"))
    path = scene.write(name + ".conf", configuration.format(address=address, directory=directory, size=size))
    scene.start(name, *command, path)
    scene.wait_for(name, lambda: exchange("udp4", address, soa_query("customer.test"), 0.5) is not None)


class Resolver:
    """One resolver to be asked."""

    def __init__(self, name, address):
        self.name, self.address = name, address

    def ask(self, owner, rdtype):
        query = dns.message.make_query(owner, rdtype, use_edns=0, payload=4096)
        try:
            answer, _ = dns.query.udp_with_fallback(query, self.address, timeout=6)
        except dns.exception.Timeout as error:
            raise Failure("%s: no answer for %s %s" % (self.name, owner, rdtype)) from error
        return answer

    def texts(self, owner, rdtype="TXT"):
        """The data of the asked type, through CNAMEs."""
        return sorted(rdata.to_text().strip('"') for rrset in self.ask(owner, rdtype).answer for rdata in rrset
                      if rdata.rdtype == dns.rdatatype.from_text(rdtype))

    def expect(self, owner, rdtype, rcode, data):
        answer = self.ask(owner, rdtype)
        have = sorted(rdata.to_text().strip('"') for rrset in answer.answer for rdata in rrset
                      if rdata.rdtype == dns.rdatatype.from_text(rdtype))
        if dns.rcode.to_text(answer.rcode()) != rcode or have != sorted(data):
            raise Failure("%s: %s %s is %s %s, not %s %s" % (
                self.name, owner, rdtype, dns.rcode.to_text(answer.rcode()), have, rcode, sorted(data)))


def check_delegates(resolver, delegates, random):
    for number, (name, values) in enumerate(delegates.values.items()):
        owner = "".join(random.choice((c, c.upper())) for c in "%s.%s." % (name, APEX))
        resolver.expect("_acme-challenge.site%d.customer.test." % number, "TXT", "NOERROR", values)
        resolver.expect(owner, "TXT", "NOERROR", values)
        resolver.expect(owner, "A", "NOERROR", [])
        resolver.expect(owner, "CAA", "NOERROR", ['0 issue ";'])
        # A name below does not exist, which must not take the delegate with it (RFC 8020 in reverse).
        resolver.expect("_acme-challenge." + owner, "TXT", "NXDOMAIN", [])
        resolver.expect(owner, "TXT", "NOERROR", values)
    resolver.expect("%s.%s." % (uuid.UUID(int=random.getrandbits(128)), APEX), "TXT", "NXDOMAIN", [])


def check_static(resolver):
    rows = (
        ("www", "A", "NOERROR", ["192.0.2.80", "192.0.2.81"]),
        ("www", "AAAA", "NOERROR", ["2001:db8::80"]),
        ("www", "TXT", "NOERROR", []),
        ("alias2", "AAAA", "NOERROR", ["2001:db8::80"]),
        ("alias-other", "A", "NOERROR", ["198.51.100.80"]),
        ("chain1", "AAAA", "NOERROR", ["2001:db8::80"]),
        ("alias-nx", "A", "NXDOMAIN", []),
        ("alias-nodata", "A", "NOERROR", []),
        ("ent", "A", "NOERROR", []),
        ("b.ent", "TXT", "NOERROR", []),
        ("a.b.ent", "TXT", "NOERROR", ["below two empty non-terminals"]),
        ("nothing", "A", "NXDOMAIN", []),
        ("host.deep", "A", "NOERROR", ["192.0.2.90"]),
        ("nothing.deep", "A", "NXDOMAIN", []),
        ("_443._tcp.www", "TLSA", "NOERROR", ["3 1 1 " + "0123456789abcdef" * 4]),
    )
    for owner, rdtype, rcode, data in rows:
        resolver.expect("%s.%s." % (owner, APEX), rdtype, rcode, data)
    if len(resolver.texts("big.%s." % APEX)) != 20:  # more than UDP carries: the resolver has to come back over TCP
        raise Failure("%s: the answer that needs TCP" % resolver.name)
    if len(resolver.texts("medium.%s." % APEX)) != 3:
        raise Failure("%s: the answer above 512 octets" % resolver.name)


def check_update(resolvers, txtd):
    """What was asked for too early is seen soon after the update, at every resolver."""
    account = txtd.register()
    owner = "%s.%s." % (account["subdomain"], APEX)
    for resolver in resolvers:
        resolver.expect(owner, "TXT", "NOERROR", [])
    first, second, third = values_for(account, 3)
    for value, wanted, wait in ((first, [first], NEGATIVE_TTL_S + 2), (second, [first, second], 3),
                                (third, [second, third], 3)):
        txtd.update(account, value)
        end = time.monotonic() + wait
        for resolver in resolvers:
            while resolver.texts(owner) != sorted(wanted):
                if time.monotonic() > end:
                    raise Failure("%s: %d s after the update: %s, not %s" % (
                        resolver.name, wait, resolver.texts(owner), wanted))
                time.sleep(0.1)


def test(scene, program):
    random = seeded_random()
    txtd = Txtd(scene, program)
    txtd.start()
    delegates = Delegates(txtd, 5)
    start_authorities(scene, delegates)
    start_resolver(scene, "unbound-512", "127.0.0.4", UNBOUND, 512, "unbound", "-d", "-c")
    start_resolver(scene, "unbound-1232", "127.0.0.7", UNBOUND, 1232, "unbound", "-d", "-c")
    start_resolver(scene, "named", "127.0.0.5", NAMED, 512, "named", "-g", "-n", "1", "-c")
    resolvers = [Resolver("unbound-512", "127.0.0.4"), Resolver("unbound-1232", "127.0.0.7"), Resolver("named", "127.0.0.5")]
    for resolver in resolvers:
        check_delegates(resolver, delegates, random)
        check_static(resolver)
        print("%s resolves" % resolver.name)
    check_update(resolvers, txtd)


if __name__ == "__main__":
    run(test)
