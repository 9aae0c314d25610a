"""The catalogue for people: searched, with capabilities, prices, and when models end."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from .._jobs._named_models import prices_of, providers_of
from ..exceptions import ValidationError
from ._authorization import CallerHere, FrontHere
from ._openapi_docs import ERRORS
from ._refusals import missing, sendable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._data._model_info import ModelInfo
    from .._data._money import PriceLine
    from ._app_state import AppState

router = APIRouter(tags=["Models"], responses=ERRORS)
Found = tuple[str, "ModelInfo | None"]
SUGGESTED = (
    "fal/fal-ai/veo3.1",
    "runway/gen4.5",
    "luma/ray-3.2",
    "google/veo-3.1-lite-generate-001",
    "xai/grok-imagine-video-1.5",
    "kling/kling-v3",
    "openai/gpt-image-2.5-flare",
    "google/gemini-3.1-flash-image",
    "bfl/flux-2-pro",
    "ideogram/ideogram-4-5",
)
"""Where no one searches for anything yet, these come first, as far as they are there."""


@router.get("/api/models")
async def search_models(  # noqa: PLR0913, PLR0917  (each is a part of the query)
    app_state: FrontHere,
    caller: CallerHere,
    q: Annotated[str, Query(max_length=200, description="Words of its id, name or kind.")] = "",
    kind: Literal["video", "image"] | None = None,
    takes: Annotated[str | None, Query(max_length=30)] = None,
    ready: Annotated[bool, Query(description="Only those that can be used now.")] = False,
    retired: Annotated[bool, Query(description="Those that are gone, too.")] = False,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JSONResponse:
    """Search the models and aliases that this key may use, the likeliest first."""
    await app_state.models.read()
    usable = usable_of(app_state)
    words = q.lower().split()
    matches = [
        listed
        for listed in app_state.models.each(caller)
        if _fits(listed, words, kind, takes)
        and (retired or listed[1] is None or not listed[1].retired)
        and (not ready or _is_ready(listed, usable))
    ]
    matches.sort(key=lambda listed: _rank(listed, words, usable))
    page = matches[offset : offset + limit]
    shown = await to_thread.run_sync(
        lambda: [entry_of(app_state, listed, usable) for listed in page]
    )
    counts = {"total": len(matches), "has_more": len(matches) > offset + limit}
    # Whoever has typed an id means that one, and none that is like it.
    counts["is_id"] = app_state.models.is_whole(q.strip())
    return JSONResponse(sendable({"object": "list", "data": shown, **counts}))


@router.get("/api/models/{model:path}")
async def show_model(model: str, app_state: FrontHere, caller: CallerHere) -> JSONResponse:
    """Show all that is known of a model: what it takes, what it costs, when it ends."""
    await app_state.models.read()
    listed = next((entry for entry in app_state.models.each(caller) if entry[0] == model), None)
    if listed is None:
        raise missing("model")

    return JSONResponse(sendable(await to_thread.run_sync(_described, app_state, listed)))


def _described(app_state: AppState, listed: Found) -> dict[str, Any]:
    shown = entry_of(app_state, listed, usable_of(app_state))
    info = listed[1]
    if info is None:
        return shown

    try:
        kind: Literal["video", "image"] = "video" if "video" in info.outputs else "image"
        described = app_state.gateway.describe_model(info.provider, info.model, kind)
    except ValidationError:
        return shown

    lines = prices_of(app_state.gateway, info.provider, info.model)
    return {
        **shown,
        "description": described.model_dump(mode="json"),
        "prices": [line.model_dump(mode="json", exclude_defaults=True) for line in lines],
    }


def entry_of(app_state: AppState, listed: Found, usable: frozenset[str]) -> dict[str, Any]:
    """Return a model or an alias as a list shows it."""
    name, info = listed
    if info is None:
        chain = list(app_state.settings.aliases[name].chain)
        return {"id": name, "object": "model", "alias": chain, "ready": True, "outputs": []}

    fields = info.model_dump(mode="json", exclude={"provider", "model", "name"})
    lines = prices_of(app_state.gateway, info.provider, info.model)
    return {
        "id": name,
        "object": "model",
        "provider": info.provider,
        "name": info.name or info.model,
        "ready": info.provider in usable,
        **fields,
        "price": price_of(lines, is_video="video" in info.outputs),
    }


def price_of(lines: Sequence[PriceLine], *, is_video: bool) -> dict[str, str] | None:
    """Return what a unit of a model's output costs, from the least to the most; None if unknown.

    Args:
        lines: The model's price lines.
        is_video: Whether videos are asked for, where the model makes images, too.
    """
    every = [line for line in lines if line.billable == "output" and line.role is None]
    every = [line for line in every if (line.unit != "image") == is_video] or every
    if not every:
        return None

    first = every[0]
    same = [line for line in every if (line.unit, line.currency) == (first.unit, first.currency)]
    is_token = first.unit in ("token", "character")
    per = Decimal(1_000_000) if is_token else Decimal(1)
    rates = [line.rate / line.per * per * (line.credit_usd or 1) for line in same if line.rate >= 0]
    if not rates:
        return None

    is_usd = first.currency == "USD" or first.credit_usd is not None
    return {
        "low": f"{min(rates):f}",
        "high": f"{max(rates):f}",
        "currency": "USD" if is_usd else first.currency,
        "unit": f"million {first.unit}s" if is_token else first.unit,
    }


def usable_of(app_state: AppState) -> frozenset[str]:
    """Return the providers that can be asked now: their key and their package are here."""
    every = providers_of(app_state.gateway)
    if app_state.settings.mock:
        return frozenset(provider.name for provider in every)

    accounts = {account.provider for account in app_state.settings.accounts}
    return frozenset(
        provider.name
        for provider in every
        if provider.installed
        and (provider.key_present or provider.registered or provider.name in accounts)
    )


def _is_ready(listed: Found, usable: frozenset[str]) -> bool:
    return listed[1] is None or listed[1].provider in usable


def _fits(listed: Found, words: list[str], kind: str | None, takes: str | None) -> bool:
    name, info = listed
    if info is None:
        return takes is None and all(word in name.lower() for word in words)

    text = f"{name} {info.name or ''} {info.category or ''}".lower()
    return (
        (kind is None or kind in info.outputs)
        and (takes is None or takes in info.takes)
        and all(word in text for word in words)
    )


def _rank(listed: Found, words: list[str], usable: frozenset[str]) -> tuple[Any, ...]:
    """Return what sorts models: what can be used before the rest, short names before long ones."""
    name, info = listed
    if info is None:
        return (-1, name)

    is_suggested = not words and name in SUGGESTED
    needs_more = bool(info.category) and not str(info.category).startswith("text-to")
    return (
        info.retired,
        info.provider not in usable,
        0 if is_suggested else 1,
        SUGGESTED.index(name) if is_suggested else needs_more,
        name if not words else (len(name), name),
    )


@router.get("/v1/models")
async def list_models(app_state: FrontHere, caller: CallerHere) -> dict[str, Any]:
    """List the models and aliases that this key may use."""
    await app_state.models.read()
    return {"object": "list", "data": list(app_state.models.listed(caller))}


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, app_state: FrontHere, caller: CallerHere) -> dict[str, Any]:
    """Show one model or alias."""
    await app_state.models.read()
    entry = app_state.models.found(model, caller)
    if entry is None:
        raise missing("model")

    return entry
