"""Input media: checks their form and turns them into what an adapter accepts.

Bytes are encoded off the event loop where they are many; uploads are the adapter's.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..exceptions import ValidationError

if TYPE_CHECKING:
    from .._contract import Accepts, Request
    from .._types import MediaContent, MediaType

URL = re.compile(r"https?://[^\s/]+", re.IGNORECASE)
# A provider's own way to name what it stores, such as gs://bucket/object.
REFERENCE = re.compile(r"(?!https?:|file:|s?ftps?:)[a-z][a-z0-9+.-]*://[^\s/]+", re.IGNORECASE)
DATA_URI = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)
SHORTEST_BASE64 = 64
"""Characters: below this, text that happens to be base64 is rather a mistyped path."""
HEAVY_BYTES = 256 * 1024
"""From here on, encoding is worth a thread."""
SHOWN_CHARACTERS = 60
GLANCE = 1024
"""Characters, in whole groups of four."""

# First bytes of what base64 without a declared type may hold.
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}

Upload = Callable[["MediaContent"], Awaitable[str]]
Fetch = Callable[[str], Awaitable["MediaContent"]]


class Reference(str):
    """Text that goes over the wire as it is: checked, uploaded, or a plan's placeholder."""

    __slots__ = ()


def data_uri(media: MediaContent) -> str:
    """Return bytes as a data URI."""
    encoded = base64.b64encode(media["content"]).decode()
    return f"data:{media['content_type']};base64,{encoded}"


def from_data_uri(text: str, where: str) -> MediaContent | None:
    """Return the bytes of a data URI; None for any other text.

    Raises:
        ValidationError: What it holds is no base64.
    """
    found = DATA_URI.match(text)
    if found is None:
        return None

    try:
        content = base64.b64decode(text[found.end() :], validate=True)
    except binascii.Error as error:
        raise ValidationError(f"{where}: the data URI does not hold base64") from error

    return {"content": content, "content_type": found["type"]}


def to_wire(media: MediaType, provider: str = "the provider") -> str:
    """Return media as a URL or a data URI.

    Raises:
        ValidationError: The media is neither a URL, a data URI, base64 nor bytes with a type.
    """
    if isinstance(media, Reference):
        return media

    checked = check(media, f"media for {provider}")
    return checked if isinstance(checked, str) else data_uri(checked)


def check(media: MediaType, where: str) -> str | MediaContent:
    """Return a URL, a provider's reference, a data URI, or bytes with their type.

    Base64 text becomes bytes.

    Raises:
        ValidationError: It is none of these.
    """
    if isinstance(media, Mapping):
        if not media.get("content"):
            raise ValidationError(f"{where}: 'content' is empty; give the media's bytes")

        return media

    if URL.match(media) or REFERENCE.match(media):
        return media

    if media[:5].lower() == "data:":
        found = DATA_URI.match(media)
        if found is not None and _looks_like_base64(media, found.end()):
            return media

        raise ValidationError(
            f"{where}: a data URI is written data:<type>;base64,<data>, and this one is not: "
            f"{_shown(media)}"
        )

    return _from_base64(media, where)


def _looks_like_base64(text: str, start: int) -> bool:
    """Tell whether the first of what follows is base64; all of it may be many megabytes."""
    try:
        return bool(base64.b64decode(text[start : start + GLANCE], validate=True))
    except binascii.Error:
        return False


def _from_base64(text: str, where: str) -> MediaContent:
    content = b""
    if len(text) >= SHORTEST_BASE64:
        try:
            content = base64.b64decode("".join(text.split()), validate=True)
        except binascii.Error:
            content = b""

    if not content:
        raise ValidationError(
            f"{where}: {_shown(text)} is neither a URL (http or https), a data URI, base64, nor "
            "{'content': bytes, 'content_type': str}; read a file's bytes to send it"
        )

    return {"content": content, "content_type": _sniff(content, where)}


def _sniff(content: bytes, where: str) -> str:
    for signature, kind in SIGNATURES.items():
        if content.startswith(signature):
            return kind

    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"

    if content[4:8] == b"ftyp":
        return "video/mp4"

    raise ValidationError(
        f"{where}: the kind of this base64 text is not known from its first bytes; give "
        "{'content': bytes, 'content_type': str} or a data URI instead"
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…")


def placeholder(media: MediaContent) -> str:
    """Return what stands for bytes in a plan: `<image/png, 1234 bytes>`."""
    return f"<{media['content_type']}, {len(media['content'])} bytes>"


async def prepare(
    request: Request, accepts: Accepts, upload: Upload | None, fetch: Fetch | None = None
) -> Request:
    """Return the request with every medium in a form that the adapter can send.

    A medium becomes text (a URL, a data URI, an uploaded reference), or bytes with their type where
    the adapter sends forms.

    Args:
        request: The fitted request.
        accepts: The forms that the adapter can send.
        upload: Hands bytes to the provider; None where it can't.
        fetch: Gets the bytes behind a URL, for adapters that don't take URLs.

    Raises:
        ValidationError: A medium is malformed, too large, or of a form that can't be sent.
    """

    async def convert(media: MediaType, where: str) -> MediaType:
        checked = check(media, where)
        if isinstance(checked, str):
            if _goes_as_text(checked, accepts):
                return Reference(checked)

            if REFERENCE.match(checked):
                raise ValidationError(
                    f"{where}: this provider can't read {_shown(checked)}; give a public URL or "
                    "the bytes"
                )

            checked = await _content(checked, where, fetch)

        return await _send_bytes(checked, where, accepts, upload)

    return await _convert_all(request, convert)


def _goes_as_text(text: str, accepts: Accepts) -> bool:
    if DATA_URI.match(text):
        size = len(text) * 3 // 4
        fits = accepts.largest_inline is None or size <= accepts.largest_inline
        return accepts.content == "data_uri" and fits

    if accepts.references and text.startswith(accepts.references):
        return True

    return accepts.url and not REFERENCE.match(text)


async def _content(text: str, where: str, fetch: Fetch | None) -> MediaContent:
    found = from_data_uri(text, where)
    if found is not None:
        return found

    if fetch is None:
        raise ValidationError(f"{where}: a URL can't be sent here; give the bytes instead")

    return await fetch(text)


async def _send_bytes(
    media: MediaContent, where: str, accepts: Accepts, upload: Upload | None
) -> MediaType:
    size = len(media["content"])
    limit = accepts.largest_inline
    if accepts.content is None or (limit is not None and size > limit):
        if upload is not None:
            return Reference(await upload(media))

        most = "no bytes" if accepts.content is None else f"at most {limit} bytes"
        raise ValidationError(
            f"{where}: the provider takes {most} inline, and these are {size}; put the file where "
            "the provider can fetch it, and give its public URL"
        )

    if accepts.content == "bytes":
        return media

    if size < HEAVY_BYTES:
        return Reference(data_uri(media))

    from anyio import to_thread

    return Reference(await to_thread.run_sync(data_uri, media))


def plan_media(request: Request) -> Request:
    """Return the request with placeholders for bytes; malformed media are refused all the same."""
    changes: dict[str, Any] = {}
    for name, media in _media_fields(request):
        changes[name] = _shown_media(media, name)

    images = [
        {**image, "image": _shown_media(image["image"], f"image_list[{index}]")}
        for index, image in enumerate(request.image_list)
    ]
    return request.model_copy(update={**changes, "image_list": tuple(images)})


def _shown_media(media: MediaType, where: str) -> str:
    checked = check(media, where)
    return Reference(checked if isinstance(checked, str) else placeholder(checked))


def _media_fields(request: Request) -> list[tuple[str, MediaType]]:
    found = ((name, getattr(request, name, None)) for name in ("video", "mask_image"))
    return [(name, media) for name, media in found if media is not None]


async def _convert_all(
    request: Request, convert: Callable[[MediaType, str], Awaitable[MediaType]]
) -> Request:
    changes: dict[str, Any] = {}
    for name, media in _media_fields(request):
        changes[name] = await convert(media, name)

    if request.image_list:
        changes["image_list"] = tuple(
            [
                {**image, "image": await convert(image["image"], f"image_list[{index}]")}
                for index, image in enumerate(request.image_list)
            ]
        )

    return request.model_copy(update=changes) if changes else request
