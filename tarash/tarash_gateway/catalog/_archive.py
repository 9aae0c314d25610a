"""A file of model records that is read one record at a time: for one model, never parse them all.

Layout: a mark, the length of the index, the index (zlib, JSON), then blocks of a few related
records each (zlib, one JSON object a line). Knows nothing of what a record means.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._data._types import JsonObject

MARK = b"TGC1"
HEAD = struct.Struct("<4sII")
"""The mark, and the lengths of the packed index and of the packed dictionary."""
BLOCK = 16
"""Records a block; related ids are neighbours, so a block packs well."""


class RecordArchive:
    """The records of one file, by model id; safe to read from several threads."""

    def __init__(self, content: bytes) -> None:
        mark, index, words = HEAD.unpack_from(content)
        if mark != MARK:
            message = "this is no catalogue file"
            raise ValueError(message)

        start = HEAD.size
        read = json.loads(zlib.decompress(content[start : start + index]))
        start += index
        self._words = zlib.decompress(content[start : start + words])
        self._blocks = memoryview(content)[start + words :]
        self._offsets: list[int] = read["offsets"]
        self.facts: JsonObject = read["facts"]
        self.ids: Sequence[str] = read["ids"]
        self._places = {model: place for place, model in enumerate(self.ids)}

    @classmethod
    def open(cls, path: Path) -> RecordArchive:
        """Read a file.

        Raises:
            OSError: It can't be read.
            ValueError: It is no catalogue file.
        """
        try:
            return cls(path.read_bytes())
        except (struct.error, zlib.error, KeyError, TypeError) as error:
            message = f"{path} is no catalogue file"
            raise ValueError(message) from error

    def __contains__(self, model: object) -> bool:
        return model in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, model: str) -> JsonObject | None:
        """Return the record of a model, or None."""
        place = self._places.get(model)
        if place is None:
            return None

        record: JsonObject = json.loads(self._lines(place // BLOCK)[place % BLOCK])
        return record

    def records(self) -> Iterator[tuple[str, JsonObject]]:
        """Yield every id with its record."""
        for number in range(len(self._offsets) - 1):
            lines = self._lines(number)
            ids = self.ids[number * BLOCK : number * BLOCK + len(lines)]
            yield from zip(ids, map(json.loads, lines), strict=True)

    def _lines(self, number: int) -> list[bytes]:
        begin, end = self._offsets[number], self._offsets[number + 1]
        unpack = zlib.decompressobj(zdict=self._words)
        return unpack.decompress(bytes(self._blocks[begin:end])).split(b"\n")


def pack(records: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any]) -> bytes:
    """Return the content of a file.

    Args:
        records: By model id.
        facts: About the file as a whole: provider, date.
    """
    ids = sorted(records)
    lines = [_json(records[model]) for model in ids]
    blocks = [b"\n".join(lines[at : at + BLOCK]) for at in range(0, len(lines), BLOCK)]
    words = _common(blocks)
    packed = [_pack_block(block, words) for block in blocks]
    offsets = [0]
    for block in packed:
        offsets.append(offsets[-1] + len(block))

    index = zlib.compress(_json({"facts": facts, "ids": ids, "offsets": offsets}), 9)
    dictionary = zlib.compress(words, 9)
    return HEAD.pack(MARK, len(index), len(dictionary)) + index + dictionary + b"".join(packed)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _pack_block(block: bytes, words: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, zdict=words)
    return packer.compress(block) + packer.flush()


def _common(blocks: Sequence[bytes], size: int = 24_000) -> bytes:
    """Return text that many blocks share, the commonest last, as zlib wants it."""
    counts: dict[bytes, int] = {}
    for block in blocks:
        for piece in set(block.replace(b'},"', b'},\n"').split(b"\n")):
            counts[piece] = counts.get(piece, 0) + 1

    worth = sorted(
        (piece for piece, count in counts.items() if count > 2),  # noqa: PLR2004
        key=lambda piece: (counts[piece] * len(piece), piece),
        reverse=True,
    )
    kept: list[bytes] = []
    for piece in worth:
        size -= len(piece)
        if size < 0:
            break
        kept.append(piece)

    return b"".join(reversed(kept))
