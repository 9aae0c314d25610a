"""Creates jobs so that none is bought twice by accident, and none is lost to a client that leaves.

A create is known by an idempotency key of the client's, or, where a client of OpenAI's says that
it tries again, by what it asks for. Behind either stands a name of ours, which the library takes as
its idempotency key: two requests with one name are one job, however they meet.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._jobs._gateway import endpoints_of
from ..exceptions import TarashException
from ..media._untrusted import names_public_host
from ._key_store import KEY_LABEL, MODEL_LABEL
from ._refusals import final, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request

    from .._data._exchange import Request as Asked
    from .._data._types import Kind
    from ._app_state import AppState
    from ._authorization import Caller
    from ._driving import Driven

KEYS = "server.idempotency"
REPEATS = "server.repeats"
KEPT = timedelta(hours=24)
"""How long an idempotency key is known."""
NAMES = "server.names"
NAMED = timedelta(days=7)
"""How long it is known which job a name stands for, also where that was deleted."""
WINDOW = timedelta(minutes=10)
"""How long a request may be repeated that has none."""
LONGEST_KEY = 255
TRIES = "x-stainless-retry-count"
"""The header by which OpenAI's clients say how often they have tried before."""
ORDERS = "orders"
"""The mark on a request that is about to order something."""
SIZE_LABEL = "size"
REMIXED_LABEL = "remixed_from"
"""The label of a video that says from which one it was made."""
OWN_LABELS = frozenset({KEY_LABEL, MODEL_LABEL, SIZE_LABEL, REMIXED_LABEL})
MOST_LABELS = 16
LONGEST_NAME = 64
LONGEST_LABEL = 256


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made, and by whom.

    Attributes:
        kind: What it makes.
        config: Who makes it.
        asked: What to make.
        labels: For the job, beside the caller's.
    """

    kind: Kind
    config: Any
    asked: Asked
    labels: dict[str, str]


async def create(app_state: AppState, caller: Caller, order: Order, name: Name) -> Driven:
    """Write a job down and drive it until a provider has answered to its submit, for some time.

    Args:
        app_state: What the application stands on.
        caller: Whose job it is.
        order: What is to be made.
        name: What `named` returned.

    Raises:
        TarashException: It can't be made so, or nobody accepted it.
    """
    gateway: Any = app_state.gateway
    # What it costs is worked out with its submit.
    endpoints = endpoints_of(app_state.gateway, order.kind, order.config, order.asked)
    config = _reaching(order.config, endpoints)
    if not name.is_new:
        await _check_kept(app_state, name.text)

    is_video = order.kind == "video"
    enqueue = gateway.enqueue_video_async if is_video else gateway.enqueue_image_async
    owned = {**order.labels, KEY_LABEL: caller.id}
    handle = await enqueue(config, order.asked, idempotency_key=name.text, labels=owned)
    if app_state.webhooks is not None:
        await app_state.webhooks.expect(handle.id)

    driven = app_state.drivers.drive(handle)
    # Beside the submit: it is written down before the answer, and nobody deletes a job before that.
    keeping = asyncio.create_task(_keep_name(app_state, name.text, handle.id))
    if name.request is not None:
        app_state.room.keep_until(name.request.scope, driven.accepted)

    try:
        await driven.until_accepted(app_state.settings.create_seconds)
    except TarashException:
        if await _has_ended(app_state, handle.id):
            raise
    finally:
        await asyncio.shield(keeping)

    return driven


async def _keep_name(app_state: AppState, name: str, job_id: str) -> None:
    """Write down which job a name stands for: it is known where that was deleted, too."""
    until = datetime.now(UTC) + NAMED
    with suppress(TarashException):  # the job is there, and its client is to hear of it
        await app_state.states.write_state(NAMES, name, {"job": job_id}, until=until)


async def _has_ended(app_state: AppState, job_id: str) -> bool:
    """Tell whether a job that could not be driven is to be left so; else the sweep goes on with it.

    Whoever was answered an error for a job that goes on would order it again.
    """
    job = await app_state.gateway.find_job_async(job_id)
    return job is None or job.state != "open"


async def _check_kept(app_state: AppState, name: str) -> None:
    """Check that what a create repeats was not deleted: it would be bought once more.

    Raises:
        Refusal: It was.
    """
    record = await app_state.states.read_state(NAMES, name)
    if record is None or await app_state.gateway.find_job_async(record.value["job"]) is not None:
        return

    raise final(
        410,
        "deleted",
        "What this request repeats was made and deleted, and is not made again; to have another "
        "one, send it as a request of its own",
    )


def _reaching(config: Any, endpoints: Sequence[str]) -> Any:
    """Return a config whose results may come from where its base URL leads, private or not.

    Whoever runs the gateway has said so; what clients name is public in any case.
    """
    host = urlsplit(endpoints[0]).hostname or ""
    changed: dict[str, Any] = {
        "fallback_configs": tuple(
            _reaching(fallback, (its,))
            for fallback, its in zip(config.fallback_configs, endpoints[1:], strict=True)
        )
    }
    if config.mock is None and not names_public_host(host):
        changed["allow_private_urls"] = True

    return config.model_copy(update=changed)


def orders(request: Request) -> bool:
    """Tell whether a request may have ordered something."""
    return bool(getattr(request.state, ORDERS, False))


def is_known(request: Request) -> bool:
    """Tell whether a request that is repeated finds what it has ordered, and orders nothing."""
    return any(name in request.headers for name in ("idempotency-key", TRIES))


@dataclass(frozen=True, slots=True)
class Name:
    """What a create is known by.

    Attributes:
        text: The name.
        is_new: Whether no request had it before.
        request: Who holds the memory for what it brings, until a provider has that.
    """

    text: str
    is_new: bool = False
    request: Request | None = None


async def named(
    app_state: AppState, caller: Caller, request: Request, fields: dict[str, Any]
) -> Name:
    """Return the name of a create: that of the request that it repeats, or a new one.

    Raises:
        Refusal: Its idempotency key is another request's.
    """
    name = await _name(app_state, caller, request, fields)
    setattr(request.state, ORDERS, True)  # what fails before this has bought nothing
    return replace(name, request=request)


async def _name(
    app_state: AppState, caller: Caller, request: Request, fields: dict[str, Any]
) -> Name:
    digest = _digest(request.url.path, fields)
    key = request.headers.get("idempotency-key")
    if key is not None:
        return await _by_key(app_state, caller, key, digest)

    place = _digest(caller.id, digest)
    tries = request.headers.get(TRIES, "0")
    if tries.isdigit() and int(tries) > 0:
        record = await app_state.states.read_state(REPEATS, place)
        if record is not None:
            return Name(str(record.value["name"]))

    name = secrets.token_hex(16)
    until = datetime.now(UTC) + WINDOW
    await app_state.states.write_state(REPEATS, place, {"name": name}, until=until)
    return Name(name, is_new=True)


async def _by_key(app_state: AppState, caller: Caller, key: str, fingerprint: str) -> Name:
    if not 0 < len(key) <= LONGEST_KEY:
        raise invalid(f"Idempotency-Key is a text of 1 to {LONGEST_KEY} characters")

    place = _digest(caller.id, key)
    made = {"name": secrets.token_hex(16), "told": fingerprint}
    until = datetime.now(UTC) + KEPT
    if await app_state.states.write_state(KEYS, place, made, expected=0, until=until) is not None:
        return Name(made["name"], is_new=True)

    record = await app_state.states.read_state(KEYS, place)
    if record is None:  # it expired in this moment
        return await _by_key(app_state, caller, key, fingerprint)

    if record.value["told"] != fingerprint:
        raise final(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key belongs to another request, which is not repeated by this one; "
            "use a key of its own for each request",
        )

    return Name(str(record.value["name"]))


def _digest(*parts: Any) -> str:
    """Return a hash of what a request says: of its fields, not of the bytes that they came in."""
    text = json.dumps(parts, sort_keys=True, default=_digest_of_bytes)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _digest_of_bytes(value: Any) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)


def labels_of(metadata: dict[str, str], model: str, size: str | None = None) -> dict[str, str]:
    """Return the labels of a job: the client's own, and what is to be shown of it again.

    Raises:
        Refusal: The client's can't be kept, or have names that are ours.
    """
    taken = OWN_LABELS.intersection(metadata)
    if taken:
        raise invalid(f"metadata: {min(taken)!r} is a name of the gateway's own", "metadata")

    fit = all(
        0 < len(name) <= LONGEST_NAME and len(value) <= LONGEST_LABEL
        for name, value in metadata.items()
    )
    if len(metadata) > MOST_LABELS or not fit:
        raise invalid(
            f"metadata: at most {MOST_LABELS} names of 1 to {LONGEST_NAME} characters, with texts "
            f"of up to {LONGEST_LABEL}",
            "metadata",
        )

    return {**metadata, MODEL_LABEL: model, **({SIZE_LABEL: size} if size else {})}
