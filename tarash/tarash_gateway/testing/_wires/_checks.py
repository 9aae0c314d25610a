"""Checks of what stands in a body, and the one reader that goes through a body by them.

For wires that are as strict as their vendors' pages: what a page doesn't name is refused. Pure, and
without anything of the package's own declarations, which the wires are there to check.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]
Fields = Mapping[str, Check]
"""What a body may hold; a name that ends in `*` has to be there."""

WORDS = {"unknown": "unknown field {}", "missing": "{} is required", "invalid": "{} is invalid"}


def anything(_value: Any) -> bool:
    return True


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def text(longest: int) -> Check:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest


def matches(pattern: str) -> Check:
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


is_url = matches(r"https?://\S+")
is_hook = matches(r"https://\S+")
is_base64 = matches(r"[A-Za-z0-9+/]+={0,2}")
is_data_uri = matches(r"data:(image|video|audio)/[\w.+-]+;base64,[A-Za-z0-9+/]+={0,2}")


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return type(value) is int


def whole(low: int, high: int, step: int = 1) -> Check:
    return lambda value: is_whole(value) and low <= value <= high and value % step == 0


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not is_flag(value)


def number(low: float, high: float) -> Check:
    return lambda value: is_number(value) and low <= value <= high


def one_of(*values: Any) -> Check:
    return lambda value: any(value == known and type(value) is type(known) for known in values)


def any_of(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def list_of(check: Check, most: int | None = None) -> Check:
    """Take a list of one or more; of files, the check is of each file."""
    return lambda value: (
        isinstance(value, list)
        and 0 < len(value) <= (len(value) if most is None else most)
        and all(map(check, value))
    )


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def object_of(fields: Fields) -> Check:
    return lambda value: is_object(value) and wrong_in(value, fields) is None


def faults_in(body: Mapping[str, Any], fields: Fields) -> list[tuple[str, str]]:
    """Return what is wrong with a body: `unknown`, `missing` or `invalid`, each with the name."""
    known = {name.removesuffix("*"): check for name, check in fields.items()}
    needed = [name[:-1] for name in fields if name.endswith("*")]
    unknown = [("unknown", name) for name in sorted(body.keys() - known.keys())]
    missing = [("missing", name) for name in needed if name not in body]
    given = {name: value for name, value in body.items() if name in known}
    invalid = [("invalid", name) for name, value in given.items() if not known[name](value)]
    return unknown + missing + invalid


def wrong_in(
    body: Mapping[str, Any], fields: Fields, words: Mapping[str, str] = WORDS
) -> str | None:
    """Say the first that is wrong with a body, in a vendor's words; None for nothing."""
    for kind, name in faults_in(body, fields):
        return words[kind].format(name, str(body.get(name))[:40])

    return None


def first_fault(rules: Mapping[str, Any]) -> str | None:
    """Return the first thing that is wrong, of sentences and whether they hold."""
    return next((fault for fault, holds in rules.items() if holds), None)
