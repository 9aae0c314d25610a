"""Takes secrets out of whatever may be shown, stored or raised: text, JSON values, exceptions.

Knows nothing of where a secret comes from; the caller names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "***"
USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
"""The name and the password in a URL, such as that of a proxy."""
SHORTEST_SECRET = 8
"""Characters; anything shorter is not looked for: replacing `test` would garble honest answers."""

SECRET_NAMES = ("key", "token", "secret", "password", "credential", "authorization")
# Names that hold one of these words and no secret: counts, paths and places.
HARMLESS_NAMES = frozenset({"credentials_path", "max_tokens", "keyframes", "keyframe"})


def looks_secret(name: str) -> bool:
    """Tell whether a setting of this name holds a secret."""
    lowered = name.lower()
    return lowered not in HARMLESS_NAMES and any(word in lowered for word in SECRET_NAMES)


def without_userinfo(text: str) -> str:
    """Return text whose URLs tell no name and no password."""
    return USERINFO.sub(f"{MASK}@", text) if "@" in text else text


class Secrets:
    """The secrets of one call, longest first, so that a part never hides a whole."""

    def __init__(self, values: Iterable[str | None] = ()) -> None:
        found: set[str] = set()
        for value in values:
            if value:
                found.update((value, value.strip()))  # keys are sent without white space around
                found.update(value.split(":"))  # "id:secret" pairs leak by their halves too
        long_enough = (value for value in found if len(value) >= SHORTEST_SECRET)
        self._values = tuple(sorted(long_enough, key=lambda value: (-len(value), value)))

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"

    def text(self, text: str) -> str:
        """Return the text with every secret masked."""
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        return text

    def data(self, value: Any) -> Any:
        """Return a JSON-like value with every secret masked, in keys too."""
        if not self._values:
            return value

        if isinstance(value, str):
            return self.text(value)

        if isinstance(value, bytes):
            return self._bytes(value)

        if isinstance(value, Mapping):
            return {self.data(key): self.data(item) for key, item in value.items()}

        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]

        return value

    def error(self, error: BaseException) -> BaseException:
        """Return the error itself, or a copy to show where its text or its causes hold a secret."""
        if not self._tells(error):
            return error

        said = without_userinfo(self.text(str(error)))
        copy = RuntimeError(f"{type(error).__name__}: {said}")
        return copy.with_traceback(error.__traceback__)

    def _tells(self, error: BaseException | None) -> bool:
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            shown = f"{error!s}{error!r}{vars(error)!r}"  # notes and a vendor's own fields too
            if any(value in shown for value in self._values) or USERINFO.search(shown):
                return True

            error = error.__cause__ or error.__context__

        return False

    def _bytes(self, content: bytes) -> bytes:
        for value in self._values:
            content = content.replace(value.encode(), MASK.encode())
        return content


def mask_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return provider settings fit to be shown: values of secret-looking names are masked."""
    return {
        name: MASK if looks_secret(name) and value is not None else value
        for name, value in settings.items()
    }
