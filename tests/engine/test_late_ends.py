"""A ledger that is away when a job ends: the result is delivered, and the end follows."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway._support import _shielded
from tarash.tarash_gateway.ledger import MemoryLedger, PostgresLedger, SqliteLedger
from tests.conftest import Leap, until
from tests.engine.conftest import REQUEST, Fal


class Away:
    """A ledger's `close` that fails, or hangs, until it is back."""

    def __init__(self, ledger: Any, how: str) -> None:
        self.how, self.is_back, self.tries = how, False, 0
        self._close, ledger.close = ledger.close, self.close

    async def close(self, *facts: Any, **more: Any) -> Any:
        self.tries += 1
        if not self.is_back and self.how == "hangs":
            await asyncio.sleep(10_000)

        if not self.is_back:
            raise OSError("the database is away")

        return await self._close(*facts, **more)

    async def next_try(self, leap: Leap) -> None:
        tries = self.tries
        while self.tries == tries:
            leap(5)
            await asyncio.sleep(0.02)


def troubled(proper: Any, name: str, left: dict[str, int]) -> Any:
    """Return a call of a ledger that fails for as often as is left."""

    async def call(*facts: Any, **more: Any) -> Any:
        left[name] -= 1
        if left[name] >= 0:
            raise OSError("the database is away")

        return await proper(*facts, **more)

    return call


async def states(ledger: Any) -> list[str]:
    return [job.state for job in await ledger.jobs()]


def made(kind: str, request: pytest.FixtureRequest, folder: Path) -> Any:
    if kind == "postgres":
        return PostgresLedger(request.getfixturevalue("postgres_url"))

    return MemoryLedger() if kind == "memory" else SqliteLedger(folder / "jobs.db")


async def delivered(fal: Fal, ledger: Any, how: str, leap: Leap) -> Away:
    """Generate with a ledger that is away at the end; the result is there all the same."""
    away = Away(ledger, how)
    fal.gateway = Gateway(ledger=ledger)
    work = asyncio.ensure_future(fal.generate())
    await until(lambda: away.tries > 0)
    if how == "hangs":
        leap(5)

    assert (await work).status == "completed"
    assert await states(ledger) == ["open"]
    return away


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_an_end_is_written_down_when_the_ledger_is_back(  # noqa: PLR0913, PLR0917
    fal: Fal,
    leap: Leap,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    kind: str,
    how: str,
) -> None:
    ledger = made(kind, request, tmp_path)
    away = await delivered(fal, ledger, how, leap)
    for _ in range(4):  # it stays away for a while
        await away.next_try(leap)

    away.is_back = True
    await away.next_try(leap)
    await until(lambda: not _shielded._retry_lists)  # noqa: SLF001
    assert await states(ledger) == ["completed"]
    await fal.gateway.aclose(0)


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_who_closes_the_gateway_waits_for_the_end(
    fal: Fal, leap: Leap, tmp_path: Path, how: str
) -> None:
    ledger = SqliteLedger(tmp_path / "jobs.db")
    away = await delivered(fal, ledger, how, leap)
    away.is_back = True
    await fal.gateway.aclose(0)
    assert not _shielded._retry_lists  # noqa: SLF001
    assert await states(SqliteLedger(tmp_path / "jobs.db")) == ["completed"]


async def test_who_closes_the_gateway_does_not_wait_for_ever(
    fal: Fal, leap: Leap, caplog: pytest.LogCaptureFixture
) -> None:
    away = await delivered(fal, MemoryLedger(), "hangs", leap)
    closing = asyncio.ensure_future(fal.gateway.aclose(0))
    await until(lambda: away.tries > 1)
    leap(7)
    await until(lambda: away.tries > 2)  # the last one
    leap(5)
    await closing
    assert not _shielded._retry_lists  # noqa: SLF001
    assert "The end was not written down" in vars(caplog.records[-1])["error"]


def test_the_end_of_a_loop_tries_once_more(fal: Fal, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"

    async def main() -> None:
        ledger = SqliteLedger(path)
        away = Away(ledger, "fails")
        await Gateway(ledger=ledger).generate_video_async(fal.config(), REQUEST)
        away.is_back = True

    asyncio.run(main())
    assert asyncio.run(states(SqliteLedger(path))) == ["completed"]


def test_a_blocking_call_leaves_the_end_to_the_background(fal: Fal, tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "jobs.db")
    away = Away(ledger, "fails")
    gateway = Gateway(ledger=ledger)
    assert gateway.generate_video(fal.config(), REQUEST).status == "completed"
    assert [one.state for one in gateway.list_jobs()] == ["open"]
    away.is_back = True
    gateway.close(0)
    assert asyncio.run(states(SqliteLedger(tmp_path / "jobs.db"))) == ["completed"]


async def test_what_waits_for_a_ledger_is_bounded_and_given_up_at_last(
    leap: Leap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_shielded, "MOST", 2)
    said: list[str] = []
    tries: list[int] = []

    async def fails(number: int) -> None:
        tries.append(number)
        raise OSError("away")

    owner = object()
    for number in range(3):
        _shielded.retry_later(owner, partial(fails, number), said.append)

    assert said == ["2 others wait for it already"]
    await until(lambda: {*tries} == {0, 1})
    leap(_shielded.LATE_SECONDS)
    await until(lambda: not _shielded._retry_lists)  # noqa: SLF001
    assert said[1:] == ["OSError: away"] * 2


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(
    "fails", [{"settle": 1}, {"settle": 3}, {"settle": 2, "close": 1}], ids=str
)
async def test_what_failed_before_an_end_that_came_through_is_written_too(  # noqa: PLR0913, PLR0917
    fal: Fal,
    leap: Leap,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    kind: str,
    fails: dict[str, int],
) -> None:
    """A ledger may come back between two writes: the job was closed, its submit open for ever."""
    ledger, left = made(kind, request, tmp_path), dict(fails)
    for name in fails:
        setattr(ledger, name, troubled(getattr(ledger, name), name, left))

    fal.gateway = Gateway(ledger=ledger)
    await fal.generate()
    while _shielded._retry_lists:  # noqa: SLF001
        leap(5)
        await asyncio.sleep(0.02)

    assert [(one.state, one.entries[0].outcome) for one in await ledger.jobs()] == [
        ("completed", "completed")
    ]
    await fal.gateway.aclose(0)
