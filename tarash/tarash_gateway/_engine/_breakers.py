"""The circuits of one gateway: asked before an attempt is let in, informed when it has ended."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar, cast

import anyio

from .._data._limits import CircuitHealth
from .._support._logging import event
from ..exceptions import (
    CircuitOpenError,
    ContentModerationError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    RateLimitError,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from ._circuit import Circuit, Verdict
from ._statuses import FIRST_CLIENT_ERROR, FIRST_SERVER_ERROR

if TYPE_CHECKING:
    from .._data._limits import Breaker
    from .._data._policies import Target
    from .._data._types import JsonObject
    from ..ledger._contract import Ledger, StateLedger
    from ._attempt import Attempt

Result = TypeVar("Result")

SPACE = "breakers"
"""Where ledgers keep what has opened and closed."""
READ_SECONDS = 2.0
"""What other processes have found out is read so often, at most."""
LEDGER_SECONDS = 2.0
"""A ledger may take so long; nothing depends on it."""
MOST_CIRCUITS = 1000
REQUEST_TIMEOUT = 408


class Breakers:
    """All circuits of a gateway; safe to use from several threads."""

    def __init__(
        self, breaker: Breaker | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.breaker = breaker
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: dict[str, Circuit] = {}
        self._read_at: dict[str, float] = {}

    async def enter(
        self, target: Target, attempt: Attempt, ledger: Ledger, *, may_skip: bool
    ) -> BreakerPermit | None:
        """Let an attempt out, or not; None where there is no breaker.

        Args:
            target: Where it goes.
            attempt: The attempt; one that has bought something already goes on.
            ledger: Where other processes may have written down what they found out.
            may_skip: Whether the chain has another config to go on with.

        Raises:
            CircuitOpenError: The provider is down.
        """
        breaker = self.breaker
        if breaker is None:
            return None

        name = _name(target, mocked=attempt.call.mocked)
        begun = attempt.operation is not None or attempt.intent is not None
        permit = BreakerPermit(self, name, ledger, begun=begun)
        if begun:
            return permit

        await self._read(name, ledger)
        with self._lock:
            circuit = self._circuit(name)
            way = circuit.ask(self._clock(), breaker)
            seconds, error, kept = circuit.until - self._clock(), circuit.last_error, circuit.kept()

        permit.probes = way == "probe"
        if permit.probes:
            await _share(ledger, name, kept)

        if way != "stop" or (breaker.on_open == "try" and not may_skip):
            return permit

        raise CircuitOpenError(
            f"{target.provider} {target.model} counts as down ({error or 'it failed before'}), so "
            f"nothing was submitted; the next attempt goes out in {max(seconds, 0):.0f} s",
            target.provider,
            target.model,
            retry_after=max(seconds, 0.0),
            submission="not_sent",
        )

    async def report(
        self, permit: BreakerPermit, verdict: Verdict, error: str | None, *, was_good: bool = False
    ) -> None:
        """Take note of what an attempt says, which may have counted as good before."""
        assert self.breaker is not None  # noqa: S101  (else there is no permit)
        with self._lock:
            circuit = self._circuit(permit.name)
            changed = circuit.report(
                verdict,
                error,
                self._clock(),
                self.breaker,
                probed=permit.probes,
                was_good=was_good,
            )
            kept, is_open = circuit.kept(), circuit.is_open

        permit.probes = False
        if not changed:
            return

        if is_open:
            event(logging.WARNING, "circuit_opened", circuit=permit.name, error=error)
        else:
            event(logging.INFO, "circuit_closed", circuit=permit.name, error=error)

        await _share(permit.ledger, permit.name, kept)

    def health(self) -> list[CircuitHealth]:
        """Return what is known of each circuit."""
        with self._lock:
            now = self._clock()
            within = 60.0 if self.breaker is None else self.breaker.within
            return [
                _health(name, circuit, now, circuit.counts(now, within))
                for name, circuit in sorted(self._circuits.items())
            ]

    async def read_all(self, ledger: Ledger) -> None:
        """Take what all processes of a ledger have found out."""
        if not _shares(ledger):
            return

        states = await cast("StateLedger", ledger).list_states(SPACE)
        with self._lock:
            for state in states:
                self._circuit(state.name).follow(state.value)

    async def _read(self, name: str, ledger: Ledger) -> None:
        with self._lock:
            now, circuit = self._clock(), self._circuits.get(name)
            # Where a probe is due, another process may just have sent one.
            may_probe = circuit is not None and circuit.is_open and now >= circuit.until
            is_due = may_probe or now - self._read_at.get(name, -READ_SECONDS) >= READ_SECONDS
            if is_due:
                self._read_at[name] = now

        if not is_due or not _shares(ledger):
            return

        with anyio.move_on_after(LEDGER_SECONDS):
            state = await _safely(cast("StateLedger", ledger).read_state(SPACE, name))
            if state is not None:
                with self._lock:
                    self._circuit(name).follow(state.value)

    def _circuit(self, name: str) -> Circuit:
        if name not in self._circuits and len(self._circuits) >= MOST_CIRCUITS:
            gone = next(iter(self._circuits))
            del self._circuits[gone]
            self._read_at.pop(gone, None)

        return self._circuits.setdefault(name, Circuit())


async def _share(ledger: Ledger, name: str, kept: JsonObject) -> None:
    """Tell other processes of a circuit, where the ledger is one that they have as well."""
    if _shares(ledger):
        states = cast("StateLedger", ledger)
        with anyio.move_on_after(LEDGER_SECONDS, shield=True):
            await _safely(states.write_state(SPACE, name, kept))


class BreakerPermit:
    """One attempt that was let out: what it says of its provider's machines, and when.

    A job that ends well says that they were well when it was accepted, minutes ago perhaps: it
    counts then, and hides no submits that fail when it ends.
    """

    def __init__(
        self, breakers: Breakers, name: str, ledger: Ledger, *, begun: bool = False
    ) -> None:
        self.name = name
        self.ledger = ledger
        self.probes = False
        self.counts = True
        """False where a number of polls has ended it, which says nothing of the provider."""
        self._is_begun = begun
        self._was_good = False
        self._breakers = breakers

    async def accepted(self) -> None:
        """Hear that the provider has accepted: a probe need not wait for its job's end."""
        if not self._was_good:
            self._was_good = True
            await self._breakers.report(self, "good", None)

    async def ended(self, error: BaseException | None) -> None:
        """Hear how the attempt ended."""
        verdict = verdict_of(error) if self.counts else "none"
        if verdict == "good" and (self._was_good or self._is_begun):
            return

        reason = None if error is None else _error_text(error)
        taken_back = self._was_good and verdict == "bad"
        await self._breakers.report(self, verdict, reason, was_good=taken_back)


def verdict_of(error: BaseException | None) -> Verdict:
    """Return what the end of an attempt says of its provider's machines."""
    if error is None or isinstance(error, ContentModerationError | GenerationFailedError):
        return "good"

    if isinstance(error, HTTPConnectionError | TimeoutError):
        return "bad"

    if isinstance(error, RateLimitError) or not isinstance(error, HTTPError):
        return "none"

    status = error.status_code or 0
    if status >= FIRST_SERVER_ERROR or status == REQUEST_TIMEOUT:
        return "bad"

    return "good" if status >= FIRST_CLIENT_ERROR else "none"


def _error_text(error: BaseException) -> str:
    """Return an error in a word: what a provider says may hold what is nobody's business."""
    status = error.status_code if isinstance(error, HTTPError) else None
    return type(error).__name__ if status is None else f"HTTP {status}"


def _name(target: Target, *, mocked: bool) -> str:
    host = "mock" if mocked else target.base_url
    return json.dumps([target.provider, host, target.model])


def _health(name: str, circuit: Circuit, now: float, counts: tuple[int, int]) -> CircuitHealth:
    provider, host, model = json.loads(name)
    bad, good = counts
    return CircuitHealth(
        provider=provider,
        base_url=host,
        model=model,
        state=circuit.state(now),
        failures=bad,
        successes=good,
        retry_at=datetime.fromtimestamp(circuit.until, UTC) if circuit.is_open else None,
        last_error=circuit.last_error,
    )


def _shares(ledger: Ledger) -> bool:
    """Tell whether other processes may read what is written into a ledger."""
    return math.isfinite(ledger.lease_seconds) and getattr(ledger, "keeps_state", False)


async def _safely(work: Awaitable[Result]) -> Result | None:
    """Return what a ledger answers; None where it fails, which is no reason to stop anything."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001  (a user's ledger may raise anything)
        event(logging.ERROR, "ledger_failed", error=f"{type(error).__name__}: {error}")
        return None
