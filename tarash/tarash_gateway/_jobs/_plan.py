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
from ._going_on import going_on

if TYPE_CHECKING:
    from .._data._exchange import Config, Payload, Request
    from .._data._money import Quote
    from .._data._types import Kind
    from ..providers._contract import Adapter
    from ..providers._registry import Registry


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


def _plan_one(
    kind: Kind,
    config: Config,
    request: Request,
    registry: Registry,
    expect: Callable[[Call], float | None],
) -> _Planned:
    call = Call(kind, config, request, generate_unique_id())
    rules = rules_of(config)
    registry.check_known(config.provider, mocked=call.mocked)
    if not call.mocked and registry.handler(config.provider) is not None:
        unknown = ModelSpec(config.provider, config.model, kind, {})
        by_handler = GenerationPlan(
            provider=config.provider,
            model=config.model,
            endpoint="(registered handler)",
            method="call",
            payload=plan_media(request, None, rules)[0].model_dump(exclude_defaults=True),
            quote=quoted(call, unknown, None),
            expected_seconds=expect(call),
        )
        return _Planned(by_handler, call)

    adapter = adapter_of(call, registry, need_extra=False)
    call = replace(call, request=with_paths(request, rules))
    call, spec = fitted_call(call, registry, adapter)
    rules = replace(rules, mask_form=mask_form_of(spec))
    planned, changes = plan_media(call.request, adapter.accepts, rules)
    payload = checked_payload(adapter, replace(call, request=planned), spec)
    seconds = expect(call)
    made = GenerationPlan(
        provider=config.provider,
        model=spec.model,
        endpoint=join(base_url(adapter, config), payload.path),
        method=payload.method,
        payload=payload.body,
        adjustments=(*call.adjustments, *changes),
        warnings=_warned(config, spec.model),
        quote=with_computing(quoted(call, spec, payload), call, spec, seconds),
        expected_seconds=seconds,
    )
    return _Planned(made, replace(call, request=planned), adapter, payload)
