"""`tarash ledger backup`: a whole copy of the ledger, also while others write to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .._support._words import counted
from ..ledger.sqlite._backup import back_up
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import existing, shown


def copy(file: Path, ledger: str | None, *, as_json: bool) -> int:
    """Copy the ledger into a file that is not there yet.

    Raises:
        CommandError: There is no ledger, something has the copy's name, or it can't be written.
    """
    source: Path | None = getattr(existing(ledger), "path", None)
    if source is None:
        raise CommandError(
            f"there is no ledger in a file to copy ({shown(ledger)}): name one with --ledger; one "
            "in PostgreSQL is copied by pg_dump"
        )

    try:
        made = back_up(source, file)
    except FileExistsError as error:
        raise CommandError(f"{error}: nothing is overwritten, name another file") from error
    except (OSError, sqlite3.Error) as error:
        raise CommandError(
            f"{source} could not be copied to {file}: {error}",
            "check that the first is a ledger that you may read, and that the folder of the other "
            "is there, has space, and is yours to write to",
            code=Exit.STORAGE,
        ) from error

    if as_json:
        terminal.document({"file": str(file), "jobs": made.jobs, "media": made.media})
        return Exit.DONE

    terminal.result(str(file))
    beside = (
        f", with {counted(made.media, 'file')} of input media in {file.name}-media"
        if made.media
        else ""
    )
    terminal.hint(f"copied {counted(made.jobs, 'job')} of {source}{beside}")
    return Exit.DONE
