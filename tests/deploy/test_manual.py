#!/usr/bin/python3
"""test_manual.py TXTD TXTCTL: the manual pages are well-formed and say what the programs take, all of it and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = {name: ROOT / "deploy/man" / name for name in ("txtd.8", "txtctl.1", "txtd.yaml.5")}
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)


def said(*command):
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, f"{command}: {run.stderr}"
    return run.stdout


def well_formed(page):
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page], capture_output=True, text=True, timeout=30, check=False)
    complaints = [line for line in lint.stdout.splitlines() + lint.stderr.splitlines() if "referenced manual not found" not in line]
    check(not complaints, f"mandoc: {complaints}")
    groff = subprocess.run(["groff", "-mdoc", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True, timeout=30, check=False)
    check(groff.returncode == 0 and groff.stderr == "", f"groff: {groff.stderr}")
    check(len(said("man", "-l", str(page)).splitlines()) > 40, f"man shows little of {page.name}")


def items(page, section=None):
    """The heads of a page's lists, as they read: `-u, --url URL`, `show [DELEGATE]`; those of one section if that is named."""
    heads, here = [], ""
    for line in page.read_text().splitlines():
        if line.startswith(".Sh "):
            here = line[4:]
        elif line.startswith(".It ") and section in (None, here):
            heads.append(plain(line[4:]))
    return heads


def plain(macros):
    text = re.sub(r"\bFl (\S+)", r"-\1", macros)
    text = re.sub(r"\bOo (.*?) Oc\b", r"[\1]", text)
    text = re.sub(r"\bOp (.*)$", r"[\1]", text)
    return re.sub(r"\b(Cm|Ar|Pa|Ev|Dv) ", "", text).replace(" , ", ", ")


def same(what, page, program):
    check(set(page) == set(program), f"{what}: only in the page {sorted(set(page) - set(program))}, "
          f"not in the page {sorted(set(program) - set(page))}")
    check(len(page) == len(set(page)), f"{what}: twice in the page")
    check(len(program) > 3, f"{what}: hardly any were found")


def options_of(help_text):
    """`-u, --url URL` for each row of a help's options."""
    rows = re.findall(r"^  (?:(-\w), |    )--([a-z-]+)(?: ([A-Z]+))?(?:  | |$)", help_text, re.MULTILINE)
    return [(f"{letter}, " if letter else "") + f"--{name}" + (f" {argument}" if argument else "") for letter, name, argument in rows]


def check_txtctl(txtctl):
    page = PAGES["txtctl.1"]
    general = said(txtctl, "--help")
    rows = re.findall(r"^  ([a-z].*)$", general, re.MULTILINE)
    heads = items(page, "COMMANDS")
    same("txtctl's commands", heads, [next((h for h in sorted(heads, key=len, reverse=True) if r.startswith(h + " ")), r) for r in rows])
    same("txtctl's options", items(page, "OPTIONS"), options_of(general))
    variables = set(re.findall(r"\$(TXTD_[A-Z_]+)", general))
    same("txtctl's variables", items(page, "ENVIRONMENT"), sorted(variables))

    # what a command's entry names is an option of that command
    blocks = re.split(r"^\.It ", page.read_text().split(".Sh COMMANDS")[1].split(".Sh OPTIONS")[0], flags=re.MULTILINE)[1:]
    for block in (block.split("\n.El")[0] for block in blocks):
        name = re.match(r"Cm ([a-z -]+?)(?: Ar| O[op]|$)", block.splitlines()[0]).group(1)
        if not any(row.startswith(name + " ") for row in rows):
            continue  # said above
        takes = re.findall(r"--([a-z-]+)", "\n".join(options_of(said(txtctl, *name.split(), "--help"))))
        for option in re.findall(r"^\.Fl -([a-z-]+)|Fl -([a-z-]+)", block, re.MULTILINE):
            check("".join(option) in takes, f"txtctl {name} does not take --{''.join(option)}")


def check_txtd(txtd):
    page = PAGES["txtd.8"]
    same("txtd's options", items(page, "DESCRIPTION"), options_of(said(txtd, "--help")))


def flat(value, path):
    """Paths and values of a configuration's keys, as the page names them."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        if path:
            yield path, None
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def check_defaults():
    """The defaults of the page are the example's. (tests/unit/control/test_manual.c holds the keys against the schema.)"""
    page = PAGES["txtd.yaml.5"].read_text()
    stated = dict(re.findall(r"^\.It Cm (\S+) Pq default Li (.*)$", page, re.MULTILINE))
    example = dict(flat(yaml.load((ROOT / "deploy/txtd.example.yaml").read_text(), yaml.BaseLoader), ""))
    compared = 0
    for path, default in stated.items():
        if isinstance(example.get(path), str) and "<" not in default and " " not in default:
            compared += 1
            check(default == example[path], f"{path}: the page has {default}, txtd.example.yaml {example[path]}")
    for path, value in example.items():
        if value not in (None, "", []) and not re.search(r"^zones\.(name|nameservers\..*)$", path):
            check(path in stated, f"{path}: the page states no default, txtd.example.yaml has {value}")
    check(compared > 40, f"only {compared} defaults were compared")


def check_restart():
    """txtd.example.yaml marks with [restart] what SIGHUP does not take over, and nothing else. Comments stand above their keys."""
    source = (ROOT / "control/config.c").read_text()
    rows = re.findall(r"^    KEY\(([a-z0-9_.]+), (.*?)\),$", source, re.MULTILINE | re.DOTALL)
    reloadable = {name: "reloadable" in rest for name, rest in rows}
    path, comment, after_key, compared = [], "", False, 0
    for line in (ROOT / "deploy/txtd.example.yaml").read_text().splitlines():
        key = re.match(r"^( *)(?:# )?([a-z_0-9]+):", line)
        if key is None or len(key.group(1)) % 2:
            comment = line if after_key else comment + line
            after_key = False
            continue
        after_key = True
        depth = len(key.group(1)) // 2
        path = path[:depth] + [key.group(2)]
        name = ".".join(path)
        if depth == 0:
            section = line
        elif name in reloadable and depth == 1:
            compared += 1
            marked = "[restart]" in section + comment
            check(marked != reloadable[name], f"{name}: txtd.example.yaml {'says' if marked else 'does not say'} [restart]")
    check(compared > 30, f"only {compared} keys were compared")


def main(txtd, txtctl):
    for page in PAGES.values():
        well_formed(page)
    check_txtctl(txtctl)
    check_txtd(txtd)
    check_defaults()
    check_restart()
    for failure in failures:
        print(f"test_manual.py: {failure}", file=sys.stderr)
    return 1 if failures else 0


sys.exit(main(sys.argv[1], sys.argv[2]))
