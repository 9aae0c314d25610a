"""Stability AI: images over the v2beta REST API, which takes forms and answers with the image.

There is no SDK for it. All but a few endpoints answer at once; the answer is asked for as JSON, so
that the seed and the reason why it ended can't get lost beside the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..._data._exchange import MediaConstraints, MediaSupport, Operation, RawResult, Snapshot
from ..._http._client import HttpClient, join, segments, status_error
from ..._support._secrets import AuthHeaders, bearer
from ...exceptions import ContentModerationError, GenerationFailedError, ValidationError
from .._error_conditions import Refusal, When
from .._forms import is_file, multipart
from .._outputs import response_of
from .._rest import RestAdapter
from . import models as facts
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._exchange import Call, Payload, Response
    from ..._data._types import JobStatus
    from ..._http._client import Classify, HttpResponse, Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

__all__ = ["StabilityAdapter", "adapter", "classify_answer"]

VERSION = "v2beta"
SD3 = "generate/sd3"
LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a whole form; the API refuses more."""
DEFAULT_STRENGTH = 0.5
"""Between the image (0) and the prompt (1); the API wants a number, and the middle favours none."""

# How the base64 of each kind begins.
SIGNATURES = {"iVBOR": "image/png", "/9j/": "image/jpeg", "UklGR": "image/webp"}
FILTERED = "CONTENT_FILTERED"
REFUSED = frozenset({400, 413, 422})


class StabilityAdapter(RestAdapter):
    """Stability AI's REST API, by declaration but for its forms and its base64."""

    abilities: frozenset[Ability] = frozenset(
        {"answers_at_once", "resolve_spec", "verify_credentials"}
    )
    name = "stability"
    accepts = MediaSupport(
        url=False,
        content="bytes",
        largest_inline=LARGEST_BODY,
        largest_together=LARGEST_BODY,
        images=MediaConstraints(tuple(SIGNATURES.values()), shortest_side=64, longest_side=16_384),
    )
    min_poll_interval = 10.0
    base_url = "https://api.stability.ai"
    key_variables = ("STABILITY_API_KEY", "STABILITY_KEY")
    errors = classify_answer
    job_path = f"{VERSION}/results/{{id}}"
    statuses: ClassVar[Mapping[str, JobStatus]] = {"in-progress": "processing"}
    failures = ("error", "errors", "message")
    makes = ("image",)

    def connect(self, account: Credentials, transport: Transport) -> HttpClient:
        """Make a client over the loop's connections."""
        credentials = AuthHeaders({**bearer(account.key).reveal(), "Accept": "application/json"})
        return HttpClient(account, transport, credentials, self.errors)

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Leave out what an image excludes, and name the models that take what this one can't."""
        request = call.request
        mappers = dict(spec.mappers)
        from_image = request.image_list or "image" in request.extra_params
        if from_image and _endpoint(spec.model) == SD3:
            mappers.pop(facts.SD3_FROM_IMAGE_LACKS, None)

        alternatives = {**spec.alternatives, **facts.SIBLINGS.get(spec.model, {})}
        return replace(spec, mappers=mappers, alternatives=alternatives)

    def body(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the fields of the form; media are bytes with their type."""
        fields = self.mapped(call, spec)
        body = {**_own_fields(_endpoint(spec.model), spec.model, fields), **fields}
        size = sum(len(part["content"]) for part in body.values() if is_file(part))
        if size > LARGEST_BODY:
            raise ValidationError(
                f"Stability AI takes {LARGEST_BODY} bytes in all, and the images have {size}; "
                "give smaller ones"
            )

        return body

    def endpoint(self, call: Call, spec: ModelSpec, body: Mapping[str, Any]) -> str:
        """Return the endpoint that is, or has, the model."""
        del call, body
        return f"{VERSION}/stable-image/{segments(_endpoint(spec.model))}"

    def answers_at_once(self, call: Call) -> bool:
        """Tell that only slow endpoints, none of which generates anew, have jobs."""
        return _endpoint(call.config.model).startswith("generate/")

    async def send(self, client: HttpClient, payload: Payload, classify: Classify) -> HttpResponse:
        """Send the form."""
        return await client.submit(payload.path, form=multipart(payload.body), classify=classify)

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return the image, or the job of the slow endpoints."""
        body = answer.object()
        if _is_result(body) or not isinstance(body.get("id"), str | int) or not body["id"]:
            # Without either, let `parse` say what is missing: whatever it is, it was paid for.
            return RawResult(body)

        return super().accepted(client, answer, call)

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a good answer says: the result, unless it is somebody else's."""
        if _is_result(body):
            return Snapshot("completed", raw=body, progress=100, finished=RawResult(body))

        return super().snapshot(body, operation)

    def refused(self, answer: HttpResponse) -> Snapshot:
        """Return the filter's verdict; another refusal is of the job or of the poll alone."""
        error = self.errors(answer) or status_error(answer)
        if isinstance(error, ContentModerationError):
            return Snapshot("failed", raw=answer.body, error=error, billing="none")

        if answer.status in REFUSED and answer.is_json and self.errors.said(answer.body):
            # Believed where it stays.
            return Snapshot("processing", raw=answer.body, trouble=error, denied=True)

        raise error

    async def verify_credentials(self, client: HttpClient) -> None:
        """Ask for the balance."""
        origin = client.account.base_url.rstrip("/").removesuffix(f"/{VERSION}")
        await client.get(join(origin, "v1/user/balance"))

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the image as base64; a filtered one is blurred, and so no result."""
        body = finished.raw
        reason, image = body.get("finish_reason"), body.get("image")
        beside = {name: value for name, value in body.items() if name != "image"}
        if reason == FILTERED:
            when = When(
                stage="output",
                advice="the result is blurred, and raw_response holds it; change the prompt, the "
                "image or the seed: the same ones give the same result",
            )
            raise self.errors.moderated(when, Refusal(None, body, code=FILTERED))

        if not isinstance(image, str) or not image or reason == "ERROR":
            raise GenerationFailedError(
                f"Stability AI answered without an image: {beside}", raw_response=body
            )

        kind = next((kind for start, kind in SIGNATURES.items() if image.startswith(start)), None)
        metadata = {**beside, **finished.metadata}
        return response_of(call, (image,), body, metadata, content_type=kind)


def _endpoint(model: str) -> str:
    if "/" in model:
        return model

    name = model.removeprefix("stable-image-")
    return SD3 if name == model else f"generate/{name}"


def _own_fields(endpoint: str, model: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an endpoint wants beside the fields that were mapped."""
    own: dict[str, Any] = {"model": model} if endpoint == SD3 else {}
    if "image" not in fields or not endpoint.startswith("generate/"):
        return own

    mode = {"mode": "image-to-image"} if endpoint == SD3 else {}
    return {**own, **mode, "strength": DEFAULT_STRENGTH}


def _is_result(body: Mapping[str, Any]) -> bool:
    return "image" in body or "finish_reason" in body


adapter = StabilityAdapter()
