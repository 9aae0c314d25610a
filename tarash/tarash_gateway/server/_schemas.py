"""Puts the schemas of answers into the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from . import _admin_answers as admin
from . import _answers as answers
from ._documents import ErrorAnswer
from ._explained import Explained
from ._jobs import Links
from ._key_store import ApiKey, KeyScope
from ._keys import DeletedKey, KeyList, MadeKey
from ._media import MediaView
from ._signing_in import SignIn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

JSON = "application/json"
PLACE = "#/components/schemas/"
ANSWERED: dict[str, type[BaseModel]] = {
    "GET /healthz": admin.Alive,
    "GET /readyz": admin.Alive,
    "POST /v1/videos": answers.Video,
    "GET /v1/videos": answers.VideoList,
    "GET /v1/videos/{video_id}": answers.Video,
    "DELETE /v1/videos/{video_id}": answers.Deleted,
    "POST /v1/videos/edits": answers.Video,
    "POST /v1/videos/extensions": answers.Video,
    "POST /v1/videos/{video_id}/remix": answers.Video,
    "POST /v1/images/generations": answers.Images,
    "POST /v1/images/edits": answers.Images,
    "POST /api/plan": answers.Plan,
    "POST /api/quote": answers.QuoteAnswer,
    "POST /api/jobs": answers.Job,
    "GET /api/jobs": answers.JobList,
    "GET /api/jobs/{job_id}": answers.Job,
    "DELETE /api/jobs/{job_id}": answers.Deleted,
    "POST /api/jobs/{job_id}/cancel": answers.Cancelled,
    "GET /api/jobs/{job_id}/token": answers.Token,
    "GET /api/jobs/{job_id}/timeline": answers.Timeline,
    "POST /api/jobs/{job_id}/links": answers.Link,
    "POST /webhooks/{address}": admin.Taken,
    "POST /api/media": MediaView,
    "GET /api/media/{media_id}": MediaView,
    "DELETE /api/media/{media_id}": answers.Deleted,
    "GET /v1/models": answers.ModelEntries,
    "GET /v1/models/{model}": answers.ModelEntry,
    "GET /api/models": admin.FoundModels,
    "GET /api/models/{model}": admin.DescribedModel,
    "GET /api/keys": KeyList,
    "POST /api/keys": MadeKey,
    "GET /api/keys/{key_id}": ApiKey,
    "DELETE /api/keys/{key_id}": DeletedKey,
    "POST /api/keys/{key_id}/rotate": MadeKey,
    "GET /api/audit": admin.Acts,
    "GET /api/health": admin.Health,
    "GET /api/spending": admin.Spending,
    "GET /api/session": admin.SessionAnswer,
    "POST /api/session": admin.SessionAnswer,
    "DELETE /api/session": admin.SessionAnswer,
}
"""What the good answer of a route is, where it is JSON."""
SENT: tuple[type[BaseModel], ...] = (KeyScope, Links, SignIn)
"""What clients send, where the framework reads it: it says the same of it, less readably."""


def with_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document in which each answer in JSON has a schema."""
    models: set[type[BaseModel]] = {*ANSWERED.values(), ErrorAnswer}
    ordered = sorted(models, key=lambda one: one.__name__)
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [(one, "validation") for one in SENT]
    definitions, made = models_json_schema(
        [*modes, *((one, "serialization") for one in ordered)],
        ref_template=f"{PLACE}{{model}}",
        schema_generator=Explained,
    )
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            model = ANSWERED.get(f"{method.upper()} {path}")
            if model is not None:
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

        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)
