"""Every exchange after an acceptance, every answer to it, for once, for 5 s and for ever.

An answer about an exchange is no verdict on the job. So whatever comes, for however long: nothing
is submitted twice, the job is not closed as failed, and whoever asks later gets what was paid for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tarash.tarash_gateway import (
    Gateway,
    HTTPError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step
from tests.conftest import Leap, rounds, until
from tests.contract.cases import Case
from tests.engine.test_resumed_results import STORED
from tests.jobs.faces import FACES

KEY = "canary-polls-c41d"
Lasting = Literal["once", "for 5 s", "for ever"]
LASTINGS: tuple[Lasting, ...] = ("once", "for 5 s", "for ever")
AFTER_STATUS: dict[str, tuple[Step, ...]] = {
    "fal": ("result",),
    "openai": ("result",),
    "azure-openai": ("result",),
    "google": ("result", "download"),
}
"""What each provider is asked for once a job is done; of the others the status holds the result."""
CODES = (
    *(400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 418, 421, 422, 423, 424, 425, 428),
    *(429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 507, 508, 511),
    *(*range(520, 531), 598, 599),
)
DENIED = frozenset({404, 410})
"""What ends a wait where it stays for a minute; the job itself stays unfinished."""
DENIALS: dict[tuple[str, Step], frozenset[int]] = {
    ("fal", "result"): DENIED | {400, 422},
    ("xai", "poll"): DENIED | {400},
}
"""Where the words of a refusal may be the provider's verdict."""
PAGE = "<html><head><title>Just a moment...</title></head><body>Checking</body></html>"
ANSWERS: dict[str, Fault] = {
    **{f"{code} in the provider's words": Fault.status(code) for code in CODES},
    **{f"{code} on a page": Fault.status(code, PAGE) for code in CODES},
    **{
        f"{code} bare": Fault.status(code, b"") for code in (400, 403, 404, 409, 410, 502, 520, 524)
    },
    **{f"{code} to nowhere": Fault.redirect("", code) for code in (301, 302, 303, 307, 308)},
    **{f"{code} in a circle": Fault.redirect("?", code) for code in (301, 302, 303, 307, 308)},
    "a pace beyond the deadline": Fault.status(429, retry_after=86_400),
    "a date beyond the deadline": Fault.status(503, retry_after="Fri, 31 Dec 2100 23:59:59 GMT"),
    "a page": Fault.foreign_body(PAGE),
    "a page that calls itself JSON": Fault.foreign_body(PAGE, "application/json"),
    "204": Fault.status(204, ""),
    "202 without a word": Fault.status(202, ""),
    "200 without a word": Fault.status(200, ""),
    "text": Fault.foreign_body("OK", "text/plain"),
    "half of JSON": Fault.foreign_body('{"status": "comp', "application/json"),
    "a list": Fault.foreign_body("[]", "application/json"),
    "null": Fault.foreign_body("null", "application/json"),
    "a number": Fault.foreign_body("7", "application/json"),
    "nothing in braces": Fault.foreign_body("{}", "application/json"),
    "a gateway's word": Fault.foreign_body('{"message": "no route"}', "application/json"),
    "truncated": Fault.truncate(),
    "reset before": Fault.reset_before(),
    "reset after": Fault.reset_after(),
    "the key in an error": Fault.echo_key(),
}
HARMLESS: dict[str, Fault] = {
    f"labelled {label or 'nothing'}": Fault.content_type(label)
    for label in ("", "application/octet-stream", "text/html", "text/plain", "application/json")
}
"""Proper answers under odd labels: they are read for what they are."""
UNNAMED = "without saying of which job"
SEEN = 3
"""Times that an answer is met before the clock goes on."""
LIMIT = 3600
MINUTE = 61
PACE = 125
"""Longer than any pause that a server is granted."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer to one exchange of one provider's jobs."""

    case: Case
    step: Step
    answer: str
    lasting: Lasting

    def __str__(self) -> str:
        return f"{self.case}-{self.step}-{self.answer}-{self.lasting}"

    @property
    def fault(self) -> Fault:
        return {**ANSWERS, **HARMLESS, **FACES}[self.answer]

    @property
    def is_harmless(self) -> bool:
        return self.answer in HARMLESS

    @property
    def paces(self) -> bool:
        """Whether the clock leaps all the while: a pause beyond the deadline is asked for."""
        return "deadline" in self.answer

    @property
    def is_optional(self) -> bool:
        """Whether the result can be had all the same.

        Google's facts on a file need not be there; fal's result is asked for where a status says
        that the job has failed.
        """
        known = ("fal", "poll", "a status that failed, from a front")
        is_fact = (self.case.provider, self.step) == ("google", "result")
        return is_fact or (self.case.provider, self.step, self.answer) == known


def steps(case: Case) -> tuple[Step, ...]:
    """Return the exchanges that follow the acceptance of a case's job."""
    after = AFTER_STATUS.get(case.provider, ())
    if case.model == "veo-3.1-generate-001":  # of a bucket nobody asks whether the file is there
        after = ("download",)

    return ("poll", *after)


def cells(case: Case) -> Iterator[Cell]:
    """Yield every cell of a case."""
    for step in steps(case):
        for answer in (*ANSWERS, *HARMLESS):
            if (case.provider, step, answer) == ("fal", "result", "nothing in braces"):
                continue  # what a model of fal's has made, which is nothing: a verdict

            yield from (Cell(case, step, answer, lasting) for lasting in LASTINGS)


def faces(case: Case) -> Iterator[Cell]:
    """Yield a cell for each face of a front, where it passes and where it stays."""
    for step in steps(case):
        for answer in FACES:
            yield from (Cell(case, step, answer, lasting) for lasting in LASTINGS[1:])


class PollMatrix:
    """The cells of one case, one after the other, over one ledger."""

    def __init__(self, case: Case, simulator: Simulator, folder: Path, leap: Leap) -> None:
        self.case = case
        self.simulator = simulator
        self.path = folder / f"{case}.db"
        self.leap = leap
        self.fates: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def run(self, wanted: list[Cell]) -> None:
        """Run cells; keep what is wrong of each, so that one does not hide the others."""
        for cell in wanted:
            try:
                fate = await self._cell(cell)
            except AssertionError as error:
                self.wrong.append(f"{cell}: {error}")
            else:
                self.fates[fate] += 1

    async def _cell(self, cell: Cell) -> str:
        provider = self.case.provider
        self.simulator.reset()
        self.simulator.script(provider, Script(run_polls=1, stream=False))
        self.simulator.fail(
            provider, cell.step, cell.fault, times=1 if cell.lasting == "once" else None
        )
        async with Gateway(ledger=SqliteLedger(self.path)) as gateway:
            end = await self._end(cell, gateway)

        fate = await self._check(cell, end)
        counters = self.simulator.counters(provider)
        assert (counters.submits, counters.accepted) == (1, 1), f"bought {counters}"
        assert counters.cancels == 0, "it was asked to stop"
        assert self.simulator.leaks == [], "a key went elsewhere"
        return fate

    async def _ordered(self, cell: Cell, gateway: Gateway) -> Any:
        """Generate under the cell's own key."""
        stored = STORED.get(self.case.model, {})
        request = self.case.request(prompt=str(cell), extra_params=stored)
        method = getattr(gateway, f"generate_{self.case.kind}_async")
        return await method(self._config(), request, idempotency_key=str(cell))

    def _config(self) -> Any:
        origin = self.simulator.base_url(self.case.provider)
        return self.case.config(KEY, origin, timeout=LIMIT, on_timeout="detach")

    async def _end(self, cell: Cell, gateway: Gateway) -> Any:
        work = asyncio.ensure_future(self._ordered(cell, gateway))
        try:
            await self._pass_time(cell, work)
            return await work
        except TarashException as error:
            return error
        finally:
            work.cancel()

    async def _pass_time(self, cell: Cell, work: asyncio.Task[Any]) -> None:
        """Let the clock run, where the answer goes on for longer than once."""
        if cell.is_harmless:
            return

        if cell.lasting == "once":
            await self._met(cell, work, 1)
            await rounds()
            self.leap(PACE)
            return

        await self._met(cell, work, SEEN)
        self.leap(5)
        await self._met(cell, work, SEEN + 1)
        if cell.lasting == "for 5 s":
            self.simulator.recover(self.case.provider)
            await rounds()
            self.leap(PACE)
            return

        await self._met(cell, work, 2 * SEEN + 1)
        self.leap(MINUTE)
        await self._met(cell, work, 2 * SEEN + 3)
        self.leap(LIMIT)

    async def _met(self, cell: Cell, work: asyncio.Task[Any], times: int) -> None:
        """Wait until an answer was met so often; a pause that a server asks for is leapt over."""
        counted = {"poll": "polls", "result": "results", "download": "downloads"}[cell.step]

        def is_met() -> bool:
            if cell.paces:
                self.leap(MINUTE / 10)

            found = getattr(self.simulator.counters(self.case.provider), counted)
            return bool(work.done() or found >= times)

        await until(is_met)

    async def _check(self, cell: Cell, end: Any) -> str:
        if not isinstance(end, TarashException):
            borne = cell.is_harmless or cell.lasting != "for ever" or cell.is_optional
            assert borne, "delivered in spite of all"
            await self._is_completed(cell)
            return "delivered"

        assert cell.lasting == "for ever", f"not borne: {end!r}"
        assert not cell.is_harmless, f"not read: {end!r}"
        assert end.submission == "accepted", f"{end.submission}: {end!r}"
        assert end.operation is not None, "no operation to go on with"
        assert await self._state(cell) == ("open", "detached"), await self._state(cell)
        assert KEY not in f"{end!r} {end.raw_response!r}", "the key is shown"
        return await self._resumed(cell, end)

    async def _resumed(self, cell: Cell, end: TarashException) -> str:
        """Let the server come to itself, and another process go on."""
        denials = DENIALS.get((self.case.provider, cell.step), DENIED)
        # xAI's word of a refusal has no status of its own any more.
        denied = isinstance(end, HTTPError) and end.status_code in {*denials, None}
        # In the form of the provider's own: it is told, and settles nothing.
        denied = denied or (cell.answer in FACES and UNNAMED in end.message)
        assert denied or isinstance(end, TimeoutError), f"the wait was ended: {end!r}"
        self.simulator.recover(self.case.provider)
        async with Gateway(ledger=SqliteLedger(self.path)) as gateway:
            jobs = await gateway.resume_all_async(api_keys={self.case.provider: KEY})
            (job,) = [one for one in jobs if one.operation == end.operation]
            response = await job.wait_async()

        assert response.status == "completed", f"resumed to {response!r}"
        await self._is_completed(cell)
        assert not (denied and cell.step != "poll") or "done" in end.message, end.message
        return "denied and resumed" if denied else "at the deadline and resumed"

    async def _is_completed(self, cell: Cell) -> None:
        state = await self._state(cell)
        if cell.paces and state == ("open", "completed"):
            return  # the clock leapt while the ledger wrote, which was too slow by it

        assert state == ("completed", "completed"), f"delivered, and written down as {state}"

    async def _state(self, cell: Cell) -> tuple[str, str | None]:
        ledger = SqliteLedger(self.path)
        try:
            found = [one for one in await ledger.jobs(limit=10) if one.idempotency_key == str(cell)]
        finally:
            await ledger.aclose()

        (record,) = found
        (entry,) = record.entries
        return record.state, entry.outcome
