"""Google by the contract of adapters: videos by interactions and operations, images at once.

Paid POSTs go through google-genai with its retries off. Our own session serves where the SDK
refuses an API key (Veo) or drops the method (Imagen), and for polls, cancels and downloads.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ..._data._exchange import (
    Begun,
    MediaConstraints,
    MediaSupport,
    Operation,
    Payload,
    RawResult,
    Snapshot,
)
from ..._http._client import join, unreadable
from ..._http._key_lookup import NO_KEY
from ...exceptions import ContentModerationError
from .._outputs import response_of
from .._rest import RestAdapter
from .._result_facts import count, id_text
from ._client import GoogleClient
from ._delivery import STATUSES, addressed_operation, ask, has_ended, read, settled
from ._files import is_ready, upload
from ._payloads import OWN_REFERENCES, body_of
from ._places import GEMINI_API, bare, place_of, surface_of
from ._refusals import no_media
from ._results import ENDED, inline, metadata_of, reported_cost, revised_prompt, type_of
from ._tokens import has_token, with_token
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Response
    from ..._data._types import CancelAnswer, JobStatus
    from ...catalog import ModelSpec
    from .._contract import Ability

LARGEST_INLINE = 64 * 1024 * 1024
"""A request may have 100 MB, and base64 makes four bytes of three."""


class GoogleAdapter(RestAdapter):
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
    connect = staticmethod(GoogleClient)
    has_token = staticmethod(has_token)
    is_ready = staticmethod(is_ready)
    read_status = staticmethod(read)
    reported_cost = staticmethod(reported_cost)
    upload = staticmethod(upload)
    with_token = staticmethod(with_token)
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
    key_variables = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    errors = classify_answer
    statuses: ClassVar[Mapping[str, JobStatus]] = STATUSES
    not_running = frozenset({400, 404, 409})

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else GOOGLE_API_KEY, else GEMINI_API_KEY.

        Vertex AI takes tokens instead, which come from `provider_config`.
        """
        if place_of(config.provider_config).project is not None:
            return NO_KEY

        return super().find_key(config, environment)

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return the base URL: on Vertex AI it depends on the location."""
        return bare(custom) if custom else place_of(config.provider_config, config.model).host

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the request in the protocol of the model."""
        config, extra = call.config, call.request.extra_params
        place = place_of(config.provider_config, spec.model, config.api_version)
        surface, is_vertex = surface_of(spec.model, call.kind), place.project is not None
        fields = self.fields(call, spec)
        return Payload(
            path=place.path(surface, spec.model),
            body=body_of(surface, spec.model, fields, extra, vertex=is_vertex),
        )

    def answers_at_once(self, call: Call) -> bool:
        """Tell whether the model's protocol knows no jobs."""
        return surface_of(call.config.model, call.kind) in ("content", "predict")

    async def submit(
        self, client: GoogleClient, payload: Payload, call: Call
    ) -> Operation | RawResult | Begun:
        """Send the request; images are in the answer, videos are a job."""
        surface = surface_of(call.config.model, call.kind)
        answer = await client.submit(
            surface, payload, partial(self.errors, model=call.config.model)
        )
        accepted = answer.object()
        job_id = id_text(accepted.get("id" if surface == "interactions" else "name"))
        if job_id and surface in ("interactions", "operations"):
            operation = addressed_operation(client, payload, call, job_id)
            return Begun(operation, accepted) if has_ended(surface, accepted) else operation

        # What is not stored has no id, and is in the answer.
        at_once = surface in ("content", "predict") or accepted.get("status") in ENDED
        if not at_once:
            raise unreadable(answer.status, answer.body)

        return await settled(client, accepted, call.kind)

    async def poll(self, client: GoogleClient, operation: Operation) -> Snapshot:
        """Ask for the job; once it has ended, fetch what is only to be had with our key."""
        try:
            body = await ask(client, operation)
        except ContentModerationError as refused:
            return Snapshot("failed", raw=refused.raw_response, error=refused)

        return await read(client, operation, body)

    async def cancel(self, client: GoogleClient, operation: Operation) -> CancelAnswer:
        """Ask Google to stop an interaction; operations can't be stopped."""
        if "cancel" not in operation.urls:
            return "unsupported"

        http = await client.http(classify_answer)
        answer = await http.stop(operation.urls["cancel"])
        return self.cancel_answer(answer)

    async def verify_credentials(self, client: GoogleClient) -> None:
        """Ask for one line of the list of models."""
        path = "v1beta1/publishers/google/models" if client.vertex else "v1/models"
        http = await client.http(classify_answer)
        await http.get(f"{join(client.account.base_url, path)}?pageSize=1")

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; of what was filtered, only the count and the reasons are left."""
        raw = finished.raw
        extra = call.request.extra_params
        asked = count(extra.get("sampleCount", getattr(call.request, "n", None)))
        metadata = {**metadata_of(raw, asked), **finished.metadata}
        media = finished.media or inline(raw, call.kind)
        if not media:
            raise no_media(raw, call.kind)

        rewritten = {"revised_prompt": revised_prompt(raw)} if call.kind == "image" else {}
        kind = finished.media[0]["content_type"] if finished.media else type_of(raw, call.kind)
        return response_of(call, media, raw, metadata, content_type=kind, **rewritten)


adapter = GoogleAdapter()
