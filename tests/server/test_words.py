"""What clients of the server and agents read: their own words, and no advice for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import TarashException, ValidationError
from tarash.tarash_gateway._data import _hints as hints
from tarash.tarash_gateway._data._hints import Hint
from tarash.tarash_gateway._engine import error_record
from tarash.tarash_gateway.cli._words import ADVICE as ON_THE_COMMAND_LINE
from tarash.tarash_gateway.server._configuration import read_settings
from tarash.tarash_gateway.server._words import ADVICE, HTTP, TOOLS
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL, Started

PYTHON = re.compile(
    r"\w+= |\w+\(\)|MockConfig|\bextra_params\b|on the config|GenerationRequest|pydantic"
)
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgG"
    "AWjR9awAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize(
    ("said", "by_http", "by_tools"),
    [
        ("m can't take duration_seconds=7.0: m takes [8]",
         "m can't take seconds 7.0: m takes [8]",
         "m can't take duration_seconds 7.0: m takes [8]"),
        ("needs 'x'; give it in extra_params={'x': ...}",
         "needs 'x'; give it in 'x'", "needs 'x'; give it in 'x'"),
        ("2 images in 'image_list'; remove 1",
         "2 images in the images; remove 1", "2 images in image_list; remove 1"),
        ("image_list[0]: no file", "image 1: no file", "image_list[0]: no file"),
        ("image_list[0].type: asked",
         "the role of image 1: asked", "the role of image_list[0]: asked"),
        ("can't take 'mask_image'", "can't take mask", "can't take mask_image"),
        ("idempotency_key is a text", "Idempotency-Key is a text", "idempotency_key is a text"),
        ("https://example.com/?seed=5 leads nowhere",
         "https://example.com/?seed=5 leads nowhere", "https://example.com/?seed=5 leads nowhere"),
    ],
)  # fmt: skip
def test_fields_are_called_as_they_are_there(said: str, by_http: str, by_tools: str) -> None:
    assert (HTTP.adapted(said), TOOLS.adapted(said)) == (by_http, by_tools)


EVERY = (
    hints.raise_limit("timeout", " to wait longer"),
    hints.switch_on("allow_private_urls", " lets it be fetched"),
    hints.check("the network", "base_url"),
    hints.set_key("FAL_KEY"),
    hints.use_mock(),
    hints.use_function("image"),
    hints.give_parameter("x"),
    hints.give_parameter(),
    hints.read_raw_response(),
    hints.use_operation(),
    hints.keep_results(),
    hints.check_dashboard(),
    Hint("add_model", "add_model() reads one"),
    Hint("list_jobs", "take the id from a handle, or from the list of `resume_all`"),
    Hint("register_provider", "register_provider() adds your own"),
    Hint("set_base_url", "set base_url= on the config", "base_url"),
    Hint("use_response", "use response.save()"),
)


@pytest.mark.parametrize("words", [HTTP, TOOLS])
def test_no_advice_is_for_programs(words: object) -> None:
    assert words in (HTTP, TOOLS)
    assert ON_THE_COMMAND_LINE.keys() <= ADVICE.keys()
    door = HTTP if words is HTTP else TOOLS
    for hint in EVERY:
        error = TarashException("It failed", hints=[hint])
        assert not PYTHON.search(door.error_text(error)), door.error_text(error)
        kept = door.kept_message(error_record(error))
        assert kept == door.error_text(error)


def test_of_an_older_record_the_advice_in_its_sentence_is_left_out() -> None:
    stored = {"type": "TarashException", "message": "It failed; call resume_all(ledger)"}
    assert HTTP.kept_message(stored) == "It failed"


def test_errors_of_the_routes_speak_of_their_fields(served: Started) -> None:
    cases: dict[str, dict[str, Any]] = {
        "seconds": {"seconds": -1},
        "input_reference": {"input_reference": PIXEL},
        "duraton": {"duraton": 5},
        "metadata": {"metadata": {"": "x"}},
        "prompt": {"prompt": None},
    }
    for param, fields in cases.items():
        answer = served.create(**fields)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["param"] == param, answer.text
        assert not re.search(r"Input should|Field required|=|Extra inputs", error["message"])
        assert not PYTHON.search(answer.text), answer.text

    assert "did you mean 'duration'?" in served.create(duraton=5).json()["error"]["message"]
    for name, meant in {
        "image": "'input_reference'?",
        "image_url": "'input_reference' or 'image'?",
        "images": "'input_references'?",
        "width": "'size'?",
    }.items():
        said = served.create(**{name: "https://example.com/a.png"}).json()["error"]["message"]
        assert f"did you mean {meant}" in said, said


def test_plans_and_quotes_give_no_advice_for_programs(served: Started) -> None:
    body = {"model": "replicate/minimax/no-price", "prompt": "A cat", "fallbacks": [MODEL]}
    for path in ("/api/plan", "/api/quote"):
        answer = served.ask("POST", path, json={**body, "seconds": 77})
        assert answer.json()["quote"]["unknown"], answer.text
        assert not PYTHON.search(answer.text), answer.text


def test_a_failed_job_does_not_say_where_its_provider_is_asked(
    served: Started, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="failed", error_message="Out of ink"))
    job = served.create().json()["id"]
    served.until_ended(job)
    shown = served.ask("GET", f"/api/jobs/{job}").json()
    assert "Out of ink" in shown["error"]["message"]
    assert "operation" not in shown["error"]
    assert "127.0.0.1" not in json.dumps(shown)


def test_a_provider_that_is_not_set_up_is_the_gateways_matter(served: Started) -> None:
    for path in ("/v1/videos", "/api/plan"):
        answer = served.ask("POST", path, json={"model": "sglang/x", "prompt": "A cat"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "not_set_up")
        assert answer.headers["x-should-retry"] == "false"
        assert not PYTHON.search(answer.text), answer.text


def test_a_mistyped_setting_is_named_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    for text, said in {
        "budget = []": "budget: there is no such field; did you mean 'budgets'?",
        '[webhooks]\nurl = "https://a.example/"\nsecret = "x"': "did you mean 'secret_env'?",
        '[[accounts]]\nname = "x"': "accounts.0.provider: it is missing",
        "mock = 5": "mock: it has to be a valid boolean",
    }.items():
        file.write_text(text)
        with pytest.raises(ValidationError) as caught:
            read_settings(file)

        assert said in caught.value.message


def test_a_body_of_our_own_routes_names_what_is_wrong(mocked: Started) -> None:
    for body, said in (
        ({"name": "x", "budgt": {}}, "budgt: there is no such field"),
        ({}, "name: it is missing"),
        ({"name": "x", "in_flight": 0}, "in_flight: it has to be greater than or equal to 1"),
    ):
        answer = mocked.ask("POST", "/api/keys", json=body)
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, said)


def test_ends_are_told_and_quotes_of_the_mock_are_those_of_the_models(mocked: Started) -> None:
    body = {"model": MODEL, "prompt": "A cat", "fallbacks": ["kling/kling-3.0"], "seconds": 8}
    quote = mocked.ask("POST", "/api/quote", json=body).json()
    shown = [quote["quote"], *(one["quote"] for one in quote["fallbacks"])]
    assert all(float(one["high"]) > 0 for one in shown), shown
    assert mocked.ask("POST", "/api/plan", json=body).json()["endpoint"].startswith("mock://")

    video = mocked.create(max_cost="0.01")  # nothing is bought
    assert video.json()["completed_at"] is None
    ended = mocked.until_ended(video.json()["id"])
    assert ended["status"] == "completed"
    assert ended["completed_at"] >= ended["created_at"]
    job = mocked.ask("GET", f"/api/jobs/{ended['id']}").json()
    assert job["ended_at"] > job["created_at"]


def test_a_video_that_can_be_fetched_again_has_an_end(served: Started) -> None:
    ended = served.until_ended(served.create().json()["id"])
    assert ended["completed_at"] >= ended["created_at"]
