"""An id with a typo is said to be no model, by the catalogue of every provider that has one."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway import list_models
from tarash.tarash_gateway._data._types import Kind
from tarash.tarash_gateway.catalog import _schema_store, _suggestions, lookup, mistyped_for, retired
from tarash.tarash_gateway.providers._registry import shipped

FREE = {"azure-openai"}
"""Its deployments have names of their users' own."""
PROVIDERS = sorted({row.name for row in shipped().values() if row.models is not None} - FREE)


def mistyped(model: str) -> str | None:
    """Return an id with two letters in the middle the other way round; None for a short one."""
    for place in range(len(model) // 2, len(model) - 1):
        first, second = model[place], model[place + 1]
        if (first + second).isalpha() and first != second:
            return model[:place] + second + first + model[place + 2 :]

    return None


def made_here(provider: str) -> list[tuple[str, Kind]]:
    kinds: tuple[Kind, ...] = ("video", "image")
    infos = list_models(provider)
    return [(info.model, kind) for info in infos for kind in kinds if kind in info.outputs[:1]]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_almost_a_model_is_said_to_be_none(provider: str) -> None:
    models = made_here(provider)
    known = {model for model, _ in models}
    tried = 0
    for model, kind in models[:: max(1, len(models) // 10)]:
        wrong = mistyped(model)
        if wrong is None or wrong in known or len(wrong) < 12:
            continue

        doubt = lookup(provider, wrong, kind).guess_warning
        assert doubt is not None, wrong
        assert "did you mean" in doubt or retired(provider, model) is not None
        tried += 1

    assert tried or not models or max(map(len, known)) < 12


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_certainly_mistyped_names_what_was_meant(provider: str) -> None:
    models = [model for model, _ in made_here(provider)]
    for model in models[:: max(1, len(models) // 8)]:
        wrong = mistyped(model)
        if wrong is not None and wrong not in models:
            meant = mistyped_for(provider, wrong)
            assert model in meant or not meant, wrong

        assert mistyped_for(provider, model) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_model_could_have_come_later(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the catalogue has today it had not once: it was no mistyped form of what was there."""
    models = [model for model, _ in made_here(provider)]
    for model in models[:: max(1, len(models) // 12)]:
        others = tuple(one for one in models if one != model)
        monkeypatch.setattr(_schema_store, "ids", lambda _, others=others: others)
        monkeypatch.setattr(_suggestions, "named", lambda _: {})
        assert mistyped_for(provider, model) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_model_and_a_dated_release_of_it_are_not_doubted(provider: str) -> None:
    for model, kind in made_here(provider)[:5]:
        assert lookup(provider, model, kind).guess_warning is None
        released = lookup(provider, f"{model}-2026-11-29", kind).guess_warning
        assert released is None or "fetches its schema" in released


def test_a_deployment_may_have_any_name() -> None:
    assert lookup("azure-openai", "gpt-imaeg-2", "image").guess_warning is None
