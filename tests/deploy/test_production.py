#!/usr/bin/python3
"""The guide for production says nothing that is not so: its configuration is right, its zone delegates to it, its sysctls, files and
commands are there.

    test_production.py TXTD TXTCTL
"""
import ipaddress
import json
import os
import re
import shutil
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


def make_secrets(directory, guide):
    """The commands of the guide make every file of secrets that its configuration names, for nobody else to read."""
    lines = re.findall(r"^install -m .*$", guide, re.M)
    expect(len(lines) == 3, "secrets:", lines)
    for line in lines:
        line = line.replace("/etc/txtd/", directory + "/").replace("-g txtd ", "")
        subprocess.run(["sh", "-c", line], check=True)
    made = sorted(os.listdir(directory))
    for name in made:
        expect(os.stat(os.path.join(directory, name)).st_mode & 0o007 == 0, name, "can be read by anybody")
    named = re.findall(r"^  \w+_(?:secret|tokens)_file: /etc/txtd/(\S+)", guide, re.M)
    expect(made == sorted(named) and len(named) == 3, "secrets made:", made, "named:", named)


def check_metrics_reachable(config, firewall):
    """Prometheus reaches the metrics: a listener has an address of the network that the firewall lets in."""
    (network,) = re.findall(r"ip saddr (\S+) tcp dport \{ 22, 9153 \}", firewall)
    addresses = [address.rsplit(":", 1) for address in yaml.safe_load(config)["api"]["internal_listen"]]
    expect(any(port == "9153" and ipaddress.ip_address(host) in ipaddress.ip_network(network) for host, port in addresses),
           "nobody in", network, "reaches", addresses)


def check_firewall(rules):
    """Loaded for real, in a network of its own; queries and answers pass it though they are not tracked."""
    done = subprocess.run(["unshare", "--net", "sh", "-c", "nft -f - && nft list ruleset"], input=rules, capture_output=True, text=True,
                          check=False)
    expect(done.returncode == 0, "the firewall's rules:", done.stderr)
    accepted = [line.strip() for line in done.stdout.split("chain input")[1].splitlines()]
    expect(accepted.index("udp dport 53 accept") < accepted.index("ct state established,related accept"), "queries are not tracked")


def check_unit(text):
    """systemd understands every line, and a shell its script."""
    with tempfile.TemporaryDirectory() as root:
        system = os.path.join(root, "usr/lib/systemd/system")
        shutil.copytree("/usr/lib/systemd/system", system, symlinks=True, ignore=lambda _, names: [
            name for name in names if not name.endswith((".target", ".slice"))])
        with open(os.path.join(system, "txtd-card.service"), "w", encoding="utf-8") as file:
            file.write(text)
        for program in set(re.findall(r"^ExecStart=(/\S+)", text, re.M)):
            os.makedirs(os.path.dirname(root + program), exist_ok=True)
            shutil.copy("/bin/true", root + program)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--root=" + root, "txtd-card.service"], capture_output=True,
                              text=True, check=False)
        expect(done.returncode == 0 and not (done.stdout + done.stderr).strip(), "txtd-card.service:", done.stderr)
        # The script, as systemd would hand it to the shell, on a machine with two queues.
        (script,) = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", text, re.M)
        script = script.replace("$$", "$").replace("\\\\", "\\").replace("/proc/", root + "/")
        for irq in ("24", "25"):
            os.makedirs(os.path.join(root, "irq", irq))
        with open(os.path.join(root, "interrupts"), "w", encoding="ascii") as file:
            file.write("            CPU0       CPU1\n   8:  0  0  IO-APIC  8-edge  rtc0\n  24:  5  0  PCI-MSI 1-edge  eth0-TxRx-0\n"
                       "  25:  0  7  PCI-MSI 2-edge  eth0-TxRx-1\n")
        subprocess.run(["sh", "-c", script], check=True)
        for cpu, irq in enumerate(("24", "25")):
            with open(os.path.join(root, "irq", irq, "smp_affinity_list"), encoding="ascii") as file:
                expect(file.read().strip() == str(cpu), "interrupt", irq)


def check_environment(guide):
    """What renew.env sets is what the renewal reads."""
    with open(os.path.join(TOP, "deploy/clients/txtd-renew"), encoding="utf-8") as file:
        renew = file.read()
    names = re.findall(r"^(TXTD_\w+)=", guide, re.M)
    expect(len(names) >= 4, "renew.env")
    for name in names:
        expect("${%s:" % name in renew, "txtd-renew does not read", name)


def main():
    txtd, txtctl = sys.argv[1:3]
    with open(os.path.join(TOP, "deploy/PRODUCTION.md"), encoding="utf-8") as file:
        guide = file.read()

    config, *additions = blocks(guide, "yaml")
    with tempfile.TemporaryDirectory() as directory:
        os.environ["PATH"] = os.path.dirname(txtctl) + ":" + os.environ["PATH"]
        make_secrets(directory, guide)
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

    check_metrics_reachable(config, *blocks(guide, "nft"))
    for name in re.findall(r"\b(TXTD_[A-Z_]+)=", "".join(re.findall(r"^export (.*)$", guide, re.M))):
        expect("$" + name in subprocess.run([txtctl, "--help"], capture_output=True, text=True, check=True).stdout, name)
    check_firewall(*blocks(guide, "nft"))
    check_unit(*blocks(guide, "ini"))
    check_environment(guide)
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
