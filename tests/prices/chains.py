"""Chains of three providers in which anything goes wrong, and what the providers bill for them.

What is billed is counted where it is made, by the jobs that the simulator has accepted: a job whose
acceptance never reached us counts like any other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from tarash.tarash_gateway import (
    Budget,
    Gateway,
    TarashException,
    register_prices,
)
from tarash.tarash_gateway.catalog.prices import shipped
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Fault, Job, Script, Simulator, Step
from tests.contract.cases import CASES, Case
from tests.jobs.matrix import FAULTS, KEY, NEVER, OUTCOMES, TIMEOUT

PRICES = (Decimal("1.10"), Decimal("1.30"), Decimal("1.70"))
"""Dollars of one job with each config of a chain."""
CENT = Decimal("0.01")
PROVIDERS = frozenset(
    {
        *("alibaba", "aster", "azure-openai", "boreal", "bytedance", "cirrus", "fal", "google"),
        *("kling", "luma", "minimax", "openai", "replicate", "runway", "stability", "xai"),
    }
)
"""Those of which `FREE_FAILURES` says what they do not bill."""
LIMITS = (
    PRICES[0],
    sum(PRICES[:2], Decimal(0)) - CENT,
    sum(PRICES[:2], Decimal(0)),
    PRICES[0] + PRICES[2],
    sum(PRICES, Decimal(0)) - CENT,
    sum(PRICES, Decimal(0)),
)
"""Some leave room for all three, some for two of them, some for one."""
DOUBTS = ("reset_after", "truncate", "foreign_body", "foreign_502", "408", "504", "503")
ENDS = ("failed", "no_media", "never", "too_late", "ignored")
"""After these a chain goes on."""
FREE_FAILURES = {
    ("alibaba", "failed"),
    ("alibaba", "moderated"),
    ("aster", "cancelled"),
    ("aster", "failed"),
    ("aster", "moderated"),
    ("bytedance", "failed"),
    ("bytedance", "moderated"),
    ("fal", "failed"),
    ("google", "moderated"),
    ("google", "no_media"),
}
"""What providers' own pages say that they do not bill; of the declared ones, their files."""
CREDITS = {"runway": CENT, "aster": Decimal(1), "xai": 5 * CENT}
"""What one of their own units is worth, of those that report money: it is scripted as the price."""


@dataclass(frozen=True, slots=True)
class Link:
    """One config of a chain, and what goes wrong with it."""

    case: Case
    step: Step | None
    what: str

    @property
    def fault(self) -> Fault | None:
        """What happens to a request of it."""
        return None if self.step is None else FAULTS[self.what]

    @property
    def script(self) -> Script:
        """What its jobs do."""
        if self.step == "cancel":
            return NEVER

        return Script() if self.step is not None else OUTCOMES[self.what]

    def priced(self, price: Decimal) -> Script:
        """Return the same, with a figure that says the price."""
        worth = CREDITS.get(self.case.provider)
        return replace(self.script, billable_units=float(price / worth)) if worth else self.script


@dataclass(frozen=True, slots=True)
class Cell:
    """One chain under one limit."""

    links: tuple[Link, ...]
    limit: Decimal
    by_budget: bool
    in_a_file: bool
    retries: int
    hedge_after: float | None
    """Seconds after which the next config is tried beside a job that goes on."""

    def __str__(self) -> str:
        links = " > ".join(f"{one.case} {one.step or 'script'} {one.what}" for one in self.links)
        hedged = "" if self.hedge_after is None else f", hedged after {self.hedge_after}"
        return f"{links} {'in a budget of' if self.by_budget else 'under'} {self.limit}{hedged}"


def cells(number: int, seed: int) -> Iterator[Cell]:
    """Yield so many chains; every one of a seed is another."""
    chosen = random.Random(seed)
    for _ in range(number):
        kind = chosen.choice(("video", "image"))
        known = {one.provider for one in CASES if one.kind == kind}
        names = chosen.sample(sorted(known & PROVIDERS), 3)
        yield Cell(
            links=tuple(_link(chosen, kind, name, is_last=name == names[-1]) for name in names),
            limit=chosen.choice(LIMITS),
            by_budget=chosen.random() < 0.5,
            in_a_file=chosen.random() < 0.3,
            retries=int(chosen.random() < 0.1),  # each of them waits
            hedge_after=chosen.choice((None, None, 0.05)),
        )


def _link(chosen: random.Random, kind: str, provider: str, *, is_last: bool) -> Link:
    case = chosen.choice([one for one in CASES if (one.provider, one.kind) == (provider, kind)])
    if not is_last and chosen.random() < 0.7:
        way: tuple[Step | None, str] = ("submit", chosen.choice(DOUBTS))
        if not case.at_once and chosen.random() < 0.5:
            way = (None, chosen.choice(ENDS))

        return Link(case, *way)

    if not case.at_once and chosen.random() < 0.4:
        return Link(case, None, chosen.choice([*OUTCOMES]))

    steps: list[Step] = ["submit"] if case.at_once else ["submit", "submit", "poll", "cancel"]
    return Link(case, chosen.choice(steps), chosen.choice([*FAULTS]))


def bill(link: Link, price: Decimal, job: Job) -> Decimal:
    """Return what a provider bills for a job that it has accepted."""
    body = job.result_body if isinstance(job.result_body, dict) else {}
    credits_kept = body.get("cost", {}).get("credits") if link.case.provider == "runway" else None
    if credits_kept is not None and job.status == "failed":
        return Decimal(credits_kept) * CENT

    counted = body.get("usage")
    if isinstance(counted, dict) and 0 in (
        counted.get("image_count"),
        counted.get("generated_images"),
    ):
        return Decimal(0)

    ended = {"cancelled": "cancelled", "failed": link.script.outcome}.get(job.status)
    if job.status == "completed" and link.script.outcome in {"no_media", "moderated"}:
        ended = link.script.outcome

    return Decimal(0) if (link.case.provider, ended) in FREE_FAILURES else price


def price_of_each(links: tuple[Link, ...]) -> None:
    """Give each config of a chain its price, in the place of all that ship for its model."""
    for link, price in zip(links, PRICES, strict=True):
        model = {"provider": link.case.provider, "model": link.case.model, "unit": "run"}
        known = {one.billable for one in shipped().lines(link.case.provider, link.case.model)}
        register_prices(
            [
                {**model, "billable": one, "rate": price if one == "output" else 0}
                for one in {"output", *known}
            ]
        )


async def play(cell: Cell, simulator: Simulator, folder: Path) -> tuple[Decimal, int]:
    """Make a chain's job; return what the providers bill for it, and how many of them were tried.

    Raises:
        AssertionError: They bill more than the limit, or what was kept is less than that.
    """
    price_of_each(cell.links)
    for link, price in zip(cell.links, PRICES, strict=True):
        state = simulator._state(link.case.provider)  # noqa: SLF001  (others keep theirs)
        state.reset()
        simulator.script(link.case.provider, link.priced(price))
        if link.fault is not None and link.step is not None:
            simulator.fail(link.case.provider, link.step, link.fault)

    ledger: Any = SqliteLedger(folder / "chains.db") if cell.in_a_file else MemoryLedger()
    label = {"cell": str(cell)[:250]}
    budgets = [Budget(cell.limit, label="cell")] if cell.by_budget else []
    async with Gateway(ledger=ledger, budgets=budgets) as gateway:
        config = _config(cell, simulator)
        request = cell.links[0].case.request(prompt="A tram")
        generate = getattr(gateway, f"generate_{cell.links[0].case.kind}_async")
        with suppress(TarashException):
            await generate(config, request, labels=label)

        await gateway.aclose(grace=5)
        kept = [
            one.amount
            for one in await ledger.spendings()
            if dict(one.labels) == label and one.amount is not None
        ]
        await ledger.aclose()

    billed = [
        bill(link, price, job)
        for link, price in zip(cell.links, PRICES, strict=True)
        for job in simulator.jobs(link.case.provider)
    ]
    counted = sum(kept, Decimal(0))
    try:
        assert sum(billed, Decimal(0)) <= cell.limit
        assert sum(billed, Decimal(0)) <= counted
        assert counted <= cell.limit
    except AssertionError as error:
        error.add_note(f"{cell}: billed {billed}, counted {kept}")
        raise

    tried = [simulator.counters(one.case.provider).submits for one in cell.links]
    in_order = all(not after or before for before, after in pairwise(tried))
    # What did not fit beside a job that went on is passed over, and the next may fit after it.
    assert in_order or cell.hedge_after is not None, (str(cell), tried)
    return sum(billed, Decimal(0)), sum(map(bool, tried))


def _config(cell: Cell, simulator: Simulator) -> Any:
    made = []
    for link in cell.links:
        never_ends = link.what in TIMEOUT or link.step == "cancel"
        # A result that comes by itself and has no media is polled for until the limit, too.
        limits: dict[str, Any] = {
            "max_retries": cell.retries,
            "max_poll_attempts": 3 if never_ends else 50,
            "hedge_after": cell.hedge_after,
        }
        made.append(
            link.case.config(KEY, simulator.base_url(link.case.provider), timeout=3600, **limits)
        )

    capped = {} if cell.by_budget else {"max_cost": cell.limit}
    return made[0].model_copy(update={"fallback_configs": tuple(made[1:]), **capped})
