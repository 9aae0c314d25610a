"""`tarash video` and `tarash image`: plan, make, save, tell.

The gateway's public functions do the work; the order of the steps is all that is decided here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from .._records import Ledger
from ..api import (
    generate_image_async,
    generate_video_async,
    plan_image,
    plan_video,
    resume_async,
    submit_image_async,
    submit_video_async,
)
from ..exceptions import SaveError, TarashException
from ..models import GenerationPlan
from . import _interrupt as interrupt
from . import _report as report
from ._errors import CommandError, Exit, exit_code
from ._inputs import Config, Request, read
from ._ledger import MEMORY, command_for, opened
from ._options import Options
from ._progress import Progress
from ._save import Output, Response, check, rescue, save_all

STOPPING = "stopping; Ctrl-C again leaves at once"


@dataclass(slots=True)
class _Run:
    """What is known of a generation so far, whatever ends it."""

    options: Options
    config: Config
    request: Request
    progress: Progress
    response: Response | None = None
    saved: list[Output] = field(default_factory=list)


def generate(options: Options) -> int:
    """Carry out one command; return its exit code."""
    config, request = read(options)
    _check_output(options)

    plan = _plan(options, config, request)
    if options.dry_run:
        report.plan(plan, json=options.as_json)
        return Exit.DONE

    report.adjustments(plan.adjustments)
    if options.detach:
        return _detach(_Run(options, config, request, Progress(config)))

    return _make(_Run(options, config, request, Progress(config)))


def _check_output(options: Options) -> None:
    if options.output is not None:
        if options.detach:
            raise CommandError("--detach saves nothing: `tarash jobs wait` has an --output")

        check(options.output, options.n, force=options.force)


def _plan(options: Options, config: Config, request: Request) -> GenerationPlan:
    plan = cast("Any", plan_video if options.kind == "video" else plan_image)
    if not options.dry_run:
        # A fallback that can't take the request matters only when its turn comes.
        config = config.model_copy(update={"fallback_configs": ()})

    made: GenerationPlan = plan(config, request)
    return made


def _detach(run: _Run) -> int:
    """Submit, tell where the job is to be found, and leave."""
    options = run.options
    submit = cast("Any", submit_video_async if options.kind == "video" else submit_image_async)

    async def work() -> Any:
        return await submit(
            run.config,
            run.request,
            ledger=_ledger_of(run),
            idempotency_key=options.idempotency_key,
        )

    try:
        job = interrupt.run(work(), lambda: run.progress.note(STOPPING))
    except interrupt.Stopped as stopped:
        return _stopped(run, stopped.code)
    except TarashException as error:
        code = exit_code(error)
        report.failure(error, code, json=options.as_json)
        return code

    after = command_for("wait", job.request_id, options.ledger)
    report.detached(job, after or "tarash jobs wait", json=options.as_json)
    return Exit.DONE


def _ledger_of(run: _Run) -> Ledger:
    """Return the ledger; what the mock makes is not worth a file."""
    given = run.options.ledger
    return opened(MEMORY if run.options.mock and given is None else given)


def _make(run: _Run) -> int:
    options = run.options
    try:
        interrupt.run(_generate_and_save(run), lambda: run.progress.note(STOPPING))
    except interrupt.Stopped as stopped:
        return _stopped(run, stopped.code)
    except SaveError as error:
        if run.response is None:
            raise

        return _not_saved(run, error.message)
    except TarashException as error:
        code = exit_code(error)
        report.failure(error, code, json=options.as_json)
        return code

    response = cast("Response", run.response)
    ended = response.execution_metadata
    if ended is not None and ended.fallback_triggered:
        report.adjustments(response.adjustments)

    report.success(response, run.saved, json=options.as_json, again=_again(run, "fetch"))
    return Exit.DONE


async def _generate_and_save(run: _Run) -> None:
    make = cast(
        "Any", generate_video_async if run.options.kind == "video" else generate_image_async
    )
    async with run.progress:
        run.response = response = await make(
            run.config,
            run.request,
            run.progress.update,
            ledger=_ledger_of(run),
            idempotency_key=run.options.idempotency_key,
        )
        run.progress.note("saving", quiet=True)
        options = run.options
        await save_all(response, options.output, options.n, force=options.force, done=run.saved)


def _again(run: _Run, verb: str) -> str | None:
    """Return the command that goes on with the run's job, where the ledger knows it."""
    known = run.progress.last if run.response is None else run.response
    is_answer = run.response is not None and run.response.operation is None
    if known is None or is_answer or run.options.mock:
        return None

    place = run.options.output or "FILE"
    return command_for(verb, known.request_id, run.options.ledger, "-o", place)


def _not_saved(
    run: _Run, said: str, code: Exit = Exit.SAVING, kind: str = SaveError.__name__
) -> int:
    response = cast("Response", run.response)
    error = CommandError(said, code=code, kind=kind)
    report.unsaved(response, error, run.saved, rescue(response), json=run.options.as_json)
    return error.code


def _stopped(run: _Run, code: Exit) -> int:
    if run.response is not None:
        return _not_saved(run, "interrupted while saving", code, report.INTERRUPTED)

    last = run.progress.last
    said = last.error if last is not None and last.error else "Cancelled before anything was sent"
    facts = {"request_id": None if last is None else last.request_id, **_left(run)}
    error = CommandError(said, code=code, kind=report.INTERRUPTED, facts=facts)
    report.misused(error, json=run.options.as_json)
    return code


def _left(run: _Run) -> dict[str, Any]:
    """Return what a stopped run leaves behind, for programs."""
    last = run.progress.last
    if last is None:
        return {}

    async def look() -> dict[str, Any]:
        ledger = _ledger_of(run)
        try:
            job = await resume_async(last.request_id, ledger)
        except TarashException:
            return {}  # nothing was written down, since nothing was about to be sent

        record = await ledger.get(job.id)
        entry = record.entries[-1] if record is not None and record.entries else None
        told = {} if entry is None else {"submission": entry.submission, "outcome": entry.outcome}
        return {"job_id": job.id, "operation": job.operation, **told}

    return asyncio.run(look())
