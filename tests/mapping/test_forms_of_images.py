"""A plan says the same of an image in whichever form it is given, over all models that take one."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tarash.tarash_gateway import (
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    list_models,
    plan_video,
)

LONGEST_PATH = 4096
UPRIGHT, WIDE = (720, 1280), (1280, 720)
"""What is sent must not depend on the form, and may on the shape."""
ROLE = "first_frame"


@cache
def png(size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    folder = tmp_path_factory.mktemp("images")
    content = png(UPRIGHT)
    file = folder / "frame.png"
    file.write_bytes(content)
    text = base64.b64encode(content).decode()
    return {
        "path": file,
        "text of a path": str(file),
        "text of a path from here": os.path.relpath(file),
        "data URI": f"data:image/png;base64,{text}",
        "base64": text,
        "bytearray": bytearray(content),
        "mapping": {"content": content, "content_type": "image/png"},
        "open file": io.BytesIO(content),
        "Pillow": Image.open(io.BytesIO(content)),
    }


def said(provider: str, model: str, image: Any) -> Any:
    """Return what a plan says, but for the image itself; the error where there is none."""
    images: Any = [{"image": image, "type": ROLE}]
    request = VideoGenerationRequest(prompt="A cat", image_list=images)
    config = VideoGenerationConfig(provider=provider, model=model, base_url="https://x.example")
    try:
        plan = plan_video(config, request)
    except TarashException as error:
        return type(error).__name__

    return without_media(plan.payload), plan.adjustments, plan.quote


def without_media(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: without_media(one) for name, one in value.items()}

    if isinstance(value, list | tuple):
        return [without_media(one) for one in value]

    is_media = isinstance(value, str) and (value.startswith(("data:", "<")) or len(value) > 1000)
    is_id = isinstance(value, str) and value.startswith("tarash-")  # new with each call
    return "(media)" if is_media or is_id else value


FRAMED = [one for one in list_models() if ROLE in one.takes and not one.retired]
FOLLOWING = [(one.provider, one.model) for one in FRAMED if one.provider == "runway"]
"""Their `ratio` is that of the frame."""
LATE = ("path", "text of a path", "data URI", "base64")
"""The forms that stay what they are until the call; all others are bytes from the beginning."""
ONE_OF_EACH = {one.provider: (one.provider, one.model) for one in FRAMED}.values()


def test_the_shape_of_an_image_is_seen() -> None:
    """Else the test below compares what nothing depends on."""
    upright, wide = (said("runway", "gen4_turbo", png(size)) for size in (UPRIGHT, WIDE))
    assert (upright[0]["ratio"], wide[0]["ratio"]) == ("720:1280", "1280:720")


@pytest.mark.parametrize(("provider", "model"), [*dict.fromkeys([*FOLLOWING, *ONE_OF_EACH])])
def test_a_plan_says_the_same_whatever_the_form(
    forms: Mapping[str, Any], provider: str, model: str
) -> None:
    expected = said(provider, model, png(UPRIGHT))
    different = {
        name: found for name, form in forms.items()
        if (provider == "runway" or name in LATE) and (
            found := said(provider, model, form)
        ) != expected
    }  # fmt: skip
    assert different == {}


def test_text_that_is_short_enough_for_a_path_is_read_as_a_call_reads_it() -> None:
    content = png((20, 40))
    text = base64.b64encode(content).decode()
    assert len(text) < LONGEST_PATH
    expected = said("runway", "gen4_turbo", content)
    for form in (text, f"data:image/png;base64,{text}", f"DATA:image/png;base64,{text}"):
        assert said("runway", "gen4_turbo", form) == expected


def test_what_can_not_be_a_file_is_said_as_a_call_says_it() -> None:
    for text in ("file:///home/me/cat.png", "ftp://example.com/cat.png"):
        config = VideoGenerationConfig(provider="runway", model="gen4_turbo")
        request = VideoGenerationRequest(prompt="A cat", image_list=[text])
        with pytest.raises(ValidationError, match="only http and https URLs are"):
            plan_video(config, request)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
@pytest.mark.parametrize("as_text", [True, False])
def test_a_plan_that_follows_its_image_does_not_wait_for_a_pipe(
    tmp_path: Path, *, as_text: bool
) -> None:
    pipe = tmp_path / "silent.png"
    os.mkfifo(pipe)
    images: Any = [{"image": str(pipe) if as_text else pipe, "type": ROLE}]
    with pytest.raises(ValidationError, match="is a pipe or a device"):
        plan_video(
            VideoGenerationConfig(provider="runway", model="gen4_turbo"),
            VideoGenerationRequest(prompt="A cat", image_list=images),
        )
