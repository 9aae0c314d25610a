"""Puts the schemas of answers, and examples of all that is sent, into the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from . import _admin_answers as admin
from . import _answers as answers
from ._content import Links
from ._key_routes import DeletedKey, KeyList, MadeKey
from ._key_store import ApiKey, KeyScope
from ._media import MediaView
from ._openapi_docs import ErrorAnswer
from ._page import SignIn
from ._settings_docs import Explained

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

JSON = "application/json"
PLACE = "#/components/schemas/"
SENT: tuple[type[BaseModel], ...] = (KeyScope, Links, SignIn)
"""What clients send, where the framework reads it: it says the same of it, less readably."""

ID = "tarash-5f0c8d7e4a2b4c1f9e6d3a8b7c5d4e3f"
KEY_ID = "4f1d0b2c9e8a7d63"
MEDIA_ID = "media_0f8fad5bd9cb469fa16570867728950e"
AT = "2026-11-29T12:00:00+00:00"
MODEL = "fal/fal-ai/veo3.1"
PROVIDER, _, NAME = MODEL.partition("/")
ORDER: dict[str, Any] = {"model": MODEL, "prompt": "A cat playing piano", "seconds": "8"}
VIDEO: dict[str, Any] = {
    "id": ID, "object": "video", "model": MODEL, "status": "in_progress", "progress": 40,
    "created_at": 1795953600, "completed_at": None, "expires_at": None, "error": None,
    "prompt": "A cat playing piano", "seconds": "8", "size": "1280x720",
    "remixed_from_video_id": None, "metadata": {"user": "42"},
}  # fmt: skip
JOB: dict[str, Any] = {
    "id": ID, "object": "job", "kind": "video", "status": "in_progress", "progress": 40,
    "queue_position": None, "note": None, "model": MODEL, "provider": PROVIDER,
    "provider_model": NAME, "provider_job_id": "764cabcf-b745-4b3e-ae38-1200304cf45b",
    "submission": "accepted", "attempts": 1, "created_at": AT, "ended_at": None,
    "labels": {"user": "42"}, "key": KEY_ID, "cost": None, "error": None, "media": [],
    "request": {"prompt": "A cat playing piano", "duration_seconds": 8},
}  # fmt: skip
COST = {"amount": "0.04", "currency": "USD", "state": "reported"}
QUOTE = {"low": "3.20", "high": "3.20", "currency": "USD"}
KEY: dict[str, Any] = {
    "id": KEY_ID, "name": "shop", "models": ["fal/*"], "created_at": AT,
    "budget": {"amount": "5.00", "per": "day"}, "in_flight": 5, "requests_per_minute": 60,
    "allow_unpriced": False, "expires_at": None,
}  # fmt: skip
NEW_KEY = {**KEY, "key": f"tg_{KEY_ID}_…"}
MEDIA = {
    "id": MEDIA_ID, "object": "media", "content_type": "image/png", "bytes": 70, "created_at": AT,
    "expires_at": "2026-11-30T12:00:00+00:00",
}  # fmt: skip
MODEL_ENTRY = {"id": MODEL, "object": "model", "created": 0, "owned_by": PROVIDER}
FOUND = {"id": MODEL, "object": "model", "provider": PROVIDER, "ready": True, "outputs": ["video"]}
IMAGES: dict[str, Any] = {
    "created": 1795953600, "data": [{"url": f"http://127.0.0.1:4242/links/{ID}/1?…"}], "job": ID,
    "model": "openai/gpt-image-2", "output_format": "png", "cost": COST, "usage": None,
    "adjustments": [],
}  # fmt: skip
PLAN: dict[str, Any] = {
    "provider": PROVIDER, "model": NAME, "endpoint": f"https://queue.fal.run/{NAME}",
    "method": "POST", "payload": {"prompt": "A cat playing piano", "duration": "8s"},
    "adjustments": [], "fallbacks": [], "warnings": [], "quote": QUOTE, "expected_seconds": 92.5,
}  # fmt: skip
QUOTED = {"provider": PROVIDER, "model": NAME, "quote": QUOTE}
HEALTH: dict[str, Any] = {
    "object": "health", "mock": False, "ledger": "ok", "jobs_under_way": 3, "queue": {"waiting": 0},
    "circuits": [], "limits": [{"name": NAME, "in_flight": 2, "waiting": 0, "most": 10}],
    "providers": [],
}  # fmt: skip
SPENT = {
    "key": KEY_ID, "amount": "3.20", "possible": "0", "currency": "USD", "submits": 1, "unknown": 0,
}  # fmt: skip
ACT = {
    "at": AT, "act": "key.created", "what": KEY_ID, "address": "127.0.0.1", "request_id": "5f0c",
}  # fmt: skip
SESSION = {"object": "session", "signed_in": True, "is_admin": False, "name": "shop"}
IMAGE_STREAM = 'event: image_generation.completed\ndata: {"b64_json": "…"}\n\n'
STREAM = f'id: 5d41402abc4b2a76\nevent: job\ndata: {{"id": "{ID}", "status": "completed"}}\n\n'
SSE = "text/event-stream"
BYTES = {"video/mp4": None, "image/png": None}
REQUESTS: dict[str, Any] = {
    "POST /v1/videos": {**ORDER, "size": "1280x720"},
    "POST /v1/videos/edits": {"prompt": "Make it snow", "video": {"id": ID}},
    "POST /v1/videos/extensions": {"prompt": "It goes on", "video": {"id": ID}},
    "POST /v1/videos/{video_id}/remix": {"prompt": "The same, at night"},
    "POST /v1/images/generations": {"model": "openai/gpt-image-2", "prompt": "A cat"},
    "POST /v1/images/edits": {
        "model": "openai/gpt-image-2",
        "prompt": "Give it a hat",
        "images": [{"image_url": "https://example.com/cat.png"}],
    },
    "POST /api/plan": ORDER,
    "POST /api/quote": {**ORDER, "fallbacks": ["openai/sora-2"]},
    "POST /api/jobs": {**ORDER, "metadata": {"user": "42"}},
    "POST /api/jobs/{job_id}/links": {"index": 1, "expires_in": 3600},
    "POST /api/keys": {name: KEY[name] for name in ("name", "models", "budget", "in_flight")},
    "POST /api/session": {"key": f"tg_{KEY_ID}_…"},
}
"""Bodies in JSON, by route."""
OTHERS: dict[str, dict[str, Any]] = {
    "GET /metrics": {"text/plain": "tarash_jobs_driven 3\n"},
    "GET /v1/videos/{video_id}/content": BYTES,
    "GET /api/jobs/{job_id}/media/{index}": BYTES,
    "GET /links/{job_id}/{index}": BYTES,
    "POST /v1/images/generations": {SSE: IMAGE_STREAM},
    "POST /v1/images/edits": {SSE: IMAGE_STREAM.replace("generation", "edit")},
    "GET /api/jobs/{job_id}/events": {SSE: STREAM},
    "GET /api/events": {SSE: STREAM},
}
"""Answers that are no JSON, by route and type; None for bytes."""


def with_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document in which each answer in JSON has a schema."""
    models: set[type[BaseModel]] = {*(model for model, _ in ANSWERS.values()), ErrorAnswer}
    ordered = sorted(models, key=lambda model: model.__name__)
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in SENT]
    definitions, made = models_json_schema(
        [*modes, *((model, "serialization") for model in ordered)],
        ref_template=f"{PLACE}{{model}}",
        schema_generator=Explained,
    )
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            if route in ANSWERS:
                model, _ = ANSWERS[route]
                content = good(operation).setdefault("content", {})
                content.setdefault(JSON, {})["schema"] = definitions[model, "serialization"]

            for status, answer in operation["responses"].items():
                if status >= "4":  # errors are JSON, whatever the route has otherwise
                    error = {"schema": definitions[ErrorAnswer, "serialization"]}
                    own = answer.get("content", {})
                    answer["content"] = {JSON: next(iter(own.values()), error)}

    schemas = {**document["components"]["schemas"], **made["$defs"]}
    named = set(_named(document["paths"], schemas))
    document["components"]["schemas"] = {
        name: schemas[name] for name in sorted(schemas) if name in named
    }
    return document


def good(operation: dict[str, Any]) -> dict[str, Any]:
    """Return what the document says of the answer to a request that was taken."""
    answer: dict[str, Any] = next(
        value for status, value in operation["responses"].items() if status < "3"
    )
    return answer


def _named(value: Any, schemas: dict[str, Any]) -> Iterable[str]:
    """Return the names of all schemas that a part of the document needs."""
    names: set[str] = set()
    left = [value]
    while left:
        for name in _references(left.pop()):
            if name not in names:
                names.add(name)
                left.append(schemas[name])

    return names


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(PLACE)

        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for entry in value:
            yield from _references(entry)


def _list(*data: Any, **more: Any) -> dict[str, Any]:
    return {"object": "list", "data": [*data], **more}


def _deleted(id_: str, kind: str) -> dict[str, Any]:
    return {"id": id_, "object": f"{kind}.deleted", "deleted": True}


ANSWERS: dict[str, tuple[type[BaseModel], Any]] = {
    "GET /healthz": (admin.Alive, {"status": "ok"}),
    "GET /readyz": (admin.Alive, {"status": "ok", "jobs_under_way": 3}),
    "POST /v1/videos": (answers.Video, VIDEO),
    "GET /v1/videos": (answers.VideoList, _list(VIDEO, first_id=ID, last_id=ID, has_more=False)),
    "GET /v1/videos/{video_id}": (answers.Video, VIDEO),
    "DELETE /v1/videos/{video_id}": (answers.Deleted, _deleted(ID, "video")),
    "POST /v1/videos/edits": (answers.Video, VIDEO),
    "POST /v1/videos/extensions": (answers.Video, VIDEO),
    "POST /v1/videos/{video_id}/remix": (answers.Video, VIDEO),
    "POST /v1/images/generations": (answers.Images, IMAGES),
    "POST /v1/images/edits": (answers.Images, IMAGES),
    "POST /api/plan": (answers.Plan, PLAN),
    "POST /api/quote": (answers.QuoteAnswer, {"object": "quote", **QUOTED, "fallbacks": []}),
    "POST /api/jobs": (answers.Job, JOB),
    "GET /api/jobs": (answers.JobList, _list(JOB, has_more=False)),
    "GET /api/jobs/{job_id}": (answers.Job, JOB),
    "DELETE /api/jobs/{job_id}": (answers.Deleted, _deleted(ID, "job")),
    "POST /api/jobs/{job_id}/cancel": (
        answers.Cancelled,
        {
            "cancel": "cancelled",
            "job": {**JOB, "status": "cancelled"},
        },
    ),
    "GET /api/jobs/{job_id}/token": (answers.Token, {"id": ID, "token": "…"}),
    "GET /api/jobs/{job_id}/timeline": (answers.Timeline, _list({"at": AT, "event": "written"})),
    "POST /api/jobs/{job_id}/links": (
        answers.Link,
        {"url": "…", "expires_at": 1795957200, "index": 1},
    ),
    "POST /webhooks/{address}": (admin.Taken, {"ok": True}),
    "POST /api/media": (MediaView, MEDIA),
    "GET /api/media/{media_id}": (MediaView, MEDIA),
    "DELETE /api/media/{media_id}": (answers.Deleted, _deleted(MEDIA_ID, "media")),
    "GET /v1/models": (answers.ModelEntries, _list(MODEL_ENTRY)),
    "GET /v1/models/{model}": (answers.ModelEntry, MODEL_ENTRY),
    "GET /api/models": (admin.FoundModels, _list(FOUND, total=1, has_more=False, is_id=False)),
    "GET /api/models/{model}": (admin.DescribedModel, FOUND),
    "GET /api/keys": (KeyList, _list(KEY)),
    "POST /api/keys": (MadeKey, NEW_KEY),
    "GET /api/keys/{key_id}": (ApiKey, KEY),
    "DELETE /api/keys/{key_id}": (DeletedKey, _deleted(KEY_ID, "key")),
    "POST /api/keys/{key_id}/rotate": (MadeKey, NEW_KEY),
    "GET /api/audit": (admin.Acts, _list(ACT)),
    "GET /api/health": (admin.Health, HEALTH),
    "GET /api/spending": (admin.Spending, _list(SPENT)),
    "GET /api/session": (admin.SessionAnswer, SESSION),
    "POST /api/session": (admin.SessionAnswer, SESSION),
    "DELETE /api/session": (admin.SessionAnswer, {"object": "session", "signed_in": False}),
}
"""The good answer of each route that answers in JSON: its schema, and an example."""


def with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the examples of its routes in their places."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            sent = operation.get("requestBody", {}).get("content", {}).get(JSON)
            if sent is not None and route in REQUESTS:
                sent["example"] = REQUESTS[route]

            content = good(operation).setdefault("content", {})
            if route in ANSWERS:
                content.setdefault(JSON, {})["example"] = ANSWERS[route][1]

            for kind, example in OTHERS.get(route, {}).items():
                # Tools take what the type of a stream says for that of each event.
                plain = {"description": "Server-sent events"} if kind == SSE else {"type": "string"}
                made = content.setdefault(kind, {"schema": plain})
                if example is None:
                    made["schema"] = {"type": "string", "format": "binary"}
                else:
                    made["example"] = example

    return document
