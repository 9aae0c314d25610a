"""xAI: Grok Imagine videos and images over its REST API; its SDK speaks gRPC only.

A video is a job to look at, an image is in the answer. What the content filter refuses shows in
four ways, and is billed where the answer tells a cost.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

from ..._data._exchange import (
    MediaConstraints,
    MediaSupport,
    Operation,
    Payload,
    RawResult,
    Snapshot,
)
from ..._http._client import HttpClient, join, shorten, unreadable
from ..._http._credentials import Credentials
from ..._support._mime import named
from ..._support._secrets import bearer
from ...exceptions import (
    ContentModerationError,
    GenerationFailedError,
    UnsupportedOperationError,
    ValidationError,
)
from ...mapping import apply_field_mappers
from ...models import ImageGenerationResponse, VideoGenerationResponse
from .._facts import mapping, objects, percent, response_facts, text
from .._filters import note_of
from .._finding import moment
from . import models as facts
from .errors import billing_of, classify_answer, failure_of, filtered, ticks_of

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Response
    from ..._data._types import CancelAnswer, MediaContent
    from ..._http._client import HttpResponse, Transport
    from ...catalog import ModelSpec

DOLLARS_PER_TICK = 1e-10
URL_LIFETIME = timedelta(hours=24)
"""How long a result's URL works, by the documentation of xAI's SDK; the answer doesn't say."""
LARGEST_INLINE = 20 * 1024 * 1024
# https://docs.x.ai/developers/rest-api-reference/files/upload
LARGEST_FILE = 50 * 1024 * 1024
KEPT_SECONDS = 24 * 60 * 60
"""Files are kept for ever where nobody says how long."""
VIDEO_PATHS = {"extend": "videos/extensions"}
ACCEPTED = 202
FIRST_ERROR = 300
BAD_REQUEST = 400


class XaiAdapter:
    """xAI's REST API, by the contract of adapters."""

    name = "xai"
    accepts = MediaSupport(
        largest_inline=LARGEST_INLINE,
        upload=True,
        references=(facts.STORED_FILE,),
        images=MediaConstraints(("image/jpeg", "image/png", "image/webp")),
    )
    min_poll_interval = 1.0
    base_url = "https://api.x.ai/v1"
    # Not all of x.ai: results come from there too, and refuse a request that carries a key.
    trusted_hosts: tuple[str, ...] = ("api.x.ai",)

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else XAI_API_KEY."""
        return config.api_key or environment.get("XAI_API_KEY")

    def connect(self, account: Credentials, transport: Transport) -> HttpClient:
        """Make a client over the loop's connections."""
        return HttpClient(account, transport, bearer(account.key), classify_answer)

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Leave out what a source video or references exclude, and name models that take more."""
        request = call.request
        mappers = dict(spec.mappers)
        roles = {image.get("type", "reference") for image in request.image_list}
        has_references = bool(roles & {"reference", "asset"}) and "reference_images" in mappers
        _, _, task = spec.model.partition("/")
        if not task and _has(call, "video") and "video" in mappers:
            mappers = {name: one for name, one in mappers.items() if name in facts.EDIT_TAKES}
        elif has_references and "first_frame" in roles and _excludes(spec):
            del mappers["reference_images"]
        elif has_references or _has(call, "reference_images"):
            mappers |= facts.WITH_REFERENCES

        alternatives = {**spec.alternatives, **facts.SIBLINGS.get(spec.model, {})}
        return replace(spec, mappers=mappers, alternatives=alternatives)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the JSON body; the inputs say which endpoint takes it."""
        other = "image" if call.kind == "video" else "video"
        if spec.model.startswith(f"grok-imagine-{other}"):
            raise UnsupportedOperationError(
                f"{spec.model} makes {other}s, no {call.kind}s; use generate_{other}()"
            )

        extra = call.request.extra_params
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        model, _, task = spec.model.partition("/")
        body = {"model": model, **apply_field_mappers(mappers, call.request), **extra}
        if call.kind == "image":
            return Payload("images/edits" if _edits(body) else "images/generations", body)

        edit_or_not = "videos/edits" if "video" in body else "videos/generations"
        return Payload(VIDEO_PATHS.get(task, edit_or_not), body)

    def answers_at_once(self, call: Call) -> bool:
        """Tell that images are no jobs."""
        return call.kind == "image"

    async def submit(
        self, client: HttpClient, payload: Payload, call: Call
    ) -> Operation | RawResult:
        """Start a video, or get the images at once."""
        now = datetime.now(UTC)
        answer = await client.submit(payload.path, json=payload.body)
        body = answer.object()
        if call.kind == "image":
            return RawResult(body, {"expires_at": (now + URL_LIFETIME).isoformat()})

        job_id = body.get("request_id")
        if not isinstance(job_id, str) or not job_id:
            raise unreadable(answer.status, body)

        return Operation(
            provider=client.account.provider,
            model=call.config.model,
            kind=call.kind,
            id=job_id,
            submitted_at=now.isoformat(),
        )

    async def poll(self, client: HttpClient, operation: Operation) -> Snapshot:
        """Look at a video once; while it is being made, the answer may have no body."""
        url = join(client.account.base_url, f"videos/{quote(operation.id, safe='')}")
        answer = await client.get(url, any_status=True)
        if answer.status == ACCEPTED:
            return _running(answer.body)

        if answer.status >= FIRST_ERROR:
            return _refused(answer)

        body = answer.object()
        if not body.get("status") and body.get("error"):
            return _failed(body, failure_of({**body, "status": "failed"}))

        if body.get("status") in {"failed", "expired"} or filtered(body.get("video")):
            return _failed(body, failure_of(body))

        if body.get("status") != "done" and not _url(body):
            return _running(body)

        finished = RawResult(body, {"expires_at": _expiry(operation)})
        return Snapshot("completed", raw=body, progress=100, finished=finished)

    async def cancel(self, client: HttpClient, operation: Operation) -> CancelAnswer:
        """Do nothing: the API has no cancel."""
        del client, operation
        return "unsupported"

    async def verify_credentials(self, client: HttpClient) -> None:
        """Ask for the list of models."""
        await client.get(join(client.account.base_url, "models"))

    async def upload(self, client: HttpClient, media: MediaContent) -> str:
        """Return the reference of media in xAI's file store, which deletes them after a day."""
        kind, content = media["content_type"], media["content"]
        if len(content) > LARGEST_FILE:
            raise ValidationError(
                f"xAI takes files of {LARGEST_FILE} bytes, and these are {len(content)}; give a "
                "smaller file, or a public URL"
            )

        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("expires_after", str(KEPT_SECONDS))  # has to stand before the file
        name = named("input", kind)
        form.add_field("file", io.BytesIO(content), filename=name, content_type=kind)
        answer = await client.send_form(join(client.account.base_url, "files"), form)
        file_id = answer.object().get("id")
        if not isinstance(file_id, str) or not file_id:
            raise unreadable(answer.status, answer.body)

        return f"{facts.STORED_FILE}{file_id}"

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; the cost that xAI reports goes into `provider_metadata`."""
        body = finished.raw
        metadata = {**_beside(body), **finished.metadata}
        if call.kind == "image":
            return _images(call, body, metadata)

        url = _url(body)
        if url is None:
            raise GenerationFailedError(
                f"xAI answered without a video: {shorten(body)}", raw_response=body
            )

        video = mapping(body["video"])
        stored = mapping(video.get("file_output"))
        expiry = stored.get("public_url_expires_at") or stored.get("expires_at")
        metadata |= {"file_output": stored} if stored else {}
        metadata |= {"expires_at": expiry} if expiry else {}
        return VideoGenerationResponse(
            video=url,
            raw_response=body,
            **response_facts(
                call, metadata, content_type="video/mp4", duration=video.get("duration")
            ),
        )


def _has(call: Call, name: str) -> bool:
    return getattr(call.request, name, None) is not None or name in call.request.extra_params


def _excludes(spec: ModelSpec) -> bool:
    return spec.model in facts.EITHER_FRAME_OR_REFERENCES


def _edits(body: Mapping[str, Any]) -> bool:
    return "image" in body or "images" in body


def _refused(answer: HttpResponse) -> Snapshot:
    """Return what an error status says: the filter's verdict, or of the look alone."""
    error = classify_answer(answer)
    if isinstance(error, ContentModerationError):
        return _failed(answer.body, error)

    if answer.status == BAD_REQUEST:
        # So answers a machine that doesn't know the job yet; believed where it stays.
        return Snapshot("processing", raw=answer.body, trouble=error, denied=True)

    raise error


def _running(body: Any) -> Snapshot:
    return Snapshot("processing", raw=body or None, progress=percent(mapping(body).get("progress")))


def _failed(body: Any, error: ContentModerationError | GenerationFailedError) -> Snapshot:
    return Snapshot("failed", raw=body, error=error, billing=billing_of(body))


def _url(body: Mapping[str, Any]) -> str | None:
    video = body.get("video")
    url = video.get("url") if isinstance(video, dict) else None
    return url if isinstance(url, str) and url else None


def _expiry(operation: Operation) -> str:
    # Counted from the submit: the earliest that it can be.
    submitted = moment(operation.submitted_at) or datetime.now(UTC)
    return (submitted + URL_LIFETIME).isoformat()


def _beside(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands beside the media, with the cost in dollars."""
    beside = {name: body[name] for name in ("model", "usage") if name in body}
    ticks = ticks_of(body)
    return beside if ticks is None else {**beside, "cost_usd": ticks * DOLLARS_PER_TICK}


def _images(
    call: Call, body: Mapping[str, Any], metadata: dict[str, Any]
) -> ImageGenerationResponse:
    items = objects(body.get("data"))
    made = [item for item in items if text(item.get("url")) or text(item.get("b64_json"))]
    refused = [item for item in items if item not in made and filtered(item)]
    if not made and refused:
        raise failure_of(body, text(refused[0].get("reason")))

    if not made:
        raise GenerationFailedError(
            f"xAI answered without an image: {shorten(body)}", raw_response=body
        )

    if refused:
        reasons = [said for item in refused if (said := text(item.get("reason")))]
        kept_back = note_of(len(refused), reasons)
        metadata = {**metadata, **kept_back, "moderated_images": len(refused)}

    return ImageGenerationResponse(
        images=tuple(text(item.get("url")) or item["b64_json"] for item in made),
        raw_response=body,
        **response_facts(
            call,
            metadata,
            content_type=made[0].get("mime_type"),
            revised_prompt=made[0].get("revised_prompt"),
        ),
    )


adapter = XaiAdapter()
