#!/usr/bin/python3
"""The systemd units: systemd understands every line, what `systemd-analyze security` finds is what the README says, the system
call filter lets txtd work, and txtd serves with the unit's user, capability and limits.

    test_systemd.py TXTD TXTCTL
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = os.path.join(TOP, "deploy", "systemd")
EXPOSURE_MAX = 16  # in tenths, as --threshold= has it: 1.6 of 10
XDP_EXPOSURE_MAX = 21
# What txtd calls before it installs its own filter, beside what that one lets through.
BEFORE_THE_FILTER = ("capset", "capget", "prctl", "seccomp", "setrlimit", "socket", "execve", "arch_prctl",
                     "set_tid_address", "clone", "prlimit64")


class Failure(Exception):
    """The test fails; the text says why."""


def run(*command):
    return subprocess.run(command, text=True, capture_output=True, check=False, timeout=60)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def settings(unit):
    """[(key, value)] of a unit, in order."""
    lines = re.sub(r"\\\n", " ", read(unit)).splitlines()
    return [tuple(line.split("=", 1)) for line in lines if re.match(r"[A-Za-z]+=", line)]


def make_root(root):
    """A root directory in which all that the units name exists."""
    os.makedirs(os.path.join(root, "etc"))
    system = os.path.join(root, "usr/lib/systemd/system")
    shutil.copytree("/usr/lib/systemd/system", system, symlinks=True, ignore=lambda _, names: [
        name for name in names if not name.endswith((".target", ".slice"))])
    for name in os.listdir(UNITS):
        if name.endswith((".service", ".timer")):
            shutil.copy(os.path.join(UNITS, name), system)
            for key, value in settings(os.path.join(UNITS, name)):
                if key.startswith("Exec"):
                    program = os.path.join(root, value.split()[0].lstrip("-+/"))
                    os.makedirs(os.path.dirname(program), exist_ok=True)
                    shutil.copy("/bin/true", program)
    return system


def verify(root):
    units = sorted(name for name in os.listdir(UNITS) if name.endswith((".service", ".timer")))
    done = run("systemd-analyze", "verify", "--man=no", "--root=" + root, *units)
    if done.returncode != 0 or (done.stdout + done.stderr).strip():
        raise Failure("systemd-analyze verify: " + done.stdout + done.stderr)
    print("ok: systemd understands", " ".join(units))


def verify_notices(root, system):
    """The check above can fail."""
    path = os.path.join(system, "txtd.service")
    text = read(path)
    with open(path, "w", encoding="ascii") as file:
        file.write(text.replace("ProtectClock", "ProtectClok"))
    done = run("systemd-analyze", "verify", "--man=no", "--root=" + root, "txtd.service")
    if "ProtectClok" not in done.stdout + done.stderr:
        raise Failure("systemd-analyze verify does not see an unknown key")


def check_security(directory):
    """What remains of the service, and with the drop-in for AF_XDP, is what the README's two tables explain, and no more."""
    tables = read(os.path.join(UNITS, "README.md")).split("### With `xdp.conf`")
    if len(tables) != 2:
        raise Failure("README.md has no part about xdp.conf")
    explained = [{row.replace("\\|", "|") for row in re.findall(r"^\| `([A-Z][^`]*)` \|", table, re.MULTILINE)} for table in tables]
    text = read(os.path.join(UNITS, "txtd.service"))
    unit = os.path.join(directory, "txtd.service")
    for what, content, limit, rows in (("txtd.service", text, EXPOSURE_MAX, explained[0]),
                                       ("xdp.conf", text + read(os.path.join(UNITS, "xdp.conf")), XDP_EXPOSURE_MAX,
                                        explained[0] | explained[1])):
        with open(unit, "w", encoding="ascii") as file:
            file.write(content)
        done = run("systemd-analyze", "security", "--offline=true", "--threshold=%d" % limit, "--no-pager", unit)
        if done.returncode != 0:
            raise Failure("%s is more exposed than %.1f: %s" % (what, limit / 10, done.stdout))
        found = json.loads(run("systemd-analyze", "security", "--offline=true", "--json=short", unit).stdout)
        remaining = {item["name"] for item in found if not item["set"] and float(item["exposure"] or 0) > 0}
        if remaining != rows:
            raise Failure("%s: README.md explains %s too much and lacks %s" % (what, rows - remaining, remaining - rows))
        print("ok: %s: %d findings, all explained" % (what, len(remaining)))


def filter_set(name, sets):
    """The system calls of a name or an @set, as `systemd-analyze syscall-filter` prints them."""
    if not name.startswith("@"):
        return {name}
    return set().union(*(filter_set(entry, sets) for entry in sets[name]))


def check_system_calls():
    sets, current = {}, None
    for line in run("systemd-analyze", "syscall-filter", "--no-pager").stdout.splitlines():
        entry = line.strip()
        if re.fullmatch(r"@[a-z-]+", line):
            current = sets.setdefault(line, [])
        elif line.startswith("    ") and re.fullmatch(r"@?[a-z0-9_-]+", entry) and current is not None:
            current.append(entry)
    allowed = set(sets["@default"])
    for key, value in settings(os.path.join(UNITS, "txtd.service")):
        if key == "SystemCallFilter":
            calls = set().union(*(filter_set(name, sets) for name in value.lstrip("~").split()))
            allowed = allowed - calls if value.startswith("~") else allowed | calls
    source = read(os.path.join(TOP, "control", "seccomp_filter.c"))
    source = re.sub(r"#ifdef SECCOMP_FILTER_SANITIZER.*?#endif", "", source.split("deadly[]")[0], flags=re.DOTALL)
    needed = set(re.findall(r"SCMP_SYS\((\w+)\)", source)) | set(BEFORE_THE_FILTER)
    if len(needed) < 100 or not needed <= allowed:
        raise Failure("SystemCallFilter= in txtd.service lacks what seccomp_filter.c lets through: %s"
                      % sorted(needed - allowed))
    print("ok: the %d system calls that txtd needs pass" % len(needed))


def check_by_hand(root, programs):
    """The README's commands, but systemd's, below another root: all that the units name is there then."""
    (block,) = re.findall(r"^```sh\n(.*?)^```", read(os.path.join(UNITS, "README.md")), re.MULTILINE | re.DOTALL)
    lines = [line for line in block.splitlines() if line.startswith("install ")]
    script = "\n".join(re.sub(r" /(usr|etc)/", r" %s/\1/" % root, line) for line in lines)
    script = script.replace("build/production/control", os.path.dirname(os.path.abspath(programs[0])))
    for folder in ("usr/sbin", "usr/bin", "etc/systemd/system"):
        os.makedirs(os.path.join(root, folder))
    done = subprocess.run(["sh", "-e", "-c", script], cwd=TOP, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure("README.md: " + done.stderr)
    for name in os.listdir(os.path.join(root, "etc/systemd/system")):
        for key, value in settings(os.path.join(root, "etc/systemd/system", name)):
            if key.startswith("Exec") and not os.access(root + value.split()[0], os.X_OK):
                raise Failure("README.md does not install %s, which %s starts" % (value.split()[0], name))
    print("ok: installed by hand")


def check_users_and_directories(root):
    for command in (["systemd-sysusers", "--root=" + root, os.path.join(UNITS, "txtd.sysusers")],
                    ["systemd-tmpfiles", "--root=" + root, "--create", os.path.join(UNITS, "txtd.tmpfiles")]):
        done = run(*command)
        if done.returncode != 0:
            raise Failure("%s: %s" % (command[0], done.stderr))
    entry = re.search(r"^txtd:[^:]*:(\d+):(\d+):[^:]*:/var/lib/txtd:(\S+)$", read(root + "/etc/passwd"), re.MULTILINE)
    if entry is None or not 0 < int(entry[1]) < 1000 or not entry[3].endswith("nologin"):
        raise Failure("the user: " + read(root + "/etc/passwd"))
    for path, mode in (("var/lib/txtd", 0o700), ("run/txtd", 0o755)):
        status = os.stat(os.path.join(root, path))
        if (status.st_uid, status.st_gid, status.st_mode & 0o7777) != (int(entry[1]), int(entry[2]), mode):
            raise Failure("%s: %s" % (path, status))
    print("ok: sysusers and tmpfiles")


def main():
    root = tempfile.mkdtemp(prefix="txtd-systemd.")
    try:
        system = make_root(root)
        verify(root)
        verify_notices(root, system)
        check_security(root)
        check_system_calls()
        check_users_and_directories(root)
        check_by_hand(os.path.join(root, "by-hand"), sys.argv[1:])
        done = subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "run_as_unit.sh"), *sys.argv[1:]],
                              check=False, timeout=120)
        if done.returncode != 0:
            raise Failure("txtd does not serve as the unit starts it")
    except Failure as failure:
        print("FAIL: %s" % failure, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
