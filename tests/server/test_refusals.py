"""Errors in OpenAI's shape, with our facts; and what the official client makes of them."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tarash.tarash_gateway.testing import Fault, Simulator
from tests.server.conftest import MODEL, Started

HALF = '{"model": "fal/fal-ai/veo3.1", "prompt": "\\ud800"}'
CASES: dict[str, tuple[Fault, int, str, bool]] = {
    "too much": (Fault.status(429), 429, "rate_limited", True),
    "our key": (Fault.status(401), 502, "upstream_account", False),
    "our credit": (Fault.status(402), 502, "upstream_account", False),
    "lost": (Fault.reset_after(), 502, "connection_failed", False),
    "a front": (Fault.status(504, "<html>"), 502, "http_error", False),
    "nonsense": (Fault.status(200, "<html>"), 502, "http_error", False),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_provider_answers_to_a_submit(
    served: Started, simulator: Simulator, name: str
) -> None:
    fault, status, code, again = CASES[name]
    simulator.fail("fal", "submit", fault, times=None)
    answer = served.create()
    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert answer.headers["x-should-retry"] == str(again).lower()
    assert {"message", "type", "param", "code", "submission", "billing"} <= error.keys()
    assert "example:key" not in answer.text


def test_a_key_that_is_missing_was_refused_by_nobody(
    served: Started, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAL_KEY")
    answer = served.create()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (502, "upstream_account"), answer.text
    assert error["message"].startswith("This gateway has no key for fal (no_key)")
    assert simulator.requests("fal") == []


def test_a_retry_after_of_the_provider_is_passed_on(served: Started, simulator: Simulator) -> None:
    simulator.fail("fal", "submit", Fault.status(429, retry_after=0.05), times=None)
    answer = served.create()
    assert answer.headers["retry-after-ms"] == "50"


def test_an_unknown_model_is_404(served: Started) -> None:
    client = served.client()
    for model in ("nobody", "nobody/model", "fal/", "/x", "fal@other/x"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.videos.create(model=model, prompt="A cat")

        assert caught.value.code in ("model_not_found", "unknown_provider")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"seconds": "soon"}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"size": "big"}, "size"),
        ({"size": "1280x720x3"}, "size"),
        ({"seed": "x"}, "seed"),
        ({"resolution": "1p"}, "resolution"),
        ({"aspect_ratio": "wide"}, "aspect_ratio"),
        ({"frame_images": [{"frame_type": "middle"}]}, "frame_images"),
        ({"frame_images": [5]}, "frame_images"),
        ({"input_reference": {"file_id": "file-1"}}, "input_reference"),
        ({"metadata": {"key": "x"}}, "metadata"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"max_cost": "-1"}, "max_cost"),
        ({"webhook_url": "https://example.com"}, "webhook_url"),
        ({"input_reference": "http://127.0.0.1/a.png"}, None),
        ({"input_reference": "http://169.254.169.254/latest"}, None),
        ({"input_reference": "file:///etc/passwd"}, None),
        ({"input_reference": "/etc/passwd"}, None),
    ],
)
def test_a_request_that_can_not_be_taken_is_400(
    served: Started, simulator: Simulator, fields: dict[str, Any], param: str | None
) -> None:
    model = {"model": "fal/fal-ai/veo3.1/image-to-video"} if "input_reference" in fields else {}
    answer = served.create(**model, **fields)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert param is None or error["param"] == param
    assert answer.headers["x-should-retry"] == "false"
    assert simulator.counters("fal").submits == 0


@pytest.mark.parametrize(
    "body", ["", "[]", "nonsense", "[" * 100_000, '{"prompt": NaN}', "5", HALF]
)
def test_a_body_that_is_no_object_is_400(served: Started, body: str) -> None:
    answer = served.ask(
        "POST", "/v1/videos", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400


def test_a_cost_limit_is_402(served: Started) -> None:
    answer = served.create(max_cost="0.01", model="openai/sora-2", seconds="8")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (402, "cost_limit"), error
    assert answer.headers["x-should-retry"] == "false"


def test_moderation_is_400_with_what_was_objected_to(served: Started, simulator: Simulator) -> None:
    body = {"error": {"code": "moderation_blocked", "message": "No", "type": "x"}}
    simulator.fail("openai", "submit", Fault.status(400, body))
    answer = served.create(model="openai/sora-2")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "content_moderation"), error
    assert error["moderation"].keys() == {"stage", "categories"}


def test_too_large_a_body_is_413(served: Started) -> None:
    body = b'{"prompt": "' + b"x" * (10 * 1024 * 1024) + b'"}'
    headers = {"Content-Type": "application/json"}
    assert served.ask("POST", "/v1/videos", content=body, headers=headers).status_code == 413

    def pieces() -> Any:
        for _ in range(12):
            yield b"x" * 1024 * 1024

    answer = served.ask("POST", "/v1/videos", content=pieces(), headers=headers)
    assert answer.status_code == 413


def test_an_unknown_path_is_an_error_in_the_same_shape(served: Started) -> None:
    answer = served.ask("GET", "/v1/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    answer = served.ask("PATCH", "/v1/videos")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_nothing_of_a_prompt_is_taken_for_a_page(served: Started) -> None:
    prompt = "<script>alert(1)</script>"
    answer = served.create(prompt=prompt, model=MODEL)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["prompt"] == prompt
