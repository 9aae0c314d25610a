"""What the admin has done: noted by the routes that do it, and listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from ._audit_log import SPACE, write_act
from ._callers import AdminHere, FrontHere
from ._documents import ERRORS

if TYPE_CHECKING:
    from ._front import Front

router = APIRouter(prefix="/api/audit", tags=["Keys"], responses=ERRORS)


async def note(front: Front, request: Request, act: str, what: str) -> None:
    """Write down what the admin does by a request; as `write_act`."""
    await write_act(
        front.states,
        act,
        what,
        address=request.client.host if request.client else None,
        request_id=getattr(request.state, "request_id", None),
    )


@router.get("")
async def list_acts(
    front: FrontHere, _admin: AdminHere, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """List what the admin has done, newest first."""
    records = await front.states.list_states(SPACE, limit=limit)
    return {"object": "list", "data": [record.value for record in records]}
