"""Input media: their forms, and what becomes of each on its way to an adapter."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from tarash.tarash_gateway import ValidationError, VideoGenerationRequest
from tarash.tarash_gateway._data._exchange import MediaSupport
from tarash.tarash_gateway._data._types import MediaContent
from tarash.tarash_gateway._support._base64 import PIECE, decoded
from tarash.tarash_gateway.media import (
    Rules,
    _files,
    data_uri,
    load,
    plan_media,
    prepare,
    samples,
    to_wire,
)

PNG = samples.make_png(16, 16, seed=1)
CONTENT: Any = {"content": PNG, "content_type": "image/png"}
URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
URL = "https://example.com/cat.png"
FETCHED = samples.make_png(16, 16, seed=2)


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


def test_a_data_uri_is_not_made_again() -> None:
    large = data_uri({"content": PNG * 1000, "content_type": "image/png"})
    assert to_wire(large) is large


@pytest.mark.parametrize(
    "media",
    [
        "ftp://example.com/cat.png",
        "file:///home/me/cat.png",
        "",
        "one\ntwo",
        "data:image/png,plain",
        "data:image/png;base64,????",
        {"content": b"", "content_type": "image/png"},
        base64.b64encode(bytes(200)).decode(),
    ],
)
async def test_anything_else_is_refused_with_what_to_do(media: Any) -> None:
    with pytest.raises(ValidationError, match=r"image_list\[0\]: .*(;|:)"):
        await load(request(media), Rules())


async def upload(media: Any) -> str:
    return f"uploaded://{len(media['content'])}"


async def fetch(_url: str, _rules: Rules) -> Any:
    return {"content": FETCHED, "content_type": "image/png"}


@pytest.mark.parametrize(
    ("accepts", "media", "sent"),
    [
        (MediaSupport(), URL, URL),
        (MediaSupport(), CONTENT, URI),
        (MediaSupport(largest_inline=10), CONTENT, f"uploaded://{len(PNG)}"),
        (MediaSupport(largest_inline=10), URI, f"uploaded://{len(PNG)}"),
        (MediaSupport(content=None), CONTENT, f"uploaded://{len(PNG)}"),
        (MediaSupport(content="bytes"), CONTENT, CONTENT),
        (MediaSupport(content="bytes"), URI, CONTENT),
        (MediaSupport(url=False, content="bytes"), URL, {**CONTENT, "content": FETCHED}),
    ],
)
async def test_media_reach_an_adapter_in_a_form_that_it_takes(
    accepts: MediaSupport, media: Any, sent: Any
) -> None:
    prepared, _ = await prepare(request(media), accepts, upload, fetch)
    assert prepared.image_list[0]["image"] == sent


@pytest.mark.parametrize("accepts", [MediaSupport(content=None), MediaSupport(largest_inline=10)])
async def test_bytes_that_cannot_be_sent_are_refused(accepts: MediaSupport) -> None:
    with pytest.raises(ValidationError, match="public URL"):
        await prepare(request(CONTENT), accepts, None)


async def test_a_url_that_cannot_be_sent_is_refused_where_nothing_fetches() -> None:
    with pytest.raises(ValidationError, match="give the bytes"):
        await prepare(request(URL), MediaSupport(url=False), None)


async def test_many_bytes_are_encoded_like_few() -> None:
    large: Any = {"content": PNG * 4000, "content_type": "image/png"}
    prepared, _ = await prepare(request(large), MediaSupport(), None)
    assert prepared.image_list[0]["image"] == data_uri(large)


# ------------------------------------------------------------------------------------------ files
async def loaded(media: Any, **rules: Any) -> Any:
    """Return what the call sees of an image."""
    return (await load(request(media), Rules(**rules))).image_list[0]["image"]


async def refusal(media: Any, **rules: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        await loaded(media, **rules)

    return caught.value.message


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, and at home in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["cat.png", "cat", "a folder/ü cat.txt", "YWJj" * 20])
async def test_a_path_is_read_when_the_call_runs(here: Path, name: str) -> None:
    asked = [request(form) for form in (Path(name), name, str(here / name), f"~/{name}")]
    (here / name).parent.mkdir(exist_ok=True)
    (here / name).write_bytes(PNG)
    for one in asked:
        assert (await load(one, Rules())).image_list[0]["image"] == CONTENT


@pytest.mark.parametrize("form", [str, Path])
async def test_a_file_that_is_not_there_is_named(here: Path, form: Any) -> None:
    said = await refusal(form("no such/cat.png"))
    assert said.startswith(f"image_list[0]: there is no file 'no such/cat.png' in {here};")
    assert str(here / "gone") in await refusal(form(here / "gone"))


async def test_what_cannot_be_read_as_a_file_says_why(here: Path) -> None:
    (here / "empty.png").touch()
    (here / "loop.png").symlink_to("loop.png")
    (here / "page.png").write_text("<!doctype html><title>404</title>")
    (here / "cat.png").write_bytes(PNG)
    assert "is a directory" in (await refusal(here)).lower()
    assert "symbolic links" in await refusal(Path("loop.png"))
    assert "'cat.png/inside' can't be read" in await refusal("cat.png/inside")
    assert "can't be read" in await refusal(Path("x" * 300))
    assert "'empty.png' is empty" in await refusal(Path("empty.png"))
    said = await refusal("page.png")
    assert "('page.png'): this is a web page, and an image is needed" in said
    assert "null" in await refusal(Path("a\0b"))


async def test_what_is_too_large_is_refused_before_it_is_read(here: Path) -> None:
    with (here / "huge.png").open("wb") as file:
        file.truncate(1 << 40)

    many: Any = {"content": PNG + bytes(2000), "content_type": "image/png"}
    for media in (Path("huge.png"), Path("/dev/zero"), many, data_uri(many), many["content"]):
        assert "more than 1000 bytes" in await refusal(media, max_media_bytes=1000)

    with pytest.raises(ValidationError, match="more than 1000 bytes"):
        plan_media(request(Path("huge.png")), None, Rules(max_media_bytes=1000))


async def test_a_slow_file_does_not_hold_up_the_loop(here: Path) -> None:
    """The file is a pipe, and this very loop writes into it: it would wait for itself."""
    os.mkfifo(here / "slow.png")
    async with anyio.create_task_group() as group:
        found: list[Any] = []

        async def load_it() -> None:
            found.append(await loaded(Path("slow.png")))

        group.start_soon(load_it)
        pipe = await anyio.open_file("slow.png", "wb")
        async with pipe:
            await pipe.write(PNG)

    assert found == [CONTENT]


async def test_a_pipe_that_nobody_writes_into_is_not_waited_for(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(here / "silent.png")
    monkeypatch.setattr(_files, "PIPE_SECONDS", 0.1)
    assert "no bytes came for 0.1 s" in await refusal(Path("silent.png"))


@pytest.mark.parametrize("place", ["silent.png", "/dev/zero"])
def test_a_plan_does_not_empty_a_pipe(here: Path, place: str) -> None:
    os.mkfifo(here / "silent.png")
    with pytest.raises(ValidationError, match=r"is a pipe or a device.*save it to a file"):
        plan_media(request(Path(place)), None, Rules())


async def test_text_from_others_names_no_file_where_addresses_are_restricted(here: Path) -> None:
    (here / "cat.png").write_bytes(PNG)
    assert "text names no file" in await refusal("cat.png", allow_private_urls=False)
    assert await loaded(Path("cat.png"), allow_private_urls=False) == CONTENT
    assert await loaded(URI, allow_private_urls=False) == CONTENT
    with pytest.raises(ValidationError, match="text names no file"):
        plan_media(request("cat.png"), None, Rules(allow_private_urls=False))


@pytest.mark.parametrize("declared", ["image/jpeg", "video/mp4", "text/html"])
async def test_a_wrong_type_is_corrected_and_told(
    declared: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="tarash.tarash_gateway")
    assert await loaded({"content": PNG, "content_type": declared}) == CONTENT
    assert await loaded(URI.replace("image/png", declared)) == CONTENT
    assert [record.__dict__["declared"] for record in caplog.records] == [declared] * 2
    assert all(record.message.startswith("media_type_corrected") for record in caplog.records)


async def test_a_type_that_nobody_declared_is_not_worth_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="tarash.tarash_gateway")
    assert await loaded(PNG) == await loaded({**CONTENT, "content_type": "IMAGE/PNG; q=1"})
    assert caplog.records == []


@pytest.mark.parametrize("size", [1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2])
def test_base64_in_pieces_is_base64(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    media: MediaContent = {"content": content[:size], "content_type": "image/png"}
    text = base64.b64encode(content[:size]).decode()
    assert data_uri(media) == f"data:image/png;base64,{text}"
    assert decoded(text) == decoded(f"\n{text[:3]} {text[3:]}\n") == content[:size]
    assert decoded(f"{text}é") is decoded(f"=={text}") is None


# ------------------------------------------------------------------------------------------ plans
def test_a_plan_shows_placeholders_for_bytes_and_checks_their_form(here: Path) -> None:
    (here / "cat.png").write_bytes(PNG)
    shown = f"<image/png, {len(PNG)} bytes>"
    for media in (CONTENT, PNG, Path("cat.png"), "cat.png", base64.b64encode(PNG).decode()):
        planned, adjustments = plan_media(request(media))
        assert (planned.image_list[0]["image"], adjustments) == (shown, ())

    for media in (URL, URI, "gs://bucket/cat.png"):
        assert plan_media(request(media))[0].image_list[0]["image"] == media

    for media in ("dog.png", Path("dog.png"), b"no image", "data:image/png;base64,????"):
        with pytest.raises(ValidationError, match=r"^image_list\[0\]: "):
            plan_media(request(media))
