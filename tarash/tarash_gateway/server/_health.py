"""Whether the server is alive, and whether it can take work; and its numbers, for any key."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from ..exceptions import TarashException
from ._callers import CallerHere, FrontHere
from ._documents import ERRORS
from ._metrics import TEXT

router = APIRouter(tags=["Health"])


class Unready(BaseModel):
    """Why no jobs can be taken."""

    status: str


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Unready, "description": "Not now"}})
async def readyz(front: FrontHere) -> JSONResponse:
    """Say whether jobs can be taken: whether the ledger can be read."""
    try:
        await front.states.read_state("server.ready", "ready")
    except TarashException:
        return JSONResponse({"status": "the ledger can't be read"}, 503)

    return JSONResponse({"status": "ok", "jobs_under_way": len(front.drivers)})


@router.get("/metrics", response_class=PlainTextResponse, responses=ERRORS)
async def metrics(front: FrontHere, _caller: CallerHere) -> PlainTextResponse:
    """Return the numbers of this server, as Prometheus reads them."""
    return PlainTextResponse(front.metrics.text(len(front.drivers)), media_type=TEXT)
