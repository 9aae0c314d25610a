"""What holds for all tests: the network ends at this machine, and no test waits for a clock.

The network is there for tests marked `live`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest

from tests import cluster

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104  (nothing is bound to it)
_guard = {"is_up": False}

LONGEST_OF_A_DAY = timedelta(seconds=30)
"""Longer than any test takes that has to begin and to end on one day."""
Leap = Callable[[float], None]
"""Puts the clock of the test's event loop forward by so many seconds."""


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _guard["is_up"]:
        return

    address = arguments[1]
    # A local socket's address is a path; a resolved one is (host, port, …).
    if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
        message = f"A test wanted to connect to {address}; run it against the simulator."
        raise PermissionError(message)


# An audit hook, since it sees every connection of every library, and patches none of them.
sys.addaudithook(_refuse_the_network)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run take a share of the tests, such as `--share 1/4`; the shares make up the whole."""
    parser.addoption("--share", metavar="NUMBER/OF", help="run the test files of one share only")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files of other shares, unread: to import them all takes longer than a share."""
    share = config.getoption("--share")
    if share is None or not collection_path.name.startswith("test_"):
        return None

    number, of = (int(part) for part in share.split("/"))
    # By name, so that every worker finds the same.
    name = collection_path.relative_to(config.rootpath).as_posix()
    return zlib.crc32(name.encode()) % of != number % of or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Let nobody look for garbage among the tests: twenty thousand are made, and all are kept."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let who comes last ask what refers to what, as Hypothesis does."""
    if not hasattr(session.config, "workerinput"):
        gc.unfreeze()


@pytest.fixture(autouse=True)
def _network_ends_here(request: pytest.FixtureRequest) -> Iterator[None]:
    _guard["is_up"] = request.node.get_closest_marker("live") is None
    yield
    _guard["is_up"] = False


@pytest.fixture(scope="session")
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with one of the certificate authorities that everybody trusts."""
    every = Path(certifi.where()).read_text(encoding="ascii")
    begin, end = every.index("-----BEGIN"), every.index("-----END")
    path = tmp_path_factory.mktemp("authority") / "one.pem"
    path.write_text(every[begin:end] + "-----END CERTIFICATE-----\n", encoding="ascii")
    return path


@pytest.fixture(autouse=True)
def _few_certificates(
    request: pytest.FixtureRequest, _one_authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let no client read 140 authorities, for 20 ms each time, since nobody here speaks TLS."""
    if not {"live", "packaged"} & {mark.name for mark in request.node.iter_markers()}:
        monkeypatch.setenv("SSL_CERT_FILE", str(_one_authority))


@pytest.fixture(scope="session", autouse=True)
def _own_cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what a user fetched into the real cache directory out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TARASH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Choose a place for the run's PostgreSQL, which the first test that needs it starts."""
    if not hasattr(config, "workerinput"):
        cluster.announce()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the run's PostgreSQL, once all workers are done."""
    if not hasattr(config, "workerinput"):
        cluster.clean_up()


@pytest.fixture(scope="session")
def _own_database(worker_id: str) -> str:
    """Return the URL of a database of this worker's own."""
    why = cluster.missing()
    if why is not None:
        pytest.skip(why)

    import psycopg

    name = f"tarash_{os.getpid()}_{worker_id}"
    server = cluster.shared_url()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')

    place, _, _ = server.partition("?")
    return f"{place.rpartition('/')[0]}/{name}"


@pytest.fixture
def postgres_url(_own_database: str) -> str:
    """Return the URL of an empty database, whose tables the ledger makes or finds empty."""
    import psycopg

    with psycopg.connect(_own_database, autocommit=True) as connection:
        found = connection.execute(
            """
            SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
            WHERE schemaname = 'tarash' AND tablename != 'meta'
            """
        ).fetchone()
        if found is not None and found[0]:
            connection.execute(f"TRUNCATE {found[0]}")

    return _own_database


@pytest.fixture(autouse=True)
def _one_day() -> None:
    """Let no test begin on one day in UTC and end on the next.

    Budgets of a day are renewed then, prices and models begin and end; ledgers go by real clocks,
    and that of a database is no clock of ours.
    """
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    if midnight - now < LONGEST_OF_A_DAY:
        time.sleep((midnight - now).total_seconds() + 0.1)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the names of the events that were logged."""
    return [getattr(record, "event", record.getMessage()) for record in caplog.records]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; pytest's own timeout ends what never does."""
    while not condition():  # noqa: ASYNC110  (the simulator's thread sets no event for it)
        await asyncio.sleep(0.005)


async def over_pauses(
    work: asyncio.Future[Any], submits: Callable[[], int], leap: Leap, retries: int = 2
) -> None:
    """Leap over the pauses between the tries of a submit that is refused so often."""
    for tries in range(1, retries + 1):
        while not (work.done() or submits() >= tries):  # noqa: ASYNC110  (as in `until`)
            await asyncio.sleep(0.005)

        await asyncio.sleep(0.02)  # until its answer is there; where that takes longer, so does it
        leap(1)


async def rounds(number: int = 30) -> None:
    """Let the event loop go round, so that whoever is ready gets as far as it can."""
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.fixture
async def leap(monkeypatch: pytest.MonkeyPatch) -> Leap:
    """Let a limit pass when the test says so, and not when the machine is slow.

    A limit of a minute that a test leaps over, after it has seen what has to come first, holds on
    every machine and costs no time. The simulator has a clock of its own, which doesn't leap.
    """
    loop = asyncio.get_running_loop()
    clock = loop.time
    ahead = [0.0]
    monkeypatch.setattr(loop, "time", lambda: clock() + ahead[0])

    def put_forward(seconds: float) -> None:
        ahead[0] += seconds

    return put_forward
