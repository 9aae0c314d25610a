"""OpenAI's routes for images: made from words, or from other images."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ._callers import Caller, CallerHere, FrontHere
from ._creating import create, labels_of, named
from ._documents import ERRORS, body_of
from ._filled import filled
from ._forms import fields_of
from ._front import Front
from ._image_answers import ImageAnswer
from ._image_requests import PASSED, ImageCreate, ImageEdit
from ._video_requests import parsed

router = APIRouter(prefix="/v1/images", tags=["Images"], responses=ERRORS)


@router.post("/generations", openapi_extra=body_of(ImageCreate))
async def create_images(request: Request, front: FrontHere, caller: CallerHere) -> Response:
    """Make images from words, and answer with them."""
    return await _made(request, front, caller, ImageCreate, "image_generation")


@router.post("/edits", openapi_extra=body_of(ImageEdit, files=("image", "mask"), image="image[]"))
async def edit_images(request: Request, front: FrontHere, caller: CallerHere) -> Response:
    """Make images from others, with a mask where only a part of the first is to change."""
    return await _made(request, front, caller, ImageEdit, "image_edit")


async def _made(
    request: Request, front: Front, caller: Caller, model: type[ImageCreate], verb: str
) -> Response:
    fields = await fields_of(request)
    wanted: ImageCreate = parsed(model, await filled(request, front, caller.id, fields))
    config = front.models.config(
        "image", wanted.wanted(), caller, front.result_folder.place(), allowed=PASSED
    )
    asked = wanted.request()
    labels = labels_of(wanted.metadata, wanted.model)
    name = await named(front, caller, request, fields)
    driven = await create(
        front, caller, kind="image", config=config, asked=asked, labels=labels, name=name
    )
    return await ImageAnswer(front, request, wanted, driven, verb).answer()
