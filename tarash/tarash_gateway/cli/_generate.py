"""`tarash video` and `tarash image`: plan, make, save, tell.

The gateway's public functions do the work; the order of the steps is all that is decided here.
"""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from .._jobs._delivery import saved_by
from .._jobs._restore_attempts import attempts_so_far
from .._support._warnings import UnknownModelWarning
from ..api import (
    plan_image,
    plan_video,
    resume_async,
)
from ..exceptions import SaveError, TarashException
from ..ledger._contract import Ledger
from ..models import GenerationPlan
from . import _interrupt as interrupt
from . import _report as report
from ._errors import CommandError, Exit, about, exit_code
from ._inputs import Config, Request, labels_of, prompt_of, read
from ._ledger import (
    MEMORY,
    REHEARSALS,
    command_for,
    is_chosen,
    is_rehearsal,
    opened,
    url_of,
    worker_for,
)
from ._options import Options
from ._places import PlaceNotKeptError, check_kept, wanted
from ._progress import Progress, names_of
from ._save import Output, Response, check, check_pipe, rescue, save_all
from ._traffic import calling, check_traffic
from ._words import error_text, in_options

STOPPING = "stopping; a second signal, such as Ctrl-C, leaves at once"


@dataclass(slots=True)
class _Run:
    """What is known of a generation so far, whatever ends it."""

    options: Options
    config: Config
    request: Request
    progress: Progress
    count: int
    """How many results are to be made."""
    response: Response | None = None
    saved: list[Output] = field(default_factory=list)
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))


def generate(options: Options) -> int:
    """Carry out one command; return its exit code."""
    about(options.provider, options.model)
    options = replace(options, prompt=prompt_of(options.prompt))
    config, request = read(options)
    about(config.provider, config.model)
    _check_leaving(options)
    check_traffic(options)
    plan = _plan(options, config, request)
    count = _count(options, plan)
    if options.output is not None:
        check_pipe(options.output, as_json=options.as_json, count=count)
        check(options.output, count, force=options.force)

    if options.dry_run:
        report.plan(plan, config, json=options.as_json)
        return Exit.DONE

    report.adjustments(plan.adjustments)
    run = _Run(options, config, request, Progress(names_of(config)), count)
    with warnings.catch_warnings():
        # What the plan says already.
        warnings.simplefilter("ignore", UnknownModelWarning)
        if options.enqueue:
            return _enqueue(run)

        return _detach(run) if options.detach else _make(run)


def _count(options: Options, plan: GenerationPlan) -> int:
    """Return how many results the first model will make of those that were asked for."""
    sent = {adjustment.field: adjustment.sent for adjustment in plan.adjustments}
    name = "number_of_videos" if options.kind == "video" else "n"
    made = sent.get(name, options.n)
    return made if isinstance(made, int) else 1


def _check_leaving(options: Options) -> None:
    """Check the options that leave before there is a result.

    Raises:
        CommandError: They contradict each other.
    """
    if options.detach and options.enqueue:
        raise CommandError(
            "--enqueue sends nothing, and --detach leaves when it is sent: give one of them"
        )

    if options.detach and options.mock:
        raise CommandError(
            "--detach: the mock writes nothing down, so no other command could find its job; "
            "leave out --detach or --mock"
        )

    if options.enqueue and options.key_file is not None:
        raise CommandError(
            "--key-file: keys are not written down, and who sends an enqueued job takes the one in "
            "its own environment; leave out --key-file or --enqueue"
        )

    if options.output is not None and (options.detach or options.enqueue):
        leaving = "--detach" if options.detach else "--enqueue"
        _check_place(options, options.output, leaving)

    if options.priority and not options.enqueue and options.in_flight is None:
        raise CommandError(
            "--priority is for --enqueue and --in-flight: everything else is sent at once"
        )


def _check_place(options: Options, place: str, leaving: str) -> None:
    """Check that a command which leaves before there is a result can hand on its place.

    Raises:
        CommandError: It can't, so that nobody would save anything there.
    """
    try:
        check_kept(place, options.ledger, make_key=not options.dry_run)
    except PlaceNotKeptError as reason:
        raise CommandError(
            f"{leaving} saves nothing itself, and {place!r} can't be written down with the job: "
            f"{reason}",
            "or leave out --output, and give it to `tarash jobs wait`",
        ) from None


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
    try:
        job = _handed_over(run, "submit", _ledger_of(run))
    except interrupt.Stopped as stopped:
        return _stopped(run, stopped)

    after = command_for("wait", job.request_id, options.ledger)
    report.detached(job, after or "tarash jobs wait", place=options.output, json=options.as_json)
    return Exit.DONE


def _enqueue(run: _Run) -> int:
    """Write the job down for whoever works the queue, tell its id, and leave."""
    options = run.options
    given = options.ledger
    if not is_chosen(given) and is_rehearsal(run.config):
        given = REHEARSALS

    if url_of(given) == MEMORY:
        raise CommandError(
            f"--enqueue: what is written down in {MEMORY} ends with this command; name another "
            "ledger"
        )

    try:
        job = _handed_over(run, "enqueue", opened(given), priority=options.priority)
    except interrupt.Stopped as stopped:
        return _stopped(run, stopped)

    after = command_for("wait", job.id, options.ledger) or ""
    place = options.output
    report.enqueued(job, worker_for(given), after, place=place, json=options.as_json)
    return Exit.DONE


def _handed_over(run: _Run, verb: str, ledger: Ledger, **more: Any) -> Any:
    """Return the job that was written down for others to go on with.

    Raises:
        Stopped: A signal came before.
    """
    options = run.options

    async def work() -> Any:
        async with calling(options, verb, wanted(options.output)) as begin:
            return await begin(
                run.config,
                run.request,
                ledger=ledger,
                idempotency_key=options.idempotency_key,
                labels=labels_of(options),
                **more,
            )

    return interrupt.run(work(), lambda: run.progress.note(STOPPING))


def _ledger_of(run: _Run) -> Ledger:
    """Return the ledger; what the mock makes is not worth a file."""
    given = run.options.ledger
    if not is_chosen(given) and is_rehearsal(run.config):
        given = MEMORY if run.options.mock else REHEARSALS

    return opened(MEMORY if run.options.mock and given is None else given)


def _make(run: _Run) -> int:
    options = run.options
    try:
        interrupt.run(_generate_and_save(run), lambda: run.progress.note(STOPPING))
    except interrupt.Stopped as stopped:
        return _stopped(run, stopped)
    except TarashException as error:
        if run.response is not None:
            return _not_saved(run, error_text(error))

        code = exit_code(error)
        report.failure(error, code, json=options.as_json)
        # Before a job there is nothing to go on with, and nothing to look for.
        report.offer(_left(run, error.request_id, "").after if error.operation else None)
        return code

    response = cast("Response", run.response)
    ended = response.execution_metadata
    if ended is not None and ended.fallback_triggered:
        report.adjustments(response.adjustments)

    again = _fetching(run)
    report.success(response, run.saved, json=options.as_json, again=again, begun=run.begun)
    return Exit.DONE


async def _generate_and_save(run: _Run) -> None:
    options = run.options

    async def save(response: Response) -> None:
        run.response = response
        run.progress.note("saving", quiet=True)
        await save_all(response, options.output, run.count, force=options.force, done=run.saved)

    ends_here = options.mock or url_of(options.ledger) == MEMORY
    place = None if ends_here else wanted(options.output)
    async with run.progress, calling(options, "generate", place) as make:
        with saved_by(save):  # the job ends when its files are there
            response = await make(
                run.config,
                run.request,
                run.progress.update,
                ledger=_ledger_of(run),
                idempotency_key=options.idempotency_key,
                labels=labels_of(options),
            )

        if run.response is None:  # of a job that has ended before, or that another process drives
            await save(response)


def _command(run: _Run, verb: str, job_id: str) -> str | None:
    """Return the command that goes on with the run's job, where the ledger knows it."""
    if run.options.mock:
        return None

    # What could not be saved there is better saved elsewhere.
    place = run.options.output if verb == "wait" else None
    return command_for(verb, job_id, run.options.ledger, "-o", place or "FILE")


def _fetching(run: _Run) -> str | None:
    """Return the command that gets the result once more, where there is a job to ask about."""
    response = cast("Response", run.response)
    is_answer = response.operation is None
    return None if is_answer else _command(run, "fetch", response.request_id)


def _not_saved(
    run: _Run, message: str, code: Exit = Exit.SAVING, kind: str = SaveError.__name__
) -> int:
    response = cast("Response", run.response)
    error = CommandError(message, code=code, kind=kind)
    report.unsaved(response, error, run.saved, rescue(response), json=run.options.as_json)
    report.offer(_fetching(run), what="get it again")
    return error.code


def _stopped(run: _Run, stopped: interrupt.Stopped) -> int:
    if run.response is not None:
        return _not_saved(run, "interrupted while saving", stopped.code, report.INTERRUPTED)

    last = run.progress.last
    message = (
        stopped.cancellation_note or (last and last.error) or "Cancelled before anything was sent"
    )
    request_id = None if last is None else last.request_id
    left = _left(run, request_id, in_options(message))
    error = CommandError(
        in_options(message),
        code=stopped.code,
        kind=report.INTERRUPTED,
        facts={"request_id": request_id, **left.facts},
    )
    report.misused(error, json=run.options.as_json)
    report.offer(left.after)
    return stopped.code


class Interrupted(TarashException):
    """A signal ended the command, and with it the attempt that was under way."""


@dataclass(frozen=True, slots=True)
class _Left:
    """What a run without a result leaves behind."""

    facts: dict[str, Any] = field(default_factory=dict)
    """For programs."""
    after: str | None = None
    """The command that waits for the job, where it may still run."""


def _left(run: _Run, request_id: str | None, reason: str) -> _Left:
    async def read_left(known: str) -> _Left:
        ledger = _ledger_of(run)
        try:
            job = await resume_async(known, ledger)
            record = await ledger.get(job.id)
        except TarashException:
            return _Left()  # nothing was written down, since nothing was about to be sent

        done = attempts_so_far(job, Interrupted(reason))
        about: dict[str, Any] = {
            "job_id": job.id,
            "operation": job.operation,
            "attempts": [attempt.model_dump(mode="json") for attempt in done],
        }
        if record is not None and record.entries:
            entry = record.entries[-1]
            about |= {"submission": entry.submission, "outcome": entry.outcome}

        owed = record is not None and record.state == "open" and job.operation is not None
        return _Left(about, _command(run, "wait", job.request_id) if owed else None)

    return _Left() if request_id is None else asyncio.run(read_left(request_id))
