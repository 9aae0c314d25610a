"""Where the command line writes its jobs: in the user's own data folder, unless another is set."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from ..ledger import MemoryLedger, open_ledger
from ..ledger._paths import is_missing
from ..ledger._records import Ledger
from ..ledger.postgres import without_password
from ._errors import CommandError
from ._rehearsals import is_rehearsing

VARIABLE = "TARASH_LEDGER"
MEMORY = "memory:"
PROBE = ("checks", "the ledger can be written")
REHEARSALS = "rehearsals"
"""The name of the ledger of jobs that led to this machine only; its file is beside the other."""


def url_of(given: str | None) -> str:
    """Return the URL of the ledger to use.

    Args:
        given: What `--ledger` said; by default TARASH_LEDGER, else a file of the user's.
    """
    if given == REHEARSALS:
        return f"sqlite:///{data_folder() / 'rehearsals.db'}"

    return given or os.environ.get(VARIABLE) or f"sqlite:///{data_folder() / 'jobs.db'}"


def shown(given: str | None) -> str:
    """Return the URL of the ledger to use, as it may be shown."""
    return without_password(url_of(given))


def data_folder() -> Path:
    """Return the user's own folder for what `tarash` keeps.

    Raises:
        CommandError: This user has none.
    """
    import platformdirs

    try:
        folder = Path(platformdirs.user_data_dir("tarash", appauthor=False))
    except RuntimeError:
        folder = Path()

    if not folder.is_absolute():
        raise CommandError(
            "there is no folder for the ledger: this user has no home directory",
            f"set {VARIABLE}, or give --ledger: sqlite:////a/folder/jobs.db, or {MEMORY} to keep "
            "nothing",
        )

    return folder


def is_chosen(given: str | None) -> bool:
    """Tell whether the user has said which ledger to use."""
    return bool(given or os.environ.get(VARIABLE))


def rehearsals() -> Ledger | None:
    """Return the ledger of rehearsals, where there is one."""
    ledger = opened(REHEARSALS)
    path: Path | None = getattr(ledger, "path", None)
    return None if path is None or is_missing(path) else ledger


def all_of(given: str | None, *, always: bool = False) -> list[Ledger]:
    """Return the ledgers to look into: the one that was named, else the user's own.

    Args:
        given: What `--ledger` said.
        always: Whether to look through rehearsals also where the environment names no host of
            this machine.
    """
    ledgers = [existing(given)]
    rehearsed = None if is_chosen(given) or not (always or is_rehearsing()) else rehearsals()
    return ledgers if rehearsed is None else [*ledgers, rehearsed]


def opened(given: str | None) -> Ledger:
    """Return the ledger to use.

    Raises:
        ValidationError: The URL is none of a ledger.
    """
    return open_ledger(url_of(given))


def existing(given: str | None) -> Ledger:
    """Return the ledger to look into; none is made by looking.

    Raises:
        ValidationError: The URL is none of a ledger.
        CommandError: There is no such ledger. The user's own is merely empty before the first job.
    """
    ledger = opened(given)
    path: Path | None = getattr(ledger, "path", None)
    if path is None or not is_missing(path):
        return ledger

    if is_chosen(given):
        raise CommandError(
            f"{'--ledger' if given else VARIABLE}: there is no ledger at {path}; check the path "
            "(`tarash video` makes one with its first job)"
        )

    return MemoryLedger()


async def written_once(ledger: Ledger) -> None:
    """Write to a ledger, and take it back: by that, what is not there yet is made.

    Reading makes none, so that it can't tell whether one can be made.

    Raises:
        StorageError: It can't be made or written.
    """
    kept: Any = ledger
    if getattr(ledger, "keeps_state", False):
        await kept.write_state(*PROBE, {"is": "written"})
        await kept.write_state(*PROBE, None)
    else:
        await ledger.get("no such job")


def command_for(verb: str, job_id: str, given: str | None, *more: str) -> str | None:
    """Return the command that goes on with a job, or None where no other command can know it.

    Args:
        verb: What to do: `wait` or `fetch`.
        job_id: The job's id, ours or the provider's.
        given: What `--ledger` said.
        more: What follows.
    """
    if url_of(given) == MEMORY:
        return None

    where = [] if given is None else ["--ledger", without_password(given)]
    return shlex.join(["tarash", "jobs", verb, job_id, *where, *more])


def worker_for(given: str | None) -> str:
    """Return the command that works the queue of a ledger."""
    where = [] if given is None else ["--ledger", without_password(given)]
    return shlex.join(["tarash", "worker", *where])
