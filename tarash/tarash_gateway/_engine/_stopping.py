"""Asks a provider to stop a job, and what one that was stopped costs: by its provider's own word.

That it still waited when it was last seen proves nothing: it may have begun since then.
"""

from __future__ import annotations

import builtins
import logging
from typing import TYPE_CHECKING, Any

from .._data._events import Polled
from .._data._exchange import Stopped
from ..exceptions import TarashException
from ._cancelling import cancel
from ._costing import take_cost
from ._intermediaries import checked_poll
from ._patience import patient

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._data._exchange import Operation
    from .._data._types import Billing
    from ..providers._contract import Adapter
    from ._attempt import Attempt


async def ask_to_stop(
    adapter: Adapter,
    client: Any,
    attempt: Attempt,
    operation: Operation,
    heard: Callable[[Stopped], None],
) -> None:
    """Ask the provider to stop a job, and then what one that it has stopped costs.

    Args:
        adapter: The provider's.
        client: The attempt's.
        attempt: Whose job it is.
        operation: The job.
        heard: Takes each answer as it comes, the later in place of the one before: whoever asks
            may have no more time for the second.

    Raises:
        TarashException: The provider refuses to be asked.
    """
    answer = await cancel(adapter, client, operation)
    stopped = answer if isinstance(answer, Stopped) else Stopped(answer)
    if attempt.status == "processing" and stopped.billing == "none":
        stopped = Stopped(stopped.answer)  # it had begun, whatever the answer says

    heard(stopped)
    if stopped.answer != "cancelled" or stopped.billing is not None or attempt.call.mocked:
        return

    try:
        heard(Stopped("cancelled", await _billing_of_stopped(adapter, client, attempt, operation)))
    finally:
        if attempt.done:  # it was faster, and its result is there
            heard(Stopped("too_late"))


async def _billing_of_stopped(
    adapter: Adapter, client: Any, attempt: Attempt, operation: Operation
) -> Billing | None:
    """Return what a stopped job costs, by one poll; None where its provider doesn't say."""
    try:
        with patient(attempt):
            snapshot = checked_poll(await adapter.poll(client, operation), operation)
    except (TarashException, builtins.TimeoutError):
        return None  # some providers forget what was stopped
    except Exception as error:  # noqa: BLE001  (that it was stopped is known already)
        attempt.log(logging.WARNING, "cancel_failed", error=attempt.secrets.text(str(error)))
        return None

    if snapshot.status == "completed":
        attempt.take(Polled(status=attempt.status or "queued", result_ready=True))

    if snapshot.status != "failed":
        return None

    take_cost(adapter, attempt, snapshot.raw, {})
    return "possible" if snapshot.refunded_within is not None else snapshot.billing
