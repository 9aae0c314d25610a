"""The public functions on models: describe, list, fetch, add, check; blocking forms are a line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .._data._model_info import ModelDescription, ModelInfo, RetiredUse
from .._data._sendable import bare_model_id
from .._data._types import Kind
from .._http._backend import check_loop
from .._support._secrets import Key
from ..catalog import EVERY_ROLE, OUTPUTS, describe, list_all
from ..exceptions import ValidationError
from ..providers._registry import Registry, default_registry

__all__ = [
    "add_model",
    "add_model_async",
    "check_models",
    "refresh_models",
    "refresh_models_async",
    "refresh_prices",
    "refresh_prices_async",
]

MADE = frozenset({*OUTPUTS, "other"})
TAKEN = frozenset({*EVERY_ROLE, "video", "mask"})


def described(
    registry: Registry, provider: str, model: str, kind: Kind | None = None
) -> ModelDescription:
    """Return what a model takes and makes, as `Gateway.describe_model`."""
    try:
        model = bare_model_id(provider, model)
    except ValueError as error:
        raise ValidationError(str(error)) from error

    with registry.in_force():
        return describe(provider, model, kind, registry.registered_mapping(provider))


def listed(  # noqa: PLR0913, PLR0917  (the public arguments)
    registry: Registry,
    provider: str | None,
    output: str | None,
    takes: str | Collection[str],
    duration: float | None,
    search: str | None,
) -> list[ModelInfo]:
    """Return the models of the catalogue, as `Gateway.list_models`."""
    wanted = {takes} if isinstance(takes, str) else set(takes)
    if provider is not None:
        registry.check_known(provider)

    for name, given, allowed in (("output", {output} - {None}, MADE), ("takes", wanted, TAKEN)):
        unknown = sorted(map(repr, given - allowed))
        if unknown:
            raise ValidationError(
                f"{name}={', '.join(unknown)} is not possible; allowed: "
                f"{', '.join(map(repr, sorted(allowed)))}"
            )

    with registry.in_force():
        models = list(list_all(provider))

    return [
        model
        for model in models
        if (output is None or output in model.outputs)
        and wanted <= set(model.takes)
        and (duration is None or _makes(model, duration))
        and (search is None or search.lower() in f"{model.model} {model.name or ''}".lower())
    ]


def _makes(info: ModelInfo, seconds: float) -> bool:
    if info.duration_range is None:
        return seconds in info.durations

    low, high = info.duration_range.low, info.duration_range.high
    return (low is None or low <= seconds) and (high is None or seconds <= high)


async def refresh_models_async(
    provider: str = "fal", *, base_url: str | None = None, api_key: str | None = None
) -> int:
    """Fetch what a provider publishes of its models and keep it in your cache directory.

    From fal these are the schemas of all models; from OpenAI, Azure OpenAI and Google, the list of
    models, with the days on which they end where the provider names them (Google does not). `plan`,
    the mock, a generation and `check_models` tell of those days.

    What was fetched goes before what ships with the package, for calls to the host that it is
    from: what a proxy or a simulator says is not taken for the provider's word. An offline failure
    leaves what was there.

    Returns:
        How many models were read; of those with lists, those of images and videos are counted.

    Args:
        provider: The provider's name.
        base_url: Replaces the provider's host, as `TARASH_<PROVIDER>_BASE_URL` does.
        api_key: The provider's key; by default that of its environment variable. fal needs none.

    Raises:
        ValidationError: The provider publishes nothing that is read here.
        AuthenticationError: The list needs a key, and there is none.
        HTTPError: The provider answered with an error status.
        HTTPConnectionError: No answer came.
        StorageError: The cache directory can't be written.
    """
    from ..catalog._refresh import fetch_all

    check_loop()
    key = Key.taken(api_key)
    del api_key  # errors' frames are shown
    count, _ = await fetch_all(provider, base_url, key)
    return count


def refresh_models(
    provider: str = "fal", *, base_url: str | None = None, api_key: str | None = None
) -> int:
    """Blocking form of `refresh_models_async`."""
    from .._support import _portal

    key = Key.taken(api_key)
    del api_key
    return _portal.call(
        lambda _caller: refresh_models_async(provider, base_url=base_url, api_key=key)
    )


async def refresh_prices_async(
    provider: str = "fal", *, base_url: str | None = None, api_key: str | None = None
) -> int:
    """Fetch what a provider publishes of its prices and keep it in your cache directory.

    From fal these are the prices of its units, which turn what a job was counted as into money;
    from OpenRouter, the prices of its models. They go before those that ship, and after your own.

    Args:
        provider: The provider's name.
        base_url: Replaces the provider's host, as `TARASH_<PROVIDER>_BASE_URL` does.
        api_key: The provider's key; by default that of its environment variable.

    Returns:
        How many price lines were read.

    Raises:
        ValidationError: The provider publishes no prices that are read here.
        HTTPError: The provider answered with an error status; nothing was changed.
        HTTPConnectionError: No answer came; nothing was changed.
        StorageError: The cache directory can't be written.
    """
    from ..catalog._refresh_prices import fetch_prices

    check_loop()
    key = Key.taken(api_key)
    del api_key  # errors' frames are shown
    count, _ = await fetch_prices(provider, base_url, key)
    return count


def refresh_prices(
    provider: str = "fal", *, base_url: str | None = None, api_key: str | None = None
) -> int:
    """Blocking form of `refresh_prices_async`."""
    from .._support import _portal

    key = Key.taken(api_key)
    del api_key
    return _portal.call(
        lambda _caller: refresh_prices_async(provider, base_url=base_url, api_key=key)
    )


async def add_model_async(
    provider: str,
    model: str,
    *,
    schema: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
) -> ModelDescription:
    """Fetch the schema of one model, keep it in your cache directory, and describe the model.

    It is for calls to the host that it is from, as with `refresh_models`.

    Args:
        provider: The provider's name: `fal` or `replicate`, which tell what their models take.
        model: The model's id.
        schema: Its OpenAPI document, where you have it; nothing is fetched then.
        base_url: Replaces the provider's host, as `TARASH_<PROVIDER>_BASE_URL` does.
        api_key: The provider's key; by default from FAL_KEY, of which there is no need, or
            REPLICATE_API_TOKEN.

    Raises:
        ModelNotFoundError: The provider has no such model.
        ValidationError: The document doesn't describe the model's input.
        HTTPError: The provider answered with an error status.
        HTTPConnectionError: No answer came.
        StorageError: The cache directory can't be written.
    """
    from ..catalog import schema_source
    from ..catalog._refresh import fetch_one, store_document

    check_loop()
    key = Key.taken(api_key)
    del api_key
    if schema is None:
        await fetch_one(provider, model, base_url, key)
    else:
        store_document(provider, model, schema)

    with schema_source(base_url):
        return described(default_registry, provider, model)


def add_model(
    provider: str,
    model: str,
    *,
    schema: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
) -> ModelDescription:
    """Blocking form of `add_model_async`."""
    from .._support import _portal

    key = Key.taken(api_key)
    del api_key
    return _portal.call(
        lambda _caller: add_model_async(
            provider, model, schema=schema, base_url=base_url, api_key=key
        )
    )


def check_models(place: str | Path, *more: str | Path, within_days: int = 0) -> list[RetiredUse]:
    """Return where files, or the files of folders, name models that are no longer there.

    An id that is also a word of its own, such as `aleph`, counts where it is given as a model.

    Args:
        place: A file or a folder.
        more: Further ones.
        within_days: Days from today on in which a model that ends counts, too.
    """
    from ..catalog._check import check_files

    places = (Path(one) for one in (place, *more))
    uses = (use for one in places for use in check_files(one, within=within_days))
    return list(dict.fromkeys(uses))
