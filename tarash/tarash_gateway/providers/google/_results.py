"""Finds the media in Google's results, in each of their shapes, and why there are none. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._http._client import shorten
from ...exceptions import GenerationFailedError, TarashException
from .errors import failed, refused

# https://ai.google.dev/api/generate-content#FinishReason: those that speak of the content.
REFUSALS = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
        "JAILBREAK",
    }
)
ENDED_BADLY = frozenset(
    {"failed", "cancelled", "incomplete", "budget_exceeded", "requires_action",
     "requires_continuation"}
)  # fmt: skip
ENDED = ENDED_BADLY | {"completed"}
DEFAULT_TYPES = {"video": "video/mp4", "image": "image/png"}


@dataclass(frozen=True, slots=True)
class Part:
    """One medium of a result: inline, or somewhere at Google's."""

    content_type: str
    data: str | None
    """Base64."""
    uri: str | None


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of what should be a list of objects."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def parts_of(raw: Any, kind: str) -> list[Part]:
    """Return the media of a result, whichever protocol it came in."""
    found = [
        Part(
            str(item.get("mime_type") or item.get("mimeType") or item.get("encoding") or ""),
            item.get("data") or item.get("bytesBase64Encoded") or item.get("encodedVideo"),
            item.get("uri") or item.get("gcsUri"),
        )
        for item in _items(_object(raw), kind)
    ]
    return [
        Part(part.content_type or DEFAULT_TYPES[kind], part.data, part.uri)
        for part in found
        if part.data or part.uri
    ]


def _items(raw: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    for step in objects(raw.get("steps")):
        if step.get("type") == "model_output":
            yield from (item for item in objects(step.get("content")) if item.get("type") == kind)

    response = _object(raw.get("response"))
    yield from objects(response.get("videos"))
    samples = _object(response.get("generateVideoResponse")).get("generatedSamples")
    yield from (_object(sample.get("video")) for sample in objects(samples))
    yield from objects(raw.get("predictions"))
    for candidate in objects(raw.get("candidates")):
        for part in objects(_object(candidate.get("content")).get("parts")):
            # A thought may hold a draft of the image; it is not the result.
            if not part.get("thought"):
                yield _object(part.get("inlineData"))


def decode(part: Part) -> bytes:
    """Return the bytes of an inline medium.

    Raises:
        GenerationFailedError: It is no base64.
    """
    try:
        return base64.b64decode(part.data or "", validate=True)
    except binascii.Error as error:
        raise GenerationFailedError("Google sent media that are no base64") from error


def interaction_error(raw: Mapping[str, Any]) -> TarashException | None:
    """Return why an interaction that has ended holds no video."""
    told = [*objects(raw.get("errors")), *_step_errors(raw)]
    status = str(raw.get("status"))
    if told:
        return failed(told[0], raw)

    if status in ENDED_BADLY:
        error = failed({"code": status, "message": "Google gave no reason"}, raw)
        if status == "cancelled":  # which only the account's owner can have done
            error.retryable = False

        return error

    # So shows a refusal, and a limit of the region: https://github.com/google-gemini/gemini-skills
    if _object(raw.get("usage")).get("total_output_tokens") == 0:
        return refused(
            "completed without any output, which is how Google refuses content, and edits of "
            "uploaded videos in some regions",
            raw,
            categories=("no_output",),
        )

    return None


def _step_errors(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = (step.get("error") for step in objects(raw.get("steps")))
    return [error for error in found if isinstance(error, dict) and error]


def operation_error(raw: Mapping[str, Any]) -> TarashException | None:
    """Return why an operation that has ended holds no video."""
    error = _object(raw.get("error"))
    if error:
        return failed(error, raw)

    filtered = filtered_of(raw)
    if filtered:
        reasons = "; ".join(str(reason) for reason in filtered.get("reasons") or ())
        return refused(reasons or "all videos were filtered", raw)

    return None


def filtered_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many videos of an operation were filtered, and why; empty where none was."""
    response = _object(raw.get("response"))
    for holder in (response, _object(response.get("generateVideoResponse"))):
        if holder.get("raiMediaFilteredCount"):
            return {
                "count": holder["raiMediaFilteredCount"],
                "reasons": holder.get("raiMediaFilteredReasons") or [],
            }

    return {}


def no_media(raw: Any, kind: str) -> TarashException:
    """Return the error for a result without media."""
    found = _object(raw)
    error = image_refusal(found)
    if error is None and kind == "video":
        error = interaction_error(found) or operation_error(found)

    return error or GenerationFailedError(
        f"Google answered without {kind}: {_text_of(found) or shorten(raw)}", raw_response=raw
    )


def image_refusal(raw: Mapping[str, Any]) -> TarashException | None:
    """Return why images were refused, where they were: all of it comes with HTTP 200."""
    feedback = _object(raw.get("promptFeedback"))
    if feedback.get("blockReason"):
        reason = str(feedback["blockReason"])
        message = str(feedback.get("blockReasonMessage") or reason)
        return refused(message, raw, stage="input", categories=(reason,))

    for candidate in objects(raw.get("candidates")):
        reason = str(candidate.get("finishReason"))
        if reason in REFUSALS:
            message = str(candidate.get("finishMessage") or reason)
            return refused(message, raw, categories=(reason,))

    reasons = [str(one["raiFilteredReason"]) for one in objects(raw.get("predictions"))
               if one.get("raiFilteredReason")]  # fmt: skip
    if reasons:
        return refused("; ".join(reasons), raw)

    # Imagen leaves out what it filtered, down to nothing at all.
    if "predictions" in raw and not raw["predictions"]:
        return refused("all images were filtered", raw)

    return None


def _text_of(raw: Mapping[str, Any]) -> str:
    """Return what the model said in place of an image."""
    texts = [
        str(part["text"])
        for candidate in objects(raw.get("candidates"))
        for part in objects(_object(candidate.get("content")).get("parts"))
        if part.get("text")
    ]
    finish = [str(one.get("finishReason")) for one in objects(raw.get("candidates"))]
    return shorten(" ".join([*texts, *finish])) if texts or finish else ""


def revised_prompt(raw: Any) -> str | None:
    """Return the prompt as Imagen rewrote it."""
    prompts = [one.get("prompt") for one in objects(_object(raw).get("predictions"))]
    return next((prompt for prompt in prompts if isinstance(prompt, str)), None)


def metadata_of(raw: Any) -> dict[str, Any]:
    """Return what stands beside the media: tokens used, who answered, what was filtered."""
    found = _object(raw)
    names = {
        "usage": "usage",
        "usageMetadata": "usage",
        "modelVersion": "model_version",
        "responseId": "response_id",
    }
    metadata = {ours: found[name] for name, ours in names.items() if found.get(name)}
    filtered = filtered_of(found)
    if filtered:
        metadata["filtered"] = filtered

    return metadata
