"""Finds the media in Google's results, in each of their shapes, and why there are none. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..._data._exchange import NO_MEDIA
from ..._http._client import shorten
from ..._support._dataclass import dataclass
from ...exceptions import GenerationFailedError, TarashException
from .._facts import content_type, count, first, mapping, objects, text, texts
from .errors import failed, refused

if TYPE_CHECKING:
    from ..._data._types import MediaType

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
MOST_WORDS = 2000
"""Characters of a model's own words in a message."""
DEFAULT_TYPES = {"video": "video/mp4", "image": "image/png"}


@dataclass(frozen=True, slots=True)
class Part:
    """One medium of a result: inline, or somewhere at Google's."""

    content_type: str
    data: str | None
    """Base64."""
    uri: str | None


def parts_of(raw: Any, kind: str) -> list[Part]:
    """Return the media of a result, whichever protocol it came in."""
    found = [
        Part(
            content_type(first(("mime_type", "mimeType", "encoding"), item)) or "",
            text(first(("data", "bytesBase64Encoded", "encodedVideo"), item)),
            text(first(("uri", "gcsUri"), item)),
        )
        for item in _items(mapping(raw), kind)
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

    response = mapping(raw.get("response"))
    yield from objects(response.get("videos"))
    samples = mapping(response.get("generateVideoResponse")).get("generatedSamples")
    yield from (mapping(sample.get("video")) for sample in objects(samples))
    yield from objects(raw.get("predictions"))
    for candidate in objects(raw.get("candidates")):
        for part in objects(mapping(candidate.get("content")).get("parts")):
            # A thought may hold a draft of the image; it is not the result.
            if not part.get("thought"):
                yield mapping(part.get("inlineData"))


def decode(part: Part) -> bytes:
    """Return the bytes of an inline medium.

    Raises:
        GenerationFailedError: It is no base64.
    """
    try:
        return base64.b64decode(part.data or "", validate=True)
    except binascii.Error as error:
        raise GenerationFailedError("Google sent media that are no base64") from error


def inline(raw: Any, kind: str) -> tuple[MediaType, ...]:
    """Return the media that are in a result itself: videos as bytes, images as their base64.

    Raises:
        GenerationFailedError: One is no base64.
    """
    return tuple(
        part.data
        if kind == "image"
        else {"content": decode(part), "content_type": part.content_type}
        for part in parts_of(raw, kind)
        if part.data
    )


def type_of(raw: Any, kind: str) -> str:
    """Return the type of the first medium that is in a result itself."""
    return next(part.content_type for part in parts_of(raw, kind) if part.data)


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
    if mapping(raw.get("usage")).get("total_output_tokens") == 0:
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
    error = mapping(raw.get("error"))
    if error:
        return failed(error, raw)

    filtered = filtered_of(raw)
    if filtered:
        reasons = "; ".join(filtered["reasons"])
        return refused(reasons or "all videos were filtered", raw, billing="none")

    return None


def filtered_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many videos of an operation were filtered, and why; empty where none was.

    The count may be missing, or be no number: a reason says as much.
    """
    response = mapping(raw.get("response"))
    for holder in (response, mapping(response.get("generateVideoResponse"))):
        number = count(holder.get("raiMediaFilteredCount"))
        reasons = texts(holder.get("raiMediaFilteredReasons"))
        if number or reasons:
            return {"count": number or len(reasons), "reasons": reasons}

    return {}


def no_media(raw: Any, kind: str) -> TarashException:
    """Return the error for a result without media."""
    found = mapping(raw)
    error = image_refusal(found)
    if error is None and kind == "video":
        error = interaction_error(found) or operation_error(found)

    said = _text_of(found)
    return error or GenerationFailedError(
        f"Google answered without {kind}: {said or shorten(raw)}",
        raw_response=raw,
        code=None if said or found.get("error") else NO_MEDIA,
    )


def image_refusal(raw: Mapping[str, Any]) -> TarashException | None:
    """Return why images were refused, where they were: all of it comes with HTTP 200."""
    feedback = mapping(raw.get("promptFeedback"))
    if feedback.get("blockReason"):
        reason = str(feedback["blockReason"])
        message = str(feedback.get("blockReasonMessage") or reason)
        return refused(message, raw, stage="input", categories=(reason, *_blocked(feedback)))

    for candidate in objects(raw.get("candidates")):
        reason = str(candidate.get("finishReason"))
        if reason in REFUSALS:
            named = _blocked(candidate)
            message = str(candidate.get("finishMessage") or _text_of(raw) or reason)
            return refused(message, raw, categories=(reason, *named))

    reasons = _reasons(raw)
    if reasons:
        return refused("; ".join(reasons), raw, billing="none")

    # Imagen leaves out what it filtered, down to nothing at all, and charges nothing for it.
    if "predictions" in raw and not raw["predictions"]:
        return refused("all images were filtered", raw, billing="none")

    return None


def _blocked(rated: Mapping[str, Any]) -> list[str]:
    """Return the categories for which something was blocked."""
    ratings = objects(rated.get("safetyRatings"))
    return [str(one["category"]) for one in ratings if one.get("blocked") and one.get("category")]


def _reasons(raw: Mapping[str, Any]) -> list[str]:
    """Return why predictions are missing, one reason for each that says so."""
    found = (one.get("raiFilteredReason") for one in objects(raw.get("predictions")))
    return [str(reason) for reason in found if reason]


def _text_of(raw: Mapping[str, Any]) -> str:
    """Return what the model said in place of media."""
    parts = [
        part
        for candidate in objects(raw.get("candidates"))
        for part in objects(mapping(candidate.get("content")).get("parts"))
        if not part.get("thought")
    ]
    for step in objects(raw.get("steps")):
        if step.get("type", "model_output") == "model_output":
            parts += objects(step.get("content"))

    texts_said = [part["text"].strip() for part in parts if text(part.get("text"))]
    finish = [str(one.get("finishReason")) for one in objects(raw.get("candidates"))]
    said = " ".join([*texts_said, *finish])
    return said if len(said) <= MOST_WORDS else f"{said[:MOST_WORDS]}…"


def revised_prompt(raw: Any) -> str | None:
    """Return the prompt as Imagen rewrote it."""
    prompts = [one.get("prompt") for one in objects(mapping(raw).get("predictions"))]
    return next((prompt for prompt in prompts if isinstance(prompt, str)), None)


def metadata_of(raw: Any, asked: int | None = None) -> dict[str, Any]:
    """Return what stands beside the media: tokens used, who answered, what was filtered.

    Args:
        raw: The body that settled it.
        asked: How many images were asked for, where each is a prediction of its own.
    """
    found = mapping(raw)
    names = {
        "usage": "usage",
        "usageMetadata": "usage",
        "modelVersion": "model_version",
        "responseId": "response_id",
    }
    metadata = {ours: found[name] for name, ours in names.items() if found.get(name)}
    filtered = filtered_of(found) or _filtered_images(found, asked)
    if filtered:
        metadata["filtered"] = filtered

    return metadata


def _filtered_images(raw: Mapping[str, Any], asked: int | None) -> dict[str, Any]:
    """Return how many images were filtered: they are left out, with a reason or without a trace."""
    refusals = [
        str(one["finishReason"])
        for one in objects(raw.get("candidates"))
        if one.get("finishReason") in REFUSALS
    ]
    reasons = _reasons(raw) or refusals
    missing = 0
    if "predictions" in raw and asked:
        missing = asked - len(parts_of(raw, "image"))

    number = max(len(reasons), missing)
    return {"count": number, "reasons": reasons} if number > 0 else {}
