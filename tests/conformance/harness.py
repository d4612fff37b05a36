"""What every conformance test needs: namespaces of its own, servers started and stopped, txtd configured and fed.

A test calls enter() first: the script runs again in fresh network, mount and process namespaces, where every port is
free, and nothing that it starts outlives it. Inside, by address:

    127.0.0.1, ::1  txtd (DNS 53, API 443)     127.0.0.2  Knot DNS     127.0.0.3  NSD
    127.0.0.4       unbound                    127.0.0.5  BIND         127.0.0.6  Knot DNS as root server
"""

import atexit
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ZONES = {
    "auth.conform.test": "auth.zone",
    "deep.auth.conform.test": "deep.zone",
    "other.test": "other.zone",
}
APEX = "auth.conform.test"
COOKIE_SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"  # RFC 9018 appendix A.1
IDENTITY = "conform-identity"
VERSION = "conform-version"
ADDRESS = {"udp4": "127.0.0.1", "udp6": "::1", "tcp4": "127.0.0.1", "tcp6": "::1"}
DURATION_MAX_S = 55


class Failure(Exception):
    """The test fails; the text says why."""


def enter():
    """Runs the script again in namespaces of its own and returns only inside; argv[1] is txtd's path."""
    if len(sys.argv) != 2:
        sys.exit("usage: %s TXTD" % sys.argv[0])
    if os.environ.get("TXTD_CONFORMANCE_INSIDE") != "1":
        for tool in ("unshare", "ip", "knotd", "nsd", "unbound", "named", "dnsperf"):
            if shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
                sys.exit("%s is missing: see deploy/packages-test.txt" % tool)
        environment = dict(os.environ, TXTD_CONFORMANCE_INSIDE="1", PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvpe("unshare", command + [sys.executable, "-B", *sys.argv], environment)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", "127.0.0.5/8", "dev", "lo"], check=True)  # BIND wants to see its address
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(DURATION_MAX_S)
    sys.stdout.reconfigure(line_buffering=True)


def expire(_signal, _frame):
    raise Failure("the test took longer than %d s" % DURATION_MAX_S)


def seeded_random():
    """A random generator with a seed that is printed; TXTD_SEED repeats a run."""
    seed = int(os.environ.get("TXTD_SEED", "20260301"))
    print("seed %d (TXTD_SEED to change it)" % seed)
    return random.Random(seed)


class Scene:
    """A temporary directory and the servers that run in it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="txtd-conformance-")
        self.processes = {}
        atexit.register(self.close)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        return self.path(name)

    def start(self, name, *command):
        with open(self.path(name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory)
        return self.processes[name]

    def log(self, name, lines=20):
        with open(self.path(name + ".log"), errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def check_alive(self, name):
        """Fails if the server ended: a crash must never look like a lost packet."""
        if self.processes[name].poll() is not None:
            raise Failure("%s ended with status %s:\n%s" % (name, self.processes[name].returncode, self.log(name, 60)))

    def stop(self, name):
        """Ends a server politely and returns its status."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure("%s did not end within 10 s of SIGTERM" % name) from None

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def wait_for(self, name, condition, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check_alive(name)
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failure("%s was not ready within %d s:\n%s" % (name, seconds, self.log(name)))


def exchange(transport, address, wire, timeout=2.0, port=53):
    """Sends one message and returns the answer's octets, or None for none. Over TCP a closed connection is none, too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if transport.startswith("udp"):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((address, port))
            sock.send(wire)
            try:
                return sock.recv(65535)
            except socket.timeout:
                return None
    with socket.create_connection((address, port), timeout) as sock:
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        try:
            header = receive_exactly(sock, 2)
            return receive_exactly(sock, struct.unpack("!H", header)[0]) if header else None
        except (socket.timeout, ConnectionResetError):
            return None


def receive_exactly(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def soa_query(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", random.randrange(65536), 0, 1, 0, 0, 0) + labels + b"\0\0\6\0\1"


def serves(address, name):
    answer = exchange("udp4", address, soa_query(name), 0.3)
    return answer is not None and answer[3] & 15 == 0 and answer[6:8] == b"\0\1"


class Txtd:
    """txtd with the test zones, answering on 127.0.0.1 and ::1."""

    def __init__(self, scene, program, zone_options=None, **dns):
        self.zone_options = zone_options or {}
        self.scene = scene
        self.program = program
        self.dns = {
            "listen": ["127.0.0.1:53", "[::1]:53"],
            "workers": 2,
            "pin": False,
            "identity": IDENTITY,
            "version": VERSION,
            "cookie_secrets": [COOKIE_SECRET],
            "rrl": {"enabled": False},
            **dns,
        }
        for file in ZONES.values():
            shutil.copy(os.path.join(HERE, "zones", file), scene.path(file))

    def configure(self):
        """Writes the configuration; JSON is YAML."""
        unlimited = {"registrations_per_minute": 0, "registrations_per_second_total": 0, "updates_per_minute": 0}
        self.scene.write("txtd.yaml", json.dumps({
            "zones": [{"name": name, "zone_file": self.scene.path(file), **self.zone_options}
                      for name, file in ZONES.items()],
            "dns": self.dns,
            "api": {"listen": ["127.0.0.1:443"], "self_signed": True, "limits": unlimited},
            "process": {"state_directory": self.scene.path("state")},
        }, indent=1))
        os.makedirs(self.scene.path("state"), exist_ok=True)

    def start(self):
        self.configure()
        self.scene.start("txtd", self.program, "-c", self.scene.path("txtd.yaml"))
        self.scene.wait_for("txtd", lambda: serves("127.0.0.1", APEX), 20)
        self.scene.wait_for("txtd", lambda: self.call("GET", "/health")[0] == 200, 20)

    def call(self, method, path, body=None, headers=None):
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", 443, timeout=5, context=context)
        try:
            connection.request(method, path, body and json.dumps(body), headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def register(self):
        status, body = self.call("POST", "/register")
        if status != 201:
            raise Failure("register answered %d: %r" % (status, body))
        return json.loads(body)

    def update(self, account, value):
        status, body = self.call("POST", "/update", {"subdomain": account["subdomain"], "txt": value},
                                 {"X-Api-User": account["username"], "X-Api-Key": account["password"]})
        if status != 200:
            raise Failure("update answered %d: %r" % (status, body))

    def reload(self, file, text, served):
        """Replaces a zone file, sends SIGHUP and waits until served() is true."""
        self.scene.write(file, text)
        self.scene.processes["txtd"].send_signal(signal.SIGHUP)
        self.scene.wait_for("txtd", served, 10)


def values_for(account, count):
    """Distinct well-formed values, the same for the same account."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    generator = random.Random(account["subdomain"])
    return ["".join(generator.choice(alphabet) for _ in range(43)) for _ in range(count)]


class Delegates:
    """Accounts by how many values they have."""

    def __init__(self, txtd, per_kind):
        self.values = {}
        for count in (0, 1, 2):
            for _ in range(per_kind):
                account = txtd.register()
                self.values[account["subdomain"]] = values_for(account, count)
                for value in self.values[account["subdomain"]]:
                    txtd.update(account, value)

    def of(self, count):
        return [name for name, values in self.values.items() if len(values) == count]

    def records(self):
        """What the other servers are told. Every delegate answers CAA: nobody may get a certificate for its own name."""
        lines = []
        for name, values in self.values.items():
            lines.append('%s.%s. 300 CAA 0 issue ";"' % (name, APEX))
            lines.extend('%s.%s. 1 TXT "%s"' % (name, APEX, value) for value in values)
        return "\n".join(lines) + "\n"


def start_knot(scene, zones, address="127.0.0.2", name="knot"):
    """`zones` is zone name -> file."""
    os.makedirs(scene.path(name), exist_ok=True)
    blocks = "".join('  - domain: "%s"\n    file: %s\n' % item for item in zones.items())
    scene.write(name + ".conf", """
server:
  rundir: {run}
  listen: {address}@53
  identity: {identity}
  version: {version}
  nsid: {identity}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: {run}
template:
  - id: default
    zonefile-sync: -1
    semantic-checks: off
    journal-content: none
zone:
{blocks}""".format(run=scene.path(name), address=address, identity=IDENTITY, version=VERSION, blocks=blocks))
    scene.start(name, "knotd", "-c", scene.path(name + ".conf"))
    first = next(iter(zones)).rstrip(".")
    scene.wait_for(name, lambda: serves(address, first) if first else True)


def start_nsd(scene, zones, address="127.0.0.3"):
    blocks = "".join('zone:\n  name: %s\n  zonefile: %s\n' % item for item in zones.items())
    scene.write("nsd.conf", """
server:
  ip-address: {address}
  port: 53
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: {run}
  database: ""
  pidfile: {run}/nsd.pid
  xfrdfile: {run}/nsd.xfrd
  zonelistfile: {run}/nsd.zonelist
  xfrdir: {run}
  identity: {identity}
  version: {version}
  nsid: "ascii_{identity}"
  answer-cookie: yes
  cookie-secret: {secret}
  ipv4-edns-size: 1232
  minimal-responses: yes
  refuse-any: no
  round-robin: no
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{blocks}""".format(address=address, run=scene.directory, identity=IDENTITY, version=VERSION, secret=COOKIE_SECRET,
                   blocks=blocks))
    scene.start("nsd", "nsd", "-d", "-c", scene.path("nsd.conf"))
    scene.wait_for("nsd", lambda: serves(address, APEX))


def peer_zones(scene, delegates, auth_text=None):
    """Zone files for the other servers: the same records, with the delegates as ordinary ones."""
    zones = {}
    for name, file in ZONES.items():
        with open(scene.path(file), encoding="ascii") as source:
            text = source.read()
        if name == APEX:
            text = (auth_text or text) + delegates.records()
        zones[name] = scene.write("peer-" + file, text)
    return zones


def run(test):
    """Runs test(scene, txtd's path) and turns a Failure into one message and status 1."""
    enter()
    scene = Scene()
    try:
        test(scene, sys.argv[1])
        for name in scene.processes:
            scene.check_alive(name)
        if scene.stop("txtd") != 0:  # a sanitizer's report, too
            raise Failure("txtd did not end with status 0:\n" + scene.log("txtd", 60))
    except Failure as failure:
        print("FAILED: %s" % failure)
        if "txtd" in scene.processes:
            print("--- txtd's log\n" + scene.log("txtd"))
        sys.exit(1)
    finally:
        scene.close()
    print("passed")
