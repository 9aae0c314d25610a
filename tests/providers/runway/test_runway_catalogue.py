"""Every model that the SDK's types name can be asked for, in bodies that those types accept."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.catalog._lifecycle import LIFECYCLES
from tarash.tarash_gateway.exceptions import ValidationError
from tarash.tarash_gateway.providers.runway import models as _runway
from tools import build_runway

pytest.importorskip("runwayml")
URL = "https://example.com/a.png"
FILM = "https://example.com/a.mp4"
VIDEO_ENDPOINTS = _runway.ENDPOINTS["video"]
CASES = [(endpoint, model) for endpoint, models in _runway.DATA.items() for model in models]


@cache
def member(endpoint: str, model: str) -> Any:
    """Return the SDK's own type for a model's body."""
    module = import_module(f"runwayml.types.{endpoint}_create_params")
    params = getattr(module, build_runway.ENDPOINTS[endpoint])
    for one in get_args(params) or (params,):
        hints = typing.get_type_hints(one)
        if get_args(hints["model"]) == (model,):
            return one

    raise AssertionError(f"the SDK has no {model} at {endpoint}")


@cache
def adapter(endpoint: str, model: str) -> TypeAdapter[Any]:
    return TypeAdapter(member(endpoint, model))


def snake(value: Any) -> Any:
    """Return a body with the names of the SDK's Python types, as deep as it goes."""
    if isinstance(value, dict):
        return {re.sub("([A-Z])", r"_\1", key).lower(): snake(one) for key, one in value.items()}

    return [snake(one) for one in value] if isinstance(value, list) else value


def check(endpoint: str, payload: dict[str, Any]) -> None:
    """Check a body against the SDK's type, and that it holds nothing that the type doesn't name."""
    model = payload["model"]
    body = snake(payload)
    assert set(body) <= set(typing.get_type_hints(member(endpoint, model)))
    validated = adapter(endpoint, model).validate_python(body)
    for key, value in validated.items():
        if isinstance(body[key], list):
            list(value)  # lazy: only reading an iterable validates its items


def plan(model: str, kind: str, **wishes: Any) -> Any:
    if kind == "video":
        return plan_video(
            VideoGenerationConfig(provider="runway", model=model),
            VideoGenerationRequest(prompt="a kite", **wishes),
        )

    return plan_image(
        ImageGenerationConfig(provider="runway", model=model),
        ImageGenerationRequest(prompt="a kite", **wishes),
    )


def media_of(endpoint: str, model: str) -> dict[str, Any]:
    """Return the media that this endpoint wants, by the test's own reading of the types."""
    wire = _runway.DATA[endpoint][model]["required"]
    frame = {"image": URL, "type": "first_frame"}
    found: dict[str, dict[str, Any]] = {
        "text_to_video": {},
        "image_to_video": {"image_list": [frame]},
        "video_to_video": {"video": FILM},
        "video_upscale": {
            "video": FILM,
            "extra_params": {"targetFramerate": "60"} if "targetFramerate" in wire else {},
        },
        "video_to_hdr": {"video": FILM},
        "character_performance": {"image_list": [{"image": URL}], "video": FILM},
        "text_to_image": {"image_list": [{"image": URL}]} if "referenceImages" in wire else {},
        "image_upscale": {"image_list": [{"image": URL}]},
    }
    return found[endpoint]


def kind_of(endpoint: str) -> str:
    return "video" if endpoint in VIDEO_ENDPOINTS else "image"


def test_the_data_is_what_the_sdk_says() -> None:
    """If not: run tools/build_runway.py, and look at what changed."""
    shipped = Path(_runway.__file__).with_name("models.json")
    text = shipped.read_text(encoding="utf-8")
    source = json.loads(text)["source"]
    if source != f"runwayml {version('runwayml')}":
        pytest.skip(f"the data was built from {source}, and another version is installed")

    # In an interpreter of its own: `typing` caches literals by their set of values, so that their
    # order would be that of whichever SDK was imported first.
    script = "from tools import build_runway as b; print(b.render(b.build()), end='')"
    built = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert text == built.stdout


def test_the_types_name_some_fifty_models() -> None:
    assert len(_runway.MODELS) == 52
    assert {endpoint: len(models) for endpoint, models in _runway.DATA.items()} == {
        "text_to_video": 24,
        "image_to_video": 25,
        "video_to_video": 12,
        "video_upscale": 2,
        "video_to_hdr": 1,
        "character_performance": 1,
        "text_to_image": 21,
        "image_upscale": 1,
    }


@pytest.mark.parametrize(("endpoint", "model"), CASES)
def test_the_smallest_request_goes_to_its_endpoint(endpoint: str, model: str) -> None:
    planned = plan(model, kind_of(endpoint), **media_of(endpoint, model))
    assert planned.endpoint.endswith(f"/v1/{endpoint}")
    assert planned.payload["model"] == model
    if "promptText" in _runway.DATA[endpoint][model]["properties"]:
        assert planned.payload["promptText"] == "a kite"

    check(endpoint, planned.payload)


@pytest.mark.parametrize(("endpoint", "model"), CASES)
def test_shapes_become_values_of_the_type(endpoint: str, model: str) -> None:
    for aspect_ratio in ("16:9", "9:16", "1:1", "21:9", "7:5"):
        for resolution in ("480p", "1080p", "4k"):
            wishes: dict[str, Any] = {"aspect_ratio": aspect_ratio}
            if kind_of(endpoint) == "video":
                wishes |= {"resolution": resolution, "duration_seconds": 6.5, "seed": 3}
                wishes |= {"generate_audio": True}
            else:
                wishes |= {"n": 4, "quality": "high"}

            planned = plan(model, kind_of(endpoint), **media_of(endpoint, model), **wishes)
            check(endpoint, planned.payload)
            told = {adjustment.field for adjustment in planned.adjustments}
            for field in {"aspect_ratio", "resolution"} & wishes.keys() - told:
                assert stands_in(planned.payload, field, wishes[field]), (field, planned)


def stands_in(payload: dict[str, Any], field: str, wish: str) -> bool:
    """Tell whether a wish is in a body, by pixels: within 10 % of shape, or of side or area."""
    sent = [payload.get(key) for key in ("ratio", "targetAspectRatio", "resolution")]
    lines = {"480p": 480, "1080p": 1080, "4k": 2160}.get(wish, 0)
    same = {"480p": ("480p",), "1080p": ("1080p", "1k"), "4k": ("4k",)}.get(wish, (wish,))
    if any(str(value).endswith(same) for value in sent if value):
        return True

    for value in sent:
        found = re.fullmatch(r"(\d+):(\d+)", str(value))
        if found is None:
            continue

        width, height = int(found[1]), int(found[2])
        if field == "aspect_ratio":
            wide, high = map(int, wish.split(":"))
            return abs(width / height / (wide / high) - 1) < 0.1

        area = lines * lines * 16 / 9
        return abs(min(width, height) / lines - 1) < 0.1 or abs(width * height / area - 1) < 0.2

    return False


ROLES = ("reference", "first_frame", "last_frame", "asset", "style")
IMAGES = st.lists(
    st.fixed_dictionaries({"image": st.just(URL), "type": st.sampled_from(ROLES)}), max_size=4
)
RATIOS = st.none() | st.sampled_from(["16:9", "9:16", "1:1", "3:2", "21:9", "100:1", "1:7"])


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


VIDEO_WISHES = optional(
    image_list=IMAGES,
    video=st.just(FILM),
    aspect_ratio=RATIOS,
    resolution=st.sampled_from(["360p", "480p", "540p", "720p", "1080p", "1440p", "4k"]),
    duration_seconds=st.floats(0.1, 100),
    seed=st.integers(0, 2**31),
    generate_audio=st.booleans(),
    negative_prompt=st.just("rain"),
    enhance_prompt=st.booleans(),
    number_of_videos=st.integers(1, 5),
)
IMAGE_WISHES = optional(
    image_list=IMAGES,
    mask_image=st.just(URL),
    aspect_ratio=RATIOS,
    size=st.sampled_from(["1024x1024", "1920x1080", "64x4096", "4096x4096"]),
    quality=st.sampled_from(["low", "high", "nonsense"]),
    n=st.integers(1, 20),
    seed=st.integers(0, 2**31),
    style=st.just("vivid"),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_request_is_valid_or_refused_with_a_reason(data: st.DataObject) -> None:
    endpoint, model = data.draw(st.sampled_from(CASES))
    kind = kind_of(endpoint)
    wishes = data.draw(VIDEO_WISHES if kind == "video" else IMAGE_WISHES)
    try:
        planned = plan(model, kind, **wishes)
    except ValidationError:
        return  # any other exception fails the test

    check(planned.endpoint.rpartition("/")[2], planned.payload)


SUCCESSORS = [(old, str(row.successor)) for old, row in LIFECYCLES["runway"].items()]


@pytest.mark.parametrize(("old", "new"), SUCCESSORS)
def test_a_retired_id_goes_to_its_successor_and_says_so(old: str, new: str) -> None:
    assert old not in _runway.MODELS
    media: dict[str, Any] = {} if new in _runway.TABLES["text_to_video"] else {"video": FILM}
    if new == "gen4_turbo":
        media = {"image_list": [{"image": URL, "type": "first_frame"}]}

    planned = plan(old, "video", **media)
    assert planned.payload["model"] == new
    told = planned.adjustments[0]
    assert (told.field, told.requested, told.sent) == ("model", old, new)
    with pytest.raises(ValidationError, match=f"{new} is its successor"):
        plan_video(
            VideoGenerationConfig(provider="runway", model=old, strict=True),
            VideoGenerationRequest(prompt="a kite", **media),
        )


def test_strict_types_would_notice() -> None:
    """The check above has teeth: what the types don't name is refused."""
    planned = plan("gen4.5", "video")
    with pytest.raises(AssertionError):
        check("text_to_video", {**planned.payload, "aspectRatio": "16:9"})

    with pytest.raises(ValueError, match="ratio"):
        check("text_to_video", {**planned.payload, "ratio": "16:9"})
