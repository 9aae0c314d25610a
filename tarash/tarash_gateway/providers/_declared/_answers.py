"""Answers that are no single JSON: lines of it, and the events of a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..._http._answer import parse_json
from ..._http._client import HttpResponse
from ..._support._paths import value_at
from .._previews import image_in, said_by
from ._names import holds

if TYPE_CHECKING:
    from ..._data._exchange import PartialImage
    from ._stages import Submit

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
