"""What the routes of WaveSpeed take: a strict reader of bodies, written from the vendor's pages.

The vendor ignores what it doesn't know; here that is refused, so that nothing is sent in vain.
"""

from collections.abc import Mapping
from typing import Any

from tarash.tarash_gateway.testing._wires._checks import (
    Check,
    Fields,
    anything,
    is_flag,
    is_text,
    is_url,
    list_of,
    matches,
    one_of,
    whole,
    wrong_in,
)

_MOST_SEED = 2**31 - 1
_WORDS = {
    "unknown": "unknown property {}",
    "missing": 'property "{}" is missing',
    "invalid": 'property "{}" is invalid: {}',
}
_LEAST_SIDE, _MOST_SIDE = 256, 1536
_form_of_size = matches(r"\d+\*\d+")


def _urls(most: int) -> Check:
    return list_of(is_url, most)


def _size(value: Any) -> bool:
    sides = map(int, value.split("*")) if _form_of_size(value) else (0,)
    return all(_LEAST_SIDE <= side <= _MOST_SIDE for side in sides)


_SEED = {"seed": whole(-1, _MOST_SEED)}
_ANY = {
    "prompt": is_text,
    "negative_prompt": is_text,
    "seed": whole(-1, _MOST_SEED),
    "duration": whole(1, 60),
    "resolution": is_text,
    "aspect_ratio": is_text,
    "generate_audio": is_flag,
    "image": is_url,
    "last_image": is_url,
    "images": _urls(20),
    "video": is_url,
    "size": _form_of_size,
    "enable_sync_mode": is_flag,
    "enable_base64_output": is_flag,
}
_WIDE = ("16:9", "9:16", "1:1", "21:9")
_SIX = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
_KLING4 = {
    "prompt": is_text,
    "resolution": one_of("720p", "1080p", "4k"),
    "duration": whole(3, 30),
    "aspect_ratio": one_of(*_WIDE),
}
_FLUX3 = {
    "prompt": is_text,
    "duration": whole(5, 20),
    "resolution": one_of("720p", "1080p"),
}

ROUTES: Mapping[str, Fields] = {
    "wavespeed-ai/z-image/turbo": {
        "prompt*": is_text,
        "size": _size,
        **_SEED,
        "output_format": one_of("jpeg", "png", "webp"),
        "enable_sync_mode": is_flag,
        "enable_base64_output": is_flag,
    },
    "bytedance/seedance-2.0/text-to-video": {
        "prompt*": is_text,
        "duration": whole(4, 15),
        "resolution": one_of("480p", "720p", "1080p"),
        "aspect_ratio": one_of(*_SIX),
        "generate_audio": is_flag,
        "reference_images": _urls(9),
        "reference_videos": _urls(3),
        "reference_audios": _urls(3),
        **_SEED,
    },
    "bytedance/seedance-2.0/image-to-video": {
        "image*": is_url,
        "last_image": is_url,
        "prompt": is_text,
        "duration": whole(4, 15),
        "resolution": one_of("480p", "720p", "1080p"),
    },
    "kwaivgi/kling-video-o1/reference-to-video": {
        "prompt*": is_text,
        "images": _urls(7),
        "video": is_url,
        "duration": whole(3, 10),
        "aspect_ratio": one_of("16:9", "9:16", "1:1"),
    },
    "kwaivgi/kling-v3.0-4k/image-to-video": {
        "image*": is_url,
        "end_image": is_url,
        "element_list": list_of(anything, 3),
        "prompt": is_text,
        "duration": whole(3, 15),
    },
    "kwaivgi/kling-v4.0/text-to-video": {**_KLING4, "prompt*": is_text},
    "kwaivgi/kling-v4.0/image-to-video": {
        **_KLING4,
        "image*": is_url,
        "last_image": is_url,
        "keyframes": _urls(8),
    },
    "kwaivgi/kling-v4.0/reference-to-video": {
        **_KLING4,
        "prompt*": is_text,
        "images": _urls(10),
        "videos": _urls(5),
        "audios": _urls(3),
    },
    "kwaivgi/kling-v4.0/video-edit": {
        **_KLING4,
        "prompt*": is_text,
        "video*": is_url,
        "images": _urls(10),
    },
    "kwaivgi/kling-v4.0/video-extend": {
        **{name: check for name, check in _KLING4.items() if name != "aspect_ratio"},
        "prompt*": is_text,
        "video*": is_url,
        "last_image": is_url,
    },
    "pruna-ai/p-video-2/image-to-video": {
        "prompt*": is_text,
        "image*": is_url,
        "duration": whole(1, 20),
        "resolution": one_of("720p", "1080p"),
        "draft": is_flag,
    },
    "black-forest-labs/flux-3/text-to-video": {
        **_FLUX3,
        "prompt*": is_text,
        "aspect_ratio": one_of(*_SIX),
    },
    "black-forest-labs/flux-3/image-to-video": {**_FLUX3, "prompt*": is_text, "image*": is_url},
    "black-forest-labs/flux-3/start-end-to-video": {
        **_FLUX3,
        "prompt*": is_text,
        "image*": is_url,
        "last_image*": is_url,
    },
    "black-forest-labs/flux-3/video-extend": {**_FLUX3, "prompt*": is_text, "video*": is_url},
    "wavespeed-ai/infinitetalk": {
        "image*": is_url,
        "audio*": is_url,
        "prompt": is_text,
        "resolution": one_of("480p", "720p"),
        **_SEED,
    },
}
_MOST_WITH_VIDEO = 4


def wrong(model: str, body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the body of a submit; None for nothing."""
    fault = wrong_in(body, ROUTES.get(model, _ANY), _WORDS)
    if fault is not None:
        return fault

    crowded = len(body.get("images", ())) > _MOST_WITH_VIDEO and "video" in body
    if crowded and model == "kwaivgi/kling-video-o1/reference-to-video":
        return "at most 4 images with a video"

    return None
