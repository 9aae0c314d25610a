"""Writes JSON bodies: beside the event loop, and in pieces, where they carry media as text.

`json.dumps` keeps the interpreter to itself while it writes a string: 75 ms for 20 MB in base64, in
whichever thread. A piece takes less than a millisecond. And it is made when it is sent, so that a
medium is not in memory once more as a body.
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


class JsonBody:
    """A value as JSON, written piece by piece."""

    def __init__(self, value: Any) -> None:
        """Write what is short, and measure the rest. May block where there is long text."""
        mark = secrets.token_hex(16)
        texts: list[str] = []
        plain = json.dumps(_marked(value, mark, texts))
        # What stands between the marks, and the numbers of the strings that belong there.
        parts = re.split(rf'"{mark}:(\d+)"', plain) if texts else [plain]
        self._between = [part.encode() for part in parts[::2]]
        self._texts = [texts[int(number)] for number in parts[1::2]]
        sizes = [sum(len(piece) for piece in _escaped(text)) for text in self._texts]
        # What is as long with its quotes escaped has none: base64, most of all.
        self._is_plain = [size == len(text) for size, text in zip(sizes, self._texts, strict=True)]
        self.size = sum(map(len, self._between)) + sum(sizes) + 2 * len(sizes)
        """Bytes of all pieces together."""

    @property
    def is_whole(self) -> bool:
        """Whether it is one piece."""
        return not self._texts

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces, each of which is made at this moment."""
        yield self._between[0]
        for text, is_plain, after in zip(
            self._texts, self._is_plain, self._between[1:], strict=True
        ):
            yield b'"'
            yield from _ascii(text) if is_plain else _escaped(text)
            yield b'"'
            yield after

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces while they are sent."""
        for piece in self:
            yield piece


async def json_body(value: Any) -> JsonBody:
    """Return a value as JSON; measured in a thread where that takes long."""
    if not has_long_text(value):
        return JsonBody(value)

    from anyio import to_thread

    return await to_thread.run_sync(JsonBody, value)


def handed_over(body: JsonBody) -> bytes | io.BytesIO | AsyncIterator[bytes]:
    """Return a body as aiohttp takes it best.

    What is large goes as a stream: aiohttp warns of any megabyte that it is handed as bytes, and of
    a large file it would make a copy on the event loop.
    """
    if not body.is_whole:
        return aiter(body)

    content = b"".join(body)
    return content if body.size <= SMALL else io.BytesIO(content)


def _marked(value: Any, mark: str, texts: list[str]) -> Any:
    if isinstance(value, str) and len(value) >= LONG:
        texts.append(value)
        return f"{mark}:{len(texts) - 1}"

    if isinstance(value, dict):
        return {name: _marked(one, mark, texts) for name, one in value.items()}

    if isinstance(value, list | tuple):
        return [_marked(one, mark, texts) for one in value]

    return value


def _ascii(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE].encode("ascii")


def _escaped(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), PIECE):
        yield json.dumps(text[start : start + PIECE])[1:-1].encode()
