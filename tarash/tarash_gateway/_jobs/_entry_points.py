"""What stands behind the gateway's methods: checked arguments, and a job opened for each call."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._support._loops import turn
from .._support._tracebacks import surfaced
from .._support._warnings import asked_here
from ._arguments import check_arguments, check_callback, checked_labels

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from .._data._exchange import Config, Request, Response
    from .._data._types import Kind
    from .._support._portal import Caller
    from ..ledger._contract import AnyLedger
    from ..models import GenerationPlan, Quote
    from ._handles import ImageJob, VideoJob
    from ._job import Job
    from ._queue import Task
    from ._resources import GatewayContext

ROOM = __name__.rpartition(".")[0]
NETWORK = frozenset({"aiohttp"})
WARM = frozenset(
    {
        "filetype",
        *(f"{ROOM}.{name}" for name in ("_callbacks", "_job", "_opening")),
    }
)
"""What takes a fifth of a second to import; an SDK is imported by the first call that needs it."""


def generating(  # noqa: PLR0913, PLR0917  (the public arguments, and what is made)
    shared: GatewayContext,
    kind: Kind,
    config: Config,
    request: Request,
    on_progress: Callable[..., Any] | None,
    ledger: AnyLedger | None,
    key: str | None,
    labels: Mapping[str, str] | None,
) -> Callable[[Caller | None], Coroutine[Any, Any, Response]]:
    """Return the coroutine function that submits and waits, for a given caller."""
    check_arguments(f"generate_{kind}", kind, config, request)
    check_callback(on_progress)

    async def work(caller: Caller | None) -> Response:
        from ._callbacks import to_caller

        # Not `asked_here`, which takes a KiB of each job that waits: the line is on the stack.
        with surfaced():
            async with _job(shared, kind, config, request, ledger, key, labels) as (job, is_new):
                deliver = to_caller(on_progress, caller)
                return await (job.go if is_new else job.wait)(deliver, caller)

    return work


async def submitting(  # noqa: PLR0913, PLR0917  (as above)
    shared: GatewayContext,
    kind: Kind,
    config: Config,
    request: Request,
    ledger: AnyLedger | None,
    key: str | None,
    labels: Mapping[str, str] | None,
) -> VideoJob | ImageJob:
    """Submit, and return the handle on the job."""
    check_arguments(f"submit_{kind}", kind, config, request)
    from ._handles import handle_for

    with surfaced(), asked_here():
        async with _job(shared, kind, config, request, ledger, key, labels) as (job, is_new):
            await (job.accepted() if is_new else job.settle_in())
            return handle_for(job, shared)


async def enqueueing(  # noqa: PLR0913, PLR0917  (as above)
    shared: GatewayContext,
    kind: Kind,
    config: Config,
    request: Request,
    ledger: AnyLedger | None,
    key: str | None,
    labels: Mapping[str, str] | None,
    priority: int = 0,
    schedule_at: datetime | timedelta | None = None,
) -> VideoJob | ImageJob:
    """Write a job down for a worker, or whoever waits for it first; return the handle on it."""
    check_arguments(f"enqueue_{kind}", kind, config, request)
    from ._handles import handle_for
    from ._queue import checked_task

    task = checked_task(priority, schedule_at)
    with surfaced(), asked_here():
        async with _job(shared, kind, config, request, ledger, key, labels, task) as (job, _):
            return handle_for(job, shared)


@asynccontextmanager
async def _job(  # noqa: PLR0913, PLR0917  (as above)
    shared: GatewayContext,
    kind: Kind,
    config: Config,
    request: Request,
    ledger: AnyLedger | None,
    key: str | None,
    labels: Mapping[str, str] | None,
    task: Task | None = None,
) -> AsyncIterator[tuple[Job, bool]]:
    with shared.at_work():
        await warm_up(config)
        await turn()
        from ._job import Job
        from ._opening import begin

        resources = shared.resources(ledger)
        words = checked_labels(labels)
        run, existing = await begin(kind, config, request, resources, key, words, task)
        yield Job(run), existing is None


async def warm_up(config: Config | None = None) -> None:
    """Import what a call needs, in a worker thread: the event loop goes on meanwhile.

    Args:
        config: Who makes it; the mock alone connects to nobody. None for whoever it may be.
    """
    needs = (WARM,) if config is not None and _is_mocked(config) else (NETWORK, WARM)
    # Name by name: `issubset` would make a set of all modules first, at each call.
    missing = [some for some in needs if not all(name in sys.modules for name in some)]
    if missing:
        from asyncio import gather

        from anyio import to_thread

        # Side by side: aiohttp reads the system's certificates twice, which lets others run.
        await gather(*(to_thread.run_sync(_import_all, some) for some in missing))


def _is_mocked(config: Config) -> bool:
    own = config.mock is not None and config.mock.enabled
    return own and all(map(_is_mocked, config.fallback_configs))


def _import_all(names: frozenset[str]) -> None:
    for name in sorted(names):
        import_module(name)


def planned(shared: GatewayContext, kind: Kind, config: Config, request: Request) -> GenerationPlan:
    """Return what would be sent."""
    from ._plan import plan

    check_arguments(f"plan_{kind}", kind, config, request)
    with surfaced(), shared.registry.in_force():
        return plan(
            kind,
            config,
            request,
            shared.registry,
            untrusted=shared.untrusted_requests,
            expect=shared.expected_seconds,
        )


def checked(
    shared: GatewayContext, kind: Kind, config: Config, request: Request
) -> tuple[str, ...]:
    """Return where each config of the chain would send a request that it can be sent."""
    from ._plan import endpoints

    check_arguments(f"plan_{kind}", kind, config, request)
    untrusted = shared.untrusted_requests
    with surfaced(), shared.registry.in_force():
        return endpoints(kind, config, request, shared.registry, untrusted=untrusted)


async def planned_with_times(
    shared: GatewayContext, kind: Kind, config: Config, request: Request
) -> GenerationPlan:
    """Return what would be sent, with what a durable ledger knows of how long it takes."""
    await shared.load_times()
    return planned(shared, kind, config, request)


async def asked(shared: GatewayContext, kind: Kind, config: Config, request: Request) -> Quote:
    """Return what a provider itself quotes for a request."""
    from ._plan import asked_quote

    check_arguments(f"quote_{kind}", kind, config, request)
    with surfaced(), shared.at_work():
        await warm_up()
        untrusted = shared.untrusted_requests
        return await asked_quote(kind, config, request, shared.resources(None), untrusted=untrusted)


def blocking(work: Callable[[Caller], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function on the portal, for the calling thread."""
    from .._support import _portal

    with surfaced(), asked_here():
        return _portal.call(work)
