"""What Alibaba's servers refuse: paths, fields, values and media of each model.

Follows the Model Studio documentation of 2026-10-12: three body families for videos (`media`, flat
fields, paths of their own) and two for images (messages, the older text-to-image service).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks
from tarash.tarash_gateway.testing._wires._alibaba_resold import SIZES, resold

Wrong = tuple[str, str]
"""The code of a refusal, and its words."""

VIDEO = "/api/v1/services/aigc/video-generation/video-synthesis"
FRAMES = "/api/v1/services/aigc/image2video/video-synthesis"
MESSAGES = "/api/v1/services/aigc/multimodal-generation/generation"
OLD_IMAGE = "/api/v1/services/aigc/text2image/image-synthesis"
OLD_EDIT = "/api/v1/services/aigc/image2image/image-synthesis"

_SOME_TEXT = checks.matches(r"(?s).*")
_SOME_LIST = checks.list_of(checks.anything)
_FIELDS: checks.Fields = {
    **dict.fromkeys(("seed", "duration", "n", "max_images"), checks.is_whole),
    **dict.fromkeys(("watermark", "prompt_extend", "audio", "enable_thinking"), checks.is_flag),
    **dict.fromkeys(("thinking_mode", "enable_sequential", "enable_interleave"), checks.is_flag),
    **dict.fromkeys(("media", "messages", "reference_urls", "images"), _SOME_LIST),
    **dict.fromkeys(("bbox_list", "color_palette"), _SOME_LIST),
}
"""What is neither is text."""
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
_SIZES = {
    "480P": ("832*480", "480*832", "624*624"),
    "720P": ("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    "1080P": ("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
}
_KINDS = {
    "unknown": "{} is not supported",
    "missing": "{} is required",
    "invalid": "{} is not valid",
}
_COMMON = ("seed", "watermark", "prompt_extend")
_PLAIN = ("seed", "watermark")


@dataclass(frozen=True, slots=True)
class Model:
    """What a family takes.

    Attributes:
        path: Where it is served.
        inputs: The fields of `input`; those with a `*` have to be there.
        parameters: The fields of `parameters`.
        tiers: Its resolutions, or the tiers of its sizes.
        seconds: Which durations.
        media: How many of each type `media` may hold; how many images a message.
        area: Least and largest pixels of a free size.
        most: How many images it makes.
        usual: How many where nothing is said.
    """

    path: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    tiers: tuple[str, ...] = ()
    seconds: tuple[int, ...] = ()
    media: Mapping[str, int] | None = None
    area: tuple[int, int] = (0, 0)
    most: int = 1
    usual: int = 1


def _video(*parameters: str, inputs: tuple[str, ...] = ("prompt*",), **facts: Any) -> Model:
    return Model(facts.pop("path", VIDEO), inputs, parameters, **facts)


def _image(*parameters: str, **facts: Any) -> Model:
    return Model(MESSAGES, ("messages*",), parameters, **facts)


ALL, HD = ("480P", "720P", "1080P"), ("720P", "1080P")
_T2V = ("size", "duration", *_COMMON)
_I2V = ("resolution", "duration", *_COMMON)
_IMG = ("img_url*", "prompt", "negative_prompt")
_MEDIA = ("prompt", "media*")
_ANY = tuple(range(2, 16))
_HORSE = tuple(range(3, 16))
_FREE: Mapping[str, Any] = {"area": (512 * 512, 2048 * 2048)}
_EDITS = ("negative_prompt", "n", *_COMMON)
_30: Mapping[str, int] = {
    **dict.fromkeys(("first_frame", "last_frame", "file", "link"), 1),
    "reference_image": 10,
    "reference_video": 5,
    "reference_audio": 5,
}
_REFERENCES = {"reference_image": 5, "reference_video": 5, "first_frame": 1}


def _horse(version: str, tiers: tuple[str, ...]) -> dict[str, Model]:
    common = ("resolution", "duration", *_PLAIN)
    name = f"happyhorse-{version}"
    return {
        f"{name}-t2v": _video(*common, "ratio", tiers=tiers, seconds=_HORSE),
        f"{name}-i2v": _video(
            *common, inputs=_MEDIA, tiers=tiers, seconds=_HORSE, media={"first_frame": 1}
        ),
        f"{name}-r2v": _video(
            *common, "ratio", inputs=_MEDIA, tiers=tiers, seconds=_HORSE,
            media={"reference_image": 9},
        ),
    }  # fmt: skip


MODELS: Mapping[str, Model] = {
    **dict.fromkeys(
        ("wan3.0-video", "wan3.0-video-prime"),
        _video(
            *("resolution", "ratio", "duration", "audio", "enable_thinking", *_COMMON),
            inputs=("prompt", "media"),
            tiers=ALL,
            seconds=(-1, *range(2, 31)),
            media=_30,
        ),
    ),
    "wan2.7-t2v": _video(
        *("resolution", "ratio", "duration", *_COMMON),
        inputs=("prompt*", "negative_prompt", "audio_url"),
        tiers=HD,
        seconds=_ANY,
    ),
    "wan2.7-i2v": _video(
        *("resolution", "duration", *_COMMON),
        inputs=_MEDIA,
        tiers=HD,
        seconds=_ANY,
        media=dict.fromkeys(("first_frame", "last_frame", "driving_audio", "first_clip"), 1),
    ),
    "wan2.7-r2v": _video(
        *("resolution", "ratio", "duration", *_COMMON),
        inputs=_MEDIA,
        tiers=HD,
        seconds=tuple(range(2, 11)),
        media=_REFERENCES,
    ),
    "wan2.7-videoedit": _video(
        *("resolution", "ratio", "audio_setting", *_COMMON),
        inputs=_MEDIA,
        tiers=HD,
        media={"video": 1, "reference_image": 4},
    ),
    **_horse("1.1", ALL),
    **_horse("1.0", HD),
    "happyhorse-1.0-video-edit": _video(
        *("resolution", *_PLAIN), inputs=_MEDIA, tiers=HD, media={"video": 1, "reference_image": 9}
    ),
    **dict.fromkeys(
        ("wan2.6-t2v", "wan2.6-t2v-us"),
        _video(
            *(*_T2V, "shot_type"),
            inputs=("prompt*", "negative_prompt", "audio_url"),
            tiers=HD,
            seconds=_ANY,
        ),
    ),
    **dict.fromkeys(
        ("wan2.6-i2v", "wan2.6-i2v-us", "wan2.6-i2v-flash"),
        _video(
            *(*_I2V, "shot_type", "audio"),
            inputs=(*_IMG, "audio_url", "template"),
            tiers=HD,
            seconds=_ANY,
        ),
    ),
    **dict.fromkeys(
        ("wan2.6-r2v", "wan2.6-r2v-flash"),
        _video(
            *(*_T2V, "shot_type"),
            inputs=("prompt*", "negative_prompt", "reference_urls*"),
            tiers=HD,
            seconds=tuple(range(2, 11)),
        ),
    ),
    "wan2.5-t2v-preview": _video(
        *_T2V, inputs=("prompt*", "negative_prompt", "audio_url"), tiers=ALL, seconds=(5, 10)
    ),
    "wan2.5-i2v-preview": _video(*_I2V, inputs=(*_IMG, "audio_url"), tiers=ALL, seconds=(5, 10)),
    "wan2.2-t2v-plus": _video(
        "size", *_COMMON, inputs=("prompt*", "negative_prompt"), tiers=("480P", "1080P")
    ),
    "wan2.2-i2v-plus": _video("resolution", *_COMMON, inputs=_IMG, tiers=("480P", "1080P")),
    "wan2.2-i2v-flash": _video("resolution", *_COMMON, inputs=_IMG, tiers=ALL),
    **dict.fromkeys(
        ("wan2.2-kf2v-flash", "wanx2.1-kf2v-plus"),
        _video(
            *("resolution", *_COMMON),
            inputs=("first_frame_url*", "last_frame_url*", "prompt", "negative_prompt"),
            tiers=ALL,
            path=FRAMES,
        ),
    ),
    "wanx2.1-t2v-turbo": _video("size", *_COMMON, inputs=("prompt*", "negative_prompt"), tiers=ALL),
    "wanx2.1-t2v-plus": _video(
        "size", *_COMMON, inputs=("prompt*", "negative_prompt"), tiers=("720P",)
    ),
    "wanx2.1-i2v-turbo": _video(
        *_I2V, inputs=(*_IMG, "template"), tiers=("480P", "720P"), seconds=(3, 4, 5)
    ),
    "wanx2.1-i2v-plus": _video(
        "resolution", *_COMMON, inputs=(*_IMG, "template"), tiers=("720P",)
    ),
    "wanx2.1-vace-plus": _video(
        "size", *_COMMON, inputs=("prompt*", "function", "images"), tiers=("720P",)
    ),
    **dict.fromkeys(
        ("wan2.2-animate-move", "wan2.2-animate-mix"),
        _video(*("mode", "watermark"), inputs=("image_url*", "video_url*"), path=FRAMES),
    ),
    "wan2.2-s2v": _video(
        "resolution", inputs=("image_url*", "audio_url*"), tiers=("480P", "720P"), path=FRAMES
    ),
    **resold(_video),
    **dict.fromkeys(
        ("qwen-image-3.0", "qwen-image-3.0-pro", "qwen-image-2.0", "qwen-image-2.0-pro"),
        _image("size", *_EDITS, most=6, media={"image": 3}, **_FREE),
    ),
    "qwen-image-2.1-pro": _image("size", *_EDITS, most=6, media={"image": 3}, **_FREE),
    **dict.fromkeys(
        ("qwen-image-max", "qwen-image-plus", "qwen-image"),
        _image(
            *("size", "negative_prompt", "n", *_COMMON),
            tiers=("1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664"),
        ),
    ),
    "qwen-image-edit": _image("negative_prompt", *_PLAIN, media={"image*": 3}),
    **dict.fromkeys(
        ("qwen-image-edit-plus", "qwen-image-edit-max"),
        _image(*_EDITS, most=6, media={"image*": 3}),
    ),
    **{
        name: _image(
            *("size", "n", "enable_sequential", "thinking_mode", "bbox_list", "color_palette"),
            *_PLAIN,
            tiers=tiers,
            most=12,
            media={"image": 9},
            area=(768 * 768, most),
        )
        for name, tiers, most in (
            ("wan2.7-image-pro", ("1K", "2K", "4K"), 4096 * 4096),
            ("wan2.7-image", ("1K", "2K"), 2048 * 2048),
        )
    },
    "wan2.6-image": _image(
        *("size", *_EDITS, "enable_interleave", "max_images"),
        tiers=("1K", "2K"),
        most=5,
        usual=4,
        media={"image": 4},
        area=(768 * 768, 2048 * 2048),
    ),
    "wan2.6-t2i": _image("size", *_EDITS, most=4, usual=4, area=(1280 * 1280, 1440 * 1440)),
    "z-image-turbo": _image("size", "seed", "prompt_extend", **_FREE),
    **dict.fromkeys(
        ("wan2.5-t2i-preview", "wan2.2-t2i-plus", "wan2.2-t2i-flash", "wanx2.1-t2i-turbo",
         "wanx2.1-t2i-plus"),
        Model(OLD_IMAGE, ("prompt*", "negative_prompt"), ("size", "n", *_COMMON), most=4, usual=4,
              **_FREE),
    ),
    "wan2.5-i2i-preview": Model(
        OLD_EDIT, ("prompt*", "negative_prompt", "images*"), ("size", "n", *_COMMON), most=4,
        usual=4, **_FREE,
    ),
}  # fmt: skip


def model_of(name: str) -> Model | None:
    """Return what a model takes; a dated one is like the one without a date."""
    return MODELS.get(name) or MODELS.get(re.sub(r"-\d{4}-\d{2}-\d{2}$", "", name))


def wrong(body: Mapping[str, Any], model: Model) -> Wrong | None:
    """Say what is wrong with a body; None for nothing."""
    fields = {"model": checks.is_text, "input*": checks.is_object, "parameters": checks.is_object}
    fault = checks.wrong_in(body, fields)
    if fault is None:
        fault = checks.wrong_in(body["input"], _fields(model.inputs), _words("input"))

    options = body.get("parameters", {})
    if fault is None:
        fault = checks.wrong_in(options, _parameters(model), _words("parameters"))

    if fault is None:
        others = (*_values(options, model), *_media(body["input"], options, model))
        fault = next(iter(others), None)

    return None if fault is None else ("InvalidParameter", fault)


def _fields(names: Sequence[str]) -> checks.Fields:
    return {name: _FIELDS.get(name.removesuffix("*"), _SOME_TEXT) for name in names}


def _parameters(model: Model) -> checks.Fields:
    fields = dict(_fields(model.parameters))
    ratios = ("adaptive", *_RATIOS) if -1 in model.seconds else _RATIOS
    own = {
        "duration": checks.one_of(*model.seconds),
        "resolution": checks.one_of(*model.tiers),
        "ratio": checks.one_of(*ratios),
        "n": checks.whole(1, model.most),
        "max_images": checks.whole(1, 5),
        "seed": checks.whole(0, 2**31 - 1),
        "shot_type": checks.one_of("single", "multi"),
    }
    return fields | {name: check for name, check in own.items() if name in fields}


def _words(part: str) -> Mapping[str, str]:
    return {kind: f"{part}.{words}" for kind, words in _KINDS.items()}


def _values(options: Mapping[str, Any], model: Model) -> Iterator[str]:
    if "size" in options and not _is_size(options["size"], model):
        yield f"size is not valid: {options['size']}"

    if options.get("shot_type") == "multi" and not options.get("prompt_extend", True):
        yield "shot_type multi needs prompt_extend"

    if options.get("enable_interleave") and options.get("n", 1) != 1:
        yield "n must be 1 with enable_interleave"


def _is_size(size: str, model: Model) -> bool:
    if model.path == VIDEO:
        known = SIZES if "540P" in model.tiers else _SIZES
        return any(size in known[tier] for tier in model.tiers)

    match = re.fullmatch(r"(\d+)\*(\d+)", size)
    area = int(match[1]) * int(match[2]) if match else 0
    return size in model.tiers or (0 < model.area[0] <= area <= model.area[1])


def _media(given: Mapping[str, Any], options: Mapping[str, Any], model: Model) -> Iterator[str]:
    if "messages" in given:
        yield from _messages(given["messages"], options, model)

    limits = model.media or {}
    parts = [part if isinstance(part, dict) else {} for part in given.get("media", [])]
    types = [str(part.get("type")) for part in parts]
    for part in parts:
        if not {"type", "url"} <= set(part) <= {"type", "url", "reference_voice"}:
            yield "an item of media has a type and a url"

    for kind in set(types):
        if types.count(kind) > limits.get(kind, 0):
            yield f"{types.count(kind)} media of type {kind} are not possible"

    references = [kind for kind in types if kind.startswith("reference")]
    if {"first_frame", "last_frame"} & set(types) and references and "link" in limits:
        yield "frames exclude references"

    if limits is _REFERENCES and len(references) > 5:  # noqa: PLR2004
        yield "five references at most"

    urls = [part.get("url") for part in parts]
    urls += [value for name, value in given.items() if name.endswith("_url")]
    urls += [*given.get("reference_urls", []), *given.get("images", [])]
    yield from _addresses(urls)


def _addresses(urls: list[Any]) -> Iterator[str]:
    for url in urls:
        if not re.match(r"(https?|oss)://[\x21-\x7e]+$|data:image/[a-z]+;base64,", str(url)):
            yield f"url error, please check url: {str(url)[:40]}"


def _messages(messages: Any, options: Mapping[str, Any], model: Model) -> Iterator[str]:
    if len(messages) != 1 or set(messages[0]) != {"role", "content"}:
        yield "exactly one message of the user"
        return

    content = messages[0]["content"]
    texts = [part["text"] for part in content if set(part) == {"text"}]
    images = [part["image"] for part in content if set(part) == {"image"}]
    if messages[0]["role"] != "user" or len(texts) != 1 or len(texts) + len(images) < len(content):
        yield "the content holds one text, and images"

    media = model.media or {}
    most = media.get("image", media.get("image*", 0))
    interleaved = options.get("enable_interleave", False)
    needs = "image*" in media or ("enable_interleave" in model.parameters and not interleaved)
    if len(images) > (1 if interleaved else most) or (needs and not images):
        yield f"{len(images)} images are not possible"

    for url in images:
        if not re.match(r"https?://[\x21-\x7e]+$|data:image/[a-z]+;base64,", str(url)):
            yield "url error, please check url"
