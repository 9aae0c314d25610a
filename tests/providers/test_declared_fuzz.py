"""Declarations by chance: each is refused with a clear error, or makes a working adapter.

What works is played against the vendor that the same declaration describes.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.providers import declared_provider
from tarash.tarash_gateway.testing import Simulator

PATHS = st.sampled_from(["id", "data.task", "a.0.b", "x.y.z", "jobs.1"])
KEY = "key-of-a-vendor:0123456789"
AUTH = st.sampled_from(
    [
        {"type": "bearer"},
        {"type": "basic"},
        {"type": "jwt"},
        {"type": "query", "parameter": "token"},
        {"type": "header", "header": "X-Key", "prefix": "Key "},
    ]
)
ERRORS = st.sampled_from(
    [
        {},
        {"inside": {"at": "code", "unless": [0]}, "code": ["code"], "message": ["msg"]},
        {"inside": [{"at": "fault"}], "message": ["fault.text"]},
    ]
)
STATUSES = st.sampled_from(
    [
        {"q": "queued", "r": "processing", "ok": "completed", "no": "failed"},
        {"0": "queued", "1": "processing", "2": "completed", "-1": "failed"},
        {"ok": "completed"},
    ]
)
MEDIA = st.sampled_from(
    [
        "url",
        "out.files[].href",
        "data[].url",
        "a.0",
        {"items": "all", "where": {"at": "t"}, "at": "u"},
    ]
)


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["video", "image"]))
    at_once = draw(st.booleans())
    listed = draw(st.booleans())
    submit: dict[str, Any] = {
        "path": draw(st.sampled_from(["make", "v1/{model}/make", "a/b"])),
        "sends": draw(st.sampled_from(["json", "array", "form", "multipart"])),
        "model_at": draw(st.sampled_from(["model", "input.model"])),
        "id": draw(PATHS),
        "at_once": at_once,
        "answers": draw(st.sampled_from(["json", "lines"])),
        "may_answer": draw(st.booleans()),
    }
    if submit["sends"] in ("form", "multipart"):
        submit["model_at"] = "model"  # a form has no objects

    said: dict[str, Any] = {
        "name": "chance",
        "title": "Chance",
        "account": {"base_url": "https://chance.example/api/v2", "auth": draw(AUTH)},
        "submit": draw(st.sampled_from([submit, [submit]])),
        "errors": draw(ERRORS),
        "result": {"media": {kind: [draw(MEDIA)]}},
        "models": [{"ids": ["m-1"], "kind": kind, "takes": {"prompt": {"from": "prompt"}}}],
    }
    if not at_once:
        said["poll"] = {
            "path": draw(st.sampled_from(["jobs/{id}", "jobs?task={id}", "{path}/{id}"])),
            "status": draw(st.sampled_from(["status", "state.word", "s"])),
            "item_id": draw(st.sampled_from(["job", "meta.key"])),
            "statuses": draw(STATUSES),
            "pace": 0.01,
            **({"items": "data.all"} if listed else {}),
        }

    if draw(st.booleans()):
        odd = draw(st.sampled_from(["name", "submit", "models", "result", "poll"]))
        said[odd] = draw(st.none() | st.integers() | st.just({"odd": 1}) | st.just([]))

    return said


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(declarations())
def test_a_declaration_by_chance_works_or_is_refused(said: dict[str, Any]) -> None:
    try:
        row = declared_provider(said)
    except ValidationError as error:
        assert "declares no provider that can be used" in str(error)  # noqa: PT017
        return

    registry = Registry()
    registry.register(row)
    kind = said["models"][0]["kind"]
    with Simulator([said]) as simulator:
        simulator.keys["chance"] = {KEY}
        given_ = {
            "provider": "chance",
            "model": "m-1",
            "api_key": KEY,
            "base_url": simulator.base_url("chance"),
            "poll_interval": 0.02,
            "max_poll_attempts": 30,
            "provider_config": {"min_poll_interval": 0.01},
        }
        gateway = Gateway(registry=registry)
        if kind == "video":
            made: Any = gateway.generate_video(
                VideoGenerationConfig.model_validate(given_), VideoGenerationRequest(prompt="x")
            )
            assert made.video
        else:
            made = gateway.generate_image(
                ImageGenerationConfig.model_validate(given_), ImageGenerationRequest(prompt="x")
            )
            assert made.images

        assert simulator.counters("chance").accepted == 1
