"""Exchanges that go through a vendor SDK, told in the same facts as our own.

The SDK gets an HTTP client from here that retries nothing, follows no redirect, says when a request
has left, and keeps no connection that might be stale.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._contract import Wire, current_wire
from ._http import (
    CONNECT_SECONDS,
    FRESH_SECONDS,
    POOL_SIZE,
    Answer,
    checked,
    read_answer,
    status_error,
)
from .exceptions import HTTPConnectionError, TarashException

if TYPE_CHECKING:
    from ._contract import Account

Classify = Callable[[Answer], TarashException | None]


def http_client(library: ModuleType) -> Any:
    """Return an asynchronous HTTP client for a vendor SDK.

    Args:
        library: `httpx` or `httpx2`, whichever the SDK is built on.
    """
    return library.AsyncClient(
        # The engine holds the deadlines; only connecting has a limit of its own.
        timeout=library.Timeout(None, connect=CONNECT_SECONDS),
        limits=library.Limits(max_connections=POOL_SIZE, keepalive_expiry=FRESH_SECONDS),
        event_hooks={"request": [note_departure]},
        follow_redirects=False,
    )


async def note_departure(request: Any) -> None:
    """Tell the engine when a request leaves; a request hook, also for clients that an SDK makes."""
    wire = current_wire.get()
    if wire is None:
        return

    async def note(event: str, _facts: object) -> None:
        if event.endswith("send_request_headers.started"):
            wire.leave()

    request.extensions["trace"] = note


async def exchange(
    send: Callable[[], Awaitable[Any]],
    account: Account,
    connection_errors: type[Exception] | tuple[type[Exception], ...],
    classify: Classify | None = None,
) -> Answer:
    """Make one exchange through an SDK and return its answer.

    Args:
        send: Calls the SDK; returns its raw response (`with_raw_response`), or raises.
        account: Whose request it is.
        connection_errors: What the SDK raises where no answer came.
        classify: Reads what hides in an error body; None leaves it to the status.

    Raises:
        TarashException: No answer came, or one with an error status. Any other exception of the
            SDK passes through: it is a mistake of ours.
    """
    wire = current_wire.get() or Wire()
    failure: TarashException
    cause: BaseException
    try:
        raw = await send()
        response = getattr(raw, "http_response", raw)
    except connection_errors as error:
        failure, cause = _connection_error(error, wire, account), account.secrets.error(error)
    except Exception as error:
        response = getattr(error, "response", None)
        if getattr(response, "status_code", None) is None:
            raise

        answer = _answer(response, account)
        failure = (classify and classify(answer)) or status_error(answer)
        cause = account.secrets.error(error)
    else:
        return checked(_answer(response, account), classify)

    # Raised outside the handlers, so that an unmasked original is not kept as its context.
    raise failure from cause


def _answer(response: Any, account: Account) -> Answer:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip()
    return read_answer(
        response.status_code, response.headers, content_type, response.content, account.secrets
    )


def _connection_error(error: Exception, wire: Wire, account: Account) -> TarashException:
    said = account.secrets.text(str(error.__cause__ or error)) or type(error).__name__
    if wire.sent:
        message = f"The connection to {account.base_url} broke after the request had left: {said}"
    else:
        message = f"No connection to {account.base_url}: {said} (check the network and base_url)"

    return HTTPConnectionError(message, submission="unknown" if wire.sent else "not_sent")
