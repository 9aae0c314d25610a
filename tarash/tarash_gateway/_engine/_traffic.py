"""Limits of jobs in flight, as a policy: the last one that an attempt enters."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import anyio

from .._data._policies import Policy
from .._support._logging import event
from ..exceptions import PolicyRefusedError, TarashException, ValidationError
from ..ledger._records import SlotRequest
from ._learned_limits import LearnedLimits
from ._line import Line, Place
from ._terms import group_of, line_of, line_of_label, terms_by_label, terms_for

if TYPE_CHECKING:
    from .._data._limits import Limits
    from .._data._policies import PolicyCall, Target
    from ..ledger._records import Ledger
    from ._attempt import Attempt
    from ._terms import Terms

ASKED_AGAIN_SECONDS = 3600
"""What a provider says of an account's limits is asked so often."""
ASKING_SECONDS = 10
"""And it may take so long: nothing waits for it that could be bought."""

Ask = Callable[[], Awaitable[Mapping[str, int]]]
"""Asks the provider for an account's limits, by model."""


class Traffic:
    """What the attempts of one gateway share of limits: its own, what was learned, the lines."""

    def __init__(self, limits: tuple[Limits, ...] = ()) -> None:
        self.limits = limits
        self.learned = LearnedLimits()
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[int, str], Line]] = (
            WeakKeyDictionary()
        )

    def policies(
        self, attempt: Attempt, ledger: Ledger, key: str, ask: Ask | None
    ) -> list[SlotPolicy]:
        """Return what holds an attempt to its limits: those by label, then its account's.

        Args:
            attempt: The attempt.
            ledger: Where its slots are rows.
            key: The key that it buys with.
            ask: Asks the provider for its limits; None where it has no such question.

        Raises:
            ValidationError: The ledger keeps no slots.
        """
        config = attempt.call.config
        terms = terms_for(self.limits, config)
        labelled = terms_by_label(self.limits, config)
        if terms is None and not labelled:
            return []

        if not getattr(ledger, "keeps_slots", False):
            raise ValidationError(
                f"{type(ledger).__name__} does not count jobs in flight (keeps_slots), so no limit "
                "can be held by it; use a SqliteLedger or a MemoryLedger",
                submission="not_sent",
            )

        policies = [
            SlotPolicy(self, one, attempt, ledger, key, None, label) for label, one in labelled
        ]
        if terms is not None:
            policies.append(SlotPolicy(self, terms, attempt, ledger, key, ask))

        return policies

    def line(self, name: str, ledger: Ledger) -> Line:
        """Return the running loop's line before an account's slots."""
        lines = self._lines.setdefault(asyncio.get_running_loop(), {})
        address = (id(ledger), name)
        for known in [one for one, line in lines.items() if line.is_empty and one != address]:
            del lines[known]

        return lines.setdefault(address, Line(name, ledger, self.learned))


class SlotPolicy(Policy):
    """Holds one attempt to its limits."""

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        traffic: Traffic,
        terms: Terms,
        attempt: Attempt,
        ledger: Ledger,
        key: str,
        ask: Ask | None,
        label: str | None = None,
    ) -> None:
        self._label = label
        """Whose values are counted, in place of the account's jobs."""
        self._traffic = traffic
        self._terms = terms
        self._attempt = attempt
        self._ledger = ledger
        self._key = key
        self._ask = ask

    @asynccontextmanager
    async def admit(self, target: Target, call: PolicyCall) -> AsyncIterator[None]:
        """Wait for a slot, and hold it until the attempt is over."""
        name = self._name(target, call)
        line = self._traffic.line(name, self._ledger)
        if not call.resumed and self._ask is not None and self._terms.learns:
            async with line.asking_provider:
                await self._ask_for_limits(name, self._ask)

        place = Place(
            line, self._request(name, target, call), self._terms, self._attempt, call.queued
        )
        line.join(place)
        try:
            await self._wait(place, call)
            if self._label is None:
                self._attempt.place = place

            yield
        finally:
            await line.leave(place, may_still_run=call.may_still_run)

    def _name(self, target: Target, call: PolicyCall) -> str:
        if self._label is not None:
            return line_of_label(self._label, self._attempt.call.labels.get(self._label, ""))

        return line_of(target.provider, target.base_url, self._key, mocked=call.mocked)

    def _request(self, name: str, target: Target, call: PolicyCall) -> SlotRequest:
        terms, labels = self._terms, self._attempt.call.labels
        # One row each: a ledger tells by the intent whether the account's job may still run.
        beside = "" if self._label is None else f" {name}"
        return SlotRequest(
            id=f"{self._attempt.call.request_id}{beside}",
            line=name,
            model=target.model,
            group=group_of(labels, terms.fair_by),
            priority=call.config.priority,
            most=terms.most,
            most_of_model=terms.most_of_model,
            per_minute=terms.per_minute,
            per_minute_of_model=terms.per_minute_of_model,
            kept_seconds=call.config.timeout,
            is_bought=call.resumed,
        )

    async def _wait(self, place: Place, call: PolicyCall) -> None:
        seconds = None if call.resumed else self._terms.queue_timeout
        with anyio.move_on_after(seconds) as scope:
            await place.hold()

        if scope.cancelled_caught:
            whose = call.config.provider if self._label is None else f"this {self._label}"
            raise PolicyRefusedError(
                f"No place among the jobs in flight of {whose} came free within "
                f"{seconds:g} s (queue_timeout), so nothing was submitted; wait for longer, or "
                "raise the limit where the provider allows that",
                code="queue_timeout",
                submission="not_sent",
            )

    async def _ask_for_limits(self, name: str, ask: Ask) -> None:
        """Ask the provider for the account's limits, now and then; it may not answer."""
        learned = self._traffic.learned
        if not learned.is_due(name, ASKED_AGAIN_SECONDS):
            return

        try:
            with anyio.move_on_after(ASKING_SECONDS):
                learned.declared(name, await ask())
        except TarashException as error:
            event(logging.DEBUG, "limits_unread", line=name, error=error.message)
