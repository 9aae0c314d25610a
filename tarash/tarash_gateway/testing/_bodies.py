"""Bodies that servers should not send: slow ones, endless ones, and small ones that unpack to much.

Called by `_origin` for its faults; must not know any provider.
"""

import asyncio
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import repeat
from typing import Any

from aiohttp import web

from tarash.tarash_gateway.testing._fault import Fault
from tarash.tarash_gateway.testing._wire import Reply

_GZIP_HEAD = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255])
"""Of RFC 1952: deflate, without a name or a time, packed as small as can be."""
_EMPTY_END = b"\x03\x00"
"""A last block of deflate without anything in it."""
_BLOCK = 1024 * 1024
_SPACES = b" " * _BLOCK
_PIECES = 20

MISBEHAVED = frozenset({"slow_body", "endless_body", "gzip_bomb"})
"""The kinds of faults whose bodies are not sent in one piece."""
ODD = MISBEHAVED | {"range_as_whole", "content_type", "charset", "other_words", "said_as"}
"""The kinds of faults that this module makes happen."""
_OK, _PARTIAL = 200, 206


def altered(reply: Reply, fault: Fault) -> Reply:
    """Return a reply with the head that the fault gives it."""
    if fault.kind == "range_as_whole" and reply.status == _PARTIAL:
        return replace(reply, status=200)

    if fault.kind == "said_as" and reply.status == _OK:
        return replace(reply, status=fault.code)

    if fault.kind == "content_type":
        kept = {name: value for name, value in reply.headers.items() if name != "Content-Type"}
        return replace(reply, headers={**kept, **fault.headers})

    if fault.kind == "charset" and reply.body[:1] in {b"{", b"["}:
        return replace(reply, body=reply.body.decode().encode(fault.body))

    if fault.kind == "other_words" and reply.body[:1] in {b"{", b"["}:
        body = json.dumps(_said_otherwise(json.loads(reply.body), fault.body))
        return replace(reply, body=body.encode())

    return reply


def _said_otherwise(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _said_otherwise(inner, words) for name, inner in value.items()}

    if isinstance(value, list):
        return [_said_otherwise(item, words) for item in value]

    return words.get(value, value) if isinstance(value, str) else value


async def send_oddly(raw: web.BaseRequest, reply: Reply, fault: Fault) -> web.StreamResponse:
    """Send a reply in the way of the fault; an endless one ends when the client leaves."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    if fault.kind == "slow_body":
        response.content_length = len(reply.body)
    elif fault.kind == "gzip_bomb":
        response.headers["Content-Encoding"] = "gzip"

    await response.prepare(raw)
    with suppress(ConnectionError):  # the client has left
        for block in _blocks(reply.body, fault):
            # Also where there is no wait: so that whoever leaves ends it.
            await asyncio.sleep(fault.seconds / _PIECES)
            await response.write(block)

    return response


def _blocks(body: bytes, fault: Fault) -> Iterator[bytes]:
    if fault.kind == "slow_body":
        step = max(1, -(-len(body) // _PIECES))
        yield from (body[start : start + step] for start in range(0, len(body), step))
    elif fault.kind == "gzip_bomb":
        yield from _packed(body, fault.count)
    else:
        yield body
        yield from repeat(fault.body)


def _packed(body: bytes, size: int) -> Iterator[bytes]:
    """Yield the gzip of a body and of spaces up to a size; the spaces are packed once for all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    yield _GZIP_HEAD + packer.compress(body) + packer.flush(zlib.Z_FULL_FLUSH)
    check = zlib.crc32(body)
    for left in range(size - len(body), 0, -_BLOCK):
        blank = min(left, _BLOCK)
        check = zlib.crc32(memoryview(_SPACES)[:blank], check)
        yield _packed_spaces(blank)

    yield _EMPTY_END + struct.pack("<II", check, max(size, len(body)) % 2**32)


@cache
def _packed_spaces(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(_SPACES[:size]) + packer.flush(zlib.Z_FULL_FLUSH)
