"""By what ids the models of a provider are known, and what is declared of them by hand."""

from __future__ import annotations

from collections.abc import Mapping

from .._data._types import Kind
from ..mapping import FieldMapper, longest_prefix
from . import _schema_store
from ._sources import is_described, module_of, names, schemas_of

Mappers = Mapping[str, FieldMapper]

NEAR_IDS = 3
"""Ids that are suggested for one that is unknown."""
SHORTEST_NAME = 3
"""Characters; a shorter id is part of too many."""
OF_VIDEOS = frozenset(
    {"duration_seconds", "resolution", "generate_audio", "video", "enhance_prompt"}
)


def declared(provider: str, kind: Kind | None = None) -> Mapping[str, Mappers]:
    """Return the mappers that are declared by hand, by model id or prefix.

    Args:
        provider: The provider's name.
        kind: What the models make, for providers that have one id for two models.
    """
    module = module_of(provider)
    of_kind: Mapping[Kind, Mapping[str, Mappers]] = getattr(module, "MODELS_OF", {})
    mappers: Mapping[str, Mappers] = getattr(module, "MODELS", {})
    return mappers if kind is None else of_kind.get(kind, mappers)


def named(provider: str) -> Mapping[str, Kind]:
    """Return the ids of the models that are declared by hand, with what they make."""
    ids: Mapping[Kind, tuple[str, ...]] | None = getattr(module_of(provider), "IDS", None)
    if ids is not None:
        # Of an id that makes both, videos are what is said first.
        return {model: kind for kind, models in [*ids.items()][::-1] for model in models}

    return {model: made(mappers) for model, mappers in declared(provider).items()}


def kinds_of(provider: str, model: str) -> tuple[Kind, ...]:
    """Return what a model is known to make, by its id or its family's; empty if nobody says.

    Where each kind has a table of its own, a longer id may be another model, of the other kind.
    """
    module = module_of(provider)
    ids: Mapping[Kind, tuple[str, ...]] = getattr(module, "IDS", {})
    family = None if hasattr(module, "MODELS_OF") else longest_prefix(model, declared(provider))
    for name in (model, family):
        kinds = tuple(kind for kind, models in ids.items() if name in models)
        if kinds:
            return kinds

    return ()


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
    return f"tarash models add {model}" + (
        "" if _is_default(provider) else f" --provider {provider}"
    )


def _is_default(provider: str) -> bool:
    """Tell whether the command line asks this provider where none is named."""
    schemas = schemas_of(provider)
    return schemas is not None and schemas.listed


def others_with(provider: str, model: str) -> list[str]:
    """Return the other providers whose catalogue has this very id."""
    return [
        other
        for other in names()
        if other != provider and (model in named(other) or model in _schema_store.ids(other))
    ]


def elsewhere(provider: str, model: str) -> str | None:
    """Return a sentence on who has a model that a provider has not; None where nobody is known.

    The very id counts first, then one that begins with it, or has it behind its owner.
    """
    if is_described(provider) and model in {*named(provider), *_schema_store.ids(provider)}:
        return None

    owners = [f"{other} has it" for other in others_with(provider, model)]
    if not owners and len(model) > SHORTEST_NAME:
        for other in names():
            ids = (*named(other), *_schema_store.ids(other)) if other != provider else ()
            alike = [
                known_id
                for known_id in ids
                if known_id.startswith(model) or f"/{model}" in known_id
            ]
            owners += [f"{other} has {min(alike, key=len)}"] if alike else []

    return ", ".join(owners[:NEAR_IDS]) or None


def having(model: str) -> list[tuple[str, str]]:
    """Return the provider and the id of each model of this name, or of it behind its owner's."""
    holders = [(provider, model) for provider in others_with("", model)]
    for provider in names():
        ids = (*named(provider), *_schema_store.ids(provider))
        behind = [known_id for known_id in ids if known_id.endswith(f"/{model}")]
        holders += [(provider, min(behind, key=len))] if behind else []

    return list(dict.fromkeys(holders))
