"""A result that was the answer to the submit itself: nobody can fetch it again, so it is kept."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread

from ..exceptions import TarashException
from ._result import read_result

if TYPE_CHECKING:
    from .._data._exchange import Call, RawResult, Response
    from .._data._types import JsonObject, Kind
    from ..providers._contract import Adapter
    from ._attempt import Attempt
    from ._lease import Lease

BESIDE = {"adjustments", "execution_metadata", "duration", "resolution", "aspect_ratio"}
"""What of a response is small, and known of it only."""
UNKEPT = {"raw_response"}


def dumped(kind: Kind, response: Response) -> JsonObject:
    """Return a response as a ledger keeps it.

    Without the metadata of a handler that are no JSON: they never withhold what was paid for.
    """
    try:
        kept = response.model_dump(mode="json", exclude=UNKEPT)
    except ValueError:  # pydantic's error is one, and so are those of a ring and of half a pair
        kept = response.model_dump(mode="json", exclude={*UNKEPT, "provider_metadata"})

    return {"kind": kind, "response": kept}


def facts_of(response: Response) -> JsonObject:
    """Return what a ledger keeps of a response whose media it does not keep."""
    kept = response.model_dump(mode="json", include=BESIDE)
    return {name: value for name, value in kept.items() if value is not None}


def received(
    adapter: Adapter, attempt: Attempt, lease: Lease, call: Call, finished: RawResult
) -> Response | None:
    """Return the response that a result is, in the moment in which it comes, to be written down.

    None where that would not outlive the process.
    """
    if call.mocked or attempt.intent is None or lease.is_watcher or not lease.keeps:
        return None

    try:
        return read_result(adapter, attempt, call, finished)
    except TarashException:
        return None  # which is said when it is read for the user


async def write_received(attempt: Attempt, lease: Lease) -> None:
    """Write down the result that an attempt has received."""
    intent, response = attempt.intent, attempt.response
    if intent is None or response is None:
        return

    kept = partial(dumped, attempt.call.kind, response)
    content = await to_thread.run_sync(lambda: json.dumps(kept()).encode())
    await lease.write(partial(lease.ledger.receive, intent.id, content))
