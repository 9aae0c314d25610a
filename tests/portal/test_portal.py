"""The background loop thread: how it starts, waits, is interrupted, and ends with its process."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationUpdate,
    generate_video,
)
from tarash.tarash_gateway._support import _portal
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.portal import scripts as texts
from tests.portal.conftest import Scripts

REQUEST = VideoGenerationRequest(prompt="A cat")


def config(simulator: Simulator) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        api_key="canary-key-of-the-tests",
        base_url=simulator.base_url("fal"),
    )


def read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    """Return the lines up to the first that starts with a word."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith(word):
            break

    return lines


def test_an_idle_portal_lets_the_interpreter_exit(scripts: Scripts) -> None:
    assert scripts.run(texts.IDLE_EXIT) == "completed\n"


def test_a_busy_portal_lets_the_interpreter_exit_and_cancels_its_job(
    simulator: Simulator, scripts: Scripts
) -> None:
    simulator.script("fal", Script(outcome="never"))
    assert scripts.run(texts.BUSY_EXIT) == "leaving\n"
    assert simulator.counters("fal").submits == 1
    assert simulator.counters("fal").cancels == 1


def test_jobs_on_loops_that_end_with_the_process_are_stopped(
    simulator: Simulator, scripts: Scripts
) -> None:
    """One loop stands still by then, another runs in a thread that nobody waits for."""
    simulator.script("fal", Script(outcome="never"))
    assert scripts.run(texts.STANDING_LOOP) == "leaving\n"
    assert simulator.counters("fal").accepted == simulator.counters("fal").cancels == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_starts_a_portal_of_its_own(scripts: Scripts) -> None:
    assert scripts.run(texts.FORK) == "completed\ncompleted\nchild 0\n"


def test_two_event_loops_one_after_the_other_leave_nothing_open(scripts: Scripts) -> None:
    assert scripts.run(texts.TWO_LOOPS) == "completed\ncompleted\n"


def test_a_gateway_that_nobody_closes_says_nothing_about_connections(scripts: Scripts) -> None:
    """As in a notebook, whose loop is never shut down."""
    assert scripts.run(texts.FORGOTTEN) == "completed\ncompleted\n"


def test_context_variables_reach_the_coroutine(scripts: Scripts) -> None:
    assert scripts.run(texts.CONTEXT) == "cat\n"


def test_ctrl_c_ends_the_call_once_the_cancel_is_answered(
    simulator: Simulator, scripts: Scripts
) -> None:
    simulator.script("fal", Script(outcome="never"))
    process = scripts.start(texts.INTERRUPTED)
    read_until(process, "processing")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    job = simulator.jobs("fal")[0].id
    told = f"Cancelled; fal answered for job {job}: requested (it may still finish and be billed)"
    assert output.splitlines() == [f"failed {told}", "interrupted"]
    assert errors == ""
    assert simulator.counters("fal").submits == 1
    assert simulator.counters("fal").cancels == 1


def test_a_second_ctrl_c_leaves_at_once(simulator: Simulator, scripts: Scripts) -> None:
    simulator.script("fal", Script(outcome="never"))
    simulator.fail("fal", "cancel", Fault.hang())
    process = scripts.start(texts.INTERRUPTED)
    read_until(process, "processing")
    process.send_signal(signal.SIGINT)
    while simulator.counters("fal").cancels == 0:
        assert process.poll() is None
        time.sleep(0.01)

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert "interrupted" in output
    assert "failed" not in output  # the answer to the cancel was not waited for


def test_sixteen_threads_share_one_portal(simulator: Simulator) -> None:
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda _: generate_video(config(simulator), REQUEST), range(16)))

    assert {response.status for response in responses} == {"completed"}
    assert len({response.request_id for response in responses}) == 16
    assert simulator.counters("fal").submits == 16


async def test_a_blocking_call_inside_a_running_loop_works(simulator: Simulator) -> None:
    assert generate_video(config(simulator), REQUEST).status == "completed"


def test_callbacks_run_in_the_calling_thread_before_the_call_returns(simulator: Simulator) -> None:
    seen: list[tuple[int, str]] = []

    def callback(update: VideoGenerationUpdate) -> None:
        seen.append((threading.get_ident(), update.status))

    generate_video(config(simulator), REQUEST, callback)
    assert {thread for thread, _ in seen} == {threading.get_ident()}
    assert seen[-1][1] == "completed"


def test_async_callbacks_of_a_blocking_call_run_on_the_portal(simulator: Simulator) -> None:
    seen: list[str] = []

    async def callback(update: VideoGenerationUpdate) -> None:
        seen.append(f"{threading.current_thread().name} {update.status}")

    generate_video(config(simulator), REQUEST, callback)
    assert {entry.split()[0] for entry in seen} == {"tarash-gateway-loop"}
    assert seen[-1].endswith("completed")


def test_a_callback_that_interrupts_cancels_the_job(simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never"))

    def callback(update: VideoGenerationUpdate) -> None:
        if update.status == "processing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        generate_video(config(simulator), REQUEST, callback)

    (note,) = caught.value.__notes__
    assert simulator.jobs("fal")[0].id in note

    assert simulator.counters("fal").cancels == 1


def test_a_blocking_call_on_the_portal_itself_is_refused(simulator: Simulator) -> None:
    async def callback(update: VideoGenerationUpdate) -> None:
        with pytest.raises(RuntimeError, match=r"use the \*_async function"):
            generate_video(config(simulator), REQUEST)

        seen.append(update.status)

    seen: list[str] = []
    generate_video(config(simulator), REQUEST, callback)
    assert seen
    assert simulator.counters("fal").submits == 1


def test_only_the_portal_starts_a_thread() -> None:
    """The simulator is a front door and brings its own; nothing else of the package does."""
    package = Path(_portal.__file__).parent
    starting = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "threading.Thread(" in path.read_text(encoding="utf-8")
    }
    assert starting - {"testing/_thread.py"} == {"_portal.py"}


def test_what_is_posted_as_a_wait_runs_out_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread may be stopped between the end of a wait and the look at who has finished."""
    caller = _portal.Caller()
    ran: list[str] = []
    taken = caller._work.get  # noqa: SLF001  (the moment can't be met from outside)

    class Late:
        """Lets a wait run out just before the last update and the end come."""

        put, empty = caller._work.put, caller._work.empty  # noqa: SLF001

        def get(self, timeout: float) -> Any:
            if not ran:
                ran.append("wait")
                caller.post(lambda: ran.append("update"))
                caller.finish()
                raise queue.Empty

            return taken(timeout=timeout)

    monkeypatch.setattr(caller, "_work", Late())
    caller.pump(lambda: True)
    assert ran == ["wait", "update"]
