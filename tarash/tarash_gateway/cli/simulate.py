"""The command that runs a stand-in for the providers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(  # noqa: PLR0913  (each is an option of the command)
    *,
    queue_seconds: Annotated[
        float, typer.Option("--queue-seconds", help="How long each job waits in the queue.")
    ] = 1.0,
    run_seconds: Annotated[
        float, typer.Option("--run-seconds", help="How long it runs after that.")
    ] = 3.0,
    outcome: Annotated[
        str,
        typer.Option("--outcome", help="completed, failed, moderated, no_media, lost or never."),
    ] = "completed",
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider",
            help="Whom to simulate, by name or by a file such as acme.toml; repeatable; all by "
            "default.",
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65_000, help="The first port; others follow it."),
    ] = 0,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="Write the variables there, for `source FILE`; removed at the end.",
        ),
    ] = None,
) -> int:
    """Run a local stand-in for the providers until Ctrl-C."""
    from ._simulate import simulate as serve

    script = {"queue_seconds": queue_seconds, "run_seconds": run_seconds, "outcome": outcome}
    return serve(provider, script, port=port, env_file=env_file)
