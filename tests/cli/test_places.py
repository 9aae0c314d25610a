"""`-o` is written down with its job: whoever goes on with the job saves there, and nobody else."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tarash.tarash_gateway._data._policies import NOTED
from tarash.tarash_gateway.cli import _places as places
from tarash.tarash_gateway.cli import main
from tarash.tarash_gateway.testing import Simulator
from tests.cli.conftest import Command
from tests.cli.test_killed_while_saving import PUBLISHED, WRITTEN, killed

VIDEO = ("video", "a cat")
ELSEWHERE = "import os; os.makedirs('../elsewhere', exist_ok=True); os.chdir('../elsewhere')"
KEY = Path("data/tarash/places.key")
NOTED_PLACE = f"{NOTED}{places.LABEL}"


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


@pytest.mark.parametrize(
    ("leaving", "name"),
    [
        ("--detach", "here"),
        ("--enqueue", "here"),
        ("--detach", "{work}"),
        ("--detach", "a{b"),
        ("--detach", "{model}"),
    ],
)
def test_a_command_that_leaves_hands_its_place_on(
    tarash_command: Command, simulator: Simulator, leaving: str, name: str
) -> None:
    tarash_command.folder = tarash_command.folder.with_name(name)
    tarash_command.folder.mkdir(exist_ok=True)
    left = tarash_command(*VIDEO, leaving, "-o", "clips/", code=0)
    job_id = left.out.strip()
    assert f"`tarash jobs wait {job_id}` waits for it and saves its result to clips/" in left.err
    waited = tarash_command("jobs", "wait", job_id, before=ELSEWHERE, code=0)
    (job,) = simulator.jobs("fal")
    saved = tarash_command.folder / f"clips/fal-{job.id}.mp4"
    assert waited.out.split() == [str(saved)]
    assert saved.is_file()
    shown = tarash_command("jobs", "show", job_id, "--json", code=0).json()
    doubled = str(tarash_command.folder).replace("{", "{{").replace("}", "}}")
    assert shown["output"] == f"{doubled}/clips/"
    # What is said now counts more; `--json` is told of it as of any other.
    tarash_command("jobs", "fetch", job_id, "-o", "again.mp4", code=0)
    assert (tarash_command.folder / "again.mp4").is_file()
    assert simulator.counters("fal").accepted == 1


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/{nope}/bad.mp4", "what the ledger has as its place is none"),
        (f"/{300 * 'x'}", "File name too long"),
    ],
    ids=["no-place", "too-long"],
)
def test_a_bad_place_of_one_job_stops_no_other(
    tarash_command: Command, place: str, said: str
) -> None:
    bad = tarash_command(*VIDEO, "--detach", "-o", "bad.mp4", "--json", code=0).json()
    tarash_command(*VIDEO, "--detach", "-o", "good.mp4", code=0)
    key = (tarash_command.folder.parent / KEY).read_bytes()
    event: Any = SimpleNamespace(job_id=bad["job_id"])
    note = places.WantedPlace(place, key).opened(event)
    with sqlite3.connect(tarash_command.folder.parent / "data/tarash/jobs.db") as ledger:
        (labels,) = ledger.execute(
            "SELECT labels FROM jobs WHERE id = ?", (bad["job_id"],)
        ).fetchone()
        written = json.dumps({**json.loads(labels), NOTED_PLACE: note[places.LABEL]})
        ledger.execute("UPDATE jobs SET labels = ? WHERE id = ?", (written, bad["job_id"]))

    ledger.close()
    resumed = tarash_command("jobs", "resume")
    assert str(tarash_command.folder / "good.mp4") in resumed.out.split()
    assert said in resumed.err
    assert [one.name for one in tarash_command.folder.iterdir()] == ["good.mp4"]


def test_another_place_than_its_command_wrote_counts_for_nothing(tarash_command: Command) -> None:
    job_id = tarash_command(*VIDEO, "--detach", "-o", "cat.mp4", code=0).out.strip()
    rewritten(tarash_command, "here/cat.mp4", "here/dog.mp4")
    waited = tarash_command("jobs", "wait", job_id, code=0)
    assert waited.out.startswith("http")
    assert "here/dog.mp4, which this user's places.key does not vouch for" in waited.err
    assert [*tarash_command.folder.iterdir()] == []


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, of a user of their own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TARASH_LEDGER", f"sqlite:///{tmp_path}/jobs.db")
    monkeypatch.setenv("FAL_KEY", "a:b")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def record_of(place: str, job_id: str = "one") -> Any:
    """Return as much of a job's record as tells its place."""
    wanted = places.wanted(place)
    assert wanted is not None
    event: Any = SimpleNamespace(job_id=job_id)
    return SimpleNamespace(id=job_id, labels={NOTED_PLACE: wanted.opened(event)[places.LABEL]})


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ("another place", "which this user's places.key does not vouch for"),
        ("another job's", "which this user's places.key does not vouch for"),
        ("another machine", "cat.mp4 on the machine "),
        ("no key", "which this user's places.key does not vouch for"),
        ("a key that others can read", "run `chmod 600 {key}`"),
        ("a key of no bytes", "{key}, is damaged; delete it, and a new one is made"),
        ("no JSON", "what the ledger has as its place is none"),
    ],
)
def test_a_place_that_is_not_this_users_on_this_machine_is_none(
    here: Path, monkeypatch: pytest.MonkeyPatch, forged: str, why: str
) -> None:
    record = record_of("cat.mp4")
    assert places.place_of(record) == str(here / "cat.mp4")
    assert places.why_unused(record) is None
    key = here.parent / KEY
    assert key.stat().st_mode & 0o777 == 0o600
    if forged == "another place":
        record.labels[NOTED_PLACE] = record.labels[NOTED_PLACE].replace("cat.mp4", "dog.mp4")
    elif forged == "another job's":
        record.id = "other"
    elif forged == "another machine":
        monkeypatch.setattr(platform, "node", lambda: "another-machine")
    elif forged == "no key":
        key.unlink()
    elif forged == "a key that others can read":
        key.chmod(0o644)
    elif forged == "a key of no bytes":
        key.write_bytes(b"")
    else:
        record.labels[NOTED_PLACE] = "cat.mp4"

    assert places.place_of(record) is None
    assert why.format(key=key) in str(places.why_unused(record))


def test_a_place_is_written_in_full_and_means_the_same_later(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "far/deep").mkdir(parents=True)
    (here / "link").symlink_to(here / "far/deep")
    (here / "out").mkdir()
    (here / "o{t").mkdir()
    monkeypatch.setenv("HOME", str(here.parent / "{home}"))
    for given, kept in {
        "cat.mp4": f"{here}/cat.mp4",
        "./cat.mp4": f"{here}/cat.mp4",
        ".": f"{here}/",
        "out": f"{here}/out/",  # is a folder now, and is meant as one when it is gone
        "o{{t": f"{here}/o{{{{t/",
        "new": f"{here}/new",
        "link/../far.mp4": f"{here}/link/../far.mp4",  # in `far`, not here
        "~": f"{here.parent}/{{{{home}}}}/",
        "~//{provider}.mp4": f"{here.parent}/{{{{home}}}}/{{provider}}.mp4",
        "./~nobody/x.mp4": f"{here}/~nobody/x.mp4",
        f"{here}/{{index}}.mp4": f"{here}/{{index}}.mp4",
    }.items():
        assert places.place_of(record_of(given)) == kept


def test_a_key_is_on_the_disk_before_it_has_its_name(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noted(name: str) -> Callable[..., None]:
        real = getattr(os, name)

        def step(*given: Any) -> None:
            done.append(name)
            real(*given)

        return step

    for name in ("fsync", "link"):
        monkeypatch.setattr(os, name, noted(name))

    wanted = places.wanted("cat.mp4")
    assert wanted is not None
    assert done == ["fsync", "link"]
    assert repr(wanted) == f"WantedPlace(text={str(here / 'cat.mp4')!r})"


def test_the_place_is_no_label_of_the_users(tarash_command: Command) -> None:
    tarash_command(*VIDEO, "-o", "cat.mp4", "--label", "user=42", code=0)
    spent = tarash_command("spend", "--by", "label.user", "--json", code=0).out
    assert "42" in spent
    assert "cat.mp4" not in spent + tarash_command("jobs", "ls", "--all", "--json", code=0).out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command in this process that can't work; return what it says."""
    assert main([*VIDEO, *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


@pytest.mark.parametrize("leaving", ["--detach", "--enqueue"])
@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param("-o -", "standard output ends with this command", id="standard-output"),
        pytest.param("-o s3://bucket/cat.mp4", "only places on the disk are", id="object-store"),
        pytest.param(
            "-o x.mp4 --ledger memory:", "what is written down in memory: ends", id="memory"
        ),
    ],
)
def test_a_place_that_can_not_be_handed_on_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], leaving: str, given: str, why: str
) -> None:
    said = refused(capsys, leaving, *shlex.split(given))
    assert f"can't be written down with the job: {why}" in " ".join(said.split())
    assert "leave out --output, and give it to `tarash jobs wait`" in said
    assert not (here.parent / KEY).exists()


@pytest.mark.parametrize("leaving", ["--detach", "--enqueue"])
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("{nope}.mp4", "there is no {nope}"),
        ("", "the place to save to is empty"),
        ("http://h/x.mp4", "results can be saved to a file"),
        ("~nobody-of-this-name/x.mp4", "there is no home folder '~nobody-of-this-name'"),
    ],
)
def test_what_is_no_place_is_refused_by_a_command_that_leaves(
    here: Path, capsys: pytest.CaptureFixture[str], leaving: str, place: str, why: str
) -> None:
    said = refused(capsys, leaving, "-o", place)
    assert said.startswith("error: --output: ")
    assert why in said
    assert not (here.parent / KEY).exists()


@pytest.mark.parametrize(
    ("state", "what_to_do"),
    [
        ("open to others", "is open to other users; run `chmod 600 {key}`"),
        ("damaged", "is damaged; delete it"),
        ("a folder that is a file", "can't be made or read"),
        ("another user's", "belongs to another user; delete it"),
    ],
)
def test_a_key_that_seals_nothing_says_why_and_what_to_do(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    what_to_do: str,
) -> None:
    assert places.wanted("cat.mp4") is not None
    key = here.parent / KEY
    if state == "open to others":
        key.chmod(0o640)
    elif state == "damaged":
        key.write_bytes(b"cut")
    elif state == "another user's":
        monkeypatch.setattr(os, "getuid", lambda: -1)
    else:
        key.unlink()
        key.parent.rmdir()
        key.parent.write_text("")

    assert what_to_do.format(key=key) in refused(capsys, "--detach", "-o", "cat.mp4")
    # A command that stays saves it itself: its place is merely for what follows a crash.
    assert places.wanted("cat.mp4") is None


def test_a_name_that_no_disk_takes_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "File name too long; name another place" in refused(capsys, "-o", 300 * "x")
    assert [*here.iterdir()] == []


def test_a_dry_run_makes_no_key(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*VIDEO, "--detach", "-o", "cat.mp4", "--dry-run"]) == 0
    assert "payload" in capsys.readouterr().out
    assert not (here.parent / KEY).exists()
    assert [*here.iterdir()] == []


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
