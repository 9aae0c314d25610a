"""Any request for any model ends in a valid payload or in a ValidationError that names a field."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tests.catalog import reading
from tests.catalog.generators import Generator, generators, records

URLS = st.sampled_from(["https://a.example/1.png", "https://b.example/2.png"])
ROLES = st.sampled_from(["reference", "first_frame", "last_frame", "asset", "style"])
IMAGES = st.lists(st.fixed_dictionaries({"image": URLS, "type": ROLES}), max_size=12)
RATIOS = st.sampled_from(["16:9", "9:16", "1:1", "21:9", "4:5", "3:2", "1:9", "7:3", "9999:1"])
SHARED: dict[str, Any] = {
    "prompt": st.text(min_size=1, max_size=40).filter(str.strip),
    "negative_prompt": st.none() | st.text(max_size=20),
    "seed": st.none() | st.integers(-(2**70), 2**70),
    "aspect_ratio": st.none() | RATIOS,
    "image_list": IMAGES,
}
VIDEO = st.fixed_dictionaries(
    {
        **SHARED,
        "duration_seconds": st.none() | st.floats(0.001, 1e6, allow_nan=False),
        "resolution": st.none()
        | st.sampled_from(["360p", "480p", "540p", "720p", "1080p", "1440p", "4k"]),
        "generate_audio": st.none() | st.booleans(),
        "enhance_prompt": st.none() | st.booleans(),
        "number_of_videos": st.integers(1, 30),
        "video": st.none() | URLS,
    }
)
IMAGE = st.fixed_dictionaries(
    {
        **SHARED,
        "size": st.none()
        | st.tuples(st.integers(10, 99999), st.integers(10, 99999)).map(lambda s: f"{s[0]}x{s[1]}"),
        "quality": st.none() | st.sampled_from(["hd", "low", "TURBO", "odd"]),
        "style": st.none() | st.sampled_from(["vivid", "anime", "REALISTIC"]),
        "n": st.integers(1, 30),
        "mask_image": st.none() | URLS,
    }
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.booleans(), st.booleans(), st.booleans())
def test_any_request(data: st.DataObject, strict: bool, auto: bool, given_extras: bool) -> None:
    generator: Generator = data.draw(st.sampled_from(generators()))
    model, kind, record = generator
    options: dict[str, Any] = {
        "provider": "fal",
        "model": model,
        "strict": strict,
        "auto_variant": auto,
    }
    fields = data.draw(VIDEO if kind == "video" else IMAGE)
    fields = {name: value for name, value in fields.items() if value is not None}
    if given_extras:
        from tests.catalog.wishing import sample

        properties = record["input"]["properties"]
        fields["extra_params"] = {
            name: sample(properties[name]) for name in record["input"].get("required", ())
        }
    try:
        if kind == "video":
            config = VideoGenerationConfig(**options)
            plan = plan_video(config, VideoGenerationRequest(**fields))
        else:
            image_config = ImageGenerationConfig(**options)
            plan = plan_image(image_config, ImageGenerationRequest(**fields))
    except ValidationError as error:
        names = [*fields, *record["input"]["properties"], "image of type", "image_list"]
        if not any(name in error.message for name in names):
            raise
        return

    schema = records()[plan.model]["input"]  # a variant may take no prompt
    own = set(fields.get("extra_params", ()))  # sent untouched, also to another endpoint
    faults = reading.faults(plan.payload, schema)
    assert [fault for fault in faults if fault.partition(":")[0] not in own] == []
