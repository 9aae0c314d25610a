"""The guide's blocks, against a started server; and the command that it begins with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.conftest import Started

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "server.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_blocks_of_the_guide_run(
    mocked: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:4242", mocked.url).replace("tg_…", mocked.key())
    namespace: dict[str, Any] = {}
    blocks = BLOCK.findall(text)
    assert len(blocks) >= 3
    for block in blocks:
        exec(textwrap.dedent(block), namespace)  # noqa: S102  (the project's own page)

    namespace["client"].close()
    assert (tmp_path / "cat.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_one_command_starts_it(tmp_path: Path) -> None:
    kept = {name: one for name, one in os.environ.items() if not name.startswith("TARASH_")}
    command = [sys.executable, "-m", "tarash.tarash_gateway", "serve", "--mock", "--port", "0"]
    with subprocess.Popen(
        [*command, "--media", str(tmp_path)],
        env=kept,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
        found = re.search(r"curl (\S+) -H \"(Authorization): (Bearer \S+)\".* -d '(.*)'", said[-1])
        assert found is not None, said
        assert found[3].removeprefix("Bearer ") in said[3]
        page = httpx.get(said[1].split()[1])
        assert (page.status_code, "<title>Tarash Gateway</title>" in page.text) == (200, True)
        answer = httpx.post(
            found[1],
            content=found[4],
            headers={found[2]: found[3], "Content-Type": "application/json"},
        )
        assert (answer.status_code, answer.json()["object"]) == (200, "video"), answer.text
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_short_admin_key_is_refused() -> None:
    command = [sys.executable, "-m", "tarash.tarash_gateway", "serve", "--port", "0"]
    env = {**os.environ, "TARASH_ADMIN_KEY": "short"}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "at least 16" in ended.stderr
    assert "short" not in ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("options", "variables", "is_warned"),
    [
        ([], {}, True),
        (["--mock"], {}, False),
        ([], {"FAL_KEY": "0123456789:abcdef"}, False),
        ([], {"TARASH_VLLM_BASE_URL": "http://127.0.0.1:1"}, False),
    ],
)
def test_it_says_where_no_provider_has_a_key(
    tmp_path: Path, options: list[str], variables: dict[str, str], *, is_warned: bool
) -> None:
    command = [sys.executable, "-m", "tarash.tarash_gateway", "serve", "--port", "0", *options]
    with subprocess.Popen(
        [*command, "--media", str(tmp_path), "--ledger", f"sqlite:///{tmp_path / 'jobs.db'}"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        while not _is_up(url):
            threading.Event().wait(0.05)

        process.send_signal(signal.SIGTERM)
        _out, said = process.communicate()

    assert ("warning: no provider has a key" in said) is is_warned, said
    assert ("--mock needs none" in said) is is_warned


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=60).is_success
    except httpx.TransportError:
        return False
