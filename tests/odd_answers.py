"""Answers as no library would write them, made of proper ones: by status line, head, or body."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable

from tests.lines import Said, Twist

LENGTH = re.compile(rb"\r\nContent-Length: \d+", re.IGNORECASE)
LINE_END = b"\r\n"
ID = re.compile(rb'("(?:\w*id|name)": ?"[^"]*)')
"""An id as JSON has it, without its last quotation mark."""


def _parts(whole: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Return the status line, the lines of the head without a length, and the body."""
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = LENGTH.sub(b"", head).split(LINE_END)
    return first, lines, body


def _said(first: bytes, lines: list[bytes], body: bytes, *more: bytes) -> bytes:
    return LINE_END.join([first, *lines, *more, b"", b""]) + body


def _sized(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def first_line(made: Callable[[bytes], bytes]) -> Twist:
    """Return what says another status line; it is given the code."""

    def twist(whole: bytes) -> Said:
        first, lines, body = _parts(whole)
        return Said(_said(made(first.split(b" ")[1]), lines, body, _sized(body)))

    return twist


def headed(*more: bytes, body: Callable[[bytes], bytes] = bytes, sized: bool = True) -> Twist:
    """Return what adds lines to the head, and makes something of the body."""

    def twist(whole: bytes) -> Said:
        first, lines, proper = _parts(whole)
        made = body(proper)
        named = {one.partition(b":")[0].lower() for one in more}
        kept = [one for one in lines if one.partition(b":")[0].lower() not in named]
        own = [_sized(made)] if sized else []
        return Said(_said(first, kept, made, *more, *own))

    return twist


def before(data: bytes) -> Twist:
    """Return what says something before the answer."""
    return lambda whole: Said(data + whole)


def instead(data: bytes, *, resets: bool = False, stays: bool = False) -> Twist:
    """Return what says something else."""
    return lambda _whole: Said(data, resets, stays)


def lengths(*values: Callable[[int], bytes]) -> Twist:
    """Return what states other lengths of the body than it has."""

    def twist(whole: bytes) -> Said:
        first, lines, body = _parts(whole)
        return Said(
            _said(first, lines, body, *(b"Content-Length: " + v(len(body)) for v in values))
        )

    return twist


def exact(size: int) -> bytes:
    return str(size).encode()


def chunks(*form: tuple[bytes, bytes], end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(size + LINE_END + data for size, data in form) + end


def chunked(made: Callable[[bytes], bytes]) -> Twist:
    """Return what sends the body in chunks as `made` writes them."""
    return headed(b"Transfer-Encoding: chunked", body=made, sized=False)


def _hex(data: bytes, more: int = 0) -> bytes:
    return b"%x" % (len(data) + more)


def bomb(_body: bytes) -> bytes:
    return gzip.compress(b" " * (300 * 1024 * 1024), 1)


def endless_after(data: Callable[[bytes], bytes], repeats: bytes) -> Twist:
    return lambda whole: Said(data(whole), repeats=repeats)


def unsized(whole: bytes) -> bytes:
    return _said(*_parts(whole))


BORNE: dict[str, Twist] = {
    "HTTP/1.0 until it closes": lambda w: Said(unsized(w).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
    "until it closes": lambda w: Said(unsized(w)),
    "no reason": first_line(lambda code: b"HTTP/1.1 " + code),
    "an odd reason": first_line(lambda code: b"HTTP/1.1 " + code + b" \xe6\x88\x90\xe5\x8a\x9f"),
    "chunked": chunked(lambda b: chunks((_hex(b), b + LINE_END))),
    "chunked byte by byte": chunked(lambda b: chunks(*((b"1", bytes([x]) + LINE_END) for x in b))),
    "chunked with extensions": chunked(lambda b: chunks((_hex(b) + b";name=value", b + LINE_END))),
    "chunked with trailers": chunked(
        lambda b: chunks((_hex(b), b + LINE_END), end=b"0\r\nServer-Timing: x;dur=1\r\n\r\n")
    ),
    "a 100 before": before(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a 102 before": before(b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a 103 before": before(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
    "ten 102 before": before(b"HTTP/1.1 102 Processing\r\n\r\n" * 10),
    "packed": headed(b"Content-Encoding: gzip", body=gzip.compress),
    "packed by another name": headed(b"Content-Encoding: x-gzip", body=gzip.compress),
    "deflated": headed(b"Content-Encoding: deflate", body=zlib.compress),
    "deflated without a head": headed(
        b"Content-Encoding: deflate", body=lambda b: zlib.compress(b)[2:-4]
    ),
    "packed in two": headed(
        b"Content-Encoding: gzip", body=lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])
    ),
    "packed, with bytes after it": headed(
        b"Content-Encoding: gzip", body=lambda b: gzip.compress(b) + b"\0" * 8
    ),
    "called packed, and plain": headed(b"Content-Encoding: gzip"),
    "called a character set": headed(b"Content-Encoding: utf-8"),
    "with a mark of its order": headed(body=lambda b: b"\xef\xbb\xbf" + b),
    "with lines around it": headed(body=lambda b: b"\r\n \t" + b + b"\n\n"),
    "an empty name": headed(b"X-Empty:"),
    "bytes that are no text": headed(b"X-Odd: \xff\xfe\x80"),
    "a long line": headed(b"X-Long: " + b"x" * 7000),
    "a line of 100 KiB": headed(b"Content-Security-Policy: " + b"x" * 100 * 1024),
    "sixty lines": headed(*(b"X-%d: y" % number for number in range(60))),
    "cookies": headed(b"Set-Cookie: a=b; Path=/", b"Set-Cookie: \xe4=\x01"),
    "a byte more": lambda w: Said(w + b"\n"),
}
"""Odd, and to be read all the same."""

LOST: dict[str, Twist] = {
    "nothing": instead(b""),
    "a reset": instead(b"", resets=True),
    "lines without an end": instead(b"\r\n\r\n\r\n"),
    "garbage": instead(bytes(range(256)) * 4),
    "a word of TLS": instead(b"\x15\x03\x01\x00\x02\x02\x28"),
    "a frame of HTTP/2": instead(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\0" * 18),
    "a greeting": instead(b"220 mail.example.com ESMTP\r\n"),
    "a body alone": lambda w: Said(w.partition(b"\r\n\r\n")[2]),
    "a status of 0": first_line(lambda _code: b"HTTP/1.1 0 None"),
    "a status of 99999": first_line(lambda _code: b"HTTP/1.1 99999 Many"),
    "a status that is a word": first_line(lambda _code: b"HTTP/1.1 OK OK"),
    "a 101": instead(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
    ),
    "a 100 and no more": instead(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a 204": instead(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a 304": instead(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "two lengths that differ": lengths(exact, lambda size: exact(size + 7)),
    "a length below zero": lengths(lambda _size: b"-1"),
    "a length that is a word": lengths(lambda _size: b"many"),
    "a length of 0": lengths(lambda _size: b"0"),
    "a length that is half": lengths(lambda size: exact(size // 2)),
    "chunks that are longer": chunked(lambda b: chunks((_hex(b, 9), b + LINE_END))),
    "chunks that are shorter": chunked(lambda b: chunks((_hex(b[:-9]), b + LINE_END))),
    "chunks of no size": chunked(lambda b: chunks((b"zz", b + LINE_END))),
    "chunks of a size below zero": chunked(lambda b: chunks((b"-5", b + LINE_END))),
    "called chunked, and plain": chunked(bytes),
    "packed, and cut": headed(b"Content-Encoding: gzip", body=lambda b: gzip.compress(b)[:-20]),
    "packed, and broken": headed(
        b"Content-Encoding: gzip", body=lambda b: gzip.compress(b)[:12] + b"\xff" * 60
    ),
    "packed twice": headed(
        b"Content-Encoding: gzip, gzip", body=lambda b: gzip.compress(gzip.compress(b))
    ),
    "packed by what was not asked for": headed(b"Content-Encoding: br", body=lambda b: b[::-1]),
    "a bomb": headed(b"Content-Encoding: gzip", body=bomb),
    "half": headed(body=lambda b: b[: len(b) // 2]),
    "spaces": headed(body=lambda b: b" " * len(b)),
    "packed, not said": headed(body=gzip.compress),
    "more than is said": lambda w: Said(w + b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
    "two lengths that agree": lengths(exact, exact),
    "a NUL in the head": headed(b"X-Nul: a\0b"),
    "a line without a colon": headed(b"what is this"),
    "an id with half an emoji": headed(body=lambda b: ID.sub(rb"\1\\ud83d", b)),
}
"""Of which nothing about the job can be read: perhaps."""
EMPTY: dict[str, Twist] = {
    "empty, of no type": instead(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "empty, a video": instead(
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 0\r\n\r\n"
    ),
    "a line's end, of no type": instead(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n\r\n"),
}
"""Which hold nothing, whatever they are called."""
WHOLE: dict[str, Twist] = {
    "a length that is more": lengths(lambda size: exact(size + 7)),
    "chunks without an end": chunked(lambda b: chunks((_hex(b), b + LINE_END), end=b"")),
    "packed, without its sum": headed(
        b"Content-Encoding: gzip", body=lambda b: gzip.compress(b)[:-8]
    ),
}
"""Whole by themselves, whatever is said of their length."""
SILENT: dict[str, Twist] = {
    "silence": instead(b"", stays=True),
    "half a line": instead(b"HTTP/1.1 20", stays=True),
    "a head": lambda w: Said(w.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", stays=True),
    "all but a byte": lambda w: Said(w[:-1], stays=True),
    "all, and it stays open": lambda w: Said(unsized(w), stays=True),
    "endless spaces after it": endless_after(unsized, b" " * 65536),
    "an endless head": endless_after(
        lambda w: w.partition(b"\r\n")[0] + b"\r\n", b"X-A: b\r\n" * 99
    ),
    "endless 102": endless_after(lambda _w: b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 99),
    "endless chunks": endless_after(
        lambda w: _said(*_parts(w)[:2], b"", b"Transfer-Encoding: chunked"), b"1\r\n \r\n" * 999
    ),
}
"""Without an end."""
