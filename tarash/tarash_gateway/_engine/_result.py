"""Reads the result of a job that is done: it is paid for, so whatever is odd about it is said."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .._data._hints import read_raw_response
from ..exceptions import TarashException
from ._costing import take_cost
from ._labels import true_type

if TYPE_CHECKING:
    from .._data._exchange import Call, RawResult, Response
    from ..providers._contract import Adapter
    from ._attempt import Attempt

NOTES = {"odd_facts": "odd_facts", "filtered": "partly_filtered"}
"""What `provider_metadata` may say that belongs into the log, and under which event."""


def read_result(adapter: Adapter, attempt: Attempt, call: Call, finished: RawResult) -> Response:
    """Return the response that a result is.

    Raises:
        TarashException: It holds no media, or can't be read; `raw_response` has it.
    """
    try:
        response = attempt.read.take(finished) or adapter.parse(call, finished)
    except TarashException:
        raise
    except Exception as error:
        raise TarashException(
            f"The job is done, and its result can't be read ({type(error).__name__}: {error})",
            raw_response=finished.raw,
            code="unreadable_result",
            hints=[read_raw_response()],
        ) from error

    take_cost(adapter, attempt, finished.raw, {**finished.metadata, **response.provider_metadata})
    for name, event in NOTES.items():
        noted = response.provider_metadata.get(name)
        if noted:
            attempt.log(logging.WARNING, event, noted=noted)

    typed = true_type(response)
    if typed and response.content_type is not None:
        attempt.log(logging.WARNING, "labelled_wrong", said=response.content_type, **typed)

    fields = {
        "request_id": attempt.request_id,
        "adjustments": call.adjustments,
        "cost": attempt.cost_of(success=True),
        **typed,
    }
    return response.model_copy(update=fields)
