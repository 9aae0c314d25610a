"""The command that works a ledger's queue."""

from __future__ import annotations

from typing import Annotated

import typer

from . import _options as o


def worker(
    ledger: o.Ledger = None,
    *,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, help="Jobs that are driven at a time.")
    ] = 100,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            help="How long jobs may go on after SIGTERM or Ctrl-C; the rest is handed on.",
        ),
    ] = 20,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when nothing is due any more.")
    ] = False,
) -> int:
    """Send the jobs that were enqueued, and drive each to its end."""
    from ._worker import work

    return work(ledger, concurrency, grace, until_empty=until_empty)
