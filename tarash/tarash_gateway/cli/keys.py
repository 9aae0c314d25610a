"""The commands under `tarash keys`, and their arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._shape import App, help_alone

keys_app = App()
Id = Annotated[
    str, typer.Argument(metavar="ID", help="The key's id, as `tarash keys list` shows it.")
]
Ledger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="The server's ledger. By default that of --config, else TARASH_LEDGER, else the file "
        "in your data folder.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The server's file, which names its ledger."),
]


@keys_app.callback(invoke_without_command=True)
def alone(context: typer.Context) -> None:
    """The keys of a server's clients, in the server's ledger; the server need not run."""
    help_alone(context)


@keys_app.command("create")
def create(  # noqa: PLR0913  (each is an option of the command)
    name: Annotated[str, typer.Argument(metavar="NAME", help="For whoever reads the list.")],
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="PATTERN",
            help="What it may use: an id or an alias, * for anything; repeatable; all by default.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", metavar="USD/PER", help="What it may spend: 5/day, 100/month, 20/total."
        ),
    ] = None,
    in_flight: Annotated[
        int | None, typer.Option("--in-flight", help="How many jobs it may have under way.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option("--requests-per-minute", help="How many requests it may make.")
    ] = None,
    allow_unpriced: Annotated[
        bool,
        typer.Option(
            "--allow-unpriced", help="Let a key with a budget buy what has no known price."
        ),
    ] = False,
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", metavar="AGE", help="Such as 30d, 12h or 2w.")
    ] = None,
    ledger: Ledger = None,
    config: Config = None,
    as_json: o.Json = False,
) -> int:
    """Make a key. It is shown this once, and never again."""
    from ._keys import create as work

    scope = {
        "name": name,
        "models": model or None,
        "budget": budget,
        "in_flight": in_flight,
        "requests_per_minute": requests_per_minute,
        "allow_unpriced": allow_unpriced,
        "expires_in": expires_in,
    }
    return work(ledger, config, scope, as_json=as_json)


@keys_app.command("list")
def list_keys(ledger: Ledger = None, config: Config = None, *, as_json: o.Json = False) -> int:
    """List all keys, and what each is for; never the keys themselves."""
    from ._keys import list_all as work

    return work(ledger, config, as_json=as_json)


@keys_app.command("rotate")
def rotate(
    key_id: Id, ledger: Ledger = None, config: Config = None, *, as_json: o.Json = False
) -> int:
    """Give a key another secret, and show it this once; the one before is refused at once."""
    from ._keys import rotate as work

    return work(ledger, config, key_id, as_json=as_json)


@keys_app.command("revoke")
def revoke(
    key_id: Id, ledger: Ledger = None, config: Config = None, *, as_json: o.Json = False
) -> int:
    """Revoke a key, at once and on all servers that share the ledger; its jobs stay."""
    from ._keys import revoke as work

    return work(ledger, config, key_id, as_json=as_json)
