"""Jobs as our own routes show them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ._creating import OWN_LABELS
from ._shapes import WITHOUT_ERROR, adjustments_of, cost_of, model_of, status_of
from ._words import HTTP

if TYPE_CHECKING:
    from .._data._job_info import JobInfo
    from ._driving import Driven

WHOLE = 100
SHOWN = ("prompt", "negative_prompt", "duration_seconds", "resolution", "aspect_ratio", "size", "n",
         "quality", "style", "seed", "generate_audio")  # fmt: skip
"""What is shown of a request: no media."""
FAULT = ("type", "code", "field", "retryable", "submission", "billing", "provider", "model",
         "request_id", "status_code", "stage", "categories")  # fmt: skip
"""What is shown of an error: not where a provider is asked, which may be a private address."""
ENDED = frozenset({"completed", "failed", "cancelled"})


def view_of(job: JobInfo, driven: Driven | None, results: int = 0) -> dict[str, Any]:
    """Return a job as clients read it.

    Args:
        job: What the ledger knows.
        driven: What this process knows, where it drives the job.
        results: How many results are here.
    """
    status = status_of(job, driven)
    update = None if driven is None else driven.update
    progress = None if update is None else update.progress_percent
    asked = job.request
    view: dict[str, Any] = {
        "id": job.id,
        "object": "job",
        "kind": job.kind,
        "status": status,
        "progress": WHOLE if status == "completed" else progress,
        "queue_position": None if update is None else update.queue_position,
        "note": None if update is None else update.note,
        "model": model_of(job),
        "provider": (update and update.provider) or job.provider,
        "provider_model": (update and update.model) or job.model,
        "provider_job_id": job.operation_id,
        "submission": job.submission,
        "attempts": job.attempts,
        "created_at": job.created_at.isoformat(),
        "ended_at": None if job.ended_at is None else job.ended_at.isoformat(),
        "labels": {name: value for name, value in job.labels.items() if name not in OWN_LABELS},
        "key": job.labels.get("key"),
        "request": {name: asked[name] for name in SHOWN if asked.get(name) is not None},
        "cost": cost_of(job),
        "error": WITHOUT_ERROR.get(job.state) or _error(job.error),
        "media": [
            {"index": n, "url": f"/api/jobs/{job.id}/media/{n}"} for n in range(1, results + 1)
        ],
    }
    if job.adjustments or status == "completed":
        view["adjustments"] = adjustments_of(job)

    if job.execution_metadata is not None:
        view["execution"] = job.execution_metadata.model_dump(mode="json")

    return view


def _error(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    if stored is None:
        return None

    kept = {name: stored[name] for name in FAULT if name in stored}
    return {**kept, "message": HTTP.kept_message(stored)}


def moved(view: dict[str, Any], driven: Driven) -> dict[str, Any]:
    """Return a view as the last update has it, without reading the ledger."""
    update = driven.update
    if update is None:
        return view

    status = "queued" if update.status == "queued" else "in_progress"
    return {
        **view,
        "status": status,
        "progress": update.progress_percent,
        "queue_position": update.queue_position,
        "note": update.note,
        "provider": update.provider or view["provider"],
        "provider_model": update.model or view["provider_model"],
        "attempts": max(update.attempt_number, view["attempts"]),
    }


def stamp_of(view: dict[str, Any]) -> str:
    """Return what stands for a view: equal for equal ones, on all servers and after a restart."""
    text = json.dumps(view, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
