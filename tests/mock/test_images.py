"""Pictures made on the spot are valid PNGs of exactly the size asked for."""

from __future__ import annotations

import io
import time
from fractions import Fraction

import pytest
from PIL import Image

from tarash.tarash_gateway.media import _png, samples


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 300), (300, 1), (7, 5), (1024, 1024), (1280, 720), (8192, 16)]
)
def test_a_picture_has_exactly_the_size_asked_for(size: tuple[int, int]) -> None:
    content = samples.make_png(*size, seed=3)
    Image.open(io.BytesIO(content)).verify()
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.mode == "RGB"
        assert picture.size == size


def test_a_picture_is_a_picture() -> None:
    """It has many colours, and no jump where a sum of differences wrapped around."""
    for seed in range(20):
        with Image.open(io.BytesIO(samples.make_png(200, 120, seed))) as picture:
            assert len(picture.getcolors(maxcolors=200 * 120) or ()) > 20
            pixels = picture.tobytes()
            row = 3 * 200
            steps = [
                abs(pixels[place] - pixels[place - 3])
                for place in range(len(pixels))
                if place % row >= 3
            ]
            assert max(steps) < 100


@pytest.mark.parametrize("size", [(1024, 1024), (640, 1536), (320, 200), (8192, 512), (64, 64)])
def test_a_label_stands_on_a_band_below_and_the_picture_keeps_its_size(
    size: tuple[int, int],
) -> None:
    label = ("MOCK fal fal-ai/flux/dev", "Ölgemälde 灯台 ~ " * 40)
    labelled, plain = samples.make_png(*size, 3, label), samples.make_png(*size, 3)
    with (
        Image.open(io.BytesIO(labelled)) as picture,
        Image.open(io.BytesIO(plain)) as bare,
    ):
        picture.load()
        assert picture.size == size
        if size == (64, 64):  # no room for a word
            assert labelled == plain
            return

        width, height = size
        top = height // 2
        assert picture.crop((0, 0, width, top)).tobytes() == bare.crop((0, 0, width, top)).tobytes()
        band = picture.crop((0, height - 12, width, height)).convert("L")
        assert {level for _, level in band.getcolors() or ()} == {24, 236}


def test_every_letter_has_a_form_of_its_own() -> None:
    letters = {chr(code) for code in range(33, 127)}
    forms = {
        tuple(tuple(_png.runs(letter, row)) for row in range(_png.HEIGHT)) for letter in letters
    }
    assert len(forms) == len(letters)
    assert [*_png.runs("é", 4)] == [*_png.runs("e", 4)]


def test_the_seed_decides_the_picture() -> None:
    assert samples.make_png(64, 64, 1) == samples.make_png(64, 64, 1)
    pictures = {samples.make_png(64, 64, seed) for seed in range(50)}
    assert len(pictures) == 50


def test_a_picture_is_made_fast() -> None:
    started = time.thread_time()  # not the time that others have taken
    samples.make_png(1024, 1024, 0)
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (-1, 10), (8193, 1), (1, 8193)])
def test_sizes_out_of_bounds_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1 to 8192 pixels"):
        samples.make_png(*size, seed=0)


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),
    [
        (None, None, (1024, 1024)),
        ("1536x1024", None, (1536, 1024)),
        ("1536x1024", "1:1", (1536, 1024)),
        (None, "16:9", (1280, 720)),
        (None, "9:16", (720, 1280)),
        (None, "4:3", (1152, 864)),
        (None, "2:2", (1024, 1024)),
        (None, "9999:1", (8192, 1)),
        (None, "8192:1", (8192, 1)),
        (None, "1000:999", (1000, 999)),
    ],
)
def test_the_size_follows_the_wish(
    size: str | None, ratio: str | None, expected: tuple[int, int]
) -> None:
    assert samples.image_size(size, ratio) == expected


@pytest.mark.parametrize("ratio", ["21:9", "9:21", "3:2", "2:3", "5:4", "4:5", "3:4"])
def test_a_ratio_is_met_exactly(ratio: str) -> None:
    width, height = samples.image_size(None, ratio)
    assert Fraction(width, height) == samples.parse_ratio(ratio)
    assert width % 16 == height % 16 == 0
    assert 700_000 < width * height <= 1024 * 1024


@pytest.mark.parametrize("size", ["1024", "1024x", "x1024", "0x10", "10*10", "-1x5"])
def test_a_size_that_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="widthxheight"):
        samples.image_size(size)
