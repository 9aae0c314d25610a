"""What ByteDance's servers refuse: fields, values and media of each Seedance and Seedream model.

Follows the ModelArk documentation of 2026-10-08. As strict as the models that check strictly: a
field that a model does not have is an error, and so is a value of another type.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

Wrong = tuple[str, str]
"""The code of a refusal, and its words."""

_RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")
_FOR_ALL: checks.Fields = {
    "model*": checks.is_text,
    "content*": checks.list_of(checks.is_object),
    "ratio": checks.one_of(*_RATIOS),
    "watermark": checks.is_flag,
    "return_last_frame": checks.is_flag,
    "execution_expires_after": checks.whole(3600, 259200),
    "callback_url": checks.is_text,
    "safety_identifier": checks.text(64),
}
_OLD: checks.Fields = {
    "seed": checks.whole(-1, 2147483647),
    "camera_fixed": checks.is_flag,
    "service_tier": checks.one_of("default", "flex"),
}
_SOUND: checks.Fields = {"generate_audio": checks.is_flag}
_DRAFT: checks.Fields = {"draft": checks.is_flag}
_WORDS = {
    "unknown": ("InvalidParameter.UnsupportedParameter", "`{}` is not supported here."),
    "missing": ("MissingParameter.{}", "The request is missing `{}`."),
    "invalid": ("InvalidParameter", "`{}` is not valid."),
}
_KEPT_BY_A_DRAFT = frozenset({"duration", "ratio", "seed", "generate_audio"})
_IMAGE_TYPES: Mapping[str, bytes | tuple[bytes, ...]] = {
    "png": b"\x89PNG",
    "jpeg": b"\xff\xd8",
    "gif": b"GIF8",
    "webp": b"RIFF",
    "bmp": b"BM",
    "tiff": (b"II*\x00", b"MM\x00*"),
}
_ROLES = {
    "image_url": ("first_frame", "last_frame", "reference_image"),
    "video_url": ("reference_video",),
    "audio_url": ("reference_audio",),
}


@dataclass(frozen=True, slots=True)
class VideoModel:
    """What one family of Seedance takes.

    Attributes:
        resolutions: Their names.
        seconds: The least and the most.
        fields: What it has beside the fields of all.
        frames: The roles of frames.
        images: How many reference images.
        videos: How many reference videos.
        audios: How many reference audios.
        usual: The resolution and the seconds that it takes where nothing is said.
    """

    resolutions: tuple[str, ...]
    seconds: tuple[int, int]
    fields: checks.Fields
    frames: tuple[str, ...] = ("first_frame", "last_frame")
    images: int = 0
    videos: int = 0
    audios: int = 0
    usual: tuple[str, int] = ("720p", 5)


_NEWER: checks.Fields = {**_SOUND, "priority": checks.whole(0, 9)}
_V2_FAST = VideoModel(
    ("480p", "720p"),
    (4, 15),
    {**_NEWER, "tools": checks.list_of(checks.anything)},
    images=9,
    videos=3,
    audios=3,
)
# Frames are 25 + 4n.
_V1: checks.Fields = {
    **_OLD,
    "frames": lambda value: checks.whole(29, 289)(value) and value % 4 == 1,
}
_VIDEOS = {
    "seedance-2-5-260628": VideoModel(
        ("480p", "720p", "1080p"),
        (4, 30),
        {
            **_NEWER,
            **_DRAFT,
            "output_format": checks.one_of("mp4", "mov"),
            "omni_reference_task_type": checks.one_of("auto", "reference", "edit", "extend"),
        },
        images=30,
        videos=10,
        audios=10,
        usual=("720p", 30),  # -1: as long as the model finds right, and billed so
    ),
    "seedance-2-0-260128": VideoModel(
        ("480p", "720p", "1080p", "4k"), (4, 15), _V2_FAST.fields, images=9, videos=3,
        audios=3,
    ),
    "seedance-2-0-fast-260128": _V2_FAST,
    "seedance-2-0-mini-260615": _V2_FAST,
    "seedance-1-5-pro-251215": VideoModel(
        ("480p", "720p", "1080p"), (4, 12), {**_OLD, **_SOUND, **_DRAFT}
    ),
    "seedance-1-0-pro-250528": VideoModel(
        ("480p", "720p", "1080p"), (2, 12), _V1, usual=("1080p", 5)
    ),
    "seedance-1-0-pro-fast-251015": VideoModel(
        ("480p", "720p", "1080p"), (2, 12), _V1, ("first_frame",), usual=("1080p", 5)
    ),
}  # fmt: skip


def video_model(name: str) -> VideoModel | None:
    """Return what a model takes; an endpoint of one's own is one of Seedance 2.0."""
    if name.startswith("ep-"):
        return _VIDEOS["seedance-2-0-260128"]

    for prefix in ("dreamina-", "doubao-", ""):
        model = _VIDEOS.get(name.removeprefix(prefix))
        if model is not None and prefix in name:
            # Outside China 1.5 is switched off, and 1.0 has no prefix there.
            is_newest = "seedance-2" in name
            gone = "1-5" in name and prefix != "doubao-"
            fits = prefix == "doubao-" or is_newest == (prefix == "dreamina-")
            return model if fits and not gone else None

    return None


def wrong_video(body: Mapping[str, Any], model: VideoModel) -> Wrong | None:
    """Say what is wrong with a task; None for nothing."""
    seconds = checks.whole(*model.seconds)
    if "frames" not in model.fields:  # the model may choose
        seconds = checks.any_of(seconds, checks.one_of(-1))

    own: checks.Fields = {"resolution": checks.one_of(*model.resolutions), "duration": seconds}
    filled = {name: value for name, value in body.items() if name != "content" or value}
    fault = _wrong_field(filled, {**_FOR_ALL, **model.fields, **own})
    return fault or next(_contents(body, model), None)


def _wrong_field(body: Mapping[str, Any], fields: checks.Fields) -> Wrong | None:
    for kind, name in checks.faults_in(body, fields):
        code, words = _WORDS[kind]
        return code.format(name), words.format(name)

    return None


def _contents(body: Mapping[str, Any], model: VideoModel) -> Iterator[Wrong]:
    parts = body["content"]
    roles = [part.get("role") for part in parts]
    is_draft = any(part.get("type") == "draft_task" for part in parts)
    if is_draft and (len(parts) > 1 or _KEPT_BY_A_DRAFT & body.keys()):
        yield "InvalidParameter", "A final from a draft takes over what the draft said."

    texts = [part for part in parts if part.get("type") == "text"]
    if len(texts) > 1:
        yield "InvalidParameter.content", "One text at most."

    for part in parts:
        yield from _part(part)

    frames = [role for role in roles if role in ("first_frame", "last_frame")]
    references = [role for role in roles if str(role).startswith("reference_")]
    if frames and references:
        yield "InvalidParameter", "First and last frames can't be mixed with reference media."

    if len(set(frames)) != len(frames) or set(frames) - set(model.frames):
        yield "InvalidParameter", "This model does not take these frames."

    if frames == ["last_frame"]:
        yield "InvalidParameter", "A last frame needs a first one."

    limits = {"image": model.images, "video": model.videos, "audio": model.audios}
    for kind, most in limits.items():
        count = references.count(f"reference_{kind}")
        if count > most:
            yield "InvalidParameter", f"{count} reference {kind}s, and {most} are possible."


def _part(part: Mapping[str, Any]) -> Iterator[Wrong]:
    kind = str(part.get("type"))
    if kind == "text":
        if set(part) != {"type", "text"} or not isinstance(part.get("text"), str):
            yield "InvalidParameter.content.text", "A text item has a `text`."
    elif kind == "draft_task":
        if not isinstance((part.get(kind) or {}).get("id"), str):
            yield "InvalidParameter.content.draft_task", "A draft has an `id`."
    elif kind not in _ROLES or set(part) != {"type", kind, "role"}:
        yield "InvalidParameter.content", f"An item of type {kind} can't have {sorted(part)}."
    elif part["role"] not in _ROLES[kind]:
        yield "InvalidParameter.content.role", f"The role {part['role']} is not for {kind}."
    elif not isinstance(part[kind], dict) or set(part[kind]) != {"url"}:
        yield f"InvalidParameter.content.{kind}", "A medium has one `url`."
    else:
        yield from wrong_medium(part[kind]["url"], kind.removesuffix("_url"))


def wrong_medium(url: Any, kind: str) -> Iterator[Wrong]:
    """Yield what is wrong with the address of a medium."""
    text = str(url)
    if re.match(r"(https?|asset)://\S+", text):
        return

    match = re.match(r"data:(image|audio)/([a-z0-9.+-]+);base64,", text)
    if match is None or match[1] != kind:
        yield f"Invalid{kind.title()}URL.Format", f"The {kind} has no valid URL."
        return

    if kind != "image":
        return

    begin = base64.b64decode(text[match.end() :][:64] or "=", validate=False)
    expected = _IMAGE_TYPES.get(match[2])
    if expected is None or not begin.startswith(expected):
        yield "InvalidParameter.UnsupportedImageFormat", f"The image is no {match[2]}."


# ------------------------------------------------------------------------------------------ images
_TIERS = {
    "seedream-5-0-pro-260628": (("1K", "1.5K", "2K"), 921_600, 4_624_220),
    "seedream-5-0-flash-260915": (("1K", "1.5K", "2K"), 921_600, 4_624_220),
    "seedream-5-0-260128": (("2K", "3K", "4K"), 3_686_400, 16_777_216),
    "seedream-5-0-lite-260128": (("2K", "3K", "4K"), 3_686_400, 16_777_216),
    "seedream-4-5-251128": (("2K", "4K"), 3_686_400, 16_777_216),
    "seedream-4-0-250828": (("1K", "2K", "4K"), 921_600, 16_777_216),
}
_IMAGE: checks.Fields = {
    "model*": checks.is_text,
    "prompt*": checks.is_text,
    "image": checks.any_of(checks.is_text, checks.list_of(checks.is_text)),
    "size": checks.is_text,
    "response_format": checks.one_of("url", "b64_json"),
    "watermark": checks.is_flag,
}
_NEW_IMAGE: checks.Fields = {
    "background": checks.one_of("transparent", "opaque"),
    "layer_decomposition": checks.is_flag,
}
_SERIES: checks.Fields = {
    "sequential_image_generation": checks.one_of("disabled", "auto"),
    "sequential_image_generation_options": checks.object_of({"max_images*": checks.is_whole}),
    "stream": checks.is_flag,
}


def image_model(name: str) -> str | None:
    """Return the family of an image model; None where nobody has it."""
    match = re.fullmatch(r"(?:doubao-|dola-)?(seedream-.*)", name)
    return match[1] if match and match[1] in _TIERS else None


def wrong_image(body: Mapping[str, Any], family: str) -> Wrong | None:
    """Say what is wrong with a request for images; None for nothing."""
    is_new = family.startswith(("seedream-5-0-pro", "seedream-5-0-flash"))
    fields: dict[str, checks.Check] = {**_IMAGE, **(_NEW_IMAGE if is_new else _SERIES)}
    if family.startswith("seedream-5"):
        fields["output_format"] = checks.one_of("png", "jpeg")

    if "pro" in family or "4-0" in family:
        fields["optimize_prompt_options"] = checks.object_of(
            {"mode*": checks.one_of("standard", "fast")}
        )

    fault = _wrong_field(body, fields)
    return fault or next(_image_values(body, family, 10 if is_new else 14), None)


def _image_values(body: Mapping[str, Any], family: str, most: int) -> Iterator[Wrong]:
    tiers, least, largest = _TIERS[family]
    size = body.get("size", tiers[-1])
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    area = int(match[1]) * int(match[2]) if match else 0
    if size not in tiers and not (match and least <= area <= largest):
        yield "InvalidParameter", f"The parameter `size` is not valid: {size}."

    images = body.get("image", [])
    images = images if isinstance(images, list) else [images]
    count = series(body)
    if len(images) > most or not 1 <= count <= 15 or (count > 1 and len(images) + count > 15):  # noqa: PLR2004
        yield "InvalidParameter", "Too many images."

    for url in images:
        yield from wrong_medium(url, "image")


def series(body: Mapping[str, Any]) -> int:
    """Return how many images a body asks for at most."""
    if body.get("sequential_image_generation") != "auto":
        return 1

    most = (body.get("sequential_image_generation_options") or {}).get("max_images", 15)
    return most if isinstance(most, int) else 0
