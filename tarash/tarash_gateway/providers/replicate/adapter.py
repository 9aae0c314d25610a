"""Replicate: predictions by official model, version or deployment; looks, cancel, uploads.

Only uploads go through the SDK, with its retries replaced. Its looks would ask up to ten times, its
submits can't read every answer, and over our own session each costs a third.
"""

from __future__ import annotations

import io
import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..._data._exchange import MediaSupport, Operation, Payload, RawResult, Snapshot
from ..._http._client import checked, status_error, unreadable
from ..._http._credentials import Credentials
from ..._http._sdk import load
from ..._support._mime import named
from ...exceptions import TarashException, ValidationError
from ...mapping import apply_field_mappers, longest_prefix
from ...models import ImageGenerationResponse, VideoGenerationResponse
from .._contract import AdapterDefaults
from .._facts import response_facts, text
from .._filters import refusal, sift
from .._finding import CLOCK_SKEW, is_shown, is_since, moment, once
from .._outputs import as_text, content_of, find, no_media
from .client import ReplicateClient
from .errors import classify_answer
from .models import IMAGE_MODELS, MODELS
from .schemas import MODEL, read_record

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Response
    from ..._data._types import CancelAnswer, JobStatus, JsonObject, MediaContent
    from ..._http._client import Transport
    from ...catalog import ModelSpec
    from .._contract import Ability

STATUSES: Mapping[str, JobStatus] = {"starting": "queued", "processing": "processing"}
ENDED = frozenset({"succeeded", "failed", "canceled", "aborted"})
HELD_SECONDS = 4
"""How long Replicate may hold the submit of an image: less than a cancelled submit is heard out."""
KEPT = timedelta(hours=1)
"""Inputs and outputs of predictions by API are deleted after that."""

VERSION = re.compile(r"[0-9a-f]{64}")
# Models print tqdm's bar; there is no other progress.
PERCENT = re.compile(r"(\d{1,3})%\s*\|")
SEED = re.compile(r"[Uu]sing seed:?\s*(\d{1,20})")
# What a finished job answers to a cancel, as far as that is known.
NOTHING_TO_CANCEL = frozenset({404, 409, 410, 422})
NOT_FOUND = 404
FIRST_ERROR = 300


class ReplicateAdapter(AdapterDefaults):
    """Replicate's predictions, by the contract of adapters."""

    abilities: frozenset[Ability] = frozenset(
        {"fetch_schema", "find_submitted", "resolve_base_url", "upload", "verify_credentials"}
    )
    name = "replicate"
    accepts = MediaSupport(largest_inline=256 * 1024, upload=True)
    min_poll_interval = 0.1
    base_url = "https://api.replicate.com"
    trusted_hosts = ("api.replicate.com",)

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else REPLICATE_API_TOKEN."""
        return config.api_key or environment.get("REPLICATE_API_TOKEN")

    def resolve_base_url(self, _config: Config, custom: str | None) -> str:
        """Return the origin: the version segment belongs to the paths, and is forgiven here."""
        return (custom or self.base_url).rstrip("/").removesuffix("/v1")

    def connect(self, account: Credentials, transport: Transport) -> ReplicateClient:
        """Make a client over the loop's connections."""
        return ReplicateClient(account, transport, classify_answer)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the model's input, and where predictions of this model are made."""
        _check_kind(call, spec.model)
        extra = call.request.extra_params
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        body: dict[str, Any] = {"input": {**apply_field_mappers(mappers, call.request), **extra}}
        path, version = _place(spec.model)
        if version is not None:
            body["version"] = version

        held = {"Prefer": f"wait={HELD_SECONDS}"} if call.kind == "image" else {}
        return Payload(path=path, body=body, headers=held, inside="input")

    async def submit(self, client: ReplicateClient, payload: Payload, call: Call) -> Operation:
        """Make a prediction; an image may be ready with the answer, which the first look shows."""
        answer = await client.http.submit(
            payload.path,
            json=payload.body,
            headers=payload.headers,
            classify=partial(classify_answer, model=call.config.model),
        )
        prediction = answer.object()
        job_id = prediction.get("id")
        if not isinstance(job_id, str) or not job_id:
            raise unreadable(answer.status, answer.body)

        return _operation(client, call, prediction, datetime.now(UTC))

    async def find_submitted(
        self, client: ReplicateClient, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the predictions since then of this model or version, with exactly this input.

        Replicate shows the whole input. Of media that were sent inline only the presence counts.
        """
        listed = once([one async for one in client.predictions(since - CLOCK_SKEW)])
        return [
            _operation(client, call, one, moment(one.get("created_at")) or since)
            for one in listed
            if is_since(one.get("created_at"), since) and _is_same(one, payload)
        ]

    async def poll(self, client: ReplicateClient, operation: Operation) -> Snapshot:
        """Look at the prediction, which holds its output when it is done."""
        answer = await client.http.get(client.url("predictions", quote(operation.id, safe="")))
        prediction = answer.object()
        status = prediction.get("status")
        if not isinstance(status, str):
            if prediction.get("error"):
                return _failed(prediction)

            raise unreadable(answer.status, answer.body)

        if status == "succeeded":
            finished = RawResult(prediction, _metadata(prediction))
            return Snapshot("completed", raw=prediction, progress=100, finished=finished)

        if status in ENDED:
            return _failed(prediction)

        return Snapshot(
            STATUSES.get(status, "processing"), raw=prediction, progress=_percent(prediction)
        )

    async def cancel(self, client: ReplicateClient, operation: Operation) -> CancelAnswer:
        """Ask Replicate to stop the prediction."""
        url = client.url("predictions", quote(operation.id, safe=""), "cancel")
        answer = await client.http.post(url, any_status=True)
        if answer.status in NOTHING_TO_CANCEL:
            return "too_late"

        if answer.status >= FIRST_ERROR:
            raise classify_answer(answer) or status_error(answer)

        status = answer.body.get("status") if isinstance(answer.body, dict) else None
        if status in {"canceled", "aborted"}:
            return "cancelled"

        return "too_late" if status in ENDED else "requested"

    async def verify_credentials(self, client: ReplicateClient) -> None:
        """Ask whose key it is."""
        await client.http.get(client.url("account"))

    def may_learn(self, account: Credentials) -> bool:
        """Tell that Replicate, and what stands in its place, has schemas."""
        del account
        return True

    async def fetch_schema(self, client: ReplicateClient, model: str) -> JsonObject | None:
        """Return what Replicate says of a model that the catalogue doesn't have."""

        async def get(path: str) -> Any:
            answer = await client.http.get(client.url(path), any_status=True)
            if answer.status == NOT_FOUND:
                return None

            return checked(answer, classify_answer).object()

        return await read_record(get, model)

    async def upload(self, client: ReplicateClient, media: MediaContent) -> str:
        """Return the URL of media in Replicate's file store, which only Replicate needs to read."""
        content_type = media["content_type"]
        name = named("input", content_type)

        await load("replicate", "httpx")

        def send() -> Awaitable[Any]:
            file = io.BytesIO(media["content"])
            created: Awaitable[Any] = client.sdk.files.async_create(
                file, filename=name, content_type=content_type
            )
            return created

        try:
            answer = await client.send(send, classify_answer)
        except TarashException as error:
            error.submission = "not_sent"
            raise

        urls = answer.object().get("urls")
        url = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(url, str):
            raise unreadable(answer.status, answer.body)

        return url

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; what else the output holds goes into `provider_metadata`."""
        prediction, kind = finished.raw, call.kind
        output = prediction.get("output")
        found = find(output, kind, prefer=(kind, f"{kind}s", "output", "url"))
        sifted = sift(output, found.media, checks=not _unchecked(call))
        if not sifted.media and sifted.refused:
            raise refusal("Replicate", sifted, kind, prediction, "certain")

        if not sifted.media:
            gone = " (its data have been removed)" if prediction.get("data_removed") else ""
            raise no_media("Replicate", f"{kind}{gone}", found, output, prediction)

        beside = {} if found.beside is None else {"other_output": found.beside}
        media = tuple(map(content_of, sifted.media))
        facts = response_facts(
            call,
            {**finished.metadata, **beside, **sifted.note},
            request_id=prediction.get("id"),
            content_type=sifted.media[0].content_type,
        )
        if kind == "image":
            return ImageGenerationResponse(
                images=tuple(map(as_text, media)), raw_response=prediction, **facts
            )

        return VideoGenerationResponse(
            video=media[0], videos=media, raw_response=prediction, **facts
        )


def _unchecked(call: Call) -> bool:
    """Tell whether the user has turned off the checker that paints images black."""
    extra = call.request.extra_params
    off = extra.get("disable_safety_checker") is True
    return off or extra.get("enable_safety_checker") is False


def _check_kind(call: Call, model: str) -> None:
    """Refuse what would be billed and be of no use: an image for a video, or the reverse."""
    makes = "image" if model.startswith(IMAGE_MODELS) else "video"
    known = makes == "image" or longest_prefix(model, MODELS) is not None
    if known and makes != call.kind:
        raise ValidationError(f"{model} makes {makes}s; use another model, or generate_{makes}")


def _place(model: str) -> tuple[str, str | None]:
    """Return where predictions of a model are made, and the version to name there, if any."""
    if VERSION.fullmatch(model):
        return "v1/predictions", model

    found = MODEL.fullmatch(model)
    if found is None:
        raise ValidationError(
            f"{model!r} is no model of Replicate; write owner/name, owner/name:version, a "
            "version's 64 characters, or deployments/owner/name"
        )

    if found["version"]:
        return "v1/predictions", found["version"]

    kind = "deployments" if found["deployment"] else "models"
    return f"v1/{kind}/{found['owner']}/{found['name']}/predictions", None


def _operation(
    client: ReplicateClient, call: Call, prediction: Mapping[str, Any], submitted_at: datetime
) -> Operation:
    return Operation(
        provider=client.account.provider,
        model=call.config.model,
        kind=call.kind,
        id=str(prediction["id"]),
        submitted_at=submitted_at.isoformat(),
        data={"retry_after": 0} if prediction.get("status") in ENDED else {},
    )


def _is_same(prediction: Mapping[str, Any], payload: Payload) -> bool:
    """Tell whether a listed prediction is what a payload asks for."""
    given, shown = payload.body.get("input"), prediction.get("input")
    if not isinstance(given, Mapping) or not isinstance(shown, Mapping):
        return False  # Replicate deletes inputs an hour after the end

    if given.keys() != shown.keys() or not is_shown(given, shown):
        return False

    version = payload.body.get("version")
    if version is not None:
        return bool(prediction.get("version") == version)

    _, kind, owner, name, _ = payload.path.split("/")
    if kind == "deployments":
        return prediction.get("deployment") in {name, f"{owner}/{name}"}

    return bool(prediction.get("model") == f"{owner}/{name}")


def _percent(prediction: Mapping[str, Any]) -> float | None:
    found = PERCENT.findall(text(prediction.get("logs")) or "")
    return float(found[-1]) if found else None


def _metadata(prediction: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands beside the output: seconds billed, the seed, until when it is kept."""
    names = ("model", "version", "metrics")
    found = {name: prediction[name] for name in names if prediction.get(name)}
    seed = SEED.search(text(prediction.get("logs")) or "")
    if seed:
        found["seed"] = int(seed[1])

    completed = moment(prediction.get("completed_at"))
    if completed is None:
        return found

    try:
        return {**found, "expires_at": (completed + KEPT).isoformat()}
    except OverflowError:
        return found


def _failed(prediction: dict[str, Any]) -> Snapshot:
    error = classify_answer.failure(prediction)
    return Snapshot("failed", raw=prediction, error=error, billing=error.billing)


adapter = ReplicateAdapter()
