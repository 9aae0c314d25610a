"""The list of models, in OpenAI's shape."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ._callers import CallerHere, FrontHere
from ._documents import ERRORS
from ._refusals import missing

router = APIRouter(prefix="/v1/models", tags=["Models"], responses=ERRORS)


@router.get("")
async def list_models(front: FrontHere, caller: CallerHere) -> dict[str, Any]:
    """List the models and aliases that this key may use."""
    await front.models.read()
    return {"object": "list", "data": list(front.models.listed(caller))}


@router.get("/{model:path}")
async def retrieve_model(model: str, front: FrontHere, caller: CallerHere) -> dict[str, Any]:
    """Show one model or alias."""
    await front.models.read()
    entry = front.models.found(model, caller)
    if entry is None:
        raise missing("model")

    return entry
