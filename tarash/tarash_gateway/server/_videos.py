"""OpenAI's routes for videos: create, retrieve, list, delete; and remixes, edits and extensions."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from ..exceptions import ValidationError
from ._app_state import AppState
from ._authorization import Caller, CallerHere, FrontHere, owned
from ._content import result_of
from ._creating import REMIXED_LABEL, Order, create, labels_of, named
from ._forms import fields_of
from ._openapi_docs import ERRORS, body_of
from ._refusals import NO_RETRY, Refusal, invalid, sendable
from ._requests import VideoCreate, VideoRemake, parsed, video_given
from ._result_folder import type_of
from ._shapes import PREVIEW, cost_headers, model_of, video_of
from ._uploads import NAME, filled

if TYPE_CHECKING:
    from .._data._job_info import JobInfo

router = APIRouter(prefix="/v1/videos", tags=["Videos"], responses=ERRORS)
RUNNING = frozenset({"queued", "in_progress"})
PACE = 0.25
"""Seconds between two polls of a job that another server stops."""
INHERITED = "; {model} was asked since it made the video, and the field `model` names another one"


@router.post("", openapi_extra=body_of(VideoCreate, files=("input_reference",)))
async def create_video(request: Request, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Make a video: answers with its job as soon as the provider has taken it."""
    return await _made(request, app_state, caller, VideoCreate, await fields_of(request))


@router.get("")
async def list_videos(
    app_state: FrontHere,
    caller: CallerHere,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> JSONResponse:
    """List the videos of this key, newest first unless `order` says otherwise."""
    labels = {} if caller.is_admin else {"key": caller.id}
    try:
        jobs = await app_state.gateway.list_jobs_async(
            labels=labels,
            kind="video",
            after=after,
            limit=limit + 1,
            oldest_first=order == "asc",
        )
    except ValidationError as error:
        raise invalid("There is no such video to go on after", "after") from error

    shown = [video_of(job, app_state.drivers.get(job.id)) for job in jobs[:limit]]
    return JSONResponse(
        sendable(
            {
                "object": "list",
                "data": shown,
                "first_id": shown[0]["id"] if shown else None,
                "last_id": shown[-1]["id"] if shown else None,
                "has_more": len(jobs) > limit,
            }
        )
    )


@router.get("/{video_id}")
async def retrieve_video(video_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Say where a video stands."""
    return await answer(app_state, caller, video_id)


@router.delete("/{video_id}")
async def delete_video(video_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Delete a video; one that still runs is stopped first, where its provider does that."""
    job = await owned(app_state, caller, video_id, "video")
    await drop(app_state, job)
    return JSONResponse({"id": job.id, "object": "video.deleted", "deleted": True})


async def drop(app_state: AppState, job: JobInfo) -> None:
    """Delete a job with its files; one that still runs is stopped first.

    Raises:
        Refusal: It may still run, and be billed: it is not to be forgotten.
    """
    if job.state in ("open", "unknown"):
        await _stop(app_state, job)

    is_gone = await app_state.gateway.ledger.forget(job.id)
    if not is_gone and await app_state.gateway.find_job_async(job.id) is not None:
        raise _still_running(job.kind, "too_late")  # somebody drives it

    await app_state.result_folder.drop(job)


async def _stop(app_state: AppState, job: JobInfo) -> None:
    """Stop a job that is to be deleted, and wait for its end where the provider may yet stop it.

    Raises:
        Refusal: It may still run, and be billed: it is not to be forgotten.
    """
    driven = app_state.drivers.get(job.id)
    handle = await app_state.drivers.handle_of(job)
    answer = await handle.cancel_async()
    if answer == "unsupported":
        raise _still_running(job.kind, answer)

    # Only whoever drives it hears that it has ended.
    if driven is None and await app_state.drivers.take_up(job.id):
        driven = app_state.drivers.get(job.id)

    if driven is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(app_state.settings.create_seconds):
                await driven.ended.wait()
                return
    elif await _has_ended(app_state, job.id):
        return

    if answer == "requested":
        raise _still_running(job.kind, answer)


async def _has_ended(app_state: AppState, job_id: str) -> bool:
    """Wait for the end of a job that another server drives; return whether it has come."""
    with suppress(TimeoutError):
        async with asyncio.timeout(app_state.settings.create_seconds):
            while True:
                job = await app_state.gateway.find_job_async(job_id)
                if job is None or job.state not in ("open", "unknown"):
                    return True

                if not job.held:
                    return False

                await asyncio.sleep(PACE)

    return False


def _still_running(kind: str, answer: str) -> Refusal:
    """Return the answer for a job that is not to be forgotten yet."""
    return Refusal(
        409,
        "still_running",
        f"This {kind} is still being made, and its provider has not stopped it: it may be billed. "
        "Delete it when it has ended",
        headers={**NO_RETRY, "x-tarash-cancel": answer},
    )


async def answer(app_state: AppState, caller: Caller, job_id: str) -> JSONResponse:
    """Return the answer that says where a video stands."""
    job = await owned(app_state, caller, job_id, "video")
    shown: dict[str, Any] = video_of(job, app_state.drivers.get(job.id))
    headers = cost_headers(job)
    if shown["status"] in RUNNING:
        headers[PREVIEW] = str(round(app_state.settings.poll_seconds * 1000))

    return JSONResponse(sendable(shown), headers=headers)


@router.post("/edits", openapi_extra=body_of(VideoRemake, files=("video",), known=("model",)))
async def edit_video(request: Request, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Change a video by words."""
    fields = await fields_of(request)
    source = await _source(app_state, caller, fields)
    return await _made(request, app_state, caller, VideoRemake, fields, source)


@router.post("/extensions", openapi_extra=body_of(VideoRemake, files=("video",), known=("model",)))
async def extend_video(request: Request, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Go on with a video."""
    fields = await fields_of(request)
    source = await _source(app_state, caller, fields)
    return await _made(request, app_state, caller, VideoRemake, fields, source)


@router.post("/{video_id}/remix", openapi_extra=body_of(VideoCreate, known=("model",)))
async def remix_video(
    video_id: str, request: Request, app_state: FrontHere, caller: CallerHere
) -> JSONResponse:
    """Make a video again, with other words; its model is used where none is named."""
    fields = await fields_of(request)
    source = await owned(app_state, caller, video_id, "video")
    return await _made(request, app_state, caller, VideoRemake, fields, source)


async def _source(app_state: AppState, caller: Caller, fields: dict[str, Any]) -> JobInfo | None:
    """Return the video of this gateway that a request names, where it names one."""
    given = fields.get("video")
    id_ = given.get("id") if isinstance(given, dict) else None
    if isinstance(id_, str) and NAME.fullmatch(id_) is None:  # not of what was uploaded
        return await owned(app_state, caller, id_, "video")

    if given is None:
        raise invalid("video: give the video to begin with", "video")

    return None


async def _made(  # noqa: PLR0913, PLR0917  (who asks for what, from which video)
    request: Request,
    app_state: AppState,
    caller: Caller,
    model: type[VideoCreate],
    fields: dict[str, Any],
    source: JobInfo | None = None,
) -> JSONResponse:
    """Make a video from words, from one of this gateway's, or from one that is brought."""
    is_inherited = source is not None and not fields.get("model")
    if source is not None and is_inherited:
        fields = {**fields, "model": model_of(source)}

    wanted: VideoCreate = parsed(model, await filled(request, app_state, caller.id, fields))
    video = None
    if source is not None:
        video = await _content(app_state, source)
    elif isinstance(wanted, VideoRemake):
        video = video_given(wanted.video)

    config = app_state.models.config(
        "video", wanted.wanted(), caller, app_state.result_folder.place()
    )
    asked = wanted.request(video)
    labels = labels_of(wanted.metadata, wanted.model, wanted.size)
    if source is not None:
        labels[REMIXED_LABEL] = source.id

    name = await named(app_state, caller, request, fields)
    try:
        driven = await create(app_state, caller, Order("video", config, asked, labels), name)
    except ValidationError as error:
        if is_inherited:
            error.amend(after=INHERITED.format(model=wanted.model))

        raise

    return await answer(app_state, caller, driven.handle.id)


async def _content(app_state: AppState, source: JobInfo) -> dict[str, Any]:
    path = await result_of(app_state, source, 1)
    return {"content": await to_thread.run_sync(path.read_bytes), "content_type": type_of(path)}
