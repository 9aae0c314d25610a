"""The options that say how much runs at a time, and what is done about what is slow or down."""

from __future__ import annotations

from typing import Annotated

import typer

LIMITS = "Limits and failures"

HedgeAfter = Annotated[
    str | None,
    typer.Option(
        "--hedge-after",
        metavar="SECONDS|p90",
        help="Start the first --fallback beside a job that has not ended by then, and stop the "
        "slower one; p90 is what nine of ten such jobs took.",
        rich_help_panel=LIMITS,
    ),
]
InFlight = Annotated[
    int | None,
    typer.Option(
        "--in-flight",
        metavar="JOBS",
        help="Wait while the account has so many jobs at its provider, all commands' together.",
        rich_help_panel=LIMITS,
    ),
]
QueueTimeout = Annotated[
    float | None,
    typer.Option(
        "--queue-timeout",
        metavar="SECONDS",
        help="With --in-flight: how long to wait; then the next --fallback is tried.",
        rich_help_panel=LIMITS,
    ),
]
OnOpen = Annotated[
    str | None,
    typer.Option(
        "--on-open",
        metavar="try|fail",
        help="Skip providers that count as down, by what all commands have seen of late; where no "
        "--fallback is left, try all the same, or fail at once.",
        rich_help_panel=LIMITS,
    ),
]
