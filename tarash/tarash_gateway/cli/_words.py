"""Says what the library says in the words of the command line: options instead of fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from .._data._hints import JOINER
from .._data._requests import MistypedFieldWarning

if TYPE_CHECKING:
    from .._data._hints import Hint
    from ..exceptions import TarashException


# Where an option is called other than the field that it fills.
OPTIONS = {
    "prompt": "PROMPT",
    "duration_seconds": "--duration",
    "generate_audio": "--audio",
    "enhance_prompt": "--enhance",
    "image_list": "--image",
    "mask_image": "--mask",
    "number_of_videos": "--n",
    "extra_params": "--param",
    "overwrite": "--force",
    "fallback_configs": "--fallback",
    "limits": "--in-flight",
}
SAME = (
    "aspect_ratio", "enhance_prompt", "failover", "fit_images", "model", "negative_prompt",
    "output", "provider", "quality", "resolution", "seed", "size", "strict", "style", "takes",
    "timeout", "video",
)  # fmt: skip
NAMED = "|".join([*OPTIONS, *SAME, "n"])
BY_CODE = "with register_prices(), or "
"""A way that is open to programs only; the other one follows it."""
# What no provider calls a parameter of its own, and nobody writes otherwise.
OURS = (
    "base_url|duration_seconds|extra_params|fallback_configs|idempotency_key|image_list|mask_image"
    "|number_of_videos|max_cost|allow_unpriced|hedge_after|in_flight|queue_timeout"
)
NAMES = re.compile(
    r"\bextra_params(?:\.(?P<dotted>[\w-]+)|=\{'(?P<given>[^']*)': \.\.\.\})"
    rf"|(?<![\w.?&/-])(?P<set>{NAMED}|{OURS})=(?P<value>'[^']*'|[\w.]+)(?: on the config\b)?"
    rf"|(?<![\w.?&/-])(?P<argument>{NAMED}|{OURS})=(?: on the config\b)?"
    rf"|the field '(?P<field>{NAMED})'"
    rf"|'?(?<![\w.?&/-])(?P<ours>{OURS})\b(?P<place>\[\d+\])?(?P<role>\.type\b)?'?"
)
"""How the library writes a setting, so that nothing else is taken for one."""


def option(field: str) -> str:
    """Return the option that fills a field."""
    return OPTIONS.get(field, f"--{field.replace('_', '-')}")


def adapted_option(field: str) -> str:
    """Return what a field of a request is called that was adapted: its option, else `--param`."""
    if field.startswith(("image_list", "extra_params.")):
        return in_options(field)

    return option(field) if field in {*OPTIONS, *SAME, "n"} else f"--param {field}"


def in_options(text: str) -> str:
    """Return what the library says, with options in the place of fields and arguments."""
    return _of_this_command(NAMES.sub(_named, text.replace(BY_CODE, "")))


def error_text(error: TarashException) -> str:
    """Return an error's message with hints that the command line can follow."""
    if error.summary == error.message:
        return in_options(error.message)

    hints = [advice for hint in error.hints if (advice := advice_of(hint)) is not None]
    return JOINER.join([in_options(error.summary), *hints])


def warned(warning: Warning | str) -> str:
    """Return a warning in the words of the command line."""
    if isinstance(warning, MistypedFieldWarning):
        return (
            f"{warning.name!r} is no option, and goes to the provider as it is; did you mean "
            f"{in_options(warning.meant)}?"
        )

    return in_options(str(warning))


KIND_OPTION = "--kind"
_offered: ContextVar[frozenset[str] | None] = ContextVar("_offered", default=None)


def offer(options: Iterable[str]) -> None:
    """Note which options the command has that runs."""
    _offered.set(frozenset(options))


def offer_all() -> None:
    """Note that no command runs yet."""
    _offered.set(None)


def _has(name: str) -> bool:
    """Tell whether the command has an option; before one runs, every option counts."""
    offered = _offered.get()
    return offered is None or name in offered


def _of_this_command(text: str) -> str:
    """Return a text that says of which command an option is that this one has not."""

    def other(match: re.Match[str]) -> str:
        known = match[0].startswith("`") or _has(match[0])
        return match[0] if known else f"{match[0]} of `tarash video`"

    return re.sub(r"`[^`]*`|(?<![\w-])--[a-z][a-z-]+", other, text)


def _named(match: re.Match[str]) -> str:
    if match["dotted"] or match["given"]:
        return f"--param {match['dotted']}" if match["dotted"] else f"--param {match['given']}=..."

    if match["set"]:
        name = option(match["set"])
        return name if match["value"] == "True" else f"{name} {match['value']}"

    if match["role"]:
        return f"the role of {option(match['ours'])}{match['place'] or ''}"

    field = match["argument"] or match["field"] or match["ours"]
    return f"{option(field)}{match['place'] or ''}"


# ----------------------------------------------------------------------------------------- hints
def _raise(hint: Hint) -> str | None:
    name = option(str(hint.setting))
    # The limits on media are for services, and no options.
    return f"raise {name}{hint.value}" if hint.setting == "timeout" and _has(name) else None


def _switch_on(hint: Hint) -> str | None:
    name = option(str(hint.setting))
    return f"{name}{hint.value}" if hint.setting == "fit_images" and _has(name) else None


def _check(hint: Hint) -> str:
    name = None if hint.setting is None else option(hint.setting)
    return f"check {hint.value}" + (f" and {name}" if name and _has(name) else "")


def _set_key(hint: Hint) -> str:
    file = " or name a file that holds it with --key-file" if _has("--key-file") else ""
    return f"set the environment variable {hint.value}{file}"


def _set_base_url(hint: Hint) -> str:
    # A command without the option may ask several providers, or one that a job has chosen.
    return in_options(hint.text) if _has("--base-url") else f"set {hint.value}"


def _use_mock(_hint: Hint) -> str | None:
    return "to try without a key, use --mock" if _has("--mock") else None


def _give_parameter(hint: Hint) -> str:
    return f"give it with --param {'NAME=VALUE' if hint.value is None else f'{hint.value}=...'}"


def _use_function(hint: Hint) -> str:
    """Name the option of a command that asks for either, and never one that buys in its place."""
    kinds = KIND_OPTION in (_offered.get() or ())
    return f"use {KIND_OPTION} {hint.value}" if kinds else f"use `tarash {hint.value}`"


def _none(_hint: Hint) -> None:
    """The command does by itself what a program has to do, or has nothing like it."""


ADVICE: Mapping[str, Callable[[Hint], str | None]] = {
    "add_model": lambda _: "`tarash models add` reads one",
    "check": _check,
    "give_parameter": _give_parameter,
    "keep_results": lambda _: "use --idempotency-key, or a ledger in a file",
    "list_jobs": lambda _: "take the id from `tarash jobs ls --all`",
    "raise": _raise,
    "set_base_url": _set_base_url,
    "read_raw_response": _none,
    "register_provider": _none,
    "set_key": _set_key,
    "switch_on": _switch_on,
    "use_function": _use_function,
    "use_mock": _use_mock,
    "use_operation": _none,
    "use_response": _none,
}


def advice_of(hint: Hint) -> str | None:
    """Return what the command line says of a hint; None where it can't be followed here."""
    say = ADVICE.get(hint.action)
    return in_options(hint.text) if say is None else say(hint)
