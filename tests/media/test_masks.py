"""A mask means the same for every model: what is white changes, or what is transparent."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    generate_image,
    plan_image,
)
from tarash.tarash_gateway.catalog import ModelSpec, lookup, mask_form_of
from tarash.tarash_gateway.mapping import derive
from tarash.tarash_gateway.media._mask import MaskForm, as_mask
from tarash.tarash_gateway.testing import Simulator
from tarash.tarash_gateway.testing._wire import read_form

MIDDLE, CORNER = (32, 32), (2, 2)
HOLE = (16, 16, 48, 48)
Pixels = Image.Image


def white() -> Pixels:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, HOLE)
    return mask


def transparent() -> Pixels:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), HOLE)
    return mask


def palette() -> Pixels:
    mask = Image.new("P", (64, 64), 0)
    mask.putpalette([0, 0, 0, 255, 255, 255])
    mask.paste(1, HOLE)
    mask.info["transparency"] = 1
    return mask


# All of them say: change the middle, keep the rest.
MASKS = {
    "white on black": white(),
    "one bit": white().convert("1"),
    "16 bits": white().convert("I").point(lambda value: value * 257 + 0).convert("I;16"),
    "opaque RGBA": white().convert("RGBA"),
    "transparent": transparent(),
    "grey and alpha": transparent().convert("LA"),
    "a transparent colour": palette(),
    "a JPEG": white(),
}


def encoded(name: str) -> bytes:
    buffer = io.BytesIO()
    MASKS[name].save(buffer, "JPEG" if name == "a JPEG" else "PNG")
    return buffer.getvalue()


def reads(content: bytes, form: MaskForm, place: tuple[int, int]) -> bool:
    """Return whether a model of this convention would change a pixel."""
    picture = Image.open(io.BytesIO(content))
    if form == "transparent":
        assert picture.format == "PNG"
        return pixel(picture.convert("RGBA").getchannel("A"), place) < 128

    # Such a model does not look at what is transparent.
    assert "A" not in picture.getbands() or picture.getchannel("A").getextrema() == (255, 255)
    bright = pixel(picture.convert("RGB").convert("L"), place) > 127
    return bright if form == "white" else not bright


def pixel(picture: Pixels, place: tuple[int, int]) -> int:
    value = picture.getpixel(place)
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("form", ["white", "black", "transparent"])
def test_what_changes_is_the_same_in_every_convention(name: str, form: MaskForm) -> None:
    content = encoded(name)
    sent = as_mask({"content": content, "content_type": "image/png"}, "mask_image", form)
    if name != "16 bits" or form != "white":  # which a model reads as it can
        assert (reads(sent["content"], form, MIDDLE), reads(sent["content"], form, CORNER)) == (
            True,
            False,
        )


@pytest.mark.parametrize("name", ["white on black", "one bit", "a JPEG"])
def test_a_mask_made_transparent_is_white_where_it_changes_for_who_drops_that(name: str) -> None:
    media: Any = {"content": encoded(name), "content_type": "image/png"}
    sent = Image.open(io.BytesIO(as_mask(media, "mask_image", "transparent")["content"]))
    assert pixel(sent.convert("RGB").convert("L"), MIDDLE) > 127
    assert pixel(sent.convert("RGB").convert("L"), CORNER) < 128


@pytest.mark.parametrize(
    ("name", "form"), [("white on black", "white"), ("a JPEG", "white"), ("transparent",) * 2]
)
def test_a_mask_that_is_read_so_goes_out_byte_for_byte(name: str, form: MaskForm) -> None:
    media: Any = {"content": encoded(name), "content_type": "image/png"}
    assert as_mask(media, "mask_image", form) is media


def test_what_nobody_can_read_is_the_providers_to_refuse() -> None:
    media: Any = {"content": b"\x89PNG\r\n\x1a\n", "content_type": "image/png"}
    assert as_mask(media, "mask_image", "transparent") is media


@pytest.mark.parametrize(
    ("provider", "model", "form"),
    [
        ("openai", "gpt-image-2", "transparent"),
        ("openai", "a-model-of-another-server", "transparent"),
        ("azure-openai", "my-deployment", "transparent"),
        ("stability", "edit/inpaint", "white"),
        ("stability", "edit/erase", "white"),
        ("fal", "fal-ai/flux-lora/inpainting", "white"),
        ("fal", "fal-ai/flux-pro/v1/erase", "white"),
        ("fal", "fal-ai/chrono-edit-lora-gallery/paintbrush", "black"),
        ("fal", "openai/gpt-image-2/edit", "transparent"),
        ("fal", "fal-ai/gpt-image-1.5/edit", "transparent"),
        ("replicate", "black-forest-labs/flux-fill-pro", "white"),
        ("replicate", "ideogram-ai/ideogram-v3-turbo", "black"),
        ("runway", "ideogram_4_5", "black"),
        ("ideogram", "precise-edit/ideogram-4-5", "black"),
        ("ideogram", "remove-object/ideogram-1", "white"),
        ("ideogram", "gpt-image-2-5-flare", "transparent"),
        ("ideogram", "inpaint/ideogram-3", "black"),
        ("bfl", "flux-pro-1.0-fill", "white"),
        ("recraft", "inpaint/recraftv3", "white"),
        ("recraft", "generateBackground/recraftv3", "white"),
        ("recraft", "eraseRegion", "white"),
        ("openai-compatible", "whatever-it-serves", "transparent"),
        ("vllm", "Qwen/Qwen-Image-Edit", "white"),
        ("sglang", "Qwen/Qwen-Image-Edit", "white"),
    ],
)
def test_the_convention_of_each_model_is_known(provider: str, model: str, form: MaskForm) -> None:
    assert mask_form_of(lookup(provider, model, "image")) == form


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("Black pixels are inpainted, white pixels are preserved.", "black"),
        ("Black areas will be preserved, white areas will be inpainted.", "white"),
        ("White pixels indicate the area to fill or modify; black pixels preserve it.", "white"),
        ("white (255) marks pixels to erase and black (0) marks pixels to keep", "white"),
        ("Optional mask image where black areas indicate regions to sketch/paint.", "black"),
        ("URL of black-and-white image to use as mask during inpainting.", "white"),
        ("The mask.", "white"),
    ],
)
def test_a_schema_may_say_it(said: str, form: MaskForm) -> None:
    properties = {"mask_url": {"type": "string", "description": said}}
    schema = {"properties": {"prompt": {"type": "string"}, **properties}}
    spec = ModelSpec("any", "any/model", "image", derive(schema, "image"), schema=schema)
    assert mask_form_of(spec) == form


@pytest.mark.parametrize("name", ["white on black", "transparent"])
@pytest.mark.parametrize(
    ("provider", "model", "form"),
    [("stability", "edit/inpaint", "white"), ("openai", "gpt-image-2", "transparent")],
)
def test_over_the_wire_too(name: str, provider: str, model: str, form: MaskForm) -> None:
    with Simulator([provider]) as simulator:
        config = ImageGenerationConfig(
            provider=provider, model=model, api_key="a-key", base_url=simulator.base_url(provider)
        )
        photo = Image.new("RGB", (64, 64), "tomato")
        request = ImageGenerationRequest(
            prompt="a hat", image_list=[{"image": photo}], mask_image=encoded(name)
        )
        generate_image(config, request)
        form_sent = read_form(simulator.requests(provider)[0])

    assert form_sent is not None
    (part,) = form_sent.files["mask"]
    content = part.content
    assert (reads(content, form, MIDDLE), reads(content, form, CORNER)) == (True, False)


# ------------------------------------------------------------------------------------ what is said
CONVERSIONS = [
    ("openai", "gpt-image-2", "white on black", True),
    ("openai", "gpt-image-2", "transparent", False),
    ("stability", "edit/inpaint", "white on black", False),
    ("stability", "edit/inpaint", "transparent", True),
    ("fal", "openai/gpt-image-2/edit", "white on black", True),
    ("fal", "fal-ai/chrono-edit-lora-gallery/paintbrush", "white on black", True),
]


@pytest.mark.parametrize(("provider", "model", "name", "told"), CONVERSIONS)
def test_a_converted_mask_is_an_adjustment_of_the_plan_and_of_the_response(
    provider: str, model: str, name: str, told: bool
) -> None:
    photo = Image.new("RGB", (64, 64), "tomato")
    images: Any = [{"image": photo}]
    request = ImageGenerationRequest(prompt="a hat", image_list=images, mask_image=encoded(name))
    with Simulator([provider]) as simulator:
        config = ImageGenerationConfig(
            provider=provider,
            model=model,
            api_key="id:a-key",
            base_url=simulator.base_url(provider),
            provider_config={"min_poll_interval": 0.01},
            poll_interval=0.02,
        )
        plan = plan_image(config, request)
        response = generate_image(config, request)

    for adjustments in (plan.adjustments, response.adjustments):
        assert [one.field for one in adjustments] == ["mask_image"] * told
        assert all("it means the same" in one.reason for one in adjustments)


def test_a_mask_by_its_url_is_said_to_go_as_it_is() -> None:
    mask = "https://example.com/mask.png?secret=1"
    for model, told in (("openai/gpt-image-2/edit", 1), ("fal-ai/flux-lora/inpainting", 0)):
        config = ImageGenerationConfig(provider="fal", model=model)
        request = ImageGenerationRequest(
            prompt="a hat", image_list=[{"image": "https://example.com/a.png"}], mask_image=mask
        )
        plan = plan_image(config, request)
        assert mask in str(plan.payload)
        assert [one.field for one in plan.adjustments] == ["mask_image"] * told
