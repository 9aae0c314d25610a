"""How requests of a declared vendor are distinguished, and the forms of their bodies."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from tarash.tarash_gateway.testing._declarations._reading import Table
from tarash.tarash_gateway.testing._records import RecordedRequest, Step
from tarash.tarash_gateway.testing._wire import Handler, Reply, Route
from tarash.tarash_gateway.testing._wires._forms import read_form

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
