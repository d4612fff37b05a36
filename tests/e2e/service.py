"""A running txtd and those who talk to it, for the tests of this folder."""
import base64
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

ZONE = "auth.example.test"
NO_LIMITS = {"registrations_per_minute": 0, "registrations_per_second_total": 0, "updates_per_minute": 0,
             "failures_per_minute": 0}
START_S = 60  # under sanitizers, on a busy machine


def build_of(txtctl):
    """The build directory that a program is from."""
    return os.path.dirname(os.path.dirname(txtctl))


def preload(library, txtctl):
    """The environment with which txtd gets a library of tests/faults of the same build."""
    return {"LD_PRELOAD": os.path.join(build_of(txtctl), "tests", "faults", library),
            "ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))}


def is_time(text):
    """Whether it is a time as every --json and the native API have it: ISO 8601, UTC, seconds."""
    return isinstance(text, str) and re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", text) is not None


class Failure(Exception):
    """The test fails; the text says why."""


class Clock:
    """The wall clock of a txtd that is started with `environment`."""

    def __init__(self, directory, txtctl):
        self.file = open(os.path.join(directory, "clock"), "w+b", buffering=0)
        self.environment = dict(preload("clock_shim.so", txtctl), CLOCK_SHIM_OFFSET=self.file.name)
        self.set_ahead(0)

    def set_ahead(self, seconds):
        """Makes it jump to so many seconds after (or before) the true one."""
        self.file.seek(0)
        self.file.write(struct.pack("=q", int(seconds)))


class Txtd:
    """txtd with one zone on free ports of 127.0.0.1. `options` are added to the configuration, section by section."""

    def __init__(self, program, directory, environment=None, **options):
        self.program = program
        self.directory = directory
        self.environment = environment
        self.log = os.path.join(directory, "txtd.log")
        self.config = os.path.join(directory, "txtd.yaml")
        self.process = None
        sections = {
            "zones": [{"name": ZONE, "nameservers": [{"name": "ns1." + ZONE, "addresses": ["127.0.0.1"]}]}],
            "dns": {"listen": ["127.0.0.1:0"], "workers": 1, "pin": False, "rrl": {"enabled": False}},
            "api": {"listen": ["127.0.0.1:0"], "internal_listen": ["127.0.0.1:0"], "self_signed": True,
                    "limits": NO_LIMITS},
            "store": {"reserve": 0},
            "process": {"state_directory": os.path.join(directory, "state")},
        }
        for name, section in options.items():
            if isinstance(section, list):
                sections[name] = section
            else:
                sections.setdefault(name, {}).update(section)
        with open(self.config, "w", encoding="ascii") as file:
            json.dump(sections, file)  # JSON is YAML

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(self.text()[-4000:], file=sys.stderr)
        self.kill()

    def start(self, program=None):
        environment = dict(os.environ, **(self.environment or {}))
        with open(self.log, "w", encoding="ascii") as log:
            self.process = subprocess.Popen([program or self.program, "-c", self.config], stderr=log, env=environment)
        deadline = time.monotonic() + START_S
        while "event=start.end" not in self.text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure("txtd did not start: " + self.text())
            time.sleep(0.02)
        self.dns_port = self.port("dns.listening", "udp.tcp")
        self.api_port = self.port("api.listening", "https")
        self.internal_port = self.port("api.listening", "internal")
        self.context = ssl.create_default_context(cafile=os.path.join(self.directory, "state", "self-signed.pem"))

    def text(self):
        with open(self.log, encoding="ascii", errors="replace") as log:
            return log.read()

    def port(self, event, kind):
        found = re.search(r"event=%s address=127\.0\.0\.1:(\d+) kind=\"?%s\b" % (re.escape(event), kind), self.text())
        if found is None:
            raise Failure("no %s %s in the log: %s" % (event, kind, self.text()))
        return int(found.group(1))

    def kill(self):
        """kill -9, unless it has ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def stop(self):
        """Ends it politely; fails unless the status is 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failure("txtd did not end within 30 s of SIGTERM") from None
        if status != 0:
            raise Failure("txtd ended with %d: %s" % (status, self.text()))

    def register(self, path="/register", body=None):
        connection = self.connect()
        connection.request("POST", path, body)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status != 201:
            raise Failure("registration was answered %d %s" % (response.status, text))
        return json.loads(text)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.api_port, timeout=30, context=self.context)

    def exchange(self, octets, method):
        """Sends these octets over a connection of their own; returns status, headers and body of the one answer."""
        with socket.create_connection(("127.0.0.1", self.api_port), 30) as plain:
            with self.context.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
                sock.sendall(octets)
                response = http.client.HTTPResponse(sock, method=method)
                response.begin()
                return response.status, response.headers, response.read().decode()

    def get_internal(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.internal_port, timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def dig(self, name):
        """The TXT values of a name in order, asked over UDP by dig.

        From another address than the server's: dig's socket is an SO_REUSEPORT one like the server's, so the kernel may give it
        the very port that the server has, and then it hears itself."""
        return dig_values(["dig", "-b", "127.0.0.2", "@127.0.0.1", "-p", str(self.dns_port), "+short", "+norecurse", "+notcp",
                           "+ignore", "+tries=3", "+time=10", name, "TXT"])


def dig_values(command):
    """The values a "dig +short" prints, without its comments: it tells there of a try that got no answer in time."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure("%s ended with %d: %s%s" % (" ".join(command), done.returncode, done.stdout, done.stderr))
    return [line.strip('"') for line in done.stdout.splitlines() if not line.startswith(";")]


def update(connection, account, value):
    """Sends an update over an open connection; returns status and answer."""
    connection.request("POST", "/update", json.dumps({"subdomain": account["subdomain"], "txt": value}),
                       {"X-Api-User": account["username"], "X-Api-Key": account["password"]})
    response = connection.getresponse()
    return response.status, response.read().decode()


def basic(account):
    pair = "%s:%s" % (account["username"], account["password"])
    return "Basic " + base64.b64encode(pair.encode()).decode()


def run(main):
    """Calls main with the programs and a temporary directory; a Failure ends the script with status 1."""
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory(prefix="txtd-e2e-") as directory:
        try:
            main(directory, *sys.argv[1:])
        except Failure as failure:
            print("FAIL: %s" % failure, file=sys.stderr)
            sys.exit(1)
