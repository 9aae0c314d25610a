"""Settles a job that nobody waits for: one poll, and what it says is written down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..exceptions import TimeoutError  # noqa: A004  (ours is the built-in one too)
from ._forgotten import operation_of, reserved
from ._job import Job
from ._opening import adopted

if TYPE_CHECKING:
    from .._engine import EngineContext
    from .._support._secrets import Keys


class SettlingJob(Job):
    """A job of which its provider says that it has come further."""

    async def settle_once(self) -> bool:
        """Poll once, and conclude the job where that is its end; nothing more is bought for it.

        Returns:
            False where somebody else drives it, or where it goes on.

        Raises:
            TarashException: It has failed, or it can't be asked after.
        """
        if not await self._take():
            return False

        run = self.run
        run.only_settles = True
        attempt = run.current
        if attempt.operation is None and attempt.intent is None and run.kept is None:
            # It is to be sent, the first time or once more: by whoever waits for the job.
            await self._ledger.close(self.job_id, run.lease.owner_id, "open")
            return False

        for one in run.attempts:  # two may go on side by side, or one after the other
            config = one.call.config.model_copy(update={"max_poll_attempts": 1})
            one.call = replace(one.call, config=config)
            if one.operation is not None:
                run.resources.wakeups.nudge(one.operation.provider, one.operation.id)

        try:
            await self.go(None, None)
        except TimeoutError:
            return False

        return True


async def settle_forgotten(
    provider: str, operation_id: str, keys: Keys, resources: EngineContext
) -> bool:
    """Look once at a job that the ledger has forgotten, and settle what it had reserved.

    Returns:
        Whether that is done: it has ended, and was at the place that we asked.

    Raises:
        TarashException: It can't be asked after.
    """
    row = await reserved(resources.ledger, provider, operation_id)
    if row is None:
        return False

    operation, config = await operation_of(row, operation_id, keys, resources)
    await Job(adopted(operation, config, resources)).status()
    return await reserved(resources.ledger, provider, operation_id) is None
