"""Stability AI: images over the v2beta REST API, which takes forms and answers with the image.

There is no SDK for it. All but a few endpoints answer at once; the answer is asked for as JSON, so
that the seed and the reason why it ended can't get lost beside the bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
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
from ..._data._hints import read_raw_response
from ..._http._client import HttpClient, HttpResponse, join, shorten, status_error, unreadable
from ..._http._credentials import Credentials
from ..._support._secrets import AuthHeaders, bearer
from ...exceptions import (
    ContentModerationError,
    GenerationFailedError,
    UnsupportedOperationError,
    ValidationError,
)
from ...mapping import apply_field_mappers
from ...models import ImageGenerationResponse
from .._contract import AdapterDefaults
from .._facts import response_facts
from . import models as facts
from .errors import classify_answer

__all__ = ["StabilityAdapter", "adapter", "classify_answer"]

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Response
    from ..._data._types import CancelAnswer
    from ..._http._client import Transport
    from ...catalog import ModelSpec
    from .._contract import Ability

VERSION = "v2beta"
SD3 = "generate/sd3"
LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a whole form; the API refuses more."""
DEFAULT_STRENGTH = 0.5
"""Between the image (0) and the prompt (1); the API wants a number, and the middle favours none."""

# How the base64 of each kind begins.
SIGNATURES = {"iVBOR": "image/png", "/9j/": "image/jpeg", "UklGR": "image/webp"}
SUFFIXES = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}

FILTERED = "CONTENT_FILTERED"
FAILED = ("ERROR",)

OK = 200
STILL_RUNNING = 202
REFUSED = frozenset({400, 413, 422})


class StabilityAdapter(AdapterDefaults):
    """Stability AI's REST API, by the contract of adapters."""

    abilities: frozenset[Ability] = frozenset(
        {
            "answers_at_once",
            "resolve_spec",
            "verify_credentials",
        }
    )
    name = "stability"
    accepts = MediaSupport(
        url=False,
        content="bytes",
        largest_inline=LARGEST_BODY,
        largest_together=LARGEST_BODY,
        images=MediaConstraints(
            ("image/png", "image/jpeg", "image/webp"), shortest_side=64, longest_side=16_384
        ),
    )
    min_poll_interval = 10.0
    base_url = "https://api.stability.ai"
    trusted_hosts: tuple[str, ...] = ("api.stability.ai",)

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else STABILITY_API_KEY, else STABILITY_KEY."""
        found = environment.get("STABILITY_API_KEY") or environment.get("STABILITY_KEY")
        return config.api_key or found

    def connect(self, account: Credentials, transport: Transport) -> HttpClient:
        """Make a client over the loop's connections."""
        credentials = AuthHeaders({**bearer(account.key).reveal(), "Accept": "application/json"})
        return HttpClient(account, transport, credentials, classify_answer)

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Leave out what an image excludes, and name the models that take what this one can't."""
        request = call.request
        mappers = dict(spec.mappers)
        from_image = request.image_list or "image" in request.extra_params
        if from_image and _endpoint(spec.model) == SD3:
            mappers.pop(facts.SD3_FROM_IMAGE_LACKS, None)

        alternatives = {**spec.alternatives, **facts.SIBLINGS.get(spec.model, {})}
        return replace(spec, mappers=mappers, alternatives=alternatives)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the fields of the form; media are bytes with their type."""
        if call.kind == "video":
            raise UnsupportedOperationError(
                "Stability AI makes images only: its video endpoint is gone; use another provider"
            )

        extra = call.request.extra_params
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        fields = {**apply_field_mappers(mappers, call.request), **extra}
        endpoint = _endpoint(spec.model)
        body = {**_own_fields(endpoint, spec.model, fields), **fields}
        size = sum(len(part["content"]) for part in body.values() if _is_media(part))
        if size > LARGEST_BODY:
            raise ValidationError(
                f"Stability AI takes {LARGEST_BODY} bytes in all, and the images have {size}; "
                "give smaller ones"
            )

        return Payload(path=f"{VERSION}/stable-image/{endpoint}", body=body)

    def answers_at_once(self, call: Call) -> bool:
        """Tell that only slow endpoints, none of which generates anew, have jobs."""
        return _endpoint(call.config.model).startswith("generate/")

    async def submit(
        self, client: HttpClient, payload: Payload, call: Call
    ) -> Operation | RawResult:
        """Send the form; the answer holds the image, or the id of a job for the slow endpoints."""
        answer = await client.submit(payload.path, form=_form(payload.body))
        body = answer.object()
        if "image" in body or "finish_reason" in body:
            return RawResult(body)

        job_id = body.get("id")
        if not isinstance(job_id, str) or not job_id:
            # Let `parse` say what is missing: whatever it is, it was paid for.
            return RawResult(body)

        return Operation(
            provider=client.account.provider,
            model=call.config.model,
            kind=call.kind,
            id=job_id,
            submitted_at=datetime.now(UTC).isoformat(),
        )

    async def poll(self, client: HttpClient, operation: Operation) -> Snapshot:
        """Look at a job of one of the slow endpoints; the result comes with the last look."""
        url = join(client.account.base_url, f"{VERSION}/results/{quote(operation.id, safe='')}")
        answer = await client.get(url, any_status=True)
        if answer.status == STILL_RUNNING:
            return Snapshot("processing", raw=answer.body)

        if answer.status == OK:
            return _ended(answer)

        error = classify_answer(answer) or status_error(answer)
        if isinstance(error, ContentModerationError):
            return Snapshot("failed", raw=answer.body, error=error, billing="none")

        if answer.status in REFUSED and answer.is_json and classify_answer.said(answer.body):
            # Of the job or of the look alone: believed where it stays.
            return Snapshot("processing", raw=answer.body, trouble=error, denied=True)

        raise error

    async def cancel(self, client: HttpClient, operation: Operation) -> CancelAnswer:
        """Do nothing: the API has no cancel."""
        del client, operation
        return "unsupported"

    async def verify_credentials(self, client: HttpClient) -> None:
        """Ask for the balance."""
        origin = client.account.base_url.rstrip("/").removesuffix(f"/{VERSION}")
        await client.get(join(origin, "v1/user/balance"))

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the image as base64; a filtered one is blurred, and so no result."""
        body = finished.raw
        reason = body.get("finish_reason")
        if reason == FILTERED:
            raise ContentModerationError(
                "Stability AI's content filter blurred the result (change the prompt, the image or "
                "the seed: the same ones give the same result)",
                raw_response=body,
                hints=[read_raw_response("the blurred one")],
                stage="output",
                categories=(FILTERED,),
            )

        image = body.get("image")
        if not isinstance(image, str) or not image or reason in FAILED:
            facts = {name: value for name, value in body.items() if name != "image"}
            raise GenerationFailedError(
                f"Stability AI answered without an image: {facts}", raw_response=body
            )

        beside = {name: value for name, value in body.items() if name != "image"}
        return ImageGenerationResponse(
            images=(image,),
            raw_response=body,
            **response_facts(
                call, {**beside, **finished.metadata}, content_type=_content_type(image)
            ),
        )


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


def _is_media(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("content"), bytes)


def _form(fields: Mapping[str, Any]) -> aiohttp.FormData:
    """Return the fields as multipart, which the API wants even without a file."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if _is_media(value):
            kind = value["content_type"]
            filename = f"{name}.{SUFFIXES.get(kind, 'bin')}"
            # As a stream: aiohttp warns of any megabyte that it is handed as bytes.
            content = io.BytesIO(value["content"])
            form.add_field(name, content, content_type=kind, filename=filename)
        else:
            form.add_field(name, value if isinstance(value, str) else json.dumps(value))

    return form


def _ended(answer: HttpResponse) -> Snapshot:
    """Return what a good answer to a look says: the result, unless it is somebody else's."""
    body = answer.object()
    if "image" in body or "finish_reason" in body:
        return Snapshot("completed", raw=body, progress=100, finished=RawResult(body))

    if body.get("status") == "in-progress":
        return Snapshot("processing", raw=body)

    said = body.get("error") or classify_answer.said(body)
    if not said:
        raise unreadable(answer.status, body)

    error = classify_answer(answer) or GenerationFailedError(
        f"Stability AI could not make it: {shorten(said)}", raw_response=body
    )
    return Snapshot("failed", raw=body, error=error)


def _content_type(image: str) -> str | None:
    kinds = (kind for start, kind in SIGNATURES.items() if image.startswith(start))
    return next(kinds, None)


adapter = StabilityAdapter()
