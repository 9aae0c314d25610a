"""The commands under `tarash providers`, and their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._providers import show_providers
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
