"""The bytes of results: whole or in ranges, from files of ours, never from a provider's host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response

from ..exceptions import TarashException
from ._callers import CallerHere, FrontHere
from ._documents import ERRORS
from ._refusals import NO_RETRY, Refusal, missing
from ._result_folder import type_of
from ._shapes import WITHOUT_ERROR
from ._videos import PREVIEW, owned
from ._words import HTTP

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .._data._job_info import JobInfo
    from ._front import Front

PART = re.compile(r"([0-9]{0,30})[ \t]*-[ \t]*([0-9]{0,30})", re.ASCII)
router = APIRouter(prefix="/v1/videos", tags=["Videos"], responses=ERRORS)
AS_IT_IS = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
"""For browsers, which otherwise make up their own minds on what a file is."""


@router.get("/{video_id}/content", response_class=FileResponse)
@router.head("/{video_id}/content", response_class=FileResponse, include_in_schema=False)
async def video_content(
    video_id: str,
    front: FrontHere,
    caller: CallerHere,
    variant: Literal["video", "thumbnail", "spritesheet"] = "video",
    index: Annotated[int, Query(ge=1, le=10_000, description="Which of several, from 1.")] = 1,
) -> Response:
    """Return a video, or a range of its bytes."""
    job = await owned(front, caller, video_id)
    if variant != "video":
        raise Refusal(
            404, "no_such_variant", f"There is no {variant} of this video: only the video itself",
            param="variant", headers=NO_RETRY,
        )  # fmt: skip

    return served(await result_of(front, job, index))


async def result_of(front: Front, job: JobInfo, index: int) -> Path:
    """Return the file of a result.

    Raises:
        Refusal: There is none, or not yet.
    """
    if job.state == "open":
        raise Refusal(
            409,
            "not_ready",
            f"This {job.kind} is still being made",
            headers={**NO_RETRY, PREVIEW: str(round(front.settings.poll_seconds * 1000))},
        )

    if job.state != "completed":
        kept = HTTP.kept_message(job.error)
        reason = WITHOUT_ERROR[job.state]["message"] if job.state in WITHOUT_ERROR else kept
        raise Refusal(
            409,
            "no_result",
            f"This {job.kind} was not made: {reason or job.state}",
            headers=NO_RETRY,
        )

    files = await front.result_folder.files(job) or await _fetched(front, job)
    if not 0 < index <= len(files):
        raise missing("result")

    return files[index - 1]


async def _fetched(front: Front, job: JobInfo) -> list[Path]:
    """Return the files of results that are not here any more: asked for again."""
    handle = await front.gateway.resume_async(job.id, api_keys=front.models.keys_of(job))
    try:
        return await front.result_folder.save(job, await handle.wait_async())
    except TarashException as error:
        raise Refusal(
            502,
            "result_lost",
            f"This {job.kind} was made, and can't be fetched any more: {HTTP.spoken(error)}",
            headers=NO_RETRY,
        ) from error


class RangedFile(FileResponse):
    """A file, or the part of it that is asked for; all of it where that is no range (RFC 9110)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        headers = [one for one in scope["headers"] if one[0] != b"range" or _is_range(one[1])]
        await super().__call__({**scope, "headers": headers}, receive, send)


def _is_range(value: bytes) -> bool:
    """Tell whether a header asks for ranges of bytes; anything else is as good as none."""
    unit, _, given = value.decode("latin-1").partition("=")
    ranges = [PART.fullmatch(one.strip()) for one in given.split(",") if one.strip()]
    return unit.strip().lower() == "bytes" and bool(ranges) and all(map(_is_part, ranges))


def _is_part(part: re.Match[str] | None) -> bool:
    if part is None or not (part[1] or part[2]):
        return False

    return not (part[1] and part[2]) or int(part[1]) <= int(part[2])


def served(path: Path, headers: dict[str, str] | None = None) -> FileResponse:
    """Return the answer that holds a file, or the part of it that is asked for."""
    return RangedFile(
        path,
        media_type=type_of(path),
        filename=path.name,
        content_disposition_type="inline",
        headers={**AS_IT_IS, "cache-control": "private, max-age=3600", **(headers or {})},
    )
