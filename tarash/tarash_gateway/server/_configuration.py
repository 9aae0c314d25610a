"""Reads the server's configuration from a TOML file, and says what is wrong with it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pydantic

from .._jobs._named_models import named_model
from ..exceptions import TarashException, ValidationError
from ..models import VideoGenerationConfig, VideoGenerationRequest
from ..providers._declared._names import names_at
from ..providers._registry import list_providers
from ._result_folder import usual_folder
from ._settings import ServerSettings
from ._webhooks import secret_of
from ._words import rule_of

LARGEST = 1024 * 1024
SHORTEST_SECRET = 16
SHORTEST_KEY = 24


def read_settings(path: Path) -> ServerSettings:
    """Return what a file says.

    Raises:
        ValidationError: It can't be read, or says something that is none; the message says where.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_bytes()[:LARGEST].decode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValidationError(f"{path} can't be read: {reason}") from error

    try:
        return ServerSettings.model_validate(content)
    except pydantic.ValidationError as error:
        reason = "; ".join(_problem_in(finding) for finding in error.errors(include_input=False))
        raise ValidationError(f"{path}: {reason}") from error


def _problem_in(error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {rule_of(error, names_at(ServerSettings, error['loc'][:-1]))}"


def problems(settings: ServerSettings) -> Iterator[str]:
    """Yield what is wrong with a configuration on this machine: what it names and is not there."""
    yield from _of_accounts(settings)
    for name, alias in settings.aliases.items():
        for model in alias.chain:
            yield from _of_model(f"aliases.{name}", model, settings)

        yield from _of_kinds(f"aliases.{name}", alias.chain)

    if settings.queue_seconds >= settings.create_seconds:
        yield (
            "queue_seconds: it has to be less than create_seconds, so that the answer to a create "
            "that found no place can say so"
        )

    yield from problems_of_media(settings)
    yield from _of_webhooks(settings)
    for key in settings.keys:
        if len(os.environ.get(key.key_env, "")) < SHORTEST_KEY:
            yield (
                f"keys: {key.name}: the variable {key.key_env} (key_env) is not set to "
                f"{SHORTEST_KEY} characters or more"
            )


def _of_accounts(settings: ServerSettings) -> Iterator[str]:
    known = {provider.name: provider for provider in list_providers()}
    for account in settings.accounts:
        where = f"accounts: {account.provider}{f'@{account.name}' if account.name else ''}"
        if account.provider not in known:
            yield f"{where}: there is no such provider; there are {', '.join(sorted(known))}"
        elif not known[account.provider].installed:
            yield f"{where}: needs the extra {known[account.provider].extra!r}"

        if account.key_env and not os.environ.get(account.key_env):
            yield f"{where}: the variable {account.key_env} (key_env) is not set"


def _of_webhooks(settings: ServerSettings) -> Iterator[str]:
    hooks = settings.webhooks
    if hooks is not None and hooks.inbox and settings.public_url is None:
        yield "webhooks: inbox needs public_url: the address at which providers reach this server"

    if hooks is not None and hooks.secret_env and len(_secret(hooks.secret_env)) < SHORTEST_SECRET:
        yield (
            f"webhooks: the variable {hooks.secret_env} (secret_env) is not set to a secret of "
            f"{SHORTEST_SECRET} bytes or more"
        )


def _secret(variable: str) -> bytes:
    try:
        return secret_of(os.environ.get(variable, ""))
    except ValueError:  # no base64
        return b""


def problems_of_media(settings: ServerSettings) -> Iterator[str]:
    """Yield why results can't be kept in the folder for them: the one that is named, or ours."""
    folder = (settings.media or usual_folder()).expanduser().absolute()
    advice = "" if settings.media else "; --media names another folder for results"
    there = next((path for path in (folder, *folder.parents) if _is_there(path)), Path("/"))
    if not there.is_dir():
        yield f"media: {there} is no folder{advice}"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"media: {there} can't be written{advice}"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder above it can't be looked into, and is what there is to name
        return False


def _of_kinds(where: str, chain: Sequence[str]) -> Iterator[str]:
    """Say of a chain that no request fits all of it, where one makes videos, another images."""
    from .._jobs._gateway import Gateway

    gateway = Gateway()
    makes: dict[str, tuple[str, ...]] = {}
    for name in chain:
        place, _, model = name.partition("/")
        with suppress(TarashException):  # which is said of the model itself
            makes[name] = named_model(gateway, place.partition("@")[0], model).makes

    if makes and not set.intersection(*map(set, makes.values())):
        made = ", ".join(f"{name} makes {kinds[0]}s" for name, kinds in makes.items())
        yield f"{where}: no request fits all of it: {made}"


def _of_model(where: str, name: str, settings: ServerSettings) -> Iterator[str]:
    place, _, model = name.partition("/")
    provider, at, account = place.partition("@")
    if not model:
        yield f"{where}: {name!r} is no `provider/model`"
        return

    if at and (provider, account) not in {
        (known.provider, known.name) for known in settings.accounts
    }:
        yield f"{where}: there is no account {account!r} of {provider!r}"
        return

    from .._jobs._gateway import Gateway

    try:
        Gateway().describe_model(provider, model)
    except TarashException:
        try:
            config = VideoGenerationConfig(provider=provider, model=model)
            Gateway().plan_video(config, VideoGenerationRequest(prompt="a check"))
        except TarashException as error:
            if error.code == "unknown_provider":
                yield f"{where}: {name}: {error.message}"
