"""Tells rehearsals from what is paid for: a rehearsal speaks to this machine only.

Their jobs stand in a ledger of their own, so that none is left beside paid ones when the simulator
is gone.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .._http._key_lookup import base_url_variable
from ..ledger._records import JobRecord
from ..models import ImageGenerationConfig, VideoGenerationConfig
from ..providers._registry import default_registry, shipped


def is_local(url: str | None) -> bool:
    """Tell whether a URL leads to this machine."""
    host = urlsplit(url or "").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_rehearsal(config: VideoGenerationConfig | ImageGenerationConfig) -> bool:
    """Tell whether every config of a chain speaks to this machine only."""
    return all(_is_local(one) for one in (config, *config.fallback_configs))


def is_rehearsing() -> bool:
    """Tell whether the environment leads a provider to this machine."""
    # To load all providers takes long, and seldom does any variable lead here.
    here = {name for name, value in os.environ.items() if is_local(value)}
    return bool(here) and any(not here.isdisjoint(_variables(one)) for one in shipped())


def was_rehearsal(record: JobRecord) -> bool:
    """Tell whether a job that was written down led to this machine, as far as it shows."""
    urls = [one.get("base_url") for one in record.chain]
    for entry in record.entries:
        if entry.operation is not None:
            urls += _strings(entry.operation.to_json())

    return any(is_local(url) for url in urls if url is not None)


def _is_local(config: VideoGenerationConfig | ImageGenerationConfig) -> bool:
    if config.mock is not None and config.mock.enabled:
        return True

    names = _variables(config.provider) if config.provider in shipped() else ()
    given = (config.base_url, *map(os.environ.get, names))
    return is_local(next(filter(None, given), None))


def _variables(provider: str) -> tuple[str, ...]:
    adapter = default_registry.adapter(provider, need_extra=False)
    own = adapter.base_url_variable
    return (base_url_variable(adapter.name), *([own] if own else []))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
