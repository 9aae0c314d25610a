"""Says what came of a generation: on standard output where the media are, the rest beside it.

With --json, standard output gets one document instead. Only tells; decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.json import JSON

from .._data._money import dollars, is_within, written
from .._jobs._handles import ImageJob, VideoJob
from ..exceptions import StorageError, TarashException
from ..models import Adjustment, AttemptMetadata, ExecutionMetadata, GenerationPlan, MediaInfo
from ..progress._row import adjusted as in_words
from ..progress._row import changes, shown
from . import _streams as streams
from . import _terminal as terminal
from ._errors import CommandError, Exit, as_json, document
from ._inputs import Config
from ._save import Output, Response, drop, is_kept, media_of, url_of
from ._words import adapted_option, error_text, in_options

INTERRUPTED = "Interrupted"


def adjustments(changed: Sequence[Adjustment]) -> None:
    """Say which requested values were changed."""
    for adjustment in changed:
        terminal.print_line(adjusted(adjustment), label=label(adjustment), style="yellow")


def adjusted(adjustment: Adjustment) -> str:
    """Return one adjustment as a sentence."""
    name, reason = adapted_option(adjustment.field), in_options(adjustment.reason)
    if changes(adjustment):
        return in_words(adjustment, name, reason)

    value = shown(adjustment.requested)
    what = name if name.endswith(f" {value}") else f"{name} {value}"
    return f"{what} is sent as it is: {reason}"


def label(adjustment: Adjustment) -> str:
    """Return what an adjustment is headed by."""
    return "adjusted" if changes(adjustment) else "note"


# ----------------------------------------------------------------------------------------- plans
def plan(made: GenerationPlan, config: Config, *, json: bool) -> None:
    """Show what would be sent, and what would not, since it may cost more than the config says."""
    if json:
        terminal.document(made.model_dump(mode="json"))
        return

    limit = dollars(config.max_cost)
    for number, link in enumerate((made, *made.fallbacks)):
        if number:
            terminal.result("")

        table = terminal.facts_table()
        table.add_row("provider", link.provider)
        table.add_row("model", link.model)
        table.add_row("request", f"{link.method} {link.endpoint}")
        table.add_row(
            "payload", JSON.from_data(link.payload, ensure_ascii=terminal.hides(link.payload))
        )
        for adjustment in link.adjustments:
            table.add_row(label(adjustment), adjusted(adjustment))

        for warning in link.warnings:
            table.add_row("warning", warning)

        table.add_row("cost", str(link.quote))
        for reason in link.quote.unknown:
            table.add_row("unknown", in_options(reason))

        is_sent = is_within(link.quote, limit, allow_unpriced=config.allow_unpriced)
        if limit is not None and not is_sent:
            table.add_row("refused", f"--max-cost is {written(limit, 'USD')}, so it is not sent")

        terminal.show(table)


# --------------------------------------------------------------------------------------- success
def success(
    response: Response,
    saved: Sequence[Output],
    *,
    json: bool,
    again: str | None = None,
    begun: datetime | None = None,
) -> None:
    """Say where the media are, and what they are.

    Args:
        response: What was made.
        saved: What was saved of it.
        json: Whether to write a document.
        again: The command that gets the result again, where there is one.
        begun: When the command began that may have bought it; None for one that buys nothing.
    """
    _attempts(response.execution_metadata)
    for output in saved:
        where = "standard output" if output.piped else output.saved.place
        terminal.hint(f"{where}: {_properties(response, output)}")

    if not saved:
        terminal.hint(_properties(response, None))
        if again is not None and not response.saved:
            terminal.hint(f"not saved, and URLs expire: `{again}` saves it")

    terminal.hint(_bill(response, begun))
    places = _places(response, saved)
    where = f"the result of request {response.request_id} is at {', '.join(places)}"
    streams.found(where if saved or again is None else f"{where} (once more: `{again}`)")
    if json:
        terminal.document(_as_json(response, saved))
        return

    if any(output.piped for output in saved):
        _pour(saved)
        return

    for place in places:
        terminal.result(place)


def _pour(saved: Sequence[Output]) -> None:
    """Write the first result to standard output; what it does not take stays where it is."""
    for output in saved:
        if output.piped and isinstance(output.saved.place, Path):
            streams.pour(output.saved.place)
            if streams.lost() is None:
                drop(output)


def _places(response: Response, saved: Sequence[Output]) -> list[str]:
    """Return where the media are: files, also those of the job's own `save_to`, else URLs."""
    if saved:
        return [str(output.saved.place) for output in saved]

    if is_kept(response):
        return [str(place) for place in response.saved]

    return [url for media in media_of(response) if (url := url_of(media)) is not None]


def _as_json(response: Response, saved: Sequence[Output]) -> dict[str, Any]:
    dumped = response.model_dump(mode="json")
    for name in ("video", "videos", "images"):
        if saved and name in dumped:
            dumped[name] = _without_bytes(dumped[name])

    places = [str(output.saved.place) for output in saved]
    places = places or dumped["saved"]  # by the job's own `save_to`
    return {**dumped, "saved": places, "files": [_file(output) for output in saved]}


def _file(output: Output) -> dict[str, Any]:
    """Return what is known of one saved result: what it is stands beside where it is."""
    saved, info = output.saved, output.info
    about = {} if info is None else info.model_dump(exclude={"size", "content_type"})
    where = {"path": str(saved.place), "bytes": saved.size, "content_type": saved.content_type}
    return {**where, **about}


def _without_bytes(media: Any) -> Any:
    """Return media as they are where a URL serves them; bytes are in the files."""
    if isinstance(media, list):
        return [_without_bytes(medium) for medium in media]

    if isinstance(media, dict):
        return {"content_type": media["content_type"]}

    return media if url_of(media) else None


def _properties(response: Response, output: Output | None) -> str:
    parts = [response.content_type]
    if output is not None:
        parts = [output.saved.content_type, terminal.size(output.saved.size)]

    info = None if output is None else output.info
    if info is None:
        seconds = getattr(response, "duration", None)
        parts += [_seconds(seconds), getattr(response, "resolution", None)]
    else:
        parts += [f"{info.width}x{info.height}" if info.width else None, _seconds(info.duration)]
        parts += [f"{info.fps:.4g} fps" if info.fps else None, info.codec, _sound(info)]
        parts.append("breaks off early" if info.truncated else None)

    parts.append("made by the mock" if response.is_mock else None)
    return ", ".join(str(fact) for fact in parts if fact) or "nothing more is known of it"


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:g} s"


def _sound(info: MediaInfo) -> str | None:
    """Return what there is to say of a video's sound."""
    if info.has_audio:
        return f"sound: {info.audio_codec}" if info.audio_codec else "with sound"

    return None if info.duration is None else "no sound"


def _bill(response: Response, begun: datetime | None) -> str:
    ended = response.execution_metadata
    if (
        ended is not None
        and begun is not None
        and all(a.started_at < begun for a in ended.attempts)
    ):
        return (
            f"request {response.request_id}, bought before under this idempotency key: nothing was "
            "bought now"
        )

    made = None if ended is None else ended.attempts[-1]
    parts = [f"{made.provider} {made.model}" if made else None, f"request {response.request_id}"]
    parts.append(terminal.duration(ended.total_elapsed_seconds) if ended else None)
    if made is not None and not response.is_mock:
        units = response.provider_metadata.get("billable_units")
        parts.append(
            f"billed: {made.billing}" + (f" (billable units: {shown(units)})" if units else "")
        )

    return ", ".join(fact for fact in parts if fact)


def _attempts(ended: ExecutionMetadata | None) -> None:
    """Say what became of the attempts before the last one."""
    if ended is not None and ended.fallback_triggered:
        for attempt in ended.attempts:
            if attempt.status != "success":
                terminal.warn(_attempt(attempt))


def _attempt(attempt: AttemptMetadata) -> str:
    return (
        f"attempt {attempt.attempt_number}, {attempt.provider} {attempt.model}: "
        f"{attempt.error_type}: {in_options(attempt.error_message or '')} "
        f"(request {attempt.request_id}, billed: {attempt.billing})"
    )


def _waits(place: str | None) -> str:
    """Return what the command does that waits for a job which has a place."""
    return "waits for it" if place is None else f"waits for it and saves its result to {place}"


def detached(job: VideoJob | ImageJob, after: str, *, place: str | None, json: bool) -> None:
    """Say where a job is to be found that goes on by itself: by the command `after`."""
    streams.found(f"the job {job.request_id} goes on; `{after}` waits for it")
    token = job.to_token() if job.operation is not None else None
    if json:
        ids = {"job_id": job.id, "request_id": job.request_id, "operation": job.operation}
        terminal.document({**ids, "token": token})
        return

    terminal.hint(f"{job.provider} {job.model} accepted it; `{after}` {_waits(place)}")
    terminal.result(job.request_id)


def enqueued(
    job: VideoJob | ImageJob, worker: str, after: str, *, place: str | None, json: bool
) -> None:
    """Say who sends a job that was written down only: `worker`, or `after`, which waits for it."""
    streams.found(f"the job {job.id} is in the queue; `{after}` waits for it")
    if json:
        terminal.document({"job_id": job.id, "provider": job.provider, "model": job.model})
        return

    terminal.hint(
        f"`{worker}` sends it; `{after}` {_waits(place)}. Where no worker runs, that command sends "
        "it first"
    )
    terminal.result(job.id)


# --------------------------------------------------------------------------------------- failure
def failure(error: TarashException, code: Exit, *, json: bool) -> None:
    """Say why there is no result."""
    ended = error.execution_metadata
    if json:
        terminal.document({"error": {**as_json(error), "exit_code": int(code)}})

    if ended is not None:
        for attempt in ended.attempts[:-1]:
            terminal.warn(_attempt(attempt))

    terminal.print_line(error_text(error), label="error", style="bold red")
    last = ended.attempts[-1] if ended is not None and ended.attempts else None
    if last is not None and last.submission is not None:
        terminal.hint(
            f"{last.provider} {last.model}, request {last.request_id}, "
            f"submission: {last.submission}, billed: {last.billing}"
        )
    elif isinstance(error, StorageError) and error.submission == "not_sent":
        terminal.hint("nothing was sent, and nothing bought")


def cancelled(error: TarashException, code: Exit, *, json: bool) -> None:
    """Say that a job has ended because somebody had it stopped."""
    billed = "what had run may be billed"
    ended = error.execution_metadata
    if ended is not None and all(attempt.billing == "none" for attempt in ended.attempts):
        billed = "nothing is billed"

    message = f"the job {error.request_id} was stopped, as somebody had asked; {billed}"
    if json:
        fields = {**as_json(error), "type": "Cancelled", "message": message, "retryable": False}
        terminal.document({"error": {**fields, "exit_code": int(code)}})

    terminal.print_line(message, label="stopped", style="yellow")


def unsaved(
    response: Response,
    error: CommandError,
    saved: Sequence[Output],
    rescued: Sequence[Path],
    *,
    json: bool,
) -> None:
    """Say that a result was made and could not be saved, and where it is."""
    urls = [url for media in media_of(response) if (url := url_of(media)) is not None]
    if json:
        ids = {"request_id": response.request_id, "operation": response.operation}
        dumped = _as_json(response, saved)
        dumped["rescued"] = [str(path) for path in rescued]
        fields = {**document(error), "submission": "accepted", **ids}
        terminal.document({"error": fields, "response": dumped})
    else:
        for place in (*urls, *rescued):
            terminal.result(str(place))

    label = "interrupted" if error.kind == INTERRUPTED else "error"
    for line in error.lines:
        terminal.print_line(line, label=label, style="bold red")

    for output in saved:
        terminal.print_line(f"saved all the same: {output.saved.place}")

    where = ", ".join(str(place) for place in (*urls, *rescued)) or "nowhere else"
    terminal.print_line(
        f"the result of request {response.request_id} is made"
        f"{'' if response.is_mock else ' and paid for'}; it is at {where}"
    )


def offer(command: str | None, *, what: str = "wait for it") -> None:
    """Name the command that goes on with a job, where there is one."""
    if command is not None:
        terminal.print_line(f"to {what}: {command}")


def unwritten(failure: OSError, places: Sequence[str]) -> None:
    """Say that standard output did not take what was written, and what that was."""
    if not places and isinstance(failure, BrokenPipeError):
        return  # whoever closed the pipe has seen enough, as `head` does

    message = f"standard output can't be written ({failure.strerror or failure})"
    terminal.print_line("; ".join([message, *places]), label="error", style="bold red")


def misused(error: CommandError, *, json: bool) -> None:
    """Say why the command could not be carried out."""
    if json:
        terminal.document({"error": document(error)})

    label = "interrupted" if error.kind == INTERRUPTED else "error"
    for line in error.lines:
        terminal.print_line(line, label=label, style="bold red")
