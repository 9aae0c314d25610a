"""Where things stand at a declared vendor: the paths of requests, and places in a body.

A place in a body is written as the declaration names it, such as `data[].url`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from tarash.tarash_gateway.testing._declarations._reading import Table
from tarash.tarash_gateway.testing._records import RecordedRequest, Step
from tarash.tarash_gateway.testing._wire import Handler, Reply, Route, read_form

NAMED = re.compile(r"\{(\w+)\}")


class Place(Route):
    """A route that knows how exact it is."""

    def __init__(
        self,
        method: str,
        path: str,
        handler: Handler,
        step: Step | None,
        *,
        public: bool = False,
    ) -> None:
        template = path.replace("{model}", "{model+}")
        super().__init__(method, template, handler, step=step, public=public)
        self.rank = (len(NAMED.findall(path)), -len(path))


def body_of(request: RecordedRequest, sends: str) -> dict[str, Any] | None:
    """Return what was sent as an object; None where it was sent in another form."""
    kind = request.headers.get("content-type", "")
    if sends == "multipart":
        form = read_form(request)
        return None if form is None else form.plain()

    if sends == "form":
        is_form = kind.startswith("application/x-www-form-urlencoded")
        return dict(parse_qsl(request.body.decode("utf-8", "replace"))) if is_form else None

    try:
        body = request.json()
    except ValueError:
        return None

    if sends == "array":
        body = body[0] if isinstance(body, list) and len(body) == 1 else None

    return body if isinstance(body, dict) else None


def asked_by(listing: Table, request: RecordedRequest) -> dict[str, str]:
    """Return what a request says in the places of a list's names: `page`, `own_id`, and such."""
    sent = body_of(request, "json") or {}
    given = {name: str(value) for name, value in sent.items()} | dict(request.query)
    query = listing.get("path", "").partition("?")[2]
    named = {**listing.get("body", {}), **dict(parse_qsl(query))}
    in_query = {
        value[1:-1]: given[name]
        for name, value in named.items()
        if isinstance(value, str) and NAMED.fullmatch(value) and name in given
    }
    return {**in_query, **request.path_values}


def lacks_file(how: Table, request: RecordedRequest) -> bool:
    """Tell whether an upload that is a form holds no file."""
    if how.get("sends", "multipart") != "multipart" or how.get("put_to"):
        return False

    form = read_form(request)
    return form is None or not form.files.get(how.get("file", "file"))


def answered(way: Table, body: Any, status: int) -> Reply:
    """Answer a submit: with one object, or with lines of which it is the last."""
    if way.get("answers") != "lines" or status != 200:  # noqa: PLR2004
        return Reply.json(body, status)

    text = json.dumps({"progress": 0}) + "\n" + json.dumps(body) + "\n"
    headers = {"Content-Type": "application/x-ndjson"}
    return Reply(status=status, body=text.encode(), headers=headers)


def filled(template: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        text = values.get(match[1], "x")
        return text if match[1] == "path" else quote(text, safe="")

    return NAMED.sub(value, template)


def type_of(name: str) -> str:
    return "video/mp4" if name.endswith(".mp4") else "image/png"


def place(body: dict[str, Any], path: str, value: Any) -> None:
    """Write a value at a place, with all that has to be around it."""
    _write(body, _steps(path), value)


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for name in path.split("."):
        plain = name.removesuffix("[]")
        steps.append(int(plain) if plain.isdigit() else plain)
        if name.endswith("[]"):
            steps.append(0)

    return steps


def _write(holder: Any, steps: list[str | int], value: Any) -> None:
    step, *rest = steps
    if isinstance(step, int):
        while len(holder) <= step:
            holder.append({} if rest and isinstance(rest[0], str) else [] if rest else None)
    elif rest and not isinstance(holder.get(step), list if isinstance(rest[0], int) else dict):
        holder[step] = [] if isinstance(rest[0], int) else {}

    if rest:
        _write(holder[step], rest, value)
    else:
        holder[step] = value


def place_each(body: dict[str, Any], path: str, values: list[Any]) -> None:
    """Write several values at a place with `[]` in it; at any other the first alone."""
    if "[]" not in path:
        if values:
            place(body, path, values[0])

        return

    for number, value in enumerate(values):
        place(body, re.sub(r"\[\]", f".{number}", path, count=1), value)

    if not values:
        place(body, path.partition("[]")[0], [])


def read_at(body: Any, path: str) -> Any:
    """Return the first value at a place; None for nothing."""
    for step in _steps(path):
        if isinstance(step, int) and isinstance(body, list):
            body = body[step] if step < len(body) else None
        elif isinstance(body, Mapping):
            body = body.get(str(step))
        else:
            return None

    return body
