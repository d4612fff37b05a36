#!/usr/bin/python3
"""The progress of txtctl's long commands: a bar where standard error is a terminal, which is full in the end; else nothing.

    test_progress.py TXTD TXTCTL
"""
import json
import os
import pty
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import service  # noqa: E402
from service import Failure  # noqa: E402

FULL = r"\[#{30}\] 100 % $"


def read_all(terminal):
    text = b""
    try:
        while octets := os.read(terminal, 65536):
            text += octets
    except OSError:  # the other side is closed (EIO)
        pass
    os.close(terminal)
    return text.decode()


def at_terminal(*command, all_of_it=False):
    """Runs it with standard error, or also standard output, at a terminal. Returns status, standard output, and what the terminal got."""
    terminal, other = pty.openpty()
    with subprocess.Popen(command, stdout=other if all_of_it else subprocess.PIPE, stderr=other, text=True) as process:
        os.close(other)
        shown = read_all(terminal)
        output = "" if all_of_it else process.stdout.read()
    return process.returncode, output, shown


def last_line(shown):
    """What is to be seen of a line that was drawn over and over, at its end."""
    return shown.rstrip("\r\n").split("\r")[-1]


def check(what, pattern, done, status=0):
    if done[0] != status or re.search(pattern, last_line(done[2])) is None:
        raise Failure("%s ended with %d, and a terminal has got %r" % (what, done[0], done[2]))


def check_silent(what, *command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode not in (0, 1) or done.stderr:
        raise Failure("%s ended with %d, and says %r" % (what, done.returncode, done.stderr))


def check_running(txtd, program, directory):
    backups = os.path.join(directory, "backups")
    check("backup", "^backup " + FULL, at_terminal(program, "backup", "-c", txtd.config))
    check_silent("backup", program, "backup", "-c", txtd.config)
    status, output, shown = at_terminal(program, "export", "-c", txtd.config)
    if status != 0 or len(output.splitlines()) != 2 or last_line(shown) != "exported: 2 ":
        raise Failure("export ended with %d, and a terminal has got %r" % (status, shown))
    check_silent("export", program, "export", "-c", txtd.config)
    # Both at one terminal: the data and nothing else.
    status, _, shown = at_terminal(program, "export", "-c", txtd.config, all_of_it=True)
    if [json.loads(line)["zone"] for line in shown.splitlines()] != [service.ZONE] * 2:
        raise Failure("export at a terminal: %r" % shown)
    return backups


def check_stopped(txtd, program, directory, backups):
    source = os.path.join(HERE, "acmedns", "copy.sql")  # some of it is refused: status 1
    check("import", "^importing " + FULL, at_terminal(program, "import", "acme-dns", "-c", txtd.config, source), 1)
    check_silent("import", program, "import", "acme-dns", "-c", txtd.config, source)
    check("backup", "^backup " + FULL, at_terminal(program, "backup", "-c", txtd.config))
    check("restore", "^restore " + FULL,
          at_terminal(program, "restore", "-c", txtd.config, "--into", os.path.join(directory, "one"), backups))
    check_silent("restore", program, "restore", "-c", txtd.config, "--into", os.path.join(directory, "two"), backups)
    # What fails leaves no bar, full or not.
    done = at_terminal(program, "restore", "-c", txtd.config, "--into", os.path.join(directory, "three"), directory)
    if done[0] != 2 or "100 %" in done[2] or "txtctl: " not in last_line(done[2]):
        raise Failure("restore of nothing ended with %d, and a terminal has got %r" % (done[0], done[2]))


def main(directory, program, txtctl):
    socket = os.path.join(directory, "control.sock")
    with service.Txtd(program, directory, store={"backup_directory": os.path.join(directory, "backups")},
                      process={"control_socket": socket}) as txtd:
        for _ in range(2):
            txtd.register()
        backups = check_running(txtd, txtctl, directory)
        txtd.stop()
        check_stopped(txtd, txtctl, directory, backups)
    print("ok: progress of import, export, backup and restore")


if __name__ == "__main__":
    service.run(main)
