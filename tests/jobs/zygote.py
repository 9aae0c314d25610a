"""Forks children that have everything imported already, so that a test may have many of them.

Standard input has a line for each child: its work, the file that it reports to, its arguments. The
answer is its process id. Children are buried at once when they end, or are killed.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

from tests.contract import cases
from tests.jobs import children

SDKS = ("fal_client", "lumaai", "openai", "replicate", "runwayml")
ADAPTERS = ("fal", "luma", "openai", "replicate", "runway", "stability", "xai")


def main() -> None:
    """Fork until the input ends."""
    assert cases.FILES  # the declared providers of the tests are registered with it
    for name in (*SDKS, *(f"tarash.tarash_gateway.providers.{name}" for name in ADAPTERS)):
        importlib.import_module(name)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print_line("ready")
    for line in iter(sys.stdin.readline, ""):
        work, path, arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            be_child(work, path, arguments)

        print_line(pid)


def print_line(answer: Any) -> None:
    """Answer the test."""
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


def be_child(work: str, path: str, arguments: dict[str, Any]) -> NoReturn:
    """Do the work, and end without anything that belongs to the parent."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nowhere, number)

    report = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(**facts: Any) -> None:
        os.write(report, f"{json.dumps(facts, default=str)}\n".encode())  # whole, or not at all

    try:
        asyncio.run(getattr(children, work)(say, **arguments))
    except BaseException:  # noqa: BLE001  (told to the test, whatever it is)
        say(crash=traceback.format_exc())

    say(end=True)
    os._exit(0)


if __name__ == "__main__":
    main()
