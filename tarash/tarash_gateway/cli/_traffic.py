"""Limits, hedges and breakers of one command: which of them make sense, and who goes by them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from .. import api
from .._data._limits import Breaker
from ._errors import CommandError
from ._options import Options
from ._places import WantedPlace

ON_OPEN = ("try", "fail")


def check_traffic(options: Options) -> None:
    """Check the options that bound what runs at a time.

    Raises:
        CommandError: One of them could do nothing as the others are.
    """
    if options.queue_timeout is not None and options.in_flight is None:
        raise CommandError("--queue-timeout is for --in-flight: without it nothing waits here")

    if options.on_open is not None:
        _check_on_open(options.on_open, enqueue=options.enqueue)

    if options.hedge_after is None:
        return

    if not options.fallback:
        raise CommandError(
            "--hedge-after starts a --fallback beside a slow job, and there is none: add "
            "--fallback PROVIDER:MODEL"
        )

    if options.failover != "always":
        raise CommandError(
            f"--hedge-after buys a second job while the first may be billed, which --failover "
            f"{options.failover} rules out: leave one of them out"
        )

    if options.detach:
        raise CommandError(
            "--detach leaves before a job could be slow: leave out --hedge-after or --detach"
        )


def _check_on_open(given: str, *, enqueue: bool) -> None:
    if given not in ON_OPEN:
        raise CommandError(f"--on-open: {given!r} is neither of {' and '.join(ON_OPEN)}")

    if enqueue:
        raise CommandError(
            "--on-open is for what is sent now, and --enqueue sends nothing: leave one of them out"
        )


@asynccontextmanager
async def calling(
    options: Options, verb: str, place: WantedPlace | None = None
) -> AsyncIterator[Any]:
    """Yield the function that carries out a command.

    Args:
        options: The command's.
        verb: `generate`, `submit` or `enqueue`.
        place: Writes down with the job where its result is to go; None writes nothing.
    """
    name = f"{verb}_{options.kind}_async"
    if options.on_open is None and place is None:
        yield getattr(api, name)
        return

    observers = () if place is None else (place,)
    if options.on_open is None:
        yield getattr(api.Gateway(observers=observers), name)
        return

    breaker = Breaker(on_open=cast("Any", options.on_open))
    async with api.Gateway(breaker=breaker, observers=observers) as gateway:
        yield getattr(gateway, name)
