"""Bodies that the newer providers answer a submit with: what each is, and whether it leaves again.

Nothing that may have bought leaves again, and the provider's own words are always shown.
"""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import TarashException
from tarash.tarash_gateway._engine._statuses import may_leave_again, submission_of
from tarash.tarash_gateway._http._answer import HttpResponse, status_error
from tarash.tarash_gateway.providers._registry import default_registry

Row = tuple[int, Any, str, str, str]
"""Status, body, class, what became of the submit (`again`: it leaves once more), words shown."""


def code(number: Any, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": number, "message": message, **more}}


def handed_on(status: int, raw: Any) -> dict[str, Any]:
    return code(status, "Provider returned error", metadata={"raw": raw, "provider_name": "K"})


def detail(said: Any) -> dict[str, Any]:
    return {"detail": said}


def node(kind: str, message: str, said: str, **nodes: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "details": said}, "node_errors": nodes}


WIDTH = detail([{"loc": ["body", "width"], "msg": "no multiple of 16", "type": "value_error"}])
MISSING = {
    "class_type": "CheckpointLoaderSimple",
    "errors": [{"type": "value_not_in_list", "message": "Value not in list", "details": "x.ckpt"}],
}
OWN: tuple[Row, ...] = (
    (400, code(400, "wrong model", type="x", param=None), "Validation", "rejected", "wrong model"),
    (400, detail("invalid size"), "Validation", "rejected", "invalid size"),
    (422, WIDTH, "Validation", "rejected", "body.width: no multiple of 16"),
    (404, code(404, "The model m does not exist"), "ModelNotFound", "rejected", "m does not exist"),
    (401, {"error": "Unauthorized"}, "Authentication", "rejected", "Unauthorized"),
    (429, detail("slow down"), "RateLimit", "again", "slow down"),
    (503, code(503, "engine is dead"), "HTTP", "again", "engine is dead"),
    (500, "Internal Server Error", "HTTP", "unknown", "Internal Server Error"),
    (502, detail("cloud upload failed"), "HTTP", "unknown", "cloud upload failed"),
    (504, detail("took too long"), "HTTP", "unknown", "took too long"),
)
"""Servers that users run, in the envelopes of OpenAI and of FastAPI."""
BODIES: dict[str, tuple[Row, ...]] = {
    "openrouter": (
        (400, code(400, "duration: bad"), "Validation", "rejected", "duration: bad"),
        (400, handed_on(400, "image too small"), "Validation", "rejected", "image too small"),
        (
            *(400, handed_on(400, {"error": {"message": "safety_tolerance: 0-4"}})),
            *("Validation", "rejected", "safety_tolerance: 0-4"),
        ),
        (401, code(401, "No auth"), "Authentication", "rejected", "No auth"),
        (402, code(402, "Insufficient credits"), "QuotaExceeded", "rejected", "Insufficient"),
        (
            *(403, code(403, "flagged", metadata={"reasons": ["violence"]})),
            *("ContentModeration", "rejected", "flagged"),
        ),
        (403, code(403, "Key limit exceeded"), "Authentication", "rejected", "Key limit"),
        (404, code(404, "No endpoints found for x"), "ModelNotFound", "rejected", "endpoints"),
        (413, code(413, "too large"), "Validation", "rejected", "too large"),
        (429, handed_on(429, "upstream is busy"), "RateLimit", "again", "upstream is busy"),
        (408, code(408, "timed out"), "HTTP", "unknown", "timed out"),
        (499, code(499, "Client closed"), "HTTP", "unknown", "Client closed"),
        (500, code(500, "Internal"), "HTTP", "unknown", "Internal"),
        (502, handed_on(502, "the model broke"), "HTTP", "unknown", "the model broke"),
        (503, code(503, "no provider now"), "HTTP", "again", "no provider now"),
        (524, code(524, "timeout"), "HTTP", "unknown", "timeout"),
        (529, code(529, "overloaded"), "RateLimit", "unknown", "overloaded"),
    ),
    "bfl": (
        (422, WIDTH, "Validation", "rejected", "body.width: no multiple of 16"),
        (422, {"error": "Invalid", "message": "no seed here"}, "Validation", "rejected", "no seed"),
        (402, detail("Insufficient credits"), "QuotaExceeded", "rejected", "Insufficient credits"),
        (401, detail("Not authenticated"), "Authentication", "rejected", "Not authenticated"),
        (403, detail("Not authenticated"), "Authentication", "rejected", "Not authenticated"),
        (429, detail("Too many active tasks"), "RateLimit", "again", "Too many active tasks"),
        (500, detail("Internal"), "HTTP", "again", "Internal"),
        (503, {"id": "x", "status": "Error", "details": "boom"}, "HTTP", "unknown", "boom"),
    ),
    "together": (
        (400, code("invalidDuration", "5 or 10"), "Validation", "rejected", "5 or 10"),
        (401, code("invalid_api_key", "Invalid key"), "Authentication", "rejected", "Invalid key"),
        (402, code(None, "Credit limit exceeded"), "QuotaExceeded", "rejected", "Credit limit"),
        (404, code("model_not_available", "no access"), "ModelNotFound", "rejected", "no access"),
        (422, code(None, "Input validation error"), "Validation", "rejected", "Input validation"),
        (429, code("rate_limit", "over the limit"), "RateLimit", "again", "over the limit"),
        (400, code(None, "NSFW content"), "ContentModeration", "rejected", "NSFW content"),
        (408, code(None, "timed out"), "HTTP", "unknown", "timed out"),
        (504, code(None, "Gateway timeout"), "HTTP", "unknown", "Gateway timeout"),
    ),
    "ideogram": (
        (400, {"title": "Bad", "detail": "bad quality"}, "Validation", "rejected", "bad quality"),
        (401, {"message": "Invalid API key"}, "Authentication", "rejected", "Invalid API key"),
        (401, {"message": "paused: no balance"}, "QuotaExceeded", "rejected", "no balance"),
        (
            *(402, {"error": "empty", "reject_reason": "insufficient_funds"}),
            *("QuotaExceeded", "rejected", "empty"),
        ),
        (422, None, "ContentModeration", "rejected", "no reason given"),
        (
            *(429, {"error": "ten at once", "reject_reason": "inflight_limit"}),
            *("RateLimit", "again", "ten at once"),
        ),
        (
            *(429, {"error": "for today", "reject_reason": "daily_limit"}),
            *("QuotaExceeded", "rejected", "for today"),
        ),
        (500, {"message": "Internal"}, "HTTP", "unknown", "Internal"),
        (500, None, "HTTP", "unknown", "(empty)"),
        (503, {"message": "Unavailable"}, "HTTP", "unknown", "Unavailable"),
    ),
    "recraft": (
        (400, {"code": "x", "message": "bad size"}, "Validation", "rejected", "bad size"),
        (400, "style is not supported", "Validation", "rejected", "style is not supported"),
        (401, "request unauthorized", "Authentication", "rejected", "request unauthorized"),
        (402, {"message": "no units"}, "QuotaExceeded", "rejected", "no units"),
        (404, "page not found", "ModelNotFound", "rejected", "page not found"),
        (429, "Too many requests", "RateLimit", "again", "Too many requests"),
        (500, {"code": "internal", "message": "broke"}, "HTTP", "unknown", "broke"),
        (503, "unavailable", "HTTP", "unknown", "unavailable"),
    ),
    "wavespeed": (
        (400, {"code": 400, "message": "<= 15 s"}, "Validation", "rejected", "<= 15 s"),
        (401, {"code": 401, "message": "Invalid"}, "Authentication", "rejected", "Invalid"),
        (403, {"code": 403, "message": "please top up"}, "QuotaExceeded", "rejected", "top up"),
        (404, {"code": 404, "message": "no model"}, "ModelNotFound", "rejected", "no model"),
        (429, {"code": 429, "message": "level limit"}, "RateLimit", "again", "level limit"),
        (500, {"code": 500, "message": "broke"}, "HTTP", "unknown", "broke"),
        (503, {"code": 503, "message": "away"}, "HTTP", "unknown", "away"),
        (200, {"code": 400, "message": "bad"}, "Validation", "rejected", "bad"),
        (200, {"code": 429, "message": "level"}, "RateLimit", "rejected", "error (429): level"),
        (200, {"code": 500, "message": "broke"}, "HTTP", "unknown", "error (500): broke"),
        (200, {"code": 5005, "message": "odd"}, "HTTP", "unknown", "odd"),
    ),
    "comfyui": (
        (400, node("invalid_prompt_id", "no UUID", ""), "Validation", "rejected", "no UUID"),
        (
            *(400, node("prompt_outputs_failed_validation", "failed", "", **{"4": MISSING})),
            *("Validation", "rejected", "node 4 (CheckpointLoaderSimple): Value not in list: x"),
        ),
        (413, "Maximum request body size", "HTTP", "rejected", "Maximum request body size"),
        (500, "500 Internal Server Error", "HTTP", "unknown", "500 Internal Server Error"),
        (404, "404: Not Found", "ModelNotFound", "rejected", "is it ComfyUI"),
    ),
    **dict.fromkeys(("vllm", "sglang", "localai", "openai-compatible"), OWN),
}
ROWS = [(provider, row) for provider, rows in BODIES.items() for row in rows]


def error_of(provider: str, status: int, body: Any) -> TarashException:
    adapter: Any = default_registry.adapter(provider)
    answer = HttpResponse(status, {}, body, is_json=not isinstance(body, str))
    if status < 300:
        found: TarashException = adapter.rules.in_good_answer(answer, paid=True)
    else:
        found = adapter.errors(answer, "m") or status_error(answer)

    found.submission = submission_of(found)
    return found


@pytest.mark.parametrize(("provider", "row"), ROWS)
def test_an_answer_to_a_submit_is_what_it_says(provider: str, row: Row) -> None:
    status, body, kind, how, words = row
    error = error_of(provider, status, body)
    assert type(error).__name__ == f"{kind}Error"
    assert ("again" if may_leave_again(error) else error.submission) == how
    assert words in str(error)
    assert error.raw_response == ("" if body is None and status == 422 else body)
    # Whoever can't tell what became of a submit may ask another provider, and says so.
    assert error.retryable or error.submission != "unknown" or status == 499
