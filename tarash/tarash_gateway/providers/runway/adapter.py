"""Runway: one protocol of tasks for some fifty models, its own and others'.

Only uploads go through Runway's SDK, with its retries off: over our own session, a submit costs a
third, and a poll a tenth. Facts from the SDK's types and https://docs.dev.runwayml.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ..._data._exchange import MediaConstraints, MediaSupport, Operation, Payload
from ..._data._money import Reported, exact
from ..._http._client import checked, join
from .._abilities import VersionedPaths
from .._rest import RestAdapter
from .._result_facts import mapping, number
from .client import RunwayClient, upload
from .errors import classify_answer
from .models import endpoint_of

if TYPE_CHECKING:
    from ..._data._exchange import Call
    from ..._data._types import Billing, CancelAnswer, JobStatus
    from ..._http._client import Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

CREDIT = Decimal("0.01")
"""Dollars, by Runway's pricing page."""


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the cost of a task that has ended: credits, of which some may come back later."""
    spent = exact(mapping(mapping(body).get("cost")).get("credits"))
    if spent is None:
        return None

    return Reported(amount=spent * CREDIT, final=False, quantity=spent, unit="runway_credit")


def billing_of(task: Any) -> Billing | None:
    """Return what a failed task costs: Runway states the credits that it kept.

    Where it does not: those of a refused input are not given back.
    """
    fields = mapping(task)
    spent = number(mapping(fields.get("cost")).get("credits"))
    if spent is None:
        return "certain" if str(fields.get("failureCode")).startswith("SAFETY.INPUT") else None

    return "certain" if spent else "none"


LARGEST_UPLOAD = 200 * 1024 * 1024
LINK_LIFETIME = timedelta(hours=24)
"""Output links work for 24 to 48 hours; another poll of the task signs new ones."""
NOT_FOUND = 404


class RunwayAdapter(VersionedPaths, RestAdapter):
    """Runway's tasks, by declaration but for uploads and the cancel."""

    abilities: frozenset[Ability] = frozenset(
        {"account_limits", "reported_cost", "resolve_base_url", "upload", "verify_credentials"}
    )
    reported_cost = staticmethod(reported_cost)
    upload = staticmethod(upload)
    name = "runway"
    # Runway takes data URIs of 5 MB, and base64 needs four characters for three bytes.
    accepts = MediaSupport(
        largest_inline=3_700_000,
        upload=True,
        references=("runway://",),
        images=MediaConstraints(("image/jpeg", "image/png", "image/webp"), LARGEST_UPLOAD),
        videos=MediaConstraints(largest=LARGEST_UPLOAD),
    )
    min_poll_interval = 5.0
    base_url = "https://api.dev.runwayml.com"
    key_variables = ("RUNWAYML_API_SECRET",)
    errors = classify_answer
    job_path = "v1/tasks/{id}"
    statuses: ClassVar[Mapping[str, JobStatus]] = {
        "PENDING": "queued",
        "THROTTLED": "queued",  # waits for one of the account's concurrent slots
        "RUNNING": "processing",
        "SUCCEEDED": "completed",
        "FAILED": "failed",
        "CANCELLED": "failed",
    }
    failures = ("error", "failure")
    repeats = ("id",)
    progress = "progress"
    whole_progress = 1
    media: ClassVar[Mapping[str, str]] = {"video": "output", "image": "output"}
    check_path = "v1/organization"  # the account's credit balance
    url_lifetime = LINK_LIFETIME

    async def account_limits(self, client: RunwayClient) -> dict[str, int]:
        """Return how many tasks of each model the account's tier runs at a time."""
        url = join(client.account.base_url, "v1/organization")
        answer = checked(await client.get(url, any_status=True), self.errors)
        tier = mapping(mapping(answer.body).get("tier"))
        numbers = {
            model: mapping(limits).get("maxConcurrentGenerations")
            for model, limits in mapping(tier.get("models")).items()
        }
        return {model: number for model, number in numbers.items() if isinstance(number, int)}

    def connect(self, account: Credentials, transport: Transport) -> RunwayClient:
        """Make a client over the loop's connections."""
        return RunwayClient(account, transport)

    def body(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the model and its parameters; a draft is enhanced with its own."""
        extra = call.request.extra_params
        if "draftTaskId" in extra:
            return {"model": spec.model, **extra}

        return super().body(call, spec)

    def endpoint(self, call: Call, spec: ModelSpec, body: Mapping[str, Any]) -> str:
        """Return the endpoint that takes what is asked for."""
        del body
        return f"v1/{spec.endpoint or endpoint_of(spec.model, call.kind, call.request)}"

    async def submit(self, client: RunwayClient, payload: Payload, call: Call) -> Operation:
        """Create the task; its model may be the successor of the one in the config."""
        model = str(payload.body.get("model"))
        answer = await self.send(client, payload, partial(self.errors, model=model))
        operation = self.operation(client, call, self.id_in(answer))
        estimate = answer.object().get("estimatedCost")
        data = {} if estimate is None else {"estimatedCost": estimate}
        return replace(operation, model=model, data=data)

    def billing(self, body: Any) -> Billing | None:
        """Return what a failed task costs: Runway states the credits that it kept."""
        return billing_of(body)

    def metadata(self, operation: Operation) -> dict[str, Any]:
        """Return until when the links work, and the estimate of the submit."""
        return {**super().metadata(operation), **operation.data}

    def output(self, body: Any, kind: str) -> Any:
        """Return the list of addresses."""
        return super().output(body, kind) or []

    def beside(self, body: Any) -> dict[str, Any]:
        """Return all that a task says beside its output."""
        shown = {"id", "status", "output"}
        return {name: value for name, value in mapping(body).items() if name not in shown}

    async def cancel(self, client: RunwayClient, operation: Operation) -> CancelAnswer:
        """Delete the task, unless it has ended: that would delete its paid result."""
        url = self.job_url(client, operation)
        seen = await client.get(url, any_status=True)
        if seen.status == NOT_FOUND:
            return "too_late"

        status = self.statuses.get(str(checked(seen, self.errors).object().get("status")))
        if status in ("completed", "failed"):
            return "too_late"

        answer = await client.stop(url, "DELETE")
        if answer.status == NOT_FOUND:
            return "unsupported"  # it ran a moment ago: nobody knows what has become of it

        checked(answer, self.errors)
        # Runway gives credits back for tasks that don't run yet, and promises no more than that.
        return "cancelled" if status == "queued" else "requested"


adapter = RunwayAdapter()
