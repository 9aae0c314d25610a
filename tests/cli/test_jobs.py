"""Jobs that outlive the command that submitted them, found again in the user's ledger."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    enqueue_image,
)
from tarash.tarash_gateway.cli import _waiting
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.cli.conftest import CANARY, Command

NEVER = Script(queue_seconds=0, run_seconds=3600)


def ledger_of(command: Command) -> Path:
    return Path(command.environment["XDG_DATA_HOME"], "tarash", "rehearsals.db")


def test_a_detached_job_is_listed_waited_for_and_fetched_again(
    tarash_command: Command, simulator: Simulator
) -> None:
    job_id = tarash_command("video", "a cat", "--detach", code=0).out.strip()
    assert [job.id for job in simulator.jobs("fal")] == [job_id]

    (listed,) = tarash_command("jobs", "ls", "--json", code=0).json()
    assert (listed["request_id"], listed["state"], listed["prompt"]) == (
        job_id,
        "unfinished",
        "a cat",
    )
    (tarash_command.folder / "taken.mp4").write_bytes(b"mine")
    polls = simulator.counters("fal").polls
    refused = tarash_command("jobs", "wait", job_id, "-o", "taken.mp4", code=2)
    assert "'taken.mp4' exists" in refused.err
    assert simulator.counters("fal").polls == polls, "it waited before it refused"

    waited = tarash_command("jobs", "wait", job_id, "-o", "cat.mp4", code=0)
    assert waited.out.split() == ["cat.mp4"]
    assert (tarash_command.folder / "cat.mp4").read_bytes()[4:8] == b"ftyp"
    assert tarash_command("jobs", "ls", "--json", code=0).json() == []

    fetched = tarash_command("jobs", "fetch", job_id, "-o", "again.mp4", code=0)
    assert fetched.out.split() == ["again.mp4"]
    assert simulator.counters("fal").submits == 1
    assert CANARY.encode() not in ledger_of(tarash_command).read_bytes()


def test_a_job_of_a_killed_command_is_named_at_once_and_resumed(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", NEVER)
    killed = tarash_command.interrupted(
        lambda: simulator.counters("fal").streams > 0, "video", "a cat", by=signal.SIGKILL
    )
    (job,) = simulator.jobs("fal")
    assert killed.code == -signal.SIGKILL
    assert f"job {job.id}" in killed.err

    told = tarash_command("jobs", "cancel", job.id, "--json", code=0).json()
    assert (told["request_id"], told["cancel"]) == (job.id, "requested")
    assert (told["provider"], told["model"]) == ("fal", "fal-ai/veo3.1")
    resumed = tarash_command("jobs", "resume", "-o", "out", code=12)
    assert f"the job {job.id} was stopped, as somebody had asked" in resumed.err
    assert simulator.counters("fal").submits == 1


def test_a_job_that_is_resumed_is_saved_into_the_folder(
    tarash_command: Command, simulator: Simulator
) -> None:
    job_id = tarash_command("image", "a cat", "--detach", code=0).out.strip()
    resumed = tarash_command("jobs", "resume", "-o", "out", code=0)

    assert resumed.out.split() == [f"out/fal-{job_id}.png"]
    assert "no unfinished jobs" in tarash_command("jobs", "resume", code=0).err
    assert simulator.counters("fal").submits == 1


def test_what_is_not_saved_says_so_and_how(tarash_command: Command, simulator: Simulator) -> None:
    """Resumed without a place, a job of `-o` has only a URL, which ends before long."""
    job_id = tarash_command("video", "a cat", "--detach", code=0).out.strip()
    resumed = tarash_command("jobs", "resume", code=0)
    assert f"`tarash jobs fetch {job_id} -o FILE` saves it" in resumed.err
    fetched = tarash_command("jobs", "fetch", job_id, "-o", "cat.mp4", code=0)
    assert "not saved" not in fetched.err
    assert simulator.counters("fal").submits == 1


def test_a_job_with_a_place_of_its_own_is_said_to_be_there(
    tarash_command: Command, simulator: Simulator
) -> None:
    place = tarash_command.folder / "results"
    ledger = f"sqlite:///{tarash_command.folder}/jobs.db"
    config = VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        api_key=CANARY,
        base_url=simulator.base_url("fal"),
        save_to=f"{place}/",
    )
    for options in ([], ["--json"]):
        gateway = Gateway(ledger=ledger)
        job = gateway.submit_video(config, VideoGenerationRequest(prompt="a cat"))
        gateway.close()
        file = place / f"fal-{job.request_id}.mp4"
        ran = tarash_command("jobs", "resume", "--ledger", ledger, *options, code=0)
        told = ran.json()["jobs"][0]["saved"] if options else ran.out.split()
        assert told == [str(file)]
        assert "not saved" not in ran.err
        assert file.read_bytes()[4:8] == b"ftyp"


def test_several_jobs_that_are_resumed_are_told_in_one_document(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", Script(), Script(outcome="failed"))
    made, failed = (
        tarash_command("video", prompt, "--detach", code=0).out.strip() for prompt in ("a", "b")
    )
    told = tarash_command("jobs", "resume", "--json", code=5).json()
    by_id = {(one.get("error") or one)["request_id"]: "error" in one for one in told["jobs"]}
    assert by_id == {made: False, failed: True}
    assert tarash_command("jobs", "resume", "--json", code=0).json() == {"jobs": []}


def test_more_jobs_than_a_page_holds_are_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    config = ImageGenerationConfig(
        provider="fal", model="fal-ai/flux/dev", mock=MockConfig(enabled=True)
    )
    for number in range(5):
        enqueue_image(config, ImageGenerationRequest(prompt=f"{number}"), ledger=ledger)

    monkeypatch.setattr(_waiting, "PAGE", 2)
    monkeypatch.setattr(_waiting, "AT_ONCE", 2)
    assert _waiting.resume(ledger, str(tmp_path / "out"), as_json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["jobs"]) == 5
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_the_same_key_twice_is_one_job(tarash_command: Command, simulator: Simulator) -> None:
    arguments = ("video", "a cat", "--idempotency-key", "order-1")
    first = tarash_command(*arguments, code=0)
    assert "billed: certain" in first.err
    again = tarash_command(*arguments, code=0)
    assert again.out == first.out
    assert "bought before under this idempotency key: nothing was bought now" in again.err
    assert "billed" not in again.err

    other = tarash_command("video", "a dog", "--idempotency-key", "order-1", code=2)
    assert "belongs to the job" in other.err
    assert simulator.counters("fal").submits == 1


def test_a_submit_without_an_answer_is_listed_as_unknown(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "submit", Fault.reset_after())
    lost = tarash_command("video", "a cat", code=7)

    assert "may run and be billed" in lost.err
    (listed,) = tarash_command("jobs", "ls", "--json", code=0).json()
    assert listed["state"] == "unknown"
    assert simulator.counters("fal").submits == 1


def test_a_token_is_a_job_too_and_a_wrong_id_says_what_to_do(
    tarash_command: Command, simulator: Simulator
) -> None:
    detached = tarash_command("video", "a cat", "--detach", "--json", code=0).json()
    shown = tarash_command("jobs", "show", detached["token"], "--json", code=0).json()

    assert shown["request_id"] == detached["request_id"] == simulator.jobs("fal")[0].id
    lines = tarash_command("jobs", "show", detached["token"], code=0).out.splitlines()
    assert lines[-1] == f"token: {detached['token']}"  # whole, to be copied
    assert "knows no job" in tarash_command("jobs", "show", "nobody", code=2).err
    assert "damaged" in tarash_command("jobs", "wait", detached["token"][:-1], code=2).err


def test_nothing_is_sent_where_the_ledger_cannot_be_written(
    tarash_command: Command, simulator: Simulator
) -> None:
    (tarash_command.folder / "jobs.db").write_bytes(b"no database" * 1000)
    refused = tarash_command("video", "a cat", "--ledger", "sqlite:///jobs.db", code=9)

    assert "jobs.db" in refused.err
    assert "nothing was sent" in refused.err
    (tarash_command.folder / "file").touch()
    misplaced = "sqlite:///file/jobs.db"
    told = tarash_command("video", "a cat", "--ledger", misplaced, "--json", code=9).json()
    assert told["error"]["type"] == "StorageError"
    assert told["error"]["submission"] == "not_sent"
    assert simulator.counters("fal").submits == 0


def test_a_wait_draws_the_same_moving_line(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(queue_polls=1, run_polls=1, stream=False))
    job_id = tarash_command("video", "a cat", "--detach", code=0).out.strip()
    told = tarash_command.drawn("jobs", "wait", job_id, "-o", "cat.mp4")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told)
    assert "fal fal-ai/veo3.1  queued" in text
    assert re.search(r"[^\n]\r(?!\n)", text)  # drawn over, and not below
    assert text.rstrip().endswith("cat.mp4")


def test_a_wait_that_is_left_names_the_job_and_what_to_do(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", NEVER)
    job_id = tarash_command("video", "a cat", "--detach", code=0).out.strip()
    left = tarash_command.interrupted(
        lambda: simulator.counters("fal").streams > 0, "jobs", "wait", job_id, "--json"
    )
    assert left.code == 130
    error = left.json()["error"]
    assert (error["request_id"], error["operation"]["id"]) == (job_id, job_id)
    assert error["job_id"].startswith("tarash-")
    assert f"interrupted: The job {job_id} goes on" in left.err
    assert f"`tarash jobs wait {job_id} -o FILE` waits for it" in left.err
    assert simulator.counters("fal").cancels == 0


def test_ctrl_c_while_a_detached_submit_is_under_way_tells_that_a_job_may_run(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "submit", Fault.hang())
    ran = tarash_command.interrupted(
        lambda: simulator.counters("fal").submits > 0, "video", "a cat", "--detach"
    )
    assert ran.code == 130
    assert "a job may run and be billed" in ran.err


def test_what_the_mock_makes_can_not_be_detached(command: Command) -> None:
    refused = command("video", "a cat", "--detach", "--mock", code=2)
    assert "the mock writes nothing down" in refused.err
    assert refused.out == ""


JOBS = [["ls"], ["resume"], *([verb, "x"] for verb in ("show", "wait", "fetch", "cancel"))]


@pytest.mark.parametrize("arguments", JOBS, ids=lambda arguments: arguments[0])
def test_looking_makes_no_ledger(command: Command, arguments: list[str]) -> None:
    missing = command("jobs", *arguments, "--ledger", "sqlite:///typo.db", code=2)
    assert "--ledger: there is no ledger at" in missing.err
    assert missing.err.count("\n") == 1
    assert "is not a ledger's URL" in command("jobs", *arguments, "--ledger", "a.db", code=2).err
    command.environment["TARASH_LEDGER"] = "mysql://x:secret@host/db"
    told = command("jobs", *arguments, "--json", code=2)
    assert told.json()["error"]["exit_code"] == 2
    assert "secret" not in told.err
    assert list(command.folder.iterdir()) == []


def test_the_own_ledger_is_empty_before_the_first_job(command: Command) -> None:
    assert "no unfinished jobs in sqlite:///" in command("jobs", "ls", code=0).err
    assert command("jobs", "ls", "--all", "--json", code=0).json() == []
    assert "no unfinished jobs" in command("jobs", "resume", code=0).err
    assert "knows no job" in command("jobs", "show", "x", code=2).err
    assert not ledger_of(command).exists()


def test_what_still_runs_is_not_fetched(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", NEVER)
    job_id = tarash_command("video", "a cat", "--detach", code=0).out.strip()
    refused = tarash_command("jobs", "fetch", job_id, "-o", "cat.mp4", code=11)
    assert f"`tarash jobs wait {job_id}" in refused.err


def test_resume_says_where_rehearsed_jobs_are_and_spend_names_no_ledger_that_is_not_there(
    tarash_command: Command, simulator: Simulator
) -> None:
    assert tarash_command("spend", code=0).err == "nothing was spent\n"
    simulator.script("fal", NEVER)
    tarash_command("video", "a cat", "--detach", code=0)
    del tarash_command.environment["TARASH_FAL_BASE_URL"]  # later, in another terminal
    told = tarash_command("jobs", "resume", code=0).err
    assert "1 rehearsed job is unfinished" in told
    assert "`tarash jobs resume --ledger rehearsals`" in told
    assert "--ledger rehearsals" in tarash_command("spend", code=0).err
