"""Makes requests out of what a model says of itself: the smallest, the largest and the fullest."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tarash.tarash_gateway.models import (
    ImageGenerationRequest,
    ModelDescription,
    VideoGenerationRequest,
)

LINES = ("360p", "480p", "540p", "720p", "1080p", "1440p", "4k")
MOST_IMAGES = 5
URL = "https://media.example"


def request_of(
    described: ModelDescription, schema: Mapping[str, Any], size: str, rng: Random
) -> tuple[Any, dict[str, Any]]:
    """Return a request and its wishes by field.

    Args:
        described: What the model says of itself.
        schema: Its schema, for the values of required parameters of its own.
        size: `smallest`, `largest` or `fullest`.
        rng: Chooses among what is possible.
    """
    full = size != "smallest"
    needed = {one.source for one in described.parameters if one.required}
    wishes: dict[str, Any] = {"prompt": f"A lighthouse at dusk, take {rng.randrange(10**6)}"}
    images = _images(described, full=full)
    if images:
        wishes["image_list"] = images
    wishes |= _some(_shared(described, rng), needed, full=full)

    if described.kind == "video":
        if described.needs_video or (full and described.takes_video):
            wishes["video"] = f"{URL}/source.mp4"
        wishes |= _some(_video_wishes(described, size, rng), needed, full=full)
        return VideoGenerationRequest(**wishes, extra_params=_extras(described, schema)), wishes

    if described.needs_mask or (full and described.takes_mask):
        wishes["mask_image"] = f"{URL}/mask.png"
    wishes |= _some(_image_wishes(described, size, rng), needed, full=full)
    return ImageGenerationRequest(**wishes, extra_params=_extras(described, schema)), wishes


def _some(wishes: dict[str, Any], needed: set[str | None], *, full: bool) -> dict[str, Any]:
    """Return all wishes, or those that the model can't do without."""
    return {name: wish for name, wish in wishes.items() if full or name in needed}


def _images(described: ModelDescription, *, full: bool) -> list[dict[str, str]]:
    needed = [one for one in described.images if one.required]
    chosen = list(described.images) if full else needed
    # One home may be open to several roles; each is filled under its first.
    seen: list[dict[str, str]] = []
    for one in chosen:
        if one.role == "asset" and any(other.role == "reference" for other in chosen):
            continue
        if one.role == "reference" and not one.required and len(described.images) > 1:
            shared = [other for other in described.images if other.role == "first_frame"]
            if shared and one.most == shared[0].most == 1:
                continue
        most = MOST_IMAGES if one.most is None else min(one.most, MOST_IMAGES)
        count = max(most if full else 1, one.least)
        seen += [
            {"image": f"{URL}/{one.role}{number}.png", "type": one.role} for number in range(count)
        ]
    return seen


def _shared(described: ModelDescription, rng: Random) -> dict[str, Any]:
    wishes: dict[str, Any] = {}
    if described.seed:
        wishes["seed"] = rng.randrange(1, 900)
    if described.negative_prompt:
        wishes["negative_prompt"] = "fog"
    return wishes


def _video_wishes(described: ModelDescription, size: str, rng: Random) -> dict[str, Any]:
    wishes: dict[str, Any] = {}
    seconds = _seconds(described, size, rng)
    if seconds is not None:
        wishes["duration_seconds"] = seconds
    ratios = [one for one in described.aspect_ratios if one[0].isdigit() and one.count(":") == 1]
    ratios = [one for one in ratios if "." not in one]
    if ratios or described.free_size:
        wishes["aspect_ratio"] = rng.choice(ratios or ["16:9", "9:16", "1:1"])
    known = {one.lower().replace("2160p", "4k"): one for one in described.resolutions}
    lines = [one for one in LINES if one in known]
    if lines:
        wishes["resolution"] = lines[-1] if size == "largest" else rng.choice(lines)
    elif described.free_size:
        wishes["resolution"] = "720p"
    if described.audio:
        wishes["generate_audio"] = rng.random() < 0.5
    if described.enhance_prompt:
        wishes["enhance_prompt"] = rng.random() < 0.5
    if described.most_outputs:
        wishes["number_of_videos"] = max(described.most_outputs, 2) if size == "largest" else 1
    return {name: wish for name, wish in wishes.items() if name != "number_of_videos" or wish > 1}


def _seconds(described: ModelDescription, size: str, rng: Random) -> float | None:
    if described.durations:
        return described.durations[-1] if size == "largest" else rng.choice(described.durations)
    found = described.duration_range
    if found is None:
        return None
    low = max(found.low or 1, 0.1)
    high = found.high or max(low, 10)
    if size == "largest":
        return high
    middle = rng.uniform(low, high)
    return max(round(low + 0.4999), int(middle)) if middle >= 1 and int(middle) >= low else high


def _image_wishes(described: ModelDescription, size: str, rng: Random) -> dict[str, Any]:
    wishes: dict[str, Any] = {}
    ratios = [one for one in described.aspect_ratios if one.count(":") == 1 and "." not in one]
    ratios = [one for one in ratios if one[0].isdigit()]
    written = [one for one in described.sizes if one[0].isdigit()]
    if written:
        wishes["size"] = rng.choice(written).replace("*", "x")
    elif described.free_size:
        wishes["size"] = rng.choice(["1024x1024", "768x1024", "1024x576"])
    elif ratios:
        wishes["aspect_ratio"] = rng.choice(ratios)
    if described.qualities:
        wishes["quality"] = rng.choice(described.qualities)
    if described.styles:
        wishes["style"] = rng.choice(described.styles)
    if described.most_outputs:
        most = described.most_outputs
        wishes["n"] = most if size == "largest" else rng.randint(1, most)
    return {name: wish for name, wish in wishes.items() if name != "n" or wish > 1}


def _extras(described: ModelDescription, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: sample(schema["properties"][name]) for name in described.needs_extra}


def sample(schema: Mapping[str, Any]) -> Any:
    """Return some valid value."""
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind in {"integer", "number"}:
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    if kind == "array":
        return [sample(schema.get("items", {}))] * max(1, schema.get("minItems", 1))
    if kind == "object":
        known = schema.get("properties", {})
        return {name: sample(known.get(name, {})) for name in schema.get("required", ())}
    return {"boolean": True}.get(str(kind), "https://media.example/file.bin")
