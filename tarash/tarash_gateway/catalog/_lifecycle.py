"""When models were or will be shut down, and what replaces them: facts with their sources.

What the provider's own list says, where the user has fetched it, goes before the rows here. A row
covers an id, or with a `*` at its end every id that begins so. No date means that the provider no
longer offers the model and states no day, or, where its schema says so, that it advises against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from . import _schema_store
from ._published import published
from ._sources import is_described, module_of

SOON_DAYS = 30
"""So long before its end a model is warned of."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The end of a model.

    Attributes:
        shutdown: The day; None where it is gone and nobody says since when.
        successor: The id to use instead: the one that the provider names, else the present model
            of the same family; None where there is none.
        source: Where the date is from; one that begins with `reports by others` is not the
            provider's own word.
    """

    shutdown: date | None
    successor: str | None
    source: str
    names_successor: bool = True
    """Whether the source would name a successor if there was one: a list of models does not."""
    is_deprecated: bool = False
    """Whether the provider advises against it, and still takes requests for it."""

    @property
    def is_stated(self) -> bool:
        """Whether the provider itself says so, as far as is known."""
        return not self.source.startswith("reports by others")

    def note(self, model: str, today: date) -> str:
        """Return one sentence on it."""
        unnamed = "it has no successor" if self.names_successor else "see what replaces it there"
        instead = f"use {self.successor}" if self.successor else unnamed
        if self.is_deprecated:
            return f"{model} is marked as deprecated by its provider, which names no day; {instead}"

        if self.shutdown is None:
            return f"{model} is no longer offered by its provider; {instead}"

        tense = "was" if self.shutdown <= today else "will be"
        sure = "" if self.is_stated else " (as others report; the provider's own word is not known)"
        return f"{model} {tense} shut down on {self.shutdown.isoformat()}{sure}; {instead}"


def _row(day: str | None, successor: str | None, source: str) -> Lifecycle:
    return Lifecycle(None if day is None else date.fromisoformat(day), successor, source)


OPENAI_SDK = "docstrings of the openai SDK"
OPENAI_SORA = "docstrings of the openai SDK and the model's page"
GEMINI = "deprecations and changelog of ai.google.dev"
SECOND_HAND = "reports by others of ai.google.dev"
NOT_FOUND = "reports by others that it is not found"
VERTEX = "reports by others of Vertex AI's model lifecycle"
OPENAI_LIST = "OpenAI's deprecations"
AZURE = "Azure's model retirement schedule of 2026-07-07"
AZURE_LEGACY = "Azure's page of legacy models"
RUNWAY_SDK = "absent from the types of runwayml 5.24.0"
XAI_SDK = "absent from xai-sdk since 1.8"
XAI = "https://docs.x.ai/developers/migration/imagine-image-quality-nov-2"
STABILITY = "Stability's documentation (rerouted since then)"
SORA = _row("2026-09-24", None, OPENAI_SORA)
SORA_ELSEWHERE = _row("2026-09-24", None, "the end of OpenAI's own API, which serves it")
AZURE_ROWS = {
    "dall-e-2": _row("2025-01-27", "gpt-image-2", AZURE_LEGACY),
    "dall-e-3": _row(None, "gpt-image-2", AZURE),
    "gpt-image-1": _row("2026-10-23", "gpt-image-2", AZURE),
    "gpt-image-1-mini": _row("2027-04-07", None, AZURE),
    "gpt-image-1.5": _row("2026-12-16", "gpt-image-2", AZURE),
    "gpt-image-2": _row("2027-04-21", None, AZURE),
    "sora": _row(None, None, AZURE),
    "sora-2*": _row("2026-09-15", None, AZURE),
}

LIFECYCLES: Mapping[str, Mapping[str, Lifecycle]] = {
    "azure-openai": AZURE_ROWS,
    "azure_openai": AZURE_ROWS,
    "fal": {"fal-ai/sora-2*": SORA_ELSEWHERE},
    "google": {
        "gemini-2.0-flash-exp-image-generation": _row(None, "gemini-3.1-flash-image", NOT_FOUND),
        "gemini-2.0-flash-preview-image-generation": _row(
            None, "gemini-3.1-flash-image", NOT_FOUND
        ),
        "gemini-2.5-flash-image": _row("2026-10-02", "gemini-3.1-flash-image", SECOND_HAND),
        "gemini-2.5-flash-image-preview": _row("2026-01-15", "gemini-3.1-flash-image", SECOND_HAND),
        "gemini-3-pro-image-preview": _row("2026-06-25", "gemini-3-pro-image", SECOND_HAND),
        "gemini-3.1-flash-image-preview": _row("2026-06-25", "gemini-3.1-flash-image", SECOND_HAND),
        "gemini-omni-1.1-flash": _row("2026-12-03", "gemini-omni-1.2-flash", SECOND_HAND),
        "gemini-omni-flash-preview": _row("2026-09-30", "gemini-omni-1.2-flash", SECOND_HAND),
        "imagegeneration@*": _row("2026-06-30", "gemini-3.1-flash-image", VERTEX),
        "imagen-3.0-*": _row("2026-06-30", "gemini-3.1-flash-image", VERTEX),
        "imagen-3.0-generate-002": _row("2025-11-10", "gemini-3.1-flash-image", SECOND_HAND),
        "imagen-4.0-*": _row("2026-08-17", "gemini-3.1-flash-image", GEMINI),
        "imagetext@*": _row("2026-06-30", "gemini-3.1-flash-image", VERTEX),
        "veo-2.0-*": _row("2026-06-30", "gemini-omni-1.2-flash", GEMINI),
        "veo-3-0-*": _row("2026-06-30", "gemini-omni-1.2-flash", GEMINI),
        "veo-3.0-*": _row("2026-06-30", "gemini-omni-1.2-flash", GEMINI),
        "veo-3.1-fast-generate-001": _row("2026-11-17", "gemini-omni-1.2-flash", VERTEX),
        "veo-3.1-fast-generate-preview": _row("2026-10-22", "gemini-omni-1.2-flash", GEMINI),
        "veo-3.1-generate-001": _row("2026-11-17", "gemini-omni-1.2-flash", VERTEX),
        "veo-3.1-generate-preview": _row("2026-10-22", "gemini-omni-1.2-flash", GEMINI),
        "veo-3.1-lite-generate-preview": _row("2026-10-22", "gemini-omni-1.2-flash", GEMINI),
    },
    "openai": {
        "chatgpt-image-latest": _row("2026-12-01", "gpt-image-2.6-sunburst", OPENAI_LIST),
        "dall-e-2": _row("2026-05-12", "gpt-image-2", OPENAI_SDK),
        "dall-e-3": _row("2026-05-12", "gpt-image-2", OPENAI_SDK),
        "gpt-image-1": _row("2026-10-23", "gpt-image-2", OPENAI_SDK),
        "gpt-image-1-mini": _row("2026-12-01", "gpt-image-2.6-flare", OPENAI_LIST),
        "gpt-image-1.5": _row("2026-12-01", "gpt-image-2.6-sunburst", OPENAI_LIST),
        "gpt-image-1.5-2025-12-16": _row("2026-12-01", "gpt-image-2.6-sunburst", OPENAI_LIST),
        "openai/sora-2*": SORA,
        "sora-2*": SORA,
    },
    "replicate": {"openai/sora-2*": SORA_ELSEWHERE},
    "runway": {
        "aleph": _row(None, "aleph2", RUNWAY_SDK),
        "gen-3-alpha": _row(None, "gen4.5", RUNWAY_SDK),
        "gen3a": _row(None, "gen4.5", RUNWAY_SDK),
        "gen3a_turbo": _row(None, "gen4_turbo", RUNWAY_SDK),
        "gen4_aleph": _row(None, "aleph2", RUNWAY_SDK),
        "upscale_v1": _row(None, "magnific_video_upscaler_creative", RUNWAY_SDK),
        "veo3": _row(None, "veo3.1", RUNWAY_SDK),
    },
    "stability": {
        "sd3-large": _row("2025-04-17", "sd3.5-large", STABILITY),
        "sd3-large-turbo": _row("2025-04-17", "sd3.5-large-turbo", STABILITY),
        "sd3-medium": _row("2025-04-17", "sd3.5-medium", STABILITY),
    },
    "xai": {
        "grok-2-image*": _row(None, "grok-imagine-image-2.0", XAI_SDK),
        "grok-imagine-image-pro": _row("2026-05-15", "grok-imagine-image-2.0", XAI),
        "grok-imagine-image-quality": _row("2026-11-02", "grok-imagine-image-2.0", XAI),
    },
}


def lifecycle(provider: str, model: str) -> Lifecycle | None:
    """Return what is known of a model's end: by the provider's own list, else by what ships."""
    known = _shipped(provider, model)
    listed = published(provider, model)
    if listed is None:
        return known or _deprecated(provider, model)

    return Lifecycle(
        listed.shutdown,
        known.successor if known is not None else None,
        f"{provider}'s list of models, read on {listed.read}",
        names_successor=known is not None,
    )


def _deprecated(provider: str, model: str) -> Lifecycle | None:
    """Return what a model's schema says, as fal's do: that it is deprecated, and no day."""
    found = _schema_store.record(provider, model)
    if found is None or not found[0].get("deprecated"):
        return None

    return Lifecycle(
        None, None, f"{provider}'s list of models", names_successor=False, is_deprecated=True
    )


def _shipped(provider: str, model: str) -> Lifecycle | None:
    """Return what ships with the package: by the exact id, else the longest prefix."""
    rows = LIFECYCLES.get(provider) or _declared(provider)
    if model in rows:
        return rows[model]

    prefixes = (key for key in rows if key.endswith("*") and model.startswith(key[:-1]))
    found = max(prefixes, key=len, default=None)
    return None if found is None else rows[found]


def _declared(provider: str) -> Mapping[str, Lifecycle]:
    """Return what a provider's own declaration says of the ends of its models."""
    ends: Mapping[str, tuple[str | None, str | None]] = (
        getattr(module_of(provider), "ENDS", {}) if is_described(provider) else {}
    )
    return {name: _row(*row, f"the declaration of {provider}") for name, row in ends.items()}


def ending(
    provider: str, model: str, today: date | None = None, within: int = SOON_DAYS
) -> str | None:
    """Return a sentence on a model that is gone, or soon will be; None for any other.

    Args:
        provider: The provider's name.
        model: The model's id.
        today: The day to judge by; today, in UTC, by default.
        within: Days from then on that count as soon.
    """
    day = today or datetime.now(UTC).date()
    found = lifecycle(provider, model)
    is_soon = found is not None and (
        found.shutdown is None or found.shutdown - day <= timedelta(days=within)
    )
    return found.note(model, day) if found is not None and is_soon else None


def retired(provider: str, model: str, today: date | None = None) -> str | None:
    """Return a sentence on a model that is no longer there; None for one that is.

    Args:
        provider: The provider's name.
        model: The model's id.
        today: The day to judge by; today, in UTC, by default.
    """
    found = lifecycle(provider, model)
    if found is None:
        return None

    day = today or datetime.now(UTC).date()
    gone = not found.is_deprecated if found.shutdown is None else found.shutdown <= day
    return found.note(model, day) if gone else None
