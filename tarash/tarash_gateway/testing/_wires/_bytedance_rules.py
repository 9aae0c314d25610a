"""What ByteDance's servers refuse: fields, values and media of each Seedance and Seedream model.

Follows the ModelArk documentation of 2026-10-08. As strict as the models that check strictly: a
field that a model does not have is an error, and so is a value of another type.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Wrong = tuple[str, str]
"""The code of a refusal, and its words."""

_RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")
_FOR_ALL = {
    "model": str,
    "content": list,
    "resolution": str,
    "ratio": str,
    "duration": int,
    "watermark": bool,
    "return_last_frame": bool,
    "execution_expires_after": int,
    "callback_url": str,
    "safety_identifier": str,
}
_OLD = {"seed": int, "camera_fixed": bool, "service_tier": str}
_SOUND = {"generate_audio": bool}
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
    fields: Mapping[str, type]
    frames: tuple[str, ...] = ("first_frame", "last_frame")
    images: int = 0
    videos: int = 0
    audios: int = 0
    usual: tuple[str, int] = ("720p", 5)


_NEWER = {**_SOUND, "priority": int}
_V2_FAST = VideoModel(
    ("480p", "720p"), (4, 15), {**_NEWER, "tools": list}, images=9, videos=3, audios=3
)
_V1 = {**_OLD, "frames": int}
_VIDEOS = {
    "seedance-2-5-260628": VideoModel(
        ("480p", "720p", "1080p"),
        (4, 30),
        {**_NEWER, "output_format": str, "omni_reference_task_type": str, "draft": bool},
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
        ("480p", "720p", "1080p"), (4, 12), {**_OLD, **_SOUND, "draft": bool}
    ),
    "seedance-1-0-pro-250528": VideoModel(
        ("480p", "720p", "1080p"), (2, 12), _V1, usual=("1080p", 5)
    ),
    "seedance-1-0-pro-fast-251015": VideoModel(
        ("480p", "720p", "1080p"), (2, 12), _V1, ("first_frame",), usual=("1080p", 5)
    ),
}  # fmt: skip
_CHOICES: Mapping[str, Sequence[Any]] = {
    "ratio": _RATIOS,
    "output_format": ("mp4", "mov"),
    "omni_reference_task_type": ("auto", "reference", "edit", "extend"),
    "service_tier": ("default", "flex"),
}
_SPANS = {
    "priority": (0, 9),
    "seed": (-1, 2147483647),
    "execution_expires_after": (3600, 259200),
}


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
    known = {**_FOR_ALL, **model.fields}
    for name in ("model", "content"):
        if not body.get(name):
            return f"MissingParameter.{name}", f"The request is missing `{name}`."

    checks = (*_typed(body, known), *_values(body, model), *_contents(body, model))
    return next(iter(checks), None)


def _typed(body: Mapping[str, Any], known: Mapping[str, type]) -> Iterator[Wrong]:
    for name, value in body.items():
        if name not in known:
            yield "InvalidParameter.UnsupportedParameter", f"`{name}` is not supported here."
        elif type(value) is not known[name]:
            yield "InvalidParameter", f"`{name}` must be a {known[name].__name__}."


def _values(body: Mapping[str, Any], model: VideoModel) -> Iterator[Wrong]:
    for name, choices in {**_CHOICES, "resolution": model.resolutions}.items():
        if name in body and body[name] not in choices:
            yield "InvalidParameter", f"`{name}` must be one of {', '.join(choices)}."

    for name, (low, high) in _SPANS.items():
        value = body.get(name, low)
        if isinstance(value, int) and not low <= value <= high:
            yield "InvalidParameter", f"`{name}` must be from {low} to {high}."

    seconds = body.get("duration")
    low, high = model.seconds
    is_free = seconds == -1 and "frames" not in model.fields  # the model chooses
    if isinstance(seconds, int) and not (low <= seconds <= high or is_free):
        yield "InvalidParameter", f"`duration` must be from {low} to {high}."

    frames = body.get("frames")
    if isinstance(frames, int) and (not 29 <= frames <= 289 or (frames - 25) % 4):  # noqa: PLR2004
        yield "InvalidParameter", "`frames` must be 25 + 4n, from 29 to 289."

    if len(str(body.get("safety_identifier", ""))) > 64:  # noqa: PLR2004
        yield "InvalidParameter", "`safety_identifier` has 64 characters at most."


def _contents(body: Mapping[str, Any], model: VideoModel) -> Iterator[Wrong]:
    parts = [part for part in body["content"] if isinstance(part, dict)]
    roles = [part.get("role") for part in parts]
    is_draft = any(part.get("type") == "draft_task" for part in parts)
    if len(parts) != len(body["content"]):
        yield "InvalidParameter.content", "Each content item must be an object."
    elif is_draft and (len(parts) > 1 or _KEPT_BY_A_DRAFT & body.keys()):
        yield "InvalidParameter", "A final from a draft takes over what the draft said."

    texts = [part for part in parts if part.get("type") == "text"]
    if len(texts) > 1 or (len(texts) == 0 and len(parts) == 0):
        yield "InvalidParameter.content", "One text at most, and something to work from."

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
_IMAGE_FIELDS = {
    "model": str,
    "prompt": str,
    "image": (str, list),
    "size": str,
    "response_format": str,
    "watermark": bool,
}
_SERIES = {
    "sequential_image_generation": str,
    "sequential_image_generation_options": dict,
    "stream": bool,
}
_MODES = ("standard", "fast")


def image_model(name: str) -> str | None:
    """Return the family of an image model; None where nobody has it."""
    match = re.fullmatch(r"(?:doubao-|dola-)?(seedream-.*)", name)
    return match[1] if match and match[1] in _TIERS else None


def wrong_image(body: Mapping[str, Any], family: str) -> Wrong | None:
    """Say what is wrong with a request for images; None for nothing."""
    if not body.get("prompt"):
        return "MissingParameter.prompt", "The request is missing `prompt`."

    fields: dict[str, Any] = {**_IMAGE_FIELDS}
    is_new = family.startswith(("seedream-5-0-pro", "seedream-5-0-flash"))
    fields |= {"background": str, "layer_decomposition": bool} if is_new else _SERIES
    if family.startswith("seedream-5"):
        fields["output_format"] = str
    if "pro" in family or "4-0" in family:
        fields["optimize_prompt_options"] = dict

    for name, value in body.items():
        if name not in fields:
            return "InvalidParameter.UnsupportedParameter", f"`{name}` is not supported here."

        if not isinstance(value, fields[name]):
            return "InvalidParameter", f"`{name}` has another type."

    return next(_image_values(body, family, 10 if is_new else 14), None)


def _image_values(body: Mapping[str, Any], family: str, most: int) -> Iterator[Wrong]:
    tiers, least, largest = _TIERS[family]
    size = body.get("size", tiers[-1])
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    area = int(match[1]) * int(match[2]) if match else 0
    if size not in tiers and not (match and least <= area <= largest):
        yield "InvalidParameter", f"The parameter `size` is not valid: {size}."

    for name, choices in {
        "response_format": ("url", "b64_json"),
        "output_format": ("png", "jpeg"),
        "background": ("transparent", "opaque"),
        "sequential_image_generation": ("disabled", "auto"),
    }.items():
        if body.get(name, choices[0]) not in choices:
            yield "InvalidParameter", f"`{name}` must be one of {', '.join(choices)}."

    images = body.get("image", [])
    images = images if isinstance(images, list) else [images]
    count = series(body)
    options = body.get("sequential_image_generation_options", {"max_images": 1})
    if set(options) != {"max_images"} or type(options["max_images"]) is not int:
        yield "InvalidParameter", "sequential_image_generation_options has `max_images`."

    if len(images) > most or not 1 <= count <= 15 or (count > 1 and len(images) + count > 15):  # noqa: PLR2004
        yield "InvalidParameter", "Too many images."

    if body.get("optimize_prompt_options", {"mode": "fast"}).get("mode") not in _MODES:
        yield "InvalidParameter", "optimize_prompt_options.mode is not valid."

    for url in images:
        yield from wrong_medium(url, "image")


def series(body: Mapping[str, Any]) -> int:
    """Return how many images a body asks for at most."""
    if body.get("sequential_image_generation") != "auto":
        return 1

    most = (body.get("sequential_image_generation_options") or {}).get("max_images", 15)
    return most if isinstance(most, int) else 0
