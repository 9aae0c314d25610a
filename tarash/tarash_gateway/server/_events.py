"""Where jobs stand, pushed: server-sent events of one, or of several, until they have ended.

An event is where the job stands, whole; its id stands for just that. Who comes back with the id of
the last one gets nothing twice, whichever server answers, and after a restart. Several jobs are in
one stream since a browser has few connections to a server.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from ._app_state import AppState
from ._authorization import Caller, CallerHere, FrontHere, is_good_still, owned
from ._driving import PACE, Driven
from ._images import NO_BUFFERS
from ._jobs import shown
from ._openapi_docs import ERRORS
from ._refusals import Refusal, missing, sendable
from ._shapes import ENDED, moved, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..ledger._contract import JobRecord, SubmissionRecord

router = APIRouter(tags=["Jobs"], responses=ERRORS)
RETRY_MILLISECONDS = 1000
"""How soon a browser comes back after the connection was lost."""
MOST = 32
"""Jobs that one stream follows."""
NEVER = "-"
"""In the place of a stamp, of a job of which nothing was said yet."""
Job = Annotated[str, Query(max_length=200)]
OVER = frozenset({"completed", "failed"})
"""What an update says when it is the last one of its attempt."""


@router.get("/api/jobs/{job_id}/events", response_class=StreamingResponse)
async def events(
    job_id: str,
    request: Request,
    app_state: FrontHere,
    caller: CallerHere,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """Push where a job stands, as `text/event-stream`, until it has ended."""
    await owned(app_state, caller, job_id)
    stream = _stream(request, app_state, caller, job_id, last_event_id)
    return StreamingResponse(stream, media_type="text/event-stream", headers=NO_BUFFERS)


async def _stream(
    request: Request, app_state: AppState, caller: Caller, job_id: str, last: str | None
) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    said_at = checked_at = time.monotonic()
    async for view in views(app_state, caller, job_id):
        if time.monotonic() - checked_at > app_state.settings.alive_seconds:
            checked_at = time.monotonic()
            if not await is_good_still(app_state, request):
                return

        stamp = None if view is None else stamp_of(view)
        if stamp is not None and stamp != last:
            last, said_at = stamp, time.monotonic()
            yield _event(stamp, "job", view)
        elif time.monotonic() - said_at > app_state.settings.alive_seconds:
            said_at = time.monotonic()
            yield b": alive\n\n"


async def views(
    app_state: AppState, caller: Caller, job_id: str
) -> AsyncIterator[dict[str, Any] | None]:
    """Yield where a job stands, again and again, until it has ended; None where it stays so."""
    view = await shown(app_state, caller, job_id)
    yield view
    while view["status"] not in ENDED:
        driven: Driven | None = app_state.drivers.get(job_id)
        if driven is None:  # another server's, or just ended
            await asyncio.sleep(PACE)
            view = await shown(app_state, caller, job_id)
            yield view
        elif not await driven.changed(app_state.settings.alive_seconds):
            yield None
        elif driven.ended.is_set():
            view = await shown(app_state, caller, job_id)
            yield view
        else:
            view = moved(view, driven)
            yield view


def _event(stamp: str, name: str, data: Any) -> bytes:
    return f"id: {stamp}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


@router.get("/api/events", response_class=StreamingResponse, name="events")
async def all_events(
    request: Request,
    app_state: FrontHere,
    caller: CallerHere,
    job: Annotated[list[Job], Query(min_length=1, max_length=MOST, description="Repeatable.")],
    last_event_id: Annotated[str | None, Header(max_length=17 * MOST)] = None,
) -> StreamingResponse:
    """Push where several jobs stand, as `text/event-stream`, until all have ended.

    An event `job` is one job, whole; `gone` says that one was deleted, and `end` that all have
    ended.
    """
    jobs = list(dict.fromkeys(job))
    for job_id in jobs:
        await owned(app_state, caller, job_id)

    known = (last_event_id or "").split(".")
    stamps = known if len(known) == len(jobs) else [NEVER] * len(jobs)
    stream = _stream_of_all(request, app_state, caller, jobs, stamps)
    return StreamingResponse(stream, media_type="text/event-stream", headers=NO_BUFFERS)


async def _stream_of_all(
    request: Request, app_state: AppState, caller: Caller, jobs: list[str], stamps: list[str]
) -> AsyncIterator[bytes]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    # Small, so that a client which reads slowly holds back what is made for it.
    news: asyncio.Queue[tuple[int, dict[str, Any] | None]] = asyncio.Queue(1)
    tasks = [
        asyncio.create_task(_heard(app_state, caller, job, n, news)) for n, job in enumerate(jobs)
    ]
    left, checked_at = len(jobs), time.monotonic()
    try:
        while left:
            if time.monotonic() - checked_at > app_state.settings.alive_seconds:
                checked_at = time.monotonic()
                if not await is_good_still(app_state, request):
                    return

            try:
                async with asyncio.timeout(app_state.settings.alive_seconds):
                    number, view = await news.get()
            except TimeoutError:
                if any(task.done() and task.exception() for task in tasks):
                    return  # nobody listens to that job any more: the client comes back, and asks

                yield b": alive\n\n"
                continue

            left -= view is None
            stamp = None if view is None else stamp_of(view)
            if stamp is not None and stamp != stamps[number]:
                stamps[number] = stamp
                yield _event(".".join(stamps), "job", view)
            elif view is None and stamps[number] == NEVER:
                yield _event(".".join(stamps), "gone", {"id": jobs[number]})

        yield _event(".".join(stamps), "end", {})
    finally:
        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)


async def _heard(
    app_state: AppState,
    caller: Caller,
    job: str,
    number: int,
    news: asyncio.Queue[tuple[int, dict[str, Any] | None]],
) -> None:
    """Say where one job stands, again and again; None in the end."""
    with suppress(Refusal):  # it was deleted
        async for view in views(app_state, caller, job):
            if view is not None:
                await news.put((number, view))

    await news.put((number, None))


@router.get("/api/jobs/{job_id}/timeline")
async def timeline(job_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Say what has happened to a job, oldest first: submits, answers, states, costs."""
    job = await owned(app_state, caller, job_id)
    record = await app_state.gateway.ledger.get(job.id)
    if record is None:
        raise missing("job")

    heard = await app_state.drivers.moves_of(job.id)
    return JSONResponse(sendable({"object": "list", "data": _timeline(record, heard)}))


def _timeline(record: JobRecord, heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the whole of it; times are None where nobody has noted them."""
    events: list[dict[str, Any]] = [{"at": record.created_at.isoformat(), "event": "written"}]
    for entry in record.entries:
        number = entry.intent.attempt_number
        events += _attempt(entry, [move for move in heard if move["attempt"] == number])

    if record.state != "open":
        last = heard[-1]["at"] if heard else None
        events.append({"at": last, "event": record.state, "error": _said(record.result or {})})

    return events


def _attempt(entry: SubmissionRecord, heard: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    intent, known = entry.intent, entry.heard
    who = {"attempt": intent.attempt_number, "provider": intent.provider, "model": intent.model}
    yield {**who, "at": intent.created_at.isoformat(), "event": "submitting"}
    if entry.submission is not None:
        yield {
            **who,
            "at": heard[0]["at"] if heard and entry.submission == "accepted" else None,
            "event": "adopted" if known.get("adopted") else entry.submission,
            "detail": None if entry.operation is None else entry.operation.id,
        }

    yield from ({**who, **move} for move in heard if move["status"] not in OVER)
    if known.get("cancel") is not None:
        yield {**who, "at": None, "event": "cancel", "detail": str(known["cancel"])}

    if entry.outcome is not None:
        yield {
            **who,
            "at": heard[-1]["at"] if heard and heard[-1]["status"] in OVER else None,
            "event": "ended",
            "detail": entry.outcome,
            "billing": known.get("billing"),
            "cost": known.get("cost"),
            "error": _said(known),
        }


def _said(known: Mapping[str, Any]) -> str | None:
    error = known.get("error")
    return str(error.get("message") or "") if isinstance(error, dict) else None
