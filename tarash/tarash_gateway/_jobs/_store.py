"""Turns calls into what a ledger keeps, and back: plain JSON, bytes beside it, never a secret."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from .. import exceptions
from .._data._exchange import Call
from .._data._hints import hints_in
from .._engine import FACTS, dumped, error_record, facts_of
from .._engine._key_fingerprints import FINGERPRINT, fingerprint_of, key_for
from ..ledger._contract import RECEIVED, JobRecord
from ..media import has_media
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from ._sharing import shared

if TYPE_CHECKING:
    from .._data._exchange import Config, Request, Response
    from .._data._types import JsonObject, Kind
    from .._support._secrets import Keys
    from ..exceptions import TarashException
    from ..ledger._contract import Ledger, SubmissionRecord
    from ..providers._registry import Registry

MEDIA = "sha256"
"""The one key of what stands for bytes in a stored request."""
PLACE = ("provider", "model", "base_url", "api_version")
"""What two configs have to share for one to look at the other's jobs."""

FACTS_KEPT = "facts"
"""Where the result of a job has what is known of a response whose media are not kept."""

PLAIN = (str, int, float)
"""Of what nearly all of a request is made."""

Read = Callable[[str], Awaitable[bytes]]


async def record_of(
    calls: Sequence[Call], key: str | None, registry: Registry
) -> tuple[JobRecord, dict[str, bytes]]:
    """Return a job as a ledger keeps it, and the bytes in its request by their hash."""
    head = calls[0]
    media: dict[str, bytes] = {}
    # So that requests of earlier versions are the same ones still.
    origin = head.request.continue_from
    asked = head.request.model_dump(mode="python", exclude=None if origin else {"continue_from"})
    may_be_heavy = origin or head.request.extra_params or has_media(head.request)
    if may_be_heavy and _holds_bytes(asked):  # there may be megabytes to hash
        request = await to_thread.run_sync(_packed, asked, media)
    else:
        request = _packed(asked, media)

    identity = json.dumps([head.kind, request], sort_keys=True)
    record = JobRecord(
        id=head.request_id,
        kind=head.kind,
        chain=tuple(
            _dumped(call.config) | {FINGERPRINT: fingerprint_of(call, registry)} for call in calls
        ),
        request=request,
        fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
        idempotency_key=key,
        labels=head.labels,
    )
    return record, media


def _dumped(config: Config) -> JsonObject:
    dumped: JsonObject = config.model_dump(
        mode="json", exclude={"fallback_configs"}, exclude_unset=True, fallback=lambda _: None
    )
    return dumped


def _holds_bytes(value: Any) -> bool:
    if value is None or isinstance(value, PLAIN):
        return False

    if isinstance(value, Mapping):
        return any(_holds_bytes(one) for one in value.values())

    if isinstance(value, list | tuple):
        return any(_holds_bytes(one) for one in value)

    return isinstance(value, bytes | bytearray | memoryview)


def _packed(value: Any, media: dict[str, bytes]) -> Any:
    if value is None or isinstance(value, PLAIN):
        return value

    if isinstance(value, bytes | bytearray | memoryview):
        content = bytes(value)
        name = hashlib.sha256(content).hexdigest()
        media[name] = content
        return {MEDIA: name}

    if isinstance(value, Mapping):
        return {
            str(name): one if one is None or isinstance(one, PLAIN) else _packed(one, media)
            for name, one in value.items()
        }

    if isinstance(value, list | tuple):
        return [_packed(one, media) for one in value]

    return str(value)


_LOST = object()
"""In the place of what can't be read without media that are gone."""


async def _unpacked(value: Any, read: Read, lost: list[str]) -> Any:
    """Return a stored value with its bytes; what they are part of is left out where they are gone.

    Args:
        value: As `_packed` returned it.
        read: Returns bytes by their hash.
        lost: Is given what could not be read.
    """
    if isinstance(value, dict):
        if value.keys() == {MEDIA}:
            try:
                return await read(value[MEDIA])
            except (KeyError, exceptions.TarashException) as error:
                lost.append(str(error))
                return _LOST

        unpacked = {name: await _unpacked(one, read, lost) for name, one in value.items()}
        return _LOST if any(one is _LOST for one in unpacked.values()) else unpacked

    if isinstance(value, list):
        every = [await _unpacked(one, read, lost) for one in value]
        return [one for one in every if one is not _LOST] or (_LOST if every else [])

    return value


async def _request_of(record: JobRecord, ledger: Ledger) -> tuple[Request, str]:
    """Return a stored job's request, and why media of it are missing, if any are.

    Raises:
        TarashException: Media are gone, and nothing of the job was accepted that needs none.
    """
    lost: list[str] = []
    fields = {
        name: unpacked
        for name, value in record.request.items()
        if (unpacked := await _unpacked(value, ledger.media, lost)) is not _LOST
    }
    why = ""
    if lost:
        why = (
            f"the ledger has lost media of the request of {record.id} ({lost[0]}); put the folder "
            "beside the ledger's file back, or order again with the same idempotency key"
        )
        ended = record.state != "open" or record.result is not None
        if not (ended or any(_needs_no_media(entry) for entry in record.entries)):
            raise exceptions.TarashException(f"{why[0].upper()}{why[1:]}", submission="not_sent")

    request_type = VideoGenerationRequest if record.kind == "video" else ImageGenerationRequest
    return request_type.model_validate(fields), why


def _needs_no_media(entry: SubmissionRecord) -> bool:
    """Tell whether a submit may have come to something: a job is asked after by its id alone."""
    return entry.operation is not None or entry.submission not in ("rejected", "not_sent")


async def calls_of(
    record: JobRecord,
    ledger: Ledger,
    keys: Keys,
    known: Sequence[Config] = (),
    request: Request | None = None,
) -> list[Call]:
    """Return the calls of a stored job.

    Args:
        record: The job.
        ledger: Where the bytes of its request are.
        keys: API keys by provider, or by provider and base URL; others are read from the
            environment, as ever.
        known: The chain's configs with their secrets, where they are at hand.
        request: The request with all of its media, where it is at hand.

    Raises:
        TarashException: Bytes of the request are gone, and nothing can be done without them.
    """
    lost = ""
    if request is None:
        request, lost = await _request_of(record, ledger)

    config_type = VideoGenerationConfig if record.kind == "video" else ImageGenerationConfig
    calls = []
    for number, stored_config in enumerate(record.chain, 1):
        mark = stored_config.get(FINGERPRINT) or {}
        dumped = {name: value for name, value in stored_config.items() if name != FINGERPRINT}
        # Whoever picks a job up again may leave again: only `cancel` stops it from now on.
        dumped |= {"on_timeout": "detach", "api_key": key_for(dumped, mark, keys)}
        config: Config = shared(config_type.model_validate(dumped), dumped)
        del dumped  # which whoever shows the variables of frames would show
        if number <= len(known) and _is_alike(known[number - 1], config):
            config = known[number - 1]

        name = f"{record.id}-{number}"
        calls.append(
            Call(
                record.kind,
                config,
                request,
                name,
                number,
                mark=mark,
                lost=lost,
                labels=record.labels,
            )
        )

    calls[0] = replace(calls[0], request_id=record.id)
    return calls


def _is_alike(one: Config, other: Config) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in PLACE)


def ending_of(
    kind: Kind, response: Response | None, error: TarashException | None, *, again: bool = False
) -> JsonObject:
    """Return what a ledger keeps of how a job ended.

    Args:
        kind: What the job makes.
        response: What it came to.
        error: What it failed with.
        again: Whether the response's media can be fetched again by the job's operation: then they
            are left out, and what else the response says is kept.
    """
    ended: JsonObject = {"kind": kind, "ended_at": datetime.now(UTC).isoformat()}
    if response is not None:
        kept = {FACTS_KEPT: facts_of(response)} if again else dumped(kind, response)
        return {**kept, **ended}

    return ended if error is None else {**ended, "error": error_record(error)}


def holds_media(response: Response) -> bool:
    """Tell whether a response carries bytes, which are large."""
    if isinstance(response, VideoGenerationResponse):
        return any(not isinstance(video, str) for video in response.videos)

    return not all(image.startswith(("http://", "https://")) for image in response.images)


async def kept_of(record: JobRecord, ledger: Ledger) -> Response | None:
    """Return what a job that has not ended came to, where the ledger has that."""
    if record.state not in ("open", "unknown"):
        return None

    if record.result is not None and (kept := response_of(record.result)) is not None:
        return kept

    for entry in reversed(record.entries):
        if RECEIVED in entry.heard:
            with suppress(KeyError):  # lost with the folder beside the file
                return response_of(json.loads(await ledger.media(entry.heard[RECEIVED])))

    return None


async def result_of(record: JobRecord, ledger: Ledger) -> Response | None:
    """Return the response that the ledger has of a job, ended or not."""
    ended = None if record.result is None else response_of(record.result)
    return ended or await kept_of(record, ledger)


def is_kept(record: JobRecord) -> bool:
    """Tell whether the ledger has what a job came to, though nobody has got it."""
    return record.result is not None or any(RECEIVED in entry.heard for entry in record.entries)


def response_of(result: JsonObject) -> Response | None:
    """Return the response that `told` was given; None where it was none."""
    stored = result.get("response")
    if stored is None:
        return None

    is_video = result["kind"] == "video"
    response_type = VideoGenerationResponse if is_video else ImageGenerationResponse
    return response_type.model_validate({"raw_response": None, **_revived(stored)})


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"content", "content_type"}:
            return {**value, "content": base64.b64decode(value["content"])}

        return {name: _revived(one) for name, one in value.items()}

    return [_revived(one) for one in value] if isinstance(value, list) else value


def error_of(record: JobRecord) -> TarashException:
    """Return the error that a job ended in, as far as it was kept."""
    stored = (record.result or {}).get("error")
    if stored is None:
        ended = "was cancelled" if record.state == "cancelled" else "has ended without a result"
        return exceptions.TarashException(f"The job {record.id} {ended}", submission="accepted")

    return error_in(stored)


def error_in(stored: JsonObject) -> TarashException:
    named = getattr(exceptions, stored["type"], exceptions.TarashException)
    ids = (stored.get(name) for name in ("provider", "model", "request_id"))
    error: TarashException = named(stored["message"], *ids)
    for name in FACTS:
        if name in stored:
            setattr(error, name, stored[name])

    error.hints = hints_in(stored.get("hints"))
    return error


def nameless(record: JobRecord) -> TarashException:
    """Return the error of who wants to stop a job whose submit had no answer that was kept."""
    last = record.entries[-1].intent
    return exceptions.TarashException(
        f"The provider's job of {record.id} is not known: no answer to its submit was kept, so "
        f"{last.provider} can't be asked to stop it, and it may run and be billed; look at the "
        "provider's dashboard",
        last.provider,
        last.model,
        record.id,
        submission="unknown",
    )


def ended_in(record: JobRecord, seen: TarashException | None) -> TarashException:
    """Return the error that a job ended in: as we have seen it, unless the ledger knows better."""
    kept = error_of(record)
    is_kept = record.result is not None and "error" in record.result
    return kept if seen is None or (is_kept and kept.message != seen.message) else seen
