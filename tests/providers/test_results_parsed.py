"""Paid results are delivered whatever stands beside them, and found by what they are."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._data._exchange import Call, RawResult
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.providers.azure_openai import adapter as azure_openai
from tarash.tarash_gateway.providers.fal import adapter as fal
from tarash.tarash_gateway.providers.google import adapter as google
from tarash.tarash_gateway.providers.openai import adapter as openai
from tarash.tarash_gateway.providers.replicate import adapter as replicate
from tarash.tarash_gateway.providers.runway import adapter as runway
from tarash.tarash_gateway.providers.stability import adapter as stability

ADAPTERS: dict[str, Any] = {
    "azure-openai": azure_openai.adapter,
    "fal": fal.adapter,
    "google": google.adapter,
    "luma": default_registry.adapter("luma"),
    "openai": openai.adapter,
    "replicate": replicate.adapter,
    "runway": runway.adapter,
    "stability": stability.adapter,
    "xai": default_registry.adapter("xai"),
}
V, P = "https://cdn.example.com/v.mp4", "https://cdn.example.com/i.png"
PIXELS = "iVBORw0KGgo="
ODD: list[Any] = [
    *(None, "", "abc", -1, float("inf"), float("nan"), [], {}, True, 10**40),
    {"a": [{"b": [1]}]},
    ["x", 1],
]
# The finished bodies of each provider, with what they may say beside the media.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("openai", "video"): {
        "id": "v",
        "object": "video",
        "status": "completed",
        "url": V,
        "progress": 100,
        "expires_at": 1,
        "seconds": "8",
        "size": "1x1",
        "quality": "hd",
        "error": None,
    },
    ("openai", "image"): {
        "created": 1,
        "data": [{"b64_json": PIXELS, "revised_prompt": "x", "size": "1x1"}],
        "output_format": "png",
        "usage": {},
        "background": "opaque",
    },
    ("fal", "video"): {
        "video": {"url": V, "duration": 8, "width": 1, "height": 1, "file_size": 1, "fps": 24},
        "seed": 1,
        "prompt": "x",
        "timings": {},
        "actual_prompt": "y",
    },
    ("fal", "image"): {
        "images": [{"url": P, "width": 1, "height": 1, "file_name": "i", "file_size": 1}],
        "seed": 1,
        "revised_prompt": "x",
        "description": "y",
        "timings": {},
    },
    ("replicate", "video"): {
        "id": "p",
        "status": "succeeded",
        "output": V,
        "logs": "x",
        "metrics": {},
        "completed_at": "2026-01-01",
        "model": "a/b",
        "version": "c",
        "urls": {},
    },
    ("replicate", "image"): {"id": "p", "status": "succeeded", "output": [P], "metrics": {}},
    ("runway", "video"): {
        "id": "t",
        "status": "SUCCEEDED",
        "output": [V],
        "progress": 1,
        "createdAt": "x",
        "cost": {"credits": 1},
        "estimatedCost": 1,
    },
    ("luma", "video"): {
        "id": "g",
        "state": "completed",
        "assets": {"video": V},
        "created_at": "x",
        "model": "ray-2",
        "generation_type": "video",
        "request": {},
        "failure_reason": None,
    },
    ("stability", "image"): {"image": PIXELS, "seed": 1, "finish_reason": "SUCCESS"},
    ("xai", "video"): {
        "status": "done",
        "progress": 100,
        "model": "m",
        "usage": {"cost_in_usd_ticks": 1},
        "video": {"url": V, "duration": 8, "respect_moderation": True, "file_output": {}},
    },
    ("xai", "image"): {
        "data": [{"url": P, "mime_type": "image/png", "revised_prompt": "x"}],
        "usage": {"cost_in_usd_ticks": 1},
    },
    ("google", "image"): {
        "predictions": [{"bytesBase64Encoded": PIXELS, "mimeType": "image/png", "prompt": "x"}],
        "usageMetadata": {},
        "modelVersion": "m",
        "responseId": "r",
    },
    ("google", "video"): {
        "response": {
            "videos": [{"bytesBase64Encoded": PIXELS, "mimeType": "video/mp4"}],
            "raiMediaFilteredCount": 0,
            "raiMediaFilteredReasons": [],
        },
        "metadata": {},
    },
}
MEDIA = frozenset(
    {V, P, PIXELS, "completed", "succeeded", "SUCCEEDED", "done", "video", "model_output"}
)


def optional(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of a body without which the media are still there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for name, one in pairs:
        if V in str(one) or P in str(one) or PIXELS in str(one):
            found += optional(one, (*place, name)) if isinstance(one, dict | list) else []
        elif not (isinstance(one, str) and one in MEDIA):
            found.append((*place, name))

    return found


def changed(value: Any, place: tuple[Any, ...], odd: Any) -> Any:
    if not place:
        return odd

    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = changed(value[place[0]], place[1:], odd)
    return copy


def call_of(provider: str, kind: str, **extra: Any) -> Call:
    if kind == "video":
        config: Any = VideoGenerationConfig(provider=provider, model="m", api_key="k")
        request: Any = VideoGenerationRequest(prompt="x", extra_params=extra)
        return Call("video", config, request, "r")

    config = ImageGenerationConfig(provider=provider, model="m", api_key="k")
    return Call("image", config, ImageGenerationRequest(prompt="x", extra_params=extra), "r")


def finished_of(provider: str, kind: str, body: Any) -> RawResult:
    urls = {"urls": [V]} if provider in ("openai", "azure-openai") and kind == "video" else {}
    return RawResult(body, urls)


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    ("provider", "kind", "place"),
    [(*key, place) for key, body in BODIES.items() for place in optional(body)],
)
def test_no_optional_fact_costs_the_media(
    provider: str, kind: str, place: tuple[Any, ...], odd: Any
) -> None:
    body = changed(BODIES[provider, kind], place, odd)
    finished = finished_of(provider, kind, body)
    response = ADAPTERS[provider].parse(call_of(provider, kind), finished)
    media = response.images if kind == "image" else response.videos
    assert len(media) == 1
    assert response.model_dump_json()


@pytest.mark.parametrize(
    ("provider", "body", "name", "raw"),
    [
        ("fal", {"video": {"url": V, "duration": "abc"}}, "duration", "abc"),
        ("openai", {"url": V, "status": "completed", "expires_at": [1]}, "expires_at", [1]),
        ("xai", {"status": "done", "video": {"url": V, "duration": -1}}, "duration", -1),
    ],
)
def test_an_odd_fact_is_noted_as_it_came(provider: str, body: Any, name: str, raw: Any) -> None:
    response = ADAPTERS[provider].parse(
        call_of(provider, "video"), finished_of(provider, "video", body)
    )
    assert response.provider_metadata["odd_facts"] == {name: raw}


BASE = "https://x.example/"


@pytest.mark.parametrize("provider", ["fal", "replicate", "runway"])
@pytest.mark.parametrize(
    ("output", "found"),
    [
        ([f"{BASE}meta.json", f"{BASE}o.mp4"], ["o.mp4"]),
        ([f"{BASE}f-0.png", f"{BASE}f-1.png", f"{BASE}o.mp4"], ["o.mp4"]),
        ([f"{BASE}voice.wav", f"{BASE}o.mp4"], ["o.mp4"]),
        ({"log": f"{BASE}log.txt", "mp4": f"{BASE}o.mp4"}, ["o.mp4"]),
        ([{"url": f"{BASE}o.mp4"}], ["o.mp4"]),
        (f"{BASE}o.mp4", ["o.mp4"]),
        ({"my node": {"clips": [{"url": f"{BASE}a", "content_type": "video/mp4"}]}}, ["a"]),
        ({"a": f"{BASE}a.mp4?sig=1", "b": [f"{BASE}b.webm"]}, ["a.mp4?sig=1", "b.webm"]),
        ({"f": {"url": f"{BASE}1", "file_name": "o.mp4"}, "i": f"{BASE}i.png"}, ["1"]),
        ({"thumbnail": f"{BASE}t", "result": f"{BASE}r"}, ["r"]),
        ([f"{BASE}get?file=o.mp4", f"{BASE}get?file=o.json"], ["get?file=o.mp4"]),
        ({"images": [{"url": f"{BASE}i.png"}], "x": {"url": f"{BASE}o.mp4"}}, ["o.mp4"]),
        ([f"{BASE}moving.gif", f"{BASE}meta.json"], ["moving.gif"]),
    ],
)
def test_the_video_is_found_by_what_it_is(provider: str, output: Any, found: list[str]) -> None:
    raw = output if provider == "fal" else {"id": "t", "output": output}
    response = ADAPTERS[provider].parse(call_of(provider, "video"), RawResult(raw))
    assert [str(one).removeprefix(BASE) for one in response.videos] == found


def test_the_rest_of_an_output_is_kept() -> None:
    output = {"log": f"{BASE}log.txt", "mp4": f"{BASE}o.mp4"}
    response = replicate.adapter.parse(call_of("replicate", "video"), RawResult({"output": output}))
    assert response.provider_metadata["other_output"] == {"log": f"{BASE}log.txt"}


@pytest.mark.parametrize("provider", ["fal", "replicate", "runway"])
@pytest.mark.parametrize("output", [[f"{BASE}meta.json"], {"log": f"{BASE}l.txt"}, {}, None])
def test_what_is_no_video_is_none(provider: str, output: Any) -> None:
    raw = output if provider == "fal" else {"id": "t", "output": output}
    with pytest.raises(GenerationFailedError, match="without video"):
        ADAPTERS[provider].parse(call_of(provider, "video"), RawResult(raw))


FLAGGED: list[tuple[Any, int, int]] = [
    ({"images": [{"url": P}], "has_nsfw_concepts": [True]}, 0, 1),
    ({"images": [{"url": P}], "has_nsfw_concepts": True}, 0, 1),
    ({"images": [{"url": P}, {"url": f"{P}?2"}], "has_nsfw_concepts": [True, False]}, 1, 1),
    ({"images": [{"url": P}, {"url": f"{P}?2"}], "nsfw_content_detected": [True, True]}, 0, 2),
    ({"images": [{"url": P, "has_nsfw_concept": True}, {"url": f"{P}?2"}]}, 1, 1),
    ({"images": [{"url": "", "is_image_safe": False}]}, 0, 1),
    ({"images": [{"url": None, "nsfw": True}, {"url": P}]}, 1, 1),
    ({"images": [{"url": P}], "has_nsfw_concepts": [False]}, 1, 0),
]


@pytest.mark.parametrize("provider", ["fal", "replicate", "runway"])
@pytest.mark.parametrize(("output", "delivered", "refused"), FLAGGED)
def test_a_flag_says_that_there_is_no_result(
    provider: str, output: Any, delivered: int, refused: int
) -> None:
    raw = output if provider == "fal" else {"id": "t", "output": output}
    call = call_of(provider, "image")
    if not delivered:
        with pytest.raises(ContentModerationError) as caught:
            ADAPTERS[provider].parse(call, RawResult(raw))

        assert caught.value.stage == "output"
        return

    response = ADAPTERS[provider].parse(call, RawResult(raw))
    assert len(response.images) == delivered
    told = response.provider_metadata.get("filtered", {"count": 0})
    assert told["count"] == refused


def test_a_checker_that_is_off_takes_nothing_away() -> None:
    output = {"images": [{"url": P}], "has_nsfw_concepts": [True]}
    call = call_of("fal", "image", enable_safety_checker=False)
    assert ADAPTERS["fal"].parse(call, RawResult(output)).images == (P,)


@pytest.mark.parametrize(("units", "billing"), [(1.0, "certain"), (0.0, "none"), (None, None)])
def test_fal_says_what_black_images_cost(units: float | None, billing: str | None) -> None:
    output = {"images": [{"url": P}], "has_nsfw_concepts": [True]}
    with pytest.raises(ContentModerationError) as caught:
        fal.adapter.parse(call_of("fal", "image"), RawResult(output, {"billable_units": units}))

    assert caught.value.billing == billing


def test_predictions_that_were_filtered_are_counted_and_free() -> None:
    one = {"bytesBase64Encoded": PIXELS}
    call = call_of("google", "image", sampleCount=2)
    some: list[Any] = [[one], [one, {"raiFilteredReason": "x"}]]
    for predictions in some:
        body = {"predictions": predictions}
        response = google.adapter.parse(call, RawResult(body))
        assert response.provider_metadata["filtered"]["count"] == 1

    nothing: list[Any] = [[], [{"raiFilteredReason": "x"}]]
    for predictions in nothing:
        body = {"predictions": predictions}
        with pytest.raises(ContentModerationError) as caught:
            google.adapter.parse(call, RawResult(body))

        assert caught.value.billing == "none"


def test_a_models_own_words_stand_in_the_message() -> None:
    words = "I can't draw that, but here is what I could do instead: " + "a cat, " * 60
    texts: dict[str, Any] = {
        "image": {"candidates": [{"content": {"parts": [{"text": words}]}}]},
        "video": {
            "steps": [{"type": "model_output", "content": [{"type": "text", "text": words}]}]
        },
    }
    for kind, body in texts.items():
        with pytest.raises(GenerationFailedError) as caught:
            google.adapter.parse(call_of("google", kind), RawResult(body))

        assert words.strip() in caught.value.message
