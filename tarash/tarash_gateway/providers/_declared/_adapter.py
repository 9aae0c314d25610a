"""The adapter that plays a declaration, on top of `RestAdapter`. Has no loop and no retry."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

from ..._data._exchange import (
    Operation,
    Payload,
    RawResult,
    Snapshot,
)
from ..._http._client import HttpResponse, join, status_error, unreadable
from ..._http._send_state import fetching_result
from ..._support._paths import value_at as one
from ..._support._paths import values_at as every
from ..._support._warnings import warn
from ...exceptions import (
    GenerationFailedError,
    HTTPError,
    TarashException,
    UnsupportedOperationError,
)
from ...mapping import apply_field_mappers, longest_prefix
from ...models import ImageGenerationResponse, VideoGenerationResponse
from .._contract import ABILITIES
from .._facts import READERS, date, percent, response_facts
from ._account import DeclaredAccount
from ._asked import as_image, content_of, has, hook, is_ours, medium_of, own_id, whole
from ._model import Poll, ProviderDeclaration, Submit
from ._names import holds, merged, put

if TYPE_CHECKING:
    from ..._data._exchange import Call, Response
    from ..._data._types import CancelAnswer, Kind
    from ...catalog import ModelSpec

FIRST_ERROR = 300
GONE = 404
MOST_WORDS = 100
"""Words for a status that are warned of; a provider may make up more."""


class DeclaredAdapter(DeclaredAccount):
    """A provider's protocol, as its declaration says it."""

    def __init__(self, said: ProviderDeclaration) -> None:
        super().__init__(said)
        if said.list is not None:
            self.find_submitted = self._find

        for stage, place in said.hooks.items():
            setattr(self, stage, MethodType(hook(place), self))

        self.abilities = frozenset(
            name for name in ABILITIES if callable(getattr(self, name, None))
        )

    def answers_at_once(self, call: Call) -> bool:
        """Tell whether a call's answer is its result."""
        return self._submit_of(call.kind, call.config.model, call.request).at_once

    # -------------------------------------------------------------------------------------- submit
    def _submit_of(self, kind: str, model: str, request: Any) -> Submit:
        for way in self.said.submit:
            named = any(
                model.startswith(one[:-1]) if one.endswith("*") else model == one
                for one in way.models
            )
            fits = way.kind in (None, kind) and (not way.models or named)
            if (
                fits
                and all(has(request, name) for name in way.has)
                and not any(has(request, name) for name in way.lacks)
            ):
                return way

        raise UnsupportedOperationError(
            f"{self.said.title} has no way to make this {kind} with {model}; see what the model "
            "takes with describe_model()"
        )

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the body: what is declared, what was mapped, then `extra_params`, which win."""
        self.check_kind(call)
        way = self._submit_of(call.kind, spec.model, call.request)
        extra = call.request.extra_params
        mappers = {name: one for name, one in spec.mappers.items() if name not in extra}
        mapped = apply_field_mappers(mappers, call.request)
        places = self._places(spec.model)
        body: dict[str, Any] = copy.deepcopy(way.body)
        if way.model_at:
            put(body, way.model_at, spec.model)

        for name, value in mapped.items():
            put(body, places.get(name, name), value)

        if way.own_id is not None:
            put(body, way.own_id, own_id(call))

        inner: dict[str, Any] = {}
        if extra and way.extra_at is not None:
            put(inner, way.extra_at, dict(extra))

        body = merged(body, inner or extra)
        path = self.filled(way.path, {"model": spec.model}, quoted="?" in way.path)
        headers = dict(way.headers)
        if way.fresh_id_header is not None:
            headers[way.fresh_id_header] = str(uuid.uuid5(uuid.NAMESPACE_URL, own_id(call)))

        return Payload(path, body, headers=headers)

    def _places(self, model: str) -> dict[str, str]:
        known = {name.removesuffix("*"): one for one in self.said.models for name in one.ids}
        matched = longest_prefix(model, known)
        found = self.said.models if matched is None else (known[matched],)
        return {name: take.at for one in found for name, take in one.takes.items() if take.at}

    async def submit(self, client: Any, payload: Payload, call: Call) -> Operation | RawResult:
        """Send the body once; an error inside a good answer is one."""
        answer = await client.submit(payload.path, json=payload.body, headers=payload.headers)
        if answer.content is None and self.rules.is_refusal(answer.object()):
            raise self.rules.in_good_answer(answer, paid=True)

        return self.accepted(client, answer, call)

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return the job that an answer names, or the result that it is."""
        way = self._submit_of(call.kind, call.config.model, call.request)
        if way.at_once:
            media = {"content": answer.content, "content_type": answer.content_type or ""}
            raw = answer.body if answer.content is None else dict(answer.headers)
            held: Any = (media,) if answer.content is not None else ()
            return RawResult(raw, self._beside(raw), held)

        job_id = one(answer.object(), way.id)
        if isinstance(job_id, bool) or not isinstance(job_id, str | int) or job_id == "":
            raise unreadable(answer.status, answer.body)

        found = self.operation(client, call, str(job_id))
        url = one(answer.body, way.url)
        return replace(found, urls={"poll": url}) if isinstance(url, str) and url else found

    # ---------------------------------------------------------------------------------------- poll
    def job_url(self, client: Any, operation: Operation) -> str:
        """Return the address of a job: from the answer, or by its id."""
        poll = self._poll
        if poll.from_url and operation.urls.get("poll"):
            return whole(client, operation.urls["poll"])

        return self._url(client, poll.path, operation)

    def _url(self, client: Any, path: str, operation: Operation, **others: str) -> str:
        values = {"id": operation.id, "model": operation.model, **others}
        return join(client.account.base_url, self.filled(path, values, quoted=True))

    @property
    def _poll(self) -> Poll:
        assert self.said.poll is not None  # noqa: S101  (checked: only an answer at once has none)
        return self.said.poll

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Ask for the job once; where its result is elsewhere, ask there too."""
        url = self.job_url(client, operation)
        if self._poll.method == "POST":
            body_sent = {**self._poll.body, self._poll.item_id: operation.id}
            answer = await client.post(url, json=body_sent, any_status=True)
        else:
            answer = await client.get(url, any_status=True)

        if answer.status >= FIRST_ERROR or self.rules.is_refusal(answer.body):
            return self.refused(answer)

        body = answer.object()
        job: Any = body
        if self._poll.items is not None:
            mine = [
                one_
                for one_ in every(body, f"{self._poll.items}[]")
                if str(one(one_, self._poll.item_id)) == operation.id
            ]
            if not mine:
                trouble = HTTPError(
                    f"{self.said.title} doesn't list the job {operation.id}",
                    raw_response=body,
                    status_code=GONE,
                )
                return Snapshot("processing", raw=body, trouble=trouble, denied=True)

            job = mine[0]

        seen = self.snapshot(job, operation)
        return await self._fetched(client, seen, operation)

    def refused(self, answer: HttpResponse) -> Snapshot:
        """Return the provider's verdict where a rule says that it is one; else raise."""
        if self.rules.ends_job(answer):
            return Snapshot(
                "failed",
                raw=answer.body,
                error=self.rules.failure(answer.body),
                billing=self.rules.billing_of(answer.body),
            )

        if answer.status < FIRST_ERROR:
            raise self.rules.in_good_answer(answer)

        raise self.errors(answer) or status_error(answer)

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a job's body says; a word that nobody knows keeps the job open. Pure."""
        poll, word = self._poll, str(one(body, self._poll.status))
        status = poll.statuses.get(word, "processing")
        is_new = word not in poll.statuses and word not in self.unknown
        if is_new and len(self.unknown) < MOST_WORDS:
            self.unknown.add(word)
            warn(
                f"{self.said.title} says {word!r} of a job, which no declared status is: it is "
                "polled on"
            )

        if status == "failed":
            return Snapshot(
                "failed",
                raw=body,
                error=self.rules.failure(body),
                billing=self.rules.billing_of(body),
            )

        if status == "completed":
            metadata = self._beside(body)
            return Snapshot(
                "completed",
                raw=body,
                progress=100,
                finished=RawResult(body, {**self.metadata(operation), **metadata}),
            )

        place = one(body, poll.queue_position)
        return Snapshot(
            status,
            raw=body,
            progress=percent(one(body, poll.progress), poll.whole_progress),
            queue_position=place if type(place) is int else None,
        )

    async def _fetched(self, client: Any, seen: Snapshot, operation: Operation) -> Snapshot:
        result, finished = self.said.result, seen.finished
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
        result, raw, media = self.said.result, finished.raw, finished.media
        if result.fetch is not None:
            file_id = str(one(raw, result.fetch_id) or operation.id)
            url = self._url(client, result.fetch, operation, file_id=file_id)
            answer = await client.get(url, any_status=True)
            if answer.status >= FIRST_ERROR or self.rules.is_refusal(answer.body):
                return self.refused(answer)

            if answer.content is not None:
                media = (medium_of(answer),)
            else:
                raw = {**raw, "result": answer.object()}
                if not (self.urls(raw, operation.kind) or self._flags(raw)):
                    raise unreadable(answer.status, answer.body)

        if result.authorised and not media:
            found = self.urls(raw, operation.kind)
            media = tuple([medium_of(await client.get(whole(client, url))) for url in found])

        return replace(seen, raw=raw, finished=replace(finished, raw=raw, media=media))

    def _flags(self, body: Any) -> list[str]:
        """Return which flags say that there is no result."""
        return [flag.at for flag in self.said.result.refused if holds(flag, body)]

    # -------------------------------------------------------------------------------------- result
    def metadata(self, operation: Operation) -> dict[str, Any]:
        """Return when a result's URL ends, counted from the submit: the earliest it can be."""
        if self.said.result.lifetime is None:
            return {}

        submitted = datetime.fromisoformat(operation.submitted_at)
        return {
            "expires_at": (submitted + timedelta(seconds=self.said.result.lifetime)).isoformat()
        }

    def _beside(self, body: Any) -> dict[str, Any]:
        result = self.said.result
        found = {name: one(body, path) for name, path in result.metadata.items()}
        expiry = one(body, result.expires_at)
        found["expires_at"] = expiry if isinstance(expiry, str) else date(expiry)
        if found["expires_at"] is None and result.lifetime is not None and self.said.poll is None:
            later = datetime.now(UTC) + timedelta(seconds=result.lifetime)
            found["expires_at"] = later.isoformat()

        cost = one(body, result.cost)
        if cost is not None:
            found["cost_usd" if result.cost_unit == "USD" else "cost"] = (
                cost if result.cost_unit == "USD" else {"amount": cost, "unit": result.cost_unit}
            )

        return {name: value for name, value in found.items() if value is not None}

    def urls(self, body: Any, kind: str) -> list[str]:
        """Return the media of the asked kind. Pure."""
        paths = self.said.result.media.get(cast("Kind", kind), ())
        for path in paths:
            found = [text for text in every(body, path) if isinstance(text, str) and text]
            if found:
                return found

        return []

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; flags that refuse and a result without media are errors. Pure."""
        raw = finished.raw
        found: list[Any] = list(finished.media) or self.urls(raw, call.kind)
        if not found and self._flags(raw):
            raise self.rules.kept_back(raw)

        if not found:
            raise GenerationFailedError(
                f"{self.said.title} answered without a {call.kind}", raw_response=raw
            )

        given = {
            name: one(raw, path) for name, path in self.said.result.facts.items() if name in READERS
        }
        facts = response_facts(call, finished.metadata, **given)
        if call.kind == "image":
            return ImageGenerationResponse(
                images=tuple(map(as_image, found)), raw_response=raw, **facts
            )

        if self.said.result.base64:
            found = [content_of(text) for text in found]

        return VideoGenerationResponse(
            video=found[0], videos=tuple(found), raw_response=raw, **facts
        )

    # -------------------------------------------------------------------------------- cancel, list
    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer:
        """Ask to stop the job, in the states in which that stops it and never erases a result."""
        how = self.said.cancel
        if how is None:
            return "unsupported"

        if how.look_first or len(how.states) == 1:
            status = (await self.poll(client, operation)).status
            if status in ("completed", "failed"):
                return "too_late"

            if status not in how.states:
                return "unsupported"

        send = {"DELETE": client.delete, "POST": client.post, "PUT": client.put}[how.method]
        answer = await send(self._url(client, how.path, operation), any_status=True)
        if answer.status < FIRST_ERROR and not self.rules.is_refusal(answer.body):
            return how.means

        status = (await self.poll(client, operation)).status
        return "too_late" if status in ("completed", "failed") else "unsupported"

    async def _find(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the listed jobs that are ours: by our own id, or by what the list shows."""
        listing = self.said.list
        assert listing is not None  # noqa: S101  (else there is no such method)
        path = self.filled(listing.path, {"own_id": own_id(call)}, quoted=True)
        answer = await client.get(join(client.account.base_url, path))
        items = [
            each
            for each in every(answer.object(), f"{listing.items}[]")
            if one(each, listing.id) and is_ours(listing, each, payload, call, since)
        ]
        return [self.operation(client, call, str(one(each, listing.id))) for each in items]
