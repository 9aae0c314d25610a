"""What Ideogram's routes take: a strict reader of JSON bodies and forms, from the vendor's pages.

The vendor ignores what it doesn't know, and bills; here that is refused. Some routes take JSON, and
some forms alone; files go by forms only.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import object_in, parsed, read_form
from tarash.tarash_gateway.testing._wires import _checks as checks

_LARGEST = 25 * 1024 * 1024
_TYPES = {"image/jpeg", "image/png", "image/webp"}
_MOST_SEED = 2**31 - 1
_TEXTS = {"prompt", "negative_prompt", "aspect_ratio", "resolution", "size", "webhook_url"}
FILES = frozenset({"image", "images", "mask", "end_image", "reference_images", "frames"})
FILES |= {"character_reference_images"}


_text = checks.text(10_000)


def _ratio(mark: str) -> checks.Check:
    return checks.matches(rf"\d{{1,2}}{mark}\d{{1,2}}")


def _pixels(value: Any) -> bool:
    match = re.fullmatch(r"(\d{3,4})x(\d{3,4})", value) if isinstance(value, str) else None
    return match is not None and all(256 <= int(side) <= 2880 for side in match.groups())  # noqa: PLR2004


def _files(most: int) -> checks.Check:
    return checks.list_of(checks.anything, most)


_SEED = {"seed": checks.whole(0, _MOST_SEED)}
_COMMON = {"async": checks.is_flag, "webhook_url": checks.is_hook, "prompt": _text}
_SPEED = {"rendering_speed": checks.one_of("turbo", "default", "quality")}
_OWN_RATIO = {"aspect_ratio": _ratio("x"), "resolution": _pixels}
_COLON = {"aspect_ratio": _ratio(":"), "resolution": _pixels}
_IMAGE = {"image*": _files(1)}
_MASK = {"mask*": _files(1)}
_EDIT = checks.one_of("very_low", "low", "medium", "high")
_GRADE = {"quality": checks.one_of("low", "medium", "high", "auto")}
_FACTOR = {"upscale_factor": checks.one_of("x2", "x4", "x8")}
_UNSIGNED = {"async": checks.is_flag, "webhook_url": checks.is_hook}

_SHARED: Sequence[tuple[tuple[str, ...], checks.Fields]] = (
    (
        ("generate/ideogram-2a", "generate/ideogram-2"),
        {**_COMMON, **_SEED, "aspect_ratio": _ratio("x"), "negative_prompt": _text},
    ),
    (
        ("generate/gpt-image-2-5-flare", "generate/gpt-image-2-5-sunburst"),
        {
            **_COMMON,
            **_SEED,
            **_COLON,
            **_GRADE,
            "images": _files(16),
            "mask": _files(1),
        },
    ),
    (
        ("generate/nano-banana-2", "generate/nano-banana-pro"),
        {**_COMMON, **_SEED, "aspect_ratio": _ratio(":"), "images": _files(10)},
    ),
    (("remix/ideogram-3", "remix/auto"), {**_COMMON, **_IMAGE, **_SEED, **_OWN_RATIO}),
    (
        ("upscale/auto", "upscale/topaz-text-refine", "upscale/topaz-wonder-3-5"),
        {**_UNSIGNED, **_IMAGE, **_SEED, **_FACTOR},
    ),
    (
        ("upscale/topaz-redefine", "upscale/topaz-bloom-2"),
        {**_COMMON, **_IMAGE, **_SEED, **_FACTOR},
    ),
)
_ROUTES: Mapping[str, checks.Fields] = {
    **{name: fields for names, fields in _SHARED for name in names},
    "generate/ideogram-4-5": {
        **_COMMON,
        **_SEED,
        "magic_prompt": checks.one_of("auto", "on", "off"),
        "images": _files(5),
        "mask": _files(1),
        "size": checks.any_of(checks.one_of("auto", "source"), _pixels),
        "quality": _EDIT,
        "num_images": checks.whole(1, 8),
        "enable_copyright_detection": checks.is_flag,
    },
    "precise-edit/ideogram-4-5": {
        **_COMMON,
        **_SEED,
        "image": _files(1),
        "image_asset_identifier": _text,
        "reference_images": _files(4),
        "mask": _files(1),
        "quality": _EDIT,
        "num_images": checks.whole(1, 8),
        "private": checks.is_flag,
        "target_collection_id": _text,
    },
    "generate/ideogram-4": {**_COMMON, **_SEED, **_SPEED, "resolution": _pixels},
    "generate/ideogram-3": {
        **_COMMON,
        **_SEED,
        **_SPEED,
        **_OWN_RATIO,
        "negative_prompt": _text,
        "style_type": _text,
    },
    "generate/ideogram-3-character": {
        **_COMMON,
        **_SEED,
        **_SPEED,
        **_OWN_RATIO,
        "negative_prompt": _text,
        "character_reference_images*": _files(10),
    },
    "generate/ideogram-3-transparent": {**_COMMON, **_SEED, "aspect_ratio": _ratio("x")},
    "generate/ideogram-4-transparent": {
        **_COMMON,
        **_SEED,
        "aspect_ratio": _ratio("x"),
        "output_resolution": checks.one_of("1k", "2k", "4k", "8k"),
    },
    "generate/p-image-ideogram": {
        **_COMMON,
        **_SEED,
        "aspect_ratio": _ratio("x"),
        "resolution": checks.one_of("1k", "2k"),
        "quality": checks.one_of("very_low", "low", "medium", "high", "very_high"),
    },
    "generate/z-image": {**_COMMON, **_SEED, "resolution": _pixels},
    "generate/auto": {**_COMMON, **_SEED, **_OWN_RATIO},
    "generate/gpt-image-2": {**_COMMON, **_SEED, **_COLON, "images": _files(16)},
    "remix/ideogram-4": {**_COMMON, **_IMAGE, "resolution": _pixels},
    "inpaint/ideogram-3": {**_COMMON, **_IMAGE, **_MASK, **_SEED},
    "reframe/ideogram-3": {**_UNSIGNED, **_IMAGE, **_SEED, "resolution*": _pixels},
    "reframe/nano-banana-2": {**_UNSIGNED, **_IMAGE, **_SEED, "aspect_ratio*": _ratio(":")},
    "replace-background/ideogram-3": {**_COMMON, **_IMAGE},
    "replace-background/gpt-image-2": {**_COMMON, **_IMAGE, **_GRADE},
    "remove-background/ideogram-1": {**_UNSIGNED, **_IMAGE},
    "remove-object/ideogram-1": {**_UNSIGNED, **_IMAGE, **_MASK, **_SEED},
    "upscale/topaz-standard-2": {**_UNSIGNED, **_IMAGE, **_FACTOR},
    "upscale/nano-banana-pro": {**_COMMON, **_IMAGE, **_SEED},
    "layerize/ideogram-3": {**_COMMON, **_IMAGE, **_SEED},
}
_NO_PROMPT = (
    *("reframe/", "remove-", "upscale/auto", "upscale/topaz-standard"),
    *("upscale/topaz-text", "upscale/topaz-wonder"),
)
_JSON = {
    "generate/ideogram-4-5", "generate/ideogram-4", "generate/ideogram-3-transparent",
    "generate/ideogram-4-transparent", "generate/ideogram-2a", "generate/ideogram-2",
    "generate/p-image-ideogram", "generate/z-image",
}  # fmt: skip

_AUTO_RATIO = checks.any_of(checks.one_of("auto"), _ratio("x"))
_MODES = {
    "text-to-video": {"aspect_ratio": _AUTO_RATIO},
    "image-to-video": {"image*": _files(1), "end_image": _files(1)},
    "reference-to-video": {
        "reference_images*": _files(9),
        "aspect_ratio": _AUTO_RATIO,
    },
}
_VIDEO = {
    "prompt*": _text,
    "webhook_url": checks.is_hook,
    "generate_audio": checks.is_flag,
}
_FAMILIES: Mapping[str, tuple[tuple[str, ...], tuple[int, int], tuple[str, ...]]] = {
    "kling-3-standard": (("720p", "1080p"), (3, 15), ("text-to-video", "image-to-video")),
    "minimax-h3": (("480p", "720p", "1080p"), (4, 15), tuple(_MODES)),
    "seedance-2-5": (("480p", "720p", "1080p"), (4, 30), tuple(_MODES)),
    "seedance-2": (("480p", "720p", "1080p"), (4, 15), tuple(_MODES)),
}
_KLING_4: checks.Fields = {
    **_VIDEO,
    "duration": checks.whole(3, 30),
    "resolution": checks.one_of("720p", "1080p"),
    "aspect_ratio": _AUTO_RATIO,
    "frames": _files(10),
    "reference_images": _files(10),
}


def _video_fields(model: str) -> checks.Fields | None:
    if model == "kling-4":
        return _KLING_4

    for family, (resolutions, seconds, modes) in _FAMILIES.items():
        mode = model.removeprefix(f"{family}-")
        if mode != model and mode in modes:
            own: dict[str, checks.Check] = {**_VIDEO, **_MODES[mode]}
            own |= {"duration": checks.whole(*seconds), "resolution": checks.one_of(*resolutions)}
            if family == "kling-3-standard":
                own["negative_prompt"] = _text

            if family == "seedance-2" and mode == "image-to-video":
                own["aspect_ratio"] = _AUTO_RATIO

            return own

    return None


def fields_of(content: str, route: str) -> checks.Fields | None:
    """Return what a route takes; None where there is no such route."""
    if content == "video":
        return _video_fields(route)

    fields = _ROUTES.get(route)
    if fields is None or route.startswith(_NO_PROMPT):
        return fields

    return {**{name: value for name, value in fields.items() if name != "prompt"}, "prompt*": _text}


def read(request: RecordedRequest, content: str, route: str) -> dict[str, Any] | None:
    """Return a body as an object, with files in lists; None for a form that isn't taken."""
    form = read_form(request)
    if form is None:
        takes_json = content == "video" or route in _JSON
        if not takes_json or not request.headers.get("content-type", "").startswith(
            "application/json"
        ):
            return None

        body = object_in(request)
        return None if body is None or body.keys() & FILES else body

    body = {name: value if name in _TEXTS else parsed(value) for name, value in form.fields.items()}
    return {**body, **{name: list(files) for name, files in form.files.items()}}


def wrong(fields: checks.Fields, body: Mapping[str, Any], route: str) -> str | None:
    """Say what is wrong with a body; None for nothing."""
    return checks.wrong_in(body, fields) or _wrong_files(body) or _wrong_together(body, route)


def _wrong_files(body: Mapping[str, Any]) -> str | None:
    files: Sequence[Any] = [file for name in FILES for file in body.get(name, ())]
    if any(file.content_type not in _TYPES for file in files):
        return "files are jpeg, png or webp"

    return "a file is larger than 25 MB" if any(len(f.content) > _LARGEST for f in files) else None


def _wrong_together(body: Mapping[str, Any], route: str) -> str | None:
    has_images = bool(body.get("images") or body.get("image"))
    return checks.first_fault(
        {
            "very_low needs images": body.get("quality") == "very_low"
            and not has_images
            and route != "generate/p-image-ideogram"
            and "image_asset_identifier" not in body,
            "a mask needs an image": "mask" in body and not has_images,
            "size is not allowed with a mask": "mask" in body and "size" in body,
            "a mask goes with four images": "mask" in body
            and len(body.get("images", ())) > 4  # noqa: PLR2004
            and route == "generate/ideogram-4-5",
            "three references with a mask": "mask" in body
            and len(body.get("reference_images", ())) > 3,  # noqa: PLR2004
            "image or image_asset_identifier": route.startswith("precise-edit/")
            and not has_images
            and "image_asset_identifier" not in body,
            "aspect_ratio or resolution": "aspect_ratio" in body
            and "resolution" in body
            and route.startswith(
                ("generate/ideogram-3", "generate/auto", "generate/gpt", "remix/")
            ),
        }
    )
