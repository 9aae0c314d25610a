"""Which configs can go on from an earlier result: those of its provider, on its host. Pure.

Whoever can't is refused, or left out, before anything is sent: it would make something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .._http._key_lookup import base_url
from .._support._warnings import warn
from ..exceptions import UnsupportedOperationError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._data._continuing import Continuation
    from .._data._exchange import Config, Request
    from ..providers._registry import Registry


def going_on(configs: Sequence[Config], request: Request, registry: Registry) -> list[Config]:
    """Return the configs that can go on from what a request continues; all where it is nothing.

    Raises:
        ValidationError: The first of them can't.
    """
    source = request.continue_from
    if source is None:
        return list(configs)

    kept = []
    for number, config in enumerate(configs):
        why = _why_not(config, source, registry)
        if why is None:
            kept.append(config)
        elif number == 0:
            raise UnsupportedOperationError(
                f"continue_from: {why}",
                config.provider,
                config.model,
                submission="not_sent",
                code="cannot_continue",
                field="continue_from",
            )
        else:
            warn(f"The fallback {config.provider} {config.model} is left out: {why}")

    return kept


def _why_not(config: Config, source: Continuation, registry: Registry) -> str | None:
    """Return why a config can't go on from a result; None where nothing speaks against it."""
    if config.mock is not None and config.mock.enabled:
        return None

    if source.is_mock:
        return "the mock made that result, so no provider has it; continue it with the mock"

    if _name(config.provider, registry) != _name(source.provider, registry):
        return (
            f"{source.provider} made that result, and {config.provider} does not have it; use a "
            f"config of {source.provider}, or give the result as video="
        )

    host = _host(config, registry)
    if None in (host, source.host) or host == source.host:
        return None

    return f"that result is at {source.host}, and this config leads to {host}, which has others"


def _host(config: Config, registry: Registry) -> str | None:
    """Return the host that a config leads to; None where nobody says it."""
    if registry.row(config.provider) is None:
        return None

    adapter = registry.adapter(config.provider, need_extra=False)
    try:
        return urlsplit(base_url(adapter, config)).netloc.rpartition("@")[2]
    except ValidationError:
        return None  # which the attempt itself will say


def _name(provider: str, registry: Registry) -> str:
    row = registry.row(provider)
    return provider if row is None else row.name
