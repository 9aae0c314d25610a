"""Calls that end oddly: the job is stopped or left as configured, and it is written down."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationUpdate, aclose, close
from tarash.tarash_gateway import generate_video as default_generate_video
from tarash.tarash_gateway import generate_video_async as default_generate_video_async
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, until
from tests.engine.conftest import REQUEST, Fal

NEVER = Script(outcome="never")


class Rerun(BaseException):
    """As Streamlit and test frameworks leave a function by."""


EXITS = [Rerun, GeneratorExit, SystemExit, KeyboardInterrupt, asyncio.CancelledError]


def leaves_by(exit_: type[BaseException]) -> Callable[[VideoGenerationUpdate], None]:
    def leave(update: VideoGenerationUpdate) -> None:
        if update.status in ("processing", "failed"):  # at each chance, as Streamlit does
            raise exit_("by the callback")

    return leave


def leaves_async_by(exit_: type[BaseException]) -> Callable[[Any], Awaitable[None]]:
    leave = leaves_by(exit_)

    async def leave_async(update: VideoGenerationUpdate) -> None:
        await asyncio.sleep(0)
        leave(update)

    return leave_async


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait in a thread until a condition holds; pytest's own timeout ends what never does."""
    while not condition():
        time.sleep(0.005)


def check_stopped(fal: Fal, outcomes: tuple[str, ...] = ("stopped",)) -> None:
    """One job, one cancel, and the ledger knows: "stopped" is asked to stop, and may still end."""
    assert (fal.counters.submits, fal.counters.accepted, fal.counters.cancels) == (1, 1, 1)
    assert fal.outcomes() == list(outcomes)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("make", [leaves_by, leaves_async_by])
@pytest.mark.parametrize("exit_", EXITS[:2])
def test_an_exit_out_of_a_callback_of_the_async_api_stops_the_job(
    fal: Fal, exit_: type[BaseException], make: Callable[[Any], Any], *, stream: bool
) -> None:
    fal.script(Script(outcome="never", stream=stream))
    with pytest.raises(exit_, match="by the callback") as caught:
        asyncio.run(fal.generate(make(exit_)))

    if exit_ is Rerun:  # Python makes another of the other on its way
        assert fal.simulator.jobs("fal")[0].id in caught.value.__notes__[0]

    check_stopped(fal)


@pytest.mark.parametrize("exit_", EXITS)
def test_an_exit_out_of_a_sync_callback_stops_the_job(fal: Fal, exit_: type[BaseException]) -> None:
    fal.script(NEVER)
    with pytest.raises(exit_, match="by the callback"):
        fal.gateway.generate_video(fal.config(), REQUEST, leaves_by(exit_))

    with pytest.raises(exit_):
        asyncio.run(fal.generate(leaves_by(exit_)))

    asyncio.run(until(lambda: fal.outcomes() == ["stopped", "stopped"]))
    assert fal.counters.cancels == 2


@pytest.mark.parametrize("exit_", EXITS[:4])
def test_an_exit_out_of_an_async_callback_of_a_blocking_call_stops_the_job_and_nothing_else(
    fal: Fal, exit_: type[BaseException]
) -> None:
    fal.script(NEVER)
    with pytest.raises(exit_, match="by the callback"):
        fal.gateway.generate_video(fal.config(), REQUEST, leaves_async_by(exit_))

    fal.gateway.close()
    check_stopped(fal)
    fal.script(Script())
    assert fal.gateway.generate_video(fal.config(), REQUEST).status == "completed"
    fal.gateway.close()


def test_an_exit_leaves_a_job_as_its_config_says(fal: Fal) -> None:
    fal.script(NEVER)
    with pytest.raises(Rerun) as caught:
        asyncio.run(fal.generate(leaves_by(Rerun), on_timeout="detach"))

    assert "goes on" in caught.value.__notes__[0]
    assert (fal.counters.cancels, fal.outcomes()) == (0, ["detached"])


def test_an_exit_of_a_registered_handler_does_not_end_the_background_loop(fal: Fal) -> None:
    class Handler:
        async def generate_video_async(self, *_: Any) -> Any:
            raise SystemExit("by the handler")

    from tarash.tarash_gateway import VideoGenerationConfig, register_provider

    register_provider("leaver", Handler())
    config = VideoGenerationConfig(provider="leaver", model="any")
    for _ in range(2):
        with pytest.raises(SystemExit, match="by the handler"):
            fal.gateway.generate_video(config, REQUEST)


def test_a_callback_that_stops_the_background_loop_does_not_hang_the_call(fal: Fal) -> None:
    async def stop(_: Any) -> None:
        asyncio.get_running_loop().stop()

    response = fal.gateway.generate_video(fal.config(), REQUEST, stop)
    assert response.status == "completed"
    fal.gateway.close()


@pytest.mark.parametrize("delay", [None, 0.0, 0.02])
def test_an_exception_injected_into_a_waiting_thread_ends_the_call(
    fal: Fal, delay: float | None
) -> None:
    """As Dramatiq's `time_limit` does; the moment may be the one in which the job ends, too."""
    fal.script(NEVER if delay is None else Script(run_seconds=0.05, stream=False))
    ended: list[BaseException | None] = []

    def work() -> None:
        try:
            fal.gateway.generate_video(fal.config(), REQUEST)
            ended.append(None)
        except Rerun as error:
            ended.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    wait_until(lambda: fal.counters.polls > 0)
    time.sleep(delay or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Rerun)
    )
    thread.join(60)
    assert not thread.is_alive()
    fal.gateway.close()
    assert None not in fal.outcomes()
    if delay is None:
        assert ended[0] is not None
        assert fal.simulator.jobs("fal")[0].id in ended[0].__notes__[0]
        check_stopped(fal)


def test_the_mark_of_the_end_may_be_lost(fal: Fal) -> None:
    """An injected exception may strike between its being taken and its being seen."""
    from tarash.tarash_gateway._support._portal import Caller

    caller = Caller()
    caller.finish()
    caller.drain()
    caller.pump(lambda: True)
    fal.gateway.close()


# ---------------------------------------------------------------------- whoever ends the loop next
async def _leave(close_: Callable[[Gateway], Awaitable[None]], fal: Fal) -> None:
    task = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.polls > 0)
    task.cancel()
    await close_(fal.gateway)


async def _nothing(_: Gateway) -> None:
    pass


async def _context(gateway: Gateway) -> None:
    async with gateway:
        pass


CLOSINGS: dict[str, Callable[[Gateway], Awaitable[None]]] = {
    "asyncio.run": _nothing,
    "async with": _context,
    "aclose()": lambda gateway: gateway.aclose(),
    "aclose(0)": lambda gateway: gateway.aclose(grace=0),
    "aclose(5)": lambda gateway: gateway.aclose(grace=5),
}


@pytest.mark.parametrize("close_", CLOSINGS.values(), ids=CLOSINGS)
def test_a_goodbye_is_said_to_its_end_whoever_ends_the_loop(
    fal: Fal, close_: Callable[[Gateway], Awaitable[None]]
) -> None:
    fal.script(Script(queue_polls=1000))
    fal.fail("cancel", Fault.delay(0.2))
    asyncio.run(_leave(close_, fal))
    check_stopped(fal, ("cancelled",))


@pytest.mark.parametrize("times", [2, 3])
async def test_a_job_is_stopped_behind_the_back_of_whoever_cancels_twice(
    fal: Fal, times: int
) -> None:
    fal.script(Script(queue_polls=1000))
    fal.fail("cancel", Fault.delay(0.2))
    task = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.polls > 0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.02)

    await asyncio.wait([task])
    await fal.gateway.aclose()
    check_stopped(fal, ("cancelled",))


def test_a_submit_that_is_left_twice_is_heard_out_and_stopped(fal: Fal) -> None:
    fal.script(Script(queue_polls=1000))
    is_over = threading.Event()
    fal.fail("submit", Fault.hold(is_over.is_set))

    async def leave() -> None:
        task = asyncio.ensure_future(fal.generate())
        await until(lambda: len(fal.simulator.requests("fal")) > 0)
        task.cancel()
        asyncio.get_running_loop().call_later(0.1, is_over.set)
        await asyncio.sleep(0.02)

    asyncio.run(leave())
    check_stopped(fal, ("cancelled",))


def test_closing_ends_blocking_calls_of_other_threads(fal: Fal) -> None:
    """As in a service whose routes are plain functions: nobody else can cancel them."""
    for close_ in (CLOSINGS["async with"], CLOSINGS["aclose(0)"]):
        fal.simulator.reset()
        fal.script(NEVER)
        gateway = Gateway(ledger=fal.ledger)
        ended: list[BaseException] = []

        def work(gateway: Gateway, ended: list[BaseException]) -> None:
            try:
                gateway.generate_video(fal.config(), REQUEST)
            except BaseException as error:  # noqa: BLE001  (a cancellation is none of Exception)
                ended.append(error)

        thread = threading.Thread(target=work, args=(gateway, ended), daemon=True)
        thread.start()
        wait_until(lambda: fal.counters.polls > 0)

        async def leave(gateway: Gateway, close_: Callable[[Gateway], Awaitable[None]]) -> None:
            await close_(gateway)

        asyncio.run(leave(gateway, close_))
        thread.join(60)
        assert "Cancelled" in type(ended[0]).__name__
        assert fal.counters.cancels == 1


def test_the_functions_of_the_module_can_be_closed_and_used_again(fal: Fal) -> None:
    fal.script(NEVER)

    async def leave() -> None:
        task = asyncio.ensure_future(default_generate_video_async(fal.config(), REQUEST))
        await until(lambda: fal.counters.polls > 0)
        await aclose(grace=0)
        assert task.cancelled()

    asyncio.run(leave())
    assert fal.counters.cancels == 1
    fal.script(Script())
    assert default_generate_video(fal.config(), REQUEST).status == "completed"
    close(grace=0)


# ------------------------------------------------------------------------------ loops that are gone
def _begun(fal: Fal) -> tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]:
    loop = asyncio.new_event_loop()
    task = loop.create_task(fal.generate())
    loop.run_until_complete(until(lambda: fal.counters.polls > 0))
    return loop, task


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("on_timeout", ["cancel", "detach"])
def test_a_job_whose_loop_is_closed_is_stopped_elsewhere(fal: Fal, on_timeout: str) -> None:
    fal.script(NEVER)
    loop = asyncio.new_event_loop()
    task = loop.create_task(fal.generate(on_timeout=on_timeout))
    loop.run_until_complete(until(lambda: fal.counters.polls > 0))
    loop.close()
    outcome = "stopped" if on_timeout == "cancel" else "detached"
    wait_until(lambda: fal.outcomes() == [outcome])
    assert fal.counters.cancels == (on_timeout == "cancel")
    with contextlib.suppress(RuntimeError):  # what is left of it can't be awaited
        task.get_coro().close()

    del task, loop
    gc.collect()
    fal.gateway.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_coroutine_that_is_thrown_away_has_its_job_stopped(fal: Fal) -> None:
    fal.script(NEVER)
    loop, task = _begun(fal)
    with contextlib.suppress(RuntimeError):
        task.get_coro().close()

    wait_until(lambda: fal.outcomes() == ["stopped"])
    check_stopped(fal)
    del task
    loop.close()
    gc.collect()
    fal.gateway.close()


@pytest.mark.parametrize("number", [20, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors")  # noqa: PTH112
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_loops_closed_by_hand_leave_no_descriptor_and_no_entry(fal: Fal, number: int) -> None:
    """Also before the garbage collection: functions in the cloud are called hundreds of times."""

    def once() -> int:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(fal.generate())
        loop.close()
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    gc.collect()
    gc.disable()
    try:
        first = once()
        counts = [once() for _ in range(number)]
    finally:
        gc.enable()

    assert max(counts) <= first + 3, counts
    assert fal.gateway._shared.resources().clients._loops == {}  # noqa: SLF001
    gc.collect()


async def test_a_goodbye_ends_with_its_limit_when_the_loop_ends(fal: Fal, leap: Leap) -> None:
    fal.script(NEVER)
    fal.fail("cancel", Fault.hang())
    task = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.polls > 0)
    task.cancel()
    await until(lambda: fal.counters.cancels == 1)
    closing = asyncio.ensure_future(fal.gateway.aclose())
    await asyncio.sleep(0.02)
    assert not closing.done()
    leap(5)
    await closing
    assert fal.outcomes() == ["detached"]
