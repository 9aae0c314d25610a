"""Our own route for media that clients bring before they order."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ._callers import CallerHere, FrontHere
from ._documents import ERRORS
from ._refusals import invalid, missing

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


@router.post("", status_code=201, response_model=MediaView)
async def upload_media(
    front: FrontHere,
    caller: CallerHere,
    file: Annotated[UploadFile, File(description="An image, a video or a sound.")],
    expires_in: Annotated[
        int, Form(ge=60, le=LONGEST, description="Seconds for which it is kept.")
    ] = DAY,
) -> JSONResponse:
    """Keep media, to be named by their id in requests of the same key."""
    if not file.size:
        raise invalid("file: it is empty", "file")

    made = await front.uploads.keep(caller.id, file.file, file.size, expires_in)
    return JSONResponse(made.shown(), 201)


@router.get("/{media_id}", response_model=MediaView)
async def get_media(media_id: str, front: FrontHere, caller: CallerHere) -> JSONResponse:
    """Say what is known of media that this key has brought."""
    found = await front.uploads.find(caller.id, media_id)
    if found is None:
        raise missing("media")

    return JSONResponse(found.shown())


@router.delete("/{media_id}")
async def delete_media(media_id: str, front: FrontHere, caller: CallerHere) -> JSONResponse:
    """Delete media that this key has brought; jobs that were ordered with them go on."""
    if not await front.uploads.drop(caller.id, media_id):
        raise missing("media")

    return JSONResponse({"id": media_id, "object": "media.deleted", "deleted": True})
