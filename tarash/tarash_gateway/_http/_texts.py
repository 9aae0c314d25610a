"""Which text the bytes of an answer are: JSON is UTF-8, and some servers send it as UTF-16 or 32.

The bytes say so themselves, by a byte order mark or by where the zeros of the first characters
stand; a label is asked only where they are no UTF-8. Pure; parses nothing.
"""

from __future__ import annotations

import io
import re
from codecs import getincrementaldecoder
from collections.abc import Mapping
from email.message import Message
from json import detect_encoding
from typing import Any

JSON_START = re.compile(r"\s*[{\[\"\d\-tfnNI]")
PLAIN_START = re.compile(rb"[\t\n\r ]*[{\[][\t\n\r -~]*")
"""How nearly every answer begins: an object or a list, in ASCII."""
MARKUP = re.compile(r"\s*<")
UTF_8 = "utf-8"
MARKS = ("utf-8-sig", "utf-16", "utf-32")
"""What a byte order mark alone says."""
HEAD_BYTES = 8192
"""What is enough to tell what a body is."""
START = 64
"""Bytes that show whether something begins like text."""
CHARSETS = {
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),  # the last holds the others
    **dict.fromkeys(("iso-8859-1", "latin-1", "windows-1252"), "latin-1"),
    **{name: name for name in ("big5", "euc-jp", "euc-kr", "shift_jis")},
}
"""Which labels are believed: Python knows other codecs by name, some of them slow."""
HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a surrogate pair, or a whole one, as JSON escapes them."""
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")


class CutBody(io.BytesIO):
    """A whole JSON object behind which the line broke."""


def start_of(head: bytes | bytearray) -> str:
    """Return how a text begins; empty where bytes begin like no text."""
    start = bytes(head[:START])
    encoding = detect_encoding(start)
    narrow = encoding == UTF_8
    # Not to its end, which may be within a character.
    decoder = getincrementaldecoder("utf-8-sig" if narrow else encoding)
    try:
        text = decoder("replace" if narrow else "strict").decode(start)
    except UnicodeDecodeError:
        return ""

    return "" if CONTROLS.search(text) else text


def begins_as_json(head: bytes | bytearray) -> bool:
    """Tell whether bytes begin like JSON, in whichever form of Unicode."""
    if PLAIN_START.fullmatch(head, 0, START):
        return True

    return JSON_START.match(start_of(head)) is not None


def begins_as_markup(head: bytes | bytearray) -> bool:
    """Tell whether bytes begin like a page."""
    return MARKUP.match(start_of(head)) is not None


def text_of(content: bytes | bytearray, content_type: str = "") -> str:
    """Return the text that bytes are; what can't be read of it is replaced.

    Args:
        content: The bytes.
        content_type: The Content-Type header; its charset counts where they are no UTF-8.
    """
    encoding = detect_encoding(bytes(content[:4]))
    is_wide = encoding != UTF_8 and (encoding in MARKS or begins_as_json(content[:START]))
    if is_wide and encoding != "utf-8-sig":
        return content.decode(encoding, errors="replace")

    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _labelled(content, content_type)


def _labelled(content: bytes | bytearray, content_type: str) -> str:
    label = Message()
    label["Content-Type"] = content_type
    charset = CHARSETS.get(str(label.get_content_charset()), "utf-8-sig")
    return content.decode(charset, errors="replace")


def mended(value: Any) -> Any:
    """Return what JSON said, without halves of surrogate pairs.

    So ends a text that was cut in the middle of an emoji. No ledger, file or screen takes it, and
    what is said and kept of a paid job has to be fit for all of them.
    """
    if isinstance(value, str):
        return text_mended(value)

    if isinstance(value, dict):
        return {text_mended(name): mended(one) for name, one in value.items()}

    return [mended(one) for one in value] if isinstance(value, list) else value


def text_mended(text: str) -> str:
    """Return a text in which what is no character is replaced by the mark for that."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    return text


def headers_mended(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers whose values are text: bytes that are none come as halves of pairs."""
    if "".join(headers.values()).isascii():
        return headers

    from multidict import CIMultiDict

    return CIMultiDict((name, text_mended(one)) for name, one in headers.items())
