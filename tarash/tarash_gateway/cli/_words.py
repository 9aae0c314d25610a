"""Says what the library says in the words of the command line: options instead of fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextvars import ContextVar

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
    "fallback_configs": "--fallback",
}
SAME = (
    "aspect_ratio", "base_url", "model", "negative_prompt", "provider", "quality", "resolution",
    "seed", "size", "style", "timeout", "video",
)  # fmt: skip
FIELDS = "|".join([*OPTIONS, *SAME])
# What no provider calls a parameter of its own, and nobody writes otherwise.
OURS = "duration_seconds|image_list|mask_image|number_of_videos|fallback_configs|base_url"
# In this order; what is more than a name comes first.
PHRASES = (
    # What the command line says itself, or has no use for.
    (r"^Cancelled; the job (\S+) goes on", r"The job \1 goes on"),
    (r"; the error's operation identifies it, and submitting", "; submitting"),
    (r"; request \S+ is made[^()]*(?= \(the response still holds)", ""),
    (r" or on_exists='number'", ""),
    (r" \(the response still holds what was made\)", ""),
    (r"; raw_response holds (?:it|the blurred one)", ""),
    (r"; register_provider\(\) adds your own", ""),
    (r"(?:, or|;) raise max_media_bytes= on the config", ""),
    (r", and allow_private_urls is off on the config; give the bytes", "; give the file"),
    (r", and allow_private_urls is off on the config", ""),
    (r"(?<=\?) extra_params=\{[^}]*\} sends it without this warning", ""),
    # Commands in the place of functions.
    (r"take the id from .*`resume_all`", "take the id from `tarash jobs ls --all`"),
    (r"`add_model\('([^']+)', '([^']+)'\)`", r"`tarash models add \2 --provider \1`"),
    (r"\badd_model\(\)", "`tarash models add`"),
    (r"\buse generate_(video|image)\b(?:\(\))?", r"use `tarash \1`"),
    # Options in the place of arguments.
    (
        r"is not a field of \w+ and goes to the provider as it is",
        "is no option, and goes to the provider as it is",
    ),
    (r"or api_key= on the config", "or name a file that holds it with --key-file"),
    (r"mock=MockConfig\(enabled=True\)", "--mock"),
    (r"or pass overwrite=True", "or overwrite it with --force"),
    (r"\bstrict=True\b", "--strict is given"),
    (r"\bfit_images=True(?: on the config)?", "--fit-images"),
    (r"\bfailover='(\w+)'", r"--failover \1"),
    (r"\b(takes|output)=(?=')", r"--\1 "),
    (r"(?<![\w.?&/-])n=(?=\d)", "--n "),
    (r"\bin extra_params=\{'([^']+)': \.\.\.\}", r"with --param \1=..."),
    (r"\bin extra_params\b", "with --param NAME=VALUE"),
    (r"\bextra_params\.(?=\S)", "--param "),
    (r"\bextra_params\b(?!=)", "--param"),
    (r"\b(?:an )?idempotency_key\b", "--idempotency-key"),
    (r"\bimage_list(\[\d+\])\.type\b", r"the role of --image\1"),
)
# What is said instead where the command has no such option.
LACKED = (
    ("--key-file", r",? or name a file that holds it with --key-file", ""),
    ("--mock", r"[;,] to try without a key, use --mock", ""),
    (
        "--base-url",
        r"neither (\S+) nor --base-url",
        r"neither \1's host nor the one that its variable TARASH_…_BASE_URL names",
    ),
)
NAMES = re.compile(
    rf"\b(?P<set>{FIELDS})=(?P<value>\S)|\b(?P<argument>{FIELDS})=(?: on the config\b)?"
    rf"|the field '(?P<field>{FIELDS})'|'?\b(?P<ours>{OURS})\b'?"
)


def option(field: str) -> str:
    """Return the option that fills a field."""
    return OPTIONS.get(field, f"--{field.replace('_', '-')}")


def wish(field: str) -> str:
    """Return what a field of a request is called that had to bend: its option, else `--param`."""
    if field.startswith(("image_list", "extra_params.")):
        return in_options(field)

    return option(field) if field in {*OPTIONS, *SAME, "n"} else f"--param {field}"


def in_options(text: str) -> str:
    """Return what the library says, with options in the place of fields and arguments."""
    for pattern, words in PHRASES:
        text = re.sub(pattern, words, text)

    return _of_this_command(NAMES.sub(_named, text))


_offered: ContextVar[frozenset[str] | None] = ContextVar("_offered", default=None)


def offer(options: Iterable[str]) -> None:
    """Note which options the command has that runs."""
    _offered.set(frozenset(options))


def offer_all() -> None:
    """Note that no command runs yet."""
    _offered.set(None)


def _of_this_command(text: str) -> str:
    """Return a text without advice that the command can't follow."""
    offered = _offered.get()
    if offered is None:
        return text

    for name, pattern, words in LACKED:
        if name not in offered:
            text = re.sub(pattern, words, text)

    def other(found: re.Match[str]) -> str:
        known = found[0].startswith("`") or found[0] in offered
        return found[0] if known else f"{found[0]} of `tarash video`"

    return re.sub(r"`[^`]*`|(?<![\w-])--[a-z][a-z-]+", other, text)


def _named(found: re.Match[str]) -> str:
    if found["set"]:
        return f"{option(found['set'])} {found['value']}"

    return option(found["argument"] or found["field"] or found["ours"])
