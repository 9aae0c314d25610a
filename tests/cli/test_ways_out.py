"""Ways out of every job, and what is said of it: forgetting, pruning, hints, ids, errors."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.cli.conftest import CANARY, Command

NEVER = Script(queue_seconds=0, run_seconds=3600)
KEYS = {
    "type", "message", "provider", "model", "request_id", "retryable", "retry_after", "submission",
    "status_code", "operation", "attempts", "exit_code",
}  # fmt: skip
BY_ID = ("show", "wait", "cancel", "fetch")


def folder_of(command: Command) -> Path:
    return Path(command.environment["XDG_DATA_HOME"], "tarash")


def elsewhere(command: Command) -> Command:
    """Return the command where no variable leads to this machine: the rehearsal is over."""
    kept = {name: value for name, value in command.environment.items() if "_BASE_URL" not in name}
    return Command(command.folder, kept, command._forks)  # noqa: SLF001  (the same, elsewhere)


def write_down(command: Command, *jobs: JobRecord) -> None:
    async def write() -> None:
        ledger = SqliteLedger(folder_of(command) / "jobs.db")
        for job in jobs:
            await ledger.open(job, f"holder of {job.id}", {})
            await ledger.close(job.id, f"holder of {job.id}", job.state)

        await ledger.aclose()

    asyncio.run(write())


def job(name: str, state: Any = "completed", days: float = 0, **head: Any) -> JobRecord:
    return JobRecord(
        id=name,
        kind="video",
        chain=({"provider": "fal", "model": "fal-ai/veo3.1", **head},),
        request={"prompt": "a cat"},
        fingerprint=name,
        created_at=datetime.now(UTC) - timedelta(days=days),
        state=state,
    )


# ----------------------------------------------------------------------------------- rehearsals
def test_a_rehearsal_leaves_nothing_beside_paid_jobs(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", NEVER)
    job_id = tarash_command("video", "a cat", "--detach", code=0).out.strip()
    assert [path.name for path in folder_of(tarash_command).glob("*.db")] == ["rehearsals.db"]

    later = elsewhere(tarash_command)
    listed = later("jobs", "ls", code=0)
    assert job_id not in listed.out
    assert "`tarash jobs ls --ledger rehearsals`" in listed.err
    assert job_id in later("jobs", "ls", "--ledger", "rehearsals", code=0).out
    # By its id it is found all the same, and the simulator may be gone by then.
    forgotten = later("jobs", "forget", job_id[:8], code=0)
    assert forgotten.out.startswith(f"forgot {job_id} (fal fal-ai/veo3.1)")
    assert "token" in forgotten.err
    assert "rehearse" not in later("jobs", "ls", code=0).err


def test_a_chain_that_ends_at_a_real_provider_is_no_rehearsal(
    tarash_command: Command, simulator: Simulator
) -> None:
    arguments = ("video", "a cat", "--fallback", "runway:gen4.5", "--detach")
    tarash_command(*arguments, code=0)
    assert simulator.counters("fal").accepted == 1
    assert [path.name for path in folder_of(tarash_command).glob("*.db")] == ["jobs.db"]


# ----------------------------------------------------------------------------- forget and prune
def test_what_may_run_is_forgotten_only_where_somebody_says_yes(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "submit", Fault.reset_after())
    tarash_command("video", "a cat", "--ledger", "sqlite:///own.db", code=7)
    ledger = ("--ledger", "sqlite:///own.db")
    (lost,) = tarash_command("jobs", "ls", "--json", *ledger, code=0).json()
    refused = tarash_command("jobs", "forget", lost["id"], *ledger, code=2)
    assert "may still run and be billed" in refused.err
    assert "--yes" in refused.err
    told = tarash_command("jobs", "forget", lost["id"], "--yes", "--json", *ledger, code=0).json()
    assert [one["job_id"] for one in told["forgotten"]] == [lost["id"]]
    assert tarash_command("jobs", "ls", "--all", "--json", *ledger, code=0).json() == []


def test_a_job_that_somebody_drives_is_not_forgotten(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", NEVER)

    def forget() -> bool:
        if simulator.counters("fal").streams == 0:
            return False

        (driven,) = tarash_command("jobs", "ls", "--json", code=0).json()
        refused = tarash_command("jobs", "forget", driven["id"], "--yes", code=11)
        assert "is driven by a process that is alive" in refused.err
        return True

    assert tarash_command.interrupted(forget, "video", "a cat").code == 130


def test_pruning_drops_what_ended_long_ago_and_on_request_rehearsals(command: Command) -> None:
    write_down(
        command,
        job("old", days=40),
        job("old-failed", "failed", days=40),
        job("old-unknown", "unknown", days=40),
        job("old-open", "open", days=40),
        job("young", days=3),
        job("dead-simulator", "open", base_url="http://127.0.0.1:1"),
    )

    def pruned(*arguments: str) -> set[str]:
        told = command("jobs", "prune", "--json", *arguments, code=0).json()
        return {one["job_id"] for one in told["forgotten"]}

    assert pruned() == {"old", "old-failed"}
    assert pruned("--unknown") == {"old-unknown"}
    assert pruned("--rehearsals") == {"dead-simulator"}
    for age in ("soon", "", "-1", "30x", "nan"):
        said = command("jobs", "prune", "--older-than", age, code=2).err
        assert "is no age; use 30d, 12h or 2w" in said

    assert [pruned("--older-than", age) for age in ("100h", "4d", "4")] == [set()] * 3
    assert pruned("--older-than", "1") == {"young"}

    assert "no job that has ended is older than 30 days" in command("jobs", "prune", code=0).err
    (left,) = command("jobs", "ls", "--all", "--json", code=0).json()
    assert left["id"] == "old-open"


# ---------------------------------------------------------------------------------- unknown jobs
def test_of_a_job_that_nobody_knows_the_cause_is_told_and_no_cancel_is_claimed(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "submit", Fault.reset_after())
    tarash_command("video", "a cat", code=7)
    (lost,) = tarash_command("jobs", "ls", "--json", code=0).json()
    waited = tarash_command("jobs", "wait", lost["id"], code=5)
    assert "No answer came that settles the submit" in waited.err
    assert "process ended" not in waited.err
    refused = tarash_command("jobs", "cancel", lost["id"], "--json", code=5).json()["error"]
    assert "is not known" in refused["message"]
    assert (refused["submission"], refused["provider"]) == ("unknown", "fal")
    assert simulator.counters("fal").submits == 1


def test_a_job_that_was_never_sent_can_be_cancelled(command: Command) -> None:
    write_down(command, job("never-sent", "open"))
    assert command("jobs", "cancel", "never-sent", "--json", code=0).json()["cancel"] == "cancelled"
    assert command("jobs", "ls", "--json", code=0).json() == []


# ----------------------------------------------------------------------------------- ids by hand
def test_an_id_is_known_by_its_beginning_where_no_other_begins_so(command: Command) -> None:
    write_down(command, job("abcd-1", "open"), job("abcd-2", "open"), job("abce-3", "open"))
    assert command("jobs", "show", "abce", "--json", code=0).json()["id"] == "abce-3"
    several = command("jobs", "show", "abcd", code=2).err
    assert "2 jobs begin with 'abcd' (abcd-2, abcd-1)" in several
    assert "knows no job" in command("jobs", "show", "abc", code=2).err  # too short to be meant
    assert command("jobs", "show", "abcd-1", "--json", code=0).json()["id"] == "abcd-1"


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_no_id_is_broken_on_a_narrow_terminal(command: Command, columns: int) -> None:
    name = "tarash-0123456789abcdef0123456789abcdef"
    model = "fal-ai/kling-video/v2.5-turbo/pro/image"
    write_down(command, job(name, "open", model=model))
    for arguments in (["jobs", "ls"], ["jobs", "show", name]):
        drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", command.drawn(*arguments, columns=columns))
        assert name in drawn, arguments
        assert model in drawn, arguments


def test_a_narrow_list_of_models_is_headed_by_their_ids(command: Command) -> None:
    drawn = re.sub(
        r"\x1b\[[0-9;?]*[A-Za-z]", "", command.drawn("models", "list", "gen4", columns=60)
    )
    assert "runway gen4.5" in {line.rstrip() for line in drawn.splitlines()}


# ------------------------------------------------------------------------------------------ hints
@pytest.mark.parametrize("trouble", ["no key", "wrong key", "gone", "another host", "nothing"])
def test_hints_name_only_options_that_the_command_has(
    tarash_command: Command, simulator: Simulator, trouble: str
) -> None:
    simulator.script("fal", NEVER)
    job_id = tarash_command("video", "a cat", "--detach", code=0).out.strip()
    if trouble == "no key":
        del tarash_command.environment["FAL_KEY"]
    elif trouble == "wrong key":
        simulator.fail("fal", "cancel", Fault.status(401), times=None)
        simulator.fail("fal", "poll", Fault.status(401), times=None)
    elif trouble == "gone":
        tarash_command.environment["TARASH_FAL_BASE_URL"] = "http://127.0.0.1:9"
    elif trouble == "another host":
        del tarash_command.environment["TARASH_FAL_BASE_URL"]

    which = "unknown-id" if trouble == "nothing" else job_id
    for verb in ("show", "cancel", "fetch"):
        said = tarash_command("jobs", verb, which).err
        offered = tarash_command("jobs", verb, "--help", code=0).out
        plain = re.sub(r"`[^`]*`", "", said)
        named = {*re.findall(r"(?<![\w-])--[a-z][a-z-]+(?! of `tarash video`)", plain)}
        assert {one for one in named if one not in offered} == set(), said


# --------------------------------------------------------------------------------- errors as JSON
@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        (["video", "x", "--aspect-ratio", "wide"], ("fal", None)),
        (["video", "x", "--no-such"], (None, None)),
        (["video", "x", "--provider", "nobody", "--model", "m"], ("nobody", "m")),
        (["image", "x", "--provider", "fal", "--model", "fal-ai/flux/dev", "--key-file", "none"],
         ("fal", "fal-ai/flux/dev")),
        (["jobs", "show", "nobody"], (None, None)),
        (["jobs", "ls", "--ledger", "sqlite:///none.db"], (None, None)),
        (["jobs", "wait", "held"], ("fal", "fal-ai/veo3.1")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_errors_have_one_shape(
    command: Command, arguments: list[str], who: tuple[Any, Any]
) -> None:
    write_down(command, job("held", "failed"))
    told = command(*arguments, "--json").json()["error"]
    assert {*told} >= KEYS
    assert (told["provider"], told["model"]) == who
    assert CANARY not in str(told)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("quote", "a cat", "--provider", "vllm", "--model", "wan"), "set --base-url, such as"),
        (("compare-prices", "a cat", "--model", "vllm:wan"), "set TARASH_VLLM_BASE_URL"),
    ],
)
def test_a_server_of_ones_own_is_quoted_once_it_is_said_where_it_is(
    command: Command, arguments: tuple[str, ...], advice: str
) -> None:
    ran = command(*arguments)
    said = " ".join((ran.out + ran.err).split())
    assert advice in said
    assert "tarash video" not in said
    where = ("--base-url", "http://127.0.0.1:9") if advice.startswith("set --") else ()
    if not where:
        command.environment["TARASH_VLLM_BASE_URL"] = "http://127.0.0.1:9"

    assert "no price of vllm wan is known" in " ".join(
        command(*arguments, *where, code=0).out.split()
    )
