"""Turns a model's name as clients write it into configs: `provider/model`, or an alias."""

from __future__ import annotations

import asyncio
import math
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from .._data._limits import Limits
from .._data._model_info import ModelInfo
from .._jobs._named_models import NamedModel, mistyped, named_alike, named_model
from ..exceptions import TarashException
from ..models import (
    ImageGenerationConfig,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    VideoGenerationConfig,
)
from ._key_store import KEY_LABEL, MODEL_LABEL
from ._refusals import Refusal, final

if TYPE_CHECKING:
    from .._data._exchange import Config
    from .._data._job_info import JobInfo
    from .._data._types import Kind
    from .._jobs._gateway import Gateway
    from ._authorization import Caller
    from ._key_store import ApiKey
    from ._settings import Account, ServerSettings

MOCK = MockConfig(
    enabled=True,
    polling=MockPollingConfig(delay_between_updates=0.5),
    # Bytes, which are saved: a URL of the mock's ends with the process.
    responses=[MockResponse(output_type="content")],
)
MOST_FALLBACKS = 8
FRESH_SECONDS = 300
"""How long what was read of the catalogue serves."""
MADE = frozenset({"video", "image"})
A_KIND: Mapping[Kind, str] = {"video": "a video", "image": "an image"}
LEADS_ELSEWHERE = re.compile(r"[?#%\\\x00-\x20\x7f]|(?:^|/)(?:\.{0,2}|~[^/]*)(?:/|$)")
"""What no model's name has. Some are a part of an address, or of a file's path: they must not lead
out of the scope of a key, and bring no parameters along."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client says of who is to make something.

    Attributes:
        model: A model or an alias.
        fallbacks: Others that follow after a retryable failure.
        max_cost: US dollars that all of it may cost.
    """

    model: str
    fallbacks: tuple[str, ...] = ()
    max_cost: Decimal | None = None


class ModelNames:
    """The models that clients may name."""

    def __init__(self, gateway: Gateway, settings: ServerSettings) -> None:
        self._gateway = gateway
        self._settings = settings
        self._listed: Sequence[ModelInfo] = ()
        self._stale_at = -math.inf
        self._reading = asyncio.Lock()
        self._accounts = {
            (account.provider, account.name): account for account in settings.accounts
        }
        for alias, chain in settings.aliases.items():
            for model in chain.chain:
                self._parsed(model, f"aliases.{alias}")

    def keys_of(self, job: JobInfo) -> Mapping[str | tuple[str, str], str]:
        """Return the keys of a job's accounts, to take it up again."""
        name = job.labels.get(MODEL_LABEL, "")
        alias = self._settings.aliases.get(name)
        names = (name,) if alias is None else alias.chain
        mine = [place.partition("/")[0].partition("@")[::2] for place in names]
        accounts = [
            account
            for account in self._settings.accounts
            if (account.provider, account.name) in mine
        ]
        keys: dict[str | tuple[str, str], str] = {}
        for account in (
            *accounts,
            *(account for account in self._settings.accounts if not account.name),
        ):
            key = os.environ.get(account.key_env or "")
            if key:
                place = (
                    (account.provider, account.base_url) if account.base_url else account.provider
                )
                keys.setdefault(place, key)

        # Fallbacks have accounts of their own: each job finds the key that it was bought with.
        for account in self._settings.accounts:
            key = os.environ.get(account.key_env or "")
            if key:
                keys.setdefault((account.provider, f"{account.base_url or ''}#{account.name}"), key)

        return keys

    def config(
        self,
        kind: Kind,
        wanted: Wanted,
        caller: Caller,
        save_to: str,
        allowed: Sequence[str] = (),
    ) -> Any:
        """Return the chain's config for what a client wants made.

        Args:
            kind: What is to be made.
            wanted: Who is to make it.
            caller: Who wants it.
            save_to: Where results are saved.
            allowed: Parameters of providers' own that the route has, beside those of the settings.

        Raises:
            Refusal: There is no such model, or it is out of the caller's scope.
        """
        names = self._names(wanted, caller)
        configs = [self._config(kind, name, wanted, caller) for name in names]
        chain = {
            "fallback_configs": tuple(configs[1:]),
            "save_to": save_to,
            "allowed_extra_params": (*self._settings.allowed_extra_params, *allowed),
        }
        return configs[0].model_copy(update=chain)

    def _names(self, wanted: Wanted, caller: Caller) -> list[str]:
        if len(wanted.fallbacks) > MOST_FALLBACKS:
            raise final(
                400, "invalid_request", f"fallbacks: give at most {MOST_FALLBACKS} models",
                param="fallbacks",
            )  # fmt: skip

        names: list[str] = []
        for name in (wanted.model, *wanted.fallbacks):
            if not caller.may_use(name):
                raise final(
                    403,
                    "model_not_allowed",
                    f"This key may not use {name!r}; GET /v1/models lists what it may",
                    param="model" if name == wanted.model else "fallbacks",
                )

            alias = self._settings.aliases.get(name)
            if alias is None:
                self._check_own(name, "model" if name == wanted.model else "fallbacks")

            names += [name] if alias is None else alias.chain

        return list(dict.fromkeys(names))

    def _check_own(self, name: str, param: str) -> None:
        """Check a name that is the client's own, and no alias.

        Raises:
            Refusal: It may lead out of the scope of a key, or names a file of this machine.
        """
        if LEADS_ELSEWHERE.search(name):
            raise _no_model(name, param)

        account, provider, model = self._parsed(name, param)
        if self._known(provider, model, param).is_file:
            raise final(
                404,
                "model_not_found",
                f"There is no model {name!r}: what {provider} runs are files of the gateway, which "
                "clients name by the aliases that the gateway's configuration gives them",
                param=param,
            )

        place = name.partition("/")[0]
        base_url = None if account is None else account.base_url
        meant = [f"{place}/{near}" for near in mistyped(self._gateway, provider, model, base_url)]
        if meant:
            raise final(
                404,
                "model_not_found",
                f"There is no model {name!r}; did you mean {' or '.join(meant)}? If there is one, "
                "give it an alias in the gateway's configuration, which is not questioned",
                param=param,
                suggestions=meant,
            )

    def _known(self, provider: str, model: str, param: str) -> NamedModel:
        """Return what is known of a model.

        Raises:
            Refusal: There is no such provider.
        """
        try:
            return named_model(self._gateway, provider, model)
        except TarashException as error:
            refusal = final(404, error.code, error.summary, param=param)
            refusal.unknown_name = f"{provider}/{model}"  # such as `fal-ai/veo3.1`
            raise refusal from error

    async def meant(self, name: str, usable: Collection[str]) -> list[str]:
        """Return the models that may be meant by a name without its provider.

        Args:
            name: The name.
            usable: The providers that can be asked now.
        """
        return await to_thread.run_sync(named_alike, self._gateway, name, usable)

    def _check_makes(self, kind: Kind, name: str, provider: str, model: str) -> None:
        """Check that a model makes what is wanted, as far as that is known.

        Raises:
            Refusal: It makes something else, or there is no such provider.
        """
        made = self._known(provider, model, "model").makes
        if kind not in made:
            raise final(
                400,
                "unsupported_operation",
                f"{name} makes {made[0]}s, no {kind}: ask for {A_KIND[made[0]]}, or name a model "
                f"that makes {kind}s",
                param="model",
                makes=list(made),
            )

    def _config(self, kind: Kind, name: str, wanted: Wanted, caller: Caller) -> Config:
        account, provider, model = self._parsed(name, "model")
        self._check_makes(kind, name, provider, model)
        made: dict[str, Any] = {
            "provider": provider,
            "model": model,
            "on_timeout": "detach",
            "untrusted_requests": True,
            **_bounds(
                caller.key, self._settings.queue_seconds, is_capped=wanted.max_cost is not None
            ),
        }
        if wanted.max_cost is not None:
            made["max_cost"] = wanted.max_cost

        if self._settings.mock:
            made["mock"] = MOCK

        if account is not None:
            made["api_key"] = os.environ.get(account.key_env) if account.key_env else None
            made["base_url"] = account.base_url

        made = {field: value for field, value in made.items() if value is not None}
        config = VideoGenerationConfig if kind == "video" else ImageGenerationConfig
        return config(**made)

    def _parsed(self, name: str, param: str) -> tuple[Account | None, str, str]:
        """Return the account, the provider and the model of a name.

        Raises:
            Refusal: It names none.
        """
        place, slash, model = name.partition("/")
        provider, at, account = place.partition("@")
        if not (slash and provider and model.strip()):
            raise _no_model(name, param)

        own = self._accounts.get((provider, account))
        if at and own is None:
            raise final(
                404,
                "model_not_found",
                f"There is no account {account!r} of {provider!r}",
                param=param,
            )

        return own, provider, model

    def is_whole(self, name: str) -> bool:
        """Tell whether text is a model's whole id: a provider that is known, a slash and more."""
        try:
            _, provider, model = self._parsed(name, "model")
            self._known(provider, model, "model")
        except Refusal:
            return False

        return True

    async def read(self) -> None:
        """Read the catalogue in a worker thread, where that was long ago: it takes a second."""
        async with self._reading:
            if time.monotonic() >= self._stale_at:
                self._listed = await to_thread.run_sync(self._read)
                self._stale_at = time.monotonic() + FRESH_SECONDS

    def _read(self) -> Sequence[ModelInfo]:
        return [model for model in self._gateway.list_models() if MADE.intersection(model.outputs)]

    def listed(self, caller: Caller) -> Iterator[dict[str, Any]]:
        """Yield the models and aliases that a caller may use, in OpenAI's shape, as last `read`."""
        for name, info in self.each(caller):
            yield _entry(name, "alias" if info is None else info.provider, info)

    def each(self, caller: Caller) -> Iterator[tuple[str, ModelInfo | None]]:
        """Yield the names that a caller may use with what is known of them, as last `read`.

        Nothing is known of aliases.
        """
        for alias in self._settings.aliases:
            if caller.may_use(alias):
                yield alias, None

        for info in self._listed:
            for name in self._named(info):
                if caller.may_use(name):
                    yield name, info

    def _named(self, model: ModelInfo) -> Iterator[str]:
        yield f"{model.provider}/{model.model}"
        for provider, account in self._accounts:
            if provider == model.provider and account:
                yield f"{provider}@{account}/{model.model}"

    def found(self, name: str, caller: Caller) -> dict[str, Any] | None:
        """Return one model or alias; None where there is none, or it is out of scope."""
        if not caller.may_use(name):
            return None

        if name in self._settings.aliases:
            return _entry(name, "alias")

        return next((entry for entry in self.listed(caller) if entry["id"] == name), None)


def _no_model(name: str, param: str) -> Refusal:
    refusal = final(
        404,
        "model_not_found",
        f"There is no model {name!r}: ids are `provider/model`, such as fal/fal-ai/veo3.1, or an "
        "alias; GET /v1/models, or the tool list_models, lists them",
        param=param,
    )
    refusal.unknown_name = name
    return refusal


def _bounds(key: ApiKey | None, queue_seconds: float, *, is_capped: bool) -> dict[str, Any]:
    """Return what a key sets of a config: what it may spend, and have under way.

    Args:
        key: The key; None for the admin's.
        queue_seconds: How long a create waits for a place among the jobs under way.
        is_capped: Whether the client says what it may cost: then it has to be known.
    """
    if key is None:
        return {"allow_unpriced": not is_capped}

    is_limited = is_capped or key.budget is not None
    bounds: dict[str, Any] = {"allow_unpriced": key.allow_unpriced or not is_limited}
    if key.budget is not None:
        bounds["budgets"] = [f"{key.budget.amount:f}/{key.budget.per}/{KEY_LABEL}"]

    if key.in_flight is not None:
        bounds["limits"] = Limits(
            in_flight=key.in_flight, label=KEY_LABEL, queue_timeout=queue_seconds, learn=False
        )

    return bounds


def _entry(name: str, owner: str, model: ModelInfo | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": owner}
    if model is not None:
        entry |= {"name": model.name or model.model, "outputs": list(model.outputs)}

    return entry
