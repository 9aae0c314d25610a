"""Input media: their forms, and what becomes of each on its way to an adapter."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tarash.tarash_gateway import ValidationError, VideoGenerationRequest
from tarash.tarash_gateway._contract import Accepts
from tarash.tarash_gateway.media import (
    check,
    data_uri,
    plan_media,
    prepare,
    samples,
    to_wire,
)

PNG = samples.make_png(16, 16, seed=1)
CONTENT: Any = {"content": PNG, "content_type": "image/png"}
URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
URL = "https://example.com/cat.png"


def request(image: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest(prompt="A cat", image_list=({"image": image},))


@pytest.mark.parametrize(
    ("media", "sent"),
    [
        (URL, URL),
        (URI, URI),
        (CONTENT, URI),
        (base64.b64encode(PNG).decode(), URI),
        (base64.encodebytes(PNG).decode(), URI),
    ],
    ids=["url", "data URI", "bytes", "base64", "base64 in lines"],
)
def test_each_form_ends_as_text_for_the_wire(media: Any, sent: str) -> None:
    assert to_wire(media) == sent


@pytest.mark.parametrize(
    "media",
    [
        "cat.png",
        "/home/me/cat.png",
        "ftp://example.com/cat.png",
        "",
        "data:image/png,plain",
        {"content": b"", "content_type": "image/png"},
        base64.b64encode(bytes(200)).decode(),
    ],
    ids=["a path", "a long path", "ftp", "nothing", "no base64", "no bytes", "unknown kind"],
)
def test_anything_else_is_refused_with_what_to_do(media: Any) -> None:
    with pytest.raises(ValidationError, match=r"image_list\[0\].*(;|:)"):
        check(media, "image_list[0]")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff" + bytes(80), "image/jpeg"),
        (b"GIF89a" + bytes(80), "image/gif"),
        (b"RIFF\0\0\0\0WEBP" + bytes(80), "image/webp"),
        (b"\0\0\0\x18ftypmp42" + bytes(80), "video/mp4"),
    ],
)
def test_the_kind_of_base64_is_read_from_its_first_bytes(content: bytes, kind: str) -> None:
    checked = check(base64.b64encode(content).decode(), "video")
    assert checked == {"content": content, "content_type": kind}


async def upload(media: Any) -> str:
    return f"uploaded://{len(media['content'])}"


async def fetch(url: str) -> Any:
    return {"content": url.encode(), "content_type": "image/png"}


@pytest.mark.parametrize(
    ("accepts", "media", "sent"),
    [
        (Accepts(), URL, URL),
        (Accepts(), CONTENT, URI),
        (Accepts(largest_inline=10), CONTENT, f"uploaded://{len(PNG)}"),
        (Accepts(largest_inline=10), URI, f"uploaded://{len(PNG)}"),
        (Accepts(content=None), CONTENT, f"uploaded://{len(PNG)}"),
        (Accepts(content="bytes"), CONTENT, CONTENT),
        (Accepts(content="bytes"), URI, CONTENT),
        (Accepts(url=False, content="bytes"), URL, {**CONTENT, "content": URL.encode()}),
    ],
)
async def test_media_reach_an_adapter_in_a_form_that_it_takes(
    accepts: Accepts, media: Any, sent: Any
) -> None:
    prepared = await prepare(request(media), accepts, upload, fetch)
    assert prepared.image_list[0]["image"] == sent


@pytest.mark.parametrize("accepts", [Accepts(content=None), Accepts(largest_inline=10)])
async def test_bytes_that_cannot_be_sent_are_refused(accepts: Accepts) -> None:
    with pytest.raises(ValidationError, match="public URL"):
        await prepare(request(CONTENT), accepts, None)


async def test_a_url_that_cannot_be_sent_is_refused_where_nothing_fetches() -> None:
    with pytest.raises(ValidationError, match="give the bytes"):
        await prepare(request(URL), Accepts(url=False), None)


async def test_many_bytes_are_encoded_like_few() -> None:
    large: Any = {"content": PNG * 4000, "content_type": "image/png"}
    prepared = await prepare(request(large), Accepts(), None)
    assert prepared.image_list[0]["image"] == data_uri(large)


def test_a_plan_shows_placeholders_for_bytes_and_checks_their_form() -> None:
    planned = plan_media(request(CONTENT))
    assert planned.image_list[0]["image"] == f"<image/png, {len(PNG)} bytes>"
    with pytest.raises(ValidationError):
        plan_media(request("cat.png"))
