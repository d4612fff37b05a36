#!/usr/bin/env python3
"""The include check itself: a tree that breaks each rule is refused."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from include_direction import check  # noqa: E402

CASES = [
    ("dataplane/a.c", '#include "storage/store.h"', True),
    ("dataplane/a.c", '#include "control/log.h"', True),
    ("storage/a.c", '#include "control/log.h"', True),
    ("storage/a.c", '#include "dataplane/respond.h"', True),
    ("storage/a.c", '#include "dataplane/zone/delegate.h"', False),
    ("control/api.c", "#include <h2o.h>", True),
    ("control/http_server.c", "#include <h2o.h>", False),
    ("dataplane/a.c", "#include <rocksdb/c.h>", True),
]
for name, line, bad in CASES:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for room in ("dataplane", "storage", "control"):
            (root / room).mkdir()
            (root / room / "README.md").write_text("x")
        (root / name).write_text(line + "\n")
        assert bool(check(root)) == bad, (name, line)
print("include check: ok")
