"""What the tools do: each returns plain JSON, and raises errors that a model can read and mend."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..exceptions import TarashException, ValidationError
from ..models import ImageGenerationRequest, VideoGenerationRequest
from ..server._authorization import Caller
from ..server._content import result_of
from ..server._creating import Name, Order, create, labels_of
from ..server._jobs import planned
from ..server._key_store import KEY_LABEL
from ..server._model_names import Wanted
from ..server._refusals import Refusal
from ..server._result_folder import type_of
from ..server._shapes import CANCELLED, model_of, status_of
from ..server._words import TOOLS

if TYPE_CHECKING:
    from .._data._job_info import JobInfo
    from .._data._types import Kind
    from ..models import GenerationPlan
    from ..server._app_state import AppState
    from ..server._driving import Driven

ReportProgress = Callable[[float, str], Awaitable[None]]
ME = Caller(None)
"""Whoever started the process: everything in it is theirs, and its files are."""
REQUESTS: dict[str, type[VideoGenerationRequest | ImageGenerationRequest]] = {
    "video": VideoGenerationRequest,
    "image": ImageGenerationRequest,
}
LONGEST_WAIT = 600.0
MOST_MODELS = 50
MOST_JOBS = 50
NEAR = 5
"""Models that are named where none was found."""
SPACE = "mcp.quotes"
STANDS = timedelta(minutes=15)
"""How long a quote may be confirmed."""
KNOWN = timedelta(days=7)
"""How long a confirmed one leads to its job: models repeat calls whose answer they have lost."""


class ToolService:
    """Takes what tools are called with by one caller."""

    def __init__(self, app_state: AppState, caller: Caller, *, allow_unpriced: bool) -> None:
        self._app_state = app_state
        self._caller = caller
        self._allow_unpriced = allow_unpriced or app_state.settings.mock

    async def models(self, query: str, kind: Kind | None, limit: int) -> dict[str, Any]:
        """Return models and aliases whose id has all words of a query, and what to ask next."""
        await self._app_state.models.read()
        words = query.lower().split()
        every = [
            {"model": entry["id"], "makes": entry.get("outputs", ["video", "image"])}
            for entry in self._app_state.models.listed(self._caller)
        ]
        every = [model for model in every if kind is None or kind in model["makes"]]
        matching = [
            model for model in every if all(word in model["model"].lower() for word in words)
        ]
        shown = matching[: min(limit, MOST_MODELS)]
        more = len(matching) - len(shown)
        answer: dict[str, Any] = {"models": shown, "more": more}
        if more:
            answer["hint"] = f"{more} more match; further words of the id narrow it down"
        elif not matching:
            answer["hint"] = _nearest(words, [model["model"] for model in every])

        return answer

    async def plan(
        self, kind: Kind, model: str, fallbacks: list[str], request: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what would be sent."""
        _, plan = await self._planned(kind, Wanted(model, tuple(fallbacks)), request)
        document: dict[str, Any] = TOOLS.adapted_in(_shown(plan))
        return document

    async def quote(
        self, kind: Kind, model: str, fallbacks: list[str], request: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what it would cost, and the id that confirms it where it may be bought."""
        asked, plan = await self._planned(kind, Wanted(model, tuple(fallbacks)), request)
        chain = [plan, *plan.fallbacks]
        most = _most(chain)
        quoted = {
            "quotes": [_priced(link) for link in chain],
            "most_usd": None if most is None else format(most, "f"),
            "adjustments": _shown(plan)["adjustments"],
            "confirmation_id": None,
        }
        shown: dict[str, Any] = TOOLS.adapted_in(quoted)
        if most is None and not self._may_buy_unpriced:
            shown["why_not"] = (
                "A part of it has no known price, so it can't be bought here; whoever runs this "
                "server can allow that (--allow-unpriced, or allow_unpriced of the key)"
            )
            return shown

        quote_id = shown["confirmation_id"] = f"quote_{secrets.token_hex(12)}"
        kept = {
            "kind": kind,
            "model": model,
            "fallbacks": fallbacks,
            "request": asked.model_dump(mode="json", exclude_defaults=True),
            "most": None if most is None else str(most),
            "by": self._caller.id,
        }
        until = datetime.now(UTC) + STANDS
        await self._app_state.states.write_state(SPACE, quote_id, kept, expected=0, until=until)
        return shown

    async def generate(
        self, quote_id: str, seconds: float, report_progress: ReportProgress
    ) -> dict[str, Any]:
        """Buy what was quoted, once, and wait for it for some time."""
        record = await self._app_state.states.read_state(SPACE, quote_id)
        quoted = {} if record is None else dict(record.value)
        if quoted.get("by") != self._caller.id:
            raise ValidationError(
                f"No quote {quote_id!r} stands: one is good for 15 minutes; ask for a new one"
            )

        kind: Kind = quoted["kind"]
        most = None if quoted["most"] is None else Decimal(quoted["most"])
        wanted = Wanted(quoted["model"], tuple(quoted["fallbacks"]), most)
        asked = REQUESTS[kind].model_validate(quoted["request"])
        order = Order(kind, self._config(kind, wanted), asked, labels_of({}, wanted.model))
        driven = await create(self._app_state, self._caller, order, Name(f"mcp-{quote_id}"))
        until = datetime.now(UTC) + KNOWN
        await self._app_state.states.write_state(SPACE, quote_id, quoted, until=until)
        await _wait(driven, min(seconds, LONGEST_WAIT), report_progress)
        return await self.job(driven.handle.id)

    async def job(self, job_id: str) -> dict[str, Any]:
        """Return where a job stands, and its results once they are there."""
        job = await self._found(job_id)
        driven = self._app_state.drivers.get(job.id)
        shown: dict[str, Any] = {
            "job_id": job.id,
            "model": model_of(job),
            "status": status_of(job, driven),
            "prompt": job.request.get("prompt"),
        }
        update = None if driven is None else driven.update
        if update is not None and update.progress_percent is not None:
            shown["progress_percent"] = update.progress_percent

        if job.state == "cancelled":
            shown["error"] = CANCELLED
        elif job.error is not None and job.state != "completed":
            message = TOOLS.kept_message(job.error)
            shown["error"] = {"code": job.error.get("code"), "message": message}

        if job.state == "unknown":
            shown["error"] = {
                "code": "unknown_outcome",
                "message": "Nobody knows whether the provider has taken this job: it may run and "
                "be billed. Do not order it again without asking your user",
            }

        if job.cost is not None:
            shown["cost"] = {"amount": format(job.cost.amount, "f"), "currency": job.cost.currency}

        if job.state == "completed":
            shown["results"] = [
                {
                    "number": number,
                    "uri": f"tarash://jobs/{job.id}/results/{number}",
                    "content_type": type_of(path),
                    **({"file": str(path)} if self._caller is ME else {}),
                }
                for number, path in enumerate(await self.files(job), 1)
            ]

        return shown

    async def jobs(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest jobs."""
        labels = {} if self._caller.is_admin else {KEY_LABEL: self._caller.id}
        listed = await self._app_state.gateway.list_jobs_async(
            labels=labels, limit=min(limit, MOST_JOBS)
        )
        return [
            {
                "job_id": job.id,
                "kind": job.kind,
                "model": model_of(job),
                "status": status_of(job, self._app_state.drivers.get(job.id)),
                "prompt": job.request.get("prompt"),
            }
            for job in listed
        ]

    async def cancel(self, job_id: str) -> dict[str, Any]:
        """Ask a job's provider to stop it."""
        job = await self._found(job_id)
        if job.state != "open":
            return {"job_id": job.id, "answer": "too_late", "status": job.state}

        handle = await self._app_state.drivers.handle_of(job)
        return {"job_id": job.id, "answer": await handle.cancel_async()}

    async def files(self, job: JobInfo) -> list[Path]:
        """Return the files of a finished job's results; fetched again where they are gone."""
        first = await result_of(self._app_state, job, 1)
        return await self._app_state.result_folder.files(job) or [first]

    def described(self, path: Path) -> str:
        """Return what to say of a file: whoever asks from elsewhere has no use for its place."""
        return f"On this machine: {path}" if self._caller is ME else path.suffix.lstrip(".")

    async def file(self, job_id: str, number: int) -> Path:
        """Return the file of one result, counted from 1."""
        return await result_of(self._app_state, await self._found(job_id), number)

    @property
    def _may_buy_unpriced(self) -> bool:
        key = self._caller.key
        return self._allow_unpriced if key is None else key.allow_unpriced

    async def _found(self, job_id: str) -> JobInfo:
        job = await self._app_state.gateway.find_job_async(job_id)
        if job is None or job.id != job_id or not self._caller.owns(job):
            raise ValidationError(f"There is no job {job_id!r}; list_jobs shows those that are")

        return job

    async def _planned(
        self, kind: Kind, wanted: Wanted, request: dict[str, Any]
    ) -> tuple[VideoGenerationRequest | ImageGenerationRequest, GenerationPlan]:
        asked = REQUESTS[kind].model_validate(request)
        order = Order(kind, self._config(kind, wanted), asked, {})
        return asked, await planned(self._app_state, order)

    def _config(self, kind: Kind, wanted: Wanted) -> Any:
        made = self._app_state.models.config(
            kind, wanted, self._caller, self._app_state.result_folder.place()
        )
        if self._caller.key is not None:
            return made  # which has the rules of the key

        # What was quoted with a price is bought with one, or not at all.
        free = {"allow_unpriced": self._allow_unpriced and wanted.max_cost is None}
        rest = tuple(config.model_copy(update=free) for config in made.fallback_configs)
        return made.model_copy(update={**free, "fallback_configs": rest})


async def _wait(driven: Driven, seconds: float, report_progress: ReportProgress) -> None:
    """Wait for a job for some time, and say meanwhile how far it is."""

    async def follow() -> None:
        async for _ in driven.changes():
            update = driven.update
            if update is not None:
                await report_progress(update.progress_percent or 0.0, update.status)

    following = asyncio.ensure_future(follow())
    try:
        await asyncio.wait_for(driven.ended.wait(), max(seconds, 0.0))
    except TimeoutError:
        return
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _nearest(words: list[str], names: list[str]) -> str:
    """Say which models come nearest to a query that found none."""

    def score(name: str) -> int:
        return sum(word in name.lower() for word in words)

    near = sorted((name for name in names if score(name)), key=score, reverse=True)[:NEAR]
    meant = f"; nearest: {', '.join(near)}" if near else ""
    return f"No id has all of these words{meant}. Fewer words, or another kind, find more"


def _most(chain: list[GenerationPlan]) -> Decimal | None:
    """Return what a chain may cost at most, if each of its configs is paid for; None if unknown."""
    if any(plan.quote.high is None or plan.quote.currency != "USD" for plan in chain):
        return None

    return sum((plan.quote.high for plan in chain if plan.quote.high is not None), Decimal(0))


def _priced(plan: GenerationPlan) -> dict[str, Any]:
    quote = plan.quote
    return {
        "provider": plan.provider,
        "model": plan.model,
        "price": str(quote),
        "unknown": list(quote.unknown),
    }


def _shown(plan: GenerationPlan) -> dict[str, Any]:
    return {
        "provider": plan.provider,
        "model": plan.model,
        "payload": plan.payload,
        "price": str(plan.quote),
        "adjustments": [
            {
                "field": adjustment.field,
                "requested": adjustment.requested,
                "sent": adjustment.sent,
                "why": adjustment.reason,
            }
            for adjustment in plan.adjustments
        ],
        "warnings": list(plan.warnings),
        "fallbacks": [_shown(fallback) for fallback in plan.fallbacks],
    }


def message_of(error: TarashException | Refusal) -> str:
    """Return an error as a model reads it: what happened, and what to do."""
    if isinstance(error, Refusal):
        return f"{error.code}: {error.message}"

    notes = [f"submission: {error.submission}"] if error.submission else []
    return "; ".join([f"{error.code}: {TOOLS.error_text(error)}", *notes])
