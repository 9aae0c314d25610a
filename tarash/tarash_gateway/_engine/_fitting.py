"""Adapts a call to its model, and checks what would be sent. Pure: no key, no network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, cast

from .._support._wakeups import Wakeups
from ..catalog import ModelSpec, lookup, same_model_for, schema_source
from ..exceptions import ValidationError
from ..mapping import check_payload, check_sendable, fit, guess_warnings
from ..models import Adjustment
from ._breakers import Breakers
from ._callbacks import Callbacks
from ._concurrency_limits import ConcurrencyLimits
from ._continuing import check_continued
from ._makers import RegistryMakers
from ._times import LearnedTimes

if TYPE_CHECKING:
    from .._data._budgets import Budget
    from .._data._exchange import Call, Payload
    from .._data._policies import Observer, Policy
    from .._http._pools import ClientCache
    from ..ledger._contract import Ledger
    from ..providers._contract import Adapter, RefiningAdapter, RegionalAdapter
    from ..providers._registry import Registry
    from ._attempt import Attempt


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What attempts share: made once by a gateway."""

    registry: Registry
    clients: ClientCache
    ledger: Ledger
    rng: Random
    untrusted_requests: bool = False
    """Whether others have written the requests, whatever the configs say."""
    observers: tuple[Observer, ...] = ()
    """Who hears of every event, the policies among them."""
    policies: tuple[Policy, ...] = ()
    budgets: tuple[Budget, ...] = ()
    """Who lets attempts in."""
    wakeups: Wakeups = field(default_factory=Wakeups)
    """Who waits for which job."""
    callbacks: Callbacks = field(default_factory=Callbacks)
    """Where providers are asked to call back, and whose calls arrive."""
    concurrency_limits: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    """How many jobs may be in flight."""
    breakers: Breakers = field(default_factory=Breakers)
    """Who counts as down."""
    times: LearnedTimes = field(default_factory=LearnedTimes)
    """How long jobs take."""
    max_media_bytes: int | None = None
    """For stored jobs: how large a result may be, in place of what their configs say."""

    def makers(self, call: Call) -> RegistryMakers:
        """Return the providers of the registry, as the media of a call's result see them."""
        return RegistryMakers(self.registry, call)


def fitted_call(call: Call, registry: Registry, adapter: Adapter) -> tuple[Call, ModelSpec]:
    """Return the call with its requested values adapted to the model, and the model's spec. Pure.

    Raises:
        ValidationError: The model can't take the request.
    """
    with schema_source(call.config.base_url):
        return _fitted_call(call, registry, adapter)


def _fitted_call(call: Call, registry: Registry, adapter: Adapter) -> tuple[Call, ModelSpec]:
    config = call.config
    registered = registry.registered_mapping(config.provider)
    spec = lookup(config.provider, config.model, call.kind, registered, call.request)
    if call.mocked and spec.generic:
        # Nothing is known to adapt to, and the mock makes anything.
        return replace(call, adjustments=tuple(guess_warnings(spec))), spec

    moved: tuple[Adjustment, ...] = ()
    other = same_model_for(spec, call.request) if config.auto_variant else None
    if other is not None:
        reason = f"{spec.model} can't take what is in the request, and {other} can"
        moved = (Adjustment(field="model", requested=spec.model, sent=other, reason=reason),)
        spec = lookup(config.provider, other, call.kind, registered)

    if "resolve_spec" in adapter.abilities:
        spec = cast("RefiningAdapter", adapter).resolve_spec(call, spec)

    if not call.mocked:
        check_continued(call, spec, adapter, registry)

    region = None
    if "region_of" in adapter.abilities:
        region = cast("RegionalAdapter", adapter).region_of(config)

    request, adjustments = fit(call.request, spec, strict=config.strict)
    every = (*moved, *adjustments)
    return replace(call, request=request, adjustments=every, region=region), spec


def checked_payload(adapter: Adapter, call: Call, spec: ModelSpec) -> Payload:
    """Return what would be sent, checked against the schema of the model's input. Pure.

    Raises:
        ValidationError: The model would refuse it; the message names the parameter.
    """
    payload = adapter.build(call, spec)
    if not call.mocked:
        body = payload.body if payload.inside is None else payload.body[payload.inside]
        check_sendable(payload.body, call.request.extra_params)
        check_payload(body, spec.schema, spec.model, call.request.extra_params)

    return payload


def fitted(attempt: Attempt, registry: Registry, adapter: Adapter) -> tuple[Call, ModelSpec]:
    """Return the attempt's call, adapted to the model once for all, and the model's spec.

    Raises:
        ValidationError: The model can't take the request, and it has not been sent yet.
    """
    config = attempt.call.config
    if attempt.fitted is None:
        try:
            attempt.fitted, spec = fitted_call(attempt.call, registry, adapter)
        except ValidationError:
            if attempt.operation is None:
                raise

            attempt.fitted = attempt.call  # what was sent is not ours to question any more
        else:
            return attempt.fitted, spec

    registered = registry.registered_mapping(config.provider)
    kind, request = attempt.call.kind, attempt.call.request
    with schema_source(config.base_url):
        return attempt.fitted, lookup(config.provider, config.model, kind, registered, request)
