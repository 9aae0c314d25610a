"""Files on the way to the server and back: what a workflow reads, and what a run has saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..._data._exchange import RawResult
from ..._http._client import HttpClient, join, unreadable
from ..._http._key_lookup import NO_KEY
from ..._support._mime import type_of_file
from .._forms import add_file, multipart
from .._result_facts import mapping, objects, text
from .slots import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..._data._exchange import Operation
    from ..._data._types import MediaContent
    from ..._http._credentials import Credentials

OK = 200
FOLDER = "tarash"
"""Where uploads lie in the server's input folder."""


async def upload(client: HttpClient, media: MediaContent) -> str:
    """Put a file into the server's input folder; the same bytes have the same name there."""
    form = multipart({"type": "input", "subfolder": FOLDER})
    add_file(form, "image", media, sha256(media["content"]).hexdigest()[:24])
    answer = await client.send_form(join(client.account.base_url, "upload/image"), form)
    stored = answer.object()
    # A file of this name and other bytes makes the server choose another.
    name, folder = text(stored.get("name")), text(stored.get("subfolder"))
    if name is None:
        raise unreadable(answer.status, answer.body)

    return f"{REFERENCE}{folder}/{name}" if folder else f"{REFERENCE}{name}"


async def fetched(client: HttpClient, operation: Operation, entry: dict[str, Any]) -> RawResult:
    """Return the files of a run: their addresses, which want no key, else their bytes."""
    only = text(operation.data.get("output"))
    files = files_of(entry.get("outputs"), operation.kind, only)
    urls = [join(client.account.base_url, address_of(file)) for file in files]
    refused = operation.data.get("node_errors")
    about = {"content_type": type_of(files), **({"node_errors": refused} if refused else {})}
    if _is_open(client.account):
        return RawResult(entry, {**about, "urls": urls})

    answers = [await client.get(url) for url in urls]
    media: list[MediaContent] = [
        {"content": answer.content, "content_type": answer.content_type or ""}
        for answer in answers
        if answer.content
    ]
    if len(media) < len(urls):
        raise unreadable(OK, next(answer.body for answer in answers if not answer.content))

    return RawResult(entry, about, media=tuple(media))


def _is_open(account: Credentials) -> bool:
    return account.key.reveal() == NO_KEY and not account.settings.get("headers")


MOVING = frozenset({"image/gif", "image/webp", "image/apng"})
KEPT = ("output", "temp")
"""Where files lie, the likelier result first."""


def files_of(outputs: Any, kind: str, only: str | None) -> list[dict[str, str]]:
    """Return the files of a kind: of the saved ones, else of the previews.

    Args:
        outputs: By node, as the history has them: videos may stand under `images`.
        kind: `video` or `image`.
        only: The node whose files count; None for all.
    """
    every = list(_files(outputs, only))
    for place in KEPT:
        here = [file for file in every if (text(file.get("type")) or "output") == place]
        media = [file for file in here if _type(file).startswith(f"{kind}/") and not _moves(file)]
        if kind == "video":
            media = media or [file for file in here if _moves(file)]

        if media:
            return media

    return []


def _moves(file: Mapping[str, Any]) -> bool:
    return _type(file) in MOVING and (bool(file.get("animated")) or _type(file) == "image/gif")


def _type(file: Mapping[str, str]) -> str:
    return type_of_file(file["filename"]) or ""


def _files(outputs: Any, only: str | None) -> Iterator[dict[str, Any]]:
    for node_id, node in mapping(outputs).items():
        if only is not None and node_id != only:
            continue

        animated = any(mapping(node).get("animated") or ())
        for kind, listed in mapping(node).items():
            for item in objects(listed):
                if text(item.get("filename")):
                    yield {**item, "animated": animated or kind == "gifs"}


def address_of(file: Mapping[str, Any]) -> str:
    """Return where a file is, below the server's base URL."""
    place = {
        "filename": file["filename"],
        "subfolder": text(file.get("subfolder")) or "",
        "type": text(file.get("type")) or "output",
    }
    return f"view?{urlencode(place)}"


def type_of(files: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the MIME type of the first file, by its name."""
    return _type(files[0]) or None if files else None
