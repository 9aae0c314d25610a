"""The commands under `tarash ledger`, and their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._shape import App, help_alone

ledger_app = App()


@ledger_app.callback(invoke_without_command=True)
def alone(context: typer.Context) -> None:
    """Where jobs are written down: copy it while jobs run, check it, prune it."""
    help_alone(context)


@ledger_app.command("backup")
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where the copy goes; never overwritten.")
    ],
    ledger: o.Ledger = None,
    *,
    as_json: o.Json = False,
) -> int:
    """Copy the whole ledger into a file, also while jobs are being written down."""
    from ._upkeep import copy

    return copy(file, ledger, as_json=as_json)


@ledger_app.command("migrate")
def migrate(ledger: o.Ledger = None, *, as_json: o.Json = False) -> int:
    """Make the ledger's tables, or bring them to this version; workers go on meanwhile."""
    from ._upkeep import migrate as work

    return work(ledger, as_json=as_json)


@ledger_app.command("check")
def check(ledger: o.Ledger = None, *, as_json: o.Json = False) -> int:
    """Say whether the ledger can be read and written, and what is in it."""
    from ._upkeep import check as work

    return work(ledger, as_json=as_json)


@ledger_app.command("prune")
def prune(
    ledger: o.Ledger = None,
    *,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="Since they ended: 30d, 12h, 2w."),
    ] = "30d",
    as_json: o.Json = False,
) -> int:
    """Forget jobs that ended long ago; their idempotency keys may be used again then."""
    from ._upkeep import prune as work

    return work(ledger, older_than, as_json=as_json)
