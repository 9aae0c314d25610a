"""Which providers are described here, and by what ids their models are known.

Each provider has a module beside this one. It may hold MODELS (mappers by id or prefix, for what no
schema says), IDS (the real ids among them, by what they make; without it the keys of MODELS are
ids), FRAME_RATES, and must hold VIDEO_FALLBACK and IMAGE_FALLBACK for what nobody knows. A provider
with a file in data/ has schemas, too.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from .._data._types import Kind
from ..mapping import FieldMapper, longest_prefix
from . import _library

Mappers = Mapping[str, FieldMapper]

BUILT_IN = {
    "azure-openai": "_azure_openai",
    "azure_openai": "_azure_openai",
    "fal": "_fal",
    "google": "_google",
    "luma": "_luma",
    "openai": "_openai",
    "replicate": "_replicate",
    "runway": "_runway",
    "stability": "_stability",
    "xai": "_xai",
}
SECOND_NAMES = frozenset({"azure_openai"})
"""Other spellings of a provider's name: its models are listed once."""
WITH_SCHEMAS = ("fal", "replicate")
"""Providers that tell what a model takes when they are asked."""
NEAR_IDS = 3
"""Ids that are suggested for one that is unknown."""
OF_VIDEOS = frozenset(
    {"duration_seconds", "resolution", "generate_audio", "video", "enhance_prompt"}
)


def module_of(provider: str) -> ModuleType:
    """Return the module that describes a provider's models."""
    return import_module(f".{BUILT_IN[provider]}", __package__)


def declared(provider: str) -> Mapping[str, Mappers]:
    """Return the mappers that are declared by hand, by model id or prefix."""
    found: Mapping[str, Mappers] = getattr(module_of(provider), "MODELS", {})
    return found


def named(provider: str) -> Mapping[str, Kind]:
    """Return the ids of the models that are declared by hand, with what they make."""
    ids: Mapping[Kind, tuple[str, ...]] | None = getattr(module_of(provider), "IDS", None)
    if ids is not None:
        return {model: kind for kind, models in ids.items() for model in models}

    return {model: made(mappers) for model, mappers in declared(provider).items()}


def made(mappers: Mappers) -> Kind:
    """Return what a model makes that is declared by hand, judged by what it can be asked."""
    fields = {field for mapper in mappers.values() for field in mapper.sources}
    return "video" if fields & OF_VIDEOS else "image"


def makes(provider: str, model: str) -> Kind | None:
    """Return what a model makes that is declared by hand, itself or its family; else None."""
    known = named(provider).get(model)
    if known is not None:
        return known

    matched = longest_prefix(model, declared(provider))
    return None if matched is None else made(declared(provider)[matched])


def command_to_add(provider: str, model: str) -> str:
    """Return what to type so that a model's schema is fetched."""
    return f"tarash models add {model}" + ("" if provider == "fal" else f" --provider {provider}")


def near_ids(provider: str, model: str, *, alike: float = 0.3) -> list[str]:
    """Return the ids that hold this one, then those that are written most similarly.

    Args:
        provider: The provider's name.
        model: The id as it was written.
        alike: How similar at least; 1 for the same.
    """
    if provider not in BUILT_IN:
        return []

    known = [*_library.ids(provider), *named(provider)]
    # Without the owner, as `veo3.1` for `fal-ai/veo3.1`.
    within = sorted((one for one in known if f"/{one}/".find(f"/{model}/") > 0), key=len)
    close = difflib.get_close_matches(model, known, n=NEAR_IDS, cutoff=alike)
    return list(dict.fromkeys([*within[:1], *close, *within[1:]]))[:NEAR_IDS]
