"""Input media as requests hold them: what is on this machine becomes bytes of a known kind.

Files are read here, text is decoded, kinds are found by the bytes, sizes are held against the
config's limit. What a provider takes is not asked here, and nothing is fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .._http._sniff import MOST_PIXELS, VAGUE, Wanted, canonical, kind_of, size_of, sniff
from .._support._base64 import LETTERS, decoded
from .._support._logging import event
from ..exceptions import ValidationError
from ._files import check_size, is_path, looks_like_a_path, read_file, read_head, shown_path
from ._forms import (
    DATA_URI,
    GLANCE,
    HEAVY_BYTES,
    REFERENCE,
    SCHEME,
    SHORTEST_BASE64,
    SHOWN_CHARACTERS,
    URL,
    Reference,
    data_uri,
    from_data_uri,
    in_thread,
)
from ._limits import Facts
from ._mask import has_alpha
from ._untrusted import check_medium

if TYPE_CHECKING:
    from .._data._exchange import Config, Request
    from .._data._types import MediaContent, MediaType
    from ._mask import MaskForm

Local = str | Path | Mapping[str, Any]
"""A medium as a request holds it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a config says of input media, by its fields' names; and how the model reads masks."""

    max_media_bytes: int = 200 * 1024**2
    fit_images: bool = False
    allow_private_urls: bool = True
    untrusted: bool = False
    """Whether somebody else has written the request, who may name no file and no private host."""
    mask_form: MaskForm = "white"


def rules_of(config: Config) -> Rules:
    """Return what a config says of input media."""
    return Rules(
        config.max_media_bytes,
        config.fit_images,
        config.allow_private_urls and not config.untrusted_requests,
        config.untrusted_requests,
    )


async def load(request: Request, rules: Rules) -> Request:
    """Return the request with what is on this machine as bytes; URLs stay what they are.

    Raises:
        ValidationError: A medium has none of the forms, can't be read, is too large, or is neither
            an image nor a video.
    """
    sum_of = Sum(rules)

    async def convert(media: Local, where: str, wanted: Wanted) -> MediaType:
        medium = await loaded(media, where, wanted, sum_of.rules)
        sum_of.add(bytes_of(medium))
        return medium

    return await converted(request, convert)


class Sum:
    """The bytes of one request: for an untrusted one the limit of each medium holds for all."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        """For the next medium."""

    def add(self, size: int) -> None:
        """Count a medium; the next may have what is left."""
        if self.rules.untrusted:
            left = max(self.rules.max_media_bytes - size, 0)
            self.rules = replace(self.rules, max_media_bytes=left)


def bytes_of(media: MediaType) -> int:
    """Return how many bytes are held of a medium: none of what a URL leads to."""
    return 0 if isinstance(media, str) else len(media["content"])


async def loaded(media: Local, where: str, wanted: Wanted, rules: Rules) -> MediaType:
    """Return a medium as a URL, a provider's reference, or bytes with their type.

    Raises:
        ValidationError: As `load`.
    """
    size = 0
    if isinstance(media, Path):
        size = HEAVY_BYTES  # whatever it has, a disk may be slow
    elif isinstance(media, str) and not is_remote(media):
        # What is no data URI may be a path.
        size = len(media) if is_data_uri(media) else HEAVY_BYTES

    return await in_thread(size, local_media, media, where, wanted, rules)


def is_remote(text: str) -> bool:
    """Tell whether text is a URL or a provider's own reference."""
    return isinstance(text, Reference) or bool(URL.match(text) or REFERENCE.match(text))


def is_data_uri(text: str) -> bool:
    """Tell whether text is to be read as a data URI, and as nothing else."""
    return text[:5].lower() == "data:"


def local_media(media: Local, where: str, wanted: Wanted, rules: Rules) -> MediaType:
    """Return a medium as a URL, a provider's reference, or bytes with their type. May block.

    Raises:
        ValidationError: As `load`.
    """
    if rules.untrusted and not isinstance(media, Reference):
        check_medium(media, where)

    if isinstance(media, str) and is_remote(media):
        return media

    if isinstance(media, Path):
        return known({"content": _of_file(media, where, wanted, rules)}, where, wanted)

    if isinstance(media, str):
        return known(_of_text(media, where, wanted, rules), where, wanted)

    check_size(len(media["content"]), where, rules.max_media_bytes)
    return known(media, where, wanted)


def _of_text(text: str, where: str, wanted: Wanted, rules: Rules) -> Mapping[str, Any]:
    """Return what text holds, or what the file holds that it names."""
    check_size(len(text) * 3 // 4, where, rules.max_media_bytes)
    if is_data_uri(text):
        from_uri = from_data_uri(text, where)
        if from_uri is None:
            raise ValidationError(
                f"{where}: a data URI is written data:<type>;base64,<data>, and this one is not: "
                f"{shown(text)}"
            )

        return from_uri

    content = decoded(text) if len(text) >= SHORTEST_BASE64 else None
    if content and sniff(content) is not None:
        return {"content": content}

    if content and not (rules.allow_private_urls and is_path(text)):
        raise ValidationError(
            f"{where}: this base64 text is no image and no video that is known by its first bytes; "
            "check what was encoded"
        )

    return {"content": _of_file(_path_of(text, where, rules), where, wanted, rules)}


def _of_file(path: Path, where: str, wanted: Wanted, rules: Rules) -> bytes:
    content = read_file(path, where, rules.max_media_bytes)
    kind_of(content, f"{where} ({shown_path(path)})", wanted)  # which names the file
    return content


def _path_of(text: str, where: str, rules: Rules) -> Path:
    if SCHEME.match(text):
        raise ValidationError(
            f"{where}: {shown(text)} can't be fetched: only http and https URLs are; give the "
            "file's path or its bytes"
        )

    if not looks_like_a_path(text):
        raise ValidationError(
            f"{where}: {shown(text)} is neither a URL (http or https), a data URI, base64 nor a "
            "path; give one of them, or bytes"
        )

    if not rules.allow_private_urls:
        raise ValidationError(
            f"{where}: {shown(text)} is neither a URL (http or https), a data URI nor base64, and "
            "where allow_private_urls is off, text names no file; give a pathlib.Path"
        )

    return Path(text)


def known(media: Mapping[str, Any], where: str, wanted: Wanted) -> MediaContent:
    """Return bytes with the type that they have, whatever was declared.

    Raises:
        ValidationError: They are nothing that the field takes, or a trap.
    """
    content: bytes = media["content"]
    if not content:
        raise ValidationError(f"{where}: 'content' is empty; give the media's bytes")

    kind = kind_of(content, where, wanted)
    check_pixels(content, kind, where)
    declared = canonical(media.get("content_type", ""))
    if declared == kind:
        return {"content": content, "content_type": kind}

    if declared not in VAGUE:
        event(logging.INFO, "media_type_corrected", field=where, declared=declared, found=kind)

    return {"content": content, "content_type": kind}


def check_pixels(content: bytes, content_type: str, where: str) -> None:
    """Refuse an image that would need gigabytes when it is decoded.

    Raises:
        ValidationError: By its header, it has too many pixels.
    """
    size = size_of(content) if content_type.startswith("image/") else None
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise ValidationError(
            f"{where}: it has {size[0]}x{size[1]} pixels, and more than {MOST_PIXELS} are not "
            "sent; give a smaller one"
        )


def _begins_well(text: str) -> bool:
    """Tell whether text is a data URI, as far as a glance tells."""
    match = DATA_URI.match(text)
    return match is not None and bool(decoded(text[match.end() : match.end() + GLANCE]))


def to_wire(media: MediaType, provider: str = "the provider") -> str:
    """Return media as a URL or a data URI.

    Raises:
        ValidationError: The media is neither a URL, a data URI, base64 nor bytes with a type.
    """
    if isinstance(media, str) and is_remote(media):
        return media

    where = f"media for {provider}"
    if isinstance(media, str) and _begins_well(media):
        return media  # it may have many megabytes, and was most likely made here

    declared = media.get("content_type", "") if isinstance(media, Mapping) else ""
    if isinstance(media, Mapping) and media["content"] and declared not in VAGUE:
        return data_uri(media)  # looked at before

    medium = local_media(media, where, "media", Rules())
    return medium if isinstance(medium, str) else data_uri(medium)


# ------------------------------------------------------------------------------------------ plans
def placeholder(media: Mapping[str, Any]) -> str:
    """Return what stands for bytes in a plan: `<image/png, 1234 bytes>`."""
    return planned(media["content_type"], len(media["content"]))


def planned(content_type: str, size: int) -> str:
    """Return what stands for so many bytes in a plan."""
    return f"<{content_type}, {size} bytes>"


def header_facts(media: Local, where: str, wanted: Wanted, rules: Rules) -> Facts | None:
    """Return what is known of a medium by its header; None for what is not on this machine.

    Raises:
        ValidationError: As `load`, as far as headers tell.
    """
    if rules.untrusted and not isinstance(media, Reference):
        check_medium(media, where)

    if isinstance(media, str):
        if is_remote(media):
            return None

        match = DATA_URI.match(media)
        start = 0 if match is None else match.end()
        head = decoded(media[start : start + LETTERS])
        is_base64 = head and len(media) >= SHORTEST_BASE64 and sniff(head) is not None
        if match is not None or is_base64:
            size = (len(media) - start) * 3 // 4 - media.endswith("=") - media.endswith("==")
            check_size(size, where, rules.max_media_bytes)
            if head:
                return _facts(head, size, where, wanted)

            # Which says what is wrong, or reads what is escaped.
            media = cast("MediaContent", local_media(media, where, wanted, rules))
            return _facts(media["content"], len(media["content"]), where, wanted)

        media = _path_of(media, where, rules)

    if isinstance(media, Path):
        beginning = read_head(media, where)
        check_size(beginning.size, where, rules.max_media_bytes, shown_path(media))
        kind_of(beginning.content, f"{where} ({shown_path(media)})", wanted)
        return _facts(beginning.content, beginning.size, where, wanted)

    check_size(len(media["content"]), where, rules.max_media_bytes)
    content = known(media, where, wanted)["content"]
    return _facts(content, len(content), where, wanted)


def _facts(head: bytes, size: int, where: str, wanted: Wanted) -> Facts:
    content_type = kind_of(head, where, wanted)
    check_pixels(head, content_type, where)
    pixels = size_of(head) if content_type.startswith("image/") else None
    return Facts(content_type, size, pixels, has_alpha(head))


# ------------------------------------------------------------------------------------------ fields
async def converted(
    request: Request, convert: Callable[[Any, str, Wanted], Awaitable[Any]]
) -> Request:
    """Return the request with every medium converted; itself where nothing has changed."""
    changes: dict[str, Any] = {}

    async def one(media: Any, where: str, wanted: Wanted) -> Any:
        try:
            return await convert(media, where, wanted)
        except ValidationError as error:
            error.field = error.field or where
            raise

    if request.image_list:
        images = [
            await one(image["image"], f"image_list[{place}]", "image")
            for place, image in enumerate(request.image_list)
        ]
        pairs = zip(request.image_list, images, strict=True)
        changes["image_list"] = tuple({**image, "image": media} for image, media in pairs)

    for name, media in media_fields(request):
        changes[name] = await one(media, name, "video" if name == "video" else "image")

    return request.model_copy(update=changes) if changes else request


def has_media(request: Request) -> bool:
    """Tell whether a request has an image, a video or a mask."""
    return bool(request.image_list or media_fields(request))


def media_fields(request: Request) -> list[tuple[str, Any]]:
    """Return the fields that hold one medium each, and are set."""
    # Not by `getattr`, which takes pydantic longer where there is no such field than all else here.
    fields = vars(request)
    return [
        (name, fields[name])
        for name in ("video", "mask_image")
        if name in fields and fields[name] is not None
    ]


def shown(text: str) -> str:
    """Return text as an error shows it."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…")
