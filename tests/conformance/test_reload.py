#!/usr/bin/python3
"""SIGHUP under load: not one query is lost, new records appear, and a zone file with a mistake changes nothing."""

import re
import signal
import subprocess
import time

import dns.message
import dns.query

from harness import APEX, Delegates, Failure, Txtd, run

LOAD_S = 8
RELOADS_MIN = 10
QUERIES_PER_S = 4000
SERVED_WITHIN_S = 10


def serial():
    answer = dns.query.udp(dns.message.make_query(APEX, "SOA"), "127.0.0.1", timeout=2)
    return answer.answer[0][0].serial


def start_load(scene, delegates):
    names = ["%s.%s TXT" % (name, APEX) for name in delegates.values]
    names += ["%s.%s A" % (name, APEX) for name in ("www", "alias", "mail")] + [APEX + " SOA"]
    path = scene.write("queries", "\n".join(names) + "\n")
    command = ["dnsperf", "-s", "127.0.0.1", "-d", path, "-l", str(LOAD_S), "-Q", str(QUERIES_PER_S), "-q", "20", "-t", "3"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def check_load(load):
    output = load.communicate(timeout=LOAD_S + 10)[0]
    lost = re.search(r"Queries lost:\s+(\d+)", output)
    sent = re.search(r"Queries sent:\s+(\d+)", output)
    codes = re.search(r"Response codes:\s+(.*)", output)
    if not (lost and sent and codes):
        raise Failure("dnsperf:\n" + output)
    print("%s queries, %s lost, %s" % (sent[1], lost[1], codes[1]))
    if int(lost[1]) != 0 or int(sent[1]) < QUERIES_PER_S or not re.fullmatch(r"NOERROR \d+ \(100.00%\)", codes[1]):
        raise Failure("dnsperf:\n" + output)


def reload_often(txtd, text, load):
    """Gives the zone one serial after the other until the load ends. Returns the last."""
    number = 2026010101
    while load.poll() is None:
        number += 1
        wanted = number
        txtd.reload("auth.zone", text.replace("2026010101", str(number)), lambda: serial() == wanted)
    reloads = number - 2026010101
    print("%d reloads" % reloads)
    if reloads < RELOADS_MIN:
        raise Failure("only %d reloads in %d s" % (reloads, LOAD_S))
    return number


def check_bad_zone(scene, txtd, text, current):
    """The old zone is served on, and the log names file and line."""
    scene.write("auth.zone", text.replace("2026010101", "4000000000") + "\nbroken A 192.0.2\n")
    line = text.count("\n") + 2
    scene.processes["txtd"].send_signal(signal.SIGHUP)
    scene.wait_for("txtd", lambda: "auth.zone:%d:" % line in scene.log("txtd", 200), SERVED_WITHIN_S)
    if serial() != current:
        raise Failure("a zone file with a mistake was served")
    txtd.reload("auth.zone", text.replace("2026010101", "4000000001"), lambda: serial() == 4000000001)


def test(scene, program):
    txtd = Txtd(scene, program)
    txtd.start()
    delegates = Delegates(txtd, 10)
    with open(scene.path("auth.zone"), encoding="ascii") as file:
        text = file.read()
    load = start_load(scene, delegates)
    try:
        time.sleep(0.5)
        current = reload_often(txtd, text, load)
        check_load(load)
    finally:
        load.kill()
        load.wait()
    check_bad_zone(scene, txtd, text, current)


if __name__ == "__main__":
    run(test)
