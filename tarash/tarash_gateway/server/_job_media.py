"""The results of jobs on our own routes, and signed links to them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from ._callers import CallerHere, FrontHere
from ._content import result_of, served
from ._documents import ERRORS
from ._jobs import Links, own_job
from ._links import link_to

router = APIRouter(prefix="/api/jobs", tags=["Media"], responses=ERRORS)


@router.get("/{job_id}/media/{index}", response_class=FileResponse)
@router.head("/{job_id}/media/{index}", response_class=FileResponse, include_in_schema=False)
async def media(job_id: str, index: int, front: FrontHere, caller: CallerHere) -> Response:
    """Return a result, or a range of its bytes."""
    job = await own_job(front, caller, job_id)
    return served(await result_of(front, job, index))


@router.post("/{job_id}/links")
async def link(
    job_id: str, request: Request, front: FrontHere, caller: CallerHere, wanted: Links | None = None
) -> dict[str, Any]:
    """Make a link to a result that is good for whoever has it, for some time."""
    job = await own_job(front, caller, job_id)
    asked = wanted or Links()
    await result_of(front, job, asked.index)
    url, expires = await link_to(front, request, job.id, asked.index, asked.expires_in)
    return {"url": url, "expires_at": expires, "index": asked.index}
