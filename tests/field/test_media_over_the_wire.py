"""What people reported of images on their way: large ones are uploaded, masks keep their sense."""

from __future__ import annotations

import io
import os
import re
from typing import Any

import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
)
from tarash.tarash_gateway.testing import Simulator
from tarash.tarash_gateway.testing._wire import read_form

SPEED: dict[str, Any] = {
    "api_key": "id:a-secret",
    "poll_interval": 0.02,
    "provider_config": {"min_poll_interval": 0.01},
}


def large() -> bytes:
    """Return a PNG of about a megabyte."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", (600, 600), os.urandom(600 * 600 * 3)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("provider", "model"),
    [("replicate", "google/veo-3.1"), ("fal", "fal-ai/veo3.1/image-to-video")],
)
def test_a_large_image_is_handed_over_and_not_put_into_the_request(
    provider: str, model: str
) -> None:
    with Simulator([provider]) as simulator:
        config = VideoGenerationConfig(
            provider=provider, model=model, base_url=simulator.base_url(provider), **SPEED
        )
        frame: Any = {"image": large(), "type": "first_frame"}
        generate_video(config, VideoGenerationRequest(prompt="A cat", image_list=[frame]))
        (job,) = simulator.jobs(provider)

    if provider == "replicate":  # with fal a base URL of one's own has no storage
        assert "base64" not in str(job.payload)
    assert len(str(job.payload)) < 4000 or provider == "fal"


@pytest.mark.parametrize("kind", ["white on black, opaque", "transparent"])
def test_a_mask_from_an_editor_changes_what_it_was_painted_for(kind: str) -> None:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((255, 255, 255, 255) if "white" in kind else (0, 0, 0, 0), (16, 16, 48, 48))
    photo = Image.new("RGB", (64, 64), "tomato")
    for provider, model in (("openai", "gpt-image-2"), ("stability", "edit/inpaint")):
        with Simulator([provider]) as simulator:
            config = ImageGenerationConfig(
                provider=provider, model=model, base_url=simulator.base_url(provider), **SPEED
            )
            generate_image(
                config,
                ImageGenerationRequest(
                    prompt="A hat", image_list=[{"image": photo}], mask_image=mask
                ),
            )
            form = read_form(simulator.requests(provider)[0])

        assert form is not None
        sent = Image.open(io.BytesIO(form.files["mask"][0].content))
        if provider == "openai":
            alpha = sent.convert("RGBA").getchannel("A")
            assert (alpha.getpixel((32, 32)), alpha.getpixel((2, 2))) == (0, 255)
        else:
            grey = sent.convert("RGB").convert("L")
            assert (grey.getpixel((32, 32)), grey.getpixel((2, 2))) == (255, 0)


PICTURES = {
    "openai": "gpt-image-2",
    "google": "gemini-3.1-flash-image",
    "stability": "sd3.5-large",
    "xai": "grok-imagine-image-2.0",
    "runway": "gen4_image",
    "fal": "fal-ai/flux/dev/image-to-image",
}


@pytest.mark.parametrize("label", ["image/jpeg", "image/png", "application/octet-stream"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("provider", PICTURES)
def test_a_picture_goes_out_as_what_it_is_whatever_it_was_called(
    provider: str, form: str, label: str
) -> None:
    """openai/openai-node#1468, 64bit/async-openai#364, open-webui/open-webui#25127."""
    buffer = io.BytesIO()
    Image.new("RGB", (512, 512), "tomato").save(buffer, form)
    picture: Any = {"content": buffer.getvalue(), "content_type": label}
    with Simulator([provider]) as simulator:
        config = ImageGenerationConfig(
            provider=provider,
            model=PICTURES[provider],
            api_key="an:example",
            base_url=simulator.base_url(provider),
        )
        generate_image(config, ImageGenerationRequest(prompt="A cat", image_list=[picture]))
        (job,) = simulator.jobs(provider)

    assert {*re.findall(r"image/(?:png|jpeg|webp)|octet-stream", str(job.payload))} == {
        f"image/{form.lower()}"
    }
