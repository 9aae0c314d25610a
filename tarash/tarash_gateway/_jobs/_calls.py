"""The chain of configs as calls: checked as a whole before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._data._exchange import Call
from .._support._ids import generate_unique_id
from ..media import check_untrusted
from ._continuation import going_on

if TYPE_CHECKING:
    from .._data._exchange import Config, Request
    from .._data._types import Kind
    from ..providers._registry import Registry


def chain_of(config: Config) -> Iterator[Config]:
    """Yield the configs in the order in which they are tried: depth first."""
    yield config
    for fallback in config.fallback_configs:
        yield from chain_of(fallback)


def configs_for(config: Config, request: Request, *, untrusted: bool) -> list[Config]:
    """Return the configs in the order in which they are tried, as the request has to be treated.

    Args:
        config: The chain's head.
        request: What is asked of them.
        untrusted: Whether others have written it, whatever the configs say.

    Raises:
        ValidationError: It is untrusted, and carries what no such request may.
    """
    configs = list(chain_of(config))
    if not untrusted and not any(one.untrusted_requests for one in configs):
        return configs

    check_untrusted(request, config.allowed_extra_params)
    return [guarded(one) for one in configs]


def guarded(config: Config) -> Config:
    """Return a config by which requests count as written by others."""
    changes = {"untrusted_requests": True}
    if "allow_private_urls" not in config.model_fields_set:
        changes["allow_private_urls"] = False

    return config.model_copy(update=changes)


def calls_for(
    kind: Kind, config: Config, request: Request, registry: Registry, *, untrusted: bool
) -> list[Call]:
    """Return one call for each config.

    Raises:
        ValidationError: Nobody knows one of the providers, or its extra is missing: raised before
            anything is sent, also of a fallback; or as `configs_for`.
    """
    configs = going_on(configs_for(config, request, untrusted=untrusted), request, registry)
    calls = [
        Call(kind, one, request, generate_unique_id(), number)
        for number, one in enumerate(configs, 1)
    ]
    for call in calls:
        provider = call.config.provider
        registry.check_known(provider, mocked=call.mocked)
        if not call.mocked and registry.handler(provider) is None:
            registry.adapter(provider)

    return calls
