"""Finds the media in Google's results, in each of their shapes, and the facts beside them. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._data._money import Reported, exact
from ...exceptions import GenerationFailedError
from .._result_facts import content_type, count, first, mapping, objects, text, texts

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
DEFAULT_TYPES = {"video": "video/mp4", "image": "image/png"}


@dataclass(frozen=True, slots=True)
class ResultMedium:
    """One medium of a result: inline, or somewhere at Google's."""

    content_type: str
    data: str | None
    """Base64."""
    uri: str | None


def parts_of(raw: Any, kind: str) -> list[ResultMedium]:
    """Return the media of a result, whichever protocol it came in."""
    parts = [
        ResultMedium(
            content_type(first(("mime_type", "mimeType", "encoding"), item)) or "",
            text(first(("data", "bytesBase64Encoded", "encodedVideo"), item)),
            text(first(("uri", "gcsUri"), item)),
        )
        for item in _items(mapping(raw), kind)
    ]
    return [
        ResultMedium(part.content_type or DEFAULT_TYPES[kind], part.data, part.uri)
        for part in parts
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


def decode(part: ResultMedium) -> bytes:
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


def revised_prompt(raw: Any) -> str | None:
    """Return the prompt as Imagen rewrote it."""
    prompts = [prediction.get("prompt") for prediction in objects(mapping(raw).get("predictions"))]
    return next((prompt for prompt in prompts if isinstance(prompt, str)), None)


def metadata_of(raw: Any, asked: int | None = None) -> dict[str, Any]:
    """Return what stands beside the media: tokens used, who answered, what was filtered.

    Args:
        raw: The body that settled it.
        asked: How many images were asked for, where each is a prediction of its own.
    """
    body = mapping(raw)
    names = {
        "usage": "usage",
        "usageMetadata": "usage",
        "modelVersion": "model_version",
        "responseId": "response_id",
    }
    metadata = {ours: body[name] for name, ours in names.items() if body.get(name)}
    filtered = filtered_of(body) or _filtered_images(body, asked)
    if filtered:
        metadata["filtered"] = filtered

    return metadata


def reasons_in(raw: Mapping[str, Any]) -> list[str]:
    """Return why predictions are missing, one reason for each that says so."""
    reasons = (item.get("raiFilteredReason") for item in objects(raw.get("predictions")))
    return [str(reason) for reason in reasons if reason]


def _filtered_images(raw: Mapping[str, Any], asked: int | None) -> dict[str, Any]:
    """Return how many images were filtered: they are left out, with a reason or without a trace."""
    refusals = [
        str(candidate["finishReason"])
        for candidate in objects(raw.get("candidates"))
        if candidate.get("finishReason") in REFUSALS
    ]
    reasons = reasons_in(raw) or refusals
    missing = 0
    if "predictions" in raw and asked:
        missing = asked - len(parts_of(raw, "image"))

    number = max(len(reasons), missing)
    return {"count": number, "reasons": reasons} if number > 0 else {}


ZERO = Decimal(0)


class Names(NamedTuple):
    """How a surface names its counts."""

    prompt: str
    output: str
    thoughts: str
    by_kind: str
    """The output's tokens by what they are of."""
    tokens: str
    """How many they are, of one kind."""


OF_CONTENT = Names(
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "candidatesTokensDetails",
    "tokenCount",
)
OF_INTERACTION = Names(
    "total_input_tokens",
    "total_output_tokens",
    "total_thought_tokens",
    "output_tokens_by_modality",
    "tokens",
)


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the tokens of an answer; None where it has none, as of Veo and Imagen.

    Thoughts and words cost what text costs, and not what an image does (Google's pricing page).
    """
    whole = mapping(body)
    usage = mapping(whole.get("usageMetadata"))
    return _counted(usage, OF_CONTENT) if usage else _counted(whole.get("usage"), OF_INTERACTION)


def _text(details: Any, name: str) -> Decimal:
    """Return how many of the output's tokens are words."""
    counts = (
        exact(detail.get(name)) or ZERO
        for detail in objects(details)
        if str(detail.get("modality")).upper() == "TEXT"
    )
    return sum(counts, ZERO)


def _counted(counts: Any, names: Names) -> Reported | None:
    usage = mapping(counts)
    made, prompt = exact(usage.get(names.output)), exact(usage.get(names.prompt))
    if made is None or prompt is None:
        return None

    words = _text(usage.get(names.by_kind), names.tokens)
    thoughts = exact(usage.get(names.thoughts)) or ZERO
    return Reported(
        quantity=prompt + made + thoughts,
        unit="token",
        parts={
            "prompt": prompt,
            "output": max(made - words, ZERO),
            "text_output": min(words, made) + thoughts,
        },
    )
