"""The forms in which users hand in media, and what a request keeps of each.

What could change or vanish before the call runs (open files, buffers, Pillow images) becomes bytes
at once. A path stays a path: its file is read when the call runs. No kind is looked for here.
"""

from __future__ import annotations

import base64
import inspect
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NotRequired, Protocol

from pydantic import PlainSerializer, PlainValidator
from typing_extensions import TypedDict  # pydantic reads the standard one from 3.12 on only

from .._support._base64 import decoded
from ._types import ImageRole, MediaContent, MediaType

UNKNOWN_TYPE = "application/octet-stream"
"""The content type of bytes that came without one; the bytes themselves tell it later."""
LARGEST_STREAM = 200 * 1024 * 1024
"""Bytes that are read of an open file, which may have no end."""

FORMS = (
    "a path, a URL, a data URI, base64 text, bytes, an open binary file, a Pillow image or "
    "{'content': bytes, 'content_type': str}"
)
JPEG_MODES = frozenset({"CMYK", "L", "RGB"})
JPEG_FORMATS = frozenset({"JPEG", "MPO"})
JPEG_QUALITY = 95


class PillowImage(Protocol):
    """What is needed of a `PIL.Image.Image`, so that Pillow is not."""

    @property
    def mode(self) -> str:
        """How its pixels are stored, such as `RGB`."""
        ...

    @property
    def format(self) -> str | None:
        """What it was read from; None where it was made."""
        ...

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:  # noqa: A002  (Pillow's)
        """Write it into a file."""
        ...


def as_media(value: Any) -> MediaType | Path:
    """Return what a request keeps of a medium; the caller's object stays as it is.

    Raises:
        ValueError: It has none of the forms, or can't be read.
    """
    if isinstance(value, str):
        return value

    if isinstance(value, os.PathLike):
        return Path(os.fsdecode(value))

    if isinstance(value, bytes | bytearray | memoryview):
        return {"content": bytes(value), "content_type": UNKNOWN_TYPE}

    if isinstance(value, Mapping):
        return _from_mapping(value)

    if hasattr(value, "read"):
        return {"content": _read(value), "content_type": UNKNOWN_TYPE}

    if all(hasattr(value, name) for name in ("save", "format", "mode")):
        return _from_pillow(value)

    hint = "; PIL.Image.fromarray(array) makes an image of it" if _is_array(value) else ""
    raise ValueError(f"an image or a video is {FORMS}; this is {_named(value)}{hint}")


def _is_array(value: object) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _named(value: object) -> str:
    return "None" if value is None else f"of the type {type(value).__name__}"


def _from_mapping(value: Mapping[Any, Any]) -> MediaContent:
    content, content_type = value.get("content"), value.get("content_type", UNKNOWN_TYPE)
    if isinstance(content, str):  # as a request's JSON has it
        content = decoded(content)
        if content is None:
            raise ValueError("'content' is text, and not base64; give bytes")

    if not isinstance(content, bytes | bytearray | memoryview) or not isinstance(content_type, str):
        raise ValueError(  # noqa: TRY004  (pydantic reports no TypeError)
            "media in a mapping are {'content': bytes, 'content_type': str}; here 'content' is "
            f"{_named(content)}, and 'content_type' is {_named(content_type)}"
        )

    return {"content": bytes(content), "content_type": content_type}


def _read(stream: BinaryIO) -> bytes:
    """Read an open file from where it stands, and put it back there if that can be done."""
    name = getattr(stream, "name", None) or f"the {type(stream).__name__}"
    try:
        start = stream.tell() if stream.seekable() else None
    except (AttributeError, OSError):
        start = None

    try:
        content = _read_all(stream)
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{name} can't be read: {error}") from error

    if start is not None:
        stream.seek(start)

    if not content:
        raise ValueError(f"{name} holds no bytes from where it stands; seek(0) goes to its start")

    return content


def _read_all(stream: BinaryIO) -> bytes:
    parts: list[bytes] = []
    room = LARGEST_STREAM + 1
    while room > 0:
        part: Any = stream.read(room)
        if inspect.isawaitable(part):
            getattr(part, "close", lambda: None)()
            raise TypeError("its read() is a coroutine; await it, and give the bytes")

        if isinstance(part, str):
            raise TypeError("it is open for text; open it in binary mode, such as open(path, 'rb')")

        if not part:
            return b"".join(parts)

        parts.append(bytes(part))
        room -= len(part)

    raise ValueError(f"it holds more than {LARGEST_STREAM} bytes; give its path instead")


def _from_pillow(image: Any) -> MediaContent:
    """Encode a Pillow image: without loss, unless it was read from a JPEG."""
    from ._pixels import PLAIN_MODES, plain, suited, upright_tag

    exif = upright_tag(image)
    options: dict[str, Any] = {"exif": exif} if exif else {}
    kind = "JPEG" if image.format in JPEG_FORMATS and image.mode in JPEG_MODES else "PNG"
    buffer = io.BytesIO()
    try:
        if kind == "PNG" and image.mode not in PLAIN_MODES:
            image = plain(image)

        image = suited(image)
        if kind == "JPEG":
            profile = image.info.get("icc_profile")
            # Pillow writes a PNG's profile by itself, and a JPEG's only where it is given.
            options |= {"quality": JPEG_QUALITY, **({"icc_profile": profile} if profile else {})}

        image.save(buffer, format=kind, **options)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"the image can't be encoded: {error}") from error

    return {"content": buffer.getvalue(), "content_type": f"image/{kind.lower()}"}


def _dumped(value: MediaType | Path) -> Any:
    if isinstance(value, Mapping):
        return {**value, "content": base64.b64encode(value["content"]).decode()}

    return str(value)


def with_role(value: Any) -> Any:
    """Return an entry of `image_list` with its role; without a role it is a reference.

    Raises:
        ValueError: It is no image.
    """
    if isinstance(value, Mapping) and "content" not in value:
        if "image" not in value:
            raise ValueError(
                "an image with a role is written {'image': ..., 'type': 'first_frame'}; here "
                "'image' is missing"
            )

        return {"type": "reference", **value}

    return {"image": value, "type": "reference"}


MediaInput = Annotated[
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | PillowImage | MediaContent,
    PlainValidator(as_media, json_schema_input_type=MediaType),
    PlainSerializer(_dumped, when_used="json"),
]
"""An image or a video as a request takes it: a path (`pathlib.Path`, or text that is none of the
following), a URL (http or https), a data URI, base64 text, bytes, an open binary file, a Pillow
image, or bytes with their content type."""


class ImageInput(TypedDict):
    """An input image and its role; without a role it is a reference."""

    image: MediaInput
    type: NotRequired[ImageRole]
