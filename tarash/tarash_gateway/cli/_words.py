"""Says what the library says in the words of the command line: options instead of fields."""

from __future__ import annotations

import re

# Where an option is called other than the field that it fills.
OPTIONS = {
    "prompt": "PROMPT",
    "duration_seconds": "--duration",
    "generate_audio": "--audio",
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
    (r"^Cancelled; the job (\S+) goes on", r"The job \1 goes on"),
    (r"; the error's operation identifies it, and submitting", "; submitting"),
    (r" \(the response still holds what was made\)", ""),
    (r"or api_key= on the config", "or name a file that holds it with --key-file"),
    (r"mock=MockConfig\(enabled=True\)", "--mock"),
    (r"\bstrict=True\b", "--strict is given"),
    (r"\bfit_images=True(?: on the config)?", "--fit-images"),
    (r", or raise max_media_bytes= on the config", ""),
    (r"\bfailover='(\w+)'", r"--failover \1"),
    (r"\bin extra_params=\{'([^']+)': \.\.\.\}", r"with --param \1=..."),
    (r"\bin extra_params\b", "with --param NAME=VALUE"),
    (r"\bextra_params\.(?=\S)", "--param "),
)
NAMES = re.compile(
    rf"\b(?P<set>{FIELDS})=(?P<value>\S)|\b(?P<argument>{FIELDS})=(?: on the config\b)?"
    rf"|the field '(?P<field>{FIELDS})'|'?\b(?P<ours>{OURS})\b'?"
)


def option(field: str) -> str:
    """Return the option that fills a field."""
    return OPTIONS.get(field, f"--{field.replace('_', '-')}")


def in_options(text: str) -> str:
    """Return what the library says, with options in the place of fields and arguments."""
    for pattern, words in PHRASES:
        text = re.sub(pattern, words, text)

    return NAMES.sub(_named, text)


def _named(found: re.Match[str]) -> str:
    if found["set"]:
        return f"{option(found['set'])} {found['value']}"

    return option(found["argument"] or found["field"] or found["ours"])
