"""Replicate: predictions by official model, version or deployment; polls, cancel, uploads.

Only uploads go through the SDK, with its retries replaced. Its polls would ask up to ten times, its
submits can't read every answer, and over our own session each costs a third.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from ..._data._exchange import (
    MediaSupport,
    Operation,
    Page,
    Payload,
    RawResult,
    Snapshot,
    Stopped,
    Together,
)
from ..._data._webhooks import WebhookFacts
from ..._http._client import join
from .._abilities import CallsBack, VersionedPaths
from .._rest import RestAdapter
from .client import ReplicateClient, upload
from .errors import classify_answer
from .listing import is_same, newest, page_at
from .logs import beside_of, billing_of, filter_in, progress_in, reported_cost
from .places import check_kind, place_of
from .schemas import read_record

if TYPE_CHECKING:
    from ..._data._exchange import Call
    from ..._data._types import Billing, CancelAnswer, JobStatus, JsonObject
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

HELD_SECONDS = 4
"""How long Replicate may hold the submit of an image: less than a cancelled submit is heard out."""
TOGETHER = Together()


class ReplicateAdapter(CallsBack, VersionedPaths, RestAdapter):
    """Replicate's predictions, by declaration but for their places, uploads and logs."""

    abilities: frozenset[Ability] = frozenset(
        {
            "fetch_schema",
            "find_submitted",
            "poll_many",
            "read_status",
            "reported_cost",
            "resolve_base_url",
            "upload",
            "verify_credentials",
            "webhook",
        }
    )
    beside = staticmethod(beside_of)
    billing = staticmethod(billing_of)
    connect = staticmethod(ReplicateClient)
    kept_back = staticmethod(filter_in)
    reported_cost = staticmethod(reported_cost)
    upload = staticmethod(upload)
    name = "replicate"
    accepts = MediaSupport(largest_inline=256 * 1024, upload=True)
    min_poll_interval = 0.1
    base_url = "https://api.replicate.com"
    key_variables = ("REPLICATE_API_TOKEN",)
    errors = classify_answer
    read_status = RestAdapter.seen
    job_path = "v1/predictions/{id}"
    statuses: ClassVar[Mapping[str, JobStatus]] = {
        "starting": "queued",
        "processing": "processing",
        "succeeded": "completed",
        "failed": "failed",
        "canceled": "failed",
        "aborted": "failed",
    }
    failures = ("error",)
    repeats = ("id",)
    prefer: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "video": ("video", "videos", "output", "url"),
        "image": ("image", "images", "output", "url"),
    }
    output_at = "output"
    check_path = "v1/account"
    stopped = frozenset({"canceled", "aborted"})
    not_running = frozenset({404, 409, 410, 422})  # as far as that is known
    callback = WebhookFacts(
        scheme="standard_hmac",
        parameter="webhook",
        beside={"webhook_events_filter": ["completed"]},
        variable="REPLICATE_WEBHOOK_SIGNING_SECRET",
        demands=("https",),
    )

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the model's input, and where predictions of this model are made."""
        check_kind(call, spec.model)
        path, version = place_of(spec.model)
        body: dict[str, Any] = {"input": self.mapped(call, spec)}
        if version is not None:
            body["version"] = version

        held = {"Prefer": f"wait={HELD_SECONDS}"} if call.kind == "image" else {}
        return Payload(path=path, body=body, headers=held, inside="input")

    async def find_submitted(
        self, client: ReplicateClient, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the predictions since then of this model or version, with exactly this input.

        Replicate shows the whole input. Of media that were sent inline only the presence counts.
        """
        jobs = await newest(client, since)
        return self.listed(client, call, since, jobs, lambda job: is_same(job, payload))

    def together(self, operation: Operation) -> Together:
        """Return that the list answers for predictions, a hundred on a page."""
        del operation
        return TOGETHER

    async def poll_many(
        self, client: ReplicateClient, operations: Sequence[Operation], place: str
    ) -> Page:
        """Return where predictions stand, by a page of the list of when they were made."""
        listed, further = await page_at(client, operations, place)
        return Page(self.listed_statuses(listed), further)

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a prediction says, with the progress that its logs show."""
        seen = super().snapshot(body, operation)
        done = progress_in(body)
        is_under_way = seen.status in ("queued", "processing")
        return replace(seen, progress=done) if is_under_way and done is not None else seen

    async def cancel(self, client: ReplicateClient, operation: Operation) -> CancelAnswer | Stopped:
        """Ask Replicate to stop the prediction."""
        answer = await client.stop(f"{self.job_url(client, operation)}/cancel")
        outcome = self.cancel_answer(answer)
        return Stopped(outcome, self.billing(answer.body)) if outcome == "cancelled" else outcome

    def may_learn(self, account: Credentials) -> bool:
        """Tell that Replicate, and what stands in its place, has schemas."""
        del account
        return True

    async def fetch_schema(self, client: ReplicateClient, model: str) -> JsonObject | None:
        """Return what Replicate says of a model that the catalogue doesn't have."""
        root = join(client.account.base_url, "v1")
        return await read_record(lambda path: self.get_or_none(client, f"{root}/{path}"), model)

    def billing_of_result(self, finished: RawResult) -> Billing | None:
        """Return that the seconds of work are billed, whatever the filter kept back."""
        del finished
        return "certain"

    def missing(self, body: Any) -> str:
        """Return that the data are gone, where they are."""
        return " (its data have been removed)" if body.get("data_removed") else ""

    def facts(self, body: Any, kind: str) -> dict[str, Any]:
        """Return the prediction's id."""
        del kind
        return {"request_id": body.get("id")}


adapter = ReplicateAdapter()
