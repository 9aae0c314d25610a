"""The submit of one attempt: written down first, sent once unless it certainly bought nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, cast

import anyio
from anyio.lowlevel import checkpoint

from .._data._events import Accepted, AttemptEvent, Rejected, Submitting, Unknown
from .._data._exchange import Begun, RawResult
from .._http._answer import is_no_answer, shorten, unreadable
from .._http._send_state import SendState, current_wire
from .._support._loops import current_time
from .._support._shielded import start_shielded
from ..exceptions import HTTPError, TarashException
from ..ledger._contract import Intent
from ._budgets import kept_quote, windows_for
from ._callbacks import CALLED_BACK
from ._entries import record_response
from ._lease import job_was_stopped
from ._poll_schedule import LONGEST_RETRY, retry_pause
from ._received import received
from ._recording import facts_of
from ._statuses import may_leave_again, submission_of
from ._timeouts import CANCEL_SECONDS, LARGEST_PAYLOAD
from ._trust import is_id

if TYPE_CHECKING:
    from .._data._exchange import Call, Operation, PartialImage, Payload
    from .._data._types import JsonObject
    from ..providers._contract import Adapter, AnsweringAdapter, PreviewingAdapter
    from ._attempt import Attempt
    from ._lease import Lease
    from ._search import Search


OK = 200


class Submit:
    """A submit under way, and what came of it, also when we were cancelled meanwhile."""

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        client: Any,
        attempt: Attempt,
        lease: Lease,
        rng: Random,
        search: Search,
    ) -> None:
        self._search = search
        self._adapter = adapter
        self._client = client
        self._attempt = attempt
        self._lease = lease
        self._rng = rng
        self._wire = SendState()
        self._error: TarashException | None = None
        self._exchanging: asyncio.Task[None] | None = None
        self._parts: asyncio.Queue[PartialImage] | None = None
        """Of an exchange that brings them: a queue takes 3 KiB, and thousands of jobs wait."""
        self._heard = 0
        """How many of them were passed on, of this exchange."""
        self.on_part: Callable[[PartialImage], Awaitable[None]] | None = None
        """Called with each image on the way that the answer brings before its end."""
        self.intent: Intent | None = None
        """What is written down before a try leaves; None until there is something to send."""

    async def send(
        self, payload: Payload, call: Call, deadline: float, asking: Payload | None = None
    ) -> None:
        """Submit until accepted, or until an answer says that another try is no use or not safe.

        Args:
            payload: What is written down.
            call: Whose it is.
            deadline: When no further try is made.
            asking: What is sent in its place, with where the provider is to call back.

        Raises:
            TarashException: The provider did not accept; `submission` says what is known.
        """
        tries = 1 if call.mocked else 1 + call.config.max_retries
        attempt = self._attempt
        self.intent = self._intent(payload, call)
        waits = attempt.retry_at is not None or attempt.place is not None
        is_fresh = not waits and call.attempt_number == 1
        await self._pause()
        while True:
            await self._heed_a_stop(call)
            await self._heed_a_name(call)
            if attempt.place is not None:
                await attempt.place.hold()

            if not is_fresh:  # budgets go by the time
                self.intent = self._intent(payload, call)

            is_fresh = False
            await attempt.apply(Submitting(tries=attempt.tries), intent=self.intent)
            attempt.leave()
            await checkpoint()  # a call that is cancelled already must not buy anything
            error = await self._exchange(asking or payload, call)
            if error is None:
                if attempt.tries:  # for whoever is called about an earlier try, later
                    await record_response(attempt, self._lease, {"tries": attempt.tries})
                    await self._search.keep_second()

                return

            error.submission = submission_of(error)
            if attempt.place is not None:
                attempt.place.refused(error)

            tried = attempt.tries + 1
            pause = retry_pause(tried, error.retry_after, self._rng)
            late = current_time() + pause >= deadline
            ends = tried >= tries or late or not may_leave_again(error)
            await attempt.apply(refusal(error, tried, None if ends else pause))
            if ends:
                await self._heed_a_name(call)
                raise error

            await anyio.sleep(pause)

    async def _heed_a_stop(self, call: Call) -> None:
        """Go on where nobody has stopped the job while this one was prepared, or stood in a pause.

        Raises:
            TarashException: Somebody has.
        """
        is_later = call.attempt_number > 1 or self._attempt.tries > 0
        if is_later and await job_was_stopped(self._lease):
            raise TarashException(
                f"The job was stopped before it was submitted to {call.config.provider}; nothing "
                "more is bought for it",
                submission=self._attempt.submission or "not_sent",
            )

    async def _heed_a_name(self, call: Call) -> None:
        """Go on where the provider has named no job of a try that it has refused.

        Raises:
            TarashException: It has called us about one, so that the refusal was wrong.
        """
        attempt = self._attempt
        if not attempt.tries or not await self._search.is_named():
            return

        await attempt.apply(Unknown(), intent=self.intent)
        raise TarashException(
            f"{call.config.provider} refused the submit, and has called back about a job that it "
            "made of it all the same",
            submission="unknown",
            retryable=True,
        )

    async def _pause(self) -> None:
        """Wait for the rest of a pause in which another process has ended."""
        if self._attempt.retry_at is not None:
            rest = (self._attempt.retry_at - datetime.now(UTC)).total_seconds()
            await anyio.sleep(min(max(rest, 0), LONGEST_RETRY))

    def _intent(self, payload: Payload, call: Call) -> Intent:
        sent: JsonObject = {"path": payload.path, "method": payload.method, "body": payload.body}
        return Intent(
            call.request_id,
            call.kind,
            call.config.provider,
            call.config.model,
            call.attempt_number,
            self._lease.job_id,
            payload=sent if self._lease.keeps and is_small(sent) else None,
            host=self._attempt.host,
            quote=kept_quote(self._attempt.money.quote),
            labels=call.labels,
            budgets=windows_for(self._attempt.money.budgets, call, datetime.now(UTC)),
            adjustments=tuple(
                adjustment.model_dump(mode="json") for adjustment in call.adjustments
            ),
        )

    async def _exchange(self, payload: Payload, call: Call) -> TarashException | None:
        """Send once; a request that has left is heard out even when we are cancelled."""
        has_parts = self.on_part is not None and "partial_image" in self._adapter.abilities
        if has_parts and self._parts is None:
            self._parts = asyncio.Queue()

        self._heard = 0

        # By neither of them does it hold on to this submit, which holds it.
        is_late = partial(_is_late, self._attempt, self._lease)
        self._wire = SendState(is_late=is_late, hear=self._hear if has_parts else None)
        self._error = None
        limit = anyio.CancelScope()
        self._exchanging = exchanging = start_shielded(self._send(payload, call, limit))
        try:
            await self._answered(exchanging)
        except BaseException:
            # A cancellation, or what came out of a callback that heard a part.
            await self._await_inflight_response(limit, is_kept=self._is_kept(call))
            raise

        if (
            self._attempt.submission == "accepted"
        ):  # thousands of jobs wait after this, each with what it keeps
            self._exchanging = None

        return self._error

    async def _answered(self, exchanging: asyncio.Task[None]) -> None:
        """Wait for the answer, and tell of the images on the way that it brings meanwhile."""
        parts = self._parts
        if self._wire.hear is None or self.on_part is None or parts is None:
            await asyncio.wait([exchanging])
            return

        while not (exchanging.done() and parts.empty()):
            coming = asyncio.create_task(parts.get())
            try:
                await asyncio.wait([exchanging, coming], return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not coming.done():
                    coming.cancel()

            if coming.done() and not coming.cancelled():
                await self.on_part(coming.result())

    def _hear(self, data: bytes) -> None:
        """Take an event of an answer that is under way; called by whoever reads it."""
        try:
            part = cast("PreviewingAdapter", self._adapter).partial_image(data)
        except Exception as error:  # noqa: BLE001  (the answer that is read here is paid for)
            self._attempt.log(logging.ERROR, "event_unreadable", error=type(error).__name__)
            return

        if part is None or self._parts is None:
            return

        # A router's provider may show more of them than were asked for.
        asked = getattr(self._attempt.call.request, "partial_images", None)
        if asked is None or self._heard < asked:
            self._heard += 1
            self._parts.put_nowait(part)

    async def _send(self, payload: Payload, call: Call, limit: anyio.CancelScope) -> None:
        current_wire.set(self._wire)
        with limit:
            try:
                result = await self._adapter.submit(self._client, payload, call)
                await self._accept(result, call)
                if self._attempt.permit is not None:
                    await self._attempt.permit.accepted()
            except TarashException as error:
                self._error = error
            except Exception as error:  # noqa: BLE001  (whatever it is, money may be at stake)
                self._error = self._unforeseen(error)
            finally:
                self._wire.hear = None

    def _is_kept(self, call: Call) -> bool:
        """Tell whether an answer that nobody waits for is of use: to stop the job, or to keep."""
        if self._lease.keeps or "answers_at_once" not in self._adapter.abilities:
            return True

        return not cast("AnsweringAdapter", self._adapter).answers_at_once(call)

    async def _await_inflight_response(self, limit: anyio.CancelScope, *, is_kept: bool) -> None:
        """Wait for the answer to what has left; what has not left yet is stopped.

        Args:
            limit: What the exchange is in.
            is_kept: Whether the answer can be of use.
        """
        if self._attempt.submission != "accepted":  # and only about to be written down
            if self._wire.sent:
                await self._attempt.apply(Unknown())  # until the answer says more
            else:
                # A cancellation is delivered late enough for it to leave meanwhile.
                self._wire.stopped = True
                limit.cancel()

            if not is_kept:
                limit.cancel()

        limit.deadline = current_time() + CANCEL_SECONDS
        with anyio.CancelScope(shield=True):
            # A second cancellation ends this wait, and not what it waits for.
            await self.over()

    @property
    def is_under_way(self) -> bool:
        """Whether an answer may still come, although nobody waits for it any more."""
        return self._exchanging is not None and not self._exchanging.done()

    async def over(self) -> None:
        """Wait until what was sent last has been answered, or given up."""
        if self._exchanging is None:
            return

        await asyncio.wait([self._exchanging])
        attempt = self._attempt
        if self._error is not None:
            self._error.submission = submission_of(self._error)
            if attempt.submission != self._error.submission:
                await attempt.apply(refusal(self._error, attempt.tries, None))
        elif attempt.submission != "accepted":
            sent = self._wire.sent
            await attempt.apply(Unknown() if sent else Rejected(submission="not_sent"))

    async def _accept(self, result: Operation | RawResult | Begun, call: Call) -> None:
        attempt = self._attempt
        if isinstance(result, RawResult):
            if not (call.mocked or result.media) and is_no_answer(result.raw):
                raise unreadable(OK, result.raw)

            response = received(self._adapter, attempt, self._lease, call, result)
            await attempt.apply(Accepted(finished=True), finished=result, response=response)
            return

        operation = result.operation if isinstance(result, Begun) else result
        if not is_id(operation.id):
            raise HTTPError(
                f"{call.config.provider} accepted the job under an id that names none "
                f"({shorten(operation.id)!r}), so that it can't be asked after; it may run and be "
                "billed: look at the provider's dashboard before you try again",
                status_code=OK,
                submission="unknown",
                retryable=True,
            )

        if attempt.called_back:  # for whoever goes on with it elsewhere, too
            operation = replace(operation, data={**operation.data, CALLED_BACK: True})

        await attempt.apply(Accepted(operation=operation))
        if isinstance(result, Begun):  # believed from here on, where the acceptance is kept
            attempt.answered_end.keep(result.body)

    def _unforeseen(self, error: Exception) -> TarashException:
        secrets = self._attempt.secrets
        failure = TarashException(
            f"Unforeseen {type(error).__name__} while submitting: {secrets.text(str(error))}",
            submission="unknown" if self._wire.sent else "not_sent",
        )
        failure.__cause__ = secrets.error(error)
        return failure


def refusal(error: TarashException, tries: int, pause: float | None) -> AttemptEvent:
    """Return the event of a submit that was not accepted.

    Args:
        error: What was heard; its `submission` is known.
        tries: How often it was tried.
        pause: Seconds until it leaves again; None where it does not.
    """
    error_facts = facts_of(error)
    if error.submission not in ("rejected", "not_sent"):
        return Unknown(error=error_facts)

    at = None if pause is None else datetime.now(UTC) + timedelta(seconds=pause)
    return Rejected(
        submission=error.submission, error=error_facts, tries=tries, retry_at=at, pause=pause
    )


def _is_late(attempt: Attempt, lease: Lease) -> bool:
    """Tell whether the job, or its slot, may be somebody else's by now."""
    return lease.is_late() or (attempt.place is not None and attempt.place.is_late())


def is_small(value: Any, room: int = LARGEST_PAYLOAD) -> bool:
    """Tell whether a payload is JSON of a moderate size, without making its JSON."""
    return _room_left(value, room) >= 0


def _room_left(value: Any, room: int) -> int:
    if isinstance(value, bytes):
        return -1

    if isinstance(value, str):
        return room - len(value)

    parts = [*value, *value.values()] if isinstance(value, dict) else value
    if isinstance(parts, list | tuple):
        for part in parts:
            room = _room_left(part, room)
            if room < 0:
                break

    return room
