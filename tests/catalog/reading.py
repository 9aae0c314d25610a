"""An independent reading of schemas and payloads: shares no code with what it judges.

Validates a payload against a model's schema, and finds each wish of a request in the payload in the
model's own format. Goes by the names that occur in fal's schemas.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

SECONDS = ("duration", "duration_seconds", "video_duration", "seconds", "video_length")
FRAMES = ("num_frames", "number_of_frames", "frames")
RATES = ("fps", "frames_per_second", "frame_rate", "video_fps", "export_fps", "output_fps")
SIZES = ("image_size", "video_size", "size", "dimensions", "resolution", "aspect_ratio")
OTHER_SIZES = ("resolution_mode", "target_resolution")
AUDIO = ("generate_audio", "generate_audio_switch", "audio", "enable_audio")
ENHANCE = (
    "enable_prompt_expansion", "expand_prompt", "prompt_optimizer", "enhance_prompt",
    "prompt_enhancement", "prompt_expansion", "prompt_enhancer", "refine_prompt", "use_reprompt",
)  # fmt: skip
COUNTS = ("num_images", "num_samples", "number_of_images", "num_results", "num_outputs",
          "num_videos", "max_images", "n")  # fmt: skip
LAST = ("end_image_url", "tail_image_url", "last_frame_url", "last_image_url", "end_frame_url",
        "last_frame_image_url")  # fmt: skip
FIRST_WORDS = {"first", "start", "initial"}
NOT_FIRST = {"reference", "ref", "end", "tail", "last", "mask", "style", "control", "subject"}
PRESETS = {
    "square": (1, 1), "portrait_4_3": (3, 4), "portrait_16_9": (9, 16), "portrait_3_2": (2, 3),
    "landscape_4_3": (4, 3), "landscape_16_9": (16, 9), "landscape_3_2": (3, 2),
    "portrait_hd": (9, 16), "landscape_hd": (16, 9),
}  # fmt: skip
PRESET_SIZES = {"square_hd": (1024, 1024), "square": (512, 512), "square_uhd": (2048, 2048),
                "portrait_4_3": (768, 1024), "landscape_4_3": (1024, 768),
                "portrait_16_9": (576, 1024), "landscape_16_9": (1024, 576)}  # fmt: skip


# -------------------------------------------------------------------------------------- validation
def faults(payload: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return what a strict reader of the schema would object to."""
    known = schema["properties"]
    found = [f"{name}: unknown" for name in payload if name not in known]
    found += [f"{name}: missing" for name in schema.get("required", ()) if name not in payload]
    for name, value in payload.items():
        if name in known and not accepts(known[name], value):
            found.append(f"{name}: {value!r} against {json.dumps(known[name])[:200]}")

    return found


def accepts(schema: Mapping[str, Any], value: Any) -> bool:
    """Tell whether a value is valid by a schema."""
    if "anyOf" in schema:
        return any(accepts(one, value) for one in schema["anyOf"])

    if "enum" in schema and not any(
        value == one and type(value) is type(one) for one in schema["enum"]
    ):
        return False

    check = CHECKS.get(str(schema.get("type")))
    return check is None or check(schema, value)


def _object_faults(value: dict[str, Any], schema: Mapping[str, Any]) -> bool:
    known = schema.get("properties")
    missing = any(name not in value for name in schema.get("required", ()))
    if known is None:
        return missing

    return missing or any(
        name not in known or not accepts(known[name], one) for name, one in value.items()
    )


def _is_text(schema: Mapping[str, Any], value: Any) -> bool:
    return isinstance(value, str) and _between(len(value), schema, "minLength", "maxLength")


def _is_list(schema: Mapping[str, Any], value: Any) -> bool:
    return (
        isinstance(value, list)
        and _between(len(value), schema, "minItems", "maxItems")
        and all(accepts(schema.get("items", {}), one) for one in value)
    )


CHECKS: dict[str, Callable[[Mapping[str, Any], Any], bool]] = {
    "string": _is_text,
    "boolean": lambda _schema, value: isinstance(value, bool),
    "integer": lambda schema, value: _is_number(value, whole=True) and _in_range(value, schema),
    "number": lambda schema, value: _is_number(value, whole=False) and _in_range(value, schema),
    "array": _is_list,
    "object": lambda schema, value: isinstance(value, dict) and not _object_faults(value, schema),
}


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return not whole or isinstance(value, int)


def _between(number: int, schema: Mapping[str, Any], low: str, high: str) -> bool:
    return bool(schema.get(low, 0) <= number <= schema.get(high, math.inf))


def _in_range(value: float, schema: Mapping[str, Any]) -> bool:
    inside = schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
    above = schema.get("exclusiveMinimum")
    below = schema.get("exclusiveMaximum")
    above = -math.inf if above is None or isinstance(above, bool) else above
    below = math.inf if below is None or isinstance(below, bool) else below
    step = schema.get("multipleOf")
    fits = step is None or abs(value / step - round(value / step)) < 1e-6
    return bool(inside and above < value < below and fits)


# ------------------------------------------------------------------------------------------ wishes
def lost(
    wishes: Mapping[str, Any], payload: Mapping[str, Any], schema: Mapping[str, Any], kind: str
) -> list[str]:
    """Return the wishes that can't be found in a payload in the model's own format."""
    checks = {
        "prompt": lambda wish: any(value == wish for value in payload.values()),
        "negative_prompt": lambda wish: wish in _texts(payload, "negative"),
        "duration_seconds": lambda wish: _duration_stands(wish, payload, schema),
        "aspect_ratio": lambda wish: _ratio_stands(wish, payload),
        "resolution": lambda wish: _lines_stand(wish, payload),
        "size": lambda wish: _size_stands(wish, payload),
        "generate_audio": lambda wish: _flag_stands(wish, payload, AUDIO),
        "enhance_prompt": lambda wish: _flag_stands(wish, payload, ENHANCE),
        "seed": lambda wish: str(payload.get("seed")) == str(wish),
        "n": lambda wish: any(str(payload.get(name)) == str(wish) for name in COUNTS),
        "number_of_videos": lambda wish: any(
            str(payload.get(name)) == str(wish) for name in COUNTS
        ),
        "quality": lambda wish: wish in (payload.get("quality"), payload.get("rendering_speed")),
        "style": lambda wish: _style_stands(wish, payload),
        "image_list": lambda wish: _images_stand(wish, payload, kind),
        "video": lambda wish: _file_stands(wish, payload, "video"),
        "mask_image": lambda wish: _file_stands(wish, payload, "mask"),
    }
    return [name for name, wish in wishes.items() if not checks[name](wish)]


def _texts(payload: Mapping[str, Any], word: str) -> list[Any]:
    return [value for name, value in payload.items() if word in name]


def _seconds(value: Any) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)( ?s| ?seconds)?", str(value))
    return float(found[1]) if found else None


def _duration_stands(wish: float, payload: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    for name in SECONDS:
        if name in payload:
            return _seconds(payload[name]) == wish

    frames = next((payload[name] for name in FRAMES if name in payload), None)
    rate = next(
        (
            payload.get(name, schema["properties"][name].get("default"))
            for name in RATES
            if name in schema["properties"]
        ),
        None,
    )
    if frames is None:
        return False

    if rate is None:
        told = re.search(r"(\d+) ?(?:fps|frames? per second)", json.dumps(schema).lower())
        if told is None:  # the models' own rates, which no schema states
            return any(abs(int(frames) / usual - wish) <= 1.5 / usual for usual in (16, 24, 25, 30))
        rate = float(told[1])

    return abs(int(frames) / float(rate) - wish) <= 1.5 / float(rate)


def _proportions(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        width, height = value.get("width"), value.get("height")
        if width and height:
            yield width / height
        for part in value.values():
            yield from _proportions(part)
    elif isinstance(value, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)[:x*/](\d+(?:\.\d+)?)", value)
        if found:
            yield float(found[1]) / float(found[2])
        for name, (width, height) in PRESETS.items():
            if value == name or (name == "square" and value.startswith("square")):
                yield width / height
        words = {"landscape": 16 / 9, "portrait": 9 / 16}
        if value in words:
            yield words[value]


def _shapes(payload: Mapping[str, Any]) -> list[Any]:
    found = [value for name, value in payload.items() if name in SIZES or "ratio" in name]
    found += [payload[name] for name in OTHER_SIZES if name in payload]
    for before in ("", "target_"):
        if f"{before}width" in payload and f"{before}height" in payload:
            sides = {side: payload[f"{before}{side}"] for side in ("width", "height")}
            found.append(sides)
    return found


def _ratio_stands(wish: str, payload: Mapping[str, Any]) -> bool:
    width, height = (float(part) for part in wish.split(":"))
    return any(
        abs(math.log(found * height / width)) < 0.025
        for value in _shapes(payload)
        for found in _proportions(value)
    )


def _lines_stand(wish: str, payload: Mapping[str, Any]) -> bool:
    alike = {"4k": {"4k", "2160p", "uhd"}}.get(wish.lower(), {wish.lower(), wish.lower()[:-1]})
    lines = {"4k": 2160}.get(wish.lower()) or int(wish.lower().removesuffix("p"))
    for value in _shapes(payload):
        if str(value).lower() in alike:
            return True
        if isinstance(value, dict) and {"width", "height"} <= value.keys():
            return bool(abs(min(value["width"], value["height"]) - lines) <= 16)
        found = re.fullmatch(r"(\d+)[x*](\d+)", str(value))
        if found and min(int(found[1]), int(found[2])) == lines:
            return True
    return False


def _size_stands(wish: str, payload: Mapping[str, Any]) -> bool:
    width, height = (int(part) for part in wish.split("x"))
    for value in _shapes(payload):
        if isinstance(value, dict) and (value.get("width"), value.get("height")) == (width, height):
            return True
        if isinstance(value, str) and re.split("[x*]", value) == [str(width), str(height)]:
            return True
        if PRESET_SIZES.get(str(value)) == (width, height):
            return True

    side = {"0.5k": 512, "1k": 1024, "2k": 2048, "4k": 4096}.get(
        str(payload.get("resolution")).lower()
    )
    return side is not None and abs(math.sqrt(width * height) / side - 1) < 0.05


def _flag_stands(wish: bool, payload: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return any(payload.get(name) is wish for name in names)


def _style_stands(wish: str, payload: Mapping[str, Any]) -> bool:
    return any(
        wish == value or wish in (value if isinstance(value, list) else ())
        for name, value in payload.items()
        if "style" in name
    )


# ------------------------------------------------------------------------------------------- media
def _places(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield every text in a payload with the names on the way to it."""
    if isinstance(value, str):
        yield value, name
    elif isinstance(value, list):
        for one in value:
            yield from _places(one, name)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _places(one, f"{name}.{key}")


def _file_stands(url: str, payload: Mapping[str, Any], word: str) -> bool:
    places = [
        place
        for name, value in payload.items()
        for text, place in _places(value, name)
        if text == url
    ]
    return len(places) == 1 and word in places[0]


def _images_stand(images: Any, payload: Mapping[str, Any], kind: str) -> bool:
    for image in images:
        places = {
            name
            for name, value in payload.items()
            for text, _ in _places(value, name)
            if text == image["image"]
        }
        if len(places) != 1 or not _suits(image["type"], places.pop(), kind):
            return False

    return True


def _suits(role: str, name: str, kind: str) -> bool:
    said = set(name.split("_"))
    if role == "last_frame":
        return name in LAST
    if role == "first_frame":
        return bool(said & FIRST_WORDS) or not said & NOT_FIRST
    if role == "style":
        return "style" in said
    return name not in LAST and (kind == "image" or not said & FIRST_WORDS)
