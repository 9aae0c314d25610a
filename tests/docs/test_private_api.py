"""The walk from nothing to a video at a private API is taken step by step, as the page has it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tarash.tarash_gateway

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "private-api.md"
ABOVE = Path(tarash.tarash_gateway.__file__).parents[2]
BLOCK = re.compile(r"^```(py|toml|bash|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LIMIT = 150


class Walk:
    """A shell in an empty folder, as far as the page needs one."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._port = port
        private = ("FAL_", "TARASH_", "STUDIO_")
        kept = {name: one for name, one in os.environ.items() if not name.startswith(private)}
        self._environment = {
            **kept,
            "PYTHONPATH": str(ABOVE),
            "HOME": str(folder),
            "STUDIO_PORT": str(port),
            "COLUMNS": "200",
        }
        self._server: subprocess.Popen[bytes] | None = None
        self.said = ""

    def take(self, kind: str, block: str) -> None:
        """Take one step."""
        if kind in ("py", "toml"):
            name = block.partition("\n")[0].removeprefix("# ")
            (self.folder / name).write_text(block, "utf-8")
        elif kind == "bash":
            self.said = "".join(map(self._run, block.splitlines()))
        else:
            for line in block.splitlines():
                pattern = ".*".join(map(re.escape, line.strip().split("…")))
                assert re.search(pattern, self.said), f"{line!r} is not in:\n{self.said}"

    def _run(self, line: str) -> str:
        words = shlex.split(line)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self._environment[name] = value
            return ""

        command: list[Any] = {
            "tarash": [sys.executable, "-m", "tarash.tarash_gateway"],
            "python": [sys.executable],
        }[words[0]]
        if words[-1] == "&":
            self._server = subprocess.Popen(
                [*command, *words[1:-1]], cwd=self.folder, env=self._environment
            )
            self._await_server()
            return ""

        done = subprocess.run(
            [*command, *words[1:]],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _await_server(self) -> None:
        for _ in range(2000):
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", self._port)) == 0:
                    return

            time.sleep(0.02)

        raise AssertionError("the studio does not answer")

    def end(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(LIMIT)


def steps(port: int) -> Iterator[tuple[str, str]]:
    text = PAGE.read_text("utf-8").replace("8765", str(port))
    for block in BLOCK.finditer(text):
        yield block[1], block[2]


def test_the_walk(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    walk = Walk(tmp_path, port)
    try:
        for kind, block in steps(port):
            walk.take(kind, block)
    finally:
        walk.end()

    assert (tmp_path / "lantern.mp4").stat().st_size > 1000
