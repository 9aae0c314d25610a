"""The OpenAPI document: complete, with schemas and examples that are true of a started server."""

from __future__ import annotations

import base64
import re
from typing import Any

from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator

from tarash.tarash_gateway.server._app import ROUTERS
from tarash.tarash_gateway.server._schemas import ANSWERS, OTHERS, REQUESTS, good
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL, Started

JSON = "application/json"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_every_route_says_what_it_takes_and_answers_with_examples(mocked: Started) -> None:
    document = mocked.http.get("/openapi.json").json()
    assert mocked.http.get("/openapi.json").json() == document
    routes, jsons = set(), set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            routes.add(route)
            assert operation["summary"], route
            assert operation["description"], route
            sent = operation.get("requestBody", {}).get("content", {})
            if JSON in sent:
                Draft202012Validator(
                    {**sent[JSON]["schema"], "components": document["components"]}
                ).validate(sent[JSON]["example"])

            errors = [one for status, one in operation["responses"].items() if status >= "4"]
            assert all(one["content"].keys() == {JSON} for one in errors), route
            answer = good(operation)
            assert answer["content"], route
            for kind, content in answer["content"].items():
                is_bytes = content["schema"].get("format") == "binary"
                assert content["schema"], (route, kind)
                assert is_bytes or content["example"] is not None, (route, kind)
                if kind == JSON:
                    jsons.add(route)
                    closed(document, content["schema"]).validate(content["example"])

    assert {*REQUESTS, *ANSWERS, *OTHERS} <= routes
    assert jsons == ANSWERS.keys()
    for name, schema in document["components"]["schemas"].items():
        assert "Attributes:" not in schema.get("description", ""), name


def test_errors_are_no_fields_that_each_server_makes_before_its_first_answer() -> None:
    """Six hundred of them took longer than a hundred answers do, at every start."""
    every = [one for each in ROUTERS for one in each.router.routes if isinstance(one, APIRoute)]
    assert sum(len(one.response_fields) for one in every) < len(every)


def closed(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Return what holds a value to be all that a schema says, and nothing more."""
    return Draft202012Validator({**_closed(schema), "components": _closed(document["components"])})


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(one) for one in value]

    if not isinstance(value, dict):
        return value

    made = {name: _closed(one) for name, one in value.items()}
    return {"additionalProperties": False, **made} if "properties" in made else made


def test_answers_are_what_the_document_says(served: Started, simulator: Simulator) -> None:
    """Those of all routes, of jobs that run, that are completed, failed and cancelled."""
    document = served.http.get("/openapi.json").json()
    fits = Fits(served, document)
    simulator.script("fal", Script(outcome="never", queue_seconds=100))
    under_way = fits("POST /v1/videos", json=REQUESTS["POST /v1/videos"])["id"]
    fits("GET /v1/videos/{video_id}", under_way)
    fits("GET /api/jobs/{job_id}", under_way)
    fits("GET /v1/videos/{video_id}/content", under_way, status=409)
    fits("POST /api/jobs/{job_id}/cancel", under_way)
    simulator.script("fal", Script(outcome="failed", error_message="Out of ink"))
    failed = fits("POST /api/jobs", json={"model": MODEL, "prompt": "A cat", "seconds": 77})["id"]
    served.until_ended(failed)
    simulator.script("fal", Script(outcome="moderated"))
    moderated = fits("POST /api/jobs", json={"model": MODEL, "prompt": "A cat"})["id"]
    served.until_ended(moderated)
    simulator.script("fal", Script())
    made = fits("POST /api/jobs", json=REQUESTS["POST /api/jobs"])["id"]
    assert served.until_ended(made)["status"] == "completed"
    for job in (under_way, failed, moderated, made):
        fits("GET /v1/videos/{video_id}", job)
        fits("GET /api/jobs/{job_id}", job)
        fits("GET /api/jobs/{job_id}/timeline", job)

    bent = {**REQUESTS["POST /api/plan"], "seconds": "77", "fallbacks": ["replicate/x/y"]}
    for route, body in {
        "POST /v1/images/generations": REQUESTS["POST /v1/images/generations"],
        "POST /api/plan": bent,
        "POST /api/quote": bent,
        "POST /v1/videos/{video_id}/remix": {"prompt": "x", "model": "fal/decart/lucy-edit/pro"},
        "POST /api/jobs/{job_id}/links": {},
    }.items():
        fits(route, made, json=body)

    key = fits("POST /api/keys", json={**REQUESTS["POST /api/keys"], "models": ["*"]})
    for route in (
        "GET /healthz", "GET /readyz", "GET /v1/videos", "GET /api/jobs", "GET /v1/models",
        "GET /api/jobs/{job_id}/token", "GET /v1/models/{model}", "GET /api/models",
        "GET /api/models/{model}", "GET /api/keys", "GET /api/audit", "GET /api/health",
        "GET /api/spending", "GET /api/session", "DELETE /v1/videos/{video_id}",
    ):  # fmt: skip
        fits(route, made)

    media = fits("POST /api/media", files={"file": ("a.png", PIXEL, "image/png")})["id"]
    for method in ("GET", "DELETE"):
        fits(f"{method} /api/media/{{media_id}}", media)

    fits("DELETE /api/jobs/{job_id}", failed)
    fits("GET /api/jobs/{job_id}", failed, status=404)
    fits("POST /v1/videos", json={"model": "nobody/x", "prompt": "x"}, status=404)
    fits("POST /v1/videos", json={"model": MODEL, "prompt": "x", "max_cost": "0"}, status=402)
    fits("POST /api/session", json={"key": key["key"]})
    for route in ("GET /api/keys/{key_id}", "POST /api/keys/{key_id}/rotate"):
        fits(route, key["id"])

    fits("DELETE /api/keys/{key_id}", key["id"])
    by_others = {
        "POST /v1/videos/edits", "POST /v1/videos/extensions", "POST /v1/images/edits",
        "POST /webhooks/{address}", "DELETE /api/session",
    }  # fmt: skip
    assert fits.seen == ANSWERS.keys() - by_others


class Fits:
    """Makes requests, and checks each answer against the document."""

    def __init__(self, served: Started, document: dict[str, Any]) -> None:
        self._served = served
        self._document = document
        self.seen: set[str] = set()

    def __call__(self, route: str, id_: str = "", status: int = 200, **sent: Any) -> Any:
        """Make a request; return its answer's JSON."""
        method, _, path = route.partition(" ")
        operation = self._document["paths"][path][method.lower()]
        where = re.sub(r"\{model\}", MODEL, path)
        answer = self._served.ask(method, re.sub(r"\{\w+\}", id_, where), **sent)
        assert (answer.status_code == status) or (status == 200 and answer.is_success), answer.text
        content = operation["responses"][str(answer.status_code)]["content"][JSON]
        found = answer.json()
        wrong = list(closed(self._document, content["schema"]).iter_errors(found))
        assert not wrong, (route, wrong[0].json_path, wrong[0].message)
        if answer.is_success:
            self.seen.add(route)

        return found


def test_the_limits_of_max_cost_stand_in_the_document(mocked: Started) -> None:
    found: list[dict[str, Any]] = []

    def seek(place: Any) -> None:
        for name, one in place.items() if isinstance(place, dict) else enumerate(place):
            if name == "max_cost" and "anyOf" in one:
                found.append(one)
            elif isinstance(one, dict | list):
                seek(one)

    seek(mocked.ask("GET", "/openapi.json").json())
    assert found
    for one in found:
        (number,) = [each for each in one["anyOf"] if each.get("type") == "number"]
        assert (number["minimum"], number["maximum"]) == (0, 10**9)
