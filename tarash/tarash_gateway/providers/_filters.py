"""Sees where a good answer says that its media are none: painted black, or left out. Pure.

A filter's flag stands beside the media, or in their own objects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._data._hints import read_raw_response
from ..exceptions import ContentModerationError
from ._outputs import Medium
from ._result_facts import FILTERED, mapping, text

if TYPE_CHECKING:
    from .._data._exchange import Call
    from .._data._types import Billing

# What replaces a picture by a black one; diffusers has the first name, its wrappers the others.
PAINTED_BLACK = (
    "nsfw_content_detected",
    "has_nsfw_concepts",
    "has_nsfw_concept",
    "has_nsfw_content",
)
UNSAFE = (*PAINTED_BLACK, "nsfw", "is_nsfw", "nsfw_detected", "moderated", "filtered", "blocked")
"""True of what was kept back, where there is no address either."""
SAFE = ("is_image_safe", "respect_moderation", "is_safe", "safe")
"""False of what was kept back."""
REASONS = ("finish_reason", "finishReason")
"""Where some say why an object is without its address."""
KEPT_BACK = re.compile(r"filter|safety|moderat|nsfw|prohibited|sensitive", re.IGNORECASE)
MEDIA = ("url", "uri", "b64_json", "image", "video", "data")


@dataclass(frozen=True, slots=True)
class Sifted:
    """Media, and how many of them the filter kept back."""

    media: tuple[Medium, ...]
    refused: int
    flags: tuple[str, ...] = ()
    """The provider's names for what said so."""

    @property
    def note(self) -> dict[str, Any]:
        """Return what `provider_metadata` says of it."""
        return note_of(self.refused, self.flags)


def note_of(refused: int, reasons: Sequence[str] = ()) -> dict[str, Any]:
    """Return what `provider_metadata` says of media that were kept back; nothing where none was."""
    return {FILTERED: {"count": refused, "reasons": list(reasons)}} if refused else {}


def sift(output: Any, media: Sequence[Medium], *, checks: bool = True) -> Sifted:
    """Return media without those that a flag says are none.

    Args:
        output: The whole output, where flags for all may stand.
        media: What was found in it.
        checks: Whether the provider's checker paints over what it flags; not where the user has
            turned it off.
    """
    missing, names = _left_out(output)
    painted: dict[int, str] = {}
    beside = mapping(output)
    present = {*beside, *(name for one in media for name in one.about)}
    for name in PAINTED_BLACK if checks else ():
        if name not in present:
            continue

        flags = _flags(beside.get(name))
        places = _painted(flags, len(media))
        painted |= dict.fromkeys(places, name)
        painted |= {
            place: name for place, medium in enumerate(media) if _is_true(medium.about.get(name))
        }
        if any(flags) and not places:
            names.append(name)
            missing = max(missing, sum(flags))

    return Sifted(
        tuple(medium for place, medium in enumerate(media) if place not in painted),
        len(painted) + missing,
        tuple(dict.fromkeys([*painted.values(), *names])),
    )


def _flags(value: Any) -> list[bool]:
    return [_is_true(item) for item in (value if isinstance(value, list) else [value])]


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _painted(flags: list[bool], number: int) -> set[int]:
    """Return the places of the media that are flagged: all of them, or each by its own flag."""
    if flags and all(flags):
        return set(range(number))

    # Flags that are not one for each say nothing of any of them.
    return {place for place, flag in enumerate(flags) if flag} if len(flags) == number else set()


def _left_out(value: Any, deep: int = 4) -> tuple[int, list[str]]:
    """Return how many objects have no media and say that they are unsafe, and what says so."""
    flag = unsafe(value) if isinstance(value, dict) else None
    if flag is not None:
        return 1, [flag]

    count = 0
    names: list[str] = []
    if deep:
        for inner in value if isinstance(value, list) else mapping(value).values():
            if isinstance(inner, dict | list):
                more, by = _left_out(inner, deep - 1)
                count, names = count + more, names + by

    return count, names


def unsafe(item: Mapping[str, Any]) -> str | None:
    """Return the flag by which an object without media says that the filter kept them back."""
    empty = [name for name in MEDIA if name in item and item[name] in (None, "")]
    if not empty or any(item.get(name) not in (None, "") for name in MEDIA):
        return None

    flags = [name for name in UNSAFE if _is_true(item.get(name))]
    flags += [name for name in SAFE if item.get(name) is False]
    flags += [reason for name in REASONS if KEPT_BACK.search(reason := text(item.get(name)) or "")]
    return next(iter(flags), None)


def is_checked(call: Call) -> bool:
    """Tell whether the provider's checker paints over what it flags: the user may turn it off."""
    extra = call.request.extra_params
    off = extra.get("disable_safety_checker") is True
    return not off and extra.get("enable_safety_checker") is not False


def refusal(
    provider: str, sifted: Sifted, kind: str, raw: Any, billing: Billing | None = None
) -> ContentModerationError:
    """Return the error for a result of which the filter left nothing."""
    what = f"all {sifted.refused} {kind}s" if sifted.refused > 1 else f"the {kind}"
    return ContentModerationError(
        f"{provider}'s content filter kept back {what} ({', '.join(sifted.flags)}): change "
        "the prompt, the images or the seed",
        raw_response=raw,
        hints=[read_raw_response("what came")],
        stage="output",
        categories=sifted.flags,
        billing=billing,
    )
