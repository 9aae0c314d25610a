"""What MiniMax's endpoints take: a strict reader of bodies, written from the vendor's pages.

The pages of 2026-10-08. What a page doesn't name is refused; it shares nothing with the package's
declaration.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

_PIXELS = (512, 2048)
_LONGEST = {"v2": 7000, "v1": 2000, "image": 1500}


_medium = checks.any_of(checks.is_url, checks.is_data_uri)
_medium_or_file = checks.any_of(_medium, checks.matches(r"mm_file://\d+"))


# ---------------------------------------------------------------------------------------------- V2
V2: Mapping[str, tuple[tuple[str, ...], tuple[int, int]]] = {
    "MiniMax-H3": (("768P", "2K"), (4, 15)),
    "MiniMax-H3-Max": (("480P", "768P"), (5, 15)),
}
_RATIOS = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
_ROLES = {
    "image_url": ("first_frame", "last_frame", "reference_image"),
    "video_url": ("reference_video",),
    "audio_url": ("reference_audio",),
}
_ITEMS: Mapping[Any, checks.Check] = {
    "text": checks.object_of({"type*": checks.anything, "text*": checks.text(_LONGEST["v2"])}),
    **{
        kind: checks.object_of(
            {
                "type*": checks.anything,
                # An image without a role is a first frame.
                f"role{'' if kind == 'image_url' else '*'}": checks.one_of(*roles),
                f"{kind}*": checks.object_of({"url*": _medium_or_file}),
            }
        )
        for kind, roles in _ROLES.items()
    },
}
_MOST = {"first_frame": 1, "last_frame": 1, "reference_image": 9, "reference_video": 3,
         "reference_audio": 3}  # fmt: skip
_MOST_FILES = 12


def wrong_v2(body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a body of `/v2/video_generation`; None for nothing."""
    if body.get("model") not in V2:
        return "invalid params, model is not supported"

    resolutions, seconds = V2[body["model"]]
    fields: dict[str, checks.Check] = {
        "model": checks.anything,
        "content*": checks.list_of(_is_item),
        "resolution*": checks.one_of(*resolutions),
        "duration*": checks.whole(*seconds),
        "ratio": checks.one_of(*_RATIOS, "adaptive"),
        "callback_url": checks.is_url,
    }
    if body["model"] == "MiniMax-H3-Max":
        fields["extra"] = checks.object_of(
            {"prompt_expansion_mode*": checks.one_of("disabled", "balanced", "quality")}
        )

    return checks.wrong_in(body, fields) or _wrong_content(body["content"], body.get("ratio"))


def _wrong_content(content: Sequence[Any], ratio: Any) -> str | None:
    roles = [_role_of(item) for item in content]
    media = [role for role in roles if role != "text"]
    frames = {"first_frame", "last_frame"} & set(media)
    return checks.first_fault(
        {
            "content must have exactly one text": roles.count("text") != 1,
            "too many files": len(media) > _MOST_FILES
            or any(media.count(role) > most for role, most in _MOST.items()),
            "frames and references exclude each other": frames and set(media) - frames,
            "last_frame needs a first_frame": frames == {"last_frame"},
            "audio needs an image or a video": set(media) == {"reference_audio"},
            "ratio is required": not media and ratio in {None, "adaptive"},
        }
    )


def _role_of(item: Mapping[str, Any]) -> str:
    return "text" if item["type"] == "text" else str(item.get("role", "first_frame"))


def _is_item(item: Any) -> bool:
    kind = item.get("type") if isinstance(item, dict) else None
    return kind in _ITEMS and _ITEMS[kind](item)


# ---------------------------------------------------------------------------------------------- V1
HAILUO = ("MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast", "MiniMax-Hailuo-02")
V1 = (
    *HAILUO,
    *("T2V-01", "T2V-01-Director", "I2V-01", "I2V-01-Director", "I2V-01-live", "S2V-01"),
)


def _one_character(name: str, check: checks.Check) -> checks.Check:
    return checks.list_of(
        checks.object_of({"type*": checks.one_of("character"), f"{name}*": check}), 1
    )


_V1_FIELDS: checks.Fields = {
    "model": checks.anything,
    "prompt": checks.text(_LONGEST["v1"]),
    "duration": checks.one_of(6, 10),
    "resolution": checks.one_of("512P", "768P", "1080P"),
    "first_frame_image": _medium,
    "last_frame_image": _medium,
    "subject_reference": _one_character("image", checks.list_of(_medium, 1)),
    "prompt_optimizer": checks.is_flag,
    "fast_pretreatment": checks.is_flag,
    "callback_url": checks.is_url,
}


def wrong_v1(body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a body of `/v1/video_generation`; None for nothing."""
    model = body.get("model")
    if model not in V1:
        return "invalid params, model is not supported"

    fault = checks.wrong_in(body, _V1_FIELDS)
    if fault is not None:
        return fault

    framed = "first_frame_image" in body
    hailuo = model in HAILUO
    sizes = {"duration", "resolution"} & body.keys()
    resolution = body.get("resolution", "768P")
    return checks.first_fault(
        {
            "duration and resolution are fixed": sizes and not hailuo,
            "fast_pretreatment is not supported": "fast_pretreatment" in body and not hailuo,
            "1080P takes 6 seconds": resolution == "1080P" and body.get("duration", 6) != 6,  # noqa: PLR2004
            "512P needs MiniMax-Hailuo-02 and an image": resolution == "512P"
            and (model != "MiniMax-Hailuo-02" or not framed or "last_frame_image" in body),
            "first_frame_image is required": not framed
            and (str(model).startswith("I2V") or str(model).endswith("Fast")),
            "first_frame_image is not supported": framed and str(model).startswith(("T2V", "S2V")),
            "last_frame_image is not supported": "last_frame_image" in body
            and (model != "MiniMax-Hailuo-02" or not framed),
            "subject_reference": ("subject_reference" in body) != (model == "S2V-01"),
            "prompt is required": not framed and "prompt" not in body,
        }
    )


# ------------------------------------------------------------------------------------------ images
_IMAGE_FIELDS: checks.Fields = {
    "model*": checks.one_of("image-01", "image-01-live"),
    "prompt*": checks.text(_LONGEST["image"]),
    "aspect_ratio": checks.one_of(*_RATIOS, "3:2", "2:3"),
    "width": checks.whole(*_PIXELS),
    "height": checks.whole(*_PIXELS),
    "response_format": checks.one_of("url", "base64"),
    "seed": checks.whole(-(2**63), 2**63 - 1),
    "n": checks.whole(1, 9),
    "prompt_optimizer": checks.is_flag,
    "subject_reference": _one_character("image_file", _medium),
}


def wrong_image(body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a body of `/v1/image_generation`; None for nothing."""
    fault = checks.wrong_in(body, _IMAGE_FIELDS)
    if fault is not None:
        return fault

    sides = {"width", "height"} & body.keys()
    live = body["model"] == "image-01-live"
    return checks.first_fault(
        {
            "width and height go together": len(sides) == 1,
            "width and height must be multiples of 8": any(body[side] % 8 for side in sides),
            "give aspect_ratio, or width and height": sides and "aspect_ratio" in body,
            "width and height are not supported": sides and live,
            "21:9 is not supported": live and body.get("aspect_ratio") == "21:9",
        }
    )
