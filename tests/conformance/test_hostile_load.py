#!/usr/bin/python3
"""10,000 idle TCP connections, and then a flood of malformed datagrams, take their share of CPU and nothing more.

The CPU time per message is compared with a quiet server's in the same run; the rate of real queries is modest, so that the
client never is what is measured. On a busy machine one measurement says little: each gets ATTEMPTS, the first that holds
counts, and a server that is slowed down fails them all.
"""

import glob
import os
import re
import resource
import socket
import subprocess
import sys
import time

from harness import APEX, Delegates, Failure, Txtd, run

CONNECTIONS = 10000
LOAD_S = 4
QUERIES_PER_S = 5000
COST_RATIO_MAX = 1.5  # CPU per message; shared machines are noisy
LOST_SHARE_MAX = 0.02  # the machine is the client's, the flood's and maybe a neighbour's too
ATTEMPTS = 4

FLOOD = r"""
import random, socket, sys, time
generator = random.Random(1)
messages = [bytes([generator.randrange(256), generator.randrange(256), generator.randrange(128)])
            + generator.randbytes(generator.randrange(9, 80)) for _ in range(1000)]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.1", 53))
sent, end = 0, time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for message in messages[sent % 1000:sent % 1000 + 100]:
        try:
            sock.send(message)
        except OSError:
            pass
    sent += 100
    time.sleep(0.001)
print(sent)
"""


def cpu_s(txtd):
    """CPU time of all threads; the scheduler counts it in nanoseconds."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % txtd.scene.processes["txtd"].pid):
        with open(path) as file:
            total += int(file.read().split()[0])
    return total / 1e9


def load(txtd, path):
    """Runs dnsperf; returns answers, the share that was lost and CPU seconds."""
    before = cpu_s(txtd)
    command = ["dnsperf", "-s", "127.0.0.1", "-d", path, "-l", str(LOAD_S), "-Q", str(QUERIES_PER_S), "-q", "50", "-t", "2"]
    output = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_S + 15, check=False).stdout
    spent = cpu_s(txtd) - before
    completed = re.search(r"Queries completed:\s+(\d+)", output)
    lost = re.search(r"Queries lost:\s+(\d+)", output)
    if not completed or not lost or int(completed[1]) == 0:
        raise Failure("dnsperf:\n" + output)
    return int(completed[1]), int(lost[1]) / int(completed[1]), spent


def judge(what, measure, quiet_cost):
    """`measure` returns messages, the share of the real queries that was lost and CPU seconds."""
    for attempt in range(ATTEMPTS):
        messages, lost, spent = measure()
        cost = spent / messages
        print("%s: %d messages, %.1f %% lost, %.2f CPU-s per million (quiet: %.2f)"
              % (what, messages, lost * 100, cost * 1e6, quiet_cost * 1e6))
        if cost <= COST_RATIO_MAX * quiet_cost and lost <= LOST_SHARE_MAX:
            return
    raise Failure("%s slows DNS down: %.2f times the CPU a message, %.1f %% lost" % (what, cost / quiet_cost, lost * 100))


def under_flood(txtd, path):
    flood = subprocess.Popen([sys.executable, "-c", FLOOD, str(LOAD_S + 0.5)], stdout=subprocess.PIPE, text=True)
    answers, lost, spent = load(txtd, path)
    sent = int(flood.communicate(timeout=30)[0])
    return answers + sent * LOAD_S / (LOAD_S + 0.5), lost, spent


def open_idle():
    connections = []
    for _ in range(CONNECTIONS):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.connect(("127.0.0.1", 53))
        connections.append(sock)
    return connections


def test(scene, program):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < CONNECTIONS + 1000:
        raise Failure("the limit of open files is %d; raise it (ulimit -Hn)" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limits = {"connections": CONNECTIONS + 100, "connections_per_client": CONNECTIONS + 100, "idle": "60s"}
    txtd = Txtd(scene, program, tcp=limits)
    txtd.start()
    delegates = Delegates(txtd, 10)
    path = scene.write("queries", "".join("%s.%s TXT\n" % (name, APEX) for name in delegates.values))
    answers, lost, spent = load(txtd, path)
    quiet_cost = spent / answers
    print("quiet: %d answers, %.1f %% lost, %.2f CPU-s per million" % (answers, lost * 100, quiet_cost * 1e6))

    connections = open_idle()
    time.sleep(0.5)
    judge("%d idle connections" % CONNECTIONS, lambda: load(txtd, path), quiet_cost)
    connections[0].sendall(b"\0\x11" + b"\0\1\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1")
    connections[0].settimeout(5)
    if len(connections[0].recv(2)) != 2:
        raise Failure("an idle connection was closed")
    for sock in connections:
        sock.close()

    judge("a flood of malformed messages", lambda: under_flood(txtd, path), quiet_cost)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    run(test)
