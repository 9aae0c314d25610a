"""Has a provider asked what a model takes that nobody knows, once, before anything is fitted to it.

A schema that can't be read stops nothing: the model is mapped by guess then, which its adjustments
tell. Costs nothing, and nothing at all for models that are known.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
from anyio import to_thread
from anyio.lowlevel import RunVar

from ..catalog import is_worth_asking, remember, schema_source

if TYPE_CHECKING:
    from .._data._exchange import Config
    from .._data._types import Kind
    from .._http._credentials import Credentials
    from ..providers._contract import Adapter, LearningAdapter
    from ._attempt import Attempt
    from ._fitting import EngineContext

Key = tuple[str, str, str]

LEARN_SECONDS = 10.0
"""How long a provider may take to answer."""
SILENCE_SECONDS = 300.0
"""For so long nobody is asked again about a model that could not be read."""
MOST_KEPT = 1024

_asking: RunVar[dict[Key, anyio.Lock]] = RunVar("asking")
_unread: dict[Key, float] = {}


async def fetch_schema(
    adapter: Adapter, attempt: Attempt, account: Credentials, resources: EngineContext
) -> None:
    """Read what the attempt's model takes into the catalogue, where its provider can tell."""
    config = attempt.call.config
    registered = resources.registry.registered_mapping(config.provider)
    if "fetch_schema" not in adapter.abilities or attempt.call.mocked:
        return

    asked = cast("LearningAdapter", adapter)
    if not asked.may_learn(account):
        return

    key, kind = (account.base_url, config.provider, config.model), attempt.call.kind
    if not _is_to_be_asked(config, kind, registered, key):
        return

    async with _lock(key):  # many jobs may begin at once with a model that is new
        if not _is_to_be_asked(config, kind, registered, key):
            return

        try:
            with anyio.fail_after(min(LEARN_SECONDS, config.timeout)):
                async with resources.clients.lease(adapter, account) as client:
                    record = await asked.fetch_schema(client, config.model)

            if record is not None:
                keep = partial(remember, base_url=config.base_url)
                await to_thread.run_sync(keep, config.provider, config.model, record)
                attempt.log(logging.INFO, "schema_read")
                return

            trouble = f"{config.provider} has no schema of it"
        except Exception as error:  # noqa: BLE001  (the generation goes on without a schema)
            trouble = f"{type(error).__name__}: {error}"

        if len(_unread) >= MOST_KEPT:
            _unread.clear()

        _unread[key] = time.monotonic() + SILENCE_SECONDS
        attempt.log(logging.WARNING, "schema_unread", reason=trouble)


def _is_to_be_asked(config: Config, kind: Kind, registered: Mapping[str, Any], key: Key) -> bool:
    with schema_source(config.base_url):
        known = not is_worth_asking(config.provider, config.model, kind, registered)

    return not known and not _was_asked(key)


def _was_asked(key: Key) -> bool:
    return time.monotonic() < _unread.get(key, 0)


def _lock(key: Key) -> anyio.Lock:
    """Return the running loop's lock for a model."""
    try:
        locks = _asking.get()
    except LookupError:
        locks = {}
        _asking.set(locks)

    return locks.setdefault(key, anyio.Lock())
