"""Standard streams that break while a command runs: what was paid for is never lost by that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Fault, Simulator
from tests.cli.conftest import LIMIT, Command

FULL = Path("/dev/full")
Breaking = Callable[[], AbstractContextManager[int]]
CAT = ("video", "a cat")


@contextmanager
def closed() -> Iterator[int]:
    """Yield the end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@contextmanager
def full() -> Iterator[int]:
    """Yield a file on a disk without room."""
    if not FULL.exists():
        pytest.skip("there is no such disk here")

    opened = os.open(FULL, os.O_WRONLY)
    yield opened
    os.close(opened)


BROKEN = pytest.mark.parametrize("broken", [closed, full])


def run(
    command: Command, *arguments: str, out: int = subprocess.PIPE, err: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tarash.tarash_gateway", *arguments],
        cwd=command.folder,
        env=command.environment,
        stdout=out,
        stderr=err,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert "Traceback" not in (done.stderr or "")
    return done


@BROKEN
def test_a_broken_standard_error_ends_no_generation(
    tarash_command: Command, simulator: Simulator, broken: Breaking
) -> None:
    with broken() as end:
        ran = run(tarash_command, *CAT, "-o", "cat.mp4", err=end)

    assert (ran.returncode, ran.stdout) == (0, "cat.mp4\n")
    assert (tarash_command.folder / "cat.mp4").read_bytes()[4:8] == b"ftyp"
    assert simulator.counters("fal").cancels == 0


@BROKEN
def test_where_standard_output_breaks_the_result_is_told_beside_it(
    tarash_command: Command, simulator: Simulator, broken: Breaking
) -> None:
    with broken() as end:
        saved = run(tarash_command, *CAT, "-o", "cat.mp4", out=end)
        unsaved = run(tarash_command, *CAT, "--json", out=end)
        detached = run(tarash_command, *CAT, "--detach", out=end)

    assert {one.returncode for one in (saved, unsaved, detached)} == {10}
    assert "standard output can't be written" in saved.stderr
    assert saved.stderr.endswith("is at cat.mp4\n")
    assert (tarash_command.folder / "cat.mp4").exists()
    _, second, third = simulator.jobs("fal")
    assert f"is at {simulator.media_url}" in unsaved.stderr
    assert f"`tarash jobs fetch {second.id} -o FILE`" in unsaved.stderr
    assert f"`tarash jobs wait {third.id}`" in detached.stderr


def test_what_was_not_saved_is_so_wherever_output_goes(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "download", Fault.status(503), times=None)
    with closed() as end:
        ran = run(tarash_command, *CAT, "-o", "cat.mp4", out=end)

    assert ran.returncode == 8
    assert simulator.media_url in ran.stderr


def test_whoever_closes_a_pipe_has_seen_enough(command: Command) -> None:
    with closed() as end:
        ran = run(command, "providers", out=end)

    assert (ran.returncode, ran.stderr) == (10, "")


def test_a_stream_that_was_never_there_breaks_nothing(command: Command) -> None:
    shell = '"$@" 2>&-'
    python = [sys.executable, "-m", "tarash.tarash_gateway"]
    done = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", *python, *CAT, "--mock", "-o", "cat.mp4"],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "cat.mp4\n")
