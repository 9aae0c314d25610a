"""Uploads to the Gemini API's Files: for what is too large to go inline. Vertex AI has none.

A file is referred to by its URI with its kind behind a `#`, which no file's address says.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ..._http._client import join, shorten, unreadable
from ...exceptions import ValidationError
from ._places import place_of
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._types import MediaContent
    from ._client import GoogleClient

LARGEST_FILE = 2 * 1024**3
FILE = re.compile(r"(?P<uri>https?://.+/files/[^/?#]+)#(?P<type>[\w.+-]+/[\w.+-]+)")
PROTOCOL = "X-Goog-Upload-"


async def upload(client: GoogleClient, media: MediaContent) -> str:
    """Hand a file to the Gemini API; return its URI with its kind.

    Raises:
        ValidationError: It is for Vertex AI, or too large.
        TarashException: The upload failed.
    """
    kind, content = media["content_type"], media["content"]
    size = len(content)
    if client.vertex:
        raise ValidationError(
            f"Vertex AI takes no uploads, and {size} bytes are too many to go inline; put the file "
            "into a bucket of Cloud Storage, and give its gs:// URI"
        )

    if size > LARGEST_FILE:
        raise ValidationError(
            f"Google takes files of {LARGEST_FILE} bytes, and these are {size}; give a smaller one"
        )

    http = await client.http(classify_answer)
    version = place_of({}, version=client.account.api_version).root("content")
    start = join(client.account.base_url, f"upload/{version}/files")
    about = {
        f"{PROTOCOL}Protocol": "resumable",
        f"{PROTOCOL}Command": "start",
        f"{PROTOCOL}Header-Content-Length": str(size),
        f"{PROTOCOL}Header-Content-Type": kind,
        "Content-Type": "application/json",
    }
    opened = await http.send(start, json.dumps({"file": {"mimeType": kind}}).encode(), about)
    place = opened.headers.get(f"{PROTOCOL}URL")
    if not place:
        raise unreadable(opened.status, opened.body)

    last = {
        f"{PROTOCOL}Command": "upload, finalize",
        f"{PROTOCOL}Offset": "0",
        "Content-Type": kind,
    }
    answer = await http.send(urljoin(start, place), content, last)
    file = answer.object().get("file")
    uri = file.get("uri") if isinstance(file, dict) else None
    if not isinstance(uri, str) or FILE.fullmatch(f"{uri}#{kind}") is None:
        raise unreadable(answer.status, answer.body)

    return f"{uri}#{kind}"


async def is_ready(client: GoogleClient, reference: str) -> bool:
    """Tell whether Google has worked through an uploaded file: videos take some seconds.

    Raises:
        ValidationError: Google can't read it.
    """
    match = FILE.fullmatch(reference)
    if match is None:
        return True

    http = await client.http(classify_answer)
    file: dict[str, Any] = (await http.get(match["uri"])).object()
    if file.get("state") == "FAILED":
        raise ValidationError(
            f"Google can't read the uploaded file: {shorten(file.get('error') or file)}; give "
            "another one"
        )

    return file.get("state") != "PROCESSING"
