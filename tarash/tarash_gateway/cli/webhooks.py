"""The commands under `tarash webhooks`, and their arguments."""

from __future__ import annotations

from typing import Annotated

import typer

from . import _options as o
from ._shape import App, help_alone

webhooks_app = App()


@webhooks_app.callback(invoke_without_command=True)
def alone(context: typer.Context) -> None:
    """What providers call back about: listen for it beside whatever waits for jobs."""
    help_alone(context)


@webhooks_app.command("listen")
def listen(
    ledger: o.Ledger = None,
    *,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; 0.0.0.0 for all.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="At which port; 0 takes a free one.")
    ] = 8787,
    as_json: o.Json = False,
) -> int:
    """Take providers' webhooks: wake whoever waits for their jobs, settle what nobody waits for.

    Providers are asked to call where TARASH_WEBHOOK_URL is set to the address at which this is
    reached from outside. Ctrl-C stops.
    """
    from ._listen import serve

    return serve(ledger, host, port, as_json=as_json)
