"""Who speaks to the provider of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._data._exchange import Call
    from ..providers._contract import Adapter
    from ..providers._registry import Registry


def adapter_of(call: Call, registry: Registry, *, need_extra: bool = True) -> Adapter:
    """Return who speaks to the call's provider: the mock, or a built-in adapter."""
    if call.mocked:
        from ..providers.mock import adapter

        return adapter

    return registry.adapter(call.config.provider, need_extra=need_extra)
