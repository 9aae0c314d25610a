"""Runs commands of `tarash`, each in a fork of one process that has imported it already.

What a process of its own costs is Python's start and the imports, the same for every command. Reads
one JSON object a line: `arguments`, `folder`, `environment`, `before` (code to run first), and the
files that standard output and standard error go to. Writes one exit code a line.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import tarash.tarash_gateway
from tarash.tarash_gateway.cli import main
from tarash.tarash_gateway.providers._registry import shipped

LIBRARIES = ("aiohttp.web", "anyio._backends._asyncio", "fal_client")
PACKAGE = tarash.tarash_gateway
NOT_NEEDED = (f"{PACKAGE.__name__}.__main__", f"{PACKAGE.__name__}.testing")
MODULES = pkgutil.walk_packages(PACKAGE.__path__, f"{PACKAGE.__name__}.")
OWN = [module.name for module in MODULES if not module.name.startswith(NOT_NEEDED)]
for name in (*LIBRARIES, *OWN):
    import_module(name)

for row in shipped().values():
    if isinstance(row.models, ModuleType):  # of a declaration, which is read as a module is
        row.load()
        _ = row.models.MODELS


def become(job: dict[str, Any]) -> int:
    """Run a command in place of this process; return its exit code."""
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, job["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, job["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)

    exec(job["before"], {})  # noqa: S102  (a test's own)
    return main(job["arguments"])


gc.freeze()  # a fork that ends need not look through all this again
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.exit(become(json.loads(line)))

    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201  (what it is for)
