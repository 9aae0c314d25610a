"""What would be sent, for each config of the chain, without sending it and without a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._data._exchange import Call
from .._engine import (
    EngineContext,
    asked_price,
    checked_payload,
    fitted_call,
    quoted,
    with_computing,
)
from .._http._client import join
from .._http._key_lookup import base_url
from .._support._ids import generate_unique_id
from .._support._warnings import warn
from ..catalog import ModelSpec, ending, mask_form_of, schema_source
from ..media import plan_media, rules_of, with_paths
from ..models import GenerationPlan
from ._adapters import adapter_of
from ._calls import configs_for
from ._continuation import going_on

if TYPE_CHECKING:
    from .._data._exchange import Config, Payload, Request
    from .._data._money import Quote
    from .._data._responses import Adjustment
    from .._data._types import Kind
    from ..providers._contract import Adapter
    from ..providers._registry import Registry


HANDLED = "(registered handler)"
"""In the place of an endpoint, where the application makes it itself."""


def _unknown(_call: Call) -> float | None:
    return None


def plan(  # noqa: PLR0913  (each by its name)
    kind: Kind,
    config: Config,
    request: Request,
    registry: Registry,
    *,
    untrusted: bool,
    expect: Callable[[Call], float | None] = _unknown,
) -> GenerationPlan:
    """Return what would be sent for each config of the chain. Pure: needs no key and no network.

    Args:
        kind: What is made.
        config: The chain's head.
        request: What to make.
        registry: Knows the providers.
        untrusted: Whether others have written the request, whatever the configs say.
        expect: Says how many seconds a call takes; None where nobody knows.

    Raises:
        ValidationError: A provider is unknown, or its model can't take the request.
    """
    configs = going_on(configs_for(config, request, untrusted=untrusted), request, registry)
    plans = [_plan_one(kind, one, request, registry, expect).plan for one in configs]
    return plans[0].model_copy(update={"fallbacks": tuple(plans[1:])})


def endpoints(
    kind: Kind, config: Config, request: Request, registry: Registry, *, untrusted: bool
) -> tuple[str, ...]:
    """Return where each config of the chain would send a request; checks it as `plan` does.

    For what is ordered at once: its price is worked out when it is submitted.

    Raises:
        ValidationError: As `plan`.
    """
    configs = going_on(configs_for(config, request, untrusted=untrusted), request, registry)
    return tuple(_endpoint(kind, one, request, registry) for one in configs)


async def asked_quote(
    kind: Kind, config: Config, request: Request, resources: EngineContext, *, untrusted: bool
) -> Quote:
    """Return what the config's provider quotes where it does so for free, else our own quote.

    Raises:
        ValidationError: As `plan`; never for a price.
    """
    registry = resources.registry
    with registry.in_force():
        head = going_on(configs_for(config, request, untrusted=untrusted), request, registry)[0]
        one = _plan_one(kind, head, request, registry, _unknown)

    if one.payload is None or one.adapter is None:
        note = f"{one.plan.provider} is a registered handler, which nobody can ask for a price"
        return one.plan.quote.model_copy(update={"notes": (note,)})

    return await asked_price(one.adapter, one.call, one.payload, one.plan.quote, resources)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan, and what a provider is asked for its price with; None of a registered handler."""

    plan: GenerationPlan
    call: Call
    adapter: Adapter | None = None
    payload: Payload | None = None


def _warned(config: Config, model: str) -> tuple[str, ...]:
    with schema_source(config.base_url):
        note = ending(config.provider, model)

    if note is None:
        return ()

    warn(note)
    return (note,)


def _endpoint(kind: Kind, config: Config, request: Request, registry: Registry) -> str:
    call = Call(kind, config, request, generate_unique_id())
    if _is_handled(call, registry):
        plan_media(request, None, rules_of(config))
        return HANDLED

    return _mapped(call, registry).endpoint


def _is_handled(call: Call, registry: Registry) -> bool:
    """Tell whether a handler of the application's makes it.

    Raises:
        ValidationError: Nobody knows the provider.
    """
    provider = call.config.provider
    registry.check_known(provider, mocked=call.mocked)
    return not call.mocked and registry.handler(provider) is not None


@dataclass(frozen=True, slots=True)
class _Mapped:
    """A call in the words of its provider."""

    call: Call
    spec: ModelSpec
    adapter: Adapter
    payload: Payload
    changes: tuple[Adjustment, ...]
    """Of its media."""
    media: Request

    @property
    def endpoint(self) -> str:
        """Where it is sent."""
        return join(base_url(self.adapter, self.call.config), self.payload.path)


def _mapped(call: Call, registry: Registry) -> _Mapped:
    adapter = adapter_of(call, registry, need_extra=False)
    rules = rules_of(call.config)
    call = replace(call, request=with_paths(call.request, rules))
    call, spec = fitted_call(call, registry, adapter)
    rules = replace(rules, mask_form=mask_form_of(spec))
    planned, changes = plan_media(call.request, adapter.accepts, rules)
    payload = checked_payload(adapter, replace(call, request=planned), spec)
    return _Mapped(call, spec, adapter, payload, changes, planned)


def _plan_one(
    kind: Kind,
    config: Config,
    request: Request,
    registry: Registry,
    expect: Callable[[Call], float | None],
) -> _Planned:
    call = Call(kind, config, request, generate_unique_id())
    if _is_handled(call, registry):
        unknown = ModelSpec(config.provider, config.model, kind, {})
        by_handler = GenerationPlan(
            provider=config.provider,
            model=config.model,
            endpoint=HANDLED,
            method="call",
            payload=plan_media(request, None, rules_of(config))[0].model_dump(
                exclude_defaults=True
            ),
            quote=quoted(call, unknown, None),
            expected_seconds=expect(call),
        )
        return _Planned(by_handler, call)

    mapped = _mapped(call, registry)
    call, spec, payload = mapped.call, mapped.spec, mapped.payload
    seconds = expect(call)
    made = GenerationPlan(
        provider=config.provider,
        model=spec.model,
        endpoint=mapped.endpoint,
        method=payload.method,
        payload=payload.body,
        adjustments=(*call.adjustments, *mapped.changes),
        warnings=_warned(config, spec.model),
        quote=with_computing(quoted(call, spec, payload), call, spec, seconds),
        expected_seconds=seconds,
    )
    return _Planned(made, replace(call, request=mapped.media), mapped.adapter, payload)
