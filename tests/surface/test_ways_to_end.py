"""Every way in which a program can end a call: provider and ledger tell the same story after it.

The job was asked to stop, and the ledger says so; or the program had no time for it, and the ledger
has a job that is open, to be resumed. None runs on that nobody knows of.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.ledger import open_ledger
from tarash.tarash_gateway.testing import Script, Simulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

ROOT = Path(__file__).parents[2]
BEGINNING = """
import asyncio, ctypes, os, signal, sys, threading, time
import concurrent.futures as futures
from tarash.tarash_gateway import *

# A shell that starts the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", poll_interval=0.1)
request = VideoGenerationRequest(prompt="A cat")
running = threading.Event()

def seen(update):
    if update.status == "processing":
        running.set()

async def until():
    while not running.is_set():
        await asyncio.sleep(0.01)

def when_running(act):
    threading.Thread(target=lambda: (running.wait(), act()), daemon=True).start()

def signalled(number):
    when_running(lambda: os.kill(os.getpid(), number))

def raising(error):
    def callback(update):
        if update.status == "processing":
            raise error
    return callback
"""
# What each does to a call that is under way.
STOPPED = {
    "a task is cancelled, and its gateway closed at once": """
async def main():
    async with Gateway() as gateway:
        task = asyncio.create_task(gateway.generate_video_async(config, request, seen))
        await until()
        task.cancel()
        await asyncio.sleep(0.002)
asyncio.run(main())
""",
    "the loop ends beside a task": """
async def main():
    asyncio.create_task(generate_video_async(config, request, seen))
    await until()
asyncio.run(main())
""",
    "a limit around it": """
async def main():
    try:
        async with asyncio.timeout(None) as limit:
            when_running(lambda: loop.call_soon_threadsafe(limit.reschedule, 0))
            loop = asyncio.get_running_loop()
            await generate_video_async(config, request, seen)
    except TimeoutError:
        pass
asyncio.run(main())
""",
    "a sibling of its group fails": """
async def fail():
    await until()
    raise ValueError
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(generate_video_async(config, request, seen))
        group.create_task(fail())
try:
    asyncio.run(main())
except* ValueError:
    pass
""",
    "an exit out of a callback": "generate_video(config, request, raising(SystemExit(3)))",
    "an exit out of a callback of a coroutine": """
asyncio.run(generate_video_async(config, request, raising(SystemExit(3))))
""",
    "a generator's end out of a callback": """
generate_video(config, request, raising(GeneratorExit()))
""",
    "a cancellation out of a callback": """
generate_video(config, request, raising(asyncio.CancelledError()))
""",
    "Ctrl-C": "signalled(signal.SIGINT); generate_video(config, request, seen)",
    "Ctrl-C on a loop": """
signalled(signal.SIGINT)
asyncio.run(generate_video_async(config, request, seen))
""",
    "SIGTERM that is an exit": """
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
signalled(signal.SIGTERM)
generate_video(config, request, seen)
""",
    "a time limit by a signal": """
def limit(*_):
    raise RuntimeError("too long")
signal.signal(signal.SIGALRM, limit)
signalled(signal.SIGALRM)
generate_video(config, request, seen)
""",
    "a time limit that is put into its thread": """
def work():
    try:
        generate_video(config, request, seen)
    except TimeoutError:
        pass
thread = threading.Thread(target=work)
thread.start()
running.wait()
put = ctypes.pythonapi.PyThreadState_SetAsyncExc
put(ctypes.c_ulong(thread.ident), ctypes.py_object(TimeoutError))
thread.join()
""",
    "the program ends beside a daemon's call": """
threading.Thread(target=generate_video, args=(config, request, seen), daemon=True).start()
running.wait()
""",
    "Ctrl-C while a pool is waited for": """
pool = futures.ThreadPoolExecutor(1)
pool.submit(generate_video, config, request, seen)
running.wait()
pool.shutdown(wait=False, cancel_futures=True)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
""",
    "Ctrl-C beside a thread that is no daemon": """
threading.Thread(target=generate_video, args=(config, request, seen)).start()
running.wait()
raise KeyboardInterrupt
""",
    "Ctrl-C twice beside a thread of the loop": """
def is_closing():
    frame = sys._current_frames()[threading.main_thread().ident]
    while frame is not None and frame.f_code.co_name != "close":
        frame = frame.f_back
    return frame is not None

def twice():
    os.kill(os.getpid(), signal.SIGINT)
    while not is_closing():  # before that, asyncio takes a second one for the first
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
when_running(twice)
asyncio.run(asyncio.to_thread(generate_video, config, request, seen))
""",
    "a thread of the loop is not waited for, and its gateway closed": """
async def main():
    async with Gateway() as gateway:
        task = asyncio.create_task(asyncio.to_thread(gateway.generate_video, config, request, seen))
        await until()
        task.cancel()
asyncio.run(main())
""",
    "a thread of the loop is not waited for, and the module closed": """
async def main():
    task = asyncio.create_task(asyncio.to_thread(generate_video, config, request, seen))
    await until()
    task.cancel()
    await aclose(grace=0)
asyncio.run(main())
""",
    "a loop that is closed by hand": """
loop = asyncio.new_event_loop()
task = loop.create_task(generate_video_async(config, request, seen))
loop.run_until_complete(until())
loop.close()
""",
    "a loop that is dropped": """
loop = asyncio.new_event_loop()
task = loop.create_task(generate_video_async(config, request, seen))
loop.run_until_complete(until())
""",
    "a gateway that is closed beside its blocking call": """
gateway = Gateway()
thread = threading.Thread(target=gateway.generate_video, args=(config, request, seen))
thread.start()
running.wait()
gateway.close(grace=0)
thread.join()
""",
    "a gateway that is left beside its blocking call": """
with Gateway() as gateway:
    thread = threading.Thread(target=gateway.generate_video, args=(config, request, seen))
    thread.start()
    running.wait()
thread.join()
""",
    "a gateway that is left by a mistake beside its blocking call": """
try:
    with Gateway() as gateway:
        thread = threading.Thread(target=gateway.generate_video, args=(config, request, seen))
        thread.start()
        running.wait()
        raise ValueError
except ValueError:
    thread.join()
""",
    "a gateway that is closed beside its task": """
async def main():
    gateway = Gateway()
    task = asyncio.create_task(gateway.generate_video_async(config, request, seen))
    await until()
    await gateway.aclose()
asyncio.run(main())
""",
    "a deadline, after a fork": """
soon = config.model_copy(update={"timeout": 4})  # which is waited for
thread = threading.Thread(target=generate_video, args=(soon, request, seen))
thread.start()
running.wait()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
thread.join()
""",
}
LEFT = {
    "SIGTERM": "signalled(signal.SIGTERM); generate_video(config, request, seen)",
    "kill -9": "signalled(signal.SIGKILL); generate_video(config, request, seen)",
    "an exit without a goodbye": """
when_running(lambda: os._exit(1))
generate_video(config, request, seen)
""",
    "Ctrl-C where jobs are to go on": """
signalled(signal.SIGINT)
later = config.model_copy(update={"on_timeout": "detach"})
generate_video(later, request, seen)
""",
}
IN_EACH_RUN = (
    "a time limit that is put into its thread",
    "Ctrl-C twice beside a thread of the loop",
    "kill -9",
)
WAYS = [
    pytest.param(way, id=way, marks=[] if way in IN_EACH_RUN else [pytest.mark.soak])
    for way in (*STOPPED, *LEFT)
]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal"]) as running:
        running.script("fal", Script(outcome="never"))
        yield running


async def _story(place: str) -> list[tuple[str, list[str | None]]]:
    ledger = open_ledger(place)
    try:
        jobs = await ledger.jobs()
        return [(job.state, [entry.outcome for entry in job.entries]) for job in jobs]
    finally:
        await ledger.aclose()


@pytest.mark.parametrize("way", WAYS)
def test_after_it_provider_and_ledger_tell_the_same(
    simulator: Simulator, tmp_path: Path, way: str
) -> None:
    place = f"sqlite:///{tmp_path / 'jobs.db'}"
    environment = {
        **os.environ,
        "FAL_KEY": "id:any-key",
        "TARASH_FAL_BASE_URL": simulator.base_url("fal"),
        "TARASH_LEDGER": place,
    }
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + {**STOPPED, **LEFT}[way]],
        cwd=ROOT if (ROOT / "tarash").exists() else None,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (job,) = simulator.jobs("fal")
    (told,) = asyncio.run(_story(place))
    if way in STOPPED:
        assert job.cancel_requested, done.stderr
        assert told == ("open", ["stopped"]), done.stderr  # asked to stop, that is
    else:
        # What the ledger has is enough to wait for it, or to stop it.
        assert not job.cancel_requested
        assert told[0] == "open"
        assert told[1] in ([None], ["detached"])
