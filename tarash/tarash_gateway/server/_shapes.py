"""Jobs as OpenAI's clients read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._creating import OWN_LABELS, REMIXED_LABEL, SIZE_LABEL
from ._key_store import MODEL_LABEL
from ._words import HTTP

if TYPE_CHECKING:
    from .._data._job_info import JobInfo
    from ._driving import Driven

SIZES = {
    ("720p", "16:9"): "1280x720",
    ("720p", "9:16"): "720x1280",
    ("1080p", "16:9"): "1920x1080",
    ("1080p", "9:16"): "1080x1920",
}
ENDED = {"completed": "completed", "failed": "failed", "cancelled": "cancelled"}
WHOLE = 100
UNKNOWN = {
    "code": "unknown_outcome",
    "message": "It is not known whether the provider has taken this job: it may run and be billed",
}
CANCELLED = {
    "code": "cancelled",
    "message": "It was cancelled; what had run by then may be billed",
}
WITHOUT_ERROR = {"cancelled": CANCELLED, "unknown": UNKNOWN}
"""What is said of states in the place of an error: how a provider words a cancellation is its own
matter."""


def video_of(job: JobInfo, driven: Driven | None) -> dict[str, Any]:
    """Return a video's job as clients read it.

    Args:
        job: What the ledger knows.
        driven: What this process knows, where it drives the job.
    """
    status = status_of(job, driven)
    video: dict[str, Any] = {
        "id": job.id,
        "object": "video",
        "model": model_of(job),
        "status": status,
        "progress": _progress(status, driven),
        "created_at": int(job.created_at.timestamp()),
        "completed_at": _ended_at(job),
        "expires_at": None,
        "error": _error(job),
        "prompt": job.request.get("prompt"),
        "seconds": _seconds(job),
        "size": _size(job),
        "remixed_from_video_id": job.labels.get(REMIXED_LABEL),
        "metadata": {name: one for name, one in job.labels.items() if name not in OWN_LABELS},
    }
    if job.cost is not None:
        video["cost"] = cost_of(job)

    if job.response is not None and job.response.adjustments:
        video["adjustments"] = [one.model_dump(mode="json") for one in job.response.adjustments]

    return video


def status_of(job: JobInfo, driven: Driven | None) -> str:
    """Return where a job stands, in OpenAI's words."""
    if job.state in ENDED:
        return ENDED[job.state]

    if job.state == "unknown":
        return "failed"

    if driven is not None and driven.update is not None:
        return "queued" if driven.update.status == "queued" else "in_progress"

    return "queued" if job.operation_id is None or driven is not None else "in_progress"


def model_of(job: JobInfo) -> str:
    """Return a job's model as its client has named it."""
    return job.labels.get(MODEL_LABEL) or f"{job.provider}/{job.model}"


def cost_of(job: JobInfo) -> dict[str, Any] | None:
    """Return what a job has cost; None where nobody knows."""
    cost = job.cost
    if cost is None:
        return None

    return {"amount": str(cost.amount), "currency": cost.currency, "state": cost.state}


def cost_headers(job: JobInfo) -> dict[str, str]:
    """Return the headers that say what a job has cost in US dollars, where that is known."""
    if job.cost is None or job.cost.currency != "USD":
        return {}

    amount = format(job.cost.amount, "f")
    return {"x-tarash-cost": amount, "x-litellm-response-cost": amount}


def _progress(status: str, driven: Driven | None) -> int:
    if status == "completed":
        return WHOLE

    update = None if driven is None else driven.update
    return 0 if update is None else min(WHOLE - 1, int(update.progress_percent or 0))


def _ended_at(job: JobInfo) -> int | None:
    return None if job.ended_at is None else int(job.ended_at.timestamp())


def _error(job: JobInfo) -> dict[str, Any] | None:
    if job.state in WITHOUT_ERROR:
        return WITHOUT_ERROR[job.state]

    if job.error is None or job.state == "completed":
        return None

    message = HTTP.kept_message(job.error)
    return {"code": job.error.get("code") or "failed", "message": message}


def _seconds(job: JobInfo) -> str:
    asked = job.request.get("duration_seconds")
    made = getattr(job.response, "duration", None)
    seconds = asked if asked is not None else made
    return "" if seconds is None else f"{seconds:g}"


def _size(job: JobInfo) -> str:
    if SIZE_LABEL in job.labels:
        return job.labels[SIZE_LABEL]

    shape = (str(job.request.get("resolution")), str(job.request.get("aspect_ratio")))
    made = getattr(job.response, "resolution", None) or ""
    return SIZES.get(shape, made if "x" in made else "")
