"""What the adapter of a declaration asks of requests, list items and media; bodies as forms."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ..._http._aiohttp import aiohttp
from ..._http._client import HttpResponse, unreadable
from ..._support._paths import value_at
from ...exceptions import GenerationFailedError
from .._finding import is_shown, is_since
from .._forms import add_file, is_file, written
from .._result_facts import among
from ._names import holds
from ._stages import Listing, Poll, Submit

if TYPE_CHECKING:
    from datetime import datetime

    from ..._data._exchange import Call, Payload
    from ..._data._types import JobStatus, MediaContent

ANYBODYS = frozenset({"detail", "error", "errors", "message"})
"""Where anybody's errors stand, also those of a gateway before the provider."""


def status_without_word(poll: Poll, body: Any) -> JobStatus | None:
    """Return what a body says that has no declared status; None where that is not declared."""
    if among(poll.statuses, str(value_at(body, poll.status))) is not None:
        return None

    if any(holds(flag, body) for flag in poll.failed_with):
        return "failed"

    return "completed" if any(holds(flag, body) for flag in poll.completed_with) else None


def says_its_failure(poll: Poll, body: Any) -> bool:
    """Tell whether a body that says a failure says that of its job, as nobody else's would."""
    if among(poll.statuses, str(value_at(body, poll.status))) is not None:
        return poll.job_id is None and not _is_anybodys(poll, body)

    # Where answers repeat the job's id, that something stands in a place proves nothing without it.
    foreign = ANYBODYS if poll.job_id is None else {flag.at for flag in poll.failed_with}
    flags = (flag for flag in poll.failed_with if flag.values or flag.at not in foreign)
    return any(holds(flag, body) for flag in flags)


def _is_anybodys(poll: Poll, body: Any) -> bool:
    """Tell whether a failure is given in a sentence where its provider is known to have another."""
    is_known = poll.failed_with and isinstance(body, Mapping)
    if not is_known or any(holds(flag, body) for flag in poll.failed_with):
        return False

    return any(body.get(name) for name in ANYBODYS)


def says_nothing(poll: Poll, body: Any) -> bool:
    """Tell whether a body says nothing of its job, such as an empty one."""
    if poll.items is not None and value_at(body, poll.items):
        return False

    return value_at(body, poll.status) is None and status_without_word(poll, body) is None


def own_id(call: Call) -> str:
    """Return our name for a submit: the same whenever this attempt is sent or looked for."""
    return f"{call.request_id}-{call.attempt_number}"


def is_ours(listing: Listing, item: Any, payload: Payload, call: Call, since: datetime) -> bool:
    """Tell whether a listed job is the one that was sent."""
    if listing.own_id is not None:
        return bool(value_at(item, listing.own_id) == own_id(call))

    sent_as = value_at(payload.body, "model") or call.config.model
    if listing.model is not None and value_at(item, listing.model) not in (
        call.config.model,
        sent_as,
    ):
        return False

    if listing.sent is not None and not is_same(listing, item, payload.body):
        return False

    return is_since(value_at(item, listing.created), since) and all(
        is_shown(value_at(payload.body, sent), value_at(item, shown))
        for sent, shown in listing.shows.items()
    )


def is_same(listing: Listing, item: Any, body: Any) -> bool:
    """Tell whether a listed job shows the body that was sent, and nothing that it lacks."""
    shown = value_at(item, listing.sent)
    if not isinstance(shown, Mapping) or not isinstance(body, Mapping):
        return is_shown(body, shown)

    model = value_at(item, listing.model)
    shown = {**shown, **({} if model is None else {"model": model})}
    further = {name for name, value in shown.items() if value and name not in body}
    is_whole = listing.fills_in is None or further <= {*listing.fills_in}
    return is_whole and is_shown(body, shown)


def filled_in(value: Any, values: Mapping[str, Any]) -> Any:
    """Return a body with its names filled in; a text that is nothing but a name becomes its value.

    Args:
        value: The body, or a part of it.
        values: By name.
    """
    if isinstance(value, Mapping):
        return {name: filled_in(inner, values) for name, inner in value.items()}

    if isinstance(value, list | tuple):
        return [filled_in(inner, values) for inner in value]

    if not isinstance(value, str):
        return value

    alone = value[1:-1] if value[:1] == "{" and value[-1:] == "}" else ""
    if alone in values:
        return values[alone]

    for name, inner in values.items():
        value = value.replace(f"{{{name}}}", str(inner))

    return value


def has(request: Any, name: str) -> bool:
    """Tell whether a request has a field, an image of a role, or a parameter of the provider."""
    return asks_for(request, name) or name in request.extra_params


def asks_for(request: Any, name: str) -> bool:
    """Tell whether a request has a field, or an image of a role."""
    if any(image.get("type") == name for image in request.image_list):
        return True

    mine = getattr(request, name, None)
    # A number is not compared with `False`, which 0 equals.
    return mine is not False and mine not in (None, (), [], "")


def whole(client: Any, url: str) -> str:
    """Return an address that an answer names, which may be relative to the account's host."""
    return urljoin(f"{client.account.base_url}/", url)


def medium_of(answer: HttpResponse) -> MediaContent:
    """Return the bytes of an answer.

    Raises:
        HTTPError: It holds none.
    """
    if answer.content is None:
        raise unreadable(answer.status, answer.body)

    return {"content": answer.content, "content_type": answer.content_type or ""}


def content_of(text: str) -> Any:
    """Return the bytes of a video that came as base64."""
    try:
        content = base64.b64decode(text.partition(",")[2] or text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise GenerationFailedError("The result is no base64") from error

    return {"content": content, "content_type": "video/mp4"}


def form_of(body: Mapping[str, Any], way: Submit) -> aiohttp.FormData:
    """Return a body as a form, as a submit says it."""
    form = aiohttp.FormData(default_to_multipart=way.sends == "multipart")
    for name, value in body.items():
        values = value if isinstance(value, list | tuple) else [value]
        files = [value for value in values if is_file(value)]
        plain = [value for value in values if not is_file(value)]
        several = len(values) > 1 or isinstance(value, list | tuple)
        part = f"{name}[]" if several and way.file_lists == "name[]" else name
        for number, file in enumerate(files):
            add_file(form, part, file, f"{name}-{number}")

        if files and plain:  # a reference, or an address, beside files
            for item in plain:
                form.add_field(part, written(item))
        elif not files:
            form.add_field(name, written(value))

    return form
