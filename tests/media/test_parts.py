"""Downloads from servers that say one thing and send another: what is saved is whole, or nothing.

Each was met by somebody: in modelscope, httrack, pip, yt-dlp, httpie, background_downloader.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tarash.tarash_gateway import SaveError, VideoGenerationResponse
from tests.media.raw import Asked, Raw, answer, serving
from tests.media.test_save import files

FILE = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(range(251)) * 400
OTHER = FILE[:5000] + FILE[5001:] + b"!"
CUT = 40_000
SIZE = len(FILE)

Rest = Callable[[int, int], Iterable[bytes]]
"""Given where the rest begins and how many answers came before: what the server sends for it."""


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def ranged(first: int, last: int = SIZE - 1, total: int | str = SIZE) -> str:
    return f"bytes {first}-{last}/{total}"


def breaking(rest: Rest, tag: str = '"v1"') -> Callable[[Asked, int], Iterable[bytes]]:
    """Break off the whole file once, and then answer as the case does."""

    def answers(asked: Asked, number: int) -> Iterable[bytes]:
        if asked.start is None:
            whole = number > 0
            yield answer(FILE if whole else FILE[:CUT], length=SIZE, ETag=tag)
        else:
            yield from rest(asked.start, number)

    return answers


def part(first: int, status: str = "206 Partial Content", body: bytes = b"", **more: str) -> bytes:
    """Return the rest of the file from a place on."""
    headers = {"Content_Range": ranged(first), "ETag": '"v1"', **more}
    return answer(body or FILE[first:], status, -1, **headers)


def flaky(start: int, _number: int) -> bytes:
    """Send a few bytes, and break off."""
    return answer(FILE[start : start + 5000], "206 Partial", length=SIZE - start, ETag='"v1"',
                  Content_Range=ranged(start))  # fmt: skip


RESTS: dict[str, Rest] = {
    "the part with 200": lambda at, _: [part(at, "200 OK")],
    "an earlier part, as caches of blocks send it": lambda at, _: [part(at - 4096)],
    "all of it with 206": lambda _at, _: [part(0)],
    "all of it with 200": lambda _at, _: [answer(FILE)],
    "a part in small pieces": lambda at, _: [
        part(at, body=FILE[at : at + 9000], Content_Range=ranged(at, min(at + 8999, SIZE - 1)))
    ],
    "a later part": lambda at, _: [part(at + 10)],
    "a part that isn't said": lambda at, _: [answer(FILE[at:], "206 Partial")],
    "a part that can't be": lambda at, _: [part(at, Content_Range=ranged(at, at - 1))],
    "another file's part": lambda at, _: [part(at, body=OTHER[at:], ETag='"v2"')],
    "a part of another length": lambda at, _: [part(at, Content_Range=ranged(at, total=SIZE + 1))],
    "no more, as it was rotated": lambda at, _: [
        answer(b"", "416 Not Satisfiable", Content_Range=f"bytes */{at - 1}")
    ],
    "more than announced": lambda at, _: [part(at, body=FILE[at:] + b"more")],
    "a packed part": lambda at, _: [
        part(at, body=gzip.compress(FILE)[99:], Content_Encoding="gzip")
    ],
    "all of it, packed": lambda _at, _: [answer(gzip.compress(FILE), Content_Encoding="gzip")],
    "a part after many breaks": lambda at, number: [flaky(at, number)],
}


def save(server: Raw, folder: Path) -> bytes:
    response = VideoGenerationResponse(
        request_id="r", status="completed", raw_response=None, video=f"{server.url}/a.mp4"
    )
    return Path(str(response.save(folder / "a.mp4"))).read_bytes()


@pytest.mark.parametrize("name", RESTS)
@pytest.mark.parametrize("tag", ['"v1"', 'W/"v1"'])
def test_what_comes_after_a_break_ends_in_the_whole_file(
    tmp_path: Path, name: str, tag: str
) -> None:
    with serving(breaking(RESTS[name], tag)) as server:
        assert save(server, tmp_path) == FILE

    assert files(tmp_path) == ["a.mp4"]


FIRSTS = {
    "a 206 that nobody asked for": answer(FILE, "206 Partial", Content_Range=ranged(0)),
    "a 200 with a range": answer(FILE, Content_Range=ranged(0)),
    "packed": answer(gzip.compress(FILE), Content_Encoding="gzip"),
    "said to be packed": answer(FILE, Content_Encoding="gzip"),
    "packed as it had been uploaded": answer(FILE, Content_Encoding="aws-chunked"),
    "with its checksums": answer(
        FILE, Content_MD5=md5(FILE), Repr_Digest=f"sha-256=:{sha256(FILE)}:", Digest="unixsum=3"
    ),
    "stored packed, with the checksum of that": answer(
        FILE, x_goog_hash=f"crc32c=AAAAAA==,md5={md5(b'')}", x_goog_stored_content_encoding="gzip"
    ),
    "with a checksum that is none": answer(FILE, Content_MD5="none", Digest="sha-256=abc"),
    "with an odd tag": answer(FILE, ETag="0" * 32),
}


@pytest.mark.parametrize("name", FIRSTS)
def test_a_whole_file_is_saved(tmp_path: Path, name: str) -> None:
    with serving(lambda _asked, _number: [FIRSTS[name]]) as server:
        assert save(server, tmp_path) == FILE
        assert len(server.seen) == 1


def never(*, body: bytes = FILE, status: str = "200 OK", length: int = -1, **headers: str) -> bytes:
    return answer(body, status, length, **headers)


NEVER = {
    "another MD5": never(Content_MD5=md5(OTHER)),
    "another digest": never(Digest=f"SHA-256={sha256(OTHER)}"),
    "another hash at Google's": never(x_goog_hash=f"crc32c=AAAAAA==,md5={md5(OTHER)}"),
    "a part of unknown place": never(status="206 Partial"),
    "a middle part with 206": never(body=FILE[9:], status="206 Partial", Content_Range=ranged(9)),
    "a middle part with 200": never(body=FILE[9:], Content_Range=ranged(9)),
    "fewer than announced": never(length=SIZE + 9),
    "packed, without its end": never(body=gzip.compress(FILE)[:-99], Content_Encoding="gzip"),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_is_never_whole_has_no_final_name(tmp_path: Path, name: str) -> None:
    with serving(lambda _asked, _number: [NEVER[name]]) as server:
        with pytest.raises(SaveError, match="broke off"):
            save(server, tmp_path)

        assert 1 < len(server.seen) < 10

    assert files(tmp_path) == []


def test_a_file_that_is_another_one_each_time_is_given_up(tmp_path: Path) -> None:
    """Machines of one CDN may name a file differently; that must not go on for ever."""

    def answers(asked: Asked, number: int) -> Iterable[bytes]:
        start = asked.start or 0
        yield answer(FILE[start : start + 5000], "200 OK" if start == 0 else "206 Partial",
                     length=SIZE - start,
                     ETag=f'"{number}"', Content_Range=ranged(start))  # fmt: skip

    with serving(answers) as server, pytest.raises(SaveError, match="has changed meanwhile"):
        save(server, tmp_path)

    assert len(server.seen) < 20
