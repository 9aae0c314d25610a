"""What OpenRouter takes: a strict reader of bodies, written from its pages and its client's types.

The models are those of its list of 2026-10-09. A value outside a model's list is refused, as by the
API; so is a field that its types don't name. It shares nothing with the package's declaration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
_SLUG = checks.matches(r"[a-z0-9-]+")
_WORDS = {
    "missing": "{}: Required",
    "unknown": "Unrecognized key(s) in object: '{}'",
    "invalid": "{}: Invalid input",
}


@dataclass(frozen=True, slots=True)
class VideoModel:
    """A row of the list of models; None where the list has none, and anything goes.

    `has` is a letter for each: F and L for frames, a for sound, s for seeds, ? for what of the
    last two nobody knows.
    """

    durations: Sequence[int] | None
    resolutions: Sequence[str] | None
    has: str = ""
    references: int = 0
    film: bool = False
    ratios: Sequence[str] = _RATIOS
    needs: str = ""
    passes: Sequence[str] = ()
    extras: Sequence[str] = ()


_P720, _P1080, _P4K = ("720p",), ("720p", "1080p"), ("720p", "1080p", "4K")
_LOW, _ALL = ("480p", "720p"), ("480p", "720p", "1080p")
_WIDE = ("16:9", "9:16")
_SEEDANCE = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")
_KLING = ("16:9", "9:16", "1:1")
_WAN = ("16:9", "9:16", "1:1", "4:3", "3:4")
_GROK = (*_WAN, "3:2", "2:3")
_GOOGLE = ("google-vertex",)


def _long(low: int, high: int) -> range:
    return range(low, high + 1)


MODELS: Mapping[str, VideoModel] = {
    "google/veo-3.1": VideoModel((4, 6, 8), _P4K, "FLas", 3, ratios=_WIDE, passes=_GOOGLE),
    "google/veo-3.1-fast": VideoModel((4, 6, 8), _P4K, "FLas", 3, ratios=_WIDE, passes=_GOOGLE),
    "google/veo-3.1-lite": VideoModel((4, 6, 8), _P1080, "FLas", ratios=_WIDE, passes=_GOOGLE),
    "bytedance/seedance-2.5": VideoModel(
        _long(4, 30), _LOW, "FLas", 30, film=True, ratios=_SEEDANCE
    ),
    "bytedance/seedance-2.0": VideoModel(
        _long(4, 15), (*_ALL, "4K"), "FLas", 9, film=True, ratios=_SEEDANCE
    ),
    **dict.fromkeys(
        ("bytedance/seedance-2.0-fast", "bytedance/seedance-2.0-mini"),
        VideoModel(_long(4, 15), _LOW, "FLas", 9, film=True, ratios=_SEEDANCE),
    ),
    "bytedance/seedance-1-5-pro": VideoModel(_long(4, 12), _ALL, "FLas", ratios=_SEEDANCE),
    **dict.fromkeys(
        ("kwaivgi/kling-v3.0-pro", "kwaivgi/kling-v3.0-std"),
        VideoModel(_long(3, 15), _P720, "FLa", ratios=_KLING),
    ),
    "kwaivgi/kling-video-o1": VideoModel((5, 10), _P720, "FLa", 7, ratios=_KLING),
    "minimax/hailuo-3": VideoModel(_long(5, 15), ("2K",), "FLa", 9),
    "minimax/hailuo-3-max": VideoModel(_long(5, 15), ("480p", "768p"), "FL", 9),
    "minimax/hailuo-2.3": VideoModel((6, 10), ("1080p",), "F?", ratios=("16:9",)),
    **dict.fromkeys(
        ("alibaba/wan-3.0", "alibaba/wan-3.0-prime"),
        VideoModel(_long(2, 30), _ALL, "Fas", 9, ratios=_WAN),
    ),
    "alibaba/wan-2.7": VideoModel(_long(2, 10), _P1080, "FLas", ratios=_WAN),
    "alibaba/wan-2.6": VideoModel((5, 10), _P1080, "Fas", ratios=_WAN),
    **dict.fromkeys(
        ("alibaba/happyhorse-1.0", "alibaba/happyhorse-1.1"),
        VideoModel(_long(3, 15), _P1080, "F?s", ratios=_WAN),
    ),
    "x-ai/grok-imagine-video": VideoModel(_long(1, 15), _LOW, "F?", 9, ratios=_GROK),
    **dict.fromkeys(
        ("x-ai/grok-imagine-video-1.5", "x-ai/grok-imagine-video-1.5-lite"),
        VideoModel(_long(1, 15), _ALL, "F?", 9, ratios=_GROK),
    ),
    "runway/gen-4.5": VideoModel(_long(2, 10), _P720, "Fs", ratios=_WIDE),
    "runway/aleph-2": VideoModel(None, None, "s", film=True, needs="video_url"),
    "black-forest-labs/flux-3-video": VideoModel(
        _long(5, 20), _P1080, "FLa", ratios=(*_SEEDANCE, "2:1")
    ),
    "black-forest-labs/flux-video-edit": VideoModel(None, None, "", film=True, needs="video_url"),
    "black-forest-labs/flux-video-upscale": VideoModel(
        None,
        None,
        "",
        film=True,
        needs="video_url",
        extras=("creativity", "upscale_factor"),
    ),
    "heygen/heygen-video-1": VideoModel(
        _long(5, 15), ("480p", "768p", "2K"), "Fs", 9, ratios=_KLING
    ),
    "heygen/avatar-iv": VideoModel(None, _P1080, "", 1, needs="image_url"),
}


def published(row: Mapping[str, Any]) -> VideoModel:
    """Return the model that a row of the list tells of, which this list doesn't have."""
    frames = row.get("supported_frame_images") or ()
    letters = {
        "F": "first_frame" in frames,
        "L": "last_frame" in frames,
        "a": row.get("generate_audio") is True,
        "s": row.get("seed") is True,
    }
    return VideoModel(
        row.get("supported_durations"),
        row.get("supported_resolutions"),
        "".join(letter for letter, has in letters.items() if has),
        9,
        ratios=row.get("supported_aspect_ratios") or (),
    )


is_medium = checks.any_of(checks.is_url, checks.is_data_uri)


def part_of(*kinds: str) -> checks.Check:
    """Take `{"type": kind, kind: {"url": …}}`, and nothing beside."""
    return checks.any_of(
        *(
            checks.object_of(
                {"type*": checks.one_of(kind), f"{kind}*": checks.object_of({"url*": is_medium})}
            )
            for kind in kinds
        )
    )


def is_frame(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("frame_type") not in {"first_frame", "last_frame"}:
        return False

    return part_of("image_url")(
        {name: part for name, part in value.items() if name != "frame_type"}
    )


def is_provider(value: Any) -> bool:
    """Take `{"options": {slug: {"parameters": {…}}}}`."""
    options = value.get("options") if isinstance(value, dict) else None
    return isinstance(options, dict) and all(
        _SLUG(slug) and checks.is_object(passed) for slug, passed in options.items()
    )


_SHARED: checks.Fields = {
    "model*": checks.is_text,
    "prompt*": checks.is_text,
    "seed": checks.is_whole,
    "session_id": checks.text(256),
    "trace": checks.is_object,
    "user": checks.is_text,
}
_VIDEO: checks.Fields = {
    **_SHARED,
    "duration": checks.is_whole,
    "resolution": checks.is_text,
    "aspect_ratio": checks.is_text,
    "size": checks.matches(r"\d{3,4}x\d{3,4}"),
    "frame_images": checks.list_of(is_frame),
    "input_references": checks.list_of(part_of("image_url", "video_url", "audio_url")),
    "generate_audio": checks.is_flag,
    "previous_job_id": checks.is_text,
    "callback_url": checks.is_hook,
    "upscale_factor": checks.is_number,
    "creativity": checks.one_of(0, 1),
    "provider": is_provider,
}
_BY_ROW = {"n", "size", "aspect_ratio", "quality", "seed", "input_references"}
_IMAGE: checks.Fields = {
    **_SHARED,
    "n": checks.whole(1, 10),
    "size": checks.matches(r"\d{2,4}x\d{2,4}|\d(\.5)?K|512|768"),
    "resolution": checks.one_of("512", "768", "1K", "1.5K", "2K", "4K"),
    "aspect_ratio": checks.matches(r"\d{1,2}(\.\d+)?:\d{1,2}|auto"),
    "quality": checks.one_of("auto", "low", "medium", "high", "xhigh", "max"),
    "background": checks.one_of("auto", "transparent", "opaque"),
    "output_format": checks.one_of("png", "jpeg", "webp", "svg"),
    "output_compression": checks.whole(0, 100),
    "input_references": checks.list_of(part_of("image_url")),
    "stream": checks.is_flag,
    "provider": checks.is_object,
}


def wrong_image(body: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> str | None:
    """Say what is wrong with a request for images; None for nothing.

    Args:
        body: What is asked for.
        rows: Of image models, each of which names the parameters that it takes.
    """
    wrong = checks.wrong_in(body, _IMAGE, _WORDS)
    if wrong is not None:
        return wrong

    row: Mapping[str, Any] = next((row for row in rows if row.get("id") == body.get("model")), {})
    takes: Mapping[str, Any] | None = row.get("supported_parameters")
    for name in _BY_ROW & body.keys() if takes is not None else ():
        rule = (takes or {}).get(name)
        if rule is None or (name == "n" and not rule["min"] <= body["n"] <= rule["max"]):
            return f"{name} is not supported by {body['model']}"

        if body[name] not in rule.get("values", (body[name],)):
            return f"{name} must be one of {rule['values']}"

    return None


def wrong_video(body: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> str | None:
    """Say what is wrong with a request for a video; None for nothing.

    Args:
        body: What is asked for.
        rows: Of models that this list doesn't have.
    """
    fault = checks.wrong_in(body, _VIDEO, _WORDS)
    if fault is not None:
        return fault

    model = MODELS.get(body["model"])
    row = next((row for row in rows if row.get("id") == body["model"]), None)
    if model is None and row is not None:
        model = published(row)

    if model is None:
        return f"{body['model']} is not a valid model ID"

    return _wrong_values(body, model) or _wrong_media(body, model)


def _wrong_values(body: Mapping[str, Any], model: VideoModel) -> str | None:
    lists: Mapping[str, Sequence[Any] | None] = {
        "duration": model.durations,
        "resolution": model.resolutions,
        "aspect_ratio": model.ratios,
    }
    for name, allowed in lists.items():
        if name in body and allowed is not None and body[name] not in allowed:
            return f"{name} {body[name]} is not supported by this model"

    if body.get("generate_audio") and "a" not in model.has:
        return "generate_audio is not supported by this model"

    if "seed" in body and "s" not in model.has:
        return "seed is not supported by this model"

    for name in ("creativity", "upscale_factor"):
        if name in body and name not in model.extras:
            return f"{name} is not supported by this model"

    options = body.get("provider", {}).get("options", {})
    passed = checks.object_of(
        {slug: checks.object_of({"parameters*": checks.is_object}) for slug in model.passes}
    )
    if not passed(options):  # the API would drop them silently
        return "provider options that no provider of this model reads"

    return "size beside resolution" if "size" in body and "resolution" in body else None


def _wrong_media(body: Mapping[str, Any], model: VideoModel) -> str | None:
    frames = [frame["frame_type"] for frame in body.get("frame_images", ())]
    parts = [part["type"] for part in body.get("input_references", ())]
    last_alone = "last_frame" in frames and "first_frame" not in frames
    return checks.first_fault(
        {
            "frame_images are not supported": frames and "F" not in model.has,
            "last_frame is not supported": "last_frame" in frames and "L" not in model.has,
            "frame_images: one of each": len(set(frames)) != len(frames) or last_alone,
            "too many input_references": parts.count("image_url") > model.references,
            "video references are not supported": "video_url" in parts and not model.film,
            f"input_references need a {model.needs}": model.needs and model.needs not in parts,
            # The API drops the references without a word.
            "frame_images win over input_references": frames and parts,
        }
    )
