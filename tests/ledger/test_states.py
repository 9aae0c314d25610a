"""Small states beside the jobs: what every ledger that keeps them promises."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tarash.tarash_gateway._data._types import JsonObject
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import StateLedger, StateRecord
from tests.ledger.makers import begin

if TYPE_CHECKING:
    _AS_MEMORY: StateLedger = MemoryLedger()
    _AS_SQLITE: StateLedger = SqliteLedger("jobs.db")

PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2999, 1, 1, 12, tzinfo=UTC)
VALUE: JsonObject = {"text": "Kätzchen 🐈 \0 \ud83d", "numbers": [1, 2.5, None, True], "more": {}}


async def test_a_state_comes_back_as_it_was_written(ledger: StateLedger) -> None:
    assert ledger.keeps_state
    assert await ledger.read_state("keys", "a") is None
    version = await ledger.write_state("keys", "a", VALUE, until=FUTURE)
    assert version
    assert await ledger.read_state("keys", "a") == StateRecord("keys", "a", VALUE, version, FUTURE)
    assert await ledger.read_state("keys", "A") is None
    assert await ledger.read_state("other", "a") is None


async def test_what_was_written_is_a_copy(ledger: StateLedger) -> None:
    value: JsonObject = {"list": [1]}
    await ledger.write_state("s", "a", value)
    value["list"].append(2)
    found = await ledger.read_state("s", "a")
    assert found is not None
    assert found.value == {"list": [1]}


async def test_only_what_was_expected_is_written_over(ledger: StateLedger) -> None:
    assert await ledger.write_state("s", "a", {"n": 0}, expected=77) is None
    first = await ledger.write_state("s", "a", {"n": 1}, expected=0)
    assert first
    assert await ledger.write_state("s", "a", {"n": 2}, expected=0) is None
    second = await ledger.write_state("s", "a", {"n": 2}, expected=first)
    assert second is not None
    assert second > first
    assert await ledger.write_state("s", "a", {"n": 3}, expected=first) is None
    third = await ledger.write_state("s", "a", {"n": 3})
    assert third is not None
    assert third > second
    assert await ledger.read_state("s", "a") == StateRecord("s", "a", {"n": 3}, third)


async def test_a_state_is_deleted_as_it_is_written(ledger: StateLedger) -> None:
    assert await ledger.write_state("s", "a", None) == 0
    assert await ledger.write_state("s", "a", None, expected=0) == 0
    assert await ledger.write_state("s", "a", None, expected=1) is None
    version = await ledger.write_state("s", "a", {"n": 1})
    assert version
    assert await ledger.write_state("s", "a", None, expected=0) is None
    assert await ledger.write_state("s", "a", None, expected=version + 1) is None
    assert await ledger.write_state("s", "a", None, expected=version) == 0
    assert await ledger.read_state("s", "a") is None


async def test_no_version_comes_twice(ledger: StateLedger) -> None:
    old = await ledger.write_state("s", "a", {"n": 1})
    await ledger.write_state("s", "a", None)
    new = await ledger.write_state("s", "a", {"n": 1}, expected=0)
    assert new != old
    # Whoever has slept since then does not write over what has come meanwhile.
    assert await ledger.write_state("s", "a", {"n": 2}, expected=old) is None


async def test_what_has_expired_is_absent(ledger: StateLedger) -> None:
    version = await ledger.write_state("s", "a", {"n": 1}, until=PAST)
    assert version
    assert await ledger.read_state("s", "a") is None
    assert await ledger.list_states("s") == []
    assert await ledger.write_state("s", "a", {"n": 2}, expected=version) is None
    assert await ledger.write_state("s", "a", {"n": 2}, expected=0, until=FUTURE)
    found = await ledger.read_state("s", "a")
    assert found is not None
    assert found.value == {"n": 2}


async def test_a_state_expires_by_itself(ledger: StateLedger) -> None:
    await ledger.write_state("s", "a", {}, until=datetime.now(UTC) + timedelta(seconds=0.05))
    async with asyncio.timeout(50):
        while await ledger.read_state("s", "a") is not None:  # noqa: ASYNC110  (time's work)
            await asyncio.sleep(0.01)


async def test_states_are_listed_by_name_in_pages(ledger: StateLedger) -> None:
    names = ["a", "B", "aa", "ä", "z", "Z", "10", "9", "a b", "🐈"]
    for name in names:
        await ledger.write_state("s", name, {"name": name})

    await ledger.write_state("another", "a", {})
    await ledger.write_state("s", "gone", {}, until=PAST)
    expected = sorted(names)
    found = await ledger.list_states("s")
    assert [one.name for one in found] == expected
    assert [one.value["name"] for one in found] == expected

    paged: list[str] = []
    while page := await ledger.list_states("s", after=paged[-1] if paged else "", limit=3):
        assert len(page) <= 3
        paged += [one.name for one in page]

    assert paged == expected


async def test_a_race_has_one_winner(ledger: StateLedger) -> None:
    answers = await asyncio.gather(
        *(ledger.write_state("s", "a", {"n": number}, expected=0) for number in range(30))
    )
    assert answers.count(None) == 29


async def test_threads_count_together(ledger: StateLedger) -> None:
    async def count() -> None:
        for _ in range(5):
            while True:
                found = await ledger.read_state("s", "sum")
                number = 0 if found is None else found.value["n"]
                version = 0 if found is None else found.version
                if await ledger.write_state("s", "sum", {"n": number + 1}, expected=version):
                    break

    threads = [threading.Thread(target=lambda: asyncio.run(count())) for _ in range(3)]
    for thread in threads:
        thread.start()

    await count()
    for thread in threads:
        thread.join()

    found = await ledger.read_state("s", "sum")
    assert found is not None
    assert found.value == {"n": 20}


async def test_states_are_no_jobs(ledger: StateLedger) -> None:
    await ledger.write_state("s", "a", {})
    job = await begin(ledger)
    assert [one.id for one in await ledger.jobs()] == [job.id]


@pytest.mark.parametrize("name", ["", "a/b", "x" * 500, "Kätzchen 🐈"])
async def test_a_name_is_any_text(ledger: StateLedger, name: str) -> None:
    await ledger.write_state("s", name, {"n": 1})
    found = await ledger.read_state("s", name)
    assert found is not None
    assert found.name == name


async def test_states_outlive_the_process_that_wrote_them(sqlite: SqliteLedger) -> None:
    version = await sqlite.write_state("s", "a", VALUE, until=FUTURE)
    await sqlite.aclose()
    another = SqliteLedger(sqlite.path)
    assert version is not None
    assert await another.read_state("s", "a") == StateRecord("s", "a", VALUE, version, FUTURE)
    await another.aclose()


async def test_in_memory_a_write_is_as_quick_however_many_states_there_are() -> None:
    """And what has expired goes: a webhook of nobody's job leaves a note for two minutes."""

    class Counting(MemoryLedger):
        looked_at = 0

        def _drop_expired(self) -> None:
            self.looked_at += len(self._states)
            super()._drop_expired()

        def kept(self) -> int:
            return len(self._states)

    ledger = Counting()
    for number in range(3000):
        await ledger.write_state("s", f"lives {number}", VALUE, until=FUTURE)

    assert ledger.looked_at <= 2 * 3000
    for number in range(9000):
        await ledger.write_state("s", f"is over {number}", VALUE, until=PAST)

    assert ledger.kept() <= 3 * 3000
