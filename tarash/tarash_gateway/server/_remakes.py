"""OpenAI's routes for videos that are made from others: remixes, edits and extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ..exceptions import ValidationError
from ._callers import Caller, CallerHere, FrontHere
from ._content import result_of
from ._creating import REMIXED_LABEL, create, labels_of, named
from ._documents import ERRORS, body_of
from ._filled import filled
from ._forms import fields_of
from ._front import Front
from ._refusals import invalid
from ._result_folder import type_of
from ._shapes import model_of
from ._uploads import NAME
from ._video_requests import VideoCreate, parsed
from ._videos import answer, owned

if TYPE_CHECKING:
    from .._data._job_info import JobInfo

INHERITED = "; {model} was asked since it made the video, and the field `model` names another one"
router = APIRouter(prefix="/v1/videos", tags=["Videos"], responses=ERRORS)


class VideoRemake(VideoCreate):
    """A video to be made from another; further fields as of other videos.

    Attributes:
        video: The other one: a file of the form, a URL, a data URI, or `{"id": ...}` of a video of
            this gateway, whose model is used where none is named.
    """

    video: Any = None


@router.post("/edits", openapi_extra=body_of(VideoRemake, files=("video",), known=("model",)))
async def edit_video(request: Request, front: FrontHere, caller: CallerHere) -> JSONResponse:
    """Change a video by words."""
    fields = await fields_of(request)
    return await _made(request, front, caller, fields, await _source(front, caller, fields))


@router.post("/extensions", openapi_extra=body_of(VideoRemake, files=("video",), known=("model",)))
async def extend_video(request: Request, front: FrontHere, caller: CallerHere) -> JSONResponse:
    """Go on with a video."""
    fields = await fields_of(request)
    return await _made(request, front, caller, fields, await _source(front, caller, fields))


@router.post("/{video_id}/remix", openapi_extra=body_of(VideoCreate, known=("model",)))
async def remix_video(
    video_id: str, request: Request, front: FrontHere, caller: CallerHere
) -> JSONResponse:
    """Make a video again, with other words; its model is used where none is named."""
    fields = await fields_of(request)
    source = await owned(front, caller, video_id)
    return await _made(request, front, caller, fields, source)


async def _source(front: Front, caller: Caller, fields: dict[str, Any]) -> JobInfo | None:
    """Return the video of this gateway that a request names, where it names one."""
    given = fields.get("video")
    id_ = given.get("id") if isinstance(given, dict) else None
    if isinstance(id_, str) and NAME.fullmatch(id_) is None:  # not of what was uploaded
        return await owned(front, caller, id_)

    if given is None:
        raise invalid("video: give the video to begin with", "video")

    return None


async def _made(
    request: Request, front: Front, caller: Caller, fields: dict[str, Any], source: JobInfo | None
) -> JSONResponse:
    is_inherited = source is not None and not fields.get("model")
    if source is not None and is_inherited:
        fields = {**fields, "model": model_of(source)}

    whole = await filled(request, front, caller.id, fields)
    wanted: VideoRemake = parsed(VideoRemake, whole)
    video = await _content(front, source) if source is not None else given(wanted.video)
    config = front.models.config("video", wanted.wanted(), caller, front.result_folder.place())
    labels = labels_of(wanted.metadata, wanted.model, wanted.size)
    if source is not None:
        labels[REMIXED_LABEL] = source.id

    name = await named(front, caller, request, fields)
    try:
        driven = await create(
            front,
            caller,
            kind="video",
            config=config,
            asked=wanted.request(video),
            labels=labels,
            name=name,
        )
    except ValidationError as error:
        if is_inherited:
            error.amend(after=INHERITED.format(model=wanted.model))

        raise

    return await answer(front, caller, driven.handle.id)


async def _content(front: Front, source: JobInfo) -> dict[str, Any]:
    path = await result_of(front, source, 1)
    return {"content": await to_thread.run_sync(path.read_bytes), "content_type": type_of(path)}


def given(video: Any) -> Any:
    """Return a video as the library takes it.

    Raises:
        Refusal: It is none.
    """
    source = video
    if isinstance(source, dict) and "content" not in source:
        source = source.get("url") or source.get("video_url")

    is_bytes = isinstance(source, dict) and isinstance(source.get("content"), bytes)
    if not is_bytes and not (isinstance(source, str) and source):
        raise invalid("video: give a file, a URL, a data URI, or {'id': ...}", "video")

    return source
