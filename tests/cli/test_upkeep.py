"""`tarash worker`, and `tarash ledger migrate | check | prune`, on a ledger of each kind."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    MockPollingConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.cli._ledger import command_for, shown
from tarash.tarash_gateway.ledger import SqliteLedger, open_ledger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.cli.conftest import Command
from tests.ledger.makers import make_job

MOCK = MockConfig(enabled=True, polling=MockPollingConfig(delay_between_updates=0.01))
CONFIG = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=MOCK)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))

    return f"sqlite:///{tmp_path / 'jobs.db'}"


async def enqueued(url: str) -> str:
    gateway = Gateway(ledger=url)
    job = await gateway.enqueue_video_async(CONFIG, VideoGenerationRequest(prompt="A cat"))
    await open_ledger(url).aclose()
    return job.id


async def state_of(url: str, job_id: str) -> str | None:
    found = await Gateway(ledger=url).find_job_async(job_id)
    await open_ledger(url).aclose()
    return None if found is None else found.state


def test_a_ledger_is_made_worked_checked_and_pruned(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ledger", "migrate", "--ledger", url]) == 0
    job_id = asyncio.run(enqueued(url))
    capsys.readouterr()
    assert run(["ledger", "check", "--ledger", url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["open"], told["held"], told["unknown"]) == (1, 0, 0)

    assert run(["worker", "--ledger", url, "--until-empty"]) == 0
    assert asyncio.run(state_of(url, job_id)) == "completed"

    for age in ("30d", "30"):  # a number alone is days, for both commands that forget
        assert run(["ledger", "prune", "--ledger", url, "--older-than", age]) == 0

    assert asyncio.run(state_of(url, job_id)) == "completed"
    capsys.readouterr()
    assert run(["ledger", "prune", "--ledger", url, "--older-than", "0s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["forgotten"] == 1
    assert asyncio.run(state_of(url, job_id)) is None


def test_an_age_that_is_none_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "prune", "--ledger", url, "--older-than", "soon"]) == 2
    assert "use 30d, 12h or 2w" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:canary@h:1/d", "postgresql://u@h:1/d"),
        ("postgres://u:c%40nary@h/d?password=canary&sslmode=require",
         "postgres://u@h/d?sslmode=require"),
        ("postgresql://u@h?password=canary&sslmode=require", "postgresql://u@h?sslmode=require"),
        ("postgresql://h?password=can/ary", "postgresql://h"),
        ("postgresql://h/d?pass%77ord=canary&sslpassword=canary", "postgresql://h/d"),
        ("postgresql://h?password=canary@x", "postgresql://h@x"),
        ("postgresql://u:12/canary@h/d", "postgresql://***"),
        ("postgresql:///d", "postgresql:///d"),
        ("sqlite:///canary.db", "sqlite:///canary.db"),
    ],
)  # fmt: skip
def test_commands_that_are_shown_tell_no_password(url: str, expected: str) -> None:
    assert shown(url) == expected
    assert (
        command_for("wait", "job-1", url) == f"tarash jobs wait job-1 --ledger {quoted(expected)}"
    )


def quoted(url: str) -> str:
    return shlex.quote(url)


def test_a_worker_whose_ledger_was_never_there_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "none"
    folder.write_text("a file, where a folder has to be", encoding="utf-8")
    assert run(["worker", "--ledger", f"sqlite:///{folder}/jobs.db", "--until-empty"]) != 0
    said = capsys.readouterr().err
    assert "can't be" in said
    assert "working the queue" not in said


def test_a_worker_in_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["worker", "--ledger", "memory:", "--until-empty"]) == 2
    assert "nobody else can enqueue" in capsys.readouterr().err
    monkeypatch.setenv("TARASH_LEDGER", "memory:")
    assert run(["worker", "--until-empty"]) == 2


def test_a_worker_that_is_terminated_hands_its_job_on(
    tarash_command: Command, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("fal", Script(queue_seconds=0, run_seconds=3600))
    ledger = SqliteLedger(tmp_path / "jobs.db")
    gateway = Gateway(ledger=ledger)

    async def enqueue() -> str:
        config = VideoGenerationConfig(
            provider="fal", model="fal-ai/veo3.1", base_url=simulator.base_url("fal")
        )
        job = await gateway.enqueue_video_async(config, VideoGenerationRequest(prompt="A cat"))
        await ledger.aclose()
        return job.id

    async def left(job_id: str) -> tuple[str, bool, bool, int]:
        record = await ledger.get(job_id)
        assert record is not None
        queue, workers = [await ledger.list_states(space) for space in ("queue", "workers")]
        await ledger.aclose()
        accepted = record.entries[0].operation is not None
        return record.state, record.held, accepted, len(queue) - len(workers)

    job_id = asyncio.run(enqueue())
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    ended = tarash_command.interrupted(
        lambda: simulator.counters("fal").polls > 0,
        *("worker", "--ledger", url, "--grace", "0.1"),
        by=signal.SIGTERM,
    )
    assert ended.code == 0, ended.err
    assert "the worker has ended; what it left goes on with the next one" in ended.err
    assert asyncio.run(left(job_id)) == ("open", False, True, 1)
    assert simulator.counters("fal").submits == 1
    assert simulator.counters("fal").cancels == 0


def test_what_is_enqueued_is_sent_by_a_worker(
    tarash_command: Command, simulator: Simulator
) -> None:
    where = ("--ledger", "sqlite:///own.db")
    ran = tarash_command("video", "a cat", "--enqueue", "--priority", "5", *where, code=0)
    job_id = ran.out.strip()
    after = f"`tarash jobs wait {job_id} --ledger sqlite:///own.db` waits for it"
    assert (
        f"`tarash worker --ledger sqlite:///own.db` sends it; {after}. Where no worker" in ran.err
    )
    keyed = ("image", "a cat", "--enqueue", "--idempotency-key", "order-1", "--json", *where)
    first, again = (tarash_command(*keyed, code=0).json() for _ in range(2))
    assert first == again
    assert first["provider"] == "fal"
    assert simulator.counters("fal").submits == 0
    listed = tarash_command("jobs", "ls", "--json", *where, code=0).json()
    assert [(one["job_id"], one["state"]) for one in listed] == [
        (first["job_id"], "not sent"), (job_id, "not sent")
    ]  # fmt: skip

    tarash_command("worker", "--until-empty", *where, code=0)
    assert simulator.counters("fal").submits == 2
    saved = tarash_command("jobs", "wait", job_id, "-o", "cat.mp4", *where, code=0)
    assert saved.out.strip() == "cat.mp4"
    assert simulator.counters("fal").submits == 2


def test_a_rehearsal_is_enqueued_where_rehearsals_are(
    tarash_command: Command, simulator: Simulator
) -> None:
    ran = tarash_command("video", "a cat", "--enqueue", code=0)
    assert "`tarash worker --ledger rehearsals` sends it" in ran.err
    tarash_command("worker", "--until-empty", "--ledger", "rehearsals", code=0)
    assert simulator.counters("fal").submits == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--enqueue", "-o", "-"), "leave out --output, and give it to `tarash jobs wait`"),
        (("--enqueue", "--detach"), "give one of them"),
        (("--enqueue", "--ledger", "memory:"), "ends with this command"),
        (("--enqueue", "--key-file", "key"), "keys are not written down"),
        (("--priority", "3"), "--priority is for --enqueue"),
    ],
)
def test_what_can_not_be_enqueued_so_is_refused(
    command: Command, arguments: tuple[str, ...], said: str
) -> None:
    (command.folder / "key").write_text("a-key", encoding="utf-8")
    refused = command("video", "a cat", *arguments, code=2)
    assert said in " ".join(refused.err.split())
    assert refused.out == ""


def test_a_list_of_jobs_is_read_page_by_page(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = [asyncio.run(enqueued(url)) for _ in range(3)]
    pages: list[list[str]] = []
    after: list[str] = []
    for _ in range(2):
        listing = ["jobs", "ls", "--ledger", url, "--limit", "2", "--json", *after]
        assert run(listing) == 0
        said = capsys.readouterr()
        pages.append([one["job_id"] for one in json.loads(said.out)])
        after = ["--after", pages[-1][-1]]
        assert (f"--after {pages[-1][-1]}" in said.err) == (len(pages) == 1)

    assert pages == [made[:0:-1], made[:1]]
    assert run(["jobs", "ls", "--ledger", url, "--after", "nobody"]) == 2
    assert "no job 'nobody'" in capsys.readouterr().err


async def stalled(url: str) -> str:
    ledger = open_ledger(url)
    job = make_job(created_at=datetime.now(UTC) - timedelta(hours=1))
    await ledger.open(job, "me", {})
    await ledger.close(job.id, "me", "open")
    await ledger.aclose()
    return job.id


def test_the_doctor_looks_at_a_ledger(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "migrate", "--ledger", url]) == 0
    capsys.readouterr()
    assert run(["doctor", "--ledger", url, "--json"]) == 0
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert {one["state"] for one in found.values()} == {"ok"}
    assert found["stalled"]["told"] == "none"
    if url.startswith("postgresql"):
        assert found["NOTIFY"]["told"] == "arrives"
        assert "clock" in found

    job_id = asyncio.run(stalled(url))
    asyncio.run(enqueued(url))
    assert run(["doctor", "--ledger", url, "--json"]) == 2
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["queue"]["told"] == "1 job, 0 workers; start one: `tarash worker`"
    assert job_id in found["stalled"]["told"]


def test_the_doctor_says_that_a_ledger_can_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--ledger", f"sqlite:///{tmp_path}", "--json"]) == 9
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["what"], found["state"]) == ("reach", "problem")
    assert "it is a folder" in found["told"]


STARTING = """
import os, signal, sys

class Ender:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Ender())
from tarash.tarash_gateway.cli import main
sys.exit(main(["worker", "--ledger", sys.argv[2], "--until-empty"]))
"""


@pytest.mark.parametrize("module", ["typer", "tarash.tarash_gateway.cli._worker", "sqlite3"])
def test_a_worker_that_is_terminated_while_it_starts_ends_well(module: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STARTING, module, f"sqlite:///{tmp_path / 'jobs.db'}"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
