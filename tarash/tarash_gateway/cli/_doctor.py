"""`tarash doctor`: what this installation has, and with --live whether the keys work.

Keys are never shown, not even in part. Costs nothing: a live check never submits a job.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from rich.text import Text

from .._http._key_lookup import Variables, account, base_url_variable, why_no_key
from .._http._pools import ClientCache
from .._http._proxies import proxy_of
from .._jobs._traffic_report import health_in
from .._support._extras import how_to_install, too_old
from .._support._secrets import plain_key
from .._version import __version__
from ..exceptions import AuthenticationError, HTTPConnectionError, TarashException
from ..models import ProviderInfo, VideoGenerationConfig
from ..providers._contract import CheckingAdapter
from ..providers._registry import default_registry, list_providers
from . import _terminal as terminal
from ._errors import CommandError, Exit, exit_code
from ._ledger import existing
from ._providers import has_access
from ._words import error_text

State = Literal["ok", "missing", "problem"]

LIVE_SECONDS = 20
LEAST_FREE_BYTES = 200_000_000
ANYWHERE = "https://provider.invalid"
"""Stands for a provider's host, as far as proxies are concerned."""
EXTRAS = (
    ("images", "PIL", "fit_images and pictures of Pillow need it"),
    ("postgres", "psycopg", "a ledger in PostgreSQL needs it"),
    ("storage", "obstore", "saving to s3://, gs:// and az:// needs it"),
)
STYLES: dict[State, str] = {"ok": "green", "missing": "yellow", "problem": "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    told: str
    code: Exit = Exit.DONE

    @property
    def ends_in(self) -> Exit:
        """The exit code that it leads to: no problem leaves the command as if all was well."""
        return self.code or (Exit.USAGE if self.state == "problem" else Exit.DONE)


def examine(*, live: bool, only: list[str] | None, json: bool) -> int:
    """Look at everything and tell; return the exit code.

    Args:
        live: Whether to ask the providers.
        only: The providers to look at, which have to be ready; None for all, of which none has to.
        json: Whether to write a document.

    Raises:
        ValidationError: There is no such provider.
    """
    for name in only or ():
        default_registry.check_known(name)

    providers = [provider for provider in list_providers() if only is None or provider.name in only]
    # Two providers may need the same extra.
    about = [*_installation(), *_providers(providers), *_ready(providers, needed=only is not None)]
    findings = list(dict.fromkeys([*about, *_surroundings(), *_circuits()]))
    if live:
        findings += asyncio.run(_check_keys(providers))

    return print_findings(findings, json=json)


def print_findings(findings: Sequence[Finding], *, json: bool) -> int:
    """Tell what was found; return the exit code."""
    if json:
        terminal.document(
            [{**asdict(finding), "code": int(finding.ends_in)} for finding in findings]
        )
    else:
        table = terminal.plain_table("", "", "")
        table.show_header = False
        for finding in findings:
            table.add_row(
                finding.what,
                Text(finding.state, style=STYLES[finding.state]),
                terminal.one_line(finding.told),
            )

        terminal.show(table)

    return max((finding.ends_in for finding in findings), default=Exit.DONE)


def _installation() -> Iterator[Finding]:
    yield Finding("tarash-gateway", "ok", f"{__version__} in {Path(__file__).parents[1]}")
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")
    extra = find_spec("platformdirs") is not None
    state = "installed" if extra else f"incomplete: {how_to_install('cli')}"
    yield Finding("extra cli", "ok" if extra else "problem", state)
    for name, module, use in EXTRAS:
        there = find_spec(module) is not None
        state = "installed" if there else f"not installed; {use}: {how_to_install(name)}"
        yield Finding(f"extra {name}", "ok" if there else "missing", state)


def _ready(providers: Sequence[ProviderInfo], *, needed: bool) -> Iterator[Finding]:
    """Yield who can be asked to make something, and whom it has to be able to ask and is not."""
    ready = [provider.name for provider in providers if _can_be_asked(provider)]
    if ready:
        yield Finding("ready", "ok", ", ".join(ready))
    elif not needed:
        yield Finding("ready", "missing", "no provider yet; --mock needs none")

    for provider in providers:
        if needed and provider.name not in ready:
            what = (
                "its key is missing"
                if provider.installed
                else f"the extra {provider.extra!r} is missing"
            )
            is_known = provider.installed and has_access(provider)
            if is_known:
                what = "its key can't be sent"
            elif provider.own_server:
                what = (
                    f"{base_url_variable(provider.name)} says where the server is, and is not set"
                )

            is_key = provider.installed and not provider.own_server
            code = Exit.KEY if is_key or is_known else Exit.USAGE
            yield Finding(f"ready: {provider.name}", "problem", f"no: {what}", code)


def _can_be_asked(provider: ProviderInfo) -> bool:
    """Tell whether a provider is here and has access: of several keys, one that can be sent."""
    if not provider.installed or not has_access(provider):
        return False

    there = [
        model
        for model, variables in _by_model(provider).items()
        if variables[0] in provider.variables_present
    ]
    return not there or any(_wrong_with_key(provider, model) is None for model in there)


def _wrong_with_key(provider: ProviderInfo, model: str) -> str | None:
    """Return why the key for a model can't be sent, as whoever sends it would say."""
    adapter = default_registry.adapter(provider.name, need_extra=False)
    config = VideoGenerationConfig(provider=provider.name, model=model)
    return why_no_key(adapter, plain_key(adapter.find_key(config, Variables()) or ""))


def _providers(providers: Sequence[ProviderInfo]) -> Iterator[Finding]:
    for provider in providers:
        if provider.extra is not None:
            old = too_old(provider.extra)
            install = how_to_install(provider.extra, upgrade=old is not None)
            missing = install if old is None else f"{old}: {install}"
            detail = "installed" if provider.installed else missing
            state: State = "ok" if provider.installed else "missing"
            yield Finding(f"extra {provider.extra}", state, detail)

        yield from _keys(provider)
        variable = base_url_variable(provider.name)
        host = os.environ.get(variable)
        if host and urlsplit(host).hostname:
            detail = f"{provider.name} is reached at {urlsplit(host).hostname}, not at its own host"
            yield Finding(variable, "ok", detail)
        elif host:
            yield Finding(variable, "problem", "must begin with http:// or https://", Exit.USAGE)


def _keys(provider: ProviderInfo) -> Iterator[Finding]:
    """Yield what is there of a provider's keys: one finding a key, by whichever variable."""
    for model, variables in _by_model(provider).items():
        first, *others = variables
        if first in provider.variables_present:
            used = next((variable for variable in variables if os.environ.get(variable)), first)
            wrong = _wrong_with_key(provider, model)
            if wrong is not None:
                advice = f"its key {wrong}; copy it again, by itself"
                yield Finding(used, "problem", advice, Exit.KEY)
                continue

            yield Finding(first, "ok", "set" if used == first else f"not needed: {used} is set")
            continue

        is_main = first == provider.environment_variable
        whose = provider.name if is_main else f"{provider.name} for models such as {model}"
        instead = f" (or {' or '.join(others)})" if others else ""
        detail = f"not set; {whose} needs it{instead}, the mock does not"
        yield Finding(first, "missing", detail)


def _by_model(provider: ProviderInfo) -> dict[str, list[str]]:
    """Return the variables of each key of a provider, by a model that it is for."""
    by_model: dict[str, list[str]] = {}
    for variable, model in default_registry.models_with_keys(provider.name).items():
        by_model.setdefault(model, []).append(variable)

    return by_model


def _surroundings() -> Iterator[Finding]:
    folder = Path.cwd()
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        yield Finding("folder", "problem", f"{folder} can't be written to; save with -o elsewhere")
    elif free < LEAST_FREE_BYTES:
        yield Finding("folder", "problem", f"{folder} has only {terminal.size(free)} left")
    else:
        yield Finding("folder", "ok", f"{folder}, {terminal.size(free)} free")

    if sys.path[0] in {"", str(folder)} and (folder / "tarash.py").exists():
        yield Finding("tarash.py", "problem", "a file of this name here hides the package")

    try:
        proxy = proxy_of(ANYWHERE)
    except HTTPConnectionError as error:
        yield Finding("proxy", "problem", str(error))
    else:
        if proxy is not None:
            yield Finding("proxy", "ok", f"{proxy.shown} is used")


def _circuits() -> Iterator[Finding]:
    """Yield the providers that count as down by what gateways have written into the ledger."""
    try:
        circuits = asyncio.run(health_in(existing(None)))
    except CommandError:
        return  # there is none before the first job
    except TarashException as error:
        yield Finding("ledger", "problem", str(error), Exit.STORAGE)
        return

    for circuit in circuits:
        if circuit.state == "closed":
            continue

        when = (
            "" if circuit.retry_at is None else f"; probed from {circuit.retry_at:%H:%M:%S} UTC on"
        )
        detail = f"counts as down ({circuit.last_error or 'it failed'}){when}"
        yield Finding(f"{circuit.provider} {circuit.model}", "problem", detail, Exit.PROVIDER)


# ------------------------------------------------------------------------------------------ live
async def _check_keys(providers: Sequence[ProviderInfo]) -> list[Finding]:
    clients = ClientCache()
    try:
        return [
            await _check_key(clients, provider, variable)
            for provider in providers
            for variable in _checked_by(provider)
        ]
    finally:
        await clients.aclose()


def _checked_by(provider: ProviderInfo) -> tuple[str | None, ...]:
    """Return the variables whose keys are checked; None for a known server, key or not."""
    if provider.own_server:
        return (None,) if has_access(provider) else ()

    return tuple(variables[0] for variables in _by_model(provider).values())


async def live_findings(names: Sequence[str]) -> list[Finding]:
    """Return what the providers of these names say of their keys."""
    return await _check_keys([provider for provider in list_providers() if provider.name in names])


async def _check_key(clients: ClientCache, provider: ProviderInfo, variable: str | None) -> Finding:
    is_main = variable == provider.environment_variable
    what = f"live {provider.name}" if is_main else f"live {provider.name}, {variable}"
    if not provider.installed:
        return Finding(what, "missing", f"not installed: the extra {provider.extra!r} is missing")

    adapter = default_registry.adapter(provider.name)
    if "verify_credentials" not in adapter.abilities:
        return Finding(what, "missing", "has no check that costs nothing")

    try:
        model = default_registry.models_with_keys(provider.name).get(variable or "", "any")
        asked: Any = VideoGenerationConfig(provider=provider.name, model=model)
        who = account(adapter, asked, variable)
        async with asyncio.timeout(LIVE_SECONDS), clients.lease(adapter, who) as client:
            await cast("CheckingAdapter", adapter).verify_credentials(client)
    except TimeoutError:
        detail = f"no answer within {LIVE_SECONDS} s"
        return Finding(what, "problem", detail, Exit.CONNECTION)
    except TarashException as error:
        return _verdict(
            what, error, has_key=variable is None or variable in provider.variables_present
        )

    return Finding(what, "ok", "the server answers" if variable is None else "the key is accepted")


def _verdict(what: str, error: TarashException, *, has_key: bool) -> Finding:
    if not has_key:
        return Finding(what, "missing", "no key to check")

    detail = error_text(error)
    if isinstance(error, AuthenticationError):
        return Finding(what, "problem", f"the key is refused: {detail}", Exit.KEY)

    if isinstance(error, HTTPConnectionError):
        return Finding(what, "problem", f"unreachable: {detail}", Exit.CONNECTION)

    return Finding(what, "problem", detail, exit_code(error))
