"""The commands under `tarash providers`, and their arguments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from .._http._key_lookup import base_url_variable
from .._support._extras import how_to_install
from ..models import ProviderInfo
from ..providers._registry import list_providers
from . import _options as o
from . import _terminal as terminal
from ._errors import Exit
from ._shape import App

providers_app = App()

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file such as acme.toml.")]


@providers_app.callback(invoke_without_command=True)
def alone(context: typer.Context, *, as_json: o.Json = False) -> None:
    """List the providers: what they make, and whether they are ready; check or begin a file."""
    if context.invoked_subcommand is None:
        raise typer.Exit(show_providers(json=as_json))


@providers_app.command("list")
def list_all(*, as_json: o.Json = False) -> int:
    """List the providers: what they make, and whether they are ready to use."""
    return show_providers(json=as_json)


@providers_app.command("check")
def check(
    file: File,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the vendor whether the key works; costs nothing.")
    ] = False,
    as_json: o.Json = False,
) -> int:
    """Check a file of a provider: what is wrong or missing, what it derives, and how it plays."""
    from ._check_file import check_file

    return check_file(file, live=live, json=as_json)


@providers_app.command("new")
def new(  # noqa: PLR0913  (each is an option of the command)
    file: File,
    *,
    title: Annotated[
        str | None, typer.Option("--title", help="How the provider is called.")
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="URL", help="Its address, such as https://api.acme.example."
        ),
    ] = None,
    variable: Annotated[
        str | None, typer.Option("--variable", help="The environment variable of its key.")
    ] = None,
    kind: o.MadeKind = "video",
    model: Annotated[str | None, typer.Option("--model", help="The id of a model.")] = None,
    submit: Annotated[
        str | None, typer.Option("--submit", metavar="PATH", help="Where a job is started.")
    ] = None,
    poll: Annotated[
        str | None,
        typer.Option("--poll", metavar="PATH", help="Where a job is asked after, with {id} in it."),
    ] = None,
) -> int:
    """Begin a file of a provider: asks for what isn't given, and writes what it takes."""
    from ._new_file import begin_file

    given = {
        "title": title,
        "base_url": base_url,
        "variable": variable,
        "model": model,
        "submit": submit,
        "poll": poll,
    }
    return begin_file(file, kind, given)


def show_providers(*, json: bool) -> int:
    """List the providers; return the exit code."""
    providers = list_providers()
    if json:
        terminal.document([provider.model_dump(mode="json") for provider in providers])
        return Exit.DONE

    table = terminal.plain_table("provider", "makes", "key from", "ready")
    for provider in providers:
        table.add_row(
            provider.name,
            ", ".join(provider.modalities),
            ", ".join(provider.environment_variables) or "-",
            "; ".join(missing(provider)) or "yes",
        )

    terminal.show(table)
    return Exit.DONE


def missing(provider: ProviderInfo) -> list[str]:
    """Return what has to be done before a provider can be used."""
    lacks = []
    if not provider.installed:
        lacks.append(f"no: {how_to_install(provider.extra or 'all')}")

    variable = base_url_variable(provider.name)
    if provider.own_server and not os.environ.get(variable):
        lacks.append(f"no: --base-url, or set {variable}")

    present = provider.variables_present
    missed = " or ".join(
        variable for variable in provider.environment_variables if variable not in present
    )
    if missed and not present:
        lacks.append(f"no: set {missed}")
    elif missed and not lacks:
        lacks.append(f"yes, but for models that need {missed}")

    return lacks


def has_access(provider: ProviderInfo) -> bool:
    """Tell whether a provider can be asked: by its key, or because the server is known."""
    if provider.own_server:
        return bool(os.environ.get(base_url_variable(provider.name)))

    return provider.key_present or provider.registered
