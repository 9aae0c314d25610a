"""The admin's routes for keys, and for what the admin has done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from ._authorization import AdminHere, FrontHere
from ._key_store import ACTS, ApiKey, KeyScope, write_act
from ._openapi_docs import ERRORS
from ._refusals import missing

if TYPE_CHECKING:
    from ._app_state import AppState

router = APIRouter(tags=["Keys"], responses=ERRORS)


class MadeKey(ApiKey):
    """A key that was just made or rotated: the only time that it is shown."""

    key: str


class KeyList(BaseModel):
    """All keys."""

    object: str = "list"
    data: list[ApiKey]


class DeletedKey(BaseModel):
    """A key that is not good any more."""

    id: str
    object: str = "key.deleted"
    deleted: bool = True


@router.post("/api/keys", status_code=201)
async def create_key(
    scope: KeyScope, request: Request, app_state: FrontHere, _admin: AdminHere
) -> MadeKey:
    """Make a key. It is shown in this answer, and never again."""
    key, token = await app_state.keys.create(scope)
    await log_key_change(app_state, request, "key.created", key.id)
    return MadeKey(**key.model_dump(), key=token)


@router.get("/api/keys")
async def list_keys(app_state: FrontHere, _admin: AdminHere) -> KeyList:
    """List all keys, without themselves."""
    return KeyList(data=await app_state.keys.every())


@router.get("/api/keys/{key_id}")
async def get_key(key_id: str, app_state: FrontHere, _admin: AdminHere) -> ApiKey:
    """Show what a key is for."""
    key = await app_state.keys.get(key_id)
    if key is None:
        raise missing("key")

    return key


@router.post("/api/keys/{key_id}/rotate")
async def rotate_key(
    key_id: str, request: Request, app_state: FrontHere, _admin: AdminHere
) -> MadeKey:
    """Give a key another secret; the one before is refused from now on."""
    made = await app_state.keys.rotate(key_id)
    if made is None:
        raise missing("key")

    key, token = made
    await log_key_change(app_state, request, "key.rotated", key.id)
    return MadeKey(**key.model_dump(), key=token)


@router.delete("/api/keys/{key_id}")
async def delete_key(
    key_id: str, request: Request, app_state: FrontHere, _admin: AdminHere
) -> DeletedKey:
    """Revoke a key, at once and on all servers that share the ledger."""
    if not await app_state.keys.revoke(key_id):
        raise missing("key")

    await log_key_change(app_state, request, "key.revoked", key_id)
    return DeletedKey(id=key_id)


async def log_key_change(app_state: AppState, request: Request, act: str, what: str) -> None:
    """Write down what the admin does by a request; as `write_act`."""
    await write_act(
        app_state.states,
        act,
        what,
        address=request.client.host if request.client else None,
        request_id=getattr(request.state, "request_id", None),
    )


@router.get("/api/audit")
async def list_acts(
    app_state: FrontHere, _admin: AdminHere, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """List what the admin has done, newest first."""
    records = await app_state.states.list_states(ACTS, limit=limit)
    return {"object": "list", "data": [record.value for record in records]}
