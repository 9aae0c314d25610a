"""Luma when things go wrong, in both of its products: errors, money, keys."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import lumaai
import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)
from tarash.tarash_gateway._http._client import HttpResponse, Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.providers import luma
from tarash.tarash_gateway.providers._declared._adapter import DeclaredAdapter
from tarash.tarash_gateway.providers._folders import declaration
from tarash.tarash_gateway.testing import Fault, Simulator

adapter = DeclaredAdapter(declaration(luma.__name__))
classify_answer, failure = adapter.errors, adapter.failure
AGENTS_URL = adapter.said.account.products[0].base_url
CANARY = "luma-api-canary-5c1f0e7b9a"
REQUEST = VideoGenerationRequest(prompt="A cat")
MODELS = ["ray-2", "ray-3.2"]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["luma"]) as running:
        yield running


@pytest.fixture(params=MODELS)
def config(
    simulator: Simulator, request: pytest.FixtureRequest
) -> Callable[..., VideoGenerationConfig]:
    def make(**facts: Any) -> VideoGenerationConfig:
        settings = {
            "provider": "luma",
            "model": request.param,
            "api_key": CANARY,
            "base_url": simulator.base_url("luma"),
            "poll_interval": 0.02,
            "timeout": 60,
            "max_retries": 0,
            "provider_config": {"min_poll_interval": 0.01},
            **facts,
        }
        return VideoGenerationConfig(**settings)

    return make


FIELD = {"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"detail": "Unknown model: ray-9"}, (ModelNotFoundError, "ray-9")),
        (400, {"detail": "Insufficient credits"}, (QuotaExceededError, "top up")),
        (400, {"detail": "prompt too long"}, (ValidationError, "too long")),
        (400, {"detail": "Prompt failed moderation"}, (ContentModerationError, "change the")),
        (400, {"detail": "failed to moderate image"}, (ValidationError, "URL opens")),
        (403, {"detail": "account suspended"}, (AuthenticationError, "suspended")),
        (403, {"detail": "blocked by moderation"}, (ContentModerationError, "blocked")),
        (413, {"detail": "body too large"}, (ValidationError, "too large")),
        (422, FIELD, (ValidationError, "body.prompt: Field required")),
        (422, {"detail": "image_ref[0] could not be fetched"}, (ValidationError, "URL opens")),
        (422, [1], (HTTPError, "1")),
        (502, "<html>bad gateway</html>", (HTTPError, "bad gateway")),
        (307, "", (HTTPError, "307")),
    ],
)
def test_errors_by_status(
    simulator: Simulator,
    config: Any,
    status: int,
    body: Any,
    expected: tuple[type[TarashException], str],
) -> None:
    kind, message = expected
    headers = {"Location": simulator.foreign_url} if status == 307 else {}
    simulator.fail("luma", "submit", Fault.status(status, body, headers))
    with pytest.raises(kind, match=message) as caught:
        generate_video(config(), REQUEST)

    assert type(caught.value) is kind
    assert caught.value.submission == ("unknown" if status in (307, 502) else "rejected")
    assert caught.value.raw_response is not None
    assert simulator.counters("luma").submits == 1
    assert simulator.leaks == []


def test_a_rate_limit_says_how_long(simulator: Simulator, config: Any) -> None:
    simulator.fail("luma", "submit", Fault.status(429, retry_after=60))
    with pytest.raises(RateLimitError) as caught:
        generate_video(config(), REQUEST)

    assert caught.value.retry_after == 60


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        ("content_moderated", "no", ContentModerationError),
        ("generation_failed", "moderation of the queue broke", GenerationFailedError),
        ("budget_exhausted", "no", QuotaExceededError),
        ("rate_limited", "no", RateLimitError),
        ("image_too_large", "no", ValidationError),
        ("corrupt_input", "no", ValidationError),
        ("unheard_of", "no", GenerationFailedError),
        (None, "Advanced moderation failed", ContentModerationError),
        (None, "400: failed to moderate image", GenerationFailedError),
        (None, None, GenerationFailedError),
    ],
)
def test_why_a_generation_failed(
    code: str | None, reason: str | None, kind: type[TarashException]
) -> None:
    error = failure({"failure_code": code, "failure_reason": reason})
    assert type(error) is kind
    assert str(reason or "") in error.message
    assert error.raw_response == {"failure_code": code, "failure_reason": reason}


@pytest.mark.parametrize("text", ["[]", "{}"])
def test_an_answer_without_an_id_is_never_sent_again(
    simulator: Simulator, config: Any, text: str
) -> None:
    simulator.fail("luma", "list", Fault.status(500), times=None)
    simulator.fail("luma", "submit", Fault.foreign_body(text, "application/json"))
    with pytest.raises(HTTPError) as caught:
        generate_video(config(max_retries=5), REQUEST)

    assert caught.value.submission == "unknown"
    assert (simulator.counters("luma").submits, simulator.counters("luma").accepted) == (1, 1)


def test_no_connection(config: Any) -> None:
    with pytest.raises(HTTPConnectionError) as caught:
        generate_video(config(base_url="http://127.0.0.1:9"), REQUEST)

    assert caught.value.submission == "not_sent"


def test_a_look_without_a_state_loses_no_job(simulator: Simulator, config: Any) -> None:
    simulator.fail("luma", "poll", Fault.foreign_body("{}", "application/json"), times=2)
    assert generate_video(config(), REQUEST).status == "completed"
    assert simulator.counters("luma").submits == 1


@pytest.mark.parametrize("base_url", [adapter.base_url, AGENTS_URL])
async def test_a_key_can_be_checked_for_free(simulator: Simulator, base_url: str) -> None:
    simulator.keys["luma"] = {CANARY}
    path = base_url.partition(".ai")[2]
    transport = Transport()
    for key in (CANARY, "another-key"):
        account = Credentials("luma", simulator.base_url("luma") + path, Key(key))
        client = adapter.connect(account, transport)
        try:
            await adapter.verify_credentials(client)
            assert key == CANARY
        except AuthenticationError:
            assert key != CANARY

    await transport.aclose()
    assert simulator.counters("luma").submits == 0


def test_every_exception_of_the_sdk_is_mapped() -> None:
    """Each either has the answer, which we read, or says that none came."""
    kinds = [
        kind
        for _, kind in inspect.getmembers(lumaai, inspect.isclass)
        if issubclass(kind, lumaai.APIError) and kind is not lumaai.APIError
    ]
    # Raised only where the SDK reads an answer itself, which it doesn't do for us.
    unused = {lumaai.APIResponseValidationError}
    assert len(kinds) > 8
    for kind in {*kinds} - unused:
        assert issubclass(kind, lumaai.APIStatusError | lumaai.APIConnectionError)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 503])
@pytest.mark.parametrize("body", [None, "", [], {}, {"detail": None}, {"detail": ["a"]}, "text"])
def test_no_error_body_is_stumbled_over(status: int, body: Any) -> None:
    error = classify_answer(HttpResponse(status, {}, body, is_json=True))
    assert error is None or isinstance(error, TarashException)
