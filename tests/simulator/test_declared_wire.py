"""The simulator plays a vendor by the vendor's file: bodies, refusals, keys, and traps."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tarash.tarash_gateway.testing._declarations._samples import sample

FOLDER = Path(__file__).parents[1] / "contract" / "declared"
ASTER = FOLDER / "aster.toml"
KEY = {"Authorization": "Bearer any"}


class Client:
    """Asks the vendor without any of the package's adapters."""

    def __init__(self, simulator: Simulator, provider: str, **headers: str) -> None:
        self._origin = simulator.base_url(provider)
        self._headers = headers or KEY

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = {**self._headers, **options.pop("headers", {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self._origin}/{path}", headers=headers, **options) as found,
        ):
            body = await found.read()
            return found.status, json.loads(body) if body[:1] in (b"{", b"[") else body


def declared(**changes: Any) -> dict[str, Any]:
    return tomllib.loads(ASTER.read_text("utf-8")) | changes


@pytest.mark.parametrize("source", [ASTER, str(ASTER), declared()], ids=["path", "text", "dict"])
async def test_a_file_is_played(source: Any) -> None:
    with Simulator([source]) as simulator:
        assert simulator.providers == ("aster",)
        simulator.script("aster", Script(queue_polls=1, run_polls=1))
        client = Client(simulator, "aster")
        status, answer = await client.ask("POST", "v1/clips", json={"model": "clip-1"})
        assert (status, answer["error"]["text"]) == (400, "prompt is missing")

        body = {"model": "clip-1", "prompt": "A kite", "seconds": 8}
        status, answer = await client.ask("POST", "v1/clips", json=body)
        assert status == 200
        job = answer["clip"]["id"]
        seen = [(await client.ask("GET", f"v1/clips/{job}"))[1]["clip"] for _ in range(3)]
        assert [one["state"] for one in seen] == ["waiting", "working", "ready"]
        assert seen[-1]["seconds"] == 8
        assert seen[-1]["files"][0]["url"].startswith(simulator.media_url)
        assert (simulator.counters("aster").polls, len(simulator.jobs("aster"))) == (3, 1)

        status, _ = await client.ask("POST", f"v1/clips/{job}/stop")
        assert status == 409
        _, listed = await client.ask("GET", "v1/clips?page=1")
        assert [one["input"]["prompt"] for one in listed["clips"]] == ["A kite"]
        assert (await client.ask("GET", "v1/nowhere"))[0] == 404
        assert (await client.ask("POST", "v1/clips", json={"model": "x", "prompt": "y"}))[0] == 404
        assert (await client.ask("POST", "v1/clips", data=b"<"))[0] == 415


async def test_jobs_end_as_their_scripts_say_and_requests_as_their_faults() -> None:
    with Simulator([ASTER]) as simulator:
        client = Client(simulator, "aster")
        found = []
        for outcome in ("failed", "moderated", "lost"):
            simulator.script("aster", Script(outcome=outcome, run_polls=0))
            body = {"model": "clip-1", "prompt": "A kite"}
            _, answer = await client.ask("POST", "clips", json=body)  # without the version, too
            found.append(await client.ask("GET", f"clips/{answer['clip']['id']}"))

        assert [status for status, _ in found] == [200, 200, 404]
        assert [body["clip"]["state"] for _, body in found[:2]] == ["broken", "broken"]
        assert found[1][1]["error"]["code"] == "unsafe"
        simulator.fail("aster", "submit", Fault.status(503))
        status, answer = await client.ask("POST", "clips", json={})
        assert (status, answer["error"]["code"]) == (503, "error_503")


@pytest.mark.parametrize(
    ("auth", "sent", "query"),
    [
        ({"type": "bearer"}, {"Authorization": "Bearer k:ey"}, ""),
        ({"type": "header", "header": "X-Key", "prefix": "Key "}, {"X-Key": "Key k:ey"}, ""),
        (
            {"type": "basic"},
            {"Authorization": f"Basic {base64.b64encode(b'k:ey').decode()}"},
            "",
        ),
        ({"type": "query", "parameter": "token"}, {}, "?token=k:ey"),
    ],
    ids=lambda one: one.get("type", "") if isinstance(one, dict) else "",
)
async def test_a_key_is_read_where_it_is_declared(
    auth: dict[str, Any], sent: dict[str, str], query: str
) -> None:
    said = declared()
    said["account"]["auth"] = auth
    with Simulator([said]) as simulator:
        simulator.keys["aster"] = {"k:ey"}
        right = Client(simulator, "aster", **(sent or {"X-None": "1"}))
        assert (await right.ask("GET", f"v1/me{query}"))[0] == 200
        wrong = Client(simulator, "aster", **wrong_of(sent))
        assert (await wrong.ask("GET", "v1/me"))[0] == 401


def wrong_of(sent: dict[str, str]) -> dict[str, str]:
    return {"X-None": "1"} | {name: f"{one.partition(' ')[0]} AAAA" for name, one in sent.items()}


async def test_a_header_that_is_due_and_an_own_id_that_is_asked_for() -> None:
    with Simulator([FOLDER / "cirrus.toml"]) as simulator:
        client = Client(simulator, "cirrus")
        body = {"input": {"text": "Rain"}, "meta": {"ref": "r1"}}
        path = "api/v3/cumulus/start"
        assert (await client.ask("POST", path, json=body))[1]["message"] == "X-Mode is missing"
        headers = {"X-Mode": "async"}
        for ref in ("r1", "r2"):
            body["meta"]["ref"] = ref
            await client.ask("POST", path, json=body, headers=headers)

        status, listed = await client.ask("GET", "api/v3/tasks/mine?ref=r1")
        assert (status, listed["code"]) == (200, 0)
        assert [one["ref"] for one in listed["data"]] == ["r1"]


@pytest.mark.parametrize(
    "pattern",
    [
        "moderat|guideline",
        r"^(?!.*key).*credits?\b",
        r"polic(y|ies)|not allowed",
        "10(26|27)",
        r"\d{4}",
        "[A-Z][a-z]+ \\w+",
        r"(?i)Sensitive\.Content(?:Detected)?",
        "a{2,3}b*c+",
        "[^x]",
        "(",
    ],
)
def test_a_text_is_made_that_a_pattern_finds(pattern: str) -> None:
    made = sample(pattern, "Nothing came of it")
    try:
        assert re.search(pattern, made, re.IGNORECASE), made
    except re.error:
        assert made == ""


def test_what_is_no_declaration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text("name = 1 2", "utf-8")
    for source, why in (
        (tmp_path / "odd.toml", "can't be read"),
        (tmp_path / "none.toml", "can't be read"),
        ({"name": "odd"}, "needs account, submit"),
    ):
        with pytest.raises(ValueError, match=why):
            Simulator([source])


TEST = """
def test_it(tarash_simulator):
    assert {"fal", "aster"} <= set(tarash_simulator.providers)
"""


def test_the_fixture_plays_files(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST, "utf-8")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\ntarash_providers = {ASTER}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
