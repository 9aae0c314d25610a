"""Runway: one protocol of tasks for some fifty models, its own and others'.

Only uploads go through Runway's SDK, with its retries off: over our own session, a submit costs a
third, and a look a tenth. Facts from the SDK's types and https://docs.dev.runwayml.com.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..._data._exchange import (
    MediaConstraints,
    MediaSupport,
    Operation,
    Payload,
    RawResult,
    Snapshot,
)
from ..._http._client import HttpClient, join, shorten, status_error, unreadable
from ..._http._sdk import exchange, http_client, load
from ..._support._mime import named
from ..._support._secrets import AuthHeaders, bearer
from ...mapping import apply_field_mappers
from ...models import ImageGenerationResponse, VideoGenerationResponse
from .._contract import AdapterDefaults
from .._facts import mapping, percent, response_facts
from .._filters import refusal, sift
from .._outputs import as_text, content_of, find, no_media
from .errors import billing_of, classify_answer, failure_of, upload_error
from .models import endpoint_of

if TYPE_CHECKING:
    import httpx
    import runwayml

    from ..._data._exchange import Call, Config, Response
    from ..._data._types import CancelAnswer, JobStatus, MediaContent
    from ..._http._client import HttpResponse, Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

STATUSES: Mapping[str, JobStatus] = {
    "PENDING": "queued",
    "THROTTLED": "queued",  # waits for one of the account's concurrent slots
    "RUNNING": "processing",
}
ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
LARGEST_UPLOAD = 200 * 1024 * 1024
LINK_HOURS = 24
"""Output links work for 24 to 48 hours; another look at the task signs new ones."""
API_VERSION = "2024-11-06"
"""What the SDK sends, unless it is told another."""
NOT_FOUND = 404
FIRST_ERROR = 300


class RunwayClient:
    """One account: the SDK for uploads, our own session for the rest."""

    def __init__(self, account: Credentials, transport: Transport) -> None:
        self.account = account
        self.version = account.api_version or API_VERSION
        version = {"X-Runway-Version": self.version}
        credentials = AuthHeaders(bearer(account.key).onto(version))
        self.http = HttpClient(account, transport, credentials, classify_answer)
        self._transport = transport
        self._uploading: tuple[runwayml.AsyncRunwayML, httpx.AsyncClient] | None = None

    @property
    def uploading(self) -> tuple[runwayml.AsyncRunwayML, httpx.AsyncClient]:
        """Runway's SDK, and the HTTP client below it, which sends no credentials by itself."""
        if self._uploading is None:
            import httpx
            import runwayml

            plain = http_client(httpx, self._transport)
            sdk = runwayml.AsyncRunwayML(
                api_key=self.account.key.reveal(),
                base_url=self.account.base_url,
                max_retries=0,
                http_client=plain,
                runway_version=self.version,
            )
            self._uploading = sdk, plain

        return self._uploading

    async def aclose(self) -> None:
        """Nothing of its own to close: the loop's transport owns the connections."""

    def url(self, task: str) -> str:
        """Return the address of a task."""
        return join(self.account.base_url, f"v1/tasks/{quote(task, safe='')}")


class RunwayAdapter(AdapterDefaults):
    """Runway's tasks, by the contract of adapters."""

    abilities: frozenset[Ability] = frozenset({"resolve_base_url", "upload", "verify_credentials"})
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
    trusted_hosts = ("api.dev.runwayml.com",)

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else RUNWAYML_API_SECRET."""
        return config.api_key or environment.get("RUNWAYML_API_SECRET")

    def resolve_base_url(self, _config: Config, custom: str | None) -> str:
        """Return the bare origin; the version segment belongs to the paths."""
        return re.sub(r"(/v1)*/*$", "", custom) if custom else self.base_url

    def connect(self, account: Credentials, transport: Transport) -> RunwayClient:
        """Make a client over the loop's connections."""
        return RunwayClient(account, transport)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the body for the endpoint that takes what is asked for."""
        endpoint = spec.endpoint or endpoint_of(spec.model, call.kind, call.request)
        extra = call.request.extra_params
        # A draft is enhanced with its own prompt and settings: any other field is refused.
        drafted = "draftTaskId" in extra
        mappers = {
            name: mapper
            for name, mapper in spec.mappers.items()
            if name not in extra and not drafted
        }
        body = {"model": spec.model, **apply_field_mappers(mappers, call.request), **extra}
        return Payload(path=f"v1/{endpoint}", body=body)

    async def submit(self, client: RunwayClient, payload: Payload, call: Call) -> Operation:
        """Create the task."""
        answer = await client.http.submit(
            payload.path,
            json=payload.body,
            classify=partial(classify_answer, model=str(payload.body.get("model"))),
        )
        accepted = answer.object()
        task = accepted.get("id")
        if not isinstance(task, str) or not task:
            raise unreadable(answer.status, answer.body)

        estimate = accepted.get("estimatedCost")
        return Operation(
            provider=client.account.provider,
            model=str(payload.body.get("model")),
            kind=call.kind,
            id=task,
            submitted_at=datetime.now(UTC).isoformat(),
            data={} if estimate is None else {"estimatedCost": estimate},
        )

    async def poll(self, client: RunwayClient, operation: Operation) -> Snapshot:
        """Look at the task; a finished one holds its result."""
        answer = await client.http.get(client.url(operation.id))
        task = answer.object()
        if not isinstance(task.get("status"), str):
            if not (task.get("error") or task.get("failure")):
                raise unreadable(answer.status, task)

            told = {"failure": shorten(task.get("error") or ""), **task}
            return Snapshot("failed", raw=task, error=failure_of(told), billing=billing_of(task))

        status = task["status"]
        if status == "SUCCEEDED":
            expires = datetime.now(UTC) + timedelta(hours=LINK_HOURS)
            facts = {"expires_at": expires.isoformat(), **operation.data}
            return Snapshot("completed", raw=task, progress=100, finished=RawResult(task, facts))

        if status in ENDED:
            return Snapshot("failed", raw=task, error=failure_of(task), billing=billing_of(task))

        return Snapshot(
            STATUSES.get(status, "processing"),
            raw=task,
            progress=percent(task.get("progress"), 1),
        )

    async def cancel(self, client: RunwayClient, operation: Operation) -> CancelAnswer:
        """Delete the task, unless it has ended: that would delete its paid result."""
        url = client.url(operation.id)
        seen = await client.http.get(url, any_status=True)
        if seen.status == NOT_FOUND:
            return "too_late"

        status = _good(seen).object().get("status")
        if status in ENDED:
            return "too_late"

        answer = await client.http.delete(url, any_status=True)
        if answer.status == NOT_FOUND:
            return "too_late"

        _good(answer)
        # Runway gives credits back for tasks that don't run yet, and promises no more than that.
        return "cancelled" if STATUSES.get(str(status)) == "queued" else "requested"

    async def verify_credentials(self, client: RunwayClient) -> None:
        """Ask for the account's credit balance, which costs nothing."""
        await client.http.get(join(client.account.base_url, "v1/organization"))

    async def upload(self, client: RunwayClient, media: MediaContent) -> str:
        """Return the `runway://` address of media in Runway's storage; it lasts for 24 hours."""
        await load("runwayml", "httpx")
        import httpx
        import runwayml

        sdk, plain = client.uploading
        kind, content = media["content_type"], media["content"]
        name = named("input", kind)
        answer = await exchange(
            lambda: sdk.post(
                "/v1/uploads",
                body={"filename": name, "type": "ephemeral"},
                cast_to=httpx.Response,
            ),
            client.account,
            runwayml.APIConnectionError,
            classify_answer,
        )
        place = answer.object()
        url, fields, uri = (place.get(key) for key in ("uploadUrl", "fields", "runwayUri"))
        if not (_is_url(url) and isinstance(fields, dict) and isinstance(uri, str)):
            raise unreadable(answer.status, answer.body)

        # The address is signed; our key has no business there.
        await exchange(
            lambda: plain.post(str(url), data=fields, files={"file": (name, content, kind)}),
            client.account,
            (httpx.TransportError, httpx.InvalidURL),
            upload_error,
        )
        return uri

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; what else the task says goes into `provider_metadata`."""
        task, kind = finished.raw, call.kind
        output = mapping(task).get("output")
        found = find(output, kind, prefer=(kind, f"{kind}s", "url"))
        sifted = sift(output, found.media)
        if not sifted.media and sifted.refused:
            raise refusal("Runway", sifted, kind, task, billing_of(task))

        if not sifted.media:
            raise no_media("Runway", kind, found, output, task)

        rest = {} if found.beside is None else {"other_output": found.beside}
        beside = {
            name: value for name, value in task.items() if name not in {"id", "status", "output"}
        }
        media = tuple(map(content_of, sifted.media))
        facts = response_facts(
            call,
            {**beside, **rest, **sifted.note, **finished.metadata},
            content_type=sifted.media[0].content_type,
            # Some formats come with their sound in a file of its own.
            **({"audio_url": found.sounds[0]} if kind == "video" and found.sounds else {}),
        )
        if kind == "image":
            return ImageGenerationResponse(
                images=tuple(map(as_text, media)), raw_response=task, **facts
            )

        return VideoGenerationResponse(video=media[0], videos=media, raw_response=task, **facts)


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def _good(answer: HttpResponse) -> HttpResponse:
    if answer.status >= FIRST_ERROR:
        raise classify_answer(answer) or status_error(answer)

    return answer


adapter = RunwayAdapter()
