"""Says what the library says in the words of whoever asks: a route's fields, or a tool's.

Advice that neither can follow (on Python, on the gateway's configuration) is left out, or said of
whoever runs the gateway.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._data._field_synonyms import field_meant_by
from .._data._hints import JOINER, Advised, Hint, hints_in
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)

if TYPE_CHECKING:
    from ..exceptions import TarashException

REQUEST = frozenset({*VideoGenerationRequest.model_fields, *ImageGenerationRequest.model_fields})
SETTINGS = REQUEST | VideoGenerationConfig.model_fields.keys()
SETTINGS |= ImageGenerationConfig.model_fields.keys()
# What nobody calls anything of their own, and no sentence has otherwise.
OURS = (
    "allowed_extra_params|base_url|duration_seconds|extra_params|fallback_configs|idempotency_key"
    "|mask_image|number_of_videos|reference_type"
)
NAMES = re.compile(
    r"\bextra_params(?:\.(?P<dotted>[\w-]+)|=\{'(?P<given>[^']*)': \.\.\.\})"
    r"|'?\bimage_list\b(?:\[(?P<number>\d+)\])?(?P<role>\.type)?'?"
    rf"|(?<![\w.?&/-])(?P<set>{'|'.join(sorted(SETTINGS))})="
    r"(?P<value>'[^']*'|[\w.]+)?(?: on the config\b)?"
    rf"|'?(?<![\w.?&/-])(?P<ours>{OURS})\b'?"
)
"""How the library writes a setting, so that nothing else is taken for one."""
PHRASES = (
    ("; give one with register_prices(), or in a file that TARASH_PRICES names", ""),
    (
        "; allow_unpriced sends it all the same",
        "; whoever runs the gateway can give it a price, or a key that may buy without one",
    ),
)
SHAPES = {
    "size": "WIDTHxHEIGHT in pixels, such as 1280x720",
    "url": "an address that begins with https:// or http://",
    "public_url": "an address that begins with https:// or http://",
}
"""What a pattern of a field asks for, in words."""
BY_OPERATOR = "whoever runs the gateway"
MEANT: Mapping[str, Sequence[str]] = {
    "image": ("input_reference",),
    "image_url": ("input_reference", "image"),
    "images": ("input_references",),
    "first_frame": ("frame_images",),
    "last_frame": ("frame_images",),
    "height": ("size",),
    "width": ("size",),
}
"""Fields that clients of other servers send, and those that stand for them here."""
SENTENCES = frozenset({"reason", "unknown", "warnings", "why"})
"""The fields of a plan that hold sentences of the library's."""
FOREIGN = frozenset({"payload", "requested", "sent"})
"""Those that hold what somebody else has written, or is to read."""


@dataclass
class Kept(Advised):
    """An error as a ledger keeps it."""

    message: str
    hints: tuple[Hint, ...]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Kept:
        """Return what is stored."""
        return cls(stored.get("message") or "", hints_in(stored.get("hints")))


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one door.

    Attributes:
        fields: What it calls the library's fields, where that differs.
        known: All fields that it has.
        image: What it calls one image, by its number.
        first: The number of the first image.
        images: What it calls all of them.
        kinds: How it is asked for a video, and for an image.
        jobs: How it is asked for jobs.
        whole_ids: Whether it calls models with their provider before them.
    """

    fields: Mapping[str, str]
    known: frozenset[str]
    image: str
    first: int
    images: str
    kinds: Mapping[str, str]
    jobs: str
    whole_ids: bool = False

    def error_text(self, error: TarashException) -> str:
        """Return an error's message, with the advice that can be followed here."""
        refused = _left_out(error)
        if refused:
            return self._not_passed(refused)

        if error.summary == error.message:
            return self.adapted(error.message)

        return self._advised(error)

    def kept_message(self, stored: Mapping[str, Any] | None) -> str:
        """Return the message of an error as a ledger keeps it, with the advice for here."""
        error = Kept.of(stored or {})
        if "hints" not in (stored or {}):  # of an older version, whose sentence has the advice
            return self.adapted(error.message.split(JOINER)[0])

        return self._advised(error) if error.hints else self.adapted(error.message)

    def _advised(self, error: Advised) -> str:
        advice = [text for hint in error.hints if (text := self.advice(hint)) is not None]
        return JOINER.join([self.adapted(error.summary), *advice])

    def adapted(self, text: str) -> str:
        """Return a text of the library's with the names that things have here."""
        for theirs, ours in PHRASES:
            text = text.replace(theirs, ours)

        return NAMES.sub(self._named, text)

    def adapted_in(self, plan: Any) -> Any:
        """Return a plan, as JSON, with what it says of prices, adjustments and models said so."""
        if isinstance(plan, list):
            return [self.adapted_in(part) for part in plan]

        if not isinstance(plan, dict):
            return plan

        made = {}
        for name, value in plan.items():
            if name in SENTENCES:
                every = value if isinstance(value, list) else [value]
                sentences = [
                    self.adapted(text) if isinstance(text, str) else text for text in every
                ]
                made[name] = sentences if isinstance(value, list) else sentences[0]
            else:
                made[name] = value if name in FOREIGN else self.adapted_in(value)

        return made

    def field(self, name: str) -> str:
        """Return what a field of the library's is called here."""
        return self.fields.get(name, name)

    def param(self, error: TarashException) -> str | None:
        """Return the field that an error is about, as it is called here."""
        refused = _left_out(error)
        if refused:
            return refused[0]

        return None if error.field is None else self.fields.get(error.field, error.field)

    def advice(self, hint: Hint) -> str | None:
        """Return what to say of a hint; None where nobody here can follow it."""
        say = ADVICE.get(hint.action)
        return self.adapted(hint.text) if say is None else say(hint, self)

    def _meant(self, name: str) -> Sequence[str]:
        """Return the fields that a name most likely means; none where it may mean anything."""
        usual = [field for field in MEANT.get(name, ()) if field in self.known]
        if usual:
            return usual

        for fields in (VideoGenerationRequest.model_fields, ImageGenerationRequest.model_fields):
            # Of several fields, or of the other kind's, none is named.
            field = self.field((field_meant_by(name, fields) or "").strip("'"))
            if field in self.known and field != name:
                return [field]

        return difflib.get_close_matches(name, self.known - {name}, n=1)

    def _not_passed(self, names: Sequence[str]) -> str:
        """Say that fields are none of ours, and are not passed on either."""
        near = {name: fields for name in names if (fields := self._meant(name))}
        is_one = len(names) == 1
        what = f"is no field {names[0]!r}" if is_one else f"are no fields {_listed(names)}"
        those = [
            " or ".join(map(repr, fields)) + ("" if is_one else f" by {name!r}")
            for name, fields in near.items()
        ]
        ask = f"; did you mean {' and '.join(those)}?" if near else "."
        return (
            f"There {what}{ask} Fields of a "
            f"provider's own are passed on only where {BY_OPERATOR} has allowed them, in "
            "allowed_extra_params"
        )

    def _named(self, match: re.Match[str]) -> str:
        if match["dotted"] or match["given"]:
            return repr(match["dotted"] or match["given"])

        if "image_list" in match[0]:
            return self._of_images(match)

        name = match["set"] or match["ours"]
        if name == "extra_params":
            return "a field of the provider's own"

        return self.field(name) + (f" {match['value']}" if match["value"] else "")

    def _of_images(self, match: re.Match[str]) -> str:
        number = match["number"]
        place = None if number is None else int(number) + self.first
        what = self.images if place is None else self.image.format(number=place)
        return f"the role of {what}" if match["role"] else what


def _left_out(error: TarashException) -> Sequence[str]:
    """Return the parameters that an untrusted request may not carry; empty where it has none."""
    values = (hint.value for hint in error.hints if hint.action == "leave_out")
    return next(values, ())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


Say = Callable[["Hint", Words], str | None]


def _nothing(_hint: Hint, _words: Words) -> None:
    """Nobody can follow it through a door."""


ADVICE: Mapping[str, Say] = {
    "add_model": _nothing,
    "check": lambda hint, _: f"{BY_OPERATOR} can check {hint.value}",
    "check_dashboard": lambda _, __: (
        f"{BY_OPERATOR} can see in the provider's dashboard what became of it; do that before you "
        "order it again"
    ),
    "give_parameter": lambda hint, _: (
        "give it as a field of its own" if hint.value is None else f"give it as {hint.value!r}"
    ),
    "keep_results": _nothing,
    "list_jobs": lambda _, words: f"{words.jobs} lists the jobs",
    "raise": _nothing,
    "read_raw_response": _nothing,
    "register_provider": _nothing,
    "set_base_url": _nothing,
    "set_key": _nothing,
    "switch_on": _nothing,
    "use_function": lambda hint, words: words.kinds[str(hint.value)],
    "use_mock": _nothing,
    "use_model": lambda hint, words: f"use {hint.value}" if words.whole_ids else hint.text,
    "use_operation": _nothing,
    "use_response": _nothing,
}


HTTP = Words(
    fields={
        "duration_seconds": "seconds",
        "fallback_configs": "fallbacks",
        "idempotency_key": "Idempotency-Key",
        "image_list": "image",
        "labels": "metadata",
        "mask_image": "mask",
        "number_of_videos": "n",
    },
    known=frozenset({
        "aspect_ratio", "background", "duration", "fallbacks", "frame_images", "generate_audio",
        "image", "images", "input_fidelity", "input_reference", "input_references", "kind", "mask",
        "max_cost", "metadata", "model", "n", "negative_prompt", "output_compression",
        "output_format", "partial_images", "prompt", "quality", "resolution", "response_format",
        "seconds", "seed", "size", "stream", "style", "video",
    }),
    image="image {number}",
    first=1,
    images="the images",
    kinds={
        "video": "ask for a video (POST /v1/videos)",
        "image": "ask for an image (POST /v1/images/generations)",
    },
    jobs="GET /api/jobs",
    whole_ids=True,
)  # fmt: skip
"""Those of the routes."""
TOOLS = Words(
    fields={"fallback_configs": "fallbacks"},
    known=REQUEST,
    image="image_list[{number}]",
    first=0,
    images="image_list",
    kinds={"video": "use quote_video", "image": "use quote_image"},
    jobs="list_jobs",
)
"""Those of the tools for agents."""


def rule_of(finding: Mapping[str, Any], known: Iterable[str] = ()) -> str:
    """Return what a check of fields has found, without its talk of inputs and classes.

    Args:
        finding: One of pydantic's findings.
        known: The names that there are in that place.
    """
    kind, message = finding["type"], str(finding["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        name = str(finding["loc"][-1])
        names = list(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        there = f"; there are {', '.join(names)}" if names else ""
        return f"there is no such field{f'; did you mean {near[0]!r}?' if near else there}"

    if kind == "missing":
        return "it is missing"

    shape = SHAPES.get(str(finding["loc"][-1])) if kind == "string_pattern_mismatch" else None
    if shape is not None:
        return f"it has to be {shape}"

    if kind in ("tuple_type", "list_type"):
        return "it has to be a list"

    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "it has to be an object"

    return re.sub(
        r"^(?:Input|String|List|Tuple|Value|Decimal input) should ", "it has to ", message
    )
