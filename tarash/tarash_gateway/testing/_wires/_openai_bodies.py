"""OpenAI's bodies: video objects, images, and the envelope that errors come in.

Pure: from script and payload to JSON.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import Phase
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply

LIFETIME_SECONDS = 86_400
BLOCKED = "moderation_blocked"
_BLOCKED_TEXT = "Your request was rejected by the safety system."
_LARGEST_SIDE = 4096
_TYPES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "permission_denied"),
    404: ("invalid_request_error", "not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    kind: str | None = None,
    param: str | None = None,
    **more: Any,
) -> Reply:
    """Answer with OpenAI's envelope.

    Args:
        status: HTTP status.
        message: The text.
        code: OpenAI's word for it; None: the one that fits the status.
        kind: The error's `type`; None: the one that fits the status.
        param: The parameter it is about.
        more: Further members of the error.
    """
    usual_kind, usual_code = _TYPES.get(status, ("server_error", None))
    body = {
        "message": message,
        "type": kind or usual_kind,
        "param": param,
        "code": code or usual_code,
        **more,
    }
    return Reply.json({"error": body}, status, {"x-request-id": "req_simulated"})


def size_of(payload: Mapping[str, Any], usual: tuple[int, int]) -> tuple[int, int]:
    """Return width and height that a payload asks for."""
    width, height = _media.size_in(payload.get("size"), usual)
    return max(1, min(width, _LARGEST_SIDE)), max(1, min(height, _LARGEST_SIDE))


def video_object(
    job_id: str, payload: Mapping[str, Any], script: Script, created_at: int, phase: Phase
) -> dict[str, Any]:
    """Return a video's object as it stands in a phase of its job."""
    if phase == "ended" and script.result is not None:
        return dict(script.result)

    width, height = size_of(payload, (720, 1280))
    failed = script.outcome in ("failed", "moderated")
    body: dict[str, Any] = {
        "id": job_id,
        "object": "video",
        "model": payload.get("model", "sora-2"),
        "status": {"queued": "queued", "running": "in_progress"}.get(phase, "completed"),
        "progress": {"queued": 0, "running": 50}.get(phase, 100),
        "created_at": created_at,
        "completed_at": None,
        "expires_at": None,
        "prompt": payload.get("prompt"),
        "seconds": str(payload.get("seconds", "4")),
        "size": f"{width}x{height}",
        "remixed_from_video_id": payload.get("remixed_from_video_id"),
        "error": None,
    }
    if phase != "ended":
        return body

    done = created_at + math.ceil(script.queue_seconds + script.run_seconds)
    if failed:
        return {**body, "status": "failed", "completed_at": done, "error": _job_error(script)}

    return {**body, "completed_at": done, "expires_at": done + LIFETIME_SECONDS}


def _job_error(script: Script) -> dict[str, str]:
    if script.outcome == "moderated":
        code, message = BLOCKED, _BLOCKED_TEXT
    else:
        code, message = "video_generation_failed", "The video could not be generated."

    return {"code": script.error_type or code, "message": script.error_message or message}


def image_reply(script: Script, payload: Mapping[str, Any]) -> Reply:
    """Answer with images, or with what became of them."""
    if script.outcome == "moderated":
        return error(
            script.error_status or 400,
            script.error_message or _BLOCKED_TEXT,
            code=script.error_type or BLOCKED,
            kind="image_generation_user_error",
            moderation_details={"moderation_stage": "input", "categories": ["violence"]},
        )

    if script.outcome == "failed":
        message = script.error_message or "The server had an error while making the image."
        return error(script.error_status or 500, message, code=script.error_type)

    return Reply.json(dict(script.result) if script.result else _images(script, payload))


def image_event(
    kind: str, script: Script, payload: Mapping[str, Any], number: int | None = None
) -> bytes:
    """Return an event of a stream: an image on the way, or one that is done."""
    made = _images(script, payload)
    width, height = size_of(payload, (1024, 1024))
    steps = {} if number is None else {"partial_image_index": number}
    content = _media.image_bytes(*((width, height) if number is None else (64 + number, 64)))
    event = {
        "type": kind,
        "b64_json": _media.base64_of(content),
        **steps,
        "created_at": made["created"],
        **{name: made[name] for name in ("background", "output_format", "quality", "size")},
        **({"usage": made["usage"]} if number is None else {}),
    }
    return f"event: {kind}\ndata: {json.dumps(event)}\n\n".encode()


def _images(script: Script, payload: Mapping[str, Any]) -> dict[str, Any]:
    width, height = size_of(payload, (1024, 1024))
    content = _media.base64_of(_media.image_bytes(width, height))
    count = _media.count_of(script, int(payload.get("n", 1)))
    return {
        "created": 1_790_000_000,
        "data": [{"b64_json": content}] * count,
        "background": payload.get("background", "opaque"),
        "output_format": "png",
        "quality": payload.get("quality", "high"),
        "size": f"{width}x{height}",
        "usage": {
            "input_tokens": 10,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 10},
            "output_tokens": 1000,
            "total_tokens": 1010,
        },
    }
