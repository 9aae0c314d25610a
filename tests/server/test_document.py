"""The OpenAPI document: complete, with examples that are true of a started server."""

from __future__ import annotations

from typing import Any

from tarash.tarash_gateway.server._examples import ANSWERS, OTHERS, REQUESTS
from tests.server.conftest import Started


def test_every_route_says_what_it_takes_and_answers_with_examples(mocked: Started) -> None:
    document = mocked.http.get("/openapi.json").json()
    assert mocked.http.get("/openapi.json").json() == document
    routes = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            routes.add(route)
            assert operation["summary"], route
            assert operation["description"], route
            sent = operation.get("requestBody", {}).get("content", {})
            if "application/json" in sent:
                assert sent["application/json"]["example"], route

            good = next(one for status, one in operation["responses"].items() if status < "3")
            assert good["content"], route
            for kind, content in good["content"].items():
                is_bytes = content["schema"].get("format") == "binary"
                assert is_bytes or content["example"] is not None, (route, kind)

    assert {*REQUESTS, *ANSWERS, *OTHERS} <= routes


def test_examples_are_taken_and_answers_have_their_fields(mocked: Started) -> None:
    video = mocked.ask("POST", "/v1/videos", json=REQUESTS["POST /v1/videos"]).json()["id"]
    mocked.until_ended(video)
    made = mocked.ask("POST", "/api/keys", json=REQUESTS["POST /api/keys"]).json()
    parts = {"{video_id}": video, "{job_id}": video, "{key_id}": made["id"], "{model}": "fal/x"}
    for route in [
        "GET /healthz", "GET /readyz", "GET /v1/videos", "GET /v1/videos/{video_id}",
        "POST /v1/videos", "POST /v1/images/generations", "POST /api/plan", "POST /api/quote",
        "POST /api/jobs", "GET /api/jobs", "GET /api/jobs/{job_id}", "GET /api/jobs/{job_id}/token",
        "GET /api/jobs/{job_id}/timeline", "POST /api/jobs/{job_id}/links", "GET /v1/models",
        "GET /api/models", "POST /api/keys", "GET /api/keys", "GET /api/keys/{key_id}",
        "POST /api/keys/{key_id}/rotate", "GET /api/audit", "GET /api/health", "GET /api/session",
        "DELETE /v1/videos/{video_id}", "DELETE /api/keys/{key_id}",
    ]:  # fmt: skip
        method, _, path = route.partition(" ")
        for name, value in parts.items():
            path = path.replace(name, value)

        body = REQUESTS.get(route)
        answer = mocked.ask(method, path, **({} if body is None else {"json": body}))
        assert answer.status_code < 300, (route, answer.text)
        check(route, ANSWERS[route], answer.json())


def check(route: str, example: Any, answer: Any) -> None:
    """Check that an answer has all that its example has, of the same kind."""
    if route == "GET /api/session":  # nobody has signed in
        return

    if isinstance(example, dict):
        assert example.keys() <= answer.keys(), (route, example.keys() - answer.keys())
        for name in ("data", "job", "quote"):
            if name in example:
                check(route, example[name], answer[name])
    elif isinstance(example, list) and example and answer:
        check(route, example[0], answer[0])
