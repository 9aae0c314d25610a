"""Where several jobs stand, pushed in one stream: a browser has few connections to a server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from ._callers import Caller, CallerHere, FrontHere, is_good_still
from ._documents import ERRORS
from ._events import RETRY_MILLISECONDS, views
from ._front import Front
from ._image_answers import NO_BUFFERS
from ._jobs import own_job
from ._refusals import Refusal
from ._views import stamp_of

router = APIRouter(prefix="/api/events", tags=["Jobs"], responses=ERRORS)
MOST = 32
"""Jobs that one stream follows."""
NEVER = "-"
"""In the place of a stamp, of a job of which nothing was said yet."""
Job = Annotated[str, Query(max_length=200)]


@router.get("", response_class=StreamingResponse)
async def events(
    request: Request,
    front: FrontHere,
    caller: CallerHere,
    job: Annotated[list[Job], Query(min_length=1, max_length=MOST, description="Repeatable.")],
    last_event_id: Annotated[str | None, Header(max_length=17 * MOST)] = None,
) -> StreamingResponse:
    """Push where several jobs stand, as `text/event-stream`, until all have ended.

    An event `job` is one job, whole; `gone` says that one was deleted, and `end` that all have
    ended.
    """
    jobs = list(dict.fromkeys(job))
    for one in jobs:
        await own_job(front, caller, one)

    known = (last_event_id or "").split(".")
    stamps = known if len(known) == len(jobs) else [NEVER] * len(jobs)
    stream = _stream(request, front, caller, jobs, stamps)
    return StreamingResponse(stream, media_type="text/event-stream", headers=NO_BUFFERS)


async def _stream(
    request: Request, front: Front, caller: Caller, jobs: list[str], stamps: list[str]
) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    # Small, so that a client which reads slowly holds back what is made for it.
    news: asyncio.Queue[tuple[int, dict[str, Any] | None]] = asyncio.Queue(1)
    tasks = [asyncio.create_task(_heard(front, caller, job, n, news)) for n, job in enumerate(jobs)]
    left, checked_at = len(jobs), time.monotonic()
    try:
        while left:
            if time.monotonic() - checked_at > front.settings.alive_seconds:
                checked_at = time.monotonic()
                if not await is_good_still(front, request):
                    return

            try:
                async with asyncio.timeout(front.settings.alive_seconds):
                    number, view = await news.get()
            except TimeoutError:
                if any(one.done() and one.exception() for one in tasks):
                    return  # nobody listens to that job any more: the client comes back, and asks

                yield b": alive\n\n"
                continue

            left -= view is None
            stamp = None if view is None else stamp_of(view)
            if stamp is not None and stamp != stamps[number]:
                stamps[number] = stamp
                yield _event("job", view, stamps)
            elif view is None and stamps[number] == NEVER:
                yield _event("gone", {"id": jobs[number]}, stamps)

        yield _event("end", {}, stamps)
    finally:
        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)


async def _heard(
    front: Front,
    caller: Caller,
    job: str,
    number: int,
    news: asyncio.Queue[tuple[int, dict[str, Any] | None]],
) -> None:
    """Say where one job stands, again and again; None in the end."""
    with suppress(Refusal):  # it was deleted
        async for view in views(front, caller, job):
            if view is not None:
                await news.put((number, view))

    await news.put((number, None))


def _event(name: str, data: Any, stamps: list[str]) -> bytes:
    return f"id: {'.'.join(stamps)}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()
