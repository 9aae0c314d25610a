"""Jobs as clients read them: OpenAI's, and those of our own routes."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from .._support._resolutions import lines_of
from ._creating import OWN_LABELS, REMIXED_LABEL, SIZE_LABEL
from ._key_store import MODEL_LABEL
from ._words import HTTP

if TYPE_CHECKING:
    from .._data._job_info import JobInfo
    from ._driving import Driven

NAMES = ("360p", "540p", "720p", "1080p", "1440p", "4k")
AGREED = {name: int(lines_of(name) or 0) for name in NAMES}
"""Resolutions that models agree about; at 480p some make 848 pixels of 16:9, others 854 or 864."""
WIDE = {**{name: (lines * 16 // 9, lines) for name, lines in AGREED.items()}, "1024p": (1792, 1024)}
SIZES: dict[tuple[Any, Any], str] = {
    **{(name, "16:9"): f"{width}x{height}" for name, (width, height) in WIDE.items()},
    **{(name, "9:16"): f"{height}x{width}" for name, (width, height) in WIDE.items()},
}
FRAMES = 0.5
"""Seconds by which a file may differ from its length as the model calls it."""
SHAPE = ("resolution", "aspect_ratio")
IS_SIZE = re.compile(r"^\s*(\d{2,5})\s*[x*:]\s*(\d{2,5})\s*$", re.ASCII)
ENDED = frozenset({"completed", "failed", "cancelled"})
WHOLE = 100
PREVIEW = "openai-poll-after-ms"
"""The header that says in how many milliseconds to ask again."""
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
SHOWN = ("prompt", "negative_prompt", "duration_seconds", "resolution", "aspect_ratio", "size", "n",
         "quality", "style", "seed", "generate_audio")  # fmt: skip
"""What is shown of a request: no media."""
FAULT = ("type", "code", "field", "retryable", "submission", "billing", "provider", "model",
         "request_id", "status_code", "stage", "categories")  # fmt: skip
"""What is shown of an error: not where a provider is asked, which may be a private address."""


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
        "metadata": {name: value for name, value in job.labels.items() if name not in OWN_LABELS},
    }
    if job.cost is not None:
        video["cost"] = cost_of(job)

    adjustments = adjustments_of(job)
    if adjustments:
        video["adjustments"] = adjustments

    return video


def adjustments_of(job: JobInfo) -> list[dict[str, Any]]:
    """Return what had to be changed to fit the model, in the words of the routes."""
    adjustments: list[dict[str, Any]] = [
        HTTP.adapted_in(adjustment.model_dump(mode="json")) for adjustment in job.adjustments
    ]
    asked, size = job.labels.get(SIZE_LABEL, ""), _size(job)
    is_told = any(adjustment["field"] in SHAPE for adjustment in adjustments)
    if IS_SIZE.search(asked) and size and size != asked and not is_told:
        shape = [str(_sent(job, name)) for name in SHAPE]
        adjustments.append(
            {
                "field": "size",
                "requested": asked,
                "sent": size,
                "reason": f"the nearest resolution and aspect ratio are {' and '.join(shape)}",
            }
        )

    return adjustments


def status_of(job: JobInfo, driven: Driven | None) -> str:
    """Return where a job stands, in OpenAI's words."""
    if job.state in ENDED:
        return job.state

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
    """Return how long a video is, or will be: what is sent to the model, not what was asked for."""
    made, sent = job.duration, _sent(job, "duration_seconds")
    if not isinstance(sent, int | float):  # the model's own choice
        return "" if made is None else f"{round(made, 1):g}"

    # Files are some frames longer or shorter than they are called.
    is_other = made is not None and abs(made - sent) > FRAMES
    return f"{round(made, 1):g}" if made is not None and is_other else f"{sent:g}"


def _size(job: JobInfo) -> str:
    """Return how large a video is, or will be, where that is certain."""
    made = IS_SIZE.search(job.resolution or "")
    if made is not None:
        return f"{made[1]}x{made[2]}"

    shape = (_sent(job, "resolution"), _sent(job, "aspect_ratio"))
    asked = job.labels.get(SIZE_LABEL, "")
    is_changed = any(adjustment.field in SHAPE for adjustment in job.adjustments)
    return SIZES.get(shape, "" if is_changed or not _is_of(asked, *shape) else asked)


def _is_of(size: str, resolution: Any, ratio: Any) -> bool:
    """Tell whether a size has the resolution and the aspect ratio that are sent, to the pixel."""
    written = IS_SIZE.search(size)
    if written is None or resolution is None or ratio is None:
        return True

    width, height = int(written[1]), int(written[2])

    wide, _, high = str(ratio).partition(":")
    if not (wide.isdigit() and high.isdigit()):
        return False

    is_as_high = lines_of(str(resolution)) == min(width, height)
    return is_as_high and width * int(high) == height * int(wide)


def _sent(job: JobInfo, name: str) -> Any:
    """Return what a field of the request says to the model; None where it is left out."""
    sent = [adjustment.sent for adjustment in job.adjustments if adjustment.field == name]
    return sent[-1] if sent else job.request.get(name)


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
        "error": WITHOUT_ERROR.get(job.state) or _fault(job.error),
        "media": [
            {"index": n, "url": f"/api/jobs/{job.id}/media/{n}"} for n in range(1, results + 1)
        ],
    }
    if job.adjustments or status == "completed":
        view["adjustments"] = adjustments_of(job)

    if job.execution_metadata is not None:
        view["execution"] = job.execution_metadata.model_dump(mode="json")

    return view


def _fault(stored: dict[str, Any] | None) -> dict[str, Any] | None:
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
