"""Files on the way to the server and back: what a workflow reads, and what a run has saved."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..._data._exchange import RawResult
from ..._http._client import HttpClient, join, unreadable
from ..._http._key_lookup import NO_KEY
from .._facts import text
from .._forms import add_file, multipart
from .results import address_of, files_of, type_of
from .slots import REFERENCE

if TYPE_CHECKING:
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
