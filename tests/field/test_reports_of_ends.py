"""What people reported of ends that nobody saw, of proxies that ask for a login, and of odd values.

Facts from public threads, played anew: ArcReel 651, opencodex 582, postiz-app 1809, vercel/ai
18929, replicate-python 385, vm0-skills 25, grok2api 285.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import types
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    GenerationFailedError,
    ProviderInfo,
    ValidationError,
    VideoGenerationRequest,
    generate_video,
    list_models,
    list_providers,
)
from tarash.tarash_gateway.providers._result_facts import ENDS, among, unknown_in
from tests.field.test_bodies_of_newer_providers import ACCEPTED as NEWER
from tests.field.test_bodies_of_newer_providers import MODELS as NEWER_MODELS
from tests.field.test_bodies_of_newer_providers import bill
from tests.field.test_bodies_of_newer_providers import failure as newer_failure
from tests.field.test_bodies_of_providers import ACCEPTED, MODELS, config_of, failure, said
from tests.field.test_values_everywhere import planned
from tests.media.raw import Asked, answer, serving

WORKFLOW = {
    "1": {"class_type": "CLIPTextEncode", "inputs": {"text": ""}, "_meta": {"title": "prompt"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
}
SPELT = ("cancelled", "canceled", "CANCELED", "expired", "EXPIRED")
ENDED: dict[str, Any] = {
    "luma": lambda word: {"id": "j1", "state": word},
    "luma-agents": lambda word: {"id": "j1", "state": word},
    "openai": lambda word: {"id": "j1", "object": "video", "status": word},
    "azure-openai": lambda word: {"id": "j1", "object": "video", "status": word},
    "replicate": lambda word: {"id": "j1", "status": word},
    "runway": lambda word: {"id": "j1", "status": word},
    "xai": lambda word: {"status": word},
}
ENDED_NEWER: dict[str, Any] = {
    "alibaba": lambda word: {"output": {"task_id": "j1", "task_status": word}},
    "bytedance": lambda word: {"id": "j1", "status": word},
    "kling": lambda word: {"code": 0, "data": {"task_id": "j1", "task_status": word}},
    "minimax": lambda word: {"task_id": "j1", "status": word, "base_resp": {"status_code": 0}},
    "openrouter": lambda word: {"id": "j1", "status": word},
    "together": lambda word: {"id": "j1", "status": word},
    "wavespeed": lambda word: {"code": 200, "data": {"id": "j1", "status": word}},
}


@pytest.mark.parametrize("word", SPELT)
@pytest.mark.parametrize("name", ENDED)
async def test_a_word_that_ends_jobs_everywhere_ends_the_wait(name: str, word: str) -> None:
    """Elsewhere a job that was cancelled or had expired was polled until the deadline."""
    looks: list[Asked] = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "GET" and "?" not in asked.target:
            looks.append(asked)

        return [said(ACCEPTED[name] if asked.method == "POST" else ENDED[name](word))]

    with serving(answers) as server:
        error = await failure(server, name)

    assert type(error) is GenerationFailedError
    assert error.submission == "accepted"
    assert len(looks) <= 2


@pytest.mark.parametrize("word", SPELT)
@pytest.mark.parametrize("name", ENDED_NEWER)
def test_a_word_that_ends_jobs_everywhere_ends_the_wait_at_newer_ones(name: str, word: str) -> None:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        return [said(NEWER[name] if asked.method == "POST" else ENDED_NEWER[name](word))]

    error = newer_failure(name, answers)
    assert type(error) is GenerationFailedError
    assert error.submission == "accepted"


def test_a_provider_that_gives_such_a_word_another_meaning_is_believed() -> None:
    words = {"expired": "gone", "running": "processing", "failed": "failed"}
    assert among(words, "EXPIRED") == "gone"
    assert among(words, "cancelled") == "failed"
    assert unknown_in(words, "canceled") is None
    assert among({"running": "processing"}, "cancelled") is None
    assert {"failed", "error", "rejected", "timeout"}.isdisjoint(ENDS)  # so say fronts, with 200


@pytest.mark.parametrize("status", [407, 511])
@pytest.mark.parametrize("name", sorted({*MODELS, *NEWER_MODELS}))
async def test_a_login_that_is_asked_for_on_the_way_buys_nothing(name: str, status: int) -> None:
    """A proxy or network that asks for a login has handed nothing on (RFC 9110, RFC 6585)."""
    page = answer(b"<html>Log in</html>", f"{status} X", Content_Type="text/html")
    if name in MODELS:
        with serving(lambda _asked, _number: [page]) as server:
            error = await failure(server, name)

        assert len(server.seen) == 1
    else:
        error = newer_failure(name, lambda _asked, _number: [page])

    assert (error.submission, bill(error)) == ("rejected", "none")
    assert "asks for a" in error.message


class Style(enum.Enum):
    BOLD = "bold"


UNSENDABLE: dict[str, Any] = {
    "Path": Path("x.png"),
    "Decimal": decimal.Decimal("1.5"),
    "UUID": uuid.UUID(int=1),
    "datetime": dt.datetime(2026, 11, 30, tzinfo=dt.UTC),
    "set": {1},
    "Style": Style.BOLD,
    "bytes": b"x",
    "object": object(),
}


def plain_models(provider: str, kind: str) -> Iterator[str]:
    """Yield the models of a kind that need no more than a prompt."""
    named = [one.model for one in list_models(provider) if kind in one.outputs]
    for model in named or ["a-model"]:  # servers of one's own take any name
        try:
            planned(provider, model, kind)
        except ValidationError:
            continue

        yield model


@pytest.mark.parametrize("provider", list_providers(), ids=lambda one: one.name)
def test_a_parameter_that_nothing_can_carry_is_named_before_anything_is_sent(
    provider: ProviderInfo, tmp_path: Path
) -> None:
    """`Unforeseen TypeError … is not JSON serializable` was said of it, after the intent."""
    workflow = tmp_path / "flow.json"
    workflow.write_text(json.dumps(WORKFLOW))
    is_file = provider.name == "comfyui"  # whose parameters are the inputs of its nodes
    parameter = "1.text" if is_file else "odd_one"
    for kind in provider.modalities:
        model = str(workflow) if is_file else next(plain_models(provider.name, kind))
        for name, value in UNSENDABLE.items():
            extra = {parameter: {"inner": [1, value]}}
            with pytest.raises(ValidationError) as caught:
                planned(provider.name, model, kind, extra_params=extra)

            assert f"{parameter}.inner.1" in caught.value.message
            assert f"the type {name}" in caught.value.message.replace("PosixPath", "Path")


def test_a_mapping_of_another_kind_is_sent_as_an_object() -> None:
    frozen = types.MappingProxyType({"a": (1, None, 2.5, True)})
    plan = planned("fal", "fal-ai/veo3.1", "video", extra_params={"odd_one": frozen})
    assert plan.payload["odd_one"] == {"a": (1, None, 2.5, True)}
    assert type(plan.payload["odd_one"]) is dict


V, POSTER = "https://c.example/made.mp4", "https://c.example/preview_image.jpg"


@pytest.mark.parametrize("provider", ["openai", "openai-compatible", "vllm", "sglang"])
@pytest.mark.parametrize(
    "body",
    [
        {"preview_image_url": POSTER, "video_url": V},
        {"data": [{"url": POSTER}, {"url": V}]},
        {"result": {"poster": POSTER, "url": V}},
        {"output": [POSTER, V]},
        {"outputs": [{"type": "image", "url": POSTER}, {"type": "video", "url": V}]},
        {"results": [{"cover": POSTER, "url": V}]},
        {"videos": [{"thumbnail": POSTER, "url": V}]},
    ],
    ids=" ".join,
)
def test_the_poster_of_a_video_is_not_taken_for_it(provider: str, body: dict[str, Any]) -> None:
    """Elsewhere the first address was fetched, which was a picture's, and refused."""
    done = {"id": "j1", "object": "video", "status": "completed", **body}

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.target.endswith("/content"):
            return [said({"error": {"message": "no such file"}}, 404)]

        return [said(ACCEPTED["openai"] if asked.method == "POST" else done)]

    with serving(answers) as server:
        config = config_of("openai", server, provider=provider, model="wan-2.6")
        assert generate_video(config, VideoGenerationRequest(prompt="A cat")).video == V
