"""Our own route for media that clients bring before they order."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, WithJsonSchema
from starlette.datastructures import UploadFile

from ._authorization import CallerHere, FrontHere
from ._forms import form_of
from ._openapi_docs import ERRORS, FILE, form_body
from ._refusals import invalid, missing
from ._requests import parsed

router = APIRouter(prefix="/api/media", tags=["Media"], responses=ERRORS)
DAY = 24 * 3600
LONGEST = 7 * DAY


class MediaView(BaseModel):
    """Media that a client has brought.

    Attributes:
        id: What requests name it by, in the place of a URL; for the same key only.
        object: `media`.
        content_type: What it is, by its bytes.
        bytes: How large it is.
        created_at: When it came.
        expires_at: Until when it is kept.
    """

    id: str = Field(examples=["media_0f8fad5bd9cb469fa16570867728950e"])
    object: str = "media"
    content_type: str = Field(examples=["image/png"])
    bytes: int
    created_at: str
    expires_at: str


class Upload(BaseModel):
    """Media to be kept.

    Attributes:
        file: An image, a video or a sound.
        expires_in: Seconds for which it is kept.
    """

    file: Annotated[Any, WithJsonSchema(FILE)]
    expires_in: int = Field(default=DAY, ge=60, le=LONGEST)


@router.post("", status_code=201, response_model=MediaView, openapi_extra=form_body(Upload))
async def upload_media(request: Request, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Keep media, to be named by their id in requests of the same key."""
    # By hand, so that a body is read only of whoever has a key.
    async with form_of(request, files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid("file: send it as the file of a form (multipart/form-data)", "file")

        wanted: Upload = parsed(Upload, form)
        if not file.size:
            raise invalid("file: it is empty", "file")

        made = await app_state.uploads.keep(caller.id, file.file, file.size, wanted.expires_in)

    return JSONResponse(made.shown(), 201)


@router.get("/{media_id}", response_model=MediaView)
async def get_media(media_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Say what is known of media that this key has brought."""
    upload = await app_state.uploads.find(caller.id, media_id)
    if upload is None:
        raise missing("media")

    return JSONResponse(upload.shown())


@router.delete("/{media_id}")
async def delete_media(media_id: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Delete media that this key has brought; jobs that were ordered with them go on."""
    if not await app_state.uploads.drop(caller.id, media_id):
        raise missing("media")

    return JSONResponse({"id": media_id, "object": "media.deleted", "deleted": True})
