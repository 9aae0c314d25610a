"""Recipes for task queues: one task is one job, whatever becomes of its workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Fault, Script
from tests.recipes.conftest import Place, until

GEVENT = """
from gevent import monkey

monkey.patch_all()
import gevent
from tarash.tarash_gateway import *

config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1")
request = VideoGenerationRequest(prompt="A cat")
done = [gevent.spawn(generate_video, config, request) for _ in range(3)]
gevent.joinall(done)
print([one.value.status for one in done])
polls = []
running = gevent.spawn(generate_video, config, request, polls.append)
while not any(update.status == "processing" for update in polls):
    gevent.sleep(0.05)  # while others do their work

running.kill(gevent.Timeout(600))
"""
LIMIT_SECONDS = 5
"""Of a queue: enough to have submitted; RQ and Celery count whole seconds."""
CELERY = """
import os
from celery_tasks import app, make

for folder in ("queue", "control"):
    os.makedirs(folder, exist_ok=True)

app.conf.update(broker_url="filesystem://", broker_transport_options={
    "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control",
})
make.default_retry_delay = 0
"""
RESUMING = CELERY.replace("celery_tasks import app, make", "celery_resume import app, drive, order")
RESUMING = RESUMING.replace("make.default", "drive.default")
DRAMATIQ = """
import dramatiq, logging, sys, time
from pathlib import Path
from dramatiq.brokers.stub import StubBroker

logging.basicConfig(level=logging.INFO)
broker = StubBroker()
dramatiq.set_broker(broker)
from dramatiq_tasks import make

broker.emit_after("process_boot")  # as the command does: it starts what watches over limits
worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=1)
worker.start()
limit = int(sys.argv[1])
make.send_with_options(args=("A cat",), time_limit=limit, min_backoff=1, max_backoff=2)
while not any(Path("videos").glob("*.mp4")):
    time.sleep(0.1)

threads = [*worker.workers]
worker.stop()
print("the thread has ended", not any(thread.is_alive() for thread in threads))
"""
RQ = """
import sys
from redis import Redis
from rq import Queue, Retry, SimpleWorker, Worker

kind, connection = sys.argv[1], Redis(unix_socket_path="redis.sock")
queue = Queue("videos", connection=connection)
queue.enqueue("rq_tasks.make", "A cat", job_timeout=int(sys.argv[2]), retry=Retry(max=1))
worker = {"SimpleWorker": SimpleWorker, "Worker": Worker}[kind]
worker(["videos"], connection=connection).work(burst=True)
"""


def celery(place: Place, **options: int) -> subprocess.Popen[str]:
    """Send one task, and start a worker for it."""
    (place.folder / "local.py").write_text(CELERY, encoding="utf-8")
    place.said("-c", f"from local import make; make.apply_async(('A cat',), **{options!r})")
    return place.start(
        *("-m", "celery", "--app", "local", "worker", "--concurrency", "1", "--pool", "prefork"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def children(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return [int(number) for number in listed.split()]


def heard(process: subprocess.Popen[str], words: str) -> None:
    """Wait until a process has said something."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return

    pytest.fail(f"it has ended without a word of {words}")


class Held:
    """Jobs that are not done before the test says so."""

    def __init__(self, place: Place) -> None:
        self._is_over = False
        place.simulator.fail("fal", "poll", Fault.hold(lambda: self._is_over), times=None)

    def end(self) -> None:
        """Let them be done."""
        self._is_over = True


def check_delivered(place: Place) -> None:
    """One job was bought, none was stopped, and its video is there."""
    until(lambda: place.saved() == [".mp4"])
    until(lambda: place.outcomes() == ["completed"])
    assert (place.counters.submits, place.counters.cancels) == (1, 0)


def test_celery_makes_a_video(place: Place) -> None:
    celery(place)
    until(lambda: place.counters.results > 0)
    check_delivered(place)


def test_a_message_of_celery_that_comes_twice_buys_once(place: Place) -> None:
    (place.folder / "local.py").write_text(RESUMING, encoding="utf-8")
    place.said("-c", "from local import drive, order; drive.delay(order('A cat'))")
    place.start(
        *("-m", "celery", "--app", "local", "worker", "--concurrency", "2", "--pool", "prefork"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    until(lambda: place.counters.results > 0)
    check_delivered(place)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker's children")
def test_the_task_of_a_celery_worker_that_dies_waits_for_the_same_job(place: Place) -> None:
    held = Held(place)
    worker = celery(place)
    until(lambda: place.counters.polls > 0)
    for child in children(worker):
        os.kill(child, signal.SIGKILL)

    held.end()
    check_delivered(place)


def test_a_task_of_celery_that_takes_too_long_waits_for_the_same_job(place: Place) -> None:
    held = Held(place)
    worker = celery(place, soft_time_limit=LIMIT_SECONDS)
    heard(worker, "Soft time limit")
    held.end()
    check_delivered(place)


def dramatiq(place: Place, seconds: int) -> subprocess.Popen[str]:
    """Start a worker with one message."""
    return place.start("-c", DRAMATIQ, str(seconds * 1000))


def test_dramatiq_makes_a_video(place: Place) -> None:
    output, _ = dramatiq(place, 60).communicate(timeout=120)
    assert "the thread has ended True" in output
    check_delivered(place)


def test_the_time_limit_of_dramatiq_frees_its_thread_and_the_next_try_has_the_same_job(
    place: Place,
) -> None:
    held = Held(place)
    worker = dramatiq(place, LIMIT_SECONDS)
    heard(worker, "Time limit exceeded")
    heard(worker, "Retrying")
    held.end()
    output, _ = worker.communicate(timeout=120)
    assert "the thread has ended True" in output
    check_delivered(place)


def rq(place: Place, kind: str, limit: int) -> subprocess.Popen[str]:
    """Start Redis on a socket, and a worker of RQ with one job."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("there is no redis-server, which RQ needs")

    redis = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", "redis.sock", "--save", ""],
        cwd=place.folder,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    place.running.append(redis)
    until((place.folder / "redis.sock").exists)
    return place.start("-c", RQ, kind, str(limit))


@pytest.mark.parametrize("kind", ["SimpleWorker", "Worker"])
def test_a_job_of_rq_that_takes_too_long_waits_for_the_same_job(place: Place, kind: str) -> None:
    held = Held(place)
    worker = rq(place, kind, LIMIT_SECONDS)
    heard(worker, "JobTimeoutException")
    held.end()
    check_delivered(place)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker's children")
def test_a_job_of_rq_whose_worker_dies_waits_for_what_was_bought(place: Place) -> None:
    held = Held(place)
    worker = rq(place, "Worker", 60)
    until(lambda: place.counters.polls > 0)
    for child in children(worker):
        os.kill(child, signal.SIGKILL)

    held.end()
    check_delivered(place)


def test_blocking_calls_work_in_greenlets(place: Place) -> None:
    done = Script(run_polls=1, stream=False)
    place.simulator.script("fal", done, done, done, Script(outcome="never", stream=False))
    assert "['completed', 'completed', 'completed']" in place.said("-c", GEVENT)
    assert (place.counters.submits, place.counters.cancels) == (4, 1)
    assert sorted(map(str, place.outcomes())) == ["completed"] * 3 + ["stopped"]
