"""Saves a response's media, wherever they are and wherever they are to go.

Each result is streamed to a file under a temporary name, checked, and then published; one that
fails loses none of the others, and is still in the response.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from .._data._made_by import Makers, config_of, maker_of, makers_of, usual_makers
from .._data._template import MOST_BYTES, MOST_SECONDS, Template, numbered
from .._http._backend import check_loop
from .._support._warnings import warn
from ..exceptions import ValidationError
from ._atomic_file import AtomicFile
from ._fetch_policy import Failed, FetchPolicy, Gone, Refused
from ._formats import HEAD_BYTES, extension, misnamed, type_of
from ._local_media import LocalMedia, NoMedium, locate
from ._stores import Exists, Store, Unreachable
from ._unsaved import unsaved
from ._url_refresher import NotRenewed, UrlRefresher, media_of

if TYPE_CHECKING:
    from .._data._exchange import Config, Response
    from .._data._types import MediaType, OnExists
    from ._download import Download

AT_ONCE = 4
"""Results of one response that are fetched at the same time."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
TAKEN = (FileExistsError, IsADirectoryError)


@dataclass(frozen=True, slots=True)
class Saved:
    """One result that was saved."""

    place: Path | str
    """A path, or the address in an object store."""
    size: int
    content_type: str | None


@dataclass(slots=True)
class _Plan:
    """What all results of one save have in common."""

    response: Response
    template: Template
    facts: Mapping[str, object]
    overwrite: bool
    numbers: bool
    """Whether a name that is taken gets a number."""
    reach: FetchPolicy
    renewal: UrlRefresher
    done: dict[int, Saved]
    max_bytes: int
    failures: dict[int, str] = field(default_factory=dict)
    causes: list[BaseException] = field(default_factory=list)
    limit: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(AT_ONCE))


async def save(  # noqa: PLR0913  (what a save is made of, each by name)
    response: Response,
    to: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    on_exists: OnExists = "fail",
    config: Config | None = None,
    only: Sequence[int] | None = None,
    done: dict[int, Saved] | None = None,
    max_bytes: int = MOST_BYTES,
    timeout: float = MOST_SECONDS,  # noqa: ASYNC109  (tells what is saved)
) -> list[Saved]:
    """Save all results of a response.

    Args:
        response: What was made.
        to: Where to: a template.
        overwrite: Whether files and objects may be replaced.
        on_exists: Whether a name that is taken fails, or gets a number.
        config: Whose key asks for fresh URLs; by default the one that made the response.
        only: Which results, from 0; None for all.
        done: Takes in each result as it is saved.
        max_bytes: What one result may have.
        timeout: Seconds for all of it.

    Raises:
        ValidationError: Nothing can be saved there.
        SaveError: A result could not be saved; tells which were.
    """
    check_loop()
    media = media_of(response)
    if on_exists not in {"fail", "number"}:
        raise ValidationError(f"on_exists is 'fail' or 'number', not {on_exists!r}")

    indexes = range(len(media)) if only is None else only
    config = config_of(response) if config is None else config
    plan = _Plan(
        response=response,
        template=await _template(to, len(indexes)),
        facts=_facts(response),
        overwrite=overwrite,
        numbers=on_exists == "number" and not overwrite,
        reach=reach_of(config, makers_of(response)),
        renewal=UrlRefresher(response, config),
        done={} if done is None else done,
        max_bytes=max_bytes,
    )
    with anyio.move_on_after(timeout) as scope:
        async with anyio.create_task_group() as group:
            for number, index in enumerate(indexes, 1):
                group.start_soon(_save_one, plan, index, number, _place(plan, index, media[index]))

    if scope.cancelled_caught:
        late = [index for index in indexes if index not in {**plan.done, **plan.failures}]
        plan.failures |= dict.fromkeys(late, f"it took more than {timeout:g} s; raise timeout=")

    _warn_of_names(plan.done)
    if plan.failures:
        raise unsaved(plan, len(indexes))
    return [plan.done[index] for index in indexes]


def _warn_of_names(saved: Mapping[int, Saved]) -> None:
    for result in saved.values():
        odd = misnamed(result.place, result.content_type)
        if odd is not None:
            warn(odd)


async def _template(to: str | os.PathLike[str], count: int) -> Template:
    try:
        template = Template.parse(to)
        template.check_installed()
        template.check_home()
    except ValueError as error:
        raise ValidationError(str(error)) from error

    folder = await to_thread.run_sync(is_folder, template)
    return (template.within() if folder else template).numbered(count)


def is_folder(template: Template) -> bool:
    """Tell whether a place is a folder: by its text, or by what is there."""
    if template.names_a_folder or template.literal is None:
        return template.names_a_folder

    return os.path.isdir(template.literal)  # noqa: PTH112  (a Path raises where it can't look)


def reach_of(config: Config | None, makers: Makers | None = None) -> FetchPolicy:
    """Return where downloads may go for a config; without one, anywhere."""
    if config is None or config.allow_private_urls:
        return FetchPolicy()

    # The environment may name a host of the user's own too.
    named = (makers or usual_makers()).base_url(config)
    return FetchPolicy(private=False, trusted=tuple(filter(None, (config.base_url, named))))


def names_files(response: Response) -> bool:
    """Tell whether what a response holds may be the path of a file: none of a real provider's."""
    provider = maker_of(response)[0] or ""
    return response.is_mock or not makers_of(response).has_row(provider)


def _place(plan: _Plan, index: int, media: MediaType) -> str | LocalMedia | None:
    try:
        return locate(media, paths=names_files(plan.response))
    except NoMedium as error:
        plan.failures[index] = str(error)
        return None


def _facts(response: Response) -> Mapping[str, object]:
    provider, model = maker_of(response)
    return {
        "provider": provider or "unknown",
        "model": model or "unknown",
        "request_id": response.request_id,
    }


async def _save_one(plan: _Plan, index: int, number: int, source: str | LocalMedia | None) -> None:
    if source is None:
        return

    writing = _Writing(plan, number, source)
    try:
        async with plan.limit:
            if isinstance(source, LocalMedia):
                await writing.take(source)
            else:
                await _fetch(plan, index, source, writing)

            plan.done[index] = await writing.publish()
    except (Failed, Refused, NoMedium, Exists, Unreachable, NotRenewed, ValidationError) as error:
        plan.failures[index] = writing.exists() if isinstance(error, Exists) else str(error)
        _keep(plan, None if isinstance(error, Exists) else error.__cause__)
    except OSError as error:
        plan.failures[index] = _said(error, writing)
        _keep(plan, None if isinstance(error, TAKEN) else error)
    except Exception as error:  # noqa: BLE001  (a paid result; the others are to be saved too)
        plan.failures[index] = f"unforeseen {type(error).__name__}: {error}"
        _keep(plan, error)
    finally:
        await writing.discard()


def _keep(plan: _Plan, cause: BaseException | None) -> None:
    """Keep what says more than the error itself; our own sentences are in its text already."""
    if cause is not None:
        plan.causes.append(cause)


async def _fetch(plan: _Plan, index: int, url: str, writing: _Writing) -> None:
    from ._download import Download

    async with plan.reach.open() as web:
        await _download(plan, index, Download(web, url, writing), url, writing)


async def _download(
    plan: _Plan, index: int, download: Download, url: str, writing: _Writing
) -> None:
    from ._download import appeared

    try:
        await download.run()
    except Gone as gone:
        try:
            fresh = locate(await plan.renewal.media(index), paths=False)
        except NotRenewed as error:
            raise Failed(f"{gone}{_expiry(plan.response)}; {error}") from error

        if isinstance(fresh, LocalMedia):
            await writing.take(fresh)
            return

        download.move_to(fresh)
        try:
            await appeared(download, gone)
        except Gone as again:
            other = "and the provider has no other" if fresh == url else "and so does a fresh one"
            raise Failed(f"{again}{_expiry(plan.response)}, {other}") from again


def _expiry(response: Response) -> str:
    at = response.provider_metadata.get("expires_at")
    return f" (it was to work until {at})" if at else ""


class _Writing:
    """One result on its way to its place: a sink for downloads."""

    def __init__(self, plan: _Plan, number: int, source: str | LocalMedia) -> None:
        self._plan = plan
        self._facts = {**plan.facts, "index": number}
        self._name = _name_of(source)
        self._part: AtomicFile | None = None
        self._content_type: str | None = None
        self._size = 0
        self.place: Path | str = plan.template.text

    async def begin(self, head: bytes, declared: str | None) -> None:
        """Decide on the name by the first bytes, and open the file; or begin it anew."""
        self._size = 0
        if self._part is not None:
            await self._part.restart()
            return

        template = self._plan.template
        self._content_type = type_of(head, declared or self._plan.response.content_type, self._name)
        filled = template.fill(self._facts, extension(self._content_type))
        if template.is_local:
            self.place = target = template.path(filled)
            self._part = await to_thread.run_sync(self._open, target)
            return

        self.place = filled
        if not self._plan.overwrite:
            await self._names(self._check_free)

        make = partial(AtomicFile, Path(tempfile.gettempdir()), "tarash-gateway", private=True)
        self._part = await to_thread.run_sync(make)

    def _open(self, target: Path) -> AtomicFile:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder of this name is there", str(target))

        if not (self._plan.overwrite or self._plan.numbers) and os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "it exists", str(target))

        return AtomicFile(target.parent, target.name)

    async def write(self, block: bytes) -> None:
        """Take the next bytes."""
        self._size += len(block)
        if self._size > self._plan.max_bytes:
            raise Failed(f"it has more than {self._plan.max_bytes} bytes; raise max_bytes=")

        if self._part is not None:
            await self._part.write(block)

    async def take(self, medium: LocalMedia) -> None:
        """Write what is here already."""
        blocks = medium.blocks()
        first = await to_thread.run_sync(next, blocks, b"")
        if not first:
            raise NoMedium("it is empty")

        await self.begin(first[:HEAD_BYTES], medium.content_type)
        if self._part is not None:
            await self._part.write_all(chain((first,), blocks))

    async def publish(self) -> Saved:
        """Give the complete file its name, or upload it."""
        if self._part is None:
            raise Failed("nothing came")

        size = await self._part.complete()
        await self._names(partial(self._put, self._part, size))
        return Saved(self.place, size, self._content_type)

    async def _put(self, part: AtomicFile, size: int) -> None:
        overwrite = self._plan.overwrite
        if isinstance(self.place, Path):
            await to_thread.run_sync(partial(part.publish, self.place, overwrite=overwrite))
        else:
            await Store(self.place).put(part.path, size, overwrite=overwrite)

    async def _check_free(self) -> None:
        await Store(str(self.place)).check_free()

    async def _names(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it with the name, or with the first number at it that is not taken, where asked."""
        first = self.place
        for number in count(2):
            try:
                await work()
            except (FileExistsError, Exists):
                if not self._plan.numbers:
                    raise

                self.place = numbered(first, number)
                continue

            return

    async def discard(self) -> None:
        """Remove what was begun and not published."""
        if self._part is not None:
            await self._part.discard()

    def exists(self) -> str:
        """Say that there is another, and what to do."""
        return f"{str(self.place)!r} exists: choose another name, or pass overwrite=True"


def _name_of(source: str | LocalMedia) -> str:
    """Return what may tell the type by its ending."""
    if isinstance(source, str):
        return source

    return source.media.name if isinstance(source.media, Path) else ""


def _said(error: OSError, writing: _Writing) -> str:
    if isinstance(error, FileExistsError):
        return writing.exists()

    advice = ""
    if error.errno in NO_ROOM:
        advice = ": make room, or save elsewhere"
    elif error.errno in NOT_ALLOWED:
        advice = ": choose a folder that you may write to"

    return f"{str(writing.place)!r} can't be written ({error.strerror or error}){advice}"
