"""Where the command line writes its jobs: in the user's own data folder, unless another is set.

A rehearsal speaks to this machine only. Such jobs stand in a ledger of their own, so that none is
left beside paid ones when the simulator is gone.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shlex
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .._http._key_lookup import base_url_variable
from ..ledger import MemoryLedger, open_ledger
from ..ledger._contract import JobRecord, Ledger
from ..ledger._paths import is_missing
from ..ledger.postgres import without_password
from ..models import ImageGenerationConfig, VideoGenerationConfig
from ..providers._registry import default_registry, shipped
from ._errors import CommandError

Result = TypeVar("Result")
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


def run_on(ledger: Ledger, work: Callable[[Ledger], Awaitable[Result]]) -> Result:
    """Do something with a ledger, and close it."""

    async def run() -> Result:
        try:
            return await work(ledger)
        finally:
            await ledger.aclose()

    return asyncio.run(run())


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


def is_local(url: str | None) -> bool:
    """Tell whether a URL leads to this machine."""
    host = urlsplit(url or "").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_rehearsal(config: VideoGenerationConfig | ImageGenerationConfig) -> bool:
    """Tell whether every config of a chain speaks to this machine only."""
    return all(_is_local(link) for link in (config, *config.fallback_configs))


def is_rehearsing() -> bool:
    """Tell whether the environment leads a provider to this machine."""
    # To load all providers takes long, and seldom does any variable lead here.
    here = {name for name, value in os.environ.items() if is_local(value)}
    return bool(here) and any(not here.isdisjoint(_variables(row)) for row in shipped())


def was_rehearsal(record: JobRecord) -> bool:
    """Tell whether a job that was written down led to this machine, as far as it shows."""
    urls = [link.get("base_url") for link in record.chain]
    for entry in record.entries:
        if entry.operation is not None:
            urls += _strings(entry.operation.to_json())

    return any(is_local(url) for url in urls if url is not None)


def _is_local(config: VideoGenerationConfig | ImageGenerationConfig) -> bool:
    if config.mock is not None and config.mock.enabled:
        return True

    names = _variables(config.provider) if config.provider in shipped() else ()
    given = (config.base_url, *map(os.environ.get, names))
    return is_local(next(filter(None, given), None))


def _variables(provider: str) -> tuple[str, ...]:
    adapter = default_registry.adapter(provider, need_extra=False)
    own = adapter.base_url_variable
    return (base_url_variable(adapter.name), *([own] if own else []))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
