"""Makes a text that a pattern describes, so that a rule for errors has something to find."""

import re


def sample(pattern: str | None, fallback: str) -> str:
    """Return a text in which a pattern is found: the fallback, where that is one."""
    if pattern is None or _fits(pattern, fallback):
        return fallback

    made = _Reader(pattern).alternatives()
    tried = [made, f"{fallback} {made}", f"{made} {fallback}"]
    return next((text for text in tried if _fits(pattern, text)), made)


def _fits(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text, re.IGNORECASE) is not None
    except re.error:
        return False


_CLASSES = {"d": "1", "w": "a", "s": " ", "D": "a", "W": " ", "S": "a", "b": "", "B": "", "Z": ""}
_CLASSES |= {"A": "", "n": "\n", "t": "\t"}


class _Reader:
    """Reads a pattern from left to right and writes the simplest text that it describes."""

    def __init__(self, pattern: str) -> None:
        self._rest = pattern

    def _take(self, count: int = 1) -> str:
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def alternatives(self) -> str:
        """Return the text of the first alternative, and go on behind all of them."""
        first = self._sequence()
        while self._rest.startswith("|"):
            self._take()
            self._sequence()

        return first

    def _sequence(self) -> str:
        text = ""
        while self._rest and self._rest[0] not in "|)":
            piece = self._piece()
            text += piece * self._repeats()

        return text

    def _piece(self) -> str:
        mark = self._take()
        if mark == "(":
            is_check = self._rest.startswith(("?!", "?=", "?<!", "?<="))
            self._rest = re.sub(r"^\?(?:[:!=]|<[!=]|P?<\w+>|[a-z]+:|[a-z]+(?=\)))", "", self._rest)
            inner = self.alternatives()
            self._take()
            return "" if is_check else inner

        if mark == "[":
            return self._one_of()

        if mark == "\\":
            name = self._take()
            return _CLASSES.get(name, name)

        return {"^": "", "$": "", ".": "a"}.get(mark, mark)

    def _one_of(self) -> str:
        match = re.match(r"\^?\]?(?:\\.|[^\]\\])*", self._rest)
        inside = match[0] if match else ""
        self._take(len(inside) + 1)
        if inside.startswith("^"):
            return next((letter for letter in "a1 -" if letter not in inside), "~")

        return _CLASSES.get(inside[1:2], inside[1:2]) if inside[:1] == "\\" else inside[:1]

    def _repeats(self) -> int:
        match = re.match(r"(?:[*+?]|\{(\d*),?\d*\})\??", self._rest)
        if match is None:
            return 1

        self._take(len(match[0]))
        if match[0][0] in "*?":
            return 0

        return int(match[1] or 0) if match[0][0] == "{" else 1
