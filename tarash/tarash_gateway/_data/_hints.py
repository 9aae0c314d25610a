"""What the reader of an error can do about it: as data, and in words of Python.

The command line has its own words for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

JOINER = "; "


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing to do about an error.

    Attributes:
        action: A stable word for it, such as `raise`, `set_key` or `check_dashboard`.
        text: What the error's message says of it.
        setting: The argument or field of the config or the request that it is about, if any.
        value: What to set it to, or what else the action needs: a variable, a command's argument,
            a model's id with its provider before it.
    """

    action: str
    text: str
    setting: str | None = None
    value: Any = None


def as_data(hints: Sequence[Any]) -> list[dict[str, Any]]:
    """Return hints as JSON can carry them, without what a handler has put in their place."""
    return [
        {**asdict(hint), "value": _plain(hint.value)} for hint in hints if isinstance(hint, Hint)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]

    is_plain = value is None or isinstance(value, str | int) or _is_number(value)
    return value if is_plain else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def hints_in(stored: Any) -> tuple[Hint, ...]:
    """Return the hints that `as_data` was given; none of what is no such data."""
    if not isinstance(stored, list):
        return ()

    known = [
        hint for hint in stored if isinstance(hint, dict) and {"action", "text"} <= hint.keys()
    ]
    return tuple(
        Hint(hint["action"], hint["text"], hint.get("setting"), _frozen(hint.get("value")))
        for hint in known
    )


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def text_of_hints(hints: Sequence[Hint]) -> str:
    """Return hints as the end of a message."""
    return "".join(f"{JOINER}{hint.text}" for hint in hints)


class Advised:
    """An error whose message ends with what to do about it."""

    message: str
    hints: tuple[Hint, ...]
    args: tuple[Any, ...]
    lacks_subject: bool = False
    """Whether the message begins with what came, such as `HTTP 503`, and not with from whom."""

    @property
    def summary(self) -> str:
        """The message without its hints: what went wrong, and why."""
        return self.message.removesuffix(text_of_hints(self.hints))

    def advises(self, action: str) -> bool:
        """Tell whether one of the hints is this action."""
        return any(hint.action == action for hint in self.hints)

    def name_subject(self, provider: str) -> None:
        """Say from whom it came, where the message doesn't yet."""
        if self.lacks_subject:
            self.amend(before=f"{provider} answered ")
            self.lacks_subject = False

    def amend(self, *, before: str = "", after: str = "", hints: Sequence[Hint] = ()) -> None:
        """Add to the message what was found out later; once, however often it is said."""
        summary = self.summary
        if after and summary.endswith(after):
            return

        self.hints = (*self.hints, *hints)
        self.message = f"{before}{summary}{after}{text_of_hints(self.hints)}"
        self.args = (self.message,)


def raise_limit(setting: str, then: str = "") -> Hint:
    """Advise to allow more of something."""
    return Hint("raise", f"raise {setting}= on the config{then}", setting, then)


def switch_on(setting: str, then: str = "") -> Hint:
    """Advise to switch an option on."""
    return Hint("switch_on", f"{setting}=True on the config{then}", setting, then)


def check(what: str, setting: str | None = None) -> Hint:
    """Advise to make sure of something."""
    return Hint("check", f"check {what}" + (f" and {setting}" if setting else ""), setting, what)


def check_dashboard(text: str = "look at the provider's dashboard before you try again") -> Hint:
    """Advise to make sure by other means of what was bought."""
    return Hint("check_dashboard", text)


def set_key(variable: str | None) -> Hint:
    """Advise to give a key."""
    text = f"set the environment variable {variable} or api_key= on the config"
    return Hint("set_key", text, "api_key", variable)


def use_mock() -> Hint:
    """Advise to try without a key."""
    text = "to try without a key, use mock=MockConfig(enabled=True)"
    return Hint("use_mock", text, "mock")


def use_function(kind: str) -> Hint:
    """Advise to make the other kind of thing."""
    return Hint("use_function", f"use generate_{kind}()", value=kind)


def use_model(provider: str, model: str) -> Hint:
    """Advise to ask another model of the same provider."""
    return Hint("use_model", f"use {model}", "model", f"{provider}/{model}")


def leave_out(names: Sequence[str]) -> Hint:
    """Advise to do without parameters that an untrusted request may not carry."""
    text = "leave it out, or name it in allowed_extra_params= on the config"
    return Hint("leave_out", text, "extra_params", tuple(names))


def give_parameter(name: str | None = None) -> Hint:
    """Advise to give one of the provider's own parameters."""
    place = "extra_params" if name is None else f"extra_params={{{name!r}: ...}}"
    return Hint("give_parameter", f"give it in {place}", "extra_params", name)


def read_raw_response(what: str = "it") -> Hint:
    """Advise where to read what came."""
    return Hint("read_raw_response", f"raw_response holds {what}")


def use_operation(text: str = "the error's operation identifies it") -> Hint:
    """Advise how to go on with a job that was bought."""
    return Hint("use_operation", text)


def give_media(text: str) -> Hint:
    """Advise to give another medium, or in another form."""
    return Hint("give_media", text)


def keep_results() -> Hint:
    """Advise what keeps a result for others than whoever waits for it."""
    return Hint("keep_results", "use an idempotency_key, or a ledger in a file", "idempotency_key")
