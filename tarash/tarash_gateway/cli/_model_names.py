"""Finds whose model an id is, and what an id or a search that nobody has may mean."""

from __future__ import annotations

import difflib

from ..api import list_models
from ..exceptions import ValidationError

FAL = "fal"
OTHERS = ("replicate/",)
"""What may stand before a model's id in place of `--provider`."""


def owner_of(model: str) -> str:
    """Return whose model an id is; fal's where nobody has it, or where fal has it too.

    Raises:
        ValidationError: Several others have it, or nobody has it and others have one like it.
    """
    if model.startswith(OTHERS):
        return FAL

    everything = list_models()
    owners = sorted({one.provider for one in everything if one.model == model})
    if len(owners) > 1 and FAL not in owners:
        raise ValidationError(
            f"{model!r} is a model of {', '.join(owners)}; say whose you mean with --provider"
        )

    if owners:
        return FAL if FAL in owners else owners[0]

    if "/" not in model:
        ids = {one.model: one.provider for one in everything}
        near = difflib.get_close_matches(model, ids, n=3)
        if near:
            meant = " or ".join(f"{one} ({ids[one]})" for one in near)
            raise ValidationError(
                f"no provider has a model {model!r} in the catalogue; did you mean {meant}?"
            )

    return FAL


def split_id(provider: str, model: str) -> tuple[str, str]:
    """Return provider and id of a model that may be written with its provider before it."""
    if model.startswith(OTHERS):
        provider, _, model = model.partition("/")

    return provider, model


def none_found(provider: str | None, search: str | None) -> str:
    """Return that no model can do what is asked, and what is written like text that none has."""
    meant: list[str] = []
    if search is not None and not list_models(provider, search=search):
        ids = {model.model for model in list_models(provider)}
        words = ids if "/" in search else {word for one in ids for word in one.split("/")}
        meant = difflib.get_close_matches(search.lower(), words, n=3)

    asked = "" if search is None else f" and has {search!r} in its id or name"
    hint = f"; did you mean {' or '.join(meant)}?" if meant else ""
    return f"no model of the catalogue can do what is asked{asked}{hint}"
