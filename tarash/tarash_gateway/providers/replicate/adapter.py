"""Replicate: predictions by official model, version or deployment; polls, cancel, uploads.

Only uploads go through the SDK, with its retries replaced. Its polls would ask up to ten times, its
submits can't read every answer, and over our own session each costs a third.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
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
from ..._data._hints import use_function
from ..._data._webhooks import WebhookFacts
from ..._http._client import join, segments, unreadable
from ..._http._sdk import load
from ..._support._mime import named
from ...exceptions import TarashException, ValidationError
from ...mapping import longest_prefix
from .._abilities import CallsBack, VersionedPaths
from .._facts import mapping, text
from .._finding import moment
from .._rest import RestAdapter
from .client import ReplicateClient
from .costs import reported_cost
from .errors import classify_answer
from .listing import is_same, newest, page_at
from .models import IMAGE_MODELS, MODELS
from .schemas import MODEL, read_record

if TYPE_CHECKING:
    from ..._data._exchange import Call
    from ..._data._types import Billing, CancelAnswer, JobStatus, JsonObject, MediaContent
    from ..._http._client import Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

HELD_SECONDS = 4
"""How long Replicate may hold the submit of an image: less than a cancelled submit is heard out."""
KEPT = timedelta(hours=1)
"""Inputs and outputs of predictions by API are deleted after that."""

VERSION = re.compile(r"[0-9a-f]{64}")
# Models print tqdm's bar; there is no other progress.
PERCENT = re.compile(r"(\d{1,3})%\s*\|")
SEED = re.compile(r"[Uu]sing seed:?\s*(\d{1,20})")
KEPT_BACK = re.compile(r"NSFW content (?:was |has been )?detected[^\n]{0,80}", re.IGNORECASE)
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
    reported_cost = staticmethod(reported_cost)
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

    def connect(self, account: Credentials, transport: Transport) -> ReplicateClient:
        """Make a client over the loop's connections."""
        return ReplicateClient(account, transport)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the model's input, and where predictions of this model are made."""
        _check_kind(call, spec.model)
        path, version = _place(spec.model)
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
        shown = PERCENT.findall(text(body.get("logs")) or "")
        is_under_way = seen.status in ("queued", "processing")
        return replace(seen, progress=float(shown[-1])) if is_under_way and shown else seen

    def billing(self, body: Any) -> Billing | None:
        """Return what a cancelled prediction costs: the time that it ran, so none if it did not."""
        facts = mapping(body)
        if facts.get("status") == "aborted":
            return "none"  # ended before it had begun

        has_run = facts.get("started_at", "") is not None or mapping(facts.get("metrics"))
        return "none" if facts.get("status") == "canceled" and not has_run else None

    async def cancel(self, client: ReplicateClient, operation: Operation) -> CancelAnswer | Stopped:
        """Ask Replicate to stop the prediction."""
        answer = await client.stop(f"{self.job_url(client, operation)}/cancel")
        said = self.cancel_answer(answer)
        return Stopped(said, self.billing(answer.body)) if said == "cancelled" else said

    def may_learn(self, account: Credentials) -> bool:
        """Tell that Replicate, and what stands in its place, has schemas."""
        del account
        return True

    async def fetch_schema(self, client: ReplicateClient, model: str) -> JsonObject | None:
        """Return what Replicate says of a model that the catalogue doesn't have."""
        root = join(client.account.base_url, "v1")
        return await read_record(lambda path: self.get_or_none(client, f"{root}/{path}"), model)

    async def upload(self, client: ReplicateClient, media: MediaContent) -> str:
        """Return the URL of media in Replicate's file store, which only Replicate needs to read."""
        await load("replicate", "httpx")
        content_type = media["content_type"]
        file, name = io.BytesIO(media["content"]), named("input", content_type)
        try:
            answer = await client.through_sdk(
                lambda: client.sdk.files.async_create(
                    file, filename=name, content_type=content_type
                )
            )
        except TarashException as error:
            error.submission = "not_sent"
            raise

        url = mapping(answer.object().get("urls")).get("get")
        if not isinstance(url, str):
            raise unreadable(answer.status, answer.body)

        return url

    def billing_of_result(self, finished: RawResult) -> Billing | None:
        """Return that the seconds of work are billed, whatever the filter kept back."""
        del finished
        return "certain"

    def kept_back(self, body: Any) -> str | None:
        """Return what the logs say of the filter: some models succeed, with nothing made."""
        found = KEPT_BACK.search(text(body.get("logs")) or "")
        return None if found is None else found[0]

    def missing(self, body: Any) -> str:
        """Return that the data are gone, where they are."""
        return " (its data have been removed)" if body.get("data_removed") else ""

    def facts(self, body: Any, kind: str) -> dict[str, Any]:
        """Return the prediction's id."""
        del kind
        return {"request_id": body.get("id")}

    def beside(self, body: Any) -> dict[str, Any]:
        """Return seconds billed, the seed, and until when the output is kept."""
        beside = {name: body[name] for name in ("model", "version", "metrics") if body.get(name)}
        seed = SEED.search(text(body.get("logs")) or "")
        if seed:
            beside["seed"] = int(seed[1])

        completed = moment(body.get("completed_at"))
        if completed is None:
            return beside

        try:
            return {**beside, "expires_at": (completed + KEPT).isoformat()}
        except OverflowError:
            return beside


def _check_kind(call: Call, model: str) -> None:
    """Refuse what would be billed and be of no use: an image for a video, or the reverse."""
    makes = "image" if model.startswith(IMAGE_MODELS) else "video"
    known = makes == "image" or longest_prefix(model, MODELS) is not None
    if known and makes != call.kind:
        raise ValidationError(f"{model} makes {makes}s", hints=[use_function(makes)])


def _place(model: str) -> tuple[str, str | None]:
    """Return where predictions of a model are made, and the version to name there, if any."""
    if VERSION.fullmatch(model):
        return "v1/predictions", model

    match = MODEL.fullmatch(model)
    if match is None:
        raise ValidationError(
            f"{model!r} is no model of Replicate; write owner/name, owner/name:version, a "
            "version's 64 characters, or deployments/owner/name"
        )

    if match["version"]:
        return "v1/predictions", match["version"]

    kind = "deployments" if match["deployment"] else "models"
    name = segments(f"{match['owner']}/{match['name']}")
    return f"v1/{kind}/{name}/predictions", None


adapter = ReplicateAdapter()
