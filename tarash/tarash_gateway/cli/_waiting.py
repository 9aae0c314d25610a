"""`tarash jobs wait`, `fetch` and `resume`: goes on with jobs, and saves what they made.

Leaving stops no job: only `tarash jobs cancel` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from anyio import to_thread

from .._jobs._delivery import saved_by
from .._jobs._handles import VideoJob
from ..api import resume_all_async
from ..exceptions import TarashException
from ..ledger._contract import JobRecord
from . import _interrupt as interrupt
from . import _report as report
from . import _terminal as terminal
from ._errors import CommandError, Exit, exit_code
from ._find import Handle, handle_of, known_record
from ._jobs import print_rehearsed, rehearsed_elsewhere
from ._ledger import all_of, command_for, url_of
from ._places import place_of, why_unused
from ._progress import Progress
from ._save import OWN_NAME, STANDARD_OUTPUT, Output, Response, check, check_pipe, rescue, save_all
from ._words import error_text

PAGE = 100
"""Unfinished jobs that are read at once."""
AT_ONCE = 1000
"""Jobs that are waited for at a time."""
LEAVING = "leaving; what runs at a provider goes on there"


@dataclass(slots=True)
class _Waiting:
    """What became of the jobs that one command waits for."""

    ledger: str | None
    output: str | None
    force: bool
    as_json: bool
    most: int | None = None
    """Bytes that a result may have; None for what the jobs' configs say."""
    handles: list[Handle] = field(default_factory=list)
    """The one job, where it is one."""
    several: bool = False
    resumed: int = 0
    """Of several: how many so far."""
    made: bool = False
    """Whether there is a result, and saving it is all that is left."""
    worst: Exit = Exit.DONE
    told: list[Any] = field(default_factory=list)
    """The documents of several jobs, so far."""

    def command(self, verb: str, job_id: str, *, knows_place: bool = False) -> str | None:
        """Return the command that goes on with a job, where another can know it.

        Args:
            verb: `wait` or `fetch`.
            job_id: The job's.
            knows_place: Whether it is written down with the job where its result is to go.
        """
        # What could not be saved there is better saved elsewhere.
        place = self.output if verb == "wait" else None
        more = [] if verb == "wait" and place is None and knows_place else ["-o", place or "FILE"]
        return command_for(verb, job_id, self.ledger, *more)


def wait(  # noqa: PLR0913  (the options of the command)
    job_id: str,
    ledger: str | None,
    output: str | None,
    *,
    force: bool,
    as_json: bool,
    most: int | None = None,
) -> int:
    """Wait for one job, and save what it made."""
    check_pipe(output, as_json=as_json)
    waiting = _Waiting(ledger, output, force, as_json, most)

    async def work() -> None:
        handle = await handle_of(job_id, ledger, most)
        if output is not None and isinstance(handle, VideoJob):  # images may be several files
            check(output, 1, force=force)

        waiting.handles = [handle]
        await _finish(handle, waiting)

    _run(work(), waiting)
    return waiting.worst


def fetch(  # noqa: PLR0913  (the options of the command)
    job_id: str,
    ledger: str | None,
    output: str | None,
    *,
    force: bool,
    as_json: bool,
    most: int | None = None,
) -> int:
    """Get the result of a job that has ended."""
    check_pipe(output, as_json=as_json)
    waiting = _Waiting(ledger, output, force, as_json, most)

    async def work() -> None:
        handle = await handle_of(job_id, ledger, most)
        waiting.handles = [handle]
        status = await handle.status_async()
        if status.status not in ("completed", "failed"):
            after = waiting.command("wait", job_id)
            raise CommandError(
                f"the job is {status.status}" + (f"; `{after}` waits for it" if after else ""),
                code=Exit.RUNNING,
                kind="JobRunning",
                facts=_facts(handle),
            )

        await _finish(handle, waiting)

    _run(work(), waiting)
    return waiting.worst


def resume(
    ledger: str | None, output: str | None, *, as_json: bool, most: int | None = None
) -> int:
    """Wait for every unfinished job that nobody drives, and save what they made into a folder."""
    if output == STANDARD_OUTPUT:
        raise CommandError("--output: standard output takes one result; several jobs need a folder")

    if output is not None and Path(output).exists() and not Path(output).is_dir():
        raise CommandError(f"--output: {output!r} is no folder; several jobs need one")

    place = None if output is None else f"{output.rstrip('/')}/{OWN_NAME}"
    waiting = _Waiting(ledger, place, force=False, as_json=as_json, most=most, several=True)

    with terminal.together() as waiting.told:
        _run(_resume(waiting), waiting)

    if as_json:
        terminal.document({"jobs": waiting.told})

    if not waiting.resumed:
        terminal.hint(
            f"no unfinished jobs in {url_of(ledger)}; those that have completed are in "
            "`tarash jobs ls --all`, and `tarash jobs fetch ID -o FILE` gets one again"
        )

        print_rehearsed(asyncio.run(rehearsed_elsewhere(ledger)), "resume")

    return waiting.worst


async def _resume(waiting: _Waiting) -> None:
    """Wait for jobs while further ones are read, page by page: for so many at a time."""
    room = asyncio.Semaphore(AT_ONCE)
    under_way: set[asyncio.Task[None]] = set()

    async def finish(job: Handle) -> None:
        try:
            await _finish(job, waiting)
        finally:
            room.release()

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            under_way.discard(task)

    async for job in _unfinished(waiting):
        waiting.resumed += 1
        terminal.print_line(f"{job.request_id}: {job.provider} {job.model}")
        await room.acquire()
        task = asyncio.create_task(finish(job))
        under_way.add(task)
        task.add_done_callback(done)

    await asyncio.gather(*under_way)


async def _unfinished(waiting: _Waiting) -> AsyncIterator[Handle]:
    for ledger in all_of(waiting.ledger):
        after = None
        while page := await resume_all_async(
            ledger, max_media_bytes=waiting.most, limit=PAGE, after=after
        ):
            for job in page:
                yield job

            after = page[-1].id


async def _finish(handle: Handle, waiting: _Waiting) -> None:
    saved: list[Output] = []
    response: Response | None = None
    record = await _record_of(handle, waiting)
    wanted = None
    if waiting.output is None:
        wanted, reason = place_of(record), why_unused(record)
        if reason is not None:
            terminal.hint(f"{handle.request_id}: {reason}; `-o PLACE` says where to save it here")

    chain = _chain_of(handle, record, waiting)
    progress = Progress(chain, known=handle.request_id, reminds=not waiting.several)

    async def save(made: Response) -> None:
        nonlocal response
        response, waiting.made = made, True
        progress.note("saving", quiet=True)
        place, force, numbers = waiting.output or wanted, waiting.force, wanted is not None
        await save_all(made, place, 1, force=force, done=saved, numbers=numbers)

    try:
        async with progress:
            with saved_by(save):  # the job ends when its files are there
                result: Response = await cast("Any", handle).wait_async(progress.update)

            if response is None:  # of a job that has ended before, or that another process drives
                await save(result)
    except TarashException as error:
        code = exit_code(error)
        if response is None:
            record = await _record_of(handle, waiting)
            if record is not None and record.state == "cancelled":
                waiting.worst = waiting.worst or Exit.CANCELLED
                report.cancelled(error, Exit.CANCELLED, json=waiting.as_json)
                return

            waiting.worst = waiting.worst or code
            report.failure(error, code, json=waiting.as_json)
            report.offer(_after(handle, record, waiting))
            return

        waiting.worst = waiting.worst or code

        failure = CommandError(error_text(error), code=code, kind=type(error).__name__)
        rescued = await to_thread.run_sync(rescue, response)
        report.unsaved(response, failure, saved, rescued, json=waiting.as_json)
        report.offer(_fetching(response, waiting), what="get it again")
        return

    again = _fetching(result, waiting)
    report.success(result, saved, json=waiting.as_json, again=again)


def _fetching(response: Response, waiting: _Waiting) -> str | None:
    """Return the command that gets a result once more, where there is a job to ask about."""
    is_answer = response.operation is None
    return None if is_answer else waiting.command("fetch", response.request_id)


async def _record_of(handle: Handle, waiting: _Waiting) -> JobRecord | None:
    known = await known_record(handle.id, waiting.ledger)
    return None if known is None else known[1]


def _after(handle: Handle, record: JobRecord | None, waiting: _Waiting) -> str | None:
    """Return the command that waits again, after an error that leaves the job running."""
    if record is None or record.state != "open" or handle.operation is None:
        return None

    knows_place = place_of(record) is not None
    return waiting.command("wait", handle.request_id, knows_place=knows_place)


def _chain_of(handle: Handle, record: JobRecord | None, waiting: _Waiting) -> list[str]:
    """Return what each attempt of a job is called."""
    chain = [] if record is None else record.chain
    names = [f"{link.get('provider')} {link.get('model')}" for link in chain]
    names = names or [f"{handle.provider} {handle.model}"]
    return [f"{handle.request_id} {name}" for name in names] if waiting.several else names


def _run(work: Coroutine[Any, Any, None], waiting: _Waiting) -> None:
    try:
        interrupt.run(work, lambda: terminal.print_line(LEAVING))
    except interrupt.Stopped as stopped:
        raise _left(waiting, stopped.code) from None


def _left(waiting: _Waiting, code: Exit) -> CommandError:
    """Return what there is to say where Ctrl-C ended the wait, and no job."""
    message = "Left before anything was asked"
    about: dict[str, Any] = {}
    if waiting.several:
        message = "The jobs go on; `tarash jobs resume` goes on with the unfinished ones"
        about = {"jobs": waiting.told}
    elif waiting.handles:
        (handle,) = waiting.handles
        about = _facts(handle)
        done = "is done, and not saved" if waiting.made else "goes on at its provider"
        after = waiting.command("fetch" if waiting.made else "wait", handle.request_id)
        does = "gets its result" if waiting.made else "waits for it"
        message = f"The job {handle.request_id} {done}" + (f"; `{after}` {does}" if after else "")

    return CommandError(message, code=code, kind=report.INTERRUPTED, facts=about)


def _facts(handle: Handle) -> dict[str, Any]:
    return {
        "job_id": handle.id,
        "request_id": handle.request_id,
        "provider": handle.provider,
        "model": handle.model,
        "operation": handle.operation,
    }
