"""The queue before an account's slots: the attempts of one event loop, asked for together.

One task asks the ledger for all who wait, and says that those inside are alive. It ends with
the last of them.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import anyio

from .._support._logging import event
from ..exceptions import TarashException

if TYPE_CHECKING:
    from ..ledger._contract import Ledger, SlotAnswer, SlotLedger, SlotRequest
    from ._attempt import Attempt
    from ._learned_limits import LearnedLimits
    from ._limit_rules import LimitRules

MEMORY_LEASE_SECONDS = 15.0
"""Of slots that only this process knows."""
LONGEST_RENEWAL = 5.0
"""Seconds between two words to the ledger on what is held, at most."""
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 0.5, 1.5
"""Seconds between two questions to the ledger while somebody waits."""


class SlotTicket:
    """One attempt's place among the jobs in flight of its account."""

    def __init__(
        self,
        queue: SlotQueue,
        request: SlotRequest,
        limit_rules: LimitRules,
        attempt: Attempt,
        report: Callable[[int | None], None],
    ) -> None:
        self.request = request
        self.limit_rules = limit_rules
        self.attempt = attempt
        self.is_held = False
        self.said_at: datetime | None = None
        """When the ledger was asked that last confirmed it."""
        self.failure: Exception | None = None
        self.news = asyncio.Event()
        self._queue = queue
        self._report = report
        self._position: int | None = None

    async def hold(self) -> None:
        """Return when it is ours for certain; it may have been lost while this process stood still.

        Raises:
            Exception: The ledger can't be asked.
        """
        while not self.is_held or self.is_late():
            self.news.clear()
            self._queue.ring()
            await self.news.wait()
            if self.failure is not None:
                failure, self.failure = self.failure, None
                self.attempt.ledger_failed = True
                raise failure

        self.attempt.ledger_failed = False

    def is_late(self) -> bool:
        """Tell whether others may have it by now, since the ledger has long not heard of it."""
        if self.said_at is None:
            return True

        # By the time of day, as in the ledger: it goes on while the machine sleeps.
        silent = (datetime.now(UTC) - self.said_at).total_seconds()
        return silent > self._queue.lease_seconds

    def refused(self, error: TarashException) -> None:
        """Learn from the provider's answer to a submit that was refused."""
        if self.limit_rules.learns:
            self._queue.learn(self, error)

    def move_to(self, position: int) -> None:
        """Show the user its position in line, where that is news."""
        if position != self._position:
            self._position = position
            self._report(position)


class SlotQueue:
    """Those of one event loop who wait for slots of one account, or hold some."""

    def __init__(self, name: str, ledger: Ledger, learned: LearnedLimits) -> None:
        lease = ledger.lease_seconds
        self.name = name
        self.lease_seconds = lease if math.isfinite(lease) else MEMORY_LEASE_SECONDS
        self._ledger = cast("SlotLedger", ledger)
        self._learned = learned
        self._tickets: dict[str, SlotTicket] = {}
        self._bell = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.asking_provider = asyncio.Lock()
        """Held by whoever asks the provider for the account's limits."""
        self._asking: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE
        self._in_flight: dict[str, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits here, and nobody is inside."""
        return not self._tickets

    def join(self, ticket: SlotTicket) -> None:
        """Get in line."""
        self._tickets[ticket.request.id] = ticket
        self._pause = FIRST_PAUSE
        self.ring()

    async def leave(self, ticket: SlotTicket, *, may_still_run: bool) -> None:
        """Get out of line, or end the slot."""
        self._tickets.pop(ticket.request.id, None)
        with anyio.CancelScope(shield=True):
            # Not beside a question that may still name it.
            async with self._one_at_a_time:
                await self._ledger.free_slot(ticket.request.id, may_still_run=may_still_run)

        if self._waking_is_of_use():
            self.ring()

    def ring(self) -> None:
        """Ask the ledger now."""
        self._bell.set()
        if self._asking is None and self._tickets:
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    def learn(self, ticket: SlotTicket, error: TarashException) -> None:
        """Take what a refusal says of the account's limits."""
        model = ticket.request.model if ticket.limit_rules.is_by_model else ""
        self._learned.refused(self.name, model, error, self._in_flight.get(model, 1))

    def _waking_is_of_use(self) -> bool:
        return any(not ticket.is_held for ticket in self._tickets.values())

    async def _ask(self) -> None:
        try:
            while self._tickets:
                self._bell.clear()
                await self._round()
                seconds = self._seconds()
                with anyio.move_on_after(seconds):
                    await self._bell.wait()
        finally:
            self._asking = None
            for ticket in self._tickets.values():  # the loop ends: nobody asks for them any more
                ticket.news.set()

    def _seconds(self) -> float:
        renewal = min(self.lease_seconds / 3, LONGEST_RENEWAL)
        if not self._waking_is_of_use():
            return renewal

        pause, self._pause = self._pause, min(self._pause * GROWTH, LONGEST_PAUSE)
        return min(pause, renewal)

    async def _round(self) -> None:
        """Ask for all who wait; a ledger that fails harms nobody who is inside."""
        async with self._one_at_a_time:
            waiting = [one for one in self._tickets.values() if not one.is_held]
            held = [one for one in self._tickets.values() if one.is_held]
            try:
                if waiting:
                    await self._learned.sync(self.name, self._ledger)

                at = datetime.now(UTC)
                answer = await self._ledger.seek_slots(
                    self.name,
                    [self._current(one) for one in waiting],
                    [one.request.id for one in held],
                )
            except Exception as error:  # noqa: BLE001  (a user's ledger may raise anything)
                self._fail(waiting, error)
                return

        self._in_flight = dict(answer.in_flight)
        for ticket in waiting:
            self._deliver_answer(ticket, answer, at)

        for ticket in held:
            self._confirm(ticket, answer, at)

    def _current(self, ticket: SlotTicket) -> SlotRequest:
        """Return what a ticket is asked for with the limits as they are now."""
        request, limit_rules = ticket.request, ticket.limit_rules
        if not limit_rules.learns:
            return request

        most, of_model = self._learned.most(self.name, request.model)
        return replace(
            request,
            most=_least(limit_rules.max_in_flight, most),
            most_of_model=_least(limit_rules.max_of_model, of_model),
            per_minute=_least(limit_rules.per_minute, self._learned.per_minute(self.name)),
        )

    def _deliver_answer(self, ticket: SlotTicket, answer: SlotAnswer, at: datetime) -> None:
        name = ticket.request.id
        if name in answer.taken:
            self._pause = FIRST_PAUSE
            ticket.is_held, ticket.said_at = True, at
            ticket.news.set()
        elif name in answer.positions:
            ticket.move_to(answer.positions[name])

    def _confirm(self, ticket: SlotTicket, answer: SlotAnswer, at: datetime) -> None:
        if ticket.request.id not in answer.lost:
            ticket.said_at = at
            ticket.news.set()
            return

        # This process stood still. What is at the provider counts; what is not waits once more.
        ticket.is_held = False
        if ticket.attempt.unsafe:
            ticket.request = replace(ticket.request, is_bought=True)

        self.ring()

    def _fail(self, waiting: list[SlotTicket], error: Exception) -> None:
        for ticket in waiting:
            ticket.failure = error
            ticket.news.set()

        event(
            logging.ERROR, "slots_failed", line=self.name, error=f"{type(error).__name__}: {error}"
        )


def _least(one: int | None, other: int | None) -> int | None:
    known = [number for number in (one, other) if number is not None]
    return min(known, default=None)
