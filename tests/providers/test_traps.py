"""Traps that several vendors set alike, tried at each declared provider that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    describe_model,
    providers,
)
from tarash.tarash_gateway._data._exchange import Call, RawResult
from tarash.tarash_gateway._data._types import ImageRole
from tarash.tarash_gateway._http._answer import HttpResponse
from tarash.tarash_gateway.providers._declared._asked import says_its_failure
from tarash.tarash_gateway.providers._declared._names import holds
from tarash.tarash_gateway.providers._declared._rules import DeclaredRules
from tarash.tarash_gateway.providers._folders import declaration
from tarash.tarash_gateway.providers._registry import default_registry

FILES = sorted(Path(str(providers.__file__)).parent.glob("*/provider.toml"))
DECLARED = {
    file.parent.name: declaration(f"{providers.__name__}.{file.parent.name}") for file in FILES
}
ROLES = get_args(ImageRole)
URL, PIXELS = "https://cdn.example.com/a.png", "iVBORw0KGgo="

# What a key of another region is answered with, by vendors whose keys belong to one.
FOREIGN_KEYS: dict[str, tuple[int, dict[str, Any]]] = {
    "kling": (401, {"code": 1002, "message": "authorization is invalid", "request_id": "r"}),
    "minimax": (401, {"type": "error", "error": {"type": "authorized_error", "message": "(1004)"}}),
    "bytedance": (401, {"error": {"code": "AuthenticationError", "message": "no such key"}}),
    "alibaba": (401, {"code": "InvalidApiKey", "message": "Invalid API-key provided."}),
}


@pytest.mark.parametrize("provider", FOREIGN_KEYS)
def test_a_refused_key_may_be_one_of_another_region(provider: str) -> None:
    """The vendors say only that it is wrong, and users look for a mistake in the key."""
    said = DECLARED[provider]
    status, body = FOREIGN_KEYS[provider]
    error = DeclaredRules.of(said)(HttpResponse(status, {}, body, is_json=True))
    assert isinstance(error, AuthenticationError)
    assert not error.retryable
    assert "name it as 'region' in provider_config" in str(error)
    assert any(region in str(error) for region in said.account.regions)


def test_a_key_inside_a_good_answer_is_refused_alike() -> None:
    rules = DeclaredRules.of(DECLARED["minimax"])
    body = {"base_resp": {"status_code": 2049, "status_msg": "invalid api key"}}
    answer = HttpResponse(200, {}, body, is_json=True)
    assert "'region'" in str(rules.in_good_answer(answer, paid=True))


NOT_ACTIVATED: dict[str, tuple[int, dict[str, Any]]] = {
    "bytedance": (404, {"error": {"code": "ModelNotOpen", "message": "not activated"}}),
    "alibaba": (403, {"code": "Model.AccessDenied", "message": "Model access denied."}),
}


@pytest.mark.parametrize("provider", NOT_ACTIVATED)
def test_a_model_that_is_not_activated_is_no_mistyped_one(provider: str) -> None:
    status, body = NOT_ACTIVATED[provider]
    error = DeclaredRules.of(DECLARED[provider])(HttpResponse(status, {}, body, is_json=True))
    assert isinstance(error, TarashException)
    assert "console" in str(error)


def test_real_faces_are_named_as_what_was_refused() -> None:
    code = "InputImageSensitiveContentDetected.PrivacyInformation"
    body = {"error": {"code": code, "message": "may contain a real person"}}
    error = DeclaredRules.of(DECLARED["bytedance"])(HttpResponse(400, {}, body, is_json=True))
    assert "asset://<id>" in str(error)


def test_a_model_is_said_to_take_as_many_images_as_one_of_its_forms() -> None:
    """Not as many as its forms together, of which a request has one."""
    for name, said in DECLARED.items():
        for form in said.models:
            for model in (one for one in form.ids if not one.endswith("*")):
                for image in describe_model(name, model, form.kind).images:
                    counts = [
                        [
                            take.most
                            for take in one.takes.values()
                            if take.source == "image_list"
                            and take.refused is None
                            and image.role in (take.roles or ROLES)
                        ]
                        for one in said.forms_of(form.kind, model)
                    ]
                    limited = [sum(filter(None, one)) for one in counts if None not in one]
                    most = max(limited) if len(limited) == len(counts) else None
                    assert image.most == most, f"{name} {model}: {image.role}"


def _two_ways(provider: str) -> tuple[str, str] | None:
    """Return the list whose items have an address or pixels, and the names of these."""
    for result in DECLARED[provider].result:
        paths = [one for one in result.media.get("image", ()) if isinstance(one, str)]
        heads = {one.rpartition("[].")[0] for one in paths}
        if len(paths) > 1 and len(heads) == 1 and "" not in heads:
            return heads.pop(), " ".join(one.rpartition("[].")[2] for one in paths)

    return None


MIXED = {name: found for name in DECLARED if (found := _two_ways(name)) is not None}


@pytest.mark.parametrize("provider", MIXED)
def test_images_of_both_kinds_in_one_answer_are_all_delivered(provider: str) -> None:
    """In the order in which they came; and one that has both forms counts once."""
    items, names = MIXED[provider]
    url, pixels = names.split()
    found = [{url: URL}, {pixels: PIXELS}, {url: f"{URL}?2", pixels: PIXELS}, {url: None}]
    body: dict[str, Any] = {}
    inner = body
    *outer, last = items.split(".")
    for name in outer:
        inner = inner.setdefault(name, {})

    inner[last] = found
    adapter: Any = default_registry.adapter(provider)
    model = next(one.ids[0] for one in DECLARED[provider].models if one.kind == "image")
    call = Call(
        kind="image",
        config=ImageGenerationConfig(provider=provider, model=model, api_key="key"),
        request=ImageGenerationRequest(prompt="A kite", n=4),
        request_id="r",
    )
    response = adapter.parse(call, RawResult(body))
    assert list(response.images) == [URL, PIXELS, f"{URL}?2"]


def test_there_are_providers_that_mix_them() -> None:
    assert {"xai", "bytedance"} <= MIXED.keys()


def test_addresses_that_only_stand_for_each_other_are_not_added_up() -> None:
    """OpenRouter names each video twice: open to all, and for its key alone."""
    adapter: Any = default_registry.adapter("openrouter")
    body = {"urls": ["https://a.example/1"], "unsigned_urls": ["https://b.example/1"]}
    assert adapter.urls(body, "video", "google/veo-3.1") == ["https://a.example/1"]


PROVED_BY_ID = [name for name, said in DECLARED.items() if any(one.job_id for one in said.poll)]


@pytest.mark.parametrize("provider", PROVED_BY_ID)
def test_a_reason_without_the_id_of_the_job_may_be_a_gateways(provider: str) -> None:
    """Anybody writes a sentence into `error`, or `failure_reason`: that ends no paid job."""
    for poll in (one for one in DECLARED[provider].poll if one.job_id is not None):
        for flag in (one for one in poll.failed_with if not one.values):
            body = {flag.at: "no upstream"}
            assert holds(flag, body), f"{flag.at} is seen at all"
            assert not says_its_failure(poll, body), flag.at


def test_there_are_providers_whose_answers_repeat_the_id() -> None:
    assert {"luma", "kling", "bfl", "bytedance"} <= set(PROVED_BY_ID)


def test_a_failure_in_anybodys_words_may_be_a_gateways() -> None:
    """A status of xAI's tells without an id, and its failures have an object: `error`."""
    (poll,) = DECLARED["xai"].poll
    assert not says_its_failure(poll, {"status": "failed", "message": "Service Unavailable"})
    assert says_its_failure(poll, {"status": "failed", "error": {"code": "x", "message": "No"}})
    assert says_its_failure(poll, {"status": "failed"})
    assert says_its_failure(poll, {"status": "expired"})
