"""Google by the contract of adapters: videos by interactions and operations, images at once.

Paid POSTs go through google-genai with its retries off. Our own session serves where the SDK
refuses an API key (Veo) or drops the method (Imagen), and for looks, cancels and downloads.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..._data._exchange import (
    Begun,
    MediaConstraints,
    MediaSupport,
    Operation,
    Payload,
    RawResult,
    Snapshot,
)
from ..._http._client import checked, join, unreadable
from ..._http._credentials import Credentials
from ..._http._key_lookup import NO_KEY
from ...exceptions import ContentModerationError, GenerationFailedError, TarashException
from ...mapping import apply_field_mappers
from ...models import ImageGenerationResponse, VideoGenerationResponse
from .._contract import AdapterDefaults
from .._facts import count, response_facts
from ._client import GoogleClient
from ._delivery import look_at_interaction, look_at_operation, settle
from ._files import is_ready, upload
from ._payloads import OWN_REFERENCES, body_of
from ._places import GEMINI_API, bare, place_of, surface_of
from ._results import ENDED, decode, metadata_of, no_media, parts_of, revised_prompt
from ._tokens import ACCESS_TOKEN, API_KEYS, has_credentials
from .costs import reported_cost
from .errors import classifier, classify_answer

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Response
    from ..._data._types import CancelAnswer, JsonObject, MediaContent
    from ..._http._client import Transport
    from ...catalog import ModelSpec
    from .._contract import Ability
    from ._places import Surface

KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
NOT_RUNNING = frozenset({400, 404, 409})
LARGEST_INLINE = 64 * 1024 * 1024
"""A request may have 100 MB, and base64 makes four bytes of three."""


class GoogleAdapter(AdapterDefaults):
    """The Gemini API and Vertex AI."""

    abilities: frozenset[Ability] = frozenset(
        {
            "answers_at_once",
            "is_ready",
            "read_status",
            "reported_cost",
            "resolve_base_url",
            "upload",
            "verify_credentials",
            "with_token",
        }
    )
    reported_cost = staticmethod(reported_cost)
    name = "google"
    accepts = MediaSupport(
        url=False,
        largest_inline=LARGEST_INLINE,
        upload=True,
        references=OWN_REFERENCES,
        largest_together=LARGEST_INLINE,
        images=MediaConstraints(
            ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"),
        ),
    )
    min_poll_interval = 1.0
    base_url = GEMINI_API
    trusted_hosts: tuple[str, ...] = ("googleapis.com",)
    needs = ("status", "surface")

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else GOOGLE_API_KEY, else GEMINI_API_KEY.

        Vertex AI takes tokens instead, which come from `provider_config`.
        """
        if place_of(config.provider_config).project is not None:
            return NO_KEY

        found = (environment.get(name) for name in KEY_VARIABLES)
        return config.api_key or next((key for key in found if key), None)

    def has_token(self, config: Config) -> bool:
        """Tell whether a config is for Vertex AI."""
        return config.provider_config.get("gcp_project") is not None

    def with_token(self, config: Config, token: str) -> Config | None:
        """Return a config for Vertex AI with an access token; None where it has credentials."""
        settings = config.provider_config
        if not self.has_token(config) or token.startswith(API_KEYS) or has_credentials(settings):
            return None

        return config.model_copy(update={"provider_config": {**settings, ACCESS_TOKEN: token}})

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return the base URL: on Vertex AI it depends on the location."""
        return bare(custom) if custom else place_of(config.provider_config, config.model).host

    def connect(self, account: Credentials, transport: Transport) -> GoogleClient:
        """Make a client over the loop's connections and the SDK."""
        return GoogleClient(account, transport)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the request in the protocol of the model."""
        config, extra = call.config, call.request.extra_params
        place = place_of(config.provider_config, spec.model, config.api_version)
        surface = surface_of(spec.model, call.kind)
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        return Payload(
            path=place.path(surface, spec.model),
            body=body_of(
                surface,
                spec.model,
                apply_field_mappers(mappers, call.request),
                extra,
                vertex=place.project is not None,
            ),
        )

    def answers_at_once(self, call: Call) -> bool:
        """Tell whether the model's protocol knows no jobs."""
        return surface_of(call.config.model, call.kind) in ("content", "predict")

    async def submit(
        self, client: GoogleClient, payload: Payload, call: Call
    ) -> Operation | RawResult | Begun:
        """Send the request; images are in the answer, videos are a job."""
        surface = surface_of(call.config.model, call.kind)
        answer = await client.submit(surface, payload, classifier(call.config.model))
        accepted = answer.object()
        job_id = accepted.get("id" if surface == "interactions" else "name")
        if isinstance(job_id, str) and job_id and surface in ("interactions", "operations"):
            operation = _operation(client, payload, call, job_id)
            return Begun(operation, accepted) if _has_ended(surface, accepted) else operation

        # What is not stored has no id, and is in the answer.
        at_once = surface in ("content", "predict") or accepted.get("status") in ENDED
        if not at_once:
            raise unreadable(answer.status, answer.body)

        return await _finished(client, accepted, call)

    async def poll(self, client: GoogleClient, operation: Operation) -> Snapshot:
        """Look at the job; once it has ended, fetch what is only to be had with our key."""
        http = await client.http(classify_answer)
        url = operation.urls["status"]
        try:
            if operation.data["surface"] == "fetch":
                answer = await http.post(url, json={"operationName": operation.id})
            else:
                answer = await http.get(url)
        except ContentModerationError as refused:
            return Snapshot("failed", raw=refused.raw_response, error=refused)

        return await self.read_status(client, operation, answer.object())

    async def read_status(
        self, client: GoogleClient, operation: Operation, body: Mapping[str, Any]
    ) -> Snapshot:
        """Return what a job says of itself, with the media that only our key opens."""
        is_interaction = operation.data["surface"] == "interactions"
        look = look_at_interaction if is_interaction else look_at_operation
        return await look(client, dict(body))

    async def cancel(self, client: GoogleClient, operation: Operation) -> CancelAnswer:
        """Ask Google to stop an interaction; operations can't be stopped."""
        if "cancel" not in operation.urls:
            return "unsupported"

        http = await client.http(classify_answer)
        answer = await http.post(operation.urls["cancel"], any_status=True)
        if answer.status in NOT_RUNNING:
            return "too_late"

        status = checked(answer, classify_answer).object().get("status")
        if status == "cancelled":
            return "cancelled"

        return "too_late" if status in ENDED else "requested"

    async def verify_credentials(self, client: GoogleClient) -> None:
        """Ask for one line of the list of models."""
        path = "v1beta1/publishers/google/models" if client.vertex else "v1/models"
        http = await client.http(classify_answer)
        await http.get(f"{join(client.account.base_url, path)}?pageSize=1")

    async def upload(self, client: GoogleClient, media: MediaContent) -> str:
        """Return the address of a file at the Gemini API, with its kind; Google keeps it 48 h."""
        return await upload(client, media)

    async def is_ready(self, client: GoogleClient, reference: str) -> bool:
        """Tell whether an uploaded file can be used."""
        return await is_ready(client, reference)

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; of what was filtered, only the count and the reasons are left."""
        raw = finished.raw
        extra = call.request.extra_params
        asked = count(extra.get("sampleCount", getattr(call.request, "n", None)))
        metadata = {**metadata_of(raw, asked), **finished.metadata}
        inline = [part for part in parts_of(raw, call.kind) if part.data]
        if not finished.media and not inline:
            raise no_media(raw, call.kind)

        if call.kind == "video":
            media = finished.media or tuple(
                {"content": decode(part), "content_type": part.content_type} for part in inline
            )
            return VideoGenerationResponse(
                video=media[0],
                videos=media,
                raw_response=raw,
                **response_facts(call, metadata, content_type=media[0]["content_type"]),
            )

        images = [(part.data or "", part.content_type) for part in inline] or [
            (base64.b64encode(one["content"]).decode(), one["content_type"])
            for one in finished.media
        ]
        return ImageGenerationResponse(
            images=tuple(data for data, _ in images),
            raw_response=raw,
            **response_facts(
                call, metadata, content_type=images[0][1], revised_prompt=revised_prompt(raw)
            ),
        )


def _operation(client: GoogleClient, payload: Payload, call: Call, job_id: str) -> Operation:
    """Return the job with the addresses that its protocol has for it."""
    path = payload.path
    urls: dict[str, str] = {}
    if path.endswith("/interactions"):
        surface = "interactions"
        urls["status"] = join(client.account.base_url, f"{path}/{quote(job_id, safe='')}")
        urls["cancel"] = f"{urls['status']}/cancel"
    elif client.vertex:
        surface = "fetch"
        fetch = path.replace(":predictLongRunning", ":fetchPredictOperation")
        urls["status"] = join(client.account.base_url, fetch)
    else:
        surface = "get"
        version = path.partition("/")[0]
        urls["status"] = join(client.account.base_url, f"{version}/{quote(job_id)}")

    return Operation(
        provider=client.account.provider,
        model=call.config.model,
        kind=call.kind,
        id=job_id,
        submitted_at=datetime.now(UTC).isoformat(),
        urls=urls,
        data={"surface": surface},
    )


def _has_ended(surface: Surface, accepted: JsonObject) -> bool:
    """Tell whether the answer to a submit says that the job has ended."""
    if surface == "interactions":
        return str(accepted.get("status")) in ENDED

    return accepted.get("done") is True


async def _finished(client: GoogleClient, raw: JsonObject, call: Call) -> RawResult:
    """Return what was settled by the answer to the submit."""
    parts = parts_of(raw, call.kind)
    if all(part.data for part in parts):
        return RawResult(raw)  # without media too: `parse` says why there are none

    try:
        snapshot = await settle(client, raw, call.kind)
    except TarashException as error:
        error.submission = "accepted"  # and paid for: only fetching the result went wrong
        raise

    if snapshot.trouble is not None:
        snapshot.trouble.submission = "accepted"
        raise snapshot.trouble

    if snapshot.error is not None:
        snapshot.error.submission = "accepted"
        raise snapshot.error

    if snapshot.finished is None:
        raise GenerationFailedError(
            "Google made it, and its file is not ready: leave `store` as it is, so that the job "
            "can be looked at again",
            raw_response=raw,
            submission="accepted",
        )

    return snapshot.finished


adapter = GoogleAdapter()
