"""The route for providers' webhooks: it wants no key, since each is verified."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from ._authorization import FrontHere
from ._openapi_docs import ERRORS, ErrorDetail


class Untaken(BaseModel):
    """Why a webhook was not taken."""

    error: str | ErrorDetail


router = APIRouter(
    prefix="/webhooks",
    tags=["Webhooks"],
    responses={status: {**error, "model": Untaken} for status, error in ERRORS.items()},
)


@router.post("/{address:path}")
async def webhook(address: str, request: Request, app_state: FrontHere) -> Response:
    """Take what a provider says of a job; it is verified, and the job is polled then."""
    del address  # it stands in the path
    status, body = await app_state.inbox.answer(request.headers.raw, request.url.path, request.body)
    return Response(body, status, media_type="application/json")
