"""The admin's routes for keys."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from ._audit import note
from ._callers import AdminHere, FrontHere
from ._documents import ERRORS
from ._key_store import ApiKey, KeyScope
from ._refusals import missing

router = APIRouter(prefix="/api/keys", tags=["Keys"], responses=ERRORS)


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


@router.post("", status_code=201)
async def create_key(
    scope: KeyScope, request: Request, front: FrontHere, _admin: AdminHere
) -> MadeKey:
    """Make a key. It is shown in this answer, and never again."""
    key, token = await front.keys.create(scope)
    await note(front, request, "key.created", key.id)
    return MadeKey(**key.model_dump(), key=token)


@router.get("")
async def list_keys(front: FrontHere, _admin: AdminHere) -> KeyList:
    """List all keys, without themselves."""
    return KeyList(data=await front.keys.every())


@router.get("/{key_id}")
async def get_key(key_id: str, front: FrontHere, _admin: AdminHere) -> ApiKey:
    """Show what a key is for."""
    key = await front.keys.get(key_id)
    if key is None:
        raise missing("key")

    return key


@router.post("/{key_id}/rotate")
async def rotate_key(key_id: str, request: Request, front: FrontHere, _admin: AdminHere) -> MadeKey:
    """Give a key another secret; the one before is refused from now on."""
    token = await front.keys.rotate(key_id)
    key = await front.keys.get(key_id)
    if token is None or key is None:
        raise missing("key")

    await note(front, request, "key.rotated", key.id)
    return MadeKey(**key.model_dump(), key=token)


@router.delete("/{key_id}")
async def delete_key(
    key_id: str, request: Request, front: FrontHere, _admin: AdminHere
) -> DeletedKey:
    """Revoke a key, at once and on all servers that share the ledger."""
    if not await front.keys.revoke(key_id):
        raise missing("key")

    await note(front, request, "key.revoked", key_id)
    return DeletedKey(id=key_id)
