"""One SQLite file, several processes: who holds what, when one of them stops, dies or forks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger import SqliteLedger
from tests.ledger.makers import HOLDER, begin, make_intent, make_job, make_operation

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and forks are POSIX")


class Worker:
    """Another process with the same ledger; see `worker`."""

    def __init__(self, path: Path | str, lease_seconds: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.worker", str(path), str(lease_seconds)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, command: str, job_id: str = "job", count: int = 0) -> None:
        """Hand a command over without waiting."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps([command, job_id, count])}\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Wait for an answer."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, command: str, job_id: str = "job", count: int = 0) -> Any:
        """Hand a command over and wait for its answer."""
        self.tell(command, job_id, count)
        return self.answer()

    def wait(self, *, is_buried: bool) -> None:
        """Wait until it has ended, and take notice of that or not."""
        if is_buried:
            self.process.wait()
        else:
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)

    def end(self) -> None:
        """Kill it, if nothing has yet, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


Hire = Callable[[float], Worker]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def hire(path: Path) -> Iterator[Hire]:
    workers: list[Worker] = []

    def start(lease_seconds: float) -> Worker:
        workers.append(Worker(path, lease_seconds))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


def change(path: Path, statement: str, *arguments: object) -> None:
    """Change the file as only a test may."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, arguments)


def age(path: Path, seconds: float) -> None:
    """Let every process have been silent for so long."""
    then = datetime.now(UTC) - timedelta(seconds=seconds)
    change(path, "UPDATE processes SET renewed_at = ?", then.isoformat())


async def test_processes_race_for_a_key_in_a_file_that_is_not_there_yet(
    path: Path, hire: Hire
) -> None:
    workers = [hire(3600), hire(3600)]
    assert [worker.answer() for worker in workers] == ["ready", "ready"]
    for number, worker in enumerate(workers):
        worker.tell("open", f"worker-{number}", 100)

    answers = [answer for worker in workers for answer in worker.answer()]
    assert len(answers) == 200
    assert answers.count(None) == 1
    assert len(set(answers)) == 2

    ledger = SqliteLedger(path)
    assert [job.id for job in await ledger.jobs()] == list(set(answers) - {None})
    await ledger.aclose()


@pytest.mark.parametrize(
    "is_buried",
    [
        pytest.param(
            False, marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux tells")
        ),
        True,
    ],
)
async def test_a_killed_process_is_not_waited_for_and_has_lost_nothing(
    path: Path, hire: Hire, is_buried: bool
) -> None:
    worker = hire(3600)
    assert worker.answer() == "ready"
    assert worker.ask("begin") is True
    ledger = SqliteLedger(path, lease_seconds=3600)
    assert not await ledger.claim("job", "taker")

    worker.process.send_signal(signal.SIGKILL)
    worker.wait(is_buried=is_buried)
    found = await ledger.get("job")
    assert found is not None
    assert [entry.intent.id for entry in found.entries] == ["job-1"]
    assert not found.held

    takers = [ledger, *(SqliteLedger(path) for _ in range(3))]
    claims = await asyncio.gather(*(taker.claim("job", "taker") for taker in takers))
    assert (claims.count(True), claims.count(False)) == (1, 3)
    for taker in takers:
        await taker.aclose()


async def test_a_stopped_process_loses_its_job_and_still_tells_what_it_knows(
    path: Path, hire: Hire
) -> None:
    worker = hire(0.2)
    assert worker.answer() == "ready"
    assert worker.ask("begin") is True
    worker.process.send_signal(signal.SIGSTOP)
    ledger = SqliteLedger(path, lease_seconds=3600)
    async with asyncio.timeout(50):
        is_ours = False
        while not is_ours:  # until the lease has passed
            is_ours = bool(await ledger.claim("job", HOLDER))

    worker.process.send_signal(signal.SIGCONT)
    assert worker.ask("intend", "job", 2) is False
    assert worker.ask("close") is False
    assert worker.ask("claim") is False
    assert worker.ask("accept") is True

    found = await ledger.get("job")
    assert found is not None
    assert (found.state, found.held, len(found.entries)) == ("open", True, 1)
    assert found.entries[0].operation == make_operation("late")
    assert await ledger.close("job", HOLDER, "completed")
    await ledger.aclose()


async def test_a_silent_process_keeps_what_nobody_has_taken(
    sqlite: SqliteLedger, path: Path
) -> None:
    job = await begin(sqlite)
    other = SqliteLedger(path, lease_seconds=3600)
    age(path, 4000)
    assert await sqlite.intend(make_intent(job), HOLDER)
    assert not await other.claim(job.id, "other")

    age(path, 4000)
    assert await other.claim(job.id, "other")
    assert not await sqlite.claim(job.id, HOLDER)
    await other.aclose()


@pytest.mark.parametrize(
    ("seconds", "is_alive"), [(3500, True), (3700, False), (-3500, True), (-3700, False)]
)
async def test_a_lease_ends_whichever_way_the_clock_was_set(
    sqlite: SqliteLedger, path: Path, seconds: float, is_alive: bool
) -> None:
    job = await begin(sqlite)
    age(path, seconds)
    other = SqliteLedger(path, lease_seconds=1)
    found = await other.get(job.id)
    assert found is not None
    assert found.held is is_alive
    assert await other.claim(job.id, "other") is not is_alive
    await other.aclose()


async def test_the_lease_counts_where_a_process_can_not_be_asked_for(
    sqlite: SqliteLedger, path: Path
) -> None:
    job = await begin(sqlite)
    change(path, "UPDATE processes SET pid = 999999999")
    other = SqliteLedger(path)
    found = await other.get(job.id)
    assert found is not None
    assert not found.held

    change(path, "UPDATE processes SET place = 'another machine'")
    assert not await other.claim(job.id, "other")
    await other.aclose()


async def test_a_process_with_our_number_has_gone_before(sqlite: SqliteLedger, path: Path) -> None:
    job = await begin(sqlite)
    other = SqliteLedger(path)
    assert not await other.claim(job.id, "other")
    # As after the restart of a container, where every process is number 1.
    change(path, "UPDATE processes SET id = 'before'")
    change(path, "UPDATE jobs SET process = 'before'")
    assert await other.claim(job.id, "other")
    await other.aclose()


async def test_renewals_are_few_and_come_in_time(path: Path) -> None:
    def said() -> str:
        with closing(sqlite3.connect(path)) as connection:
            return str(connection.execute("SELECT max(renewed_at) FROM processes").fetchone()[0])

    patient = SqliteLedger(path, lease_seconds=3600)
    await patient.renew()
    assert list(path.parent.iterdir()) == []  # it holds nothing
    await begin(patient)
    before = said()
    for _ in range(100):
        await patient.renew()

    assert said() == before
    hasty = SqliteLedger(path, lease_seconds=0.001)
    await begin(hasty)
    before = said()
    async with asyncio.timeout(50):
        while said() == before:
            await hasty.renew()

    await hasty.aclose()
    await patient.aclose()


FORKING = """
import asyncio, os, sys
from tarash.tarash_gateway.ledger import open_ledger
from tests.ledger.makers import HOLDER, begin, make_intent, make_job

url = f"sqlite:///{sys.argv[1]}"
ledger = open_ledger(url)
job = asyncio.run(begin(ledger))
told, tell = os.pipe()
child = os.fork()
if child == 0:
    os.close(tell)
    os.read(told, 1)  # until the parent has closed its ledger and ended
    assert open_ledger(url) is ledger

    async def work():
        assert not await ledger.intend(make_intent(job), HOLDER)  # the parent's, not ours
        assert await ledger.claim(job.id, HOLDER)
        await begin(ledger, id="of the child")
        print("written", flush=True)

    asyncio.run(work())
    os._exit(0)

async def work():
    assert await ledger.intend(make_intent(job, 2), HOLDER)
    await ledger.aclose()

asyncio.run(work())
"""


def test_a_forked_child_goes_on_as_another_process(path: Path) -> None:
    run = subprocess.run(
        # A thread that is about to end is no reason to warn of a fork.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr, run.returncode) == ("written\n", "", 0)

    # The parent's closing has taken none of the child's files away.
    with closing(sqlite3.connect(path)) as connection:
        jobs = connection.execute("SELECT id, state FROM jobs ORDER BY number").fetchall()
        assert jobs[1:] == [("of the child", "open")]
        attempts = connection.execute("SELECT job, attempt_number FROM intents").fetchall()
        assert attempts == [(jobs[0][0], 2)]


class Slow(dict[str, Any]):
    """A payload that takes its time to be written down."""

    def __init__(self) -> None:
        super().__init__(path="fal-ai/veo3.1")
        self.begun = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.gate = asyncio.Event()

    def items(self) -> Any:
        self.loop.call_soon_threadsafe(self.begun.set)
        asyncio.run_coroutine_threadsafe(self.gate.wait(), self.loop).result(50)
        return super().items()


async def test_a_call_that_was_begun_is_finished_and_one_that_waits_is_not(
    sqlite: SqliteLedger,
) -> None:
    job = await begin(sqlite)
    payload = Slow()
    begun = asyncio.create_task(sqlite.intend(make_intent(job, payload=payload), HOLDER))
    await payload.begun.wait()
    waiting = asyncio.create_task(sqlite.open(make_job(id="too late"), HOLDER, {}))
    while not waiting.done():
        await asyncio.sleep(0)
        begun.cancel()
        waiting.cancel()

    assert waiting.cancelled()
    assert not begun.done()
    payload.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await begun

    found = await sqlite.jobs()
    assert [len(one.entries) for one in found] == [1]
