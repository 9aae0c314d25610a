"""The commands under `tarash jobs`, and their arguments."""

from __future__ import annotations

from typing import Annotated

import typer

from . import _jobs as work
from . import _options as o
from . import _waiting as waiting
from ._shape import App, help_alone

JobId = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="A job's id (ours or the provider's), its beginning, or its token."
    ),
]
Into = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PLACE",
        help="Where to save it, as for `tarash video`; without it, where that was to save it.",
    ),
]
Folder = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Where to save what they made; without it, where each job's own command was to.",
    ),
]
Most = Annotated[
    int | None,
    typer.Option(
        "--max-media-bytes",
        metavar="BYTES",
        min=1,
        help="How large a result may be that comes as bytes, in place of the job's own limit.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]

jobs_app = App()


@jobs_app.callback(invoke_without_command=True)
def alone(context: typer.Context) -> None:
    """Jobs that were written down: wait for them, resume them after a crash, cancel them."""
    help_alone(context)


@jobs_app.command("ls")
def ls(
    ledger: o.Ledger = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most to list.")] = 1000,
    after: Annotated[
        str | None,
        typer.Option(
            "--after", metavar="JOB", help="Go on behind this job, the last one of a list before."
        ),
    ] = None,
    as_json: o.Json = False,
) -> int:
    """List the jobs that have not ended, or whose fate is unknown; newest first."""
    return work.ls(ledger, everything=everything, limit=limit, after=after, as_json=as_json)


@jobs_app.command("show")
def show(job: JobId, ledger: o.Ledger = None, *, as_json: o.Json = False) -> int:
    """Show what is known of a job, what its provider says of it, and its token."""
    return work.show(job, ledger, as_json=as_json)


@jobs_app.command("wait")
def wait(  # noqa: PLR0913  (each is an option of the command)
    job: JobId,
    ledger: o.Ledger = None,
    *,
    output: Into = None,
    force: o.Force = False,
    most: Most = None,
    as_json: o.Json = False,
) -> int:
    """Wait for a job and save what it made; Ctrl-C leaves it running."""
    return waiting.wait(job, ledger, output, force=force, as_json=as_json, most=most)


@jobs_app.command("resume")
def resume(
    ledger: o.Ledger = None, *, output: Folder = None, most: Most = None, as_json: o.Json = False
) -> int:
    """Wait for every job that nobody drives: after a crash, say. Nothing is bought twice."""
    return waiting.resume(ledger, output, as_json=as_json, most=most)


@jobs_app.command("cancel")
def cancel(job: JobId, ledger: o.Ledger = None, *, as_json: o.Json = False) -> int:
    """Ask the provider to stop a job."""
    return work.cancel(job, ledger, as_json=as_json)


@jobs_app.command("fetch")
def fetch(  # noqa: PLR0913  (each is an option of the command)
    job: JobId,
    ledger: o.Ledger = None,
    *,
    output: Into = None,
    force: o.Force = False,
    most: Most = None,
    as_json: o.Json = False,
) -> int:
    """Get the result of a job that has ended, as long as its provider keeps it."""
    return waiting.fetch(job, ledger, output, force=force, as_json=as_json, most=most)


@jobs_app.command("forget")
def forget(
    jobs: Annotated[
        list[str],
        typer.Argument(
            metavar="JOB…", help="Ids of jobs (ours or the provider's), or their beginnings."
        ),
    ],
    ledger: o.Ledger = None,
    *,
    yes: Yes = False,
    as_json: o.Json = False,
) -> int:
    """Drop jobs from the ledger, and stop none; what may still run is asked about first."""
    return work.forget(jobs, ledger, yes=yes, as_json=as_json)


@jobs_app.command("prune")
def prune(  # noqa: PLR0913  (each is an option of the command)
    ledger: o.Ledger = None,
    *,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="Since they were begun: 30d, 12h, 2w."),
    ] = "30d",
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also those whose outcome is unknown.")
    ] = False,
    rehearsals: Annotated[
        bool, typer.Option("--rehearsals", help="And all that led to this machine, of any age.")
    ] = False,
    yes: Yes = False,
    as_json: o.Json = False,
) -> int:
    """Drop jobs that have ended from the ledger."""
    return work.prune(
        ledger,
        older_than=older_than,
        unknown=unknown,
        rehearsals=rehearsals,
        yes=yes,
        as_json=as_json,
    )
