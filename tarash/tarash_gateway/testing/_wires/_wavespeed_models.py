"""What the routes of WaveSpeed take: a strict reader of bodies, written from the vendor's pages.

The vendor ignores what it doesn't know; here that is refused, so that nothing is sent in vain.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]
_MOST_SEED = 2**31 - 1


def _one_of(*values: Any) -> Check:
    return lambda value: any(value == one and type(value) is type(one) for one in values)


def _whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _url(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"https?://\S+", value) is not None


def _urls(most: int) -> Check:
    return lambda value: (
        isinstance(value, list) and 0 < len(value) <= most and all(map(_url, value))
    )


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _size(value: Any) -> bool:
    match = re.fullmatch(r"(\d+)\*(\d+)", value) if isinstance(value, str) else None
    return match is not None and all(256 <= int(side) <= 1536 for side in match.groups())  # noqa: PLR2004


_SEED = {"seed": _whole(-1, _MOST_SEED)}
_ANY = {
    "prompt": _text,
    "negative_prompt": _text,
    "seed": _whole(-1, _MOST_SEED),
    "duration": _whole(1, 60),
    "resolution": _text,
    "aspect_ratio": _text,
    "generate_audio": _flag,
    "image": _url,
    "last_image": _url,
    "images": _urls(20),
    "video": _url,
    "size": lambda value: isinstance(value, str) and re.fullmatch(r"\d+\*\d+", value) is not None,
    "enable_sync_mode": _flag,
    "enable_base64_output": _flag,
}
_WIDE = ("16:9", "9:16", "1:1", "21:9")
_SIX = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
_KLING4 = {
    "prompt": _text,
    "resolution": _one_of("720p", "1080p", "4k"),
    "duration": _whole(3, 30),
    "aspect_ratio": _one_of(*_WIDE),
}
_FLUX3 = {
    "prompt": _text,
    "duration": _whole(5, 20),
    "resolution": _one_of("720p", "1080p"),
}
_NEEDED = re.compile(r"\*$")

ROUTES: Mapping[str, Mapping[str, Check]] = {
    "wavespeed-ai/z-image/turbo": {
        "prompt*": _text,
        "size": _size,
        **_SEED,
        "output_format": _one_of("jpeg", "png", "webp"),
        "enable_sync_mode": _flag,
        "enable_base64_output": _flag,
    },
    "bytedance/seedance-2.0/text-to-video": {
        "prompt*": _text,
        "duration": _whole(4, 15),
        "resolution": _one_of("480p", "720p", "1080p"),
        "aspect_ratio": _one_of(*_SIX),
        "generate_audio": _flag,
        "reference_images": _urls(9),
        "reference_videos": _urls(3),
        "reference_audios": _urls(3),
        **_SEED,
    },
    "bytedance/seedance-2.0/image-to-video": {
        "image*": _url,
        "last_image": _url,
        "prompt": _text,
        "duration": _whole(4, 15),
        "resolution": _one_of("480p", "720p", "1080p"),
    },
    "kwaivgi/kling-video-o1/reference-to-video": {
        "prompt*": _text,
        "images": _urls(7),
        "video": _url,
        "duration": _whole(3, 10),
        "aspect_ratio": _one_of("16:9", "9:16", "1:1"),
    },
    "kwaivgi/kling-v3.0-4k/image-to-video": {
        "image*": _url,
        "end_image": _url,
        "element_list": lambda value: isinstance(value, list) and len(value) <= 3,  # noqa: PLR2004
        "prompt": _text,
        "duration": _whole(3, 15),
    },
    "kwaivgi/kling-v4.0/text-to-video": {**_KLING4, "prompt*": _text},
    "kwaivgi/kling-v4.0/image-to-video": {
        **_KLING4,
        "image*": _url,
        "last_image": _url,
        "keyframes": _urls(8),
    },
    "kwaivgi/kling-v4.0/reference-to-video": {
        **_KLING4,
        "prompt*": _text,
        "images": _urls(10),
        "videos": _urls(5),
        "audios": _urls(3),
    },
    "kwaivgi/kling-v4.0/video-edit": {
        **_KLING4,
        "prompt*": _text,
        "video*": _url,
        "images": _urls(10),
    },
    "kwaivgi/kling-v4.0/video-extend": {
        **{name: one for name, one in _KLING4.items() if name != "aspect_ratio"},
        "prompt*": _text,
        "video*": _url,
        "last_image": _url,
    },
    "pruna-ai/p-video-2/image-to-video": {
        "prompt*": _text,
        "image*": _url,
        "duration": _whole(1, 20),
        "resolution": _one_of("720p", "1080p"),
        "draft": _flag,
    },
    "black-forest-labs/flux-3/text-to-video": {
        **_FLUX3,
        "prompt*": _text,
        "aspect_ratio": _one_of(*_SIX),
    },
    "black-forest-labs/flux-3/image-to-video": {**_FLUX3, "prompt*": _text, "image*": _url},
    "black-forest-labs/flux-3/start-end-to-video": {
        **_FLUX3,
        "prompt*": _text,
        "image*": _url,
        "last_image*": _url,
    },
    "black-forest-labs/flux-3/video-extend": {**_FLUX3, "prompt*": _text, "video*": _url},
    "wavespeed-ai/infinitetalk": {
        "image*": _url,
        "audio*": _url,
        "prompt": _text,
        "resolution": _one_of("480p", "720p"),
        **_SEED,
    },
}
_MOST_WITH_VIDEO = 4


def wrong(model: str, body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the body of a submit; None for nothing."""
    listed = ROUTES.get(model, _ANY)
    fields = {_NEEDED.sub("", name): check for name, check in listed.items()}
    unknown = sorted(body.keys() - fields.keys())
    if unknown:
        return f"unknown property {unknown[0]}"

    missing = [name[:-1] for name in listed if name.endswith("*") and name[:-1] not in body]
    if missing:
        return f'property "{missing[0]}" is missing'

    bad = [name for name, value in body.items() if not fields[name](value)]
    if bad:
        return f'property "{bad[0]}" is invalid: {body[bad[0]]!r}'

    crowded = len(body.get("images", ())) > _MOST_WITH_VIDEO and "video" in body
    if crowded and model == "kwaivgi/kling-video-o1/reference-to-video":
        return "at most 4 images with a video"

    return None
