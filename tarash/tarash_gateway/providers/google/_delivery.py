"""What a poll of a job says, with its media fetched where only our key opens them.

Files of the Gemini API want the key, objects in a bucket the token; both go to Google's own hosts
or to that of `base_url` only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from anyio import to_thread

from ..._data._exchange import RawResult, Snapshot
from ..._http._client import HttpClient, HttpResponse, checked, join, shorten, unreadable
from ..._http._send_state import fetching_result
from ..._http._urls import quoted
from ...exceptions import AuthenticationError, GenerationFailedError, TarashException
from .._finding import operation_of
from .._result_facts import id_in, unknown_in
from ._places import STORAGE
from ._refusals import no_media
from ._results import ENDED, ENDED_BADLY, ResultMedium, decode, parts_of
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._exchange import Call, Operation, Payload
    from ..._data._types import Billing, JobStatus, JsonObject, Kind, MediaContent
    from ._client import GoogleClient
    from ._places import Surface

STATUSES: Mapping[str, JobStatus] = {
    "queued": "queued",
    "in_progress": "processing",
    "completed": "completed",
    **dict.fromkeys(ENDED_BADLY, "failed"),
}
FILE = re.compile(r"(?P<file>https?://.*/files/[^/:?]+)(?::download)?(?:\?.*)?")
CLOSED = frozenset({401, 403, 404})
UNBILLED_CODES = frozenset({3})
"""INVALID_ARGUMENT: the prompt was refused before anything was made."""


async def read_interaction(client: GoogleClient, raw: JsonObject) -> Snapshot:
    """Return what an interaction says; media come first, since any status may have them."""
    status = str(raw.get("status"))
    if raw.get("status") is None:
        if not raw.get("error"):
            raise unreadable(200, raw)

        return Snapshot("failed", raw=raw, error=no_media(raw, "video"))

    if status not in ENDED:
        unknown = unknown_in(STATUSES, status)
        return Snapshot(STATUSES.get(status, "processing"), raw=raw, unknown=unknown)

    return await settle(client, raw, "video")


async def read_operation(client: GoogleClient, raw: JsonObject) -> Snapshot:
    """Return what a long-running operation says: it has no words for how far it is."""
    if not (raw.get("done") or raw.get("error") or parts_of(raw, "video")):
        if not raw.get("name"):
            raise unreadable(200, raw)

        return Snapshot("processing", raw=raw)

    # Google charges nothing for refused prompts, nor for videos that were filtered, which says the
    # error itself.
    error = raw.get("error")
    unbilled = isinstance(error, dict) and error.get("code") in UNBILLED_CODES
    return await settle(client, raw, "video", "none" if unbilled else None)


async def settle(
    client: GoogleClient, raw: JsonObject, kind: Kind, unbilled: Billing | None = None
) -> Snapshot:
    """Return the end of a job: its media, or why there are none.

    A file that Google still works on makes it no end yet.
    """
    parts = parts_of(raw, kind)
    if not parts:
        error = no_media(raw, kind)
        # Interactions have their id, and of operations only this says that they have ended.
        named = None if raw.get("status") is None else id_in(raw, ("id",))
        return Snapshot(
            "failed",
            raw=raw,
            error=error,
            billing=unbilled or error.billing,
            job_id=named,
            certain=raw.get("done") is True,
        )

    fetching_result()
    media: list[MediaContent] = []
    about: JsonObject = {}
    for part in parts:
        if part.data:
            content = await to_thread.run_sync(decode, part)
            media.append({"content": content, "content_type": part.content_type})
            continue

        try:
            fetched = await _fetch(client, part, about)
        except GenerationFailedError as error:
            return Snapshot("failed", raw=raw, error=error, certain=True)
        except TarashException as trouble:
            pause = trouble.retry_after
            return Snapshot("processing", raw=raw, retry_after=pause, trouble=trouble)

        if fetched is None:
            return Snapshot("processing", raw=raw)

        media.append(fetched)

    return Snapshot(
        "completed", raw=raw, progress=100, finished=RawResult(raw, about, tuple(media))
    )


async def settled(client: GoogleClient, raw: JsonObject, kind: Kind) -> RawResult:
    """Return what the answer to a submit has settled; without media too: `parse` says why.

    Raises:
        TarashException: It is made and paid for, and only fetching the result went wrong.
    """
    if all(part.data for part in parts_of(raw, kind)):
        return RawResult(raw)

    try:
        snapshot = await settle(client, raw, kind)
        error = snapshot.trouble or snapshot.error
    except TarashException as failure:
        failure.submission = "accepted"
        raise

    if snapshot.finished is not None:
        return snapshot.finished

    error = error or GenerationFailedError(
        "Google made it, and its file is not ready: leave `store` as it is, so that the job can be "
        "looked at again",
        raw_response=raw,
    )
    error.submission = "accepted"
    raise error


async def _fetch(
    client: GoogleClient, part: ResultMedium, about_job: JsonObject
) -> MediaContent | None:
    """Return a medium that is stored at Google's; None while it is not ready."""
    http = await client.http(classify_answer)
    uri = part.uri or ""
    if uri.startswith("gs://"):
        return await _fetch_object(http, part, about_job)

    match = FILE.fullmatch(uri)
    if match is not None:
        about = await http.get(match["file"], any_status=True)
        if not _ready(about, about_job):
            return None

        uri = f"{match['file']}:download?alt=media"

    answer = checked(await http.get(uri, any_status=True), classify_answer)
    return _content(answer, part)


def _ready(answer: HttpResponse, about: JsonObject) -> bool:
    """Tell whether a file can be downloaded; an answer that doesn't say leaves it to be tried."""
    file = answer.body if isinstance(answer.body, dict) else {}
    if file.get("state") == "FAILED":
        raise GenerationFailedError(
            f"Google made the video, and could not store it: {shorten(file)}", raw_response=file
        )

    if file.get("expirationTime"):
        about["expires_at"] = file["expirationTime"]

    return file.get("state") != "PROCESSING"


async def _fetch_object(http: HttpClient, part: ResultMedium, about: JsonObject) -> MediaContent:
    uri = part.uri or ""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    storage = str(http.account.settings.get("storage_url") or STORAGE).rstrip("/")
    place = f"{storage}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}?alt=media"
    about.setdefault("gcs_uris", []).append(uri)
    answer = await http.get(place, any_status=True)
    if answer.status in CLOSED:
        raise AuthenticationError(
            f"The video is made and stored at {uri}, and the credentials may not read it (HTTP "
            f"{answer.status}): fetch it from there; asking again would buy another one",
            raw_response=answer.body,
            status_code=403,
        )

    return _content(checked(answer, classify_answer), part)


def _content(answer: HttpResponse, part: ResultMedium) -> MediaContent:
    if not answer.content:
        raise unreadable(answer.status, answer.body)

    sent = answer.content_type or ""
    content_type = sent if sent.startswith(("video/", "image/")) else part.content_type
    return {"content": answer.content, "content_type": content_type}


def addressed_operation(
    client: GoogleClient, payload: Payload, call: Call, job_id: str
) -> Operation:
    """Return the job with the addresses that its protocol has for it."""
    path = payload.path
    urls: dict[str, str] = {}
    if path.endswith("/interactions"):
        surface = "interactions"
        urls["status"] = join(client.account.base_url, f"{path}/{quoted(job_id)}")
        urls["cancel"] = f"{urls['status']}/cancel"
    elif client.vertex:
        surface = "fetch"
        fetch = path.replace(":predictLongRunning", ":fetchPredictOperation")
        urls["status"] = join(client.account.base_url, fetch)
    else:
        surface = "get"
        version = path.partition("/")[0]
        urls["status"] = join(client.account.base_url, f"{version}/{quoted(job_id, safe='/')}")

    return replace(operation_of(client, call, job_id, surface=surface), urls=urls)


def has_ended(surface: Surface, accepted: JsonObject) -> bool:
    """Tell whether the answer to a submit says that the job has ended."""
    if surface == "interactions":
        return str(accepted.get("status")) in ENDED

    return accepted.get("done") is True


async def ask(client: GoogleClient, operation: Operation) -> JsonObject:
    """Return what a job says of itself now.

    Raises:
        ContentModerationError: Its prompt was refused.
    """
    http = await client.http(classify_answer)
    url = operation.urls["status"]
    if operation.data["surface"] == "fetch":
        return (await http.post(url, json={"operationName": operation.id})).object()

    return (await http.get(url)).object()


async def read(client: GoogleClient, operation: Operation, body: Mapping[str, Any]) -> Snapshot:
    """Return what a job says of itself, with the media that only our key opens."""
    is_interaction = operation.data["surface"] == "interactions"
    return await (read_interaction if is_interaction else read_operation)(client, dict(body))
