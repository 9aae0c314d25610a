"""What values have to be so that they can be sent: whole text, plain numbers, bare model ids.

Pure; knows no field by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

LONE = re.compile(r"[\ud800-\udfff]")
"""Half of a character that takes two in UTF-16, such as an emoji."""
CARRIED = (str, int, float)
"""What JSON has a form for, beside null, lists and objects; a truth value is a whole number."""
MOST_DIGITS = 4000
"""Of a whole number; Python itself writes 4,300, and readers of JSON far fewer."""
LISTED_AS: Mapping[str, re.Pattern[str]] = {
    # Google's own lists, its SDK and Vertex AI's resource names say more than the id.
    "google": re.compile(
        r"/?(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/google/)?models/(?=[^/]+$)"
    ),
}
"""What stands before an id in a provider's own lists."""


def plain_value(value: Any) -> Any:
    """Return a number of NumPy or PyTorch as Python's own; anything else as it is."""
    is_scalar = hasattr(value, "dtype") and getattr(value, "shape", None) == ()
    return value.item() if is_scalar and hasattr(value, "item") else value


def plain_values(value: Any) -> Any:
    """Return a parameter with all numbers and mappings in it as Python's own.

    Copies only where one is not.
    """
    if isinstance(value, Mapping):
        values = {name: plain_values(inner) for name, inner in value.items()}
        same = isinstance(value, dict) and all(values[name] is value[name] for name in values)
        return value if same else values

    if type(value) in (list, tuple):
        items = [plain_values(item) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)

    return plain_value(value)


def whole_text(text: str) -> str:
    """Return text in which every character is whole; pairs of halves become what they stand for.

    Raises:
        ValueError: There is half of a character, which no provider's JSON can carry.
    """
    if not LONE.search(text):
        return text

    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    match = LONE.search(joined)
    if match is None:
        return joined

    raise ValueError(
        f"at place {match.start()} there is half of a character (a lone surrogate, "
        f"{match[0]!a}), as text cut in the middle of an emoji has it; cut between "
        "characters, or leave it out: text.encode(errors='ignore').decode()"
    )


def check_carried(parameters: Mapping[Any, Any]) -> None:
    """Check that JSON can carry parameters; what is neither text nor a number is left alone.

    Raises:
        ValueError: The message names the parameter.
    """
    for where, value in _leaves(parameters):
        if isinstance(value, str):
            if LONE.search(value):
                try:
                    whole_text(value)
                except ValueError as error:
                    raise ValueError(f"{where!a}: {error}") from error

        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where!a} is {value}, which JSON has no number for; leave it out")
        elif isinstance(value, int) and value.bit_length() > MOST_DIGITS * math.log2(10):
            raise ValueError(f"{where!a} has more than {MOST_DIGITS} digits; give a smaller number")


def uncarried(name: str, value: Any) -> str | None:
    """Return where a parameter holds what neither JSON nor a form can carry; None where it can be.

    Args:
        name: Of the parameter.
        value: What it holds; a file in it has its bytes in an object with a content type.
    """
    for where, leaf in _leaves({name: value}):
        is_file = isinstance(leaf, bytes) and where.endswith(".content")
        if leaf is not None and not isinstance(leaf, CARRIED) and not is_file:
            return f"{where!a} is of the type {type(leaf).__name__}"

    return None


def _leaves(parameters: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values at any depth; each list and mapping once."""
    seen: set[int] = set()
    left: list[tuple[str, Any]] = [(str(name), value) for name, value in parameters.items()]
    yield from ((name, name) for name, _ in left)
    while left:
        where, value = left.pop()
        if not isinstance(value, Mapping | list | tuple):
            yield where, value
        elif id(value) not in seen:
            seen.add(id(value))
            inside = value.items() if isinstance(value, Mapping) else enumerate(value)
            for name, inner in inside:
                if isinstance(name, str):
                    yield f"{where}.{name}", name
                left.append((f"{where}.{name}", inner))


def bare_model_id(provider: str, model: str) -> str:
    """Return the id alone: without white space around it, and what stands before it in lists.

    Raises:
        ValueError: There is white space other than spaces in it, or half of a character.
    """
    bare = whole_text(model).strip()
    if not bare.replace(" ", "").isprintable():
        raise ValueError(
            f"{bare!a} has a line break, a tab or a control character in it; copy the model's id "
            "again"
        )

    listed = LISTED_AS.get(provider)
    return bare if listed is None else listed.sub("", bare, count=1)
