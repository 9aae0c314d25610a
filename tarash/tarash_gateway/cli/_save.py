"""Where the command line saves to: checked before anything is paid for, and named afterwards.

Saving itself is the library's. What can't be saved is not lost: the error tells where it is, and
what no URL serves is saved elsewhere.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from anyio import to_thread

from .._data._template import OWN_NAME, Template
from .._data._types import MediaType, OnExists
from .._jobs._inspection import probe_async
from .._support import _portal
from ..exceptions import ProbeError, TarashException
from ..media._saving import Saved, is_folder, save
from ..media._url_refresher import media_of
from ..models import ImageGenerationResponse, MediaInfo, VideoGenerationResponse
from ._errors import CommandError

Response = VideoGenerationResponse | ImageGenerationResponse

STANDARD_OUTPUT = "-"

__all__ = [
    "OWN_NAME", "Output", "Response", "check", "check_pipe", "drop", "is_kept", "media_of",
    "rescue", "save_all", "url_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Output:
    """One result that was saved, and what it is."""

    saved: Saved
    info: MediaInfo | None
    """None where that can't be read."""
    piped: bool = False
    """Whether it is for standard output, and the file there is for a moment only."""


def url_of(media: MediaType) -> str | None:
    """Return the media's URL, or None where they are bytes."""
    return media if isinstance(media, str) and re.match(r"https?://", media) else None


def is_kept(response: Response) -> bool:
    """Tell whether all results are in files already: by the `save_to` of the job's config."""
    return bool(response.saved) and not response.save_errors


def check_pipe(place: str | None, *, as_json: bool, count: int = 1) -> None:
    """Check, before anything is paid for, that standard output can take a result, if it is to.

    Raises:
        CommandError: It can't; the message says what to do.
    """
    if place != STANDARD_OUTPUT:
        return

    problem = None
    if as_json:
        problem = "standard output can't take both the result and the document of --json"
    elif count > 1:
        problem = "standard output takes one result, not several; name a file or a folder"
    elif sys.stdout.isatty():
        problem = "standard output is a terminal; send it to a file or a program, or name a file"

    if problem is not None:
        raise CommandError(f"--output: {problem}")


def check(place: str, count: int, *, force: bool) -> None:
    """Check, before anything is paid for, that outputs can be written.

    Raises:
        CommandError: They can't; the message says what to do.
    """
    if place == STANDARD_OUTPUT:
        return

    try:
        template = Template.parse(place).numbered(count)
        template.check_installed()
        template.check_home()
    except ValueError as error:
        raise CommandError(f"--output: {error}") from None

    if not template.is_local:
        return

    try:
        _check_disk(place, template, count, force=force)
    except FileNotFoundError:
        raise  # the folder that the terminal is in is gone, which is said by itself
    except OSError as error:
        raise CommandError(f"--output: {place!r}: {error.strerror}; name another place") from None


def _check_disk(place: str, template: Template, count: int, *, force: bool) -> None:
    literal = template.literal or template.path(template.text)
    if literal.exists() and not literal.is_file() and not literal.is_dir():
        raise CommandError(f"--output: {place!r} is no regular file; name another")

    names = template.fields <= {"index"} and not template.names_a_folder
    targets = [literal]
    if names and template.is_fixed:
        numbers = range(1, count + 1)
        targets = [template.path(template.fill({"index": number}, "")) for number in numbers]

    for target in targets:
        _check_folder(target)
        if names and template.is_fixed:
            _check_target(target, force=force)


def _check_folder(target: Path) -> None:
    """Check the folder that the target's own will be made in."""
    folders = [parent for parent in target.absolute().parents if os.path.lexists(parent)]
    if not folders[0].is_dir():
        raise CommandError(f"--output: {str(folders[0])!r} is no folder; name another place")

    if not os.access(folders[0], os.W_OK | os.X_OK):
        raise CommandError(f"--output: the folder {str(folders[0])!r} can't be written to")


def _check_target(target: Path, *, force: bool) -> None:
    if target.is_dir():
        return  # the result gets a name of its own in it

    if os.path.lexists(target) and not force:
        raise CommandError(
            f"--output: {str(target)!r} exists; choose another name, or overwrite it with --force"
        )


async def save_all(  # noqa: PLR0913  (what there is to say of a save)
    response: Response,
    place: str | None,
    asked: int,
    *,
    force: bool,
    done: list[Output],
    numbers: bool = False,
) -> None:
    """Save a response's media, and look at what they are.

    Args:
        response: What was made.
        place: Where to, `-` for a file that standard output gets; None saves what no URL serves,
            under the request's id.
        asked: How many were asked for, whose names were checked.
        force: Whether to overwrite.
        done: Takes in each result as it is saved, so that a later failure hides none.
        numbers: Whether a name that is taken gets a number.

    Raises:
        SaveError: A result could not be saved.
    """
    saved: dict[int, Saved] = {}
    try:
        if place is None:
            only = [] if is_kept(response) else _unserved(response)
            await save(response, OWN_NAME, only=only, done=saved)
        elif place == STANDARD_OUTPUT:
            folder = await to_thread.run_sync(partial(tempfile.mkdtemp, prefix="tarash-"))
            await save(response, Path(folder) / OWN_NAME, done=saved)
        else:
            count = max(asked, len(media_of(response)))
            to = await to_thread.run_sync(_numbered, place, count)
            taken: OnExists = "number" if numbers else "fail"
            await save(response, to, overwrite=force, on_exists=taken, done=saved)
    finally:
        piped = place == STANDARD_OUTPUT
        done += [Output(saved[index], None, piped and not index) for index in sorted(saved)]

    for number, output in enumerate(done):
        done[number] = replace(output, info=await _info(output.saved))


def drop(output: Output) -> None:
    """Remove a file that was for standard output only, and its folder where nothing else is there.

    That it can't be removed is no failure of anything that was asked for.
    """
    if isinstance(output.saved.place, Path):
        with suppress(OSError):
            output.saved.place.unlink()
            output.saved.place.parent.rmdir()


def _numbered(place: str, count: int) -> str:
    """Return a place with numbers, as it was looked at; a folder takes names of our own."""
    template = Template.parse(place)
    return place if is_folder(template) else template.numbered(count).text


async def _info(saved: Saved) -> MediaInfo | None:
    if not isinstance(saved.place, Path):
        return None

    try:
        return await probe_async(saved.place)
    except ProbeError:
        return None


def rescue(response: Response) -> list[Path]:
    """Save what no URL serves wherever it can be; return where, and nothing where it can't be."""
    only = _unserved(response)
    for folder in (Path(), Path(tempfile.gettempdir())) if only else ():
        saving = partial(save, response, folder / OWN_NAME, only=only)
        try:
            outputs = _portal.call(lambda _caller: saving())  # noqa: B023  (called at once)
        except TarashException:
            continue  # the next folder; the caller tells that all failed where none is left

        return [output.place for output in outputs if isinstance(output.place, Path)]

    return []


def _unserved(response: Response) -> list[int]:
    """Return which results no URL serves."""
    media = media_of(response)
    return [index for index, medium in enumerate(media) if url_of(medium) is None]
