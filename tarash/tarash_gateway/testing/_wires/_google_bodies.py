"""Google's bodies: interactions, operations, images, and the two envelopes that errors come in.

Pure: from script and payload to JSON.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply

Protocol = Literal["interactions", "operations", "content", "predict"]

_CLASSIC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_INTERACTIONS = {
    400: "invalid_request",
    401: "authentication",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "unavailable",
}
_POLICY = (
    "The prompt could not be submitted. It contains sensitive words that violate Google's "
    "Responsible AI practices. Support codes: 29310472"
)
_FILTERED = (
    "We filtered the video for safety reasons. You were not charged. Support codes: 58061214"
)


def classic_error(status: int, message: str) -> Reply:
    """Answer with google.rpc's envelope."""
    word = _CLASSIC.get(status, "UNKNOWN")
    return Reply.json({"error": {"code": status, "message": message, "status": word}}, status)


def interactions_error(status: int, message: str) -> Reply:
    """Answer with the envelope of the Interactions API."""
    word = _INTERACTIONS.get(status, "unknown")
    return Reply.json({"error": {"code": word, "message": message}}, status)


def timestamp() -> str:
    """Return now, as Google writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


# ---------------------------------------------------------------------------------------- videos
def interaction_result(script: Script, model: str, media: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an interaction holds once it has ended.

    Args:
        script: How it ends.
        model: The model's id.
        media: Where the video is: `data` or `uri`.
    """
    if script.result is not None:
        return dict(script.result)

    tokens = {"total_input_tokens": 12, "total_output_tokens": 5792, "total_tokens": 5804}
    body: dict[str, Any] = {"model": model, "status": "completed", "usage": tokens, "steps": []}
    if script.outcome in ("failed", "moderated"):
        refused = script.outcome == "moderated"
        error = {
            "code": script.error_type or ("content_filtered" if refused else "internal_error"),
            "message": script.error_message or (_POLICY if refused else "The model failed."),
        }
        return {**body, "status": "failed", "errors": [error]}

    if script.outcome == "no_media":
        none = {**tokens, "total_output_tokens": 0, "total_tokens": 12}
        return {**body, "usage": none}

    video = {"type": "video", "mime_type": _media.VIDEO_CONTENT_TYPE, **media}
    return {**body, "steps": [{"type": "model_output", "content": [video]}]}


def operation_result(
    script: Script, media: list[dict[str, Any]], *, vertex: bool
) -> dict[str, Any]:
    """Return what an operation holds once it has ended; media as the service writes them."""
    if script.result is not None:
        return dict(script.result)

    if script.outcome == "failed" or (script.outcome == "moderated" and script.error_type == "3"):
        refused = script.outcome == "moderated"
        message = script.error_message or (_POLICY if refused else "The model failed.")
        return {"done": True, "error": {"code": 3 if refused else 13, "message": message}}

    response: dict[str, Any] = {}
    if script.outcome == "moderated":
        reasons = [script.error_message or _FILTERED]
        response = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}
    elif script.outcome != "no_media":
        name = "videos" if vertex else "generatedSamples"
        response = {name: media if vertex else [{"video": medium} for medium in media]}

    if not vertex:
        response = {"generateVideoResponse": response}

    return {"done": True, "response": response}


# ---------------------------------------------------------------------------------------- images
def content_result(script: Script, model: str) -> dict[str, Any]:
    """Return the answer of generateContent; refusals come with HTTP 200 too."""
    if script.result is not None:
        return dict(script.result)

    body: dict[str, Any] = {
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1290},
        "modelVersion": model,
        "responseId": "simulated",
    }
    if script.outcome == "moderated":
        if script.error_type in (None, "PROHIBITED_CONTENT", "BLOCKLIST"):
            reason = script.error_type or "PROHIBITED_CONTENT"
            return {**body, "promptFeedback": {"blockReason": reason}}

        finished = {"finishReason": script.error_type, "index": 0}
        if script.error_message:
            finished["finishMessage"] = script.error_message

        return {**body, "candidates": [finished]}

    part: dict[str, Any] = {"text": "I would rather talk about it."}
    if script.outcome != "no_media":
        data = _media.base64_of(_media.image_bytes())
        part = {"inlineData": {"mimeType": _media.IMAGE_CONTENT_TYPE, "data": data}}

    content = {"role": "model", "parts": [part]}
    return {**body, "candidates": [{"content": content, "finishReason": "STOP", "index": 0}]}


def prediction_result(script: Script, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of Imagen; what it filtered is a reason, or missing."""
    if script.result is not None:
        return dict(script.result)

    parameters = payload.get("parameters") or {}
    if script.outcome == "moderated":
        reason = script.error_message or _POLICY
        gives_reason = parameters.get("includeRaiReason") and script.error_type != "silent"
        return {"predictions": [{"raiFilteredReason": reason}] if gives_reason else []}

    count = _media.count_of(script, parameters.get("sampleCount", 1))
    prediction = {
        "bytesBase64Encoded": _media.base64_of(_media.image_bytes()),
        "mimeType": _media.IMAGE_CONTENT_TYPE,
        "prompt": "A prompt, rewritten",
    }
    # An empty list would mean that all were filtered.
    return {"predictions": [prediction] * count} if count else {}
