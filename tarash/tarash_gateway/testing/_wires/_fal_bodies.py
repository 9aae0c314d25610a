"""fal's bodies: what models put out, and the two envelopes that errors come in.

Pure: from script and payload to JSON, given a way to publish files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._script import Kind, Script
from tarash.tarash_gateway.testing._wire import Reply

Publish = Callable[[str, bytes], str]

_REQUEST_ERRORS = {
    "bad_request": 400,
    "client_cancelled": 499,
    "client_disconnected": 499,
    "internal_error": 500,
    "request_timeout": 504,
    "runner_connection_error": 503,
    "runner_connection_refused": 503,
    "runner_connection_timeout": 503,
    "runner_disconnected": 503,
    "runner_incomplete_response": 502,
    "runner_scheduling_failure": 503,
    "runner_server_error": 500,
    "startup_timeout": 504,
}
_MODEL_ERRORS = {
    "downstream_service_error": 400,
    "downstream_service_unavailable": 500,
    "generation_timeout": 504,
    "internal_server_error": 500,
}
"""Every other type of a model's error is a 422 that no retry mends."""

_TYPE_OF_STATUS = {
    400: "bad_request",
    429: "concurrent_requests_limit",
    499: "client_cancelled",
    500: "internal_error",
    502: "runner_incomplete_response",
    503: "runner_scheduling_failure",
    504: "request_timeout",
}
_VIDEO_FAMILIES = (
    "cogvideox",
    "hailuo",
    "kling",
    "ltx",
    "luma-dream-machine",
    "magi",
    "mochi",
    "pixverse",
    "seedance",
    "sora",
    "veo",
    "vidu",
    "wan",
)
_VIDEO_PARAMETERS = frozenset({"duration", "fps", "frames_per_second", "num_frames", "video_url"})
_IMAGE_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
_LARGEST_SIDE = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """How a failed job shows: in its status, and as its result."""

    status: int
    error_type: str
    message: str
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def failure_of(script: Script, payload: Mapping[str, Any]) -> Failure | None:
    """Return how a job fails, or None where it succeeds."""
    if script.outcome == "moderated":
        return _model_failure(
            script.error_type or "content_policy_violation",
            script.error_message or "The content could not be processed: it violates our policy.",
            script.error_status,
            payload.get("prompt"),
        )

    if script.outcome != "failed":
        return None

    error_type = script.error_type or "internal_server_error"
    if error_type not in _REQUEST_ERRORS:
        message = script.error_message or "The model failed to generate."
        return _model_failure(error_type, message, script.error_status, payload.get("prompt"))

    message = script.error_message or f"Request failed: {error_type}"
    return Failure(
        status=script.error_status or _REQUEST_ERRORS[error_type],
        error_type=error_type,
        message=message,
        body={"detail": message, "error_type": error_type},
        headers={"X-Fal-Error-Type": error_type},
    )


def _model_failure(error_type: str, message: str, status: int | None, prompt: Any) -> Failure:
    return Failure(
        status=status or _MODEL_ERRORS.get(error_type, 422),
        error_type=error_type,
        message=message,
        body={"detail": [_detail(["body", "prompt"], message, error_type, prompt)]},
        headers={"X-Fal-Retryable": "true" if error_type in _MODEL_ERRORS else "false"},
    )


def _detail(location: list[str], message: str, error_type: str, given: Any) -> dict[str, Any]:
    return {
        "loc": location,
        "msg": message,
        "type": error_type,
        "url": f"https://docs.fal.ai/errors#{error_type}",
        "input": given,
    }


def request_error(status: int, message: str, error_type: str | None = "") -> Reply:
    """Answer with the envelope of fal's infrastructure.

    Args:
        status: HTTP status.
        message: The detail.
        error_type: fal's word for it; empty: the one that fits the status; None: none.
    """
    error_type = _TYPE_OF_STATUS.get(status) if error_type == "" else error_type
    body = {"detail": message}
    headers: dict[str, str] = {}
    if error_type:
        body["error_type"] = error_type
        headers["X-Fal-Error-Type"] = error_type

    if status == 429:  # noqa: PLR2004 - fal's word that a later try may pass
        headers["X-Fal-Needs-Retry"] = "1"

    return Reply.json(body, status, headers)


def invalid_payload(error_type: str, message: str) -> Reply:
    """Answer to a body that no model could take."""
    return Reply.json({"detail": [_detail(["body"], message, error_type, None)]}, 422)


def kind_of(endpoint: str, payload: Mapping[str, Any]) -> Kind:
    """Return what the catalogue says of an endpoint; else a guess by its name, then the payload."""
    made = _media.made_by("fal", endpoint)
    if made in {("video",), ("image",)}:
        return made[0]

    if "video" in endpoint:
        return "video"

    if "image" in endpoint:
        return "image"

    if any(part.startswith(_VIDEO_FAMILIES) for part in endpoint.split("/")):
        return "video"

    return "video" if _VIDEO_PARAMETERS & payload.keys() else "image"


def output_of(
    script: Script, endpoint: str, payload: Mapping[str, Any], publish: Publish
) -> dict[str, Any]:
    """Return the body of a successful result."""
    if script.result is not None:
        return dict(script.result)

    kind = script.kind or kind_of(endpoint, payload)
    if kind == "image":
        return _image_output(script, payload, publish)

    output: dict[str, Any] = {"video": None}
    if script.outcome != "no_media":
        content = _media.video_for(payload, "fal", endpoint)
        output["video"] = {
            "url": publish("output.mp4", content),
            "content_type": _media.VIDEO_CONTENT_TYPE,
            "file_name": "output.mp4",
            "file_size": len(content),
        }

    if payload.get("seed") is not None:
        output["seed"] = payload["seed"]

    return output


def _image_output(script: Script, payload: Mapping[str, Any], publish: Publish) -> dict[str, Any]:
    wanted = _media.count_of(script, payload.get("num_images", 1))
    count = wanted if isinstance(wanted, int) else 0
    width, height = _image_size(payload.get("image_size"))
    content = _media.image_bytes(width, height)
    images = []
    for index in range(count):
        if payload.get("sync_mode") is True:
            url = f"data:{_media.IMAGE_CONTENT_TYPE};base64,{_media.base64_of(content)}"
        else:
            url = publish(f"{index}.png", content)

        images.append(
            {
                "url": url,
                "width": width,
                "height": height,
                "content_type": _media.IMAGE_CONTENT_TYPE,
            }
        )

    return {
        "images": images,
        "timings": {"inference": script.run_seconds},
        "seed": payload.get("seed") if payload.get("seed") is not None else 42,
        "has_nsfw_concepts": [False] * count,
        "prompt": payload.get("prompt", ""),
    }


def _image_size(wanted: Any) -> tuple[int, int]:
    if isinstance(wanted, Mapping):
        width, height = wanted.get("width"), wanted.get("height")
        if isinstance(width, int) and isinstance(height, int):
            return _side(width), _side(height)

    return _IMAGE_SIZES.get(wanted, (1024, 768)) if isinstance(wanted, str) else (1024, 768)


def _side(pixels: int) -> int:
    return max(1, min(pixels, _LARGEST_SIDE))
