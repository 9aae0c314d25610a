"""Lines that are cut at any byte of an answer, and answers that no library would write.

What is said of a submit that can't be read is `unknown`, or the job is found again: never is it
bought once more. A look that can't be read is made again, a medium is fetched to its end, and what
is saved is whole.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from anyio import Path as AsyncPath

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import AT_ONCE, JOBS, Case, wire_of
from tests.engine.test_resumed_results import STORED
from tests.jobs.poll_matrix import KEY
from tests.lines import Line, Twist, cut
from tests.odd_answers import BORNE, EMPTY, LOST, WHOLE, headed

READ = {**BORNE, **WHOLE}
EVERY = {**READ, **LOST, **EMPTY}
LARGE = frozenset({"a bomb"})
"""Made at a cost."""
MEDIUM = 700
"""Bytes from one cut of a large answer to the next."""
OF_TEXT = frozenset({"with a mark of its order", "with lines around it"})
"""Which make another medium of one."""
SAID_SO = frozenset(
    {"a 101", "a 304", "half", "spaces", "packed, not said", "empty, of no type", "empty, a video"}
)
"""What a server says once and for all, or is whole by all that it says."""
HELD = [one for one in JOBS if one.provider in {"openai", "comfyui"}]
"""Whose results come through their API."""
SAVED = sorted(EVERY.keys() - LARGE - OF_TEXT - SAID_SO)


class Calls:
    """Calls of one case, over a line."""

    def __init__(self, case: Case, simulator: Simulator, line: Line) -> None:
        self.case, self.simulator, self.line = case, simulator, line

    async def call(self, step: str, twist: Twist | None, **changes: Any) -> Any:
        """Return what a call came to whose first answer to a step is made something of."""
        self.simulator.reset()
        self.simulator.script(self.case.provider, Script(run_polls=1, stream=False))
        self.line.clear()
        if twist is not None:
            self.line.twist(step, twist)

        config = self.case.config(
            KEY, self.line.url, max_retries=2, max_poll_attempts=None, **changes
        )
        request = self.case.request(extra_params=STORED.get(self.case.model, {}))
        async with Gateway(ledger=MemoryLedger()) as gateway:
            try:
                return await getattr(gateway, f"generate_{self.case.kind}_async")(config, request)
            except TarashException as error:
                return error

    async def check(self, step: str, name: str, twist: Twist, *, is_read: bool) -> None:
        """Make a call, and see that its job was bought once and is not lost."""
        end = await self.call(step, twist)
        counters = self.simulator.counters(self.case.provider)
        assert (counters.submits, counters.accepted) == (1, 1), name
        if isinstance(end, TarashException):
            assert step == "submit", f"{name}: {end!r}"
            assert not is_read, f"{name}: {end!r}"
            assert end.submission == "unknown", f"{name}: {end!r}"
            assert "Unforeseen" not in end.message, f"{name}: {end!r}"

    async def sizes(self) -> dict[str, int]:
        """Return how long the last answer of each step is."""
        await self.call("", None)
        return {step: len(whole) for step, whole in self.line.answers}


@asynccontextmanager
async def calls_of(case: Case) -> AsyncIterator[Calls]:
    with Simulator([wire_of(case.provider)]) as simulator:
        async with Line(simulator, case.provider) as line:
            yield Calls(case, simulator, line)


STEPS = ("submit", "poll", "result", "download")


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_some_cuts_and_odd_answers_at_every_provider(case: Case) -> None:
    chosen = random.Random(str(case))
    async with calls_of(case) as calls:
        sizes = await calls.sizes()
        for step in STEPS:
            if step in sizes:
                at = chosen.randrange(sizes[step])
                await calls.check(step, f"{step} cut at {at}", cut(at), is_read=False)

        name = chosen.choice(sorted(EVERY.keys() - LARGE))
        await calls.check("submit", name, EVERY[name], is_read=name in READ)


@pytest.mark.parametrize(
    "case", [*AT_ONCE, *(case for case in JOBS if case.provider == "wavespeed")], ids=str
)
async def test_nothing_is_no_result(case: Case) -> None:
    async with calls_of(case) as calls:
        for name, twist in EMPTY.items():
            end = await calls.call("submit", twist)
            assert calls.simulator.counters(case.provider).submits == 1, name
            if isinstance(end, TarashException):
                assert end.submission == "unknown", f"{name}: {end!r}"
            else:
                assert end.execution_metadata.attempts[0].adopted, name


@pytest.mark.parametrize("case", JOBS[:6], ids=str)
async def test_an_answer_with_a_long_header_is_read(case: Case) -> None:
    async with calls_of(case) as calls:
        for step in ("submit", "poll"):
            name = "a line of 100 KiB"
            await calls.check(step, name, BORNE[name], is_read=True)


@pytest.mark.parametrize("case", HELD, ids=str)
async def test_blanks_are_no_result_that_is_too_large(case: Case) -> None:
    async with calls_of(case) as calls:
        most = max((await calls.sizes()).values())
        blanks = headed(body=lambda _body: b" " * (most * 2), sized=False)
        end = await calls.call("result", blanks, max_media_bytes=most * 4 // 3)
        assert not isinstance(end, TarashException), repr(end)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_a_cut_at_every_byte(case: Case) -> None:
    async with calls_of(case) as calls:
        for step, size in (await calls.sizes()).items():
            for at in range(0, size if step in STEPS else 0, 1 if size < 2000 else MEDIUM):
                for resets in (False, True):
                    twist = cut(at, resets=resets)
                    await calls.check(step, f"{step} cut at {at}", twist, is_read=False)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_every_odd_answer_in_every_place(case: Case) -> None:
    async with calls_of(case) as calls:
        for step in [one for one in await calls.sizes() if one in STEPS]:
            for name, twist in EVERY.items():
                is_read = name in READ and not (step == "download" and name in OF_TEXT)
                await calls.check(step, f"{step}: {name}", twist, is_read=is_read)


async def saved_through(names: list[str], cuts: int | None, folder: Path) -> None:
    """Save a video whose first answer is cut, or odd; see that it is whole each time."""
    case = next(one for one in JOBS if one.provider == "fal" and one.kind == "video")
    with Simulator([wire_of("fal")]) as simulator:
        media = simulator.media_url
        async with (
            Line(simulator, "fal", media) as line,
            Line(simulator, "fal", hosts={urlsplit(media).netloc: line.host}) as api,
            Gateway() as gateway,
        ):
            config = case.config(KEY, api.url)
            response = await gateway.generate_video_async(config, case.request())
            path = folder / "cat.mp4"
            await response.save_async(path)
            (whole,) = [body for _, body in line.answers]
            proper = path.read_bytes()
            steps = range(0, len(whole), cuts) if cuts is not None else (0, 150, len(whole) - 1)
            twists = {**{f"cut at {at}": cut(at) for at in steps}, **{n: EVERY[n] for n in names}}
            for name, twist in twists.items():
                path.unlink()
                line.twist("download", twist)
                await response.save_async(path)
                assert path.read_bytes() == proper, name
                assert not [
                    one async for one in AsyncPath(folder).iterdir() if one.name != path.name
                ]


async def test_what_is_saved_is_whole_whatever_came_first(tmp_path: Path) -> None:
    names = random.Random(7).sample(SAVED, 5)
    await saved_through(names, None, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_what_is_saved_is_whole_after_every_odd_answer(tmp_path: Path) -> None:
    await saved_through(SAVED, 331, tmp_path)
