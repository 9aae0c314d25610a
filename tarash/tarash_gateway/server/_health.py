"""How the server does: alive, ready, its numbers; for the admin who waits, and what is spent."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from .._data._budgets import Budget
from .._jobs._named_models import providers_of
from .._jobs._spend import spend_async
from ..exceptions import TarashException
from ..ledger._contract import QUEUE
from ._authorization import AdminHere, CallerHere, FrontHere
from ._catalogue import usable_of
from ._key_store import KEY_LABEL
from ._middleware import TEXT
from ._openapi_docs import ERRORS
from ._refusals import sendable

if TYPE_CHECKING:
    from ..ledger._contract import SlotRecord
    from ._app_state import AppState

router = APIRouter(tags=["Health"])
MOST_WAITING = 1000
GROUP = f"label.{KEY_LABEL}"


class Unready(BaseModel):
    """Why no jobs can be taken."""

    status: str


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Unready, "description": "Not now"}})
async def readyz(app_state: FrontHere) -> JSONResponse:
    """Say whether jobs can be taken: whether the ledger can be read."""
    try:
        await app_state.states.read_state("server.ready", "ready")
    except TarashException:
        return JSONResponse({"status": "the ledger can't be read"}, 503)

    return JSONResponse({"status": "ok", "jobs_under_way": len(app_state.drivers)})


@router.get("/metrics", response_class=PlainTextResponse, responses=ERRORS)
async def metrics(app_state: FrontHere, _caller: CallerHere) -> PlainTextResponse:
    """Return the numbers of this server, as Prometheus reads them."""
    return PlainTextResponse(app_state.metrics.text(len(app_state.drivers)), media_type=TEXT)


@router.get("/api/health", responses=ERRORS)
async def health(app_state: FrontHere, _admin: AdminHere) -> JSONResponse:
    """Show breakers, limits and who waits, the queue of workers, and the providers."""
    providers = await to_thread.run_sync(_providers, app_state)
    try:
        waiting = await app_state.states.list_states(QUEUE, limit=MOST_WAITING)
        circuits = await app_state.gateway.health_async()
        limits = await _limits(app_state)
    except TarashException:
        return JSONResponse(_shown(app_state, "down", 0, providers))

    body = _shown(app_state, "ok", len(waiting), providers)
    body["circuits"] = [circuit.model_dump(mode="json") for circuit in circuits]
    body["limits"] = limits
    return JSONResponse(sendable(body))


@router.get("/api/spending", responses=ERRORS)
async def spending(app_state: FrontHere, _admin: AdminHere) -> JSONResponse:
    """Show what each key has spent since its budget was last renewed, in US dollars."""
    periods: defaultdict[datetime | None, set[str]] = defaultdict(set)
    for key in await app_state.keys.every():
        budget = Budget(0, "total" if key.budget is None else key.budget.per)
        periods[budget.period(datetime.now(UTC))[0]].add(key.id)

    data = []
    if getattr(app_state.gateway.ledger, "keeps_money", False):
        for since, keys in periods.items():
            data += [row for row in await _spent(app_state, since) if row["key"] in keys]

    return JSONResponse({"object": "list", "data": data})


async def _spent(app_state: AppState, since: datetime | None) -> list[dict[str, Any]]:
    rows = await spend_async(app_state.gateway.ledger, since=since, by=[GROUP])
    return [
        {"key": row.group[GROUP], **row.model_dump(mode="json", exclude={"group"})}
        for row in rows
        if row.currency == "USD"
    ]


def _shown(
    app_state: AppState, ledger: str, waiting: int, providers: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "object": "health",
        "mock": app_state.settings.mock,
        "ledger": ledger,
        "jobs_under_way": len(app_state.drivers),
        "queue": {"waiting": waiting},
        "circuits": [],
        "limits": [],
        "providers": providers,
    }


def _providers(app_state: AppState) -> list[dict[str, Any]]:
    usable = usable_of(app_state)
    return [
        {
            **provider.model_dump(mode="json"),
            "ready": provider.name in usable,
            "mocked": app_state.settings.mock,
        }
        for provider in providers_of(app_state.gateway)
    ]


async def _limits(app_state: AppState) -> list[dict[str, Any]]:
    """Return the lines in which attempts wait, and how many jobs are in flight."""
    if not getattr(app_state.gateway.ledger, "keeps_slots", False):
        return []

    ledger: Any = app_state.gateway.ledger
    by_line: defaultdict[str, list[SlotRecord]] = defaultdict(list)
    for slot in await ledger.list_slots():
        by_line[slot.request.line].append(slot)

    return [
        {
            "name": ", ".join(sorted({slot.request.model for slot in slots} - {""})) or line[:12],
            "in_flight": sum(slot.counts for slot in slots),
            "waiting": sum(slot.turn is None for slot in slots),
            "most": slots[-1].request.most,
        }
        for line, slots in sorted(by_line.items())
    ]
