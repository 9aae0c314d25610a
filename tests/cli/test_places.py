"""`-o` is written down with its job: whoever goes on with the job saves there, and nobody else."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.cli.conftest import Command
from tests.cli.test_killed_while_saving import PUBLISHED, WRITTEN, killed

VIDEO = ("video", "a cat")
ELSEWHERE = "import os; os.makedirs('../elsewhere', exist_ok=True); os.chdir('../elsewhere')"
KEY = Path("data/tarash/places.key")
ON_ANOTHER_MACHINE = "import platform; platform.node = lambda: 'another-machine'"


def rewritten(command: Command, old: str, new: str) -> None:
    """Change what the ledger has of a job's labels, as another user of it could."""
    with sqlite3.connect(command.folder.parent / "data/tarash/jobs.db") as ledger:
        changed = ledger.execute(
            "UPDATE jobs SET labels = replace(labels, ?, ?) WHERE labels LIKE ?",
            (old, new, f"%{old}%"),
        ).rowcount

    ledger.close()
    assert changed == 1


@pytest.fixture
def tarash_command(tarash_command: Command) -> Command:
    """With jobs that count as paid for: their ledger is the user's own."""
    tarash_command.environment["TARASH_LEDGER"] = "sqlite:///../data/tarash/jobs.db"
    (tarash_command.folder.parent / "data/tarash").mkdir(parents=True)
    return tarash_command


def test_a_killed_command_is_finished_where_it_was_to_save(tarash_command: Command) -> None:
    killed(tarash_command, WRITTEN, *VIDEO, "-o", "out/cat.mp4")
    resumed = tarash_command("jobs", "resume", before=ELSEWHERE, code=0)
    saved = tarash_command.folder / "out/cat.mp4"
    assert resumed.out.split() == [str(saved)]
    assert saved.stat().st_size > 100
    assert tarash_command("jobs", "ls", "--json", code=0).json() == []


def test_what_is_there_by_then_is_not_overwritten(tarash_command: Command) -> None:
    killed(tarash_command, PUBLISHED, *VIDEO, "-o", "cat.mp4", "--force")
    (tarash_command.folder / "cat.mp4").write_text("mine by now")
    tarash_command("jobs", "resume", code=0)
    assert (tarash_command.folder / "cat.mp4").read_text() == "mine by now"
    assert (tarash_command.folder / "cat-2.mp4").stat().st_size > 100


@pytest.mark.parametrize("leaving", ["--detach", "--enqueue"])
def test_a_command_that_leaves_hands_its_place_on(
    tarash_command: Command, simulator: Simulator, leaving: str
) -> None:
    left = tarash_command(*VIDEO, leaving, "-o", "clips/", code=0)
    assert "saves it to clips/" in left.err
    job_id = left.out.strip()
    waited = tarash_command("jobs", "wait", job_id, before=ELSEWHERE, code=0)
    (job,) = simulator.jobs("fal")
    assert waited.out.split() == [str(tarash_command.folder / f"clips/fal-{job.id}.mp4")]
    shown = tarash_command("jobs", "show", job_id, "--json", code=0).json()
    assert shown["output"] == f"{tarash_command.folder}/clips/"
    # What is said now counts more; `--json` is told of it as of any other.
    tarash_command("jobs", "fetch", job_id, "-o", "again.mp4", code=0)
    assert (tarash_command.folder / "again.mp4").is_file()
    assert simulator.counters("fal").accepted == 1


@pytest.mark.parametrize(
    "forged",
    ["another place", "another job's", "another machine", "no key", "a key that others can read"],
)
def test_a_place_that_is_not_this_users_on_this_machine_is_none(
    tarash_command: Command, forged: str
) -> None:
    job_id = tarash_command(*VIDEO, "--detach", "-o", "cat.mp4", code=0).out.strip()
    key, before = tarash_command.folder.parent / KEY, ""
    assert key.stat().st_mode & 0o777 == 0o600
    if forged == "another place":
        rewritten(tarash_command, "here/cat.mp4", "here/dog.mp4")
    elif forged == "another job's":
        with sqlite3.connect(tarash_command.folder.parent / "data/tarash/jobs.db") as ledger:
            (labels,) = ledger.execute("SELECT labels FROM jobs").fetchone()
            other = tarash_command(*VIDEO, "--detach", "--json", code=0).json()
            ledger.execute("UPDATE jobs SET labels = ? WHERE id = ?", (labels, other["job_id"]))

        ledger.close()
        job_id = other["request_id"]
    elif forged == "another machine":
        before = ON_ANOTHER_MACHINE
    elif forged == "no key":
        key.unlink()
    else:
        key.chmod(0o644)

    waited = tarash_command("jobs", "wait", job_id, before=before, code=0)
    assert waited.out.startswith("http")
    assert [*tarash_command.folder.iterdir()] == []


def test_the_place_is_no_label_of_the_users(tarash_command: Command) -> None:
    tarash_command(*VIDEO, "-o", "cat.mp4", "--label", "user=42", code=0)
    spent = tarash_command("spend", "--by", "label.user", "--json", code=0).out
    assert "42" in spent
    assert "cat.mp4" not in spent + tarash_command("jobs", "ls", "--all", "--json", code=0).out


@pytest.mark.parametrize(
    ("place", "more"),
    [
        pytest.param("-", (), id="standard-output"),
        pytest.param("s3://bucket/cat.mp4", (), id="an-object-store"),
        pytest.param("cat.mp4", ("--ledger", "memory:"), id="a-ledger-that-ends"),
    ],
)
def test_a_place_that_can_not_be_handed_on_is_refused(
    command: Command, place: str, more: tuple[str, ...]
) -> None:
    refused = command(*VIDEO, "--detach", "-o", place, *more, code=2)
    assert "jobs wait" in refused.err or "storage" in refused.err
    assert refused.out == ""


def test_a_place_that_can_not_be_written_any_more_leaves_the_job(tarash_command: Command) -> None:
    killed(tarash_command, WRITTEN, *VIDEO, "-o", "out/cat.mp4")
    for part in (tarash_command.folder / "out").iterdir():
        part.unlink()

    (tarash_command.folder / "out").rmdir()
    (tarash_command.folder / "out").write_text("a file by now")
    failed = tarash_command("jobs", "resume", code=8)
    assert "-o FILE" in failed.err
    tarash_command("jobs", "resume", "-o", "saved", code=0)
    assert len([*(tarash_command.folder / "saved").iterdir()]) == 1
    assert json.loads(tarash_command("jobs", "ls", "--json", code=0).out) == []


def test_nothing_is_kept_for_a_job_that_nobody_can_go_on_with(tarash_command: Command) -> None:
    tarash_command(*VIDEO, "-o", "cat.mp4", "--ledger", "memory:", code=0)
    tarash_command(*VIDEO, "-o", "dog.mp4", "--mock", code=0)
    assert not (tarash_command.folder.parent / KEY).exists()
