"""fal: queue submit, status, status stream, result, cancel; wire facts from fal's documentation.

Paid POSTs and looks go over our own session: the SDK re-sends a submit up to ten times. The SDK
serves for uploads to fal's storage.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from ..._data._exchange import MediaSupport, Operation, Payload, RawResult, Snapshot
from ..._http._answer import ERRORS_BY_STATUS
from ..._http._client import (
    HttpClient,
    HttpResponse,
    checked,
    join,
    shorten,
    status_error,
    unreadable,
)
from ..._http._credentials import Credentials
from ..._http._proxies import proxy_of
from ..._http._sdk import load
from ..._http._send_state import fetching_result
from ..._support._secrets import bearer
from ...catalog._records import record_of
from ...exceptions import GenerationFailedError, HTTPConnectionError, HTTPError, TarashException
from ...mapping import apply_field_mappers
from ...media import encoded
from ...models import ImageGenerationResponse, VideoGenerationResponse
from .._contract import AdapterDefaults
from .._facts import amount, count, mapping, number, response_facts
from .._filters import refusal, sift
from .._outputs import as_text, content_of, find, no_media
from .costs import reported_cost
from .errors import classify_answer
from .verdict import BAD_REQUEST, verdict

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Response
    from ..._data._types import Billing, CancelAnswer, JobStatus, JsonObject, MediaContent
    from ..._http._client import Transport
    from ...catalog import ModelSpec
    from .._contract import Ability

STATUSES: Mapping[str, JobStatus] = {"IN_QUEUE": "queued", "IN_PROGRESS": "processing"}
PLACES = {"video": ("video", "videos", "video_url"), "image": ("images", "image")}
"""Where most models put their media."""
NAMESPACES = ("workflows", "comfy")
STORAGE = "https://rest.fal.ai"
SCHEMAS = "https://fal.ai"
SCHEMA_PATH = "api/openapi/queue/openapi.json?endpoint_id="
SCHEMAS_VARIABLE = "TARASH_FAL_SCHEMAS"
"""Where schemas of models are asked for that nobody knows: a host, or `off` for nowhere."""
CHECKED_APP = "fal-ai/flux"


NOT_FOUND = 404


class FalAdapter(AdapterDefaults):
    """fal's queue, by the contract of adapters."""

    abilities: frozenset[Ability] = frozenset(
        {"fetch_schema", "reported_cost", "stream", "upload", "verify_credentials"}
    )
    reported_cost = staticmethod(reported_cost)
    name = "fal"
    accepts = MediaSupport(largest_inline=256 * 1024, upload=True)
    min_poll_interval = 0.1
    base_url = "https://queue.fal.run"
    trusted_hosts = ("fal.run",)
    needs = ("status", "response", "cancel")

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else FAL_KEY, else FAL_KEY_ID and FAL_KEY_SECRET."""
        pair = (environment.get("FAL_KEY_ID"), environment.get("FAL_KEY_SECRET"))
        joined = ":".join(part for part in pair if part) if all(pair) else None
        return config.api_key or environment.get("FAL_KEY") or joined

    def connect(self, account: Credentials, transport: Transport) -> HttpClient:
        """Make a client over the loop's connections."""
        return HttpClient(account, transport, bearer(account.key, "Key"), classify_answer)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the model's input as fal takes it: bare, in the body."""
        extra = call.request.extra_params
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        return Payload(
            path=spec.model,
            body={**apply_field_mappers(mappers, call.request), **extra},
            # Without it fal may serve the request from another model.
            headers={"x-app-fal-disable-fallback": "true"},
        )

    async def submit(self, client: HttpClient, payload: Payload, call: Call) -> Operation:
        """Put the job into the queue."""
        answer = await client.submit(payload.path, json=payload.body, headers=payload.headers)
        accepted = answer.object()
        job_id = accepted.get("request_id")
        if not isinstance(job_id, str) or not job_id:
            raise unreadable(answer.status, answer.body)

        root = join(
            client.account.base_url, f"{_app(payload.path)}/requests/{quote(job_id, safe='')}"
        )
        built = {"status": f"{root}/status", "response": root, "cancel": f"{root}/cancel"}
        given = {name: accepted.get(f"{name}_url") for name in built}
        return Operation(
            provider=client.account.provider,
            model=payload.path,
            kind=call.kind,
            id=job_id,
            submitted_at=datetime.now(UTC).isoformat(),
            # As fal sent them, unless they lead where our key must not go.
            urls={
                name: url if isinstance(url, str) and client.trusts(url) else built[name]
                for name, url in given.items()
            },
        )

    async def poll(self, client: HttpClient, operation: Operation) -> Snapshot:
        """Look at the job; once it has completed, fetch its result."""
        looked = await client.get(f"{operation.urls['status']}?logs=1")
        status = looked.object()
        if not isinstance(status.get("status"), str):
            if not status.get("error"):
                raise unreadable(looked.status, status)

            said = GenerationFailedError(
                f"fal could not make it: {shorten(status['error'])}", raw_response=status
            )
            return Snapshot("failed", raw=status, error=said)

        if status.get("status") != "COMPLETED":
            return _snapshot(status)

        if not (status.get("error") or status.get("error_type")):
            fetching_result()

        try:
            answer = await client.get(operation.urls["response"], any_status=True)
        except TarashException as trouble:
            return Snapshot("processing", raw=status, trouble=trouble)

        if answer.status < 300:  # noqa: PLR2004
            if not answer.is_json or answer.body in (None, [], ""):
                odd = unreadable(answer.status, answer.body)
                return Snapshot("processing", raw=status, trouble=odd)

            return Snapshot(
                "completed",
                raw=status,
                progress=100,
                finished=RawResult(answer.body, _metadata(answer, status)),
            )

        return verdict(answer, status)

    async def stream(self, client: HttpClient, operation: Operation) -> AsyncIterator[Snapshot]:
        """Yield the job's status as fal pushes it."""
        async for status in client.events(f"{operation.urls['status']}/stream?logs=1"):
            yield _snapshot(status)

    async def cancel(self, client: HttpClient, operation: Operation) -> CancelAnswer:
        """Ask fal to stop the job; one that runs already only gets a signal."""
        answer = await client.put(operation.urls["cancel"], any_status=True)
        if answer.status == BAD_REQUEST:
            return "too_late"

        if answer.status == NOT_FOUND:
            return "unsupported"  # fal does not know the job, which says nothing of its end

        if answer.status >= 300:  # noqa: PLR2004
            raise classify_answer(answer) or status_error(answer)

        # Only fal's own word counts: a job taken for stopped may be bought again elsewhere.
        return "cancelled" if answer.object().get("status") == "OK" else "requested"

    def may_learn(self, account: Credentials) -> bool:
        """Tell whether there is somebody to ask for schemas: fal, unless it was replaced."""
        return bool(_schemas_at(account))

    async def fetch_schema(self, client: HttpClient, model: str) -> JsonObject | None:
        """Return what fal says of a model that is newer than the package."""
        url = join(_schemas_at(client.account), SCHEMA_PATH) + quote(model, safe="")
        answer = await client.get(url, any_status=True)
        if answer.status == NOT_FOUND:
            return None

        document = checked(answer, classify_answer).object()
        found = record_of({"endpoint_id": model, "openapi": document})
        today = datetime.now(UTC).date().isoformat()
        return None if found is None else {**found[1], "read": today}

    async def verify_credentials(self, client: HttpClient) -> None:
        """Ask after a job that nobody has: 404 proves that the key was accepted."""
        answer = await client.get(
            join(client.account.base_url, f"{CHECKED_APP}/requests/{uuid4()}/status"),
            any_status=True,
        )
        if answer.status >= 300 and answer.status != NOT_FOUND:  # noqa: PLR2004
            raise classify_answer(answer) or status_error(answer)

    async def upload(self, client: HttpClient, media: MediaContent) -> str:
        """Return the URL of media in fal's storage, or a data URI where `base_url` is not fal's."""
        if client.account.custom_base_url:
            return await encoded(media)

        proxy_of(STORAGE)  # the SDK makes connections of its own, and says less of a proxy
        await load("fal_client", "httpx")
        import fal_client
        import httpx

        storage = fal_client.AsyncClient(key=client.account.key.reveal())
        failure: TarashException
        cause: BaseException
        try:
            # No fallback repository: its HTTP client could not be closed from outside.
            return await storage.upload(
                media["content"],
                media["content_type"],
                repository="fal_v3",
                fallback_repository=[],
            )
        except (fal_client.FalClientHTTPError, httpx.HTTPStatusError) as error:
            failure, cause = upload_error(error.response.status_code, str(error), client), error
        except (fal_client.FalClientError, httpx.HTTPError, OSError) as error:
            failure, cause = upload_error(None, str(error), client), error

        raise failure from client.account.secrets.outside(cause)

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; what else the output holds goes into `provider_metadata`."""
        output = finished.raw
        found = find(output, call.kind, prefer=PLACES[call.kind])
        checks = call.request.extra_params.get("enable_safety_checker") is not False
        sifted = sift(output, found.media, checks=checks)
        if not sifted.media and sifted.refused:
            raise refusal("fal", sifted, call.kind, output, _billing(finished))

        if not sifted.media:
            raise no_media("fal", call.kind, found, output)

        rest = found.beside if isinstance(found.beside, dict) else {}
        beside = rest or ({} if found.beside is None else {"output": found.beside})
        metadata = {**beside, **sifted.note, **finished.metadata}
        media = tuple(map(content_of, sifted.media))
        about = sifted.media[0].about
        content_type = sifted.media[0].content_type
        if call.kind == "image":
            return ImageGenerationResponse(
                images=tuple(map(as_text, media)),
                raw_response=output,
                **response_facts(
                    call,
                    metadata,
                    content_type=content_type,
                    revised_prompt=mapping(output).get("revised_prompt"),
                ),
            )

        return VideoGenerationResponse(
            video=media[0],
            videos=media,
            raw_response=output,
            **response_facts(
                call,
                metadata,
                content_type=content_type,
                duration=about.get("duration"),
                resolution=_resolution(about),
            ),
        )


def _app(endpoint: str) -> str:
    """Return the part of an endpoint's id that its jobs live under: owner and name."""
    parts = endpoint.strip("/").split("/")
    return "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])


def _schemas_at(account: Credentials) -> str:
    """Return where schemas are asked for; empty for nowhere."""
    told = os.environ.get(SCHEMAS_VARIABLE, "").strip()
    if told.lower() == "off":
        return ""

    # A host in fal's place has models of its own, or none.
    return told or ("" if account.custom_base_url else SCHEMAS)


def _snapshot(status: Mapping[str, Any]) -> Snapshot:
    if status.get("status") == "COMPLETED":
        return Snapshot("completed", raw=status)

    return Snapshot(
        STATUSES.get(str(status.get("status")), "processing"),
        raw=status,
        queue_position=count(status.get("queue_position")),
    )


def _metadata(answer: HttpResponse, status: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands beside the output: billable units, seconds of inference."""
    found: dict[str, Any] = {}
    units = answer.headers.get("X-Fal-Billable-Units")
    if units:
        read = amount(units)
        found["billable_units"] = units if read is None else read

    metrics = status.get("metrics")
    if isinstance(metrics, dict) and "inference_time" in metrics:
        found["inference_time"] = metrics["inference_time"]

    return found


def _billing(finished: RawResult) -> Billing | None:
    """Return whether a result costs money, where fal says so; else that is not known."""
    units = number(finished.metadata.get("billable_units"))
    return None if units is None else "certain" if units else "none"


def _resolution(file: Mapping[str, Any]) -> str | None:
    width, height = count(file.get("width")), count(file.get("height"))
    return f"{width}x{height}" if width and height else None


def upload_error(status: int | None, said: str, client: HttpClient) -> TarashException:
    """Return the error of a failed upload to fal's storage, which costs nothing."""
    message = f"The upload to fal's storage failed: {client.account.secrets.text(said)}"
    if status is None:
        return HTTPConnectionError(message, submission="not_sent")

    kind = ERRORS_BY_STATUS.get(status, HTTPError)
    return kind(message, status_code=status, submission="not_sent")


adapter = FalAdapter()
