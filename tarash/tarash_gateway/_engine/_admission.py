"""Lets an attempt in by the gateway's policies, before anything is written down or sent."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._data._policies import Policy, PolicyCall, Target
from .._support._secrets import plain_key, secrets_of
from ..catalog import names_of
from ..exceptions import TarashException
from ._accounts import account_of
from ._outcome_recorder import settled

if TYPE_CHECKING:
    from types import TracebackType

    from ..providers._contract import Adapter, LimitingAdapter
    from ..providers._registry import Registry
    from ._attempt import Attempt
    from ._breakers import BreakerPermit
    from ._fitting import EngineContext
    from ._lease import Lease
    from ._progress import Progress

LEAVING_SECONDS = 5
"""How long an attempt waits for policies to be left; they go on without it after that."""
_salt = os.urandom(16)


def admitted(  # noqa: PLR0913  (what an attempt is made of, each by name)
    adapter: Adapter | None,
    attempt: Attempt,
    progress: Progress,
    resources: EngineContext,
    lease: Lease,
    *,
    may_skip: bool = False,
) -> AbstractAsyncContextManager[Any]:
    """Return what an attempt is made within: the breaker and the policies, left after it.

    Args:
        adapter: Who speaks to the provider; None for a registered handler.
        attempt: The attempt. One that may have bought something does not wait to be let in.
        progress: Where the user sees that it waits.
        resources: Has the policies.
        lease: In whose hands the job is. Whoever only watches it is not asked.
        may_skip: Whether the chain has another config to go on with, where a provider is down.

    Raises:
        AuthenticationError: There is no key, so that there is nothing to let in.
    """
    concurrency_limits, breakers = resources.concurrency_limits, resources.breakers
    is_limited = bool(concurrency_limits.limits) or attempt.call.config.limits is not None
    is_guarded = breakers.breaker is not None
    if lease.is_watcher or not (resources.policies or is_limited or is_guarded):
        return nullcontext()

    target, key = _target_of(adapter, attempt, resources.registry)
    ask = None
    if adapter is not None and "account_limits" in adapter.abilities and not attempt.call.mocked:
        ask = partial(_account_limits, adapter, attempt, resources)

    limiters = concurrency_limits.policies(attempt, resources.ledger, key, ask)
    policies = (*resources.policies, *limiters)
    within: AbstractAsyncContextManager[Any] = nullcontext()
    if policies:
        within = _Admission(policies, target, attempt, progress, lease)

    if not is_guarded:
        return within

    enter = partial(breakers.enter, target, attempt, resources.ledger, may_skip=may_skip)
    return _Guarded(enter, attempt, within)


async def _account_limits(
    adapter: Adapter, attempt: Attempt, resources: EngineContext
) -> Mapping[str, int]:
    account = account_of(adapter, attempt, resources.registry)
    async with resources.clients.lease(adapter, account) as client:
        return await cast("LimitingAdapter", adapter).account_limits(client)


def _target_of(adapter: Adapter | None, attempt: Attempt, registry: Registry) -> tuple[Target, str]:
    """Return where an attempt goes, and the key."""
    if adapter is None:
        config = attempt.call.config
        base_url, key = config.base_url or "", config.api_key or ""
    else:
        account = account_of(adapter, attempt, registry)
        base_url, key = account.base_url, account.key.reveal()

    config = attempt.call.config
    provider = names_of(config.provider)[0]  # an account has one line, by whichever name
    place = f"{provider}\n{base_url}\n{plain_key(key)}"
    digest = hashlib.blake2b(place.encode(), digest_size=8, key=_salt).hexdigest()
    return Target(provider, config.model, base_url, digest), key


class _Guarded:
    """One attempt within the circuit of its provider, and what else lets it in."""

    def __init__(
        self,
        enter: Callable[[], Awaitable[BreakerPermit | None]],
        attempt: Attempt,
        within: AbstractAsyncContextManager[Any],
    ) -> None:
        self._enter = enter
        self._attempt = attempt
        self._within = within

    async def __aenter__(self) -> None:
        """Let it in, where the provider does not count as down: before it waits, and after that.

        Raises:
            TarashException: It does, or a policy has refused.
        """
        permit = self._attempt.permit = await self._enter()
        try:
            await self._within.__aenter__()
        except BaseException as error:
            await self._report(error)
            raise

        if permit is None or permit.probes:
            return

        try:
            self._attempt.permit = await self._enter()
        except BaseException as error:
            await self._within.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._within.__aexit__(kind, error, traceback)
        finally:
            await self._report(error)

    async def _report(self, error: BaseException | None) -> None:
        if self._attempt.permit is not None:
            await self._attempt.permit.ended(error)


class _Admission:
    """One attempt and the policies that let it in, whose code runs in a task of its own.

    So no cancellation of the attempt cuts short how they are left, and none of them sees or
    swallows the attempt's errors. What is paid for already goes on beside them.
    """

    def __init__(
        self,
        policies: tuple[Policy, ...],
        target: Target,
        attempt: Attempt,
        progress: Progress,
        lease: Lease,
    ) -> None:
        call = attempt.call
        self._policies = policies
        self._target = target
        self._attempt = attempt
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._released = asyncio.Event()
        self._is_in = False
        self._asked = ""
        self._failure: BaseException | None = None
        self._positions: list[int | None] = []
        self._call = PolicyCall(
            job_id=lease.job_id,
            attempt_number=call.attempt_number,
            kind=call.kind,
            config=call.config,
            request=call.request,
            resumed=attempt.operation is not None or attempt.intent is not None,
            mocked=call.mocked,
            _report=self._report,
            _attempt=attempt,
        )

    async def __aenter__(self) -> None:
        """Wait until every policy has let the attempt in.

        Raises:
            TarashException: One has refused.
        """
        self._task = self._loop.create_task(self._hold())
        if self._call.resumed:
            return

        try:
            await self._be_let_in()
        except BaseException as error:
            if not isinstance(error, Exception):
                self._attempt.announce(settled(self._attempt, "cancelled"))

            await self._leave(self._task)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            await self._leave(self._task)

    async def _hold(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                for policy in self._policies:
                    self._asked = type(policy).__qualname__
                    await stack.enter_async_context(policy.admit(self._target, self._call))

                self._is_in = True
                self._news.set()
                await self._until_released()
        except asyncio.CancelledError:
            self._failure = TarashException("A policy was cancelled, so nothing was submitted")
            raise
        except BaseException as error:  # noqa: BLE001  (it is the attempt that raises it)
            self._failure = error
            if self._is_in or self._call.resumed:
                self._log_failure(error)
        finally:
            self._news.set()

    async def _until_released(self) -> None:
        """Stay in until the attempt is over, also where all tasks of the loop are cancelled."""
        while not self._released.is_set():
            try:
                await self._released.wait()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None:
                    task.uncancel()

    async def _be_let_in(self) -> None:
        while not self._is_in:
            await self._news.wait()
            self._news.clear()
            if self._failure is not None:
                await self._refuse(self._failure)

            while self._positions and not self._is_in:
                await self._progress.waiting(self._positions.pop())
                self._positions.clear()

    async def _refuse(self, error: BaseException) -> None:
        attempt = self._attempt
        if not isinstance(error, Exception):
            raise error  # a user's exit

        if isinstance(error, TarashException):
            error.submission = attempt.submission or "not_sent"
            raise error

        secrets = attempt.secrets.and_of(secrets_of(attempt.call.config))
        raised, cause = f"{type(error).__name__}: {secrets.text(str(error))}", secrets.error(error)
        raise TarashException(
            f"The policy {self._asked} raised {raised}, so nothing was submitted; a policy refuses "
            "with PolicyRefusedError",
            submission=attempt.submission or "not_sent",
        ) from cause

    def _report(self, position: int | None) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits on it
            self._loop.call_soon_threadsafe(self._set_position, position)

    def _set_position(self, position: int | None) -> None:
        self._positions = [position]
        self._news.set()

    async def _leave(self, task: asyncio.Task[None]) -> None:
        """Let the policies go, whose end is awaited; a cancellation ends the wait, and not them."""
        self._released.set()
        if not self._is_in:
            task.cancel()

        with anyio.CancelScope(shield=True):
            await asyncio.wait([task], timeout=LEAVING_SECONDS)

        if not task.done():
            self._log_failure(TarashException(f"not left after {LEAVING_SECONDS} s"))

    def _log_failure(self, error: BaseException) -> None:
        raised = f"{type(error).__name__}: {self._attempt.secrets.text(str(error))}"
        self._attempt.log(logging.ERROR, "policy_failed", policy=self._asked, error=raised)
