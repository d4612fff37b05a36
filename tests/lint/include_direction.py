#!/usr/bin/env python3
"""Checks the direction of knowledge between the rooms by reading every #include.

dataplane includes nothing of control or storage; storage includes nothing of control and, of the dataplane, only the type
that describes a delegate; h2o is seen by control's http_* files alone, mbedtls by its tls* and http_* files, RocksDB by
storage alone. Every room has a README.md.
"""
import pathlib
import re
import sys

ROOMS = ("dataplane", "storage", "control")
FORBIDDEN = {"dataplane": ("control/", "storage/"), "storage": ("control/",), "control": ()}
STORAGE_MAY = {"dataplane/zone/delegate.h", "dataplane/error.h"}
# library header -> the files that may include it
OWNERS = {
    r"^h2o": r"^control/http_",
    r"^mbedtls/": r"^control/(tls|http_)",
    r"^rocksdb/": r"^storage/",
    r"^ldns/": r"^control/(zone_|txtctl)",
    r"^jansson": r"^control/",
    r"^curl/": r"^control/txtctl",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def check(root: pathlib.Path) -> list[str]:
    faults = []
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.[ch]")):
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match.group(1)
                where = f"{name}:{number}: includes {target}"
                if target.startswith(FORBIDDEN[room]):
                    faults.append(f"{where}: {room} must not know that room")
                if room == "storage" and target.startswith("dataplane/") and target not in STORAGE_MAY:
                    faults.append(f"{where}: storage knows of the dataplane only the delegate type")
                for library, owners in OWNERS.items():
                    if re.match(library, target) and not re.match(owners, name):
                        faults.append(f"{where}: only {owners} may include it")
        for folder in [root / room, *sorted(p for p in (root / room).rglob("*") if p.is_dir())]:
            if any(folder.glob("*.[ch]")) and not (folder / "README.md").exists():
                faults.append(f"{folder.relative_to(root)}: has no README.md")
    return faults


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) if found else "include direction: ok")
    sys.exit(1 if found else 0)
