"""A Pillow image looks the same to whoever reads what is sent: depth, colours, which way is up."""

from __future__ import annotations

import io
import struct
from typing import Any

import pydantic
import pytest
from PIL import Image, ImageCms, ImageOps

from tarash.tarash_gateway import ImageGenerationRequest

RAMP = range(0, 256, 5)  # which ends at 255
WIDTH = len(RAMP)
ORIENTATION = 0x0112
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def held(image: Any) -> Image.Image:
    """Return what a request keeps of an image, as a reader that knows eight bits only sees it."""
    request = ImageGenerationRequest(prompt="x", image_list=[image])
    media = request.image_list[0]["image"]
    assert isinstance(media, dict)
    picture = Image.open(io.BytesIO(media["content"]))
    picture.load()
    return picture


def grey(picture: Image.Image) -> list[int]:
    shown = picture.convert("L")
    return [int(str(shown.getpixel((place, 0)))) for place in range(shown.width)]


def floats(*values: float) -> Image.Image:
    return Image.frombytes("F", (len(values), 1), struct.pack(f"<{len(values)}f", *values))


def integers(*values: int) -> Image.Image:
    return Image.frombytes("I", (len(values), 1), struct.pack(f"<{len(values)}i", *values))


DEEP = {
    "16 bits": Image.frombytes(
        "I;16", (WIDTH, 1), struct.pack(f"<{WIDTH}H", *(one * 257 for one in RAMP))
    ),
    "16 bits, big-endian": Image.frombytes(
        "I;16B", (WIDTH, 1), struct.pack(f">{WIDTH}H", *(one * 257 for one in RAMP))
    ),
    "32 bits that hold 16": integers(*(one * 257 for one in RAMP)),
    "32 bits that hold 8": integers(*RAMP),
    "32 bits in full": integers(*(one * (2**31 - 1) // 255 for one in RAMP)),
    "signed": integers(*(one * 1000 - 127_500 for one in RAMP)),
    "a depth map from 0 to 1": floats(*(one / 255 for one in RAMP)),
    "floats to 255": floats(*RAMP),
    "floats to 65535": floats(*(one * 257 for one in RAMP)),
    "metres": floats(*(one * 400 - 500.0 for one in RAMP)),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_pixels_are_scaled_and_not_cut_off(name: str) -> None:
    seen = grey(held(DEEP[name]))
    assert max(abs(mine - one) for mine, one in zip(seen, RAMP, strict=True)) <= 1


def test_a_dark_picture_of_16_bits_stays_dark() -> None:
    dark = Image.frombytes("I;16", (2, 1), struct.pack("<2H", 0, 514))
    assert grey(held(dark)) == [0, 2]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pixels_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(pydantic.ValidationError, match="pixels"):
        held(floats(value, value))


# ----------------------------------------------------------------------------------------- colours
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_profile_stays_with_its_pixels(form: str, mode: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((16, 16), 50).convert(mode).save(buffer, form, icc_profile=SRGB)
    assert held(Image.open(io.BytesIO(buffer.getvalue()))).info.get("icc_profile") == SRGB


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "HSV", "YCbCr"])
def test_a_profile_of_other_colours_is_not_put_on_new_ones(mode: str) -> None:
    red = Image.new("RGB", (4, 4), (200, 30, 30))
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        image = ImageCms.applyTransform(red, to_lab)
        assert image is not None
    else:
        image = red.convert(mode)

    image.info["icc_profile"] = b"of ink"
    seen = held(image)
    assert "icc_profile" not in seen.info
    shown = pixel(seen.convert("RGB"), (1, 1))
    assert max(abs(mine - one) for mine, one in zip(shown, (200, 30, 30), strict=True)) < 6


def profile_of(space: bytes) -> bytes:
    """Return a profile that is about colours of a kind, as its header says."""
    return SRGB[:16] + space + SRGB[20:]


SPACES = {b"RGB ": ("RGB", "RGBA", "P"), b"GRAY": ("1", "L", "LA"), b"CMYK": ("CMYK",)}


@pytest.mark.parametrize("opened", [False, True], ids=["made", "opened"])
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "RGB", "RGBA", "RGBa", "HSV", "YCbCr"])
def test_a_profile_that_pillow_kept_in_a_conversion_is_about_the_pixels_or_left_out(
    mode: str, space: bytes, *, opened: bool
) -> None:
    """A colour photo made grey, a print made RGB: haraldk/TwelveMonkeys#147 and its kin."""
    image = Image.linear_gradient("L").convert("RGB")
    image = image.convert("LA").convert(mode) if mode == "La" else image.convert(mode)
    image.info["icc_profile"] = profile_of(space)
    if opened:
        image.format = "JPEG"

    expected = image.convert("LA").convert("RGB") if mode == "La" else image.convert("RGB")
    seen = held(image)
    kept = seen.info.get("icc_profile")
    assert kept is None or seen.mode in SPACES[kept[16:20]]
    if space == b"RGB ":
        assert kept == SRGB
    elif mode in ("1", "L", "LA"):
        assert (kept is not None) is (space == b"GRAY")

    shown = seen.convert("RGB")
    places = [(0, 0), (9, 200), (100, 128), (255, 255)]
    apart = [
        abs(one - other)
        for place in places
        for one, other in zip(pixel(shown, place), pixel(expected, place), strict=True)
    ]
    assert max(apart) < 6


def pixel(image: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    found = image.getpixel(place)
    assert isinstance(found, tuple)
    return tuple(map(int, found))


# -------------------------------------------------------------------------------------- which way
def photo(orientation: int) -> Image.Image:
    """Return a photo that lies on its side, as a camera wrote it."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", (80, 40), "white").save(buffer, "JPEG", exif=exif)
    return Image.open(io.BytesIO(buffer.getvalue()))


def upright_size(picture: Image.Image) -> tuple[int, int]:
    return ImageOps.exif_transpose(picture).size


def in_place() -> Image.Image:
    image = photo(6)
    ImageOps.exif_transpose(image, in_place=True)
    return image


@pytest.mark.parametrize(
    ("turned", "size"),
    [
        (lambda: photo(6), (40, 80)),
        (lambda: photo(6).rotate(270, expand=True), (40, 80)),
        (lambda: photo(6).transpose(Image.Transpose.ROTATE_270), (40, 80)),
        (lambda: ImageOps.exif_transpose(photo(6)), (40, 80)),
        (in_place, (40, 80)),
        (lambda: photo(6).rotate(270, expand=True).convert("F"), (40, 80)),
        (lambda: photo(3), (80, 40)),
        (lambda: photo(6).crop((0, 0, 20, 40)), (20, 40)),
    ],
    ids=["opened", "rotate", "transpose", "by its exif", "in place", "deep", "upside down", "crop"],
)
def test_an_image_is_turned_as_its_pixels_need_it(turned: Any, size: tuple[int, int]) -> None:
    assert upright_size(held(turned())) == size


def test_an_array_is_shown_the_way_to_an_image() -> None:
    class Array:
        dtype, shape = "uint8", (4, 4, 3)

    with pytest.raises(pydantic.ValidationError, match="fromarray"):
        held(Array())
