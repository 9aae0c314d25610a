"""The command that runs the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o

NETWORK = "Network"


def serve(  # noqa: PLR0913  (each is an option of the command)
    *,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            help="The address to listen on; 0.0.0.0 is every one of this machine.",
            rich_help_panel=NETWORK,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65_535, help="0 takes a free one.", rich_help_panel=NETWORK
        ),
    ] = 4242,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Accounts, aliases, keys, limits: a TOML file."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether all of it is in order.")
    ] = False,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            help="Only print the JSON Schema of such a file, which editors complete and check by.",
        ),
    ] = False,
    mock: Annotated[
        bool,
        typer.Option(
            "--mock",
            help="Answer every model from the mock: no provider's key, nothing is bought.",
        ),
    ] = False,
    ledger: o.Ledger = None,
    media: Annotated[
        Path | None,
        typer.Option("--media", metavar="FOLDER", help="Where results are kept."),
    ] = None,
) -> int:
    """Run the gateway as a server that OpenAI's clients can use."""
    if schema:
        from ._serve import print_schema

        return print_schema()

    from ._serve import serve as work

    return work(host, port, config=config, check=check, mock=mock, ledger=ledger, media=media)
