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
from ..ledger._contract import SlotRequest
from ._learned_limits import LearnedLimits
from ._limit_rules import group_of, limit_rules_by_label, limit_rules_for, line_of, line_of_label
from ._slot_queue import SlotQueue, SlotTicket

if TYPE_CHECKING:
    from .._data._limits import Limits
    from .._data._policies import PolicyCall, Target
    from ..ledger._contract import Ledger
    from ._attempt import Attempt
    from ._limit_rules import LimitRules

ASKED_AGAIN_SECONDS = 3600
"""What a provider says of an account's limits is asked so often."""
ASKING_SECONDS = 10
"""And it may take so long: nothing waits for it that could be bought."""

Ask = Callable[[], Awaitable[Mapping[str, int]]]
"""Asks the provider for an account's limits, by model."""


class ConcurrencyLimits:
    """What the attempts of one gateway share of limits: its own, what was learned, the queues."""

    def __init__(self, limits: tuple[Limits, ...] = ()) -> None:
        self.limits = limits
        self.learned = LearnedLimits()
        self._queues: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[tuple[int, str], SlotQueue]
        ] = WeakKeyDictionary()

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
        limit_rules = limit_rules_for(self.limits, config)
        labelled = limit_rules_by_label(self.limits, config)
        if limit_rules is None and not labelled:
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
        if limit_rules is not None:
            policies.append(SlotPolicy(self, limit_rules, attempt, ledger, key, ask))

        return policies

    def queue(self, name: str, ledger: Ledger) -> SlotQueue:
        """Return the running loop's queue before an account's slots."""
        queues = self._queues.setdefault(asyncio.get_running_loop(), {})
        address = (id(ledger), name)
        for known in [one for one, queue in queues.items() if queue.is_empty and one != address]:
            del queues[known]

        return queues.setdefault(address, SlotQueue(name, ledger, self.learned))


class SlotPolicy(Policy):
    """Holds one attempt to its limits."""

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        concurrency_limits: ConcurrencyLimits,
        limit_rules: LimitRules,
        attempt: Attempt,
        ledger: Ledger,
        key: str,
        ask: Ask | None,
        label: str | None = None,
    ) -> None:
        self._label = label
        """Whose values are counted, in place of the account's jobs."""
        self._concurrency_limits = concurrency_limits
        self._limit_rules = limit_rules
        self._attempt = attempt
        self._ledger = ledger
        self._key = key
        self._ask = ask

    @asynccontextmanager
    async def admit(self, target: Target, call: PolicyCall) -> AsyncIterator[None]:
        """Wait for a slot, and hold it until the attempt is over."""
        name = self._name(target, call)
        queue = self._concurrency_limits.queue(name, self._ledger)
        if not call.resumed and self._ask is not None and self._limit_rules.learns:
            async with queue.asking_provider:
                await self._ask_for_limits(name, self._ask)

        ticket = SlotTicket(
            queue, self._request(name, target, call), self._limit_rules, self._attempt, call.queued
        )
        queue.join(ticket)
        try:
            await self._wait(ticket, call)
            if self._label is None:
                self._attempt.place = ticket

            yield
        finally:
            await queue.leave(ticket, may_still_run=call.may_still_run)

    def _name(self, target: Target, call: PolicyCall) -> str:
        if self._label is not None:
            return line_of_label(self._label, self._attempt.call.labels.get(self._label, ""))

        return line_of(target.provider, target.base_url, self._key, mocked=call.mocked)

    def _request(self, name: str, target: Target, call: PolicyCall) -> SlotRequest:
        limit_rules, labels = self._limit_rules, self._attempt.call.labels
        # One row each: a ledger tells by the intent whether the account's job may still run.
        beside = "" if self._label is None else f" {name}"
        return SlotRequest(
            id=f"{self._attempt.call.request_id}{beside}",
            line=name,
            model=target.model,
            group=group_of(labels, limit_rules.fair_by),
            priority=call.config.priority,
            most=limit_rules.max_in_flight,
            most_of_model=limit_rules.max_of_model,
            per_minute=limit_rules.per_minute,
            per_minute_of_model=limit_rules.per_minute_of_model,
            kept_seconds=call.config.timeout,
            is_bought=call.resumed,
        )

    async def _wait(self, ticket: SlotTicket, call: PolicyCall) -> None:
        seconds = None if call.resumed else self._limit_rules.queue_timeout
        with anyio.move_on_after(seconds) as scope:
            await ticket.hold()

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
        learned = self._concurrency_limits.learned
        if not learned.is_due(name, ASKED_AGAIN_SECONDS):
            return

        try:
            with anyio.move_on_after(ASKING_SECONDS):
                learned.declared(name, await ask())
        except TarashException as error:
            event(logging.DEBUG, "limits_unread", line=name, error=error.message)
