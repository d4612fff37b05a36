#!/usr/bin/python3
"""The guide for production says nothing that is not so: its configuration is right, its zone delegates to it, its sysctls, files and
commands are there.

    test_production.py TXTD TXTCTL
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import dns.name
import dns.zone
import yaml

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
COMMAND = re.compile(r"\btxtctl ([a-z-]+)")


def expect(condition, *what):
    if not condition:
        sys.exit("FAIL: " + " ".join(map(str, what)))


def blocks(text, kind):
    return re.findall(r"^```%s\n(.*?)^```" % kind, text, re.S | re.M)


def check_config(txtd, directory, text):
    name = os.path.join(directory, "txtd.yaml")
    for place in ("/etc/txtd/", "/var/lib/txtd/", "/run/txtd/"):
        text = text.replace(place, directory + "/")
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run([txtd, "--check-config", "-c", name], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, "its configuration:", done.stderr)


def main():
    txtd, txtctl = sys.argv[1:3]
    with open(os.path.join(TOP, "deploy/PRODUCTION.md"), encoding="utf-8") as file:
        guide = file.read()

    config, *additions = blocks(guide, "yaml")
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "registration-tokens"), "w", encoding="ascii") as file:
            file.write(subprocess.run([txtctl, "token"], capture_output=True, text=True, check=True).stdout)
        check_config(txtd, directory, config + "  level: info\n")
        for addition in additions:  # each is a part of one section
            whole = yaml.safe_load(config)
            for section, keys in yaml.safe_load(addition).items():
                whole.setdefault(section, {}).update(keys)
            check_config(txtd, directory, json.dumps(whole))

    (records,) = blocks(guide, "dns")
    zone = yaml.safe_load(config)["zones"][0]
    parent = dns.zone.from_text("@ 60 IN SOA a. b. 1 2 3 4 5\n@ 60 IN NS a.\n" + records, origin="example.org", relativize=False)
    servers = {str(record.target).rstrip(".") for record in parent.find_rdataset(zone["name"] + ".", "NS")}
    expect(servers == {server["name"] for server in zone["nameservers"]}, "the parent delegates to others:", servers)
    for server in zone["nameservers"]:
        glue = {record.address for kind in ("A", "AAAA") for record in parent.find_rdataset(server["name"] + ".", kind)}
        expect(glue == set(server["addresses"]), "glue:", glue)

    (sysctls,) = blocks(guide, "sysctl")
    keys = re.findall(r"^([a-z0-9_.]+) = \d+$", sysctls, re.M)
    expect(len(keys) >= 5, "sysctls")
    for key in keys:
        # Some are not shown in every network namespace; what Linux calls them is in its manual.
        place = os.path.join("/proc/sys", key.replace(".", "/"))
        expect(os.path.exists(place) or key.startswith("net."), "no such sysctl:", key)

    known = subprocess.run([txtctl, "--help"], capture_output=True, text=True, check=True).stdout
    for command in set(COMMAND.findall(guide)):
        expect(re.search(r"^  %s\b" % re.escape(command), known, re.M), "txtctl has no", command)
    with open(os.path.join(TOP, "deploy/txtd.example.yaml"), encoding="utf-8") as file:
        example = file.read()
    for section, key in re.findall(r"`(dns|api|store|process|log)\.([a-z_]+)`", guide):
        expect(re.search(r"^  (?:# )?%s:" % key, example, re.M), "no such key:", section, key)
    for path in set(re.findall(r"\b(?:deploy|bench)/[A-Za-z./-]*[A-Za-z]", guide)):
        expect(os.path.exists(os.path.join(TOP, path)), "no such file:", path)
    for name in set(re.findall(r"\btxtd_[a-z]+_[a-z_]*[a-z]", guide)):
        with open(os.path.join(TOP, "deploy/observability/txtd.rules.yaml"), encoding="utf-8") as file:
            expect(name in file.read(), "no such metric:", name)
    print("ok: the guide")


if __name__ == "__main__":
    main()
