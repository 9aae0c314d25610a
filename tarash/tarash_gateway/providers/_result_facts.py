"""Reads the facts that stand beside a result: an odd one is left out and noted, and costs nothing.

Media that are made and paid for never hang on what a server says of them beside. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from .._support._paths import value_at

if TYPE_CHECKING:
    from .._data._exchange import Call

Word = TypeVar("Word")
AS_SPACES = str.maketrans("_-", "  ")
ENDS = frozenset({"cancelled", "expired"})
"""What no provider says of a job that still runs, and none of those between it and us."""

ODD = "odd_facts"
"""Where `provider_metadata` holds what could not be read, as it came."""
FILTERED = "filtered"
"""Where `provider_metadata` holds how many media the provider's filter kept back, and why."""
LARGEST = 2**53
"""Whole numbers up to here are exact in every JSON."""
MILLISECONDS = 10**11
"""A date above it can't be in seconds: that would be in the year 5138."""
LONGEST_TEXT = 64
LONGEST_WORD = 64
"""Characters of a status that is shown."""
SECONDS = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*(?:s|sec|seconds?)?\s*", re.IGNORECASE)
CONTENT_TYPE = re.compile(r"\s*([\w.+-]{1,64}/[\w.+-]{1,64})\s*(?:;.*)?", re.DOTALL)


def number(value: Any) -> float | None:
    """Return a finite number; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None

    try:
        figure = float(value)
    except OverflowError:
        return None

    return figure if math.isfinite(figure) else None


def amount(value: Any) -> float | None:
    """Return a number of 0 or more, also from text such as `8` and `8s`."""
    if isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isascii():
        match = SECONDS.fullmatch(value)
        return float(match[1]) if match else None

    read = number(value)
    return read if read is not None and read >= 0 else None


def duration(value: Any) -> float | None:
    """Return seconds of something that lasts."""
    return amount(value) or None


def id_in(body: Any, places: Iterable[str]) -> str | None:
    """Return the id that an answer gives its job, empty for none; None where there is no place."""
    values = [value_at(body, place) for place in places]
    named = (str(value) for value in values if isinstance(value, str | int) and value != "")
    return next(named, "") if values else None


def id_text(value: Any) -> str:
    """Return a job's id, which some servers give as a number; empty where it is none."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def percent(value: Any, whole: float = 100) -> float | None:
    """Return 0 to 100, from a part of `whole`."""
    read = number(value)
    return None if read is None else round(min(max(read / whole * 100, 0), 100), 2)


def count(value: Any) -> int | None:
    """Return a whole number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        return None

    return value


def milliseconds(value: Any) -> float | None:
    """Return the seconds that a header gives in milliseconds."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit()
    return int(value) / 1000 if is_digits and len(value) < LONGEST_TEXT else None


def text(value: Any) -> str | None:
    """Return text that is not empty."""
    return value if isinstance(value, str) and value else None


def content_type(value: Any) -> str | None:
    """Return a MIME type, without its parameters."""
    match = CONTENT_TYPE.fullmatch(value) if isinstance(value, str) else None
    return match[1].lower() if match else None


def date(value: Any) -> str | None:
    """Return a point in time as ISO 8601, from seconds or milliseconds since 1970."""
    read = number(value)
    if read is None or read <= 0:
        return None

    try:
        at = datetime.fromtimestamp(read / 1000 if read >= MILLISECONDS else read, UTC)
    except (ValueError, OverflowError, OSError):
        return None

    return at.isoformat()


def among(words: Mapping[str, Word], word: str) -> Word | None:
    """Return what a word stands for, also where it is spelt in another case, or with one l.

    A word that ends jobs everywhere ends this one too, also where its provider does not list it.
    """
    if word in words:
        return words[word]

    spelt = _spelt(word)
    known = {_spelt(name): value for name, value in words.items()}
    if spelt in known or spelt not in ENDS:
        return known.get(spelt)

    return next((value for value in known.values() if value == "failed"), None)


def unknown_in(words: Mapping[str, Any], status: Any) -> str | None:
    """Return what a status says where none of the words is meant; None where one is.

    Who lists no word for work under way leaves all others to it.
    """
    if "processing" not in words.values():
        return None

    word = "nothing" if status is None else str(status)[:LONGEST_WORD]
    return None if status is not None and among(words, str(status)) is not None else word


def _spelt(word: str) -> str:
    return word.strip().casefold().replace("canceled", "cancelled").translate(AS_SPACES)


def mapping(value: Any) -> dict[str, Any]:
    """Return an object; an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of what should be a list of objects."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """Return the texts of what should be a list of texts, or one."""
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return [value for value in values if isinstance(value, str) and value]


def first(names: Iterable[str], *holders: Any) -> Any:
    """Return the first value that one of the objects has under one of the names; else None."""
    values = (holder.get(name) for holder in map(mapping, holders) for name in names)
    return next((value for value in values if value not in (None, "")), None)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "aspect_ratio": text,
    "audio_url": text,
    "content_type": content_type,
    "duration": duration,
    "request_id": text,
    "resolution": text,
    "revised_prompt": text,
}
"""What a response may say beside its media, and how each is read."""


def response_facts(call: Call, metadata: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """Return a response's facts beside its media; what can't be read is left out and noted.

    Args:
        call: What was asked for; its id stands in where the provider's can't be read.
        metadata: For `provider_metadata`; what was odd stands there too, as it came.
        **given: Fields of the response, as the provider said them; None and "" for unsaid.
    """
    given_facts = {name: value for name, value in given.items() if value not in (None, "")}
    read = {name: READERS[name](value) for name, value in given_facts.items()}
    odd = {name: given_facts[name] for name, value in read.items() if value is None}
    noted = {**mapping(metadata.get(ODD)), **odd}
    return {
        "request_id": call.request_id,
        **{name: value for name, value in read.items() if value is not None},
        "status": "completed",
        "provider_metadata": {**metadata, **({ODD: noted} if noted else {})},
    }
