"""A command that is killed between its provider's end and the written file.

The job is paid for, and its user has nothing of it yet: `jobs resume` has to offer it.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest

from tarash.tarash_gateway.testing import Fault, Simulator
from tests.cli.conftest import CANARY, Command

# Ends itself as the kernel would end it, in place of one step of saving, or right behind it.
DYING = """
import os, signal
from tarash.tarash_gateway.media._atomic_file import AtomicFile

step = getattr(AtomicFile, {step!r})

def die(*arguments, **options):
    if {done}:
        step(*arguments, **options)

    os.kill(os.getpid(), signal.SIGKILL)

setattr(AtomicFile, {step!r}, die)
"""
OPENED, WRITTEN, PUBLISHED = ("__init__", False), ("publish", False), ("publish", True)
VIDEO, IMAGE = ("video", "a cat"), ("image", "a cat")
OPENAI = ("image", "a cat", "--provider", "openai", "--model", "gpt-image-1.5")
OWN = ("-o", "mine")


def killed(command: Command, moment: tuple[str, bool], *arguments: str) -> None:
    step, done = moment
    command(*arguments, code=-signal.SIGKILL, before=DYING.format(step=step, done=done))


@pytest.mark.parametrize(
    ("arguments", "moment"),
    [
        pytest.param(VIDEO, OPENED, id="video-opened"),
        pytest.param(VIDEO, WRITTEN, id="video-written"),
        pytest.param(VIDEO, PUBLISHED, id="video-published"),
        pytest.param(IMAGE, WRITTEN, id="image-written"),
        pytest.param(OPENAI, OPENED, id="an-answer-that-is-the-result"),
    ],
)
def test_the_job_stays_open_until_its_file_is_there(
    tarash_command: Command,
    simulator: Simulator,
    arguments: Sequence[str],
    moment: tuple[str, bool],
) -> None:
    provider = "openai" if "openai" in arguments else "fal"
    simulator.keys["openai"] = [CANARY]
    tarash_command.environment |= {
        "OPENAI_API_KEY": CANARY,
        "TARASH_OPENAI_BASE_URL": simulator.base_url("openai"),
    }
    killed(tarash_command, moment, *arguments, *OWN)
    (listed,) = tarash_command("jobs", "ls", "--json", code=0).json()
    assert listed["state"] == "unfinished"

    resumed = tarash_command("jobs", "resume", "-o", "out", code=0)
    (saved,) = (tarash_command.folder / "out").iterdir()
    assert resumed.out.split() == [f"out/{saved.name}"]
    assert saved.stat().st_size > 100
    assert "no unfinished jobs" in tarash_command("jobs", "resume", code=0).err
    assert simulator.counters(provider).accepted == 1


@pytest.mark.parametrize("verb", ["resume", "wait", "fetch"])
def test_whoever_goes_on_with_a_job_leaves_it_open_until_its_file_is_there(
    tarash_command: Command, simulator: Simulator, verb: str
) -> None:
    job_id = tarash_command(*VIDEO, "--detach", code=0).out.strip()
    which = [] if verb == "resume" else [job_id]
    killed(tarash_command, WRITTEN, "jobs", verb, *which, *OWN)
    resumed = tarash_command("jobs", "resume", "-o", "out", code=0)
    assert resumed.out.split() == [f"out/fal-{job_id}.mp4"]
    assert (tarash_command.folder / "out" / f"fal-{job_id}.mp4").is_file()
    assert simulator.counters("fal").accepted == 1


@pytest.mark.parametrize("arguments", [VIDEO, IMAGE], ids=["video", "image"])
def test_a_result_that_is_not_saved_leaves_its_job_to_resume(
    tarash_command: Command, simulator: Simulator, arguments: Sequence[str]
) -> None:
    simulator.fail("fal", "download", Fault.status(400), times=3)
    failed = tarash_command(*arguments, "-o", "mine", "--idempotency-key", "one", code=8)
    (job,) = simulator.jobs("fal")
    assert f"to get it again: tarash jobs fetch {job.id} -o FILE\n" in failed.err

    # As often as it is tried; and the second order by the same key is the same job.
    tarash_command("jobs", "resume", "-o", "out", code=8)
    tarash_command(*arguments, "-o", "mine", "--idempotency-key", "one", code=8)
    (listed,) = tarash_command("jobs", "ls", "--json", code=0).json()
    assert (listed["request_id"], listed["state"]) == (job.id, "unfinished")

    assert tarash_command("jobs", "resume", "-o", "out", code=0).out.startswith(f"out/fal-{job.id}")
    assert tarash_command("jobs", "ls", "--json", code=0).json() == []
    assert simulator.counters("fal").accepted == 1
