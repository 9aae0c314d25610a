"""What bytes are is read from the bytes: types and sizes of real files, and of no files at all."""

from __future__ import annotations

import io
import random
import wave
from collections.abc import Callable
from typing import Any

import av
import pytest
from PIL import Image

from tarash.tarash_gateway import ValidationError
from tarash.tarash_gateway._http._sniff import MOST_PIXELS, kind_of, size_of, sniff
from tarash.tarash_gateway.media._formats import is_page

SIZE = (64, 48)


def picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(SIZE, 50).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def animation(kind: str) -> bytes:
    return picture(kind, save_all=True, append_images=[Image.new("RGB", SIZE, "red")])


def film(container: str, codec: str = "mpeg4") -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as made:
        stream: Any = made.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        made.mux(stream.encode(av.VideoFrame(*SIZE, "yuv420p")))
        made.mux(stream.encode())

    return buffer.getvalue()


def box(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0" + brand + b"xxxx" + bytes(100)


def sound() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(bytes(100))

    return buffer.getvalue()


PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "png": (lambda: picture("PNG"), "image/png"),
    "an animated png": (lambda: animation("PNG"), "image/png"),
    "jpeg": (lambda: picture("JPEG"), "image/jpeg"),
    "a progressive jpeg": (lambda: picture("JPEG", progressive=True), "image/jpeg"),
    "a jpeg with metadata": (
        lambda: picture("JPEG", exif=b"Exif\0\0" + bytes(60_000), icc_profile=bytes(90_000)),
        "image/jpeg",
    ),
    "gif": (lambda: picture("GIF"), "image/gif"),
    "webp": (lambda: picture("WEBP"), "image/webp"),
    "a lossless webp": (lambda: picture("WEBP", lossless=True), "image/webp"),
    "a webp with alpha": (lambda: picture("WEBP", "RGBA", exif=b"Exif\0\0"), "image/webp"),
    "an animated webp": (lambda: animation("WEBP"), "image/webp"),
    "bmp": (lambda: picture("BMP"), "image/bmp"),
    "avif": (lambda: picture("AVIF"), "image/avif"),
}
OTHERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "tiff": (lambda: picture("TIFF"), "image/tiff"),
    "heic": (lambda: box(b"heix"), "image/heic"),
    "heif": (lambda: box(b"mif1"), "image/heif"),
    "mp4": (lambda: film("mp4"), "video/mp4"),
    "mov": (lambda: film("mov"), "video/quicktime"),
    "webm": (lambda: film("webm", "libvpx"), "video/webm"),
    "mkv": (lambda: film("matroska"), "video/x-matroska"),
    "avi": (lambda: film("avi"), "video/x-msvideo"),
    "an mp4 of another brand": (lambda: box(b"iso9"), "video/mp4"),
    "an old mov": (lambda: b"\0\0\0\x08wide" + bytes(100), "video/quicktime"),
    "sound in mp4": (lambda: box(b"M4B "), "audio/mp4"),
}


@pytest.mark.parametrize("name", [*PICTURES, *OTHERS])
def test_the_type_is_read_from_the_first_bytes(name: str) -> None:
    make, content_type = {**PICTURES, **OTHERS}[name]
    assert sniff(make()) == content_type


@pytest.mark.parametrize("name", PICTURES)
def test_the_size_is_read_from_the_header(name: str) -> None:
    make, _ = PICTURES[name]
    assert size_of(make()) == SIZE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><p>Not found", "a web page"),
        (b'\n  {"error": "expired"}', "text"),
        (b"<?xml version='1.0'?><Error/>", "text"),
        (b"BMW is a brand of cars", "no known kind"),
        (b"%PDF-1.7" + bytes(99), "application/pdf"),
        (bytes(500), "no known kind"),
        (sound(), "audio/x-wav"),
        (box(b"M4A "), "audio/mp4"),
    ],
)
@pytest.mark.parametrize("wanted", ["image", "video", "media"])
def test_what_is_no_medium_is_named(content: bytes, said: str, wanted: Any) -> None:
    with pytest.raises(ValidationError, match=rf"^here: this is {said}.* is needed"):
        kind_of(content, "here", wanted)


def test_a_video_is_no_image_and_an_image_no_video_but_for_a_gif() -> None:
    with pytest.raises(ValidationError, match=r"video/mp4, and an image is needed"):
        kind_of(box(b"isom"), "here", "image")

    with pytest.raises(ValidationError, match=r"image/png, and a video is needed"):
        kind_of(picture("PNG"), "here", "video")

    assert kind_of(picture("GIF"), "here", "video") == "image/gif"


@pytest.mark.parametrize("name", PICTURES)
def test_broken_headers_raise_nothing(name: str) -> None:
    content = PICTURES[name][0]()
    dice = random.Random(name)
    for _ in range(300):
        broken = bytearray(content[: dice.randrange(len(content))])
        for _ in range(dice.randrange(4)):
            if broken:
                broken[dice.randrange(min(len(broken), 40))] = dice.randrange(256)

        found = size_of(bytes(broken))
        assert found is None or min(found) > 0
        sniff(bytes(broken))


def test_the_limit_is_pillows_own() -> None:
    assert MOST_PIXELS == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\t \r\n"])
def test_a_file_of_blanks_is_looked_at_once(blank: bytes) -> None:
    """Patterns that may share blanks in many ways took hours over what a bomb unpacks to."""
    head = blank * (256 * 1024)
    assert sniff(head) is None
    assert not is_page(head, "video/mp4")
    assert is_page(b"\xef\xbb\xbf \n" + head + b"<!doctype html>", "video/mp4")
