#!/usr/bin/python3
"""A Debian base image's root out of this machine's own packages, for where there is no archive: and an apt-get in it that installs
those that the machine has.

    debian_root.py ROOT POOL PACKAGE ...

ROOT gets the essential packages: the files that dpkg knows, and what the packages' scripts have made of /etc. Its apt-get finds in
/packages, where POOL has to be mounted, these packages and all that they depend on; any other it cannot locate.
"""
import os
import re
import subprocess
import sys

# What installing makes, and no package holds.
MADE = ["etc/alternatives", "etc/ssl/certs", "etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ld.so.cache",
        "var/lib/dpkg/info/format"]
LEFT_OUT = re.compile(r"usr/share/(man|locale|info|doc/.*(?<!/copyright)$)")
INFO = "/var/lib/dpkg/info/"
APT_GET = """#!/bin/sh
set -eu
[ "$1" != update ] || { mkdir -p /var/lib/apt/lists; : >/var/lib/apt/lists/known; exit; }
[ "$1" = install ] && [ -e /var/lib/apt/lists/known ] || exit 100
shift
for name; do
    case $name in
    -*) ;;
    *) [ -e "/packages/$name.needs" ] || { echo "E: Unable to locate package $name" >&2; exit 100; }
       cat "/packages/$name.needs" ;;
    esac
done | sort -u >/tmp/needs
while read -r package; do
    grep -qx "Package: $package" /var/lib/dpkg/status || cat "/packages/$package.status" >>/var/lib/dpkg/status
    cat "/packages/$package.files"
done </tmp/needs | sort -u >/tmp/files
tar -x -p -C / --skip-old-files --no-recursion --no-unquote -T /tmp/files -f /packages/pool.tar
rm /tmp/needs /tmp/files
"""


def read_status():
    """Installed packages by name, each with its fields, and who provides what."""
    packages, providers = {}, {}
    with open("/var/lib/dpkg/status", encoding="utf-8") as file:
        for paragraph in file.read().split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.M))
            if fields.get("Status") == "install ok installed":
                packages[fields["Package"]] = fields | {"paragraph": paragraph}
                for provided in fields.get("Provides", "").split(","):
                    providers.setdefault(provided.split("(")[0].strip(), []).append(fields["Package"])
    return packages, providers


def closure(names, packages, providers):
    """These and all that they depend on; of alternatives, the first that is installed."""
    wanted, left = set(), list(names)
    while left:
        name = left.pop()
        if name in wanted:
            continue
        if name not in packages:
            sys.exit("debian_root.py: %s is not installed on this machine" % name)
        wanted.add(name)
        for group in ",".join(packages[name].get(field, "") for field in ("Pre-Depends", "Depends")).split(","):
            choices = [choice.split("(")[0].split(":")[0].strip() for choice in group.split("|")]
            found = [choice if choice in packages else providers[choice][0] for choice in choices
                     if choice in packages or choice in providers]
            left += (found or choices)[:1] if group.strip() else []
    return wanted


def where(path):
    """A path as the machine has it: /lib is /usr/lib."""
    return os.path.join(os.path.realpath(os.path.dirname("/" + path)), os.path.basename(path)).lstrip("/")


def files_of(name, fields):
    """The files of a package, and what dpkg knows of it."""
    full = name + (":" + fields["Architecture"] if fields.get("Multi-Arch") == "same" else "")
    with open(INFO + full + ".list", encoding="utf-8") as file:
        paths = {where(line.lstrip("/")) for line in file.read().splitlines() if line != "/."}
    paths |= {(INFO + entry).lstrip("/") for entry in os.listdir(INFO) if entry.rsplit(".", 1)[0] == full}
    return {path for path in paths if os.path.lexists("/" + path) and (os.path.islink("/" + path) or not LEFT_OUT.match(path))}


def made():
    """What MADE names, and the links to /etc/alternatives."""
    paths = {os.path.join(folder, name).lstrip("/") for top in MADE for folder, folders, files in os.walk("/" + top)
             for name in folders + files} | {top for top in MADE if os.path.isfile("/" + top)}
    for name in os.listdir("/var/lib/dpkg/alternatives"):
        with open("/var/lib/dpkg/alternatives/" + name, encoding="utf-8") as file:
            paths.add(where(file.read().split("\n")[1].lstrip("/")))
    return {path for path in paths if os.path.lexists("/" + path)}


def archive(paths, file):
    subprocess.run(["tar", "-C", "/", "-c", "--null", "--no-unquote", "--no-recursion", "-T", "-", "-f", "-"], stdout=file, check=True,
                   input="\0".join(sorted(paths)).encode())


def make_root(root, packages, providers):
    for folder in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "var/lib/dpkg", "proc", "sys", "dev", "run", "tmp"):
        os.makedirs(os.path.join(root, folder))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink("usr/" + name, os.path.join(root, name))
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    wanted = closure([name for name, fields in packages.items() if fields.get("Essential") == "yes"], packages, providers)
    with open(os.path.join(root, "tmp/root.tar"), "w+b") as file:
        archive(made().union(*(files_of(name, packages[name]) for name in wanted)), file)
        subprocess.run(["tar", "-C", root, "-x", "-p", "--no-overwrite-dir", "-f", file.name], check=True)
        os.remove(file.name)
    with open(os.path.join(root, "var/lib/dpkg/status"), "w", encoding="utf-8") as file:
        file.write("".join(packages[name]["paragraph"] + "\n\n" for name in sorted(wanted)))
    program = os.path.join(root, "usr/bin/apt-get")
    with open(program, "w", encoding="ascii") as file:
        file.write(APT_GET)
    os.chmod(program, 0o755)


def make_pool(pool, names, packages, providers):
    everything = {}
    for name in names:
        needs = closure([name], packages, providers)
        everything |= {need: files_of(need, packages[need]) for need in needs - everything.keys()}
        with open(os.path.join(pool, name + ".needs"), "w", encoding="ascii") as file:
            file.write("".join(need + "\n" for need in sorted(needs)))
    for name, paths in everything.items():
        with open(os.path.join(pool, name + ".files"), "w", encoding="utf-8") as file:
            file.write("".join(path + "\n" for path in sorted(paths)))
        with open(os.path.join(pool, name + ".status"), "w", encoding="utf-8") as file:
            file.write(packages[name]["paragraph"] + "\n\n")
    with open(os.path.join(pool, "pool.tar"), "wb") as file:
        archive(set().union(*everything.values()), file)


def main():
    root, pool, *names = sys.argv[1:]
    packages, providers = read_status()
    make_root(root, packages, providers)
    make_pool(pool, names, packages, providers)


if __name__ == "__main__":
    main()
