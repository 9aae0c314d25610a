"""xAI: Grok Imagine videos and images over its REST API; its SDK speaks gRPC only.

A video is a job, an image is in the answer. What the content filter refuses shows in
four ways, and is billed where the answer tells a cost.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp

from ..._data._exchange import MediaConstraints, MediaSupport, Operation, RawResult, Snapshot
from ..._data._hints import use_function
from ..._http._client import HttpClient, join, shorten, status_error, unreadable
from ..._support._mime import named
from ...exceptions import (
    ContentModerationError,
    GenerationFailedError,
    UnsupportedOperationError,
    ValidationError,
)
from ...models import ImageGenerationResponse
from .._facts import mapping, objects, response_facts, text
from .._filters import note_of
from .._finding import moment
from .._rest import RestAdapter
from . import models as facts
from .costs import reported_cost
from .errors import billing_of, classify_answer, filtered, ticks_of

if TYPE_CHECKING:
    from ..._data._exchange import Call, Response
    from ..._data._types import Billing, JobStatus, MediaContent
    from ..._http._client import HttpResponse
    from ...catalog import ModelSpec
    from ...exceptions import TarashException
    from .._contract import Ability

DOLLARS_PER_TICK = 1e-10
URL_LIFETIME = timedelta(hours=24)
"""How long a result's URL works, by the documentation of xAI's SDK; the answer doesn't say."""
LARGEST_INLINE = 20 * 1024 * 1024
# https://docs.x.ai/developers/rest-api-reference/files/upload
LARGEST_FILE = 50 * 1024 * 1024
KEPT_SECONDS = 24 * 60 * 60
"""Files are kept for ever where nobody says how long."""
VIDEO_PATHS = {"extend": "videos/extensions"}
BAD_REQUEST = 400


class XaiAdapter(RestAdapter):
    """xAI's REST API, by declaration but for its media and what its filter says."""

    abilities: frozenset[Ability] = frozenset(
        {
            "answers_at_once",
            "reported_cost",
            "resolve_spec",
            "upload",
            "verify_credentials",
        }
    )
    reported_cost = staticmethod(reported_cost)
    name = "xai"
    accepts = MediaSupport(
        largest_inline=LARGEST_INLINE,
        upload=True,
        references=(facts.STORED_FILE,),
        images=MediaConstraints(("image/jpeg", "image/png", "image/webp")),
    )
    # Not all of x.ai: results come from there too, and refuse a request that carries a key.
    base_url = "https://api.x.ai/v1"
    key_variables = ("XAI_API_KEY",)
    errors = classify_answer
    job_path = "videos/{id}"
    job_id = "request_id"
    statuses: ClassVar[Mapping[str, JobStatus]] = {
        "pending": "processing",
        "done": "completed",
        "failed": "failed",
        "expired": "failed",
    }
    progress = "progress"
    media: ClassVar[Mapping[str, str]] = {"video": "video.url"}
    check_path = "models"
    continues = "grok-imagine-video/extend: longer; grok-imagine-video: an edit"

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Leave out what a source video or references exclude, and name models that take more."""
        request = call.request
        mappers = dict(spec.mappers)
        roles = {image.get("type", "reference") for image in request.image_list}
        has_references = bool(roles & {"reference", "asset"}) and "reference_images" in mappers
        _, _, task = spec.model.partition("/")
        is_edit = _has(call, "video") or request.continue_from is not None
        if not task and is_edit and "video" in mappers:
            mappers = {name: one for name, one in mappers.items() if name in facts.EDIT_TAKES}
        elif has_references and "first_frame" in roles and _excludes(spec):
            del mappers["reference_images"]
        elif has_references or _has(call, "reference_images"):
            mappers |= facts.WITH_REFERENCES

        alternatives = {**spec.alternatives, **facts.SIBLINGS.get(spec.model, {})}
        return replace(spec, mappers=mappers, alternatives=alternatives)

    def body(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the parameters under the model's own id, without the task after its slash."""
        other = "image" if call.kind == "video" else "video"
        if spec.model.startswith(f"grok-imagine-{other}"):
            raise UnsupportedOperationError(
                f"{spec.model} makes {other}s, no {call.kind}s", hints=[use_function(other)]
            )

        return {"model": spec.model.partition("/")[0], **self.mapped(call, spec)}

    def endpoint(self, call: Call, spec: ModelSpec, body: Mapping[str, Any]) -> str:
        """Return the endpoint; the inputs say which one takes them."""
        if call.kind == "image":
            return "images/edits" if "image" in body or "images" in body else "images/generations"

        edit_or_not = "videos/edits" if "video" in body else "videos/generations"
        return VIDEO_PATHS.get(spec.model.partition("/")[2], edit_or_not)

    def answers_at_once(self, call: Call) -> bool:
        """Tell that images are no jobs."""
        return call.kind == "image"

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return the job of a video; images are in the answer."""
        if call.kind == "video":
            return super().accepted(client, answer, call)

        expires = datetime.now(UTC) + URL_LIFETIME
        return RawResult(answer.object(), {"expires_at": expires.isoformat()})

    def refused(self, answer: HttpResponse) -> Snapshot:
        """Return what an error status says: the filter's verdict, or of the exchange alone."""
        error = self.errors(answer) or status_error(answer)
        if isinstance(error, ContentModerationError):
            billing = billing_of(answer.body)
            return Snapshot("failed", raw=answer.body, error=error, billing=billing)

        if answer.status == BAD_REQUEST:
            # So answers a machine that doesn't know the job yet; believed where it stays.
            return Snapshot("processing", raw=answer.body, trouble=error, denied=True)

        raise error

    def status_of(self, body: Mapping[str, Any]) -> JobStatus:
        """Return the status; a video that is there or withheld, or an error, say it too."""
        if filtered(body.get("video")) or (not body.get("status") and body.get("error")):
            return "failed"

        status = super().status_of(body)
        return "completed" if status != "failed" and text(self.output(body, "video")) else status

    def failure(self, body: Mapping[str, Any]) -> TarashException:
        """Return the error of a video that was not made, or withheld."""
        if body.get("status") == "expired":
            return GenerationFailedError(
                "xAI no longer keeps the result: it expired", raw_response=body
            )

        withheld = filtered(body.get("video")) and body.get("status") != "failed"
        return self.errors.refusal(body) if withheld else self.errors.failure(body)

    def billing(self, body: Any) -> Billing | None:
        """Return whether a failure costs money, where the answer says so."""
        return billing_of(body)

    def metadata(self, operation: Operation) -> dict[str, Any]:
        """Return until when the URL works, from the submit on: the earliest that it can be."""
        submitted = moment(operation.submitted_at) or datetime.now(UTC)
        return {"expires_at": (submitted + URL_LIFETIME).isoformat()}

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
        """Return the response; images are read by their own rules."""
        if call.kind == "image":
            metadata = {**self.beside(finished.raw), **finished.metadata}
            return _images(call, finished.raw, metadata)

        return super().parse(call, finished)

    def facts(self, body: Any, kind: str) -> dict[str, Any]:
        """Return the type, which the answer doesn't say, and the duration."""
        del kind
        duration = mapping(body.get("video")).get("duration")
        return {"content_type": "video/mp4", "duration": duration}

    def beside(self, body: Any) -> dict[str, Any]:
        """Return what stands beside the media, with the cost in dollars."""
        beside = {name: body[name] for name in ("model", "usage") if name in body}
        stored = mapping(mapping(body.get("video")).get("file_output"))
        expiry = stored.get("public_url_expires_at") or stored.get("expires_at")
        ticks = ticks_of(body)
        return {
            **beside,
            **({} if ticks is None else {"cost_usd": ticks * DOLLARS_PER_TICK}),
            **({"file_output": stored} if stored else {}),
            **({"expires_at": expiry} if expiry else {}),
        }


def _has(call: Call, name: str) -> bool:
    return getattr(call.request, name, None) is not None or name in call.request.extra_params


def _excludes(spec: ModelSpec) -> bool:
    return spec.model in facts.EITHER_FRAME_OR_REFERENCES


def _images(
    call: Call, body: Mapping[str, Any], metadata: dict[str, Any]
) -> ImageGenerationResponse:
    items = objects(body.get("data"))
    made = [item for item in items if text(item.get("url")) or text(item.get("b64_json"))]
    refused = [item for item in items if item not in made and filtered(item)]
    if not made and refused:
        failure = classify_answer.refusal(body)
        failure.billing = billing_of(body)
        raise failure

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
