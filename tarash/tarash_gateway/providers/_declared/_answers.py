"""What answers hold: a single JSON, lines of it, events of a stream; jobs and lists. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..._http._answer import parse_json
from ..._http._client import HttpResponse, unreadable
from ..._support._paths import value_at
from .._previews import image_in, said_by
from ._names import holds

if TYPE_CHECKING:
    from ..._data._exchange import Operation, PartialImage, Snapshot
    from ._stages import Listing, Poll, Submit

DATA = "data:"


def last_line(answer: HttpResponse) -> HttpResponse:
    """Return an answer of which the last line counts; one that can't be read stays as it is."""
    if not isinstance(answer.body, str):
        return answer

    lines = [line for line in answer.body.splitlines() if line.strip()]
    try:
        body = parse_json(lines[-1]) if lines else answer.body
    except ValueError:
        return answer

    return replace(answer, body=body, is_json=True)


def last_event(answer: HttpResponse) -> HttpResponse:
    """Return an answer of which the last event counts, with all of them under `events`.

    One that is JSON, or without any event that can be read, stays as it is.
    """
    if not isinstance(answer.body, str):
        return answer

    events = list(_events(answer.body))
    if not events:
        return answer

    return replace(answer, body={**events[-1], "events": events}, is_json=True)


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            event = parse_json(line.removeprefix(DATA)) if line.startswith(DATA) else None
        except ValueError:  # `[DONE]`, or the words of a proxy
            continue

        if isinstance(event, dict):
            yield event


def preview_in(event: bytes, ways: Iterable[Submit]) -> PartialImage | None:
    """Return the image on the way that an event holds, as one of the ways says; None for none."""
    for how in (way.partial for way in ways):
        if how is None:
            continue

        fields = said_by(event, [value for value in how.where.values if isinstance(value, str)])
        image = image_in(value_at(fields, how.at), value_at(fields, how.index))
        if image is not None and holds(how.where, fields):
            return image

    return None


def job_in(poll: Poll, operation: Operation, body: Any) -> dict[str, Any] | None:
    """Return what an answer says of a job, as a list of jobs or by itself; None for nothing."""
    job_body = body
    if poll.items is not None:
        listed = value_at(body, poll.items)
        jobs = listed if isinstance(listed, list) else [listed]
        job_body = next(
            (job for job in jobs if str(value_at(job, poll.item_id)) == operation.id), None
        )

    return job_body if isinstance(job_body, dict) else None


def is_done(seen: Snapshot) -> bool:
    """Tell whether a job is done whose result can't be had now: it must not be erased."""
    return seen.trouble is not None and not seen.denied


def goes_on(listing: Listing, body: Any, items: Sequence[Any], cursor: str) -> bool:
    """Tell whether a list has a further page."""
    if listing.more is not None and not value_at(body, listing.more):
        return False

    if listing.next is not None:
        return bool(cursor)

    return listing.is_paged and len(items) >= (listing.page_size or 1)


def has_place(path: str, body: dict[str, Any]) -> bool:
    """Tell whether a body has a place for what stands at a path."""
    return path.partition(".")[0].partition("[")[0] in body


def items_of(answer: HttpResponse, path: str) -> list[Any]:
    """Return the items of a list, of which there may be one without the list.

    Raises:
        HTTPError: The answer has no place for a list.
    """
    if not has_place(path, answer.object()):
        raise unreadable(answer.status, answer.body)

    listed = value_at(answer.body, path)
    return listed if isinstance(listed, list) else [listed] if isinstance(listed, dict) else []
