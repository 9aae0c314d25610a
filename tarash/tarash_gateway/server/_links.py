"""Signed links to results: good for whoever has one, until they expire, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from ._callers import FrontHere
from ._content import result_of, served
from ._documents import ERRORS
from ._refusals import NO_RETRY, Refusal, missing

if TYPE_CHECKING:
    from ._front import Front

router = APIRouter(prefix="/links", tags=["Media"], responses=ERRORS)
DAY_SECONDS = 24 * 3600
LATEST = 2**40


async def link_to(
    front: Front, request: Request, job_id: str, index: int, seconds: int = DAY_SECONDS
) -> tuple[str, int]:
    """Return a link to a result, and when it expires, in seconds since 1970.

    Args:
        front: What the application stands on.
        request: Whose server the link names.
        job_id: The job's id.
        index: Which of its results, from 1.
        seconds: How long it is good.
    """
    expires = int(time.time()) + seconds
    signature = await _signature(front, job_id, index, expires)
    # Its own `base_url` leaves out where this application is mounted in another.
    here = request.url.replace(path=request.scope.get("root_path", ""), query="")
    base = front.settings.public_url or str(here)
    path = f"links/{job_id}/{index}?expires={expires}&signature={signature}"
    return f"{base.rstrip('/')}/{path}", expires


async def _signature(front: Front, job_id: str, index: int, expires: int) -> str:
    secret = await front.signing_secret()
    return hmac.new(secret, f"{job_id}\n{index}\n{expires}".encode(), hashlib.sha256).hexdigest()


@router.get("/{job_id}/{index}", response_class=FileResponse)
@router.head("/{job_id}/{index}", response_class=FileResponse, include_in_schema=False)
async def linked(
    job_id: str,
    index: int,
    front: FrontHere,
    expires: Annotated[int, Query(ge=0, le=LATEST)],
    signature: Annotated[str, Query(min_length=64, max_length=64)],
) -> Response:
    """Return a result to whoever has a link to it; no key is needed."""
    good = await _signature(front, job_id, index, expires)
    if not hmac.compare_digest(good.encode(), signature.encode("utf-8", "replace")):
        raise Refusal(403, "bad_signature", "This link was not made here", headers=NO_RETRY)

    if expires < time.time():
        raise Refusal(403, "link_expired", "This link has expired", headers=NO_RETRY)

    job = await front.gateway.find_job_async(job_id)
    if job is None or job.id != job_id:
        raise missing("result")

    return served(await result_of(front, job, index))
