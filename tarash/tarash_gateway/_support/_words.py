"""The grammar of messages, and what text from elsewhere is made of before people see it."""

from __future__ import annotations

import unicodedata

JOINERS = frozenset("\u200c\u200d")
"""Without them, some scripts and emoji fall apart; they move nothing."""


def with_article(noun: str) -> str:
    """Return a noun with `a` or `an` before it."""
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"


def visible(text: str) -> str:
    """Return text of which nothing is a command to a terminal, or turns the direction of others.

    Control characters, marks of direction and halves of characters are written as escapes. Line
    breaks and tabs stay.
    """
    if text.isprintable():
        return text

    return "".join(
        character if _is_harmless(character) else _escaped(character) for character in text
    )


def _is_harmless(character: str) -> bool:
    if character.isprintable() or character in "\n\t" or character in JOINERS:
        return True

    return unicodedata.category(character) == "Zs"  # a space of another width


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return a number with what it counts, as people say it: `1 job`, `2 jobs`.

    Args:
        number: How many.
        thing: One of them.
        things: Several; by default with an s.
    """
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"
