"""What the admin has done: in the log, and in the ledger for a year."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from ._callers import AdminHere, FrontHere
from ._documents import ERRORS

if TYPE_CHECKING:
    from ._front import Front

log = logging.getLogger("tarash.tarash_gateway.server.audit")
router = APIRouter(prefix="/api/audit", tags=["Keys"], responses=ERRORS)
SPACE = "server.audit"
KEPT = timedelta(days=365)
NEWEST_FIRST = 10**16


async def note(front: Front, request: Request, act: str, what: str) -> None:
    """Write down what the admin does.

    Args:
        front: What the application stands on.
        request: By which request.
        act: A word for it, such as `key.created`.
        what: To what, such as the id of a key; never a secret.
    """
    now = datetime.now(UTC)
    told = {
        "at": now.isoformat(),
        "act": act,
        "what": what,
        "address": request.client.host if request.client else None,
        "request_id": getattr(request.state, "request_id", None),
    }
    log.info("%s %s by the admin from %s", act, what, told["address"])
    # Names are read in their order: the newest has the smallest.
    name = f"{NEWEST_FIRST - time.time_ns() // 1000:016d}-{uuid.uuid4().hex[:8]}"
    await front.states.write_state(SPACE, name, told, until=now + KEPT)


@router.get("")
async def list_acts(
    front: FrontHere, _admin: AdminHere, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """List what the admin has done, newest first."""
    records = await front.states.list_states(SPACE, limit=limit)
    return {"object": "list", "data": [one.value for one in records]}
