"""What the calls of one gateway share, made with the first of them; and how they are ended."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, cast
from weakref import WeakSet

from .._data._made_by import provide_makers
from .._http._backend import check_loop
from .._support._wakeups import Wakeups
from ..exceptions import TarashException, ValidationError
from ..providers._registry import Registry, default_registry
from ._arguments import (
    checked_breaker,
    checked_budgets,
    checked_limits,
    checked_observers,
    checked_policies,
)

if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from .._data._budgets import Budget
    from .._data._exchange import Call
    from .._data._limits import Breaker, Limits
    from .._data._made_by import Makers
    from .._data._policies import Observer, Policy
    from .._engine import EngineContext
    from ..ledger._contract import AnyLedger, Ledger

VARIABLE = "TARASH_LEDGER"
BUDGETS = "TARASH_BUDGET"
WEBHOOK_URL = "TARASH_WEBHOOK_URL"
SECRET = "TARASH_WEBHOOK_SECRET"  # noqa: S105  (its name)


class GatewayContext:
    """The registry, clients and ledger of one gateway, and the calls under way."""

    def __init__(  # noqa: PLR0913  (as of a gateway)
        self,
        registry: Registry | None = None,
        ledger: AnyLedger | None = None,
        *,
        untrusted_requests: bool = False,
        observers: Sequence[Observer] = (),
        policies: Sequence[Policy] = (),
        budgets: Sequence[Budget | str] | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        limits: Limits | Sequence[Limits] = (),
        breaker: Breaker | None = None,
    ) -> None:
        self.untrusted_requests = untrusted_requests
        self._budgets = None if budgets is None else checked_budgets(budgets)
        self._webhooks = (webhook_url, webhook_secret)
        if webhook_url is not None or webhook_secret is not None:
            self._check_webhooks()
        self._policies = checked_policies(policies)
        self._limits = checked_limits(limits)
        self._breaker = checked_breaker(breaker)
        learn = [policy.observe for policy in self._policies]
        self.observers = checked_observers([*learn, *observers])
        self.registry = default_registry if registry is None else registry
        self._ledger = ledger
        self._wakeups = Wakeups()
        self._made: EngineContext | None = None
        self._lock = threading.Lock()
        self._running: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._closing = False

    def resources(self, ledger: AnyLedger | None = None) -> EngineContext:
        """Return what calls share.

        Args:
            ledger: For this call, in place of the gateway's own.
        """
        with self._lock:  # many threads may make their first call at once
            if self._made is None:
                self._made = self._make()

            if ledger is None:
                return self._made

            made = replace(self._made, ledger=_opened(ledger))
            _check_money(made)
            return made

    def _make(self) -> EngineContext:
        from .._engine import Breakers, Callbacks, ConcurrencyLimits, EngineContext
        from .._http._pools import ClientCache
        from ..ledger import MemoryLedger

        given = self._ledger if self._ledger is not None else os.environ.get(VARIABLE) or None
        ledger = MemoryLedger() if given is None else _opened(given)
        made = EngineContext(
            self.registry,
            ClientCache(),
            ledger,
            Random(),
            self.untrusted_requests,
            self.observers,
            self._policies,
            wakeups=self._wakeups,
            callbacks=Callbacks(*self._webhooks_said()),
            budgets=self._budgets if self._budgets is not None else _from_environment(),
            concurrency_limits=ConcurrencyLimits(self._limits),
            breakers=Breakers(self._breaker),
        )
        _check_money(made)
        return made

    def _check_webhooks(self) -> None:
        """Refuse an address or a secret that can't be used, before anything is bought."""
        from .._engine import Callbacks

        Callbacks(*self._webhooks)

    def _webhooks_said(self) -> tuple[str | None, str | None]:
        """Return where providers are to call and the secret of its addresses, as said anywhere."""
        url, secret = self._webhooks
        return url or os.environ.get(WEBHOOK_URL) or None, secret or os.environ.get(SECRET) or None

    def wake(self, provider: str, operation_id: str) -> bool:
        """Let whoever waits for a job here poll it now; return whether somebody does.

        For whatever hears of a job first: a webhook, or another process. Any thread may call it.

        Args:
            provider: The provider's name.
            operation_id: The provider's job id.
        """
        return self._wakeups.nudge(provider, operation_id)

    def expected_seconds(self, call: Call) -> float | None:
        """Return how long such jobs took, in the median; None where nobody has seen any."""
        from .._engine import kind_of

        made = self._made
        return None if made is None else made.times.quantile(kind_of(call), 0.5)

    def knows_times(self) -> bool:
        """Tell whether a durable ledger may know how long jobs take; none is made by asking."""
        given = self._ledger if self._ledger is not None else os.environ.get(VARIABLE)
        if not given:
            return False

        ledger = self.resources().ledger
        path = getattr(ledger, "path", None)
        return math.isfinite(ledger.lease_seconds) and (path is None or os.path.exists(path))  # noqa: PTH110

    async def load_times(self) -> None:
        """Read what a durable ledger knows of how long jobs take, now and then."""
        if self.knows_times():
            resources = self.resources()
            await resources.times.load_all(resources.ledger)

    def at_work(self) -> AbstractContextManager[None]:
        """Count the current task as under way.

        Raises:
            TarashException: The gateway takes no more work, or this is no loop of asyncio's.
        """
        import asyncio

        check_loop()
        if self._closing:
            raise TarashException(
                "The gateway is shutting down and takes no more work; nothing was submitted",
                submission="not_sent",
            )

        task = asyncio.current_task()
        if task is None or task in self._running:
            return self.registry.in_force()

        return _AtWork(self._running, task, self.registry.in_force())

    async def aclose(self, grace: float | None, *, blocking: bool, for_good: bool = True) -> None:
        """Close the running loop's connections, once nobody needs them for a goodbye.

        Args:
            grace: Seconds that calls may go on; after them each is cancelled. None ends no call.
            blocking: Whether blocking calls, which nobody else can cancel, end in any case.
            for_good: Whether the gateway takes no more work where `grace` is given.
        """
        import asyncio

        from .._support import _portal

        self._closing = grace is not None
        background = _portal.running()
        patience = 0 if grace is None and blocking else grace
        is_here = background is asyncio.get_running_loop()
        ends: list[Awaitable[None]] = [self._end(patience if is_here else grace)]
        if background is not None and not is_here:
            ending = asyncio.run_coroutine_threadsafe(self._end(patience), background)
            ends.append(asyncio.wrap_future(ending))

        await asyncio.gather(*ends)
        made = self._made
        if made is not None:
            await made.clients.aclose()
            if grace is not None:
                await made.ledger.aclose()

        if grace is not None and not for_good:
            self._made, self._closing = None, False

    async def _end(self, grace: float | None) -> None:
        """End the running loop's calls, and wait for those that say goodbye to their providers."""
        import asyncio

        from .._support._shielded import SHIELDED_SECONDS, wait_for_retries, wait_for_shielded

        here = asyncio.get_running_loop()
        mine = asyncio.current_task()
        tasks = {one for one in list(self._running) if one.get_loop() is here and one is not mine}
        if grace is not None and tasks:
            _, tasks = await asyncio.wait(tasks, timeout=grace)
            for task in tasks:
                if not task.cancelling():
                    task.cancel()

        leaving = {task for task in tasks if task.cancelling()}
        if leaving:
            await asyncio.wait(leaving, timeout=SHIELDED_SECONDS)

        await wait_for_shielded()
        closed = None if grace is None or self._made is None else self._made.ledger
        await wait_for_retries(SHIELDED_SECONDS, over=closed)


def _from_environment() -> tuple[Budget, ...]:
    """Return the budgets of TARASH_BUDGET: `50/day`, several with commas between."""
    written = os.environ.get(BUDGETS, "")
    return checked_budgets([one for one in written.split(",") if one.strip()])


def _check_money(made: EngineContext) -> None:
    """Refuse budgets with a ledger that does not count what is spent."""
    from .._engine import keeps_money

    if made.budgets and not keeps_money(made.ledger):
        raise ValidationError(
            f"{type(made.ledger).__name__} does not count what is spent (keeps_money), so no "
            "budget can be held by it; use a SqliteLedger or a MemoryLedger",
            submission="not_sent",
        )


class _AtWork:
    """A task that is under way; as small as can be: thousands of jobs wait within one."""

    __slots__ = ("_in_force", "_running", "_task")

    def __init__(
        self,
        running: WeakSet[asyncio.Task[Any]],
        task: asyncio.Task[Any],
        in_force: AbstractContextManager[None],
    ) -> None:
        self._running, self._task, self._in_force = running, task, in_force

    def __enter__(self) -> None:
        self._running.add(self._task)
        self._in_force.__enter__()

    def __exit__(self, *_: object) -> None:
        self._running.discard(self._task)
        self._in_force.__exit__(None, None, None)


def _opened(ledger: AnyLedger) -> Ledger:
    if not isinstance(ledger, str | os.PathLike) and hasattr(ledger, "intend"):
        return ledger

    from ..ledger import open_ledger

    return open_ledger(cast("str | os.PathLike[str]", ledger))


def _usual_makers() -> Makers:
    from .._engine import RegistryMakers

    return RegistryMakers(default_registry)


provide_makers(_usual_makers)
default = GatewayContext()
"""What the module's functions share."""
