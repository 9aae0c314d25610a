"""Where a job stands, pushed: server-sent events until it has ended.

An event is where the job stands, whole; its id stands for just that. Who comes back with the id of
the last one gets nothing twice, whichever server answers, and after a restart.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from ._callers import Caller, CallerHere, FrontHere, is_good_still
from ._documents import ERRORS
from ._driving import PACE, Driven
from ._front import Front
from ._image_answers import NO_BUFFERS
from ._jobs import own_job, shown
from ._views import ENDED, moved, stamp_of

router = APIRouter(prefix="/api/jobs", tags=["Jobs"], responses=ERRORS)
RETRY_MILLISECONDS = 1000
"""How soon a browser comes back after the connection was lost."""


@router.get("/{job_id}/events", response_class=StreamingResponse)
async def events(
    job_id: str,
    request: Request,
    front: FrontHere,
    caller: CallerHere,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """Push where a job stands, as `text/event-stream`, until it has ended."""
    await own_job(front, caller, job_id)
    stream = _stream(request, front, caller, job_id, last_event_id)
    return StreamingResponse(stream, media_type="text/event-stream", headers=NO_BUFFERS)


async def _stream(
    request: Request, front: Front, caller: Caller, job_id: str, last: str | None
) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    said_at = checked_at = time.monotonic()
    async for view in views(front, caller, job_id):
        if time.monotonic() - checked_at > front.settings.alive_seconds:
            checked_at = time.monotonic()
            if not await is_good_still(front, request):
                return

        stamp = None if view is None else stamp_of(view)
        if stamp is not None and stamp != last:
            last, said_at = stamp, time.monotonic()
            yield _event(stamp, view)
        elif time.monotonic() - said_at > front.settings.alive_seconds:
            said_at = time.monotonic()
            yield b": alive\n\n"


async def views(front: Front, caller: Caller, job_id: str) -> AsyncIterator[dict[str, Any] | None]:
    """Yield where a job stands, again and again, until it has ended; None where it stays so."""
    view = await shown(front, caller, job_id)
    yield view
    while view["status"] not in ENDED:
        driven: Driven | None = front.drivers.get(job_id)
        if driven is None:  # another server's, or just ended
            await asyncio.sleep(PACE)
            view = await shown(front, caller, job_id)
            yield view
        elif not await driven.changed(front.settings.alive_seconds):
            yield None
        elif driven.ended.is_set():
            view = await shown(front, caller, job_id)
            yield view
        else:
            view = moved(view, driven)
            yield view


def _event(stamp: str, view: Any) -> bytes:
    return f"id: {stamp}\nevent: job\ndata: {json.dumps(view)}\n\n".encode()
