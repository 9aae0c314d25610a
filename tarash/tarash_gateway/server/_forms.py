"""Reads what clients send, JSON or a form, into one shape: fields, lists and files.

Some write lists with their places, `image[0]` and `image[1]`. Clients of OpenAI's write lists of
objects by column: first all `frames[][type]`, then all `frames[][image_url][url]`. They are put
together again here, and refused where their lengths differ.

What stands behind the `?` of our own routes is checked: names that are almost right are refused. A
filter that is dropped for a typo answers with more than was asked for, and passes for one. OpenAI's
routes take whatever stands there, as OpenAI's do.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import Request, UploadFile
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as StarletteUploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from ._app_state import app_state_of
from ._refusals import Refusal, invalid
from ._requests import IGNORED
from ._words import HTTP

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant

    from ._limits import Room

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
PART = re.compile(r"\[([^\[\]]*)\]")
UNNAMED_JSON = (
    "The body is JSON, and its header says something else: send the header "
    "Content-Type: application/json"
)
DEEPEST = 8
SMALL_BYTES = 64 * 1024
"""A body of no more waits in memory."""
PIECE_BYTES = 256 * 1024
START_BYTES = 64
OBJECTS = frozenset({"metadata"})
"""Fields whose names are the client's own, whatever they look like."""
MEANT_EMPTY = frozenset({"negative_prompt"})
"""Fields whose empty text says something: what the model avoids by itself is allowed."""
KNOWN = HTTP.known.union(IGNORED) - MEANT_EMPTY
Many = dict[str, list[Any]]
OURS = "/api/"
NEAR = 0.75
"""How similar a name must be to one that there is to be taken for it."""
BY_NAME = {"status": "state"}
"""What other servers call a parameter of ours."""


async def fields_of(request: Request) -> dict[str, Any]:
    """Return the fields of a request's body.

    Raises:
        Refusal: It is neither JSON nor a form, or says something that is none.
    """
    app_state = app_state_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in FORMS:
        async with form_of(request, room=app_state.room) as form:
            given = [
                (name, value) for name, value in form.multi_items() if not _is_left_out(name, value)
            ]
            pairs = [(name, await _value(value)) for name, value in given]

        return fields_from(pairs)

    most = app_state.settings.json_bytes
    await app_state.room.take(request, int(request.headers.get("content-length", most)))

    if kind not in ("", "application/json") and not kind.endswith("+json"):
        raise invalid("Send the body as application/json or as multipart/form-data")

    try:
        body = json.loads(await request.body() or b"{}", parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        packed = request.headers.get("content-encoding", "identity") != "identity"
        how = ": send it uncompressed, without Content-Encoding" if packed else ""
        raise invalid(f"The body is no JSON{how}") from error

    if not isinstance(body, dict):
        raise invalid("The body is to be a JSON object")

    return {name: value for name, value in body.items() if not _is_left_out(name, value)}


def _is_left_out(name: str, value: Any) -> bool:
    """Tell whether a field is written out and left out: `"n": null`, `"size": ""`, as many do.

    What an empty text says of a parameter of a provider's own, only the provider knows.
    """
    is_known = name.partition("[")[0] in KNOWN
    return value is None or (value == "" and is_known)


def _refused(constant: str) -> Any:
    message = f"{constant} is no JSON"
    raise ValueError(message)


@asynccontextmanager
async def form_of(
    request: Request, files: int | None = None, *, room: Room | None = None
) -> AsyncIterator[FormData]:
    """Read a form, whose larger files lie on the disk until they are read, as far as it has room.

    Args:
        request: The request.
        files: How many files it may have; by default what the settings say.
        room: The memory that all of it takes: until it has it, the form waits on the disk, whatever
            it consists of. None for a form that is kept as a file.

    Raises:
        Refusal: It is none, or has more fields or files than it may; or the disk has no room.
    """
    app_state = app_state_of(request)
    settings = app_state.settings
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    largest = settings.multipart_bytes if kind == FORMS[0] else settings.json_bytes
    await app_state.disk.take(request, int(request.headers.get("content-length", largest)))
    most = settings.form_files if files is None else files
    with SpooledTemporaryFile(max_size=SMALL_BYTES) as body:
        if room is not None:
            request = await stored(request, body, room)
            _check_kind(kind, body)

        try:
            form = await request.form(max_files=most, max_fields=settings.form_fields)
        except (HTTPException, MultiPartException) as error:
            raise invalid(
                "The form can't be read: it is cut off, or no form, or has a field of more than "
                f"1 MiB, or more than {most} {'file' if most == 1 else 'files'} or "
                f"{settings.form_fields} fields"
            ) from error

    try:
        yield form
    finally:
        await form.close()
        await app_state.disk.free(request.scope)


def _check_kind(kind: str, body: IO[bytes]) -> None:
    """Check that what came as the form that `curl -d` says by itself is no JSON.

    Raises:
        Refusal: It is JSON by its first bytes, of which a parser of forms makes one odd name.
    """
    start = body.read(START_BYTES)
    body.seek(0)
    if kind == FORMS[1] and start.lstrip().startswith(b"{"):
        raise invalid(UNNAMED_JSON)


async def stored(request: Request, body: IO[bytes], room: Room) -> Request:
    """Put a body on the disk until it may be in memory; return a request that reads it from there.

    A parser of forms keeps texts and small files in memory, however many there are of them.
    """
    size = 0
    async for piece in request.stream():
        await to_thread.run_sync(body.write, piece)
        size += len(piece)

    await room.take(request, size)
    body.seek(0)

    async def receive() -> dict[str, Any]:
        piece = await to_thread.run_sync(body.read, PIECE_BYTES)
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    return Request(request.scope, receive)


async def _value(value: UploadFile | StarletteUploadFile | str) -> Any:
    if isinstance(value, str):
        return value

    content = await value.read()
    return {"content": content, "content_type": value.content_type or "application/octet-stream"}


def fields_from(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields that the names of a form spell, such as `a`, `a[]`, `a[b]`, `a[][b][c]`.

    Raises:
        Refusal: A name is none, or the columns of a list differ in length.
    """
    columns: dict[tuple[str, ...], list[Any]] = {}
    for name, value in pairs:
        columns.setdefault(_path(name), []).append(value)

    fields: dict[str, Any] = {}
    for path, values in columns.items():
        if "" in path:
            _put_list(fields, path, values)
        else:
            _put(fields, path, values[0] if len(values) == 1 else values, path)

    return {name: value if name in OBJECTS else _listed(value) for name, value in fields.items()}


def _listed(value: Any) -> Any:
    """Return a value with a list in the place of what has its places for names, as PHP writes it.

    `image[0]` and `image[1]` are two images.
    """
    if not isinstance(value, dict):
        return value

    inner = {name: _listed(entry) for name, entry in value.items()}
    places = [name for name in inner if name.isascii() and name.isdigit()]
    if not inner or len(places) < len(inner):
        return inner

    return [inner[name] for name in sorted(places, key=int)]


def _path(name: str) -> tuple[str, ...]:
    match = NAME.fullmatch(name)
    path = () if match is None else (match[1], *PART.findall(match[2]))
    if not 0 < len(path) <= DEEPEST or path.count("") > 1:
        raise invalid(f"{name[:80]!r} is no name of a form's field")

    return path


def _put(fields: dict[str, Any], path: tuple[str, ...], value: Any, whole: tuple[str, ...]) -> None:
    *parents, last = path
    for name in parents:
        inner = fields.setdefault(name, {})
        if not isinstance(inner, dict) or "content" in inner:
            raise invalid(f"{whole[0]!r} is given in two ways", whole[0])

        fields = inner

    if last in fields:
        raise invalid(f"{whole[0]!r} is given in two ways", whole[0])

    fields[last] = value


def _put_list(fields: dict[str, Any], path: tuple[str, ...], values: list[Any]) -> None:
    at = path.index("")
    before, after = path[:at], path[at + 1 :]
    holder: dict[str, Any] = fields
    for name in before[:-1]:
        holder = holder.setdefault(name, {})
        if not isinstance(holder, dict):
            raise invalid(f"{path[0]!r} is given in two ways", path[0])

    kept = holder.setdefault(before[-1], [])
    if not isinstance(kept, list):
        raise invalid(f"{path[0]!r} is given in two ways", path[0])

    if not after:
        kept.extend(values)
        return

    if kept and len(kept) != len(values):
        raise invalid(
            f"{path[0]!r}: its fields come in lists of {len(kept)} and {len(values)}, and can't be "
            "put together; send JSON, or each field for each entry",
            path[0],
        )

    if not kept:
        kept.extend({} for _ in values)

    for entry, value in zip(kept, values, strict=True):
        if not isinstance(entry, dict):
            raise invalid(f"{path[0]!r} is given in two ways", path[0])

        _put(entry, after, value, path)


async def check_query(request: Request) -> None:
    """Check the names in a query of one of our own routes.

    Raises:
        Refusal: One is probably mistyped.
    """
    if not request.query_params or not request.url.path.startswith(OURS):
        return

    known = set(_names(request.scope["route"].dependant))
    for name in request.query_params:
        if name in known:
            continue

        meant = BY_NAME.get(name)
        near = [meant] if meant in known else difflib.get_close_matches(name, known, 1, NEAR)
        if near:
            raise Refusal(
                400,
                "invalid_request",
                f"{name}: there is no such parameter; did you mean {near[0]!r}?",
                param=name,
            )


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the names that a route reads, by itself and by what it depends on."""
    for field in dependant.query_params:
        yield field.alias

    for other in dependant.dependencies:
        yield from _names(other)
