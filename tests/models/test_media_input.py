"""Media in requests: which forms are taken, and what is kept of each."""

from __future__ import annotations

import base64
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ImageGenerationRequest,
    MockConfig,
    MockResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)

CONTENT = b"\x89PNG\r\n\x1a\n of sorts"
BYTES = {"content": CONTENT, "content_type": "application/octet-stream"}
TYPED = {"content": CONTENT, "content_type": "image/png"}
ENCODED = base64.b64encode(CONTENT).decode()


class Named(os.PathLike[str]):
    def __fspath__(self) -> str:
        return "shoe.jpg"


def kept(media: Any) -> Any:
    """Return what a request keeps of a medium."""
    request = VideoGenerationRequest.model_validate({"prompt": "A shoe", "video": media})
    return request.video


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://example.com/shoe.jpg", "https://example.com/shoe.jpg"),
        ("shoe.jpg", "shoe.jpg"),
        (Path("shoe.jpg"), Path("shoe.jpg")),
        (Named(), Path("shoe.jpg")),
        (CONTENT, BYTES),
        (bytearray(CONTENT), BYTES),
        (memoryview(CONTENT), BYTES),
        (io.BytesIO(CONTENT), BYTES),
        (TYPED, TYPED),
        ({"content": bytearray(CONTENT), "content_type": "image/png"}, TYPED),
        ({"content": ENCODED, "content_type": "image/png"}, TYPED),
        ({"content": CONTENT}, BYTES),
    ],
)
def test_every_form_is_kept_as_text_a_path_or_bytes(given: Any, expected: Any) -> None:
    found = kept(given)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"image": CONTENT, "type": "style"}, {"image": BYTES, "type": "style"}),
        ({"image": Path("a.png")}, {"image": Path("a.png"), "type": "reference"}),
        (Path("a.png"), {"image": Path("a.png"), "type": "reference"}),
        (TYPED, {"image": TYPED, "type": "reference"}),
    ],
)
def test_an_image_without_a_role_is_a_reference_even_a_bare_one(entry: Any, expected: Any) -> None:
    request = ImageGenerationRequest.model_validate({"prompt": "A shoe", "image_list": [entry]})
    assert request.image_list == (expected,)


def test_an_open_file_is_read_from_where_it_stands_and_put_back(tmp_path: Path) -> None:
    path = tmp_path / "shoe.png"
    path.write_bytes(b"head" + CONTENT)
    with path.open("rb") as file:
        file.seek(4)
        assert kept(file) == kept(file) == BYTES
        assert file.tell() == 4


def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    os.write(writing, CONTENT)
    os.close(writing)
    with open(reading, "rb", buffering=0) as pipe:  # noqa: PTH123  (it has no path)
        assert kept(pipe) == BYTES


def test_what_the_caller_holds_is_neither_changed_nor_shared() -> None:
    mine = bytearray(CONTENT)
    entry = {"image": {"content": mine, "content_type": "image/png"}}
    request = ImageGenerationRequest.model_validate({"prompt": "A shoe", "image_list": [entry]})
    mine[:] = b"gone"
    assert entry == {"image": {"content": mine, "content_type": "image/png"}}
    assert request.image_list[0]["image"] == TYPED


class Endless:
    """Never ends, as /dev/zero does."""

    block = bytes(1 << 26)

    def read(self, _size: int = -1) -> bytes:
        return self.block


class Later:
    async def read(self, _size: int = -1) -> bytes:
        return CONTENT


class Broken(io.BytesIO):
    def read(self, _size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (42, "this is of the type int"),
        (["a.png"], "this is of the type list"),
        (object(), "this is of the type object"),
        ({"content": 1, "content_type": "image/png"}, "'content' is of the type int"),
        ({"content": "?", "content_type": "image/png"}, "not base64"),
        ({"content": CONTENT, "content_type": None}, "'content_type' is None"),
        (io.StringIO("text"), "open it in binary mode"),
        (io.BytesIO(b""), "no bytes from where it stands"),
        (Later(), "await it"),
        (Broken(CONTENT), "Input/output error"),
        (Endless(), "give its path instead"),
    ],
)
def test_anything_else_is_refused_in_one_clear_sentence(media: Any, said: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        kept(media)

    (error,) = caught.value.errors()
    assert error["loc"] == ("video",)
    assert said in error["msg"]


# ---------------------------------------------------------------------------------------- Pillow
def opened(media: Any) -> Image.Image:
    picture = Image.open(io.BytesIO(media["content"]))
    picture.load()
    return picture


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "HSV", "F"])
def test_a_pillow_image_keeps_its_pixels(mode: str) -> None:
    picture = Image.radial_gradient("L").resize((32, 24)).convert(mode)
    shown = "RGBA" if mode in ("LA", "RGBA") else "RGB"
    media = kept(picture)
    assert media["content_type"] == "image/png"
    assert opened(media).convert(shown).tobytes() == picture.convert(shown).tobytes()
    assert picture.mode == mode


def test_a_pillow_image_of_a_jpeg_stays_one_and_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = io.BytesIO()
    Image.linear_gradient("L").save(photo, "JPEG", exif=exif)
    media = kept(Image.open(io.BytesIO(photo.getvalue())))
    assert media["content_type"] == "image/jpeg"
    assert opened(media).getexif()[0x0112] == 6


def test_a_pillow_image_that_cannot_be_read_says_so() -> None:
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(whole, "PNG")
    with pytest.raises(pydantic.ValidationError, match="can't be encoded"):
        kept(Image.open(io.BytesIO(whole.getvalue()[:500])))


def test_pillow_is_not_imported_for_what_is_no_image_of_its() -> None:
    code = (
        "import sys, io\n"
        "from tarash.tarash_gateway import VideoGenerationRequest\n"
        "VideoGenerationRequest(prompt='x', image_list=(io.BytesIO(b'1'),), video='a.mp4')\n"
        "print(sorted({'PIL', 'filetype'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ----------------------------------------------------------------------------- requests as values
def request() -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate(
        {
            "prompt": "A shoe that is shown from all sides",
            "image_list": [CONTENT, {"image": Path("shoe.jpg"), "type": "first_frame"}],
            "video": "data:video/mp4;base64," + ENCODED * 50,
            "watermark": CONTENT,
        }
    )


def test_no_bytes_stand_in_a_repr() -> None:
    told = repr(request()) + str(request())
    assert "<application/octet-stream, 17 bytes>" in told
    assert "<17 bytes>" in told
    assert "A shoe that is shown from all sides" in told
    assert "sorts" not in told
    assert ENCODED not in told
    assert len(told) < 2000


@pytest.mark.parametrize("form", ["content", "url"])
def test_a_response_with_bytes_is_shown_without_them_and_with_its_url(
    form: Any,
) -> None:
    mock = MockConfig(enabled=True, responses=(MockResponse(output_type=form),))
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)
    made = generate_video(config, VideoGenerationRequest(prompt="A shoe"))
    signed = made.model_copy(update={"audio_url": f"https://example.com/a?{'s' * 900}"})
    assert len(repr(made)) < 4000
    assert f"'{signed.audio_url}'" in repr(signed)
    if isinstance(made.video, str):
        assert repr(made.video) in repr(made)
    else:
        assert f"<video/mp4, {len(made.video['content'])} bytes>" in repr(made)


def test_a_request_with_media_is_frozen_pickles_and_goes_through_json() -> None:
    made = request()
    with pytest.raises(pydantic.ValidationError):
        setattr(made, "video", None)  # noqa: B010  (a type checker would refuse it too)

    assert pickle.loads(pickle.dumps(made)) == made
    again = VideoGenerationRequest.model_validate_json(made.model_dump_json())
    assert again.image_list[0] == made.image_list[0]
    assert again.image_list[1]["image"] == "shoe.jpg"
    assert again.video == made.video
    assert VideoGenerationRequest.model_json_schema()["properties"]["video"]
