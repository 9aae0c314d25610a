"""Types are those of the bytes: in responses, and in what a save says of a name."""

from __future__ import annotations

import base64
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway._data._made_by import usual_makers
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.media._finalize import finalize_result
from tarash.tarash_gateway.media._formats import misnamed
from tarash.tarash_gateway.providers.comfyui.files import files_of
from tests.media.test_save import holding

if TYPE_CHECKING:
    from tarash.tarash_gateway._data._exchange import Response

MP4 = samples.pick_video().read()
PNG = samples.make_png(8, 8, 1)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(100)
WEBM = (
    b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
    + bytes(60)
)


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def pictures(*images: str, **facts: Any) -> ImageGenerationResponse:
    given = {"request_id": "r-1", "status": "completed", "raw_response": None, **facts}
    return ImageGenerationResponse(images=images, **given)


async def handed_over(response: Response) -> Response:
    config: Any
    request: Any
    if isinstance(response, VideoGenerationResponse):
        config = VideoGenerationConfig(provider="google", model="m")
        request = VideoGenerationRequest(prompt="a cat")
    else:
        config = ImageGenerationConfig(provider="openai", model="m")
        request = ImageGenerationRequest(prompt="a cat")

    return await finalize_result(
        response,
        request=request,
        config=config,
        head=config,
        log=lambda *_, **__: None,
        makers=usual_makers(),
    )


@pytest.mark.parametrize("declared", [None, "image/png", "image/webp", "application/octet-stream"])
@pytest.mark.parametrize(
    "held",
    [
        text(JPEG),
        "\n".join(text(JPEG)[at : at + 7] for at in range(0, len(text(JPEG)), 7)),
        text(JPEG).replace("+", "-").replace("/", "_"),
        f"data:image/png;base64,{text(JPEG)}",
    ],
    ids=["base64", "lines", "url-safe", "data-uri"],
)
async def test_the_type_of_inline_images_is_that_of_their_bytes(
    held: str, declared: str | None
) -> None:
    response = await handed_over(pictures(held, text(PNG), content_type=declared))
    assert response.content_type == "image/jpeg"
    assert isinstance(response, ImageGenerationResponse)
    assert response.images == (held, text(PNG))


async def test_the_type_of_inline_videos_is_that_of_their_bytes() -> None:
    response = await handed_over(
        holding(
            {"content": WEBM, "content_type": "video/mp4"},
            {"content": MP4, "content_type": "image/png"},
            content_type="video/mp4",
        )
    )
    assert isinstance(response, VideoGenerationResponse)
    assert response.content_type == "video/webm"
    assert response.video == {"content": WEBM, "content_type": "video/webm"}
    assert response.videos[1] == {"content": MP4, "content_type": "video/mp4"}


async def test_what_the_bytes_do_not_tell_is_as_declared() -> None:
    odd = holding(
        {"content": b"\0odd" * 99, "content_type": "video/x-odd"}, content_type="video/x-odd"
    )
    assert (await handed_over(odd)).content_type == "video/x-odd"
    served = pictures("https://example.com/a.png", text(JPEG), content_type="image/png")
    assert (await handed_over(served)).content_type == "image/png"


@pytest.mark.parametrize(
    ("name", "content", "kind", "ending"),
    [
        ("b.png", JPEG, "image/jpeg", "jpg"),
        ("cat.mp4", PNG, "image/png", "png"),
        ("clip.webm", MP4, "video/mp4", "mp4"),
        ("clip.mp4", WEBM, "video/webm", "webm"),
        ("cat.gif", MP4, "video/mp4", "mp4"),
    ],
)
def test_a_save_says_that_a_name_promises_something_else(
    tmp_path: Path, name: str, content: bytes, kind: str, ending: str
) -> None:
    response = holding({"content": content, "content_type": "video/mp4"})
    with pytest.warns(UserWarning, match=f"{name}' is named as .* holds is {kind}.* in .{ending}"):
        saved = response.save(tmp_path / name)

    assert saved == tmp_path / name
    assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("b.jpg", JPEG),
        ("b.JPEG", JPEG),
        ("b.jfif", JPEG),
        ("b", JPEG),
        ("b.odd", JPEG),
        ("b.{ext}", JPEG),
        ("b.mov", MP4),
        ("b.m4v", MP4),
        ("b.mkv", WEBM),
        ("b.odd", b"\0odd" * 99),
    ],
)
def test_a_save_says_nothing_of_a_name_that_fits(tmp_path: Path, name: str, content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        holding({"content": content, "content_type": ""}).save(tmp_path / name)


def test_the_address_of_an_object_is_a_name_too() -> None:
    said = misnamed("s3://bucket/cat.mp4", "image/png")
    assert said is not None
    assert "rename it to end in .png" in said


@pytest.mark.parametrize("name", ["take #1.mp4", "what?.mp4", "a#b?c/d#.mp4", "视频.mp4"])
def test_the_name_of_a_file_is_no_url(name: str) -> None:
    assert misnamed(name, "video/mp4") is None
    assert misnamed(name, "image/png") is not None
    for kind in ("output", None):
        made = {"9": {"images": [{"filename": name, "subfolder": None, "type": kind}]}}
        assert [one["filename"] for one in files_of(made, "video", None)] == [name]
