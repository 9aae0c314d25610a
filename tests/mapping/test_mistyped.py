"""An own parameter that seems mistyped is remarked, also where no schema names them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
    providers,
)
from tarash.tarash_gateway.catalog._spec import ModelSpec
from tarash.tarash_gateway.mapping import FieldMapper
from tarash.tarash_gateway.mapping._validate import remarks
from tarash.tarash_gateway.models import Adjustment
from tarash.tarash_gateway.providers._folders import declaration


def passed_on(_request: Any, value: Any) -> Any:
    return value


def planned(provider: str, model: str, kind: str, own: dict[str, Any]) -> tuple[Adjustment, ...]:
    facts: dict[str, Any] = {"provider": provider, "model": model, "strict": True}
    asked: dict[str, Any] = {"prompt": "A kite", "extra_params": own}
    if kind == "image":
        return plan_image(
            ImageGenerationConfig(**facts), ImageGenerationRequest(**asked)
        ).adjustments

    return plan_video(VideoGenerationConfig(**facts), VideoGenerationRequest(**asked)).adjustments


@pytest.mark.parametrize(
    ("provider", "model", "kind", "given", "meant"),
    [
        ("ideogram", "ideogram-4-5", "image", "magik_prompt", "magic_prompt"),
        ("ideogram", "ideogram-4-5", "image", "numimages", "num_images"),
        ("bytedance", "dreamina-seedance-2-5-260628", "video", "genrate_audio", "generate_audio"),
        ("runway", "gen4.5", "video", "promtText", "promptText"),
        ("xai", "grok-imagine-video", "video", "aspect_ration", "aspect_ratio"),
    ],
)
def test_a_mistyped_name_is_sent_and_remarked(
    provider: str, model: str, kind: str, given: str, meant: str
) -> None:
    """Some ignore what they do not know, and the job costs as much."""
    (remark,) = planned(provider, model, kind, {given: "x"})
    assert remark.field == f"extra_params.{given}"
    assert remark.sent == given
    assert f"did you mean {meant!r}?" in remark.reason


@pytest.mark.parametrize(
    ("provider", "model", "kind", "own"),
    [
        ("kling", "kling-v3", "video", {"cfg_scale": 0.5, "camera_control": {}}),
        ("bfl", "flux-2-flex", "image", {"steps": 9, "guidance": 3, "safety_tolerance": 2}),
        ("bytedance", "seedream-4-5-251128", "image", {"stream": False}),
        ("ideogram", "ideogram-4-5", "image", {"enable_copyright_detection": True}),
    ],
)
def test_other_names_pass_without_a_word(
    provider: str, model: str, kind: str, own: dict[str, Any]
) -> None:
    assert planned(provider, model, kind, own) == ()


def test_a_parameter_of_a_sibling_is_no_mistake() -> None:
    """What one model of a vendor takes is never called a mistake in the name of another's."""
    folder = Path(providers.__file__).parent
    for file in folder.glob("*/provider.toml"):
        said = declaration(f"{providers.__name__}.{file.parent.name}")
        names = {name for form in said.models for name in form.takes}
        tables = {tuple(form.takes): form for form in said.models}
        for form in tables.values():
            mappers = {name: FieldMapper(one.source, passed_on) for name, one in form.takes.items()}
            spec = ModelSpec(said.name, form.ids[0], form.kind, mappers)
            for name in names:
                request = VideoGenerationRequest(prompt="A kite", extra_params={name: "x"})
                found = [one.field for one in remarks(request, spec) if one.field != "prompt"]
                assert found == [], f"{said.name}: {name}"
