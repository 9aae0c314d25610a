"""What the routes of WaveSpeed take: a strict reader of bodies, written from the vendor's pages.

The vendor ignores what it doesn't know; here that is refused, so that nothing is sent in vain.
"""

from collections.abc import Mapping
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

_MOST_SEED = 2**31 - 1
_WORDS = {
    "unknown": "unknown property {}",
    "missing": 'property "{}" is missing',
    "invalid": 'property "{}" is invalid: {}',
}
_LEAST_SIDE, _MOST_SIDE = 256, 1536
_form_of_size = checks.matches(r"\d+\*\d+")


def _urls(most: int) -> checks.Check:
    return checks.list_of(checks.is_url, most)


def _size(value: Any) -> bool:
    sides = map(int, value.split("*")) if _form_of_size(value) else (0,)
    return all(_LEAST_SIDE <= side <= _MOST_SIDE for side in sides)


_SEED = {"seed": checks.whole(-1, _MOST_SEED)}
_ANY = {
    "prompt": checks.is_text,
    "negative_prompt": checks.is_text,
    "seed": checks.whole(-1, _MOST_SEED),
    "duration": checks.whole(1, 60),
    "resolution": checks.is_text,
    "aspect_ratio": checks.is_text,
    "generate_audio": checks.is_flag,
    "image": checks.is_url,
    "last_image": checks.is_url,
    "images": _urls(20),
    "video": checks.is_url,
    "size": _form_of_size,
    "enable_sync_mode": checks.is_flag,
    "enable_base64_output": checks.is_flag,
}
_WIDE = ("16:9", "9:16", "1:1", "21:9")
_SIX = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
_KLING4 = {
    "prompt": checks.is_text,
    "resolution": checks.one_of("720p", "1080p", "4k"),
    "duration": checks.whole(3, 30),
    "aspect_ratio": checks.one_of(*_WIDE),
}
_FLUX3 = {
    "prompt": checks.is_text,
    "duration": checks.whole(5, 20),
    "resolution": checks.one_of("720p", "1080p"),
}

ROUTES: Mapping[str, checks.Fields] = {
    "wavespeed-ai/z-image/turbo": {
        "prompt*": checks.is_text,
        "size": _size,
        **_SEED,
        "output_format": checks.one_of("jpeg", "png", "webp"),
        "enable_sync_mode": checks.is_flag,
        "enable_base64_output": checks.is_flag,
    },
    "bytedance/seedance-2.0/text-to-video": {
        "prompt*": checks.is_text,
        "duration": checks.whole(4, 15),
        "resolution": checks.one_of("480p", "720p", "1080p"),
        "aspect_ratio": checks.one_of(*_SIX),
        "generate_audio": checks.is_flag,
        "reference_images": _urls(9),
        "reference_videos": _urls(3),
        "reference_audios": _urls(3),
        **_SEED,
    },
    "bytedance/seedance-2.0/image-to-video": {
        "image*": checks.is_url,
        "last_image": checks.is_url,
        "prompt": checks.is_text,
        "duration": checks.whole(4, 15),
        "resolution": checks.one_of("480p", "720p", "1080p"),
    },
    "kwaivgi/kling-video-o1/reference-to-video": {
        "prompt*": checks.is_text,
        "images": _urls(7),
        "video": checks.is_url,
        "duration": checks.whole(3, 10),
        "aspect_ratio": checks.one_of("16:9", "9:16", "1:1"),
    },
    "kwaivgi/kling-v3.0-4k/image-to-video": {
        "image*": checks.is_url,
        "end_image": checks.is_url,
        "element_list": checks.list_of(checks.anything, 3),
        "prompt": checks.is_text,
        "duration": checks.whole(3, 15),
    },
    "kwaivgi/kling-v4.0/text-to-video": {**_KLING4, "prompt*": checks.is_text},
    "kwaivgi/kling-v4.0/image-to-video": {
        **_KLING4,
        "image*": checks.is_url,
        "last_image": checks.is_url,
        "keyframes": _urls(8),
    },
    "kwaivgi/kling-v4.0/reference-to-video": {
        **_KLING4,
        "prompt*": checks.is_text,
        "images": _urls(10),
        "videos": _urls(5),
        "audios": _urls(3),
    },
    "kwaivgi/kling-v4.0/video-edit": {
        **_KLING4,
        "prompt*": checks.is_text,
        "video*": checks.is_url,
        "images": _urls(10),
    },
    "kwaivgi/kling-v4.0/video-extend": {
        **{name: check for name, check in _KLING4.items() if name != "aspect_ratio"},
        "prompt*": checks.is_text,
        "video*": checks.is_url,
        "last_image": checks.is_url,
    },
    "pruna-ai/p-video-2/image-to-video": {
        "prompt*": checks.is_text,
        "image*": checks.is_url,
        "duration": checks.whole(1, 20),
        "resolution": checks.one_of("720p", "1080p"),
        "draft": checks.is_flag,
    },
    "black-forest-labs/flux-3/text-to-video": {
        **_FLUX3,
        "prompt*": checks.is_text,
        "aspect_ratio": checks.one_of(*_SIX),
    },
    "black-forest-labs/flux-3/image-to-video": {
        **_FLUX3,
        "prompt*": checks.is_text,
        "image*": checks.is_url,
    },
    "black-forest-labs/flux-3/start-end-to-video": {
        **_FLUX3,
        "prompt*": checks.is_text,
        "image*": checks.is_url,
        "last_image*": checks.is_url,
    },
    "black-forest-labs/flux-3/video-extend": {
        **_FLUX3,
        "prompt*": checks.is_text,
        "video*": checks.is_url,
    },
    "wavespeed-ai/infinitetalk": {
        "image*": checks.is_url,
        "audio*": checks.is_url,
        "prompt": checks.is_text,
        "resolution": checks.one_of("480p", "720p"),
        **_SEED,
    },
}
_MOST_WITH_VIDEO = 4


def wrong(model: str, body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the body of a submit; None for nothing."""
    fault = checks.wrong_in(body, ROUTES.get(model, _ANY), _WORDS)
    if fault is not None:
        return fault

    crowded = len(body.get("images", ())) > _MOST_WITH_VIDEO and "video" in body
    if crowded and model == "kwaivgi/kling-video-o1/reference-to-video":
        return "at most 4 images with a video"

    return None
