"""The command that serves agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o


def mcp(
    *,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            "--budget",
            metavar="AMOUNT/PERIOD",
            help="US dollars that may be spent, such as 5/day; TARASH_BUDGET says the same.",
        ),
    ] = None,
    mock: Annotated[
        bool,
        typer.Option(
            "--mock",
            help="Answer every model from the mock: no provider's key, nothing is bought.",
        ),
    ] = False,
    allow_unpriced: Annotated[
        bool,
        typer.Option("--allow-unpriced", help="Let what has no known price be bought, too."),
    ] = False,
    ledger: o.Ledger = None,
    media: Annotated[
        Path | None,
        typer.Option("--media", metavar="FOLDER", help="Where results are kept."),
    ] = None,
) -> int:
    """Serve agents by MCP, on standard input and output."""
    from ._mcp import serve

    return serve(budget or [], mock=mock, unpriced=allow_unpriced, ledger=ledger, media=media)
