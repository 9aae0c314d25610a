"""Images that a provider would refuse: what is said of them, and what becomes of them when told."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tarash.tarash_gateway import (
    Adjustment,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationRequest,
    plan_image,
)
from tarash.tarash_gateway._data._exchange import MediaConstraints, MediaSupport
from tarash.tarash_gateway.media import Rules, load, plan_media, prepare

FORM = MediaSupport(url=False, content="bytes")
WEB = ("image/png", "image/jpeg", "image/webp")
TOLD = Rules(fit_images=True)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise((width, height), 90)] * 3).convert(mode)


def limited(**limits: Any) -> MediaSupport:
    return MediaSupport(url=False, content="bytes", images=MediaConstraints(**limits))


async def fitted(
    content: bytes, accepts: MediaSupport, **more: Any
) -> tuple[Image.Image, str, tuple[Adjustment, ...]]:
    """Return what goes out as the first image, its type, and the adjustments."""
    request = ImageGenerationRequest(prompt="A hat", image_list=({"image": content},), **more)
    prepared, adjustments = await prepare(request, accepts, None, None, TOLD)
    media: Any = prepared.image_list[0]["image"]
    picture = Image.open(io.BytesIO(media["content"]))
    picture.load()
    return picture, media["content_type"], adjustments


REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "type": (encoded(noise(40, 30), "BMP"), {"types": WEB}, "takes image/png.*image/bmp"),
    "bytes": (encoded(noise(300, 300), "PNG"), {"largest": 20_000}, "at most 20000 bytes"),
    "long side": (encoded(noise(300, 200), "PNG"), {"longest_side": 200}, "at most 200 pixels"),
    "short side": (encoded(noise(30, 20), "PNG"), {"shortest_side": 64}, "at least 64 pixels"),
    "pixels": (encoded(noise(300, 200), "PNG"), {"most_pixels": 15_000}, "15000 pixels in all"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_a_provider_does_not_take_is_refused_with_the_way_out(name: str) -> None:
    content, limits, said = REFUSED[name]
    request = ImageGenerationRequest(prompt="A hat", image_list=({"image": content},))
    told = rf"image_list\[0\]: .*{said}.*fit_images=True"
    with pytest.raises(ValidationError, match=told):
        await prepare(request, limited(**limits), None)

    with pytest.raises(ValidationError, match=told):
        plan_media(request, limited(**limits))


@pytest.mark.parametrize("name", REFUSED)
async def test_when_told_it_is_made_to_fit_and_says_so(name: str) -> None:
    content, limits, _ = REFUSED[name]
    before = Image.open(io.BytesIO(content))
    picture, content_type, (adjustment,) = await fitted(content, limited(**limits))

    assert content_type in WEB
    width, height = picture.size
    assert width / height == pytest.approx(before.width / before.height, rel=0.02)
    bounds = MediaConstraints(**limits)
    assert width * height <= (bounds.most_pixels or sys.maxsize)
    assert max(picture.size) <= (bounds.longest_side or sys.maxsize)
    assert min(picture.size) >= (bounds.shortest_side or 1)
    assert adjustment.field == "image_list[0]"
    assert f"{before.width}x{before.height}" in adjustment.requested
    assert f"{width}x{height}" in adjustment.sent
    sent = int(adjustment.sent.rpartition(", ")[2].removesuffix(" bytes"))
    assert sent <= (bounds.largest or sys.maxsize)


async def test_an_image_that_fits_stays_as_it_is_also_when_told() -> None:
    content = encoded(noise(40, 30), "JPEG", quality=31)
    request = ImageGenerationRequest(prompt="A hat", image_list=({"image": content},))
    prepared, adjustments = await prepare(request, limited(types=WEB), None, None, TOLD)
    assert prepared.image_list[0]["image"] == {"content": content, "content_type": "image/jpeg"}
    assert adjustments == ()


async def test_what_stays_lossless_and_what_stays_transparent() -> None:
    drawn = noise(40, 30, "RGBA")
    drawn.putalpha(Image.linear_gradient("L").resize((40, 30)))
    picture, content_type, _ = await fitted(encoded(drawn, "TIFF"), limited(types=WEB))
    assert (content_type, picture.tobytes()) == ("image/png", drawn.tobytes())

    picture, content_type, _ = await fitted(encoded(drawn, "TIFF"), limited(types=("image/jpeg",)))
    assert (content_type, picture.mode) == ("image/jpeg", "RGB")
    shown: Any = picture.getpixel((20, 0))
    assert min(shown) > 240  # white where it was transparent


async def test_a_photo_is_turned_upright_before_its_metadata_go() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = encoded(noise(400, 200), "JPEG", exif=exif, quality=95)
    picture, content_type, _ = await fitted(photo, limited(longest_side=100))
    assert (picture.size, content_type) == ((50, 100), "image/jpeg")
    assert not picture.getexif()


@pytest.mark.parametrize("mode", ["1", "CMYK", "I;16", "L", "LA", "P"])
async def test_unusual_pixels_are_converted(mode: str) -> None:
    grey = Image.linear_gradient("L").resize((64, 64))
    if mode == "I;16":
        source = Image.frombytes(mode, grey.size, bytes(b for v in grey.tobytes() for b in (0, v)))
    else:
        source = grey.convert(mode)

    picture, _, _ = await fitted(encoded(source, "TIFF"), limited(types=("image/png",)))
    shown = picture.convert("L")
    values: Any = [shown.getpixel((32, row)) for row in (2, 61)]
    assert values[0] < 60
    assert values[1] > 190


async def test_a_mask_follows_its_image_and_stays_hard() -> None:
    mask = Image.new("L", (400, 200))
    ImageDraw.Draw(mask).rectangle((0, 0, 200, 200), fill=255)
    request = ImageGenerationRequest.model_validate(
        {
            "prompt": "A hat",
            "image_list": [encoded(noise(400, 200), "PNG")],
            "mask_image": encoded(mask, "PNG"),
        }
    )
    prepared, adjustments = await prepare(request, limited(longest_side=100), None, None, TOLD)
    assert isinstance(prepared, ImageGenerationRequest)
    media: Any = prepared.mask_image
    scaled = Image.open(io.BytesIO(media["content"]))
    assert (scaled.size, media["content_type"]) == ((100, 50), "image/png")
    assert set(scaled.tobytes()) == {0, 255}
    assert [one.field for one in adjustments] == ["image_list[0]", "mask_image"]


async def test_a_mask_of_another_type_is_not_guessed_at() -> None:
    accepts = MediaSupport(url=False, content="bytes", masks=MediaConstraints(("image/png",)))
    request = ImageGenerationRequest.model_validate(
        {"prompt": "A hat", "mask_image": encoded(noise(40, 30), "JPEG")}
    )
    with pytest.raises(ValidationError, match="mask_image: the provider takes image/png") as caught:
        await prepare(request, accepts, None, None, TOLD)

    assert "fit_images" not in str(caught.value)


async def test_what_is_too_much_together_is_made_less_together() -> None:
    both = [encoded(noise(200, 200), "PNG"), encoded(noise(100, 100), "PNG")]
    size = sum(map(len, both))
    accepts = MediaSupport(url=False, content="bytes", largest_together=size // 3)
    request = ImageGenerationRequest.model_validate({"prompt": "A hat", "image_list": both})
    with pytest.raises(ValidationError, match=rf"{size // 3} bytes in all.*fit_images"):
        await prepare(request, accepts, None)

    prepared, _ = await prepare(request, accepts, None, None, TOLD)
    sent: list[Any] = [image["image"] for image in prepared.image_list]
    assert sum(len(one["content"]) for one in sent) <= size // 3

    async def upload(media: Any) -> str:
        return f"files/{len(media['content'])}"

    prepared, _ = await prepare(request, accepts, upload)
    assert [image["image"] for image in prepared.image_list] == [f"files/{len(b)}" for b in both]


async def test_a_video_is_never_converted() -> None:
    accepts = MediaSupport(videos=MediaConstraints(("video/mp4",), largest=10))
    video = b"\0\0\0\x18ftypmp42" + bytes(100)
    request = VideoGenerationRequest(prompt="A hat", video=video)
    with pytest.raises(ValidationError, match="at most 10 bytes") as caught:
        await prepare(request, accepts, None, None, TOLD)

    assert "fit_images" not in str(caught.value)


async def test_a_missing_pillow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ValidationError, match=r'pip install "\.\[images\]" in the project'):
        await fitted(REFUSED["bytes"][0], limited(largest=100))


async def test_what_cannot_be_made_small_enough_or_read_says_so() -> None:
    with pytest.raises(ValidationError, match="can't be made to fit"):
        await fitted(REFUSED["bytes"][0], limited(largest=50))

    with pytest.raises(ValidationError, match="can't be converted"):
        await fitted(REFUSED["bytes"][0][:3000], limited(largest=100))


# ----------------------------------------------------------------------------------------- bombs
def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says of itself that it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    ends = chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + ends


@pytest.mark.parametrize("rules", [Rules(), TOLD])
async def test_a_bomb_is_refused_by_its_header(rules: Rules) -> None:
    request = ImageGenerationRequest(prompt="x", image_list=({"image": bomb(50_000, 50_000)},))
    with pytest.raises(ValidationError, match="50000x50000 pixels"):
        await load(request, rules)

    config = ImageGenerationConfig(provider="fal", model="fal-ai/flux/dev/image-to-image")
    with pytest.raises(ValidationError, match="50000x50000 pixels"):
        plan_image(config, request)


async def test_a_bomb_of_a_kind_whose_header_is_pillows_to_read_is_refused_too() -> None:
    buffer = io.BytesIO()
    Image.new("1", (10, 10)).save(buffer, "TIFF")
    size = struct.pack("<HHIHH", 256, 4, 1, 10, 0), struct.pack("<HHIHH", 257, 4, 1, 10, 0)
    content = buffer.getvalue()
    for entry in size:
        assert entry in content
        content = content.replace(entry, entry[:8] + struct.pack("<I", 12_000))

    with pytest.raises(ValidationError, match=r"too large to be decoded|12000x12000 pixels"):
        await fitted(content, limited(types=WEB))


@pytest.mark.parametrize(
    ("content", "plugin"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "pillow-heif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(64), "pillow-heif"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(64), "pillow-avif-plugin"),
    ],
    ids=["heic", "heif", "avif"],
)
async def test_a_type_that_pillow_needs_help_with_names_who_helps(
    content: bytes, plugin: str
) -> None:
    with pytest.raises(ValidationError, match=f"{plugin}.*or give a PNG"):
        await fitted(content, limited(types=WEB))
