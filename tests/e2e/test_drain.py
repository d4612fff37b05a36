#!/usr/bin/python3
"""SIGTERM under load: every update that was answered 200 is there after a restart, what ran was finished or refused whole,
and txtd ends with status 0 well within its bound.

    test_drain.py TXTD TXTCTL
"""
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import dns.message
import dns.query

CLIENTS = 8
CONFIG = """
zones:
  - name: auth.example.test
    nameservers: [{{name: ns1.auth.example.test, addresses: [127.0.0.1]}}]
dns: {{listen: ["127.0.0.1:0"], workers: 1, pin: false}}
api:
  listen: ["127.0.0.1:0"]
  drain: 3s
  limits: {{registrations_per_minute: 0, updates_per_minute: 0}}
store: {{reserve: 0}}
process: {{state_directory: {directory}/state}}
"""


class Txtd:
    """A running txtd."""

    def __init__(self, program, directory):
        self.log = os.path.join(directory, "txtd.log")
        with open(self.log, "w", encoding="ascii") as log:
            self.process = subprocess.Popen([program, "-c", os.path.join(directory, "txtd.yaml")], stderr=log)
        deadline = time.monotonic() + 30
        while "event=start.end" not in self.text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("FAIL: txtd did not start: " + self.text())
            time.sleep(0.05)
        self.dns_port = self.port("dns")
        self.api_port = self.port("api")

    def text(self):
        with open(self.log, encoding="ascii", errors="replace") as log:
            return log.read()

    def port(self, what):
        return int(re.search(what + r"\.listening address=127\.0\.0\.1:(\d+)", self.text()).group(1))

    def stop(self):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        return status, time.monotonic() - begin


class Client(threading.Thread):
    """One account that updates its delegate as fast as it can, until it is no longer served."""

    def __init__(self, port, context):
        super().__init__()
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        self.connection.request("POST", "/register")
        self.account = json.loads(self.connection.getresponse().read())
        self.acknowledged = []
        self.statuses = set()

    def run(self):
        headers = {"X-Api-User": self.account["username"], "X-Api-Key": self.account["password"]}
        number = 0
        while True:
            number += 1
            value = f"{number:043d}"
            body = json.dumps({"subdomain": self.account["subdomain"], "txt": value})
            try:
                self.connection.request("POST", "/update", body, headers)
                response = self.connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                return
            self.statuses.add(response.status)
            if response.status != 200:
                return
            self.acknowledged.append(value)


def served(port, name):
    answer = dns.query.udp(dns.message.make_query(name, "TXT"), "127.0.0.1", port=port, timeout=5)
    return [rdata.strings[0].decode() for rrset in answer.answer for rdata in rrset]


def main():
    failures = []
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "txtd.yaml"), "w", encoding="ascii") as config:
            config.write(CONFIG.format(directory=directory))
        txtd = Txtd(sys.argv[1], directory)
        try:
            context = ssl.create_default_context(cafile=os.path.join(directory, "state", "self-signed.pem"))
            clients = [Client(txtd.api_port, context) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(1)
            status, took = txtd.stop()
            for client in clients:
                client.join(30)
            if status != 0:
                failures.append(f"txtd ended with {status}")
            if took > 8:
                failures.append(f"txtd took {took:.1f} s to end, its drain is 3 s")
            txtd = Txtd(sys.argv[1], directory)
            for client in clients:
                values = served(txtd.dns_port, client.account["fulldomain"])
                if not client.acknowledged:
                    failures.append("a client got no answer at all")
                elif client.acknowledged[-1] not in values:
                    failures.append(f"{client.acknowledged[-1]} was answered 200, served are {values}")
                if not client.statuses <= {200, 503}:
                    failures.append(f"answers were {client.statuses}")
            status, _ = txtd.stop()
            if status != 0:
                failures.append(f"the second txtd ended with {status}")
            print(f"{sum(len(client.acknowledged) for client in clients)} updates by {CLIENTS} clients, "
                  f"drained in {took:.2f} s")
        finally:
            if txtd.process.poll() is None:
                txtd.process.kill()
                txtd.process.wait()
        if failures:
            print(txtd.text(), file=sys.stderr)
    for failure in failures:
        print("FAIL:", failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
