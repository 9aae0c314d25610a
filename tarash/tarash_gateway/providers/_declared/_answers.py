"""Answers that are no single JSON: lines of it, and the events of a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..._http._answer import parse_json
from ..._http._client import HttpResponse

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
            found = parse_json(line.removeprefix(DATA)) if line.startswith(DATA) else None
        except ValueError:  # `[DONE]`, or the words of a proxy
            continue

        if isinstance(found, dict):
            yield found
