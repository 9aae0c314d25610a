"""Replicate's models, versions and deployments, with the schemas of what they take.

Serves what a test published, else the well-known models with a schema of two parameters.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.catalog import named
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires._context import WireContext


class ReplicateModels:
    """Tells about models."""

    def __init__(self, context: WireContext, not_found: Callable[[RecordedRequest], Reply]) -> None:
        self._context = context
        self._not_found = not_found
        self.routes: Sequence[Route] = [
            Route("GET", "/v1/models/{owner}/{name}", self._model, step="model"),
            Route("GET", "/v1/models/{owner}/{name}/versions/{id}", self._version, step="model"),
            Route("GET", "/v1/deployments/{owner}/{name}", self._deployment, step="model"),
        ]

    def _known(self, owner: str, name: str) -> Mapping[str, Any] | None:
        """Return a model as the API has it: published by a test, else one of the well-known."""
        published = self._context.state.models
        if published is not None:
            fitting = (
                model for model in published if (model["owner"], model["name"]) == (owner, name)
            )
            return next(fitting, None)

        return _usual_model(owner, name) if f"{owner}/{name}" in named("replicate") else None

    async def _model(self, request: RecordedRequest) -> Reply:
        values = request.path_values
        known = self._known(values["owner"], values["name"])
        return self._not_found(request) if known is None else Reply.json(dict(known))

    async def _version(self, request: RecordedRequest) -> Reply:
        values = request.path_values
        known = self._known(values["owner"], values["name"])
        version = (known or {}).get("latest_version") or {}
        return (
            Reply.json(version) if version.get("id") == values["id"] else self._not_found(request)
        )

    async def _deployment(self, request: RecordedRequest) -> Reply:
        """Answer with a deployment of the published model of the same name, whoever owns it."""
        owner, name = request.path_values["owner"], request.path_values["name"]
        published = self._context.state.models or ()
        model = next((model for model in published if model["name"] == name), None)
        if model is None:
            return self._not_found(request)

        release = {
            "number": 1,
            "model": f"{model['owner']}/{model['name']}",
            "version": model["latest_version"]["id"],
            "created_at": "2026-09-01T12:00:00.000000Z",
        }
        return Reply.json({"owner": owner, "name": name, "current_release": release})


def _usual_model(owner: str, name: str) -> dict[str, Any]:
    version = {
        "id": "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa",
        "created_at": "2026-09-01T12:00:00.000000Z",
        "cog_version": "0.16.0",
        "openapi_schema": _schema(),
    }
    return {
        "url": f"https://replicate.com/{owner}/{name}",
        "owner": owner,
        "name": name,
        "description": "A simulated model",
        "visibility": "public",
        "is_official": True,
        "run_count": 1,
        "default_example": None,
        "latest_version": version,
    }


def _schema() -> dict[str, Any]:
    prompt = {"type": "string", "title": "Prompt", "x-order": 0}
    seed = {"type": "integer", "title": "Seed", "nullable": True, "x-order": 1}
    return {
        "openapi": "3.0.2",
        "components": {
            "schemas": {
                "Input": {
                    "type": "object",
                    "required": ["prompt"],
                    "properties": {"prompt": prompt, "seed": seed},
                },
                "Output": {"type": "string", "format": "uri"},
            }
        },
    }
