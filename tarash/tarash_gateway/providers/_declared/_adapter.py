"""The adapter that plays a declaration, on top of `RestAdapter`. Has no loop and no retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MethodType
from typing import TYPE_CHECKING, Any

from ..._data._exchange import (
    ENDED,
    Begun,
    Operation,
    Page,
    Payload,
    RawResult,
    Snapshot,
    Together,
)
from ..._http._client import HttpResponse, status_error, unreadable
from ..._http._send_state import fetching_result
from ..._support._paths import value_at
from ...exceptions import HTTPError, TarashException, UnsupportedOperationError
from .._contract import ABILITIES
from .._finding import earliest, moment
from .._result_facts import among, id_in, percent, unknown_in
from ._answers import goes_on, has_place, is_done, items_of, job_in, preview_in
from ._asked import (
    filled_in,
    is_ours,
    medium_of,
    own_id,
    says_its_failure,
    says_nothing,
    status_without_word,
    whole,
)
from ._learning import DeclaredLearning
from ._model import ProviderDeclaration
from ._names import holds, hook
from ._parts import first_of
from ._stages import Poll

if TYPE_CHECKING:
    from ..._data._exchange import Call, PartialImage
    from ..._data._types import CancelAnswer
    from ..._data._webhooks import WebhookFacts

FIRST_ERROR = 300
ACCEPTED = 202
GONE = 404

MOST_NAMED = 4
"""Models that an error lists."""


class DeclaredAdapter(DeclaredLearning):
    """A provider's protocol, as its declaration says it."""

    def __init__(self, declaration: ProviderDeclaration) -> None:
        super().__init__(declaration)
        if declaration.list:
            self.find_submitted = self._find

        if declaration.quote:
            self.ask_price = self._ask_price

        if declaration.schemas:
            self.fetch_schema = self._fetch_schema

        if declaration.upload is not None:
            self.upload = self._upload

        if any(poll.many is not None or poll.ids_at_once > 1 for poll in declaration.poll):
            self.poll_many = self._poll_many

        if any(way.partial is not None for way in declaration.submit):
            self.partial_image = self._partial_image

        if declaration.webhook:
            self.webhook = self._webhook

        for stage, place in declaration.hooks.items():
            setattr(self, stage, MethodType(hook(place), self))

        sources = {
            name: take
            for form in declaration.models
            for take in form.takes.values()
            if take.source == "continue_from"
            for name in form.ids
        }
        names = [name for name in sources if not name.endswith("*")]
        self.continues = ", ".join(names) if len(names) <= MOST_NAMED else "its video models"
        self.continues_own_model = any(take.own_model for take in sources.values())
        self.abilities = frozenset(
            name for name in ABILITIES if callable(getattr(self, name, None))
        )

    def _webhook(self, kind: str = "", model: str = "") -> WebhookFacts | None:
        """Return how the provider calls back about a model's jobs; by default about most."""
        ways = self.said.webhook
        webhook = first_of(ways, kind, model) or (None if model else ways[-1])
        return None if webhook is None else webhook.facts

    def _partial_image(self, event: bytes) -> PartialImage | None:
        """Return the image on the way that an event of a stream holds; None for any other."""
        return preview_in(event, self.said.submit)

    # ---------------------------------------------------------------------------------------- poll
    def poll_of(self, operation: Operation) -> Poll:
        """Return how a job is asked after."""
        poll = first_of(self.said.poll, operation.kind, operation.model)
        # An id that nobody knows is polled like the first of its kind, as it was sent.
        return poll or self.said.poll[0]

    def job_url(self, client: Any, operation: Operation) -> str:
        """Return the address of a job: from the answer, or by its id."""
        poll = self.poll_of(operation)
        if poll.from_url and operation.urls.get("poll"):
            return whole(client, operation.urls["poll"])

        return self._url(client, poll.path, operation)

    def _url(self, client: Any, path: str, operation: Operation, **others: str) -> str:
        # Its own path is an address already, and keeps its slashes.
        path = path.replace("{path}", str(operation.data.get("path", "")))
        values = {"id": operation.id, "model": operation.model, **others}
        return self.address_of(client, path, values)

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Ask for the job once; where its result is elsewhere, ask there too."""
        poll, url = self.poll_of(operation), self.job_url(client, operation)
        if poll.method == "POST":
            body_sent = {**poll.body, poll.item_id: operation.id}
            answer = await client.post(url, json=body_sent, any_status=True)
        else:
            answer = await client.get(url, any_status=True)

        missing = answer.status in (GONE, *poll.missing) and not self.rules.ends_job(answer)
        if missing and self._is_young(poll, operation):
            return Snapshot("queued", raw=answer.body)

        if answer.status == ACCEPTED and says_nothing(poll, answer.body):
            # It is being made; there may be no body yet.
            return Snapshot("processing", raw=answer.body or None)

        # With a status of the job, an error beside it is the job's, and not this answer's.
        says_status = among(poll.statuses, str(value_at(answer.body, poll.status))) is not None
        if answer.status >= FIRST_ERROR or (self.rules.is_refusal(answer.body) and not says_status):
            return self._denied(poll, answer) or self.refused(answer)

        job = job_in(poll, operation, answer.object())
        if job is not None:
            return await self.read_status(client, operation, job)

        if not has_place(poll.items or "", answer.body):
            raise unreadable(answer.status, answer.body)  # by whoever lists nothing

        return self._gone(poll, operation, answer.body)

    async def read_status(
        self, client: Any, operation: Operation, body: Mapping[str, Any]
    ) -> Snapshot:
        """Return what a job's body says; where its result is elsewhere, ask there too."""
        return await self._fetched(client, self.snapshot(body, operation), operation)

    def begun(self, accepted: Operation | RawResult, body: Any) -> Operation | RawResult | Begun:
        """Return what was accepted, and its status where that says that it has ended. Pure."""
        if not isinstance(accepted, Operation) or "poll" in self.said.hooks:
            return accepted

        poll = self.poll_of(accepted)
        job = job_in(poll, accepted, body)
        status = None if job is None else among(poll.statuses, str(value_at(job, poll.status)))
        return accepted if job is None or status not in ENDED else Begun(accepted, job)

    @staticmethod
    def _is_young(poll: Poll, operation: Operation) -> bool:
        submitted = moment(operation.submitted_at)
        grace = timedelta(seconds=poll.missing_for)
        return submitted is not None and datetime.now(UTC) - submitted < grace

    def _gone(self, poll: Poll, operation: Operation, body: Any) -> Snapshot:
        """Return that the provider doesn't know the job, which is believed where it stays."""
        if self._is_young(poll, operation):
            return Snapshot("queued", raw=body)

        message = f"{self.said.title} doesn't list the job {operation.id}"
        trouble = HTTPError(message, raw_response=body, status_code=GONE)
        return Snapshot("processing", raw=body, trouble=trouble, denied=True)

    def _denied(self, poll: Poll, answer: HttpResponse) -> Snapshot | None:
        """Return that there is no such job, where the status says it and no rule a verdict."""
        if answer.status not in poll.missing or self.rules.ends_job(answer):
            return None

        trouble = self.errors(answer) or status_error(answer)
        return Snapshot("processing", raw=answer.body, trouble=trouble, denied=True)

    def refused(self, answer: HttpResponse) -> Snapshot:
        """Return the provider's verdict where a rule says that it is one; else raise."""
        body = answer.body
        if self.rules.ends_job(answer):
            return replace(self._failed(body), certain=self.rules.is_coded(answer))

        error = self.errors(answer) or status_error(answer)
        if answer.status < FIRST_ERROR:
            error = self.rules.in_good_answer(answer)

        if self.rules.is_gone(answer):
            return Snapshot("processing", raw=body, trouble=error, denied=True)

        raise error

    def _failed(self, body: Mapping[str, Any]) -> Snapshot:
        """Return the verdict on a job that failed, and what that costs."""
        return Snapshot(
            "failed",
            raw=body,
            error=self.failure(body),
            billing=self.rules.billing_of(body),
            refunded_within=self.rules.refund_of(body),
        )

    def failure(self, body: Mapping[str, Any]) -> TarashException:
        """Return the error of a job that ended without a result. Pure."""
        return self.rules.failure(body)

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a job's body says; a word that nobody knows keeps the job open. Pure."""
        poll = self.poll_of(operation)
        word = value_at(body, poll.status)
        status: Any = status_without_word(poll, body)
        status = status or among(poll.statuses, str(word)) or "processing"
        if status == "gone":
            return self._gone(poll, operation, body)

        named = id_in(body, () if poll.job_id is None else (poll.job_id,))
        if status == "failed":
            certain = says_its_failure(poll, body)
            return replace(self._failed(body), job_id=named, certain=certain)

        if status == "completed":
            metadata = self.beside(body, operation.kind, operation.model)
            if not {"cost", "cost_usd"} & metadata.keys():
                metadata |= self.cost_before(operation)

            result = RawResult(body, {**self.metadata(operation), **metadata})
            return Snapshot("completed", raw=body, progress=100, finished=result, job_id=named)

        place = value_at(body, poll.queue_position)
        return Snapshot(
            status,
            raw=body,
            progress=percent(value_at(body, poll.progress), poll.whole_progress),
            queue_position=place if type(place) is int else None,
            unknown=unknown_in(poll.statuses, word),
            job_id=named,
        )

    async def _fetched(self, client: Any, seen: Snapshot, operation: Operation) -> Snapshot:
        result, finished = self.result_of(operation.kind, operation.model), seen.finished
        if finished is None or not (result.fetch or result.authorised):
            return seen

        fetching_result()
        try:
            return await self._delivered(client, seen, finished, operation)
        except TarashException as trouble:  # of the result; the job's own status was heard
            return Snapshot("processing", raw=seen.raw, trouble=trouble)

    async def _delivered(
        self, client: Any, seen: Snapshot, finished: RawResult, operation: Operation
    ) -> Snapshot:
        """Return a finished job with what only further requests bring.

        Raises:
            TarashException: It is not to be had now; the job is done all the same.
        """
        result = self.result_of(operation.kind, operation.model)
        raw, media = finished.raw, finished.media
        if result.fetch is not None:
            file_id = str(value_at(raw, result.fetch_id) or operation.id)
            url = self._url(client, result.fetch, operation, file_id=file_id)
            answer = await client.get(url, any_status=True)
            if answer.status >= FIRST_ERROR or self.rules.is_refusal(answer.body):
                return self.refused(answer)

            if answer.content is not None:
                media = (medium_of(answer),)
            else:
                raw = {**raw, "result": answer.object()}
                urls = self.urls(raw, operation.kind, operation.model)
                is_whole = result.whole is not None and holds(result.whole, raw)
                if not (urls or is_whole or self.flags(raw, operation.kind, operation.model)):
                    raise unreadable(answer.status, answer.body)

        if result.authorised and not media:
            urls = self.closed_urls(raw, operation.kind, operation.model)
            media = tuple([medium_of(await client.get(whole(client, url))) for url in urls])

        return replace(seen, raw=raw, finished=replace(finished, raw=raw, media=media))

    def together(self, operation: Operation) -> Together | None:
        """Return how a job is asked for together with others, where that is declared."""
        poll = self.poll_of(operation)
        if poll.ids_at_once > 1:
            return Together(poll.ids_at_once, place=poll.path)

        return None if poll.many is None else Together(apart=poll.many.apart, place=poll.many.path)

    async def _poll_many(self, client: Any, operations: Sequence[Operation], place: str) -> Page:
        """Return where jobs stand, by their ids or by a page of a list."""
        poll = self.poll_of(operations[0])
        many, items, named = poll.many, poll.items or "", poll.item_id
        status, path = poll.status, poll.path
        values = {"id": ",".join(operation.id for operation in operations)}
        if many is not None:
            items, named, status, path = many.items, many.id, many.status or poll.status, many.path
            values = many.at(place)

        answer = await client.get(self.address_of(client, path, values))
        if self.rules.is_refusal(answer.body):
            raise self.rules.in_good_answer(answer)

        listed = items_of(answer, items)
        snapshots: dict[str, Snapshot] = {}
        for item in listed:
            job_id, reported = value_at(item, named), value_at(item, status)
            word: Any = among(poll.statuses, str(reported)) or "processing"
            if job_id and word != "gone":
                unknown = unknown_in(poll.statuses, reported)
                snapshots[str(job_id)] = Snapshot(word, raw=item, unknown=unknown)

        return Page(snapshots, "" if many is None else many.after(place, answer.body, len(listed)))

    # -------------------------------------------------------------------------------- cancel, list
    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer:
        """Ask to stop the job, in the states in which that stops it and never erases a result."""
        how = first_of(self.said.cancel, operation.kind, operation.model)
        if how is None:
            return "unsupported"

        if how.look_first or len(how.states) == 1:
            seen = await self.poll(client, operation)
            if seen.status in ("completed", "failed") or is_done(seen):
                return "too_late"

            if seen.status not in how.states:
                return "unsupported"

        answer = await client.stop(self._url(client, how.path, operation), how.method)
        if answer.status < FIRST_ERROR and not self.rules.is_refusal(answer.body):
            return how.means

        status = (await self.poll(client, operation)).status
        return "too_late" if status in ("completed", "failed") else "unsupported"

    async def _find(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the listed jobs that are ours: by our own id, or by what the list shows."""
        listing = first_of(self.said.list, call.kind, call.config.model)
        if listing is None:
            raise UnsupportedOperationError(f"{self.said.title} lists no such jobs")

        path = self._path(self._submit_of(call.kind, call.config.model, call.request), call)
        operations: dict[str, Operation] = {}
        cursor, offset = "", 0
        for page in range(1, listing.most_pages + 1):
            values = {"own_id": own_id(call), "page": str(page), "cursor": cursor}
            values |= {"offset": str(offset)}
            values |= {"model": call.config.model, "since": f"{earliest(since):%Y-%m-%dT%H:%M:%SZ}"}
            url = self.address_of(client, listing.path.replace("{path}", path), values)
            if listing.method == "POST":
                body = filled_in(listing.body, {**values, "page": page, "offset": offset})
                answer = await client.post(url, json=body)
            else:
                answer = await client.get(url)

            items = items_of(answer, listing.items)
            offset += len(items)
            for each in items:
                job_id = value_at(each, listing.id)
                if job_id and is_ours(listing, each, payload, call, since):
                    operations[str(job_id)] = self.job_of(client, call, str(job_id), path)

            following = value_at(answer.body, listing.next)
            cursor = "" if isinstance(following, bool) else str(following or "")
            if not goes_on(listing, answer.body, items, cursor):
                break

        return list(operations.values())
