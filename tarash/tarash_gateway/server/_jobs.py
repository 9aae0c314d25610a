"""Our own routes for jobs: plan, quote, submit, list, show, cancel; in the fields of OpenAI's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from .._data._job_info import JobInfo
from ..exceptions import TarashException, ValidationError
from ._app_state import AppState
from ._authorization import Caller, CallerHere, FrontHere, owned
from ._creating import Order, create, labels_of, named
from ._driving import Driven
from ._forms import fields_of
from ._openapi_docs import ERRORS, body_of, either
from ._refusals import invalid, sendable
from ._requests import PASSED, ImageCreate, ImageEdit, VideoCreate, VideoRemake, parsed, video_given
from ._shapes import cost_headers, view_of
from ._uploads import filled
from ._videos import drop
from ._words import HTTP

if TYPE_CHECKING:
    from .._data._exchange import Request as Asked
    from .._data._types import Kind
    from ..models import GenerationPlan

KINDS = ("video", "image")
router = APIRouter(prefix="/api", tags=["Jobs"], responses=ERRORS)
STATES = {
    "queued": "open",
    "in_progress": "open",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "unknown": "unknown",
    "open": "open",
}
State = Literal["open", "queued", "in_progress", "completed", "failed", "cancelled", "unknown"]


async def planned(app_state: AppState, order: Order) -> GenerationPlan:
    """Return what would be sent; before the mock with prices and times of those it stands for.

    Raises:
        TarashException: It can't be made so.
    """
    gateway: Any = app_state.gateway
    ask = gateway.plan_video_async if order.kind == "video" else gateway.plan_image_async
    plan: GenerationPlan = await ask(order.config, order.asked)
    if not app_state.settings.mock:
        return plan

    try:
        real = await ask(_unmocked(order.config), order.asked)
    except TarashException:  # such as one whose host nobody has named
        first, *rest = (link.model_copy(update={"expected_seconds": None}) for link in _chain(plan))
    else:
        first, *rest = (
            link.model_copy(update={"quote": its.quote, "expected_seconds": its.expected_seconds})
            for link, its in zip(_chain(plan), _chain(real), strict=True)
        )

    return first.model_copy(update={"fallbacks": tuple(rest)})


def _chain(plan: GenerationPlan) -> tuple[GenerationPlan, ...]:
    return (plan, *plan.fallbacks)


def _unmocked(config: Any) -> Any:
    rest = tuple(_unmocked(fallback) for fallback in config.fallback_configs)
    return config.model_copy(update={"mock": None, "fallback_configs": rest})


def _video(fields: dict[str, Any]) -> tuple[VideoCreate, Asked]:
    wanted: VideoRemake = parsed(VideoRemake, fields)
    return wanted, wanted.request(None if wanted.video is None else video_given(wanted.video))


def _image(fields: dict[str, Any]) -> tuple[ImageCreate, Asked]:
    is_edit = any(fields.get(name) for name in ("image", "images", "mask"))
    wanted: ImageCreate = parsed(ImageEdit if is_edit else ImageCreate, fields)
    return wanted, wanted.request()


class VideoOrder(VideoRemake):
    """A video to be made: the fields of OpenAI's route for it."""

    kind: Literal["video"] = "video"


class ImageOrder(ImageEdit):
    """Images to be made: `kind`, and the fields of OpenAI's routes for them."""

    kind: Literal["image"]


BODY = either(body_of(VideoOrder, files=("video",)), body_of(ImageOrder, image="image[]"))


@router.post("/plan", openapi_extra=BODY)
async def plan(request: Request, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Say what would be sent, with which adjustments, and what it would cost; buys nothing."""
    made = await _planned(request, app_state, caller)
    return JSONResponse(sendable(HTTP.adapted_in(made.model_dump(mode="json"))))


@router.post("/quote", openapi_extra=BODY)
async def quote(request: Request, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Say what it would cost, each model of the chain by itself; buys nothing."""
    made = await _planned(request, app_state, caller)
    shown = [
        {
            "provider": link.provider,
            "model": link.model,
            "quote": link.quote.model_dump(mode="json"),
        }
        for link in (made, *made.fallbacks)
    ]
    body = HTTP.adapted_in({"object": "quote", **shown[0], "fallbacks": shown[1:]})
    return JSONResponse(sendable(body))


@router.post("/jobs", status_code=202, openapi_extra=BODY)
async def submit(request: Request, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Make a video or images: answers with the job as soon as the provider has taken it."""
    fields = await fields_of(request)
    order = await _order(request, app_state, caller, fields)
    name = await named(app_state, caller, request, fields)
    driven = await create(app_state, caller, order, name)
    return JSONResponse(await shown(app_state, caller, driven.handle.id), 202)


async def _planned(request: Request, app_state: AppState, caller: Caller) -> Any:
    """Return the plan of what a client asks for; few at a time have its media in memory."""
    fields = await fields_of(request)
    async with app_state.uploads.planning:
        order = await _order(request, app_state, caller, fields)
        return await planned(app_state, order)


async def _order(
    request: Request, app_state: AppState, caller: Caller, fields: dict[str, Any]
) -> Order:
    """Return what a client asks for.

    Raises:
        Refusal: A field says something that is none.
    """
    rest = await filled(request, app_state, caller.id, fields)
    kind: Kind = rest.pop("kind", "video")
    if kind not in KINDS:
        raise invalid(f"kind: it is {' or '.join(KINDS)}", "kind")

    wanted, asked = _video(rest) if kind == "video" else _image(rest)
    allowed = PASSED if kind == "image" else ()
    place = app_state.result_folder.place()
    config = app_state.models.config(kind, wanted.wanted(), caller, place, allowed)
    return Order(kind, config, asked, labels_of(wanted.metadata, wanted.model, wanted.size))


@router.get("/jobs")
async def list_jobs(  # noqa: PLR0913, PLR0917  (each is a part of the query)
    app_state: FrontHere,
    caller: CallerHere,
    label: Annotated[list[str], Query(description="`name:value`; repeatable.", max_length=20)] = [],  # noqa: B006  (FastAPI copies it)
    state: State | None = None,
    kind: Literal["video", "image"] | None = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> JSONResponse:
    """List the jobs of this key, newest first; the admin's list has those of all keys."""
    labels = dict(_pair(text) for text in label)
    if not caller.is_admin and labels.setdefault("key", caller.id) != caller.id:
        return JSONResponse({"object": "list", "data": [], "has_more": False})

    try:
        jobs = await app_state.gateway.list_jobs_async(
            labels=labels,
            states=[] if state is None else [STATES[state]],
            kind=kind,
            after=after,
            limit=limit + 1,
        )
    except ValidationError as error:
        raise invalid("There is no such job to go on after", "after") from error

    data = [view_of(job, app_state.drivers.get(job.id)) for job in jobs[:limit]]
    return JSONResponse(sendable({"object": "list", "data": data, "has_more": len(jobs) > limit}))


def _pair(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise invalid("label: write it as name:value", "label")

    return name, value


@router.get("/jobs/{job_id}")
async def get_job(job_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Show a job."""
    job = await owned(app_state, caller, job_id)
    return JSONResponse(await _view(app_state, job), headers=cost_headers(job))


@router.delete("/jobs/{job_id}")
async def delete_job(job_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Delete a job with its results; one that still runs is stopped first."""
    job = await owned(app_state, caller, job_id)
    await drop(app_state, job)
    return JSONResponse({"id": job.id, "object": "job.deleted", "deleted": True})


@router.post("/jobs/{job_id}/cancel")
async def cancel(job_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Ask the provider to stop a job; what had run may be billed."""
    job = await owned(app_state, caller, job_id)
    driven = app_state.drivers.get(job.id)
    handle = await app_state.drivers.handle_of(job)
    answer = await handle.cancel_async()
    if answer == "cancelled" and driven is not None:
        await driven.ended.wait()

    return JSONResponse({"cancel": answer, "job": await shown(app_state, caller, job_id)})


@router.get("/jobs/{job_id}/token")
async def token(job_id: str, app_state: FrontHere, caller: CallerHere) -> dict[str, str]:
    """Return what stands for the job in Python: `VideoJob.from_token` takes it; it is no secret."""
    job = await owned(app_state, caller, job_id)
    handle = await app_state.drivers.handle_of(job)
    return {"id": job.id, "token": handle.to_token()}


async def shown(app_state: AppState, caller: Caller, job_id: str) -> dict[str, Any]:
    """Return a job of a caller's own as clients read it."""
    return await _view(app_state, await owned(app_state, caller, job_id))


async def _view(app_state: AppState, job: JobInfo) -> dict[str, Any]:
    driven: Driven | None = app_state.drivers.get(job.id)
    results = len(await app_state.result_folder.files(job)) if job.state == "completed" else 0
    if job.state == "completed" and not results:
        results = max(1, int(job.request.get("number_of_videos") or job.request.get("n") or 1))

    view: dict[str, Any] = sendable(view_of(job, driven, results))
    return view
