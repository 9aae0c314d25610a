"""Finds the media of the asked kind in an output of any shape, and keeps the rest apart. Pure.

Models of users name their outputs as they like and put logs, frames and data beside the result:
what something is shows in its type, its name, its address or its bytes, and not in its place alone.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlsplit

from .._data._exchange import NO_MEDIA
from .._http._client import shorten
from .._support._mime import TYPES
from ..exceptions import GenerationFailedError
from ..media import sniff
from ..models import ImageGenerationResponse, VideoGenerationResponse
from ._result_facts import content_type, response_facts, text

if TYPE_CHECKING:
    from .._data._exchange import Call, Response
    from .._data._types import MediaType

SUFFIXES: Mapping[str, str] = {
    **TYPES,
    "m3u8": "application/vnd.apple.mpegurl",
    "exr": "image/x-exr",
    "mid": "audio/midi",
    "json": "application/json",
    "txt": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "tar": "application/x-tar",
    "gz": "application/gzip",
    "pdf": "application/pdf",
    "html": "text/html",
    "xml": "application/xml",
    "md": "text/markdown",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    **dict.fromkeys(("yaml", "yml"), "application/yaml"),
    **dict.fromkeys(
        ("npy", "npz", "pkl", "pt", "ckpt", "safetensors", "onnx", "bin", "ply", "obj"),
        "application/octet-stream",
    ),
}
VAGUE = frozenset({"application/octet-stream", "binary/octet-stream", "application/binary"})
ANIMATED = frozenset({"image/gif", "image/apng", "image/webp"})
"""Images that may move: a video, where there is no other."""
ARCHIVES = frozenset({"application/zip", "application/x-tar", "application/gzip"})
"""What sequences of frames come in: the result, where there is nothing else."""

# Words in the name of a place, for what shows in no other way.
WORDS: Mapping[str, str] = {
    **dict.fromkeys(("video", "videos", "mp4", "webm", "movie", "clip", "clips"), "video"),
    **dict.fromkeys(("image", "images", "png", "jpg", "jpeg", "picture", "pictures"), "image"),
    **dict.fromkeys(("photo", "photos", "frame", "frames", "thumbnail", "poster"), "image"),
    **dict.fromkeys(("audio", "audios", "sound", "voice", "music", "wav", "mp3"), "audio"),
    **dict.fromkeys(("log", "logs", "json", "meta", "metadata", "text", "txt", "csv"), "other"),
    **dict.fromkeys(("subtitles", "captions", "weights", "lora", "archive", "zip"), "other"),
}
ASIDE = frozenset(
    {"input", "inputs", "source", "original", "reference", "references", "init", "control",
     "thumbnail", "thumbnails", "thumb", "preview", "previews", "poster", "cover", "mask", "masks",
     "depth", "frame", "frames", "progress", "spritesheet", "debug", "intermediate", "webhook",
     "log", "logs", "watermark"}
)  # fmt: skip
"""Words for places beside the result."""
URL_NAMES = ("url", "uri", "href", "signed_url", "download_url")
TYPE_NAMES = ("content_type", "mime_type", "mimeType", "contentType", "media_type")
FILE_NAMES = ("file_name", "filename", "fileName", "name")
DEEPEST = 24
MOST = 4096
"""Places of one output that are gone through."""
LONGEST_PATH = 2048
SNIFFED = 8192
"""Characters of base64 that are decoded to see what they are."""


@dataclass(frozen=True, slots=True)
class Medium:
    """One address, or one data URI, of an output."""

    url: str
    content_type: str | None
    kind: str | None
    """`video`, `image`, `audio`, `other`; None where nothing tells."""
    place: tuple[str | int, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    """The object that it stands in, where it is one of a file."""
    aside: bool = False
    """Whether the name of its place says that it is beside the result."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an output holds."""

    media: tuple[Medium, ...]
    """All of the asked kind, the likeliest first."""
    sounds: tuple[str, ...]
    beside: Any
    """The parts of the output that hold none of `media`; None where there are none."""
    others: tuple[str, ...]
    """The types of what else there is, for the message where nothing was found."""


def find(
    output: Any, kind: str, *, prefer: Sequence[str] = (), also: tuple[str, ...] = ()
) -> Found:
    """Return the media of a kind in an output.

    Args:
        output: What the provider calls it: an address, a list, an object, objects of objects.
        kind: `video` or `image`.
        prefer: Names at the top under which the result usually stands, the likeliest first.
        also: What addresses may begin with, beside `https://`, `http://` and `data:`.
    """
    seen: dict[str, Medium] = {}
    for medium in _walk(output, (), ("https://", "http://", "data:", *also)):
        seen.setdefault(medium.url, medium)
        if len(seen) >= MOST:
            break

    every = list(seen.values())
    media = _of_kind(every, kind)
    media.sort(key=lambda medium: _rank(medium, prefer))
    places = {medium.place[:1] for medium in media}
    return Found(
        tuple(media),
        tuple(medium.url for medium in every if medium.kind == "audio" and not medium.aside),
        _beside(output, places),
        tuple(dict.fromkeys(medium.content_type or medium.kind or "unknown" for medium in every)),
    )


def content_of(medium: Medium) -> MediaType:
    """Return an address, or the bytes of a data URI.

    Raises:
        GenerationFailedError: They are no base64.
    """
    if medium.url[:5].lower() != "data:":
        return medium.url

    head, _, data = medium.url.partition(",")
    try:
        content = base64.b64decode(data) if "base64" in head else unquote_to_bytes(data)
    except (binascii.Error, ValueError) as error:
        raise GenerationFailedError("The result is a data URI without base64") from error

    return {"content": content, "content_type": medium.content_type or "application/octet-stream"}


def as_text(media: MediaType) -> str:
    """Return an image as responses have it: its address, else its base64."""
    return media if isinstance(media, str) else base64.b64encode(media["content"]).decode()


def no_media(
    provider: str, kind: str, output_media: Found, output: Any, raw: Any = None
) -> GenerationFailedError:
    """Return the error for an output without media of the asked kind, with what it has instead."""
    instead = f" (it holds {', '.join(output_media.others)})" if output_media.others else ""
    return GenerationFailedError(
        f"{provider} answered without {kind}{instead}: {shorten(output)}",
        raw_response=output if raw is None else raw,
        code=None if output_media.others else NO_MEDIA,
    )


def _of_kind(every: list[Medium], kind: str) -> list[Medium]:
    """Return what answers the question best: sure ones before vague ones, results before asides."""
    sure = [medium for medium in every if medium.kind == kind]
    vague = [medium for medium in every if medium.kind is None]
    moving = [medium for medium in every if kind == "video" and medium.content_type in ANIMATED]
    packed = [medium for medium in every if medium.content_type in ARCHIVES]
    choices = (
        [medium for medium in sure if not medium.aside],
        [medium for medium in vague if not medium.aside],
        sure,
        [medium for medium in moving if not medium.aside],
        vague,
        [medium for medium in packed if not medium.aside],
    )
    return next((list(choice) for choice in choices if choice), [])


def _rank(medium: Medium, prefer: Sequence[str]) -> int:
    top = medium.place[0] if medium.place else None
    return prefer.index(top) if isinstance(top, str) and top in prefer else len(prefer)


def _beside(output: Any, places: set[tuple[str | int, ...]]) -> Any:
    if isinstance(output, dict):
        rest = {name: value for name, value in output.items() if (name,) not in places}
        return rest or None

    if isinstance(output, list):
        return [item for place, item in enumerate(output) if (place,) not in places] or None

    return None


def _walk(value: Any, place: tuple[str | int, ...], starts: tuple[str, ...]) -> Iterator[Medium]:
    if len(place) > DEEPEST:
        return

    if isinstance(value, str):
        if _is_address(value, starts):
            yield _medium(value, place, {})

    elif isinstance(value, list):
        for number, item in enumerate(value[:MOST]):
            yield from _walk(item, (*place, number), starts)

    elif isinstance(value, dict):
        named = next((name for name in URL_NAMES if isinstance(value.get(name), str)), None)
        if named is not None and _is_address(value[named], starts):
            yield _medium(value[named], place, value)

        for name, item in value.items():
            if name != named:
                yield from _walk(item, (*place, name), starts)


def _is_address(value: str, starts: tuple[str, ...]) -> bool:
    # Base64 may begin like a path.
    return value[:8].lower().startswith(starts) and (value[0] != "/" or len(value) < LONGEST_PATH)


def _medium(url: str, place: tuple[str | int, ...], about: Mapping[str, Any]) -> Medium:
    words = [word for name in place if isinstance(name, str) for word in _words(name)]
    kind, content_type = _known_type(url, about)
    if kind is None:
        kind = next((WORDS[word] for word in reversed(words) if word in WORDS), None)

    return Medium(url, content_type, kind, place, about, aside=not ASIDE.isdisjoint(words))


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+\d*|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def _known_type(url: str, about: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the kind and the MIME type of a file, by what is known of it."""
    if url[:5].lower() == "data:":
        known = _type_of_data(url)
        return _kind(known), known

    declared = next(
        (named_kind for name in TYPE_NAMES if (named_kind := content_type(about.get(name)))), None
    )
    if declared in VAGUE:
        declared = None

    if _kind(declared) in ("video", "image", "audio"):
        return _kind(declared), declared

    names = [_path(url), *(text(about.get(name)) or "" for name in FILE_NAMES)]
    by_name = next((known for name in names if (known := _type_of_name(name))), None)
    by_name = by_name or _type_in_query(url)
    named_kind = str(about.get("type")).lower()
    if by_name is None and declared is None and named_kind in ("video", "image", "audio"):
        return named_kind, None

    return _kind(by_name or declared), by_name or declared


def _path(url: str) -> str:
    """Return the path of an address; empty where it can't be taken apart."""
    try:
        return unquote(urlsplit(url).path)
    except ValueError:
        return ""


def _type_in_query(url: str) -> str | None:
    """Return the type of the file that a signed address names in its query."""
    try:
        pairs = parse_qsl(urlsplit(url).query)
    except ValueError:
        return None

    return next(
        (named_type for _, value in pairs if (named_type := _type_of_name(value.strip('"')))), None
    )


def _type_of_name(name: str) -> str | None:
    _, dot, suffix = name.rpartition(".")
    return SUFFIXES.get(suffix.lower()) if dot else None


def _type_of_data(uri: str) -> str | None:
    """Return the type of a data URI: by its bytes, else as it says."""
    head, _, data = uri.partition(",")
    declared = content_type(head[5:].partition(";")[0])
    if "base64" not in head:
        return declared

    try:
        by_bytes = sniff(base64.b64decode(data[:SNIFFED]))
    except (binascii.Error, ValueError):
        return "application/octet-stream"

    return by_bytes or declared


def _kind(content_type: str | None) -> str | None:
    if content_type is None:
        return None

    family = content_type.partition("/")[0]
    if content_type == SUFFIXES["m3u8"]:
        return "video"

    return family if family in ("video", "image", "audio") else "other"


def response_of(
    call: Call, media: Sequence[MediaType], raw: Any, metadata: Mapping[str, Any], **given: Any
) -> Response:
    """Return the response with these media.

    Args:
        call: What was asked for.
        media: Addresses, bytes with their type, or, of images, base64; at least one.
        raw: The body that settled it.
        metadata: What stands beside them.
        **given: Fields of the response, as the provider said them; None and "" for unsaid.
    """
    fields = response_facts(call, metadata, **given)
    if call.kind == "image":
        images = tuple(map(as_text, media))
        return ImageGenerationResponse(images=images, raw_response=raw, **fields)

    return VideoGenerationResponse(video=media[0], videos=tuple(media), raw_response=raw, **fields)
