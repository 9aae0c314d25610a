"""Writes JSON bodies: beside the event loop, and in pieces, where they carry media as text.

`json.dumps` keeps the interpreter to itself while it writes a string: 75 ms for 20 MB in base64, in
whichever thread. A piece takes less than a millisecond.
"""

from __future__ import annotations

import io
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

LONG = 256 * 1024
"""Characters from which on a string is written in pieces."""
PIECE = 256 * 1024
SMALL = 64 * 1024
"""Bytes of a body that leave in one piece with its headers."""


def has_long_text(value: Any) -> bool:
    """Tell whether there is a string in it that is long enough to hold up the event loop."""
    return next(_long_texts(value), None) is not None


def _long_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= LONG:
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _long_texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _long_texts(one)


async def json_pieces(value: Any) -> list[bytes]:
    """Return a value as JSON, in pieces; made in a thread where that takes long."""
    if not has_long_text(value):
        return [json.dumps(value).encode()]

    from anyio import to_thread

    return await to_thread.run_sync(written, value)


def handed_over(pieces: list[bytes]) -> bytes | io.BytesIO | AsyncIterator[bytes]:
    """Return a body as aiohttp takes it best.

    What is large goes as a stream: aiohttp warns of any megabyte that it is handed as bytes, and of
    a large file it would make a copy on the event loop.
    """
    if len(pieces) > 1:
        return _streamed(pieces)

    return pieces[0] if len(pieces[0]) <= SMALL else io.BytesIO(pieces[0])


async def _streamed(pieces: list[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of a body."""
    for piece in pieces:
        yield piece


def written(value: Any) -> list[bytes]:
    """Return a value as JSON, its long strings in pieces."""
    mark = secrets.token_hex(16)
    texts: list[str] = []
    plain = json.dumps(_marked(value, mark, texts))
    # What stands between the marks, and the numbers of the strings that belong there.
    parts = re.split(rf'"{mark}:(\d+)"', plain)
    pieces: list[bytes] = []
    for place, part in enumerate(parts):
        if place % 2 == 0:
            pieces.append(part.encode())
        else:
            pieces += [b'"', *_escaped(texts[int(part)]), b'"']

    return pieces


def _marked(value: Any, mark: str, texts: list[str]) -> Any:
    if isinstance(value, str) and len(value) >= LONG:
        texts.append(value)
        return f"{mark}:{len(texts) - 1}"

    if isinstance(value, dict):
        return {name: _marked(one, mark, texts) for name, one in value.items()}

    if isinstance(value, list | tuple):
        return [_marked(one, mark, texts) for one in value]

    return value


def _escaped(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), PIECE):
        yield json.dumps(text[start : start + PIECE])[1:-1].encode()
