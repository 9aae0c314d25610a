"""The updates of one attempt that users see: in order, never back, never twice, one at the end."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..models import ImageGenerationUpdate, VideoGenerationUpdate

if TYPE_CHECKING:
    from .._data._exchange import PartialImage, Response, Snapshot
    from .._data._types import JobStatus
    from ._attempt import Attempt

RANK = {"queued": 0, "processing": 1, "completed": 2, "failed": 2}

Update = VideoGenerationUpdate | ImageGenerationUpdate
Deliver = Callable[[Update], Awaitable[None]]
"""Hands an update to the user, wherever the user's callback has to run; never raises."""


class Progress:
    """The updates of one attempt: in order, never back, never twice, one terminal at the end."""

    def __init__(self, attempt: Attempt, deliver: Deliver | None) -> None:
        self._attempt = attempt
        self._deliver = deliver
        self._kind = (
            VideoGenerationUpdate if attempt.call.kind == "video" else ImageGenerationUpdate
        )
        self._status: JobStatus = "queued"
        self._percent: float | None = None
        self._last: Update | None = None
        self._logged: JobStatus | None = None
        self._ended = False

    @property
    def is_heard(self) -> bool:
        """Whether a user hears of it."""
        return self._deliver is not None

    async def report(self, snapshot: Snapshot) -> None:
        """Tell the user what one poll says, unless it ends the job or says nothing new."""
        for part in snapshot.parts:
            await self.partial(part)

        if snapshot.status in ("completed", "failed"):
            return

        if snapshot.status != self._logged:
            self._logged = snapshot.status
            self._attempt.log(logging.INFO, "polled", status=snapshot.status)

        note = snapshot.unknown if snapshot.trouble is None else snapshot.trouble.message
        await self._deliver_update(
            snapshot.status,
            snapshot.progress,
            snapshot.queue_position,
            update=snapshot.raw,
            note=note,
        )

    async def waiting(self, position: int | None) -> None:
        """Tell the user that the attempt waits to be let in, with its place if that is known."""
        if self._last is None:
            self._attempt.log(logging.INFO, "waiting", position=position)

        await self._deliver_update("queued", None, position, update=None)

    async def partial(self, part: PartialImage) -> None:
        """Tell the user of an image on the way."""
        await self._deliver_update(
            "processing",
            None,
            None,
            partial_image=part.media,
            partial_image_index=part.index,
        )

    async def forward(self, update: Update) -> None:
        """Pass on an update that a registered handler made; how it ends is ours to say."""
        if update.status not in ("completed", "failed"):
            await self._deliver_update(
                update.status, update.progress_percent, update.queue_position, update=update.update
            )

    async def completed(self, response: Response) -> None:
        """Tell the user that the job is done."""
        await self._deliver_update(
            "completed", 100, None, update=response.raw_response, result=response
        )

    async def failed(self, message: str, raw: Any = None) -> None:
        """Tell the user that the attempt has failed, and why."""
        await self._deliver_update("failed", self._percent, None, update=raw, error=message)

    async def _deliver_update(
        self, status: JobStatus, percent: float | None, position: int | None, **facts: Any
    ) -> None:
        self._attempt.leave()
        if self._ended or self._deliver is None:
            return

        self._status = status if RANK[status] >= RANK[self._status] else self._status
        self._ended = RANK[self._status] == RANK["failed"]
        if percent is not None:
            percent = min(max(percent, 0), 100)
            self._percent = percent if self._percent is None else max(percent, self._percent)

        fitted = self._attempt.fitted
        update = self._kind(
            request_id=self._attempt.request_id,
            status=self._status,
            progress_percent=self._percent,
            queue_position=position if self._status == "queued" else None,
            attempt_number=self._attempt.call.attempt_number,
            provider=self._attempt.call.config.provider,
            model=self._attempt.call.config.model,
            adjustments=() if fitted is None else fitted.adjustments,
            **facts,
        )
        if update != self._last:
            self._last = update
            await self._deliver(update)
