#!/usr/bin/python3
"""dns.xdp: txtd answers over AF_XDP what it answers over the kernel's UDP, and leaves no program attached however it ends.

    test_xdp.py TXTD TXTCTL

Runs in namespaces of its own. Two veth pairs, the first of two queues, lead into a client's network namespace: xs0-xc0 (10.77.0.1-10.77.0.2) and
xs1-xc1 (10.78.0.1-10.78.0.2). What the server's own namespace asks 10.77.0.1 goes by loopback, so by the kernel's UDP.
TXTD_SKIP_XDP=1 skips it on a machine that has no AF_XDP.
"""
import ctypes
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import dns.edns
import dns.flags
import dns.message

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
import test_takeover  # noqa: E402

VALUE = "___validation_token_received_from_the_ca___"
LISTEN = ["127.0.0.1:0", "0.0.0.0:53", "[::]:53"]
FLOOD = 20000
SKIPPED = 77  # what CMakeLists.txt tells ctest
CAPABILITIES = "net_bind_service net_admin net_raw bpf ipc_lock".split()
QUEUES = (2, 1)  # of the two pairs
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise service.Failure("%s: %s" % (" ".join(command), done.stderr))
    return done.stdout


class Client:
    """The client's network namespace, at the other ends of the pairs."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        while os.readlink("/proc/%d/ns/net" % self.holder.pid) == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        self.namespace = os.open("/proc/%d/ns/net" % self.holder.pid, os.O_RDONLY)
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        run("ip", "link", "set", "lo", "up")
        for number in (0, 1):
            self.make_pair(number)

    def make_pair(self, number):
        server, client, prefix = "xs%d" % number, "xc%d" % number, 77 + number
        queues = ("numrxqueues", str(QUEUES[number]), "numtxqueues", str(QUEUES[number]))
        run("ip", "link", "add", server, *queues, "type", "veth", "peer", "name", client, *queues, "netns", str(self.holder.pid))
        for name, host, enter in ((server, 1, []), (client, 2, ["nsenter", "--net=/proc/%d/ns/net" % self.holder.pid])):
            run(*enter, "ip", "address", "add", "10.%d.0.%d/24" % (prefix, host), "dev", name)
            run(*enter, "ip", "address", "add", "fd%d::%d/64" % (prefix, host), "dev", name, "nodad")
            run(*enter, "ip", "link", "set", name, "up")

    def close(self):
        self.holder.kill()
        self.holder.wait()

    def enter(self, namespace):
        if LIBC.setns(namespace, CLONE_NEWNET) != 0:
            raise service.Failure("setns: " + os.strerror(ctypes.get_errno()))

    def socket(self, family):
        self.enter(self.namespace)
        try:
            return socket.socket(family, socket.SOCK_DGRAM)
        finally:
            self.enter(self.home)

    def exchange(self, address, wire):
        """Asks from the client's side."""
        return exchange(self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET), address, wire)

    def dig(self, address, name):
        return service.dig_values(["nsenter", "--net=/proc/%d/ns/net" % self.holder.pid, "dig", "@" + address, "+short",
                                   "+norecurse", "+notcp", "+ignore", "+tries=3", "+time=10", name, "TXT"])


def exchange(sock, address, wire):
    with sock:
        sock.settimeout(10)
        sock.connect((address, 53))
        for _ in range(3):
            sock.send(wire)
            try:
                return sock.recv(65535)
            except socket.timeout:
                pass
    raise service.Failure("%s does not answer" % address)


def is_attached(interface):
    return "xdp" in json.loads(run("ip", "-json", "link", "show", "dev", interface))[0]


def expect_detached(how):
    """The kernel takes the program off as the process's descriptors go."""
    deadline = time.monotonic() + 30
    for interface in ("xs0", "xs1"):
        while is_attached(interface):
            if time.monotonic() > deadline:
                raise service.Failure("the program is still attached to %s after %s" % (interface, how))
            time.sleep(0.02)


def metrics(txtd):
    """Every sample by its name and labels."""
    status, text = txtd.get_internal("/metrics")
    if status != 200:
        raise service.Failure("/metrics was answered %d" % status)
    return {name: float(value) for name, value in re.findall(r"^([^# ]\S*) (\S+)$", text, re.MULTILINE)}, text


def expect(what, got, wanted):
    if got != wanted:
        raise service.Failure("%s is %r, not %r" % (what, got, wanted))


def expect_least(what, got, least):
    """A client on a busy machine may have asked again."""
    if got < least:
        raise service.Failure("%s is %r, not at least %r" % (what, got, least))


def queries(account, idle):
    """One of every kind, as octets."""
    zone = service.ZONE
    live, empty = account["fulldomain"], idle["fulldomain"]
    messages = [dns.message.make_query(name, kind, **options) for name, kind, options in (
        (live, "TXT", {}), (live.upper(), "TXT", {}), (live, "TXT", {"use_edns": 0}), (live, "CAA", {}), (live, "A", {}),
        (empty, "TXT", {}), ("x." + live, "TXT", {}), ("unknown." + zone, "TXT", {"use_edns": 0, "want_dnssec": True}),
        (zone, "SOA", {}), (zone, "NS", {}), (zone, "ANY", {}), (zone, "TYPE666", {}), ("other.test", "A", {"use_edns": 0}),
        ("version.bind", "TXT", {"rdclass": "CH"}), (zone, "SOA", {"use_edns": 1}), (zone, "AXFR", {}),
        (zone, "SOA", {"use_edns": 0, "options": [dns.edns.GenericOption(3, b"")]}), (live, "DS", {}),
        (live, "TYPE128", {"use_edns": 0}), (live, "TXT", {"use_edns": 0, "options": [dns.edns.GenericOption(12, bytes(1000))]}),
        (live, "TXT", {"use_edns": 0, "options": [dns.edns.GenericOption(10, b"a client")]}),
        (live, "TXT", {"use_edns": 0, "options": [dns.edns.GenericOption(10, b"a client, not its server")]}))]
    wires = []
    for number, message in enumerate(messages):
        message.id = 0x1000 + number
        wires.append(message.to_wire())
    wires.append(b"\x20\x00\x78" + bytes(9))  # opcode 15
    wires.append(wires[0][:-3])  # a question that runs out
    question = wires[0][12:]
    wires.append(wires[0][:4] + b"\0\2" + wires[0][6:12] + question + question)
    wires.append(wires[0][:11] + b"\1" + question + b"\0\0\xfa\0\xff" + bytes(6))  # TSIG
    for cookie in (b"a client", b"a client, not its server"):  # without a question
        option = struct.pack(">HH", 10, len(cookie)) + cookie
        wires.append(b"\x20\1\1" + bytes(8) + b"\1\0\0\x29\4\xd0" + bytes(4) + struct.pack(">H", len(option)) + option)
    return wires


def without_server_cookie(wire):
    """It differs from client to client and from second to second."""
    return re.sub(rb"(\0\x0a\0\x18a client).{16}", rb"\1", wire, flags=re.DOTALL)


def check_equal(client, address, wire):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kernel = without_server_cookie(exchange(socket.socket(family, socket.SOCK_DGRAM), address, wire))
    xdp = without_server_cookie(client.exchange(address, wire))
    if kernel != xdp:
        raise service.Failure("%s is answered %s by the kernel's UDP and %s by XDP" % (wire.hex(), kernel.hex(), xdp.hex()))


def check_answers(client, txtd):
    account, idle = txtd.register(), txtd.register()
    connection = txtd.connect()
    for number in range(2):
        service.update(connection, account, VALUE[:-1] + str(number))
    connection.close()
    before, _ = metrics(txtd)
    both = sorted(VALUE[:-1] + str(number) for number in range(2))
    for address in ("10.77.0.1", "fd77::1", "10.78.0.1"):
        expect("dig @%s" % address, sorted(client.dig(address, account["fulldomain"])), both)
    after, _ = metrics(txtd)
    name = 'txtd_dns_queries_total{transport="xdp"}'
    expect_least("what %s grew by" % name, after[name] - before[name], 3)
    expect_least("what XDP received on xs1", after['txtd_xdp_received_total{interface="xs1"}'], 1)

    wires = queries(account, idle)
    for address in ("10.77.0.1", "fd77::1"):
        for wire in wires:
            check_equal(client, address, wire)
    last, _ = metrics(txtd)
    expect_least("what %s grew by" % name, last[name] - after[name], 2 * len(wires))


def check_flood(client, txtd):
    """As much as one socket can send, to both pairs, and then every query is answered again."""
    wire = dns.message.make_query(service.ZONE, "SOA").to_wire()
    before, _ = metrics(txtd)
    for address in ("10.77.0.1", "10.78.0.1"):
        with client.socket(socket.AF_INET) as sock:
            sock.connect((address, 53))
            for _ in range(FLOOD):
                sock.send(wire)
    for address in ("10.77.0.1", "fd77::1", "10.78.0.1"):
        for _ in range(50):
            client.exchange(address, wire)
    after, _ = metrics(txtd)
    name = 'txtd_dns_queries_total{transport="xdp"}'
    if after[name] - before[name] < 150 + FLOOD / 10:
        raise service.Failure("XDP took %d of %d queries" % (after[name] - before[name], 2 * FLOOD + 150))


def check_frames(txtd, flooded=False):
    """Nothing is on its way: every frame is free or in the fill ring. And promtool likes what says so."""
    deadline = time.monotonic() + 30
    samples, text = metrics(txtd)
    while samples['txtd_xdp_frames{interface="xs0",owner="send"}'] > 0 and time.monotonic() < deadline:
        time.sleep(0.05)
        samples, text = metrics(txtd)
    for interface in ("xs0", "xs1"):
        label = '{interface="%s"' % interface
        owners = {owner: samples['txtd_xdp_frames%s,owner="%s"}' % (label, owner)]
                  for owner in ("free", "fill", "worker", "send")}
        expect("the sum of " + str(owners), sum(owners.values()), samples["txtd_xdp_frames_all%s}" % label])
        expect("frames with the worker", owners["worker"], 0)
        expect("misowned frames", samples["txtd_xdp_frames_misowned_total%s}" % label], 0)
        if flooded:
            continue  # what the kernel and the send ring had no room for was dropped, and counted
        expect("frames sent", samples["txtd_xdp_sent_total%s}" % label], samples["txtd_xdp_received_total%s}" % label])
        for reason in ("invalid", "send", "kernel"):
            expect("dropped", samples['txtd_xdp_dropped_total%s,reason="%s"}' % (label, reason)], 0)
    promtool = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    if promtool.returncode != 0 or promtool.stderr.strip():
        raise service.Failure("promtool: " + promtool.stdout + promtool.stderr)


def check_process(txtd):
    """The workers run, as nobody, without capabilities, under the filter."""
    for line in (r"event=dns\.xdp interface=xs0 mode=native zero_copy=false queues=2 targets=\d+",
                 r"event=dns\.xdp interface=xs1 mode=generic zero_copy=false queues=1 targets=\d+"):
        if re.search(line, txtd.text()) is None:
            raise service.Failure("the log lacks %s: %s" % (line, txtd.text()))
    workers = 0
    for task in os.listdir("/proc/%d/task" % txtd.process.pid):
        with open("/proc/%d/task/%s/status" % (txtd.process.pid, task), encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        workers += status["Name"].startswith("dns-xdp-")
        expect("the user of " + status["Name"], status["Uid"].split()[1], "65534")
        expect("the capabilities of " + status["Name"], int(status["CapEff"], 16), 0)
        expect("the filter of " + status["Name"], status["Seccomp"], "2")
    expect("the number of XDP workers", workers, sum(QUEUES))


def check_serving(client, directory, program):
    xdp = [{"interface": "xs0"}, {"interface": "xs1", "mode": "generic", "copy": True, "busy_poll": 20}]
    with service.Txtd(program, directory, dns={"listen": LISTEN, "xdp": xdp}, process={"user": "nobody"}) as txtd:
        if not is_attached("xs0") or not is_attached("xs1"):
            raise service.Failure("nothing is attached")
        check_process(txtd)
        check_answers(client, txtd)
        check_frames(txtd)
        check_flood(client, txtd)
        check_frames(txtd, flooded=True)
        txtd.stop()
        expect_detached("SIGTERM")


def check_kill9(client, directory, program):
    """With queries under way, three times."""
    wire = dns.message.make_query(service.ZONE, "SOA").to_wire()
    for _ in range(3):
        with service.Txtd(program, directory, dns={"listen": LISTEN, "xdp": [{"interface": "xs0"}]},
                          process={"user": "nobody"}) as txtd:
            client.exchange("10.77.0.1", wire)
            before, _ = metrics(txtd)
            expect_least("queries by XDP", before['txtd_dns_queries_total{transport="xdp"}'], 1)
            with client.socket(socket.AF_INET) as sock:
                sock.connect(("10.77.0.1", 53))
                for _ in range(500):
                    sock.send(wire)
                txtd.kill()
        expect_detached("kill -9")


class Asker(threading.Thread):
    """Asks one query after the other; how many were sent and never answered is in `lost`."""

    def __init__(self, sock, wire):
        super().__init__()
        self.sock, self.wire, self.sent, self.lost, self.over = sock, wire, 0, 0, False

    def run(self):
        with self.sock as sock:
            sock.settimeout(10)
            sock.connect(("10.77.0.1", 53))
            while not self.over:
                sock.send(self.wire)
                self.sent += 1
                try:
                    sock.recv(65535)
                except socket.timeout:
                    self.lost += 1
                time.sleep(0.0005)


def check_takeover(client, directory, program):
    """The old one lets go of the interface, the new one takes it, the kernel's sockets answer in between: nothing is lost."""
    wire = dns.message.make_query(service.ZONE, "SOA").to_wire()
    process = {"user": "nobody", "control_socket": os.path.join(directory, "control.sock")}
    with service.Txtd(program, directory, dns={"listen": LISTEN, "xdp": [{"interface": "xs0"}]}, process=process) as txtd:
        asker = Asker(client.socket(socket.AF_INET), wire)
        asker.start()
        try:
            for number in range(2):
                test_takeover.succeed(txtd, number)
                before, _ = metrics(txtd)
                client.exchange("10.77.0.1", wire)
                after, _ = metrics(txtd)
                name = 'txtd_dns_queries_total{transport="xdp"}'
                expect_least("what %s grew by" % name, after[name] - before[name], 1)
        finally:
            asker.over = True
            asker.join()
        expect("queries lost of %d" % asker.sent, asker.lost, 0)
        txtd.stop()
        expect_detached("SIGTERM")


def check_many_addresses(client, directory, program):
    """More than the program has room for: the kernel's sockets answer the others, and the log says so."""
    for host in range(1, 151):
        run("ip", "address", "add", "10.79.0.%d/32" % host, "dev", "lo")
    try:
        run("nsenter", "--net=/proc/%d/ns/net" % client.holder.pid, "ip", "route", "add", "10.79.0.0/24", "via", "10.77.0.1")
        with service.Txtd(program, directory, dns={"listen": LISTEN, "xdp": [{"interface": "xs0"}]},
                          process={"user": "nobody"}) as txtd:
            if re.search(r"event=dns\.xdp_left_out interface=xs0 addresses=\d+ hint=", txtd.text()) is None:
                raise service.Failure("the log does not say that there are too many addresses: " + txtd.text())
            wire = dns.message.make_query(service.ZONE, "SOA").to_wire()
            for host in (1, 150):
                client.exchange("10.79.0.%d" % host, wire)
            by, _ = metrics(txtd)
            for transport in ("udp", "xdp"):
                expect_least("queries by " + transport, by['txtd_dns_queries_total{transport="%s"}' % transport], 1)
            txtd.stop()
    finally:
        run("ip", "address", "flush", "dev", "lo", "to", "10.79.0.0/24")


def check_capabilities(client, directory, program):
    """Those that the documentation names are enough, and without them it says what is missing."""
    place = os.path.join(directory, "unprivileged")
    os.mkdir(place)
    shutil.chown(place, "nobody", "nogroup")
    os.chmod(directory, 0o755)
    copy = shutil.copy(program, os.path.join(directory, "txtd"))  # where nobody can reach it
    for capabilities in (CAPABILITIES, ["net_bind_service"]):
        wrapper = os.path.join(directory, "wrapper")
        listed = ",".join(["-all"] + ["+" + name for name in capabilities])
        with open(wrapper, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nulimit -l 64\nexec setpriv --reuid=nobody --regid=nogroup --clear-groups --bounding-set=%s "
                       "--inh-caps=%s --ambient-caps=%s -- %s \"$@\"\n" % (listed, listed, listed, copy))
        os.chmod(wrapper, 0o755)
        txtd = service.Txtd(wrapper, place, dns={"listen": LISTEN, "xdp": [{"interface": "xs0"}]})
        try:
            if capabilities == CAPABILITIES:
                txtd.start()
                client.exchange("10.77.0.1", dns.message.make_query(service.ZONE, "SOA").to_wire())
                txtd.stop()
            else:
                expect_refusal(txtd, "dns.xdp[0]: cannot make a map of XDP sockets: Operation not permitted")
        finally:
            txtd.kill()
        expect_detached("SIGTERM")


def expect_refusal(txtd, sentence):
    try:
        txtd.start()
    except service.Failure:
        if sentence in txtd.text() and txtd.process.poll() == 1:
            return
    raise service.Failure("not refused with %r: %s" % (sentence, txtd.text()))


def check_refusals(directory, program):
    for xdp, sentence in (
            ([{"interface": "xs0"}, {"interface": "xs9"}], "dns.xdp[1]: interface xs9: No such device"),
            ([{"interface": "lo"}], "dns.xdp[0]: interface lo is not Ethernet")):
        txtd = service.Txtd(program, directory, dns={"listen": LISTEN, "xdp": xdp})
        try:
            expect_refusal(txtd, sentence)
        finally:
            txtd.kill()
        expect_detached("a start that failed")


def main(directory, program, _txtctl):
    client = Client()
    try:
        os.chmod(directory, 0o755)
        for part in (check_serving, check_kill9, check_takeover, check_many_addresses, check_capabilities):
            part(client, directory, program)
            print("ok: " + part.__name__)
        check_refusals(directory, program)
        print("ok: check_refusals")
    finally:
        client.close()


if __name__ == "__main__":
    if os.environ.get("TXTD_SKIP_XDP") == "1":
        print("skipped: TXTD_SKIP_XDP is set")
        sys.exit(SKIPPED)
    if os.environ.get("TXTD_XDP_INSIDE") != "1":
        os.environ["TXTD_XDP_INSIDE"] = "1"
        namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp("unshare", namespaces + [sys.executable, "-B", *sys.argv])
    service.run(main)
