"""fal: queue submit, status, status stream, result, cancel; wire facts from fal's documentation.

Paid POSTs and polls go over our own session: the SDK re-sends a submit up to ten times. The SDK
serves for uploads to fal's storage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..._data._exchange import (
    MediaSupport,
    Operation,
    Payload,
    RawResult,
    Snapshot,
    Stopped,
)
from ..._data._webhooks import WebhookFacts
from ..._http._client import HttpClient, checked, segments
from ...catalog._records import dated
from .._abilities import CallsBack
from .._rest import RestAdapter
from .._result_facts import count, mapping, number
from .costs import ask_price, reported_cost
from .errors import classify_answer
from .schemas import document_of, may_learn, read_document
from .uploads import STORAGE, upload
from .verdict import built_urls, cancelled, given_urls, result_of

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config
    from ..._data._types import Billing, CancelAnswer, JobStatus, JsonObject
    from ...catalog import ModelSpec
    from .._contract import Ability


class FalAdapter(CallsBack, RestAdapter):
    """fal's queue, by declaration but for its addresses and its two-part verdict."""

    abilities: frozenset[Ability] = frozenset(
        {
            "ask_price",
            "fetch_schema",
            "read_status",
            "reported_cost",
            "stream",
            "upload",
            "verify_credentials",
            "webhook",
        }
    )
    reported_cost = staticmethod(reported_cost)
    ask_price = staticmethod(ask_price)
    may_learn = staticmethod(may_learn)
    upload = staticmethod(upload)
    name = "fal"
    accepts = MediaSupport(largest_inline=256 * 1024, upload=True)
    min_poll_interval = 0.1
    base_url = "https://queue.fal.run"
    key_variables = ("FAL_KEY",)
    trusted_hosts = ("fal.run", "api.fal.ai")
    needs = ("status", "response", "cancel")
    errors = classify_answer
    authorization = ("Authorization", "Key {key}")
    # Without it fal may serve the request from another model.
    headers: ClassVar[Mapping[str, str]] = {"x-app-fal-disable-fallback": "true"}
    job_id = "request_id"
    statuses: ClassVar[Mapping[str, JobStatus]] = {
        "IN_QUEUE": "queued",
        "IN_PROGRESS": "processing",
        "COMPLETED": "completed",
        # No status of fal's pages, but of some reports: as ever, the result says what became of it.
        "FAILED": "completed",
    }
    failures = ("error",)
    prefer: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "video": ("video", "videos", "video_url"),
        "image": ("images", "image"),
    }
    output_at = ""
    check_path = "fal-ai/flux/requests/{nobody}/status"
    callback = WebhookFacts(
        scheme="digest_ed25519",
        parameter="fal_webhook",
        in_query=True,
        job_id=("request_id",),  # the other id changes where fal tries again
        keys_url=f"{STORAGE}/.well-known/jwks.json",
        options={"prefix": "x-fal-webhook-"},
    )

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else FAL_KEY, else FAL_KEY_ID and FAL_KEY_SECRET."""
        pair = (environment.get("FAL_KEY_ID"), environment.get("FAL_KEY_SECRET"))
        joined = ":".join(part for part in pair if part) if all(pair) else None
        return super().find_key(config, environment) or joined

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the model's input as fal takes it: bare, in the body."""
        return Payload(segments(spec.model), self.mapped(call, spec), headers=self.headers)

    async def submit(self, client: HttpClient, payload: Payload, call: Call) -> Operation:
        """Put the job into the queue; its addresses are fal's, unless our key must not go there."""
        answer = await self.send(client, payload, self.errors)
        built = self.job_named(client, payload, call, self.id_in(answer))
        return replace(built, urls=given_urls(client, answer.object(), built.urls))

    def job_named(self, client: Any, payload: Payload, call: Call, job_id: str) -> Operation:
        """Return a job by its id, with its addresses as fal makes them."""
        urls = built_urls(client.account.base_url, payload.path, job_id)
        return replace(self.operation(client, call, job_id), model=payload.path, urls=urls)

    def job_url(self, client: Any, operation: Operation) -> str:
        """Return the address of a job's status."""
        del client
        return f"{operation.urls['status']}?logs=1"

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a status says; one that is completed may yet have failed."""
        seen = super().snapshot(body, operation)
        if seen.status == "completed":
            return Snapshot("completed", raw=body)

        place = count(body.get("queue_position"))
        return replace(seen, queue_position=place) if seen.status != "failed" else seen

    async def poll(self, client: HttpClient, operation: Operation) -> Snapshot:
        """Ask for the job; once it has completed, fetch its result."""
        answer = checked(
            await client.get(self.job_url(client, operation), any_status=True), self.errors
        )
        return await self.read_status(client, operation, answer.object())

    async def read_status(
        self, client: HttpClient, operation: Operation, body: Mapping[str, Any]
    ) -> Snapshot:
        """Return what a status says; once the job has completed, fetch its result."""
        status = self.snapshot(body, operation)
        return await result_of(client, operation, body) if status.status == "completed" else status

    async def stream(self, client: HttpClient, operation: Operation) -> AsyncIterator[Snapshot]:
        """Yield the job's status as fal pushes it."""
        async for status in client.events(f"{operation.urls['status']}/stream?logs=1"):
            if isinstance(status.get("status"), str):
                yield self.snapshot(status, operation)

    async def cancel(self, client: HttpClient, operation: Operation) -> CancelAnswer | Stopped:
        """Ask fal to stop the job; one that runs already only gets a signal."""
        answer = await client.stop(operation.urls["cancel"], "PUT")
        return cancelled(answer)

    async def fetch_schema(self, client: HttpClient, model: str) -> JsonObject | None:
        """Return what fal says of a model that is newer than the package."""
        document = await self.get_or_none(client, document_of(client.account, model))
        return None if document is None else dated(read_document(model, document))

    def billing_of_result(self, finished: RawResult) -> Billing | None:
        """Return whether a result costs money, where fal says so; else that is not known."""
        units = number(finished.metadata.get("billable_units"))
        return None if units is None else "certain" if units else "none"

    def others(self, beside: Any) -> dict[str, Any]:
        """Return the output's other parts under their own names."""
        return beside if isinstance(beside, dict) else {"output": beside}

    def facts(self, body: Any, kind: str) -> dict[str, Any]:
        """Return the prompt as it was rewritten."""
        return {"revised_prompt": mapping(body).get("revised_prompt")} if kind == "image" else {}

    def facts_of_file(self, about: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Return the duration and the size of a video."""
        if kind == "image":
            return {}

        width, height = count(about.get("width")), count(about.get("height"))
        size = f"{width}x{height}" if width and height else None
        return {"duration": about.get("duration"), "resolution": size}


adapter = FalAdapter()
