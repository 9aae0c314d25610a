"""Every form of input media, with every provider that takes it: what arrives is what was given.

What is compared are the SHA-256 of the bytes that the simulator got: in a JSON body, as a part of a
form, or as an upload.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import ExifTags, Image, ImageOps

from tarash.tarash_gateway import Adjustment, Gateway, ValidationError
from tarash.tarash_gateway._data._exchange import MediaSupport
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import RecordedRequest, Simulator

from .cases import CASES, Case, everyone

KEY = "canary-8c21f0aa"
LARGE = 4_000_000
"""Bytes: more than Runway and Replicate take inline, and less than anybody refuses."""
SHORTEST = 40
"""Characters of base64 that are worth a look."""
TAKING = [case for case in CASES if case.images]
FIRSTS = list({case.provider: case for case in reversed(TAKING)}.values())
"""One row of each provider."""
URLS_ONLY = ("luma-video-ray-2", "luma-image-photon-1")
"""Luma's older API reads public URLs, and nothing else."""
# Fields that hold one medium each, beside the models that take them.
OTHERS = [
    ("openai-image-gpt-image-2", "mask_image", "gpt-image-2"),
    ("stability-image-sd3.5-large", "mask_image", "edit/inpaint"),
    ("fal-image-dev", "mask_image", "fal-ai/flux-lora/inpainting"),
    ("runway-video-gen4.5", "video", "aleph2"),
    ("xai-video-grok-imagine-video", "video", "grok-imagine-video"),
    ("openai-video-sora-2", "video", "sora-2"),
    ("google-video-gemini-omni-1.1-flash", "video", "gemini-omni-1.1-flash"),
]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with everyone() as running:
        yield running

    assert running.leaks == []


@pytest.fixture
async def gateway(simulator: Simulator) -> AsyncIterator[Gateway]:
    simulator.reset()
    async with Gateway() as made:
        yield made


class Forms:
    """Makes media in all forms; each has other bytes, so that it is known again."""

    def __init__(self, folder: Path, simulator: Simulator, make: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._simulator = simulator
        self._make = make
        self._made = 0

    def content(self) -> bytes:
        """Return new bytes."""
        self._made += 1
        return self._make(self._made)

    def file(self, content: bytes) -> Path:
        """Return a file, whose name says nothing of what is in it."""
        path = self._folder / f"{self._made}.txt"
        path.write_bytes(content)
        return path

    def url(self, content: bytes) -> str:
        """Return a public URL."""
        store = self._simulator._media  # noqa: SLF001  (it serves what jobs made)
        return self._simulator.media_url + store.put("fal", "1", f"{self._made}.png", content)

    def all(self) -> dict[str, tuple[Any, bytes]]:
        """Return media by their form, with their bytes."""
        shapes: dict[str, Callable[[bytes], Any]] = {
            "path": self.file,
            "text of a path": lambda content: str(self.file(content)),
            "bytes": lambda content: content,
            "bytearray": bytearray,
            "memoryview": memoryview,
            "file": io.BytesIO,
            "data URI": lambda content: f"data:image/gif;base64,{_base64(content)}",
            "base64": _base64,
            "content": lambda content: {"content": content, "content_type": "image/gif"},
            "URL": self.url,
        }
        found = {}
        for name, shape in shapes.items():
            content = self.content()
            found[name] = (shape(content), content)

        return found

    def large(self) -> tuple[Any, bytes]:
        """Return a large file, with its bytes."""
        content = self.content() + bytes(LARGE)
        return self.file(content), content


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def picture(seed: int) -> bytes:
    return samples.make_png(64, 64, seed)


def turned() -> Image.Image:
    """Return a photo that lies on its side, and says so in its metadata."""
    buffer, facts = io.BytesIO(), Image.Exif()
    facts[ExifTags.Base.Orientation] = 6
    photo = Image.radial_gradient("L").resize((128, 64)).convert("RGB")
    photo.save(buffer, "JPEG", exif=facts)
    return Image.open(io.BytesIO(buffer.getvalue()))


def hole(seed: int) -> bytes:
    """Return a mask of OpenAI's convention, which goes to OpenAI as it is."""
    mask = Image.new("RGBA", (64, 64), (seed, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (8, 8, 16, 16))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def film(seed: int) -> bytes:
    return b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes([seed]) * 200


def arrived(requests: list[RecordedRequest]) -> set[str]:
    """Return the SHA-256 of all bytes that came with requests, and all URLs."""
    found: set[str] = set()
    for request in requests:
        content_type = request.headers.get("content-type", "")
        if content_type.startswith("application/json"):
            found |= set(_in_json(json.loads(request.body or b"null")))
        elif content_type.startswith("multipart/"):
            head = f"Content-Type: {content_type}\r\n\r\n".encode()
            parts: Any = BytesParser(policy=HTTP).parsebytes(head + request.body).iter_parts()
            found |= {_digest(part.get_payload(decode=True)) for part in parts}
        else:
            found.add(_digest(request.body))

    return found


def _in_json(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _in_json(one)
    elif isinstance(value, str) and value.startswith("http"):
        yield value
    elif isinstance(value, str) and len(value) > SHORTEST:
        try:
            yield _digest(base64.b64decode(value.rpartition(",")[2], validate=True))
        except ValueError:
            return


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def accepts_of(case: Case) -> MediaSupport:
    return default_registry.adapter(case.provider).accepts


class Calls:
    """Calls of one case, each with one medium."""

    def __init__(self, case: Case, simulator: Simulator, gateway: Gateway) -> None:
        self.case = case
        self._simulator = simulator
        self._gateway = gateway
        self.errors: dict[str, str] = {}
        self.adjustments: list[tuple[Adjustment, ...]] = []

    async def send(
        self, name: str, model: str, settings: Mapping[str, Any] | None = None, **media: Any
    ) -> None:
        """Generate; keep what was said where it is refused."""
        generate: Any = getattr(self._gateway, f"generate_{self.case.kind}_async")
        origin = self._simulator.base_url(self.case.provider)
        config = self.case.config(KEY, origin, model=model, timeout=50, **(settings or {}))
        try:
            response = await generate(config, self.case.request(**media))
        except ValidationError as error:
            self.errors[name] = error.message
        else:
            self.adjustments.append(response.adjustments)

    async def send_all(self, model: str, wishes: dict[str, dict[str, Any]]) -> None:
        """Generate with each of the wishes, all at once."""
        async with anyio.create_task_group() as group:
            for name, media in wishes.items():
                group.start_soon(partial(self.send, name, model, **media))


@pytest.mark.parametrize("case", TAKING, ids=str)
async def test_every_form_arrives(
    case: Case, simulator: Simulator, gateway: Gateway, tmp_path: Path
) -> None:
    made = Forms(tmp_path, simulator, picture)
    forms = made.all()
    if case in FIRSTS:
        forms["large file"] = made.large()

    drawn = turned()
    accepts = accepts_of(case)
    images = case.images[0]
    calls = Calls(case, simulator, gateway)
    entries = {
        name: [{"image": media, "type": role} for role in images.roles]
        for name, (media, _) in {**forms, "Pillow": (drawn, b"")}.items()
    }
    wishes = {name: {"image_list": one} for name, one in entries.items()}
    await calls.send_all(images.model or case.model, wishes)
    found = arrived(simulator.requests(case.provider))

    expected = {name: _digest(content) for name, (_, content) in forms.items()}
    if accepts.url:
        expected["URL"] = forms["URL"][0]

    if str(case) in URLS_ONLY:
        assert {name for name in forms if expected[name] in found} == {"URL"}
        assert calls.errors.keys() == {*forms, "Pillow"} - {"URL"}
        assert all("Luma takes no bytes here" in said for said in calls.errors.values())
        return

    assert calls.errors == {}
    assert {name for name in expected if expected[name] not in found} == set()
    request = case.request(image_list=[drawn])
    sent = request.image_list[0]["image"]["content"]
    assert _digest(sent) in found
    with Image.open(io.BytesIO(sent)) as received:
        assert ImageOps.exif_transpose(received).size == (64, 128)

    assert len(simulator.jobs(case.provider)) == len(forms) + 1


@pytest.mark.parametrize(("row", "field", "model"), OTHERS, ids=str)
async def test_masks_and_videos_arrive_too(  # noqa: PLR0913, PLR0917  (a row, and fixtures)
    row: str, field: str, model: str, simulator: Simulator, gateway: Gateway, tmp_path: Path
) -> None:
    (case,) = [case for case in CASES if str(case) == row]
    mask = hole if row.startswith("openai") else picture
    forms = Forms(tmp_path, simulator, mask if field == "mask_image" else film)
    calls = Calls(case, simulator, gateway)
    given = forms.all()
    base = {"image_list": [picture(200)]} if field == "mask_image" else {}
    await calls.send_all(
        model, {name: {**base, field: media} for name, (media, _) in given.items()}
    )

    found = arrived(simulator.requests(case.provider))
    expected = {name: _digest(content) for name, (_, content) in given.items()}
    if accepts_of(case).url:
        expected["URL"] = given["URL"][0]

    assert calls.errors == {}
    assert {name for name in expected if expected[name] not in found} == set()


# ----------------------------------------------------------------------------------------- limits
@pytest.mark.parametrize("case", [case for case in FIRSTS if case.provider != "luma"], ids=str)
async def test_what_arrives_is_within_the_providers_limits(
    case: Case, simulator: Simulator, gateway: Gateway
) -> None:
    """An image of a kind that few take, and too small for one of them, is made to fit."""
    limits = accepts_of(case).images
    photo = io.BytesIO()
    Image.radial_gradient("L").resize((40, 40)).save(photo, "BMP")
    images = case.images[0]
    entries = [{"image": photo.getvalue(), "type": role} for role in images.roles]
    calls = Calls(case, simulator, gateway)
    await calls.send("asked", images.model or case.model, {"fit_images": True}, image_list=entries)

    assert calls.errors == {}
    (adjustments,) = calls.adjustments
    changed = [one for one in adjustments if one.field == "image_list[0]"]
    assert bool(limits.types) == bool(changed)
    for one in changed:
        kind, size, _ = one.sent.split(", ")
        assert kind in limits.types
        assert int(size.partition("x")[0]) >= (limits.shortest_side or 40)


# ----------------------------------------------------------------------------------------- faults
GOOGLE = next(case for case in TAKING if case.provider == "google")
"""Takes no URLs, so that they are fetched here."""


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("missing", "there is no file"),
        ("folder", "can't be read"),
        ("empty", "is empty"),
        ("page", "a web page"),
        ("large", "more than 100000 bytes"),
        ("page behind a URL", r"image_list\[0\] \(from 127.0.0.1\): this is a web page"),
        ("private URL", r"image_list\[0\]: .* leads to an address that is not public"),
        ("other scheme", "only http and https"),
        ("text of a path", "names no file"),
    ],
)
async def test_a_fault_is_told_before_anything_is_sent(
    form: str, said: str, simulator: Simulator, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "page").write_text("<html>No such image")
    (tmp_path / "large").write_bytes(picture(1) + bytes(100_000))
    forms = Forms(tmp_path, simulator, picture)
    special: dict[str, Any] = {
        "private URL": forms.url(forms.content()),
        "folder": tmp_path,
        "other scheme": "ftp://example.com/a.png",
        "text of a path": str(tmp_path / "large"),
    }
    forms.content()  # so that it has a place of its own
    special["page behind a URL"] = forms.url(b"<html>Expired")
    entry = {"image": special.get(form, tmp_path / form), "type": "first_frame"}
    limits = {"allow_private_urls": form == "page behind a URL", "max_media_bytes": 100_000}
    config = GOOGLE.config(KEY, simulator.base_url("google"), **limits)
    with pytest.raises(ValidationError, match=said) as caught:
        await gateway.generate_video_async(config, GOOGLE.request(image_list=[entry]))

    assert (caught.value.provider, caught.value.retryable) == ("google", False)
    assert simulator.requests("google") == []
