"""The bytes of results: whole or in ranges, from files of ours, never from a provider's host.

They are had by whoever has the job's key, or a signed link: that is good until it expires, and for
nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from ..exceptions import TarashException
from ._authorization import CallerHere, FrontHere, owned
from ._openapi_docs import ERRORS
from ._refusals import NO_RETRY, Refusal, final, missing
from ._result_folder import type_of
from ._shapes import PREVIEW, WITHOUT_ERROR
from ._words import HTTP

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .._data._job_info import JobInfo
    from ._app_state import AppState

PART = re.compile(r"([0-9]{0,30})[ \t]*-[ \t]*([0-9]{0,30})", re.ASCII)
router = APIRouter(responses=ERRORS)
AS_IT_IS = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
"""For browsers, which otherwise make up their own minds on what a file is."""
DAY_SECONDS = 24 * 3600
LATEST = 2**40


@router.get("/v1/videos/{video_id}/content", response_class=FileResponse, tags=["Videos"])
async def video_content(
    video_id: str,
    app_state: FrontHere,
    caller: CallerHere,
    variant: Literal["video", "thumbnail", "spritesheet"] = "video",
    index: Annotated[int, Query(ge=1, le=10_000, description="Which of several, from 1.")] = 1,
) -> Response:
    """Return a video, or a range of its bytes."""
    job = await owned(app_state, caller, video_id, "video")
    if variant != "video":
        raise final(
            404, "no_such_variant", f"There is no {variant} of this video: only the video itself",
            param="variant",
        )  # fmt: skip

    return served(await result_of(app_state, job, index))


async def result_of(app_state: AppState, job: JobInfo, index: int) -> Path:
    """Return the file of a result.

    Raises:
        Refusal: There is none, or not yet.
    """
    if job.state == "open":
        raise Refusal(
            409,
            "not_ready",
            f"This {job.kind} is still being made",
            headers={**NO_RETRY, PREVIEW: str(round(app_state.settings.poll_seconds * 1000))},
        )

    if job.state != "completed":
        kept = HTTP.kept_message(job.error)
        reason = WITHOUT_ERROR[job.state]["message"] if job.state in WITHOUT_ERROR else kept
        raise final(
            409,
            "no_result",
            f"This {job.kind} was not made: {reason or job.state}",
        )

    files = await app_state.result_folder.files(job) or await _fetched(app_state, job)
    if not 0 < index <= len(files):
        raise missing("result")

    return files[index - 1]


async def _fetched(app_state: AppState, job: JobInfo) -> list[Path]:
    """Return the files of results that are not here any more: asked for again."""
    handle = await app_state.drivers.handle_of(job)
    try:
        return await app_state.result_folder.save(job, await handle.wait_async())
    except TarashException as error:
        raise final(
            502,
            "result_lost",
            f"This {job.kind} was made, and can't be fetched any more: {HTTP.error_text(error)}",
        ) from error


class RangedFile(FileResponse):
    """A file, or the part of it that is asked for; all of it where that is no range (RFC 9110)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer.

        Raises:
            Refusal: The file was deleted since it was looked for.
        """
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name != b"range" or _is_range(value)
        ]
        try:
            self.stat_result = await to_thread.run_sync(os.stat, self.path)
        except FileNotFoundError as error:
            raise missing("result") from error

        self.set_stat_headers(self.stat_result)
        with suppress(
            FileNotFoundError
        ):  # deleted as the answer began, which ends before its length
            await super().__call__({**scope, "headers": headers}, receive, send)


def _is_range(value: bytes) -> bool:
    """Tell whether a header asks for ranges of bytes; anything else is as good as none."""
    unit, _, given = value.decode("latin-1").partition("=")
    ranges = [PART.fullmatch(part.strip()) for part in given.split(",") if part.strip()]
    return unit.strip().lower() == "bytes" and bool(ranges) and all(map(_is_part, ranges))


def _is_part(part: re.Match[str] | None) -> bool:
    if part is None or not (part[1] or part[2]):
        return False

    return not (part[1] and part[2]) or int(part[1]) <= int(part[2])


def served(path: Path) -> FileResponse:
    """Return the answer that holds a file, or the part of it that is asked for."""
    return RangedFile(
        path,
        media_type=type_of(path),
        filename=path.name,
        content_disposition_type="inline",
        headers={**AS_IT_IS, "cache-control": "private, max-age=3600"},
    )


async def link_to(
    app_state: AppState, request: Request, job_id: str, index: int, seconds: int = DAY_SECONDS
) -> tuple[str, int]:
    """Return a link to a result, and when it expires, in seconds since 1970.

    Args:
        app_state: What the application stands on.
        request: Whose server the link names.
        job_id: The job's id.
        index: Which of its results, from 1.
        seconds: How long it is good.
    """
    expires = int(time.time()) + seconds
    signature = await _signature(app_state, job_id, index, expires)
    # Its own `base_url` leaves out where this application is mounted in another.
    here = request.url.replace(path=request.scope.get("root_path", ""), query="")
    base = app_state.settings.public_url or str(here)
    path = f"links/{job_id}/{index}?expires={expires}&signature={signature}"
    return f"{base.rstrip('/')}/{path}", expires


async def _signature(app_state: AppState, job_id: str, index: int, expires: int) -> str:
    secret = await app_state.signing_secret()
    return hmac.new(secret, f"{job_id}\n{index}\n{expires}".encode(), hashlib.sha256).hexdigest()


@router.get("/links/{job_id}/{index}", response_class=FileResponse, tags=["Media"])
async def linked(
    job_id: str,
    index: int,
    app_state: FrontHere,
    expires: Annotated[int, Query(ge=0, le=LATEST)],
    signature: Annotated[str, Query(min_length=64, max_length=64)],
) -> Response:
    """Return a result to whoever has a link to it; no key is needed."""
    good = await _signature(app_state, job_id, index, expires)
    if not hmac.compare_digest(good.encode(), signature.encode("utf-8", "replace")):
        raise final(403, "bad_signature", "This link was not made here")

    if expires < time.time():
        raise final(403, "link_expired", "This link has expired")

    job = await app_state.gateway.find_job_async(job_id)
    if job is None or job.id != job_id:
        raise missing("result")

    return served(await result_of(app_state, job, index))


class Links(BaseModel):
    """Which link is wanted.

    Attributes:
        index: Which result, from 1.
        expires_in: How many seconds it is to be good.
    """

    index: int = Field(default=1, ge=1, le=10_000)
    expires_in: int = Field(default=DAY_SECONDS, ge=1, le=30 * DAY_SECONDS)


@router.get("/api/jobs/{job_id}/media/{index}", response_class=FileResponse, tags=["Media"])
async def media(job_id: str, index: int, app_state: FrontHere, caller: CallerHere) -> Response:
    """Return a result, or a range of its bytes."""
    job = await owned(app_state, caller, job_id)
    return served(await result_of(app_state, job, index))


@router.post("/api/jobs/{job_id}/links", tags=["Media"])
async def link(
    job_id: str,
    request: Request,
    app_state: FrontHere,
    caller: CallerHere,
    wanted: Links | None = None,
) -> dict[str, Any]:
    """Make a link to a result that is good for whoever has it, for some time."""
    job = await owned(app_state, caller, job_id)
    asked = wanted or Links()
    await result_of(app_state, job, asked.index)
    url, expires = await link_to(app_state, request, job.id, asked.index, asked.expires_in)
    return {"url": url, "expires_at": expires, "index": asked.index}
