"""Takes secrets out of whatever may be shown, stored or raised: text, JSON values, exceptions.

Knows nothing of where a secret comes from; the caller names them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._tracebacks import chain_of, trimmed

MASK = "***"
USERINFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
"""The name and the password in a URL, such as that of a proxy."""
SENDABLE = re.compile(r"[ -~]*")
"""What a header can hold."""
ESCAPED = re.compile(r"\\[^nrtbf]")
"""What in JSON may stand for a character that a header can hold; the others are for controls."""
SHORTEST_SECRET = 8
"""Characters; anything shorter is not looked for: replacing `test` would garble honest answers."""

SECRET_NAMES = ("key", "token", "secret", "pass", "pwd", "credential", "auth")
# Names that hold one of these words and no secret: counts, paths and places.
HARMLESS_NAMES = frozenset({"credentials_path", "max_tokens", "keyframes", "keyframe"})

EVERYWHERE = frozenset({"min_poll_interval"})
"""Names in `provider_config` that hold no secret with any provider."""
_declared: dict[str, frozenset[str]] = {}


def _of_nobody(provider: str) -> Iterable[str]:
    del provider
    return ()


_open_settings_of: Callable[[str], Iterable[str]] = _of_nobody


def ask_for_open_settings(find: Callable[[str], Iterable[str]]) -> None:
    """Say who knows which settings of a provider hold no secret: the registry, which has its row.

    A config prints itself without loading an adapter, and what nobody declares is a secret.
    """
    global _open_settings_of  # noqa: PLW0603  (set once, when the registry is imported)
    _open_settings_of = find


def declare_open(provider: str, names: Iterable[str]) -> None:
    """Take note of settings of a registered provider that hold no secret."""
    _declared[provider] = _declared.get(provider, frozenset()) | frozenset(names)


def is_open(provider: str, name: str) -> bool:
    """Tell whether a setting in `provider_config` may be shown and written down."""
    known = (EVERYWHERE, _declared.get(provider, ()), _open_settings_of(provider))
    return any(name in names for names in known)


def looks_secret(name: str) -> bool:
    """Tell whether a setting of this name holds a secret."""
    lowered = name.lower()
    return lowered not in HARMLESS_NAMES and any(word in lowered for word in SECRET_NAMES)


def without_userinfo(text: str) -> str:
    """Return text whose URLs tell no name and no password."""
    return USERINFO.sub(f"{MASK}@", text) if "@" in text else text


# ------------------------------------------------------------------------- carried, and not shown
class Key:
    """A key as our code carries it: whatever shows the variables of a frame sees a mask.

    Held by a function, so that nothing that walks over attributes comes upon it.
    """

    __slots__ = ("reveal",)

    def __init__(self, value: str) -> None:
        self.reveal: Callable[[], str] = lambda: value

    @classmethod
    def taken(cls, key: Any) -> Any:
        """Return what a user has handed over as one of these; None for nothing."""
        key = revealed(key)
        return cls(key) if isinstance(key, str) and key else key or None

    def __repr__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.reveal() == self.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())


QUOTES = "\"'`"
MORE_THAN_A_KEY = {
    # Without a space, only what is no half of an `id:secret`.
    "the name of a header": (
        r"(?i:authorization\s*[:=]|(?:x-(?:[a-z]+-)*|(?:[a-z]+-)*(?:api|subscription)-)key\s*:"
        r"|(?:[a-z]+-)*key\s*:\s)\s*\S"
    ),
    "the word {word!r}, which is added where it is sent": (
        r"(?P<word>(?i:bearer|key|token|basic|api-?key))(?:(?:\s*:)?\s+|(?<=(?i:bearer))[:=])\S"
    ),
    # A `=` that anything follows is no padding of base64.
    "the name of a variable": (
        r"(?:(?:export\s+|set\s+|\$env:)[A-Za-z_]\w*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
        r"|(?i:(?:[a-z][a-z0-9]*_)*(?:api|access|auth|secret)?(?:key|token|secret)))"
        r"\s*(?:=\s*[^\s=]|:\s+\S)"
    ),
}
"""How keys begin that were copied with what stood before them: patterns, seldom needed."""
MARKS = re.compile("[ =:]")
"""Of which each of these has one."""


def plain_key(key: str) -> str:
    """Return a key without the white space and the quotes around it.

    A line break is what reading a file leaves behind, and quotes are what `docker --env-file` does:
    neither is ever a part of a key.
    """
    key = key.strip()
    quote = key[:1]
    quoted = len(key) > 2 and quote in QUOTES and key.endswith(quote)  # noqa: PLR2004  (the two)
    return plain_key(key[1:-1]) if quoted and key.count(quote) == 2 else key  # noqa: PLR2004


def why_more_than_a_key(key: str) -> str | None:
    """Return what a plain key has at its ends that is no key, in words that don't tell it."""
    for what, pattern in MORE_THAN_A_KEY.items() if MARKS.search(key) else ():
        match = re.match(pattern, key)
        if match is not None:
            return f"begins with {what.format(**match.groupdict())}"

    return "has a quote at one end" if key and (key[0] in QUOTES or key[-1] in QUOTES) else None


def why_no_header(key: str) -> str | None:
    """Return why no header can hold a key, in words that don't tell it; None where one can."""
    if SENDABLE.fullmatch(key):
        return None

    for place, character in enumerate(key, 1):
        if not "!" <= character <= "~" and character != " ":
            name = unicodedata.name(character, "a control character").lower()
            shown = f"{name}, U+{ord(character):04X}"
            return f"holds a character that no key has ({shown}) at position {place} of {len(key)}"

    return None


def revealed(value: Any) -> Any:
    """Return a value as whoever sends it needs it: without pydantic's wrapper, at any depth."""
    reveal = getattr(value, "get_secret_value", None)
    if reveal is not None:
        return reveal()

    if isinstance(value, Mapping):
        return {name: revealed(inner) for name, inner in value.items()}

    return [revealed(item) for item in value] if isinstance(value, list) else value


class Keys:
    """Keys by provider, or by provider and base URL, as users hand them over; tells whose only."""

    __slots__ = ("get", "names")

    def __init__(self, keys: Mapping[Any, str] | None) -> None:
        given = {name: revealed(key) for name, key in (keys or {}).items()}
        self.names: tuple[str | tuple[str, str], ...] = tuple(given)
        self.get: Callable[[str | tuple[str, str]], str | None] = lambda name: given.get(name)  # noqa: PLW0108

    @classmethod
    def taken(cls, keys: Any) -> Any:
        """Return what a user has handed over as one of these, whichever it is by now."""
        return keys if isinstance(keys, Keys) else cls(keys)

    def __repr__(self) -> str:
        return f"Keys({', '.join(map(str, self.names))})"


class AuthHeaders:
    """Headers that carry a key; tells their names only."""

    __slots__ = ("_names", "reveal")

    def __init__(self, headers: Mapping[str, Any]) -> None:
        given = dict(headers)
        self._names = tuple(given)
        self.reveal: Callable[[], dict[str, Any]] = lambda: dict(given)

    def __repr__(self) -> str:
        return f"AuthHeaders({', '.join(self._names)})"

    def onto(self, headers: Mapping[str, str] | None) -> dict[str, Any]:
        """Return headers with these, for the call that sends them and for no variable."""
        return {**(headers or {}), **self.reveal()}

    @property
    def secrets(self) -> Secrets:
        """What was made of the key for them, and is as secret."""
        return NO_SECRETS


def bearer(key: Key, scheme: str = "Bearer") -> AuthHeaders:
    """Return the usual header of a key."""
    return AuthHeaders({"Authorization": f"{scheme} {key.reveal()}"})


# --------------------------------------------------------------------------------------- taken out
class Secrets:
    """The secrets of one call, longest first, so that a part never hides a whole."""

    def __init__(self, values: Iterable[str | Key | None] = ()) -> None:
        secrets: set[str] = set()
        for secret in values:
            value = secret.reveal() if isinstance(secret, Key) else secret
            if value:
                secrets.update((value, value.strip(), plain_key(value)))  # which is what is sent
                secrets.update(value.split(":"))  # "id:secret" pairs leak by their halves too

        # As they stand in JSON that is itself within text.
        quoted = {json.dumps(value)[1:-1] for value in secrets}
        secrets |= quoted | {value.replace("/", "\\/") for value in quoted}
        long_enough = (value for value in secrets if len(value) >= SHORTEST_SECRET)
        ordered = tuple(sorted(long_enough, key=lambda value: (-len(value), value)))
        self._values: Callable[[], tuple[str, ...]] = lambda: ordered

    def __repr__(self) -> str:
        return f"Secrets({len(self._values())})"

    def and_of(self, others: Secrets) -> Secrets:
        """Return these and others."""
        if not others._values():
            return self

        both = Secrets()
        values = {*self._values(), *others._values()}
        ordered = tuple(sorted(values, key=lambda value: (-len(value), value)))
        both._values = lambda: ordered
        return both

    def text(self, text: str) -> str:
        """Return the text with every secret masked."""
        for value in self._values():
            if value in text:
                text = text.replace(value, MASK)
        return text

    def data(self, value: Any) -> Any:
        """Return a JSON-like value with every secret masked, in keys too."""
        if not self._values():
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

    def may_hide_in(self, text: str) -> bool:
        """Tell whether JSON, as text, may hold a secret that is not to be seen in it."""
        if all(map(SENDABLE.fullmatch, self._values())):
            return "\\" in text and ESCAPED.search(text) is not None

        return "\\" in text

    def are_in(self, value: Any) -> bool:
        """Tell whether a JSON value holds a secret, in keys too; by far faster than `data`.

        Written as JSON, a text has that of each part of it in it.
        """
        if not self._values():
            return False

        shown = json.dumps(value, ensure_ascii=False)
        return any(
            json.dumps(secret, ensure_ascii=False)[1:-1] in shown for secret in self._values()
        )

    def error(self, error: BaseException) -> BaseException:
        """Return the error itself, or a copy to show where it or its causes hold a secret.

        What an HTTP client or an SDK did on the way is cut from its traceback in either case: their
        variables hold the headers that were sent.
        """
        links = list(chain_of(error))
        if any(self._reveals(link) for link in links):
            message = without_userinfo(self.text(str(error)))
            copy = RuntimeError(f"{type(error).__name__}: {message}")
            return copy.with_traceback(trimmed(error.__traceback__))

        for link in links:
            link.__traceback__ = trimmed(link.__traceback__)

        return error

    def outside(self, error: BaseException) -> BaseException:
        """Return a copy of an error of an HTTP client's or an SDK's that holds nothing but words.

        Its class is kept where that can be. What it hung on is not: requests, with their headers,
        and a traceback whose frames hold them too.
        """
        message = without_userinfo(self.text(str(error)))
        kind = type(error)
        plain = {name: self._plain(value) for name, value in vars_of(error).items()}
        try:
            copy = kind.__new__(kind, *(self._plain(value) for value in error.args))
            copy.__dict__.update(plain)
            if not self._reveals(copy) and str(copy) == message:
                return copy
        except (AttributeError, TypeError, ValueError):  # its class wants to be made otherwise
            pass

        return RuntimeError(f"{kind.__name__}: {message}")

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return without_userinfo(self.text(value))

        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]

        if isinstance(value, Mapping):
            return {str(name): self._plain(inner) for name, inner in value.items()}

        return value if isinstance(value, bool | int | float) else None

    def _reveals(self, error: BaseException) -> bool:
        shown = shown_of(error)
        return any(value in shown for value in self._values()) or USERINFO.search(shown) is not None

    def _bytes(self, content: bytes) -> bytes:
        for value in self._values():
            content = content.replace(value.encode(), MASK.encode())
        return content


NO_SECRETS = Secrets()


def secrets_of(config: Any) -> Secrets:
    """Return the secrets that a config holds itself: its key, and what its settings hide."""
    settings = config.provider_config.items()
    hidden = [value for name, value in settings if not is_open(config.provider, name)]
    return Secrets([config.api_key, *(value for value in hidden if isinstance(value, str))])


def vars_of(error: BaseException) -> dict[str, Any]:
    """Return an error's own attributes."""
    return dict(getattr(error, "__dict__", {}))


def shown_of(error: BaseException) -> str:
    """Return all that an error can be made to tell: also what it failed at, which it keeps whole.

    `UnicodeError.object` is in its `repr`, `JSONDecodeError.doc` among its attributes; pydantic's
    errors hand out the input on request.
    """
    asked: Callable[[], Any] | None = getattr(error, "errors", None)
    findings = (
        asked() if type(error).__module__.startswith("pydantic") and callable(asked) else None
    )
    held = getattr(
        error, "object", None
    )  # notes and a vendor's own fields are among the attributes
    return f"{error!s}{error!r}{vars_of(error)!r}{held!r}{findings!r}"


def mask_settings(provider: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return provider settings fit to be shown: what is not known to be none is a secret."""
    return {
        name: value if value is None or is_open(provider, name) else MASK
        for name, value in settings.items()
    }


def open_settings(provider: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provider settings that may be written down."""
    return {name: value for name, value in settings.items() if is_open(provider, name)}
