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
    """The file that jobs are written down in: copy it while jobs run."""
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
    from ._backup import copy

    return copy(file, ledger, as_json=as_json)
