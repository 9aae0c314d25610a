"""Base64 and data URIs are read in the dialects in which browsers and libraries write them."""

from __future__ import annotations

import base64
import textwrap
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    plan_image,
)
from tarash.tarash_gateway._data._exchange import MediaSupport
from tarash.tarash_gateway.media import prepare

# Its base64 has both letters of which there are two alphabets, and is padded.
PNG = (
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    )
    + b"\xfb\xff\xbf\xfb\xff\xbf\xff"
)
PLAIN = base64.b64encode(PNG).decode()
SAFE = base64.urlsafe_b64encode(PNG).decode()
DIALECTS = {
    "plain": PLAIN,
    "no padding": PLAIN.rstrip("="),
    "safe for URLs": SAFE,
    "safe for URLs, no padding": SAFE.rstrip("="),
    "in lines": base64.encodebytes(PNG).decode(),
    "in lines of 76, as mail has it": "\r\n".join(textwrap.wrap(PLAIN, 76)),
    "with white space around": f"\n  {PLAIN}\n",
}
URIS = {
    **{f"a data URI, {name}": f"data:image/png;base64,{text}" for name, text in DIALECTS.items()},
    "with a charset": f"data:image/png;charset=utf-8;base64,{PLAIN}",
    "with a name": f'data:image/png;name="a, b; c.png";base64,{PLAIN}',
    "with white space": f"data: image/png; base64, {PLAIN}",
    "without a type": f"data:;base64,{PLAIN}",
    "in capitals": f"DATA:IMAGE/PNG;BASE64,{PLAIN}",
    "escaped": f"data:image/png;base64,{quote(PLAIN, safe='')}",
    "of a type that it hasn't": f"data:application/octet-stream;base64,{PLAIN}",
}


def asked(image: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest(prompt="x", image_list=[image])


def test_the_picture_has_all_that_dialects_differ_in() -> None:
    assert {"+", "/", "="} <= set(PLAIN)
    assert {"-", "_", "="} <= set(SAFE)


@pytest.mark.parametrize("name", [*DIALECTS, *URIS])
async def test_it_is_sent_in_the_one_dialect_that_everybody_reads(name: str) -> None:
    given = {**DIALECTS, **URIS}[name]
    request = asked(given)
    prepared, _ = await prepare(request, MediaSupport(), None)
    assert prepared.image_list[0]["image"] == f"data:image/png;base64,{PLAIN}"
    config = ImageGenerationConfig(provider="google", model="gemini-3.1-flash-image")
    plan = plan_image(config, request)  # which reads a header only
    assert "image/png" in str(plan.payload)


@pytest.mark.parametrize("name", DIALECTS)
async def test_so_it_is_in_a_mapping(name: str) -> None:
    given: Any = {"content": DIALECTS[name], "content_type": "image/png"}
    request = asked(given)
    assert request.image_list[0]["image"] == {"content": PNG, "content_type": "image/png"}


@pytest.mark.parametrize("path", ["a-b/c_d", "a+b_c", "shots-2026/take_01", "x" * 63 + "-/y"])
async def test_what_mixes_both_alphabets_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (2, 2)).save(path, "PNG")
    request = asked(path)
    prepared, _ = await prepare(request, MediaSupport(), None)
    assert str(prepared.image_list[0]["image"]).startswith("data:image/png;base64,")


@pytest.mark.parametrize("broken", ["data:image/png;base64,????", f"data:image/png,{PLAIN}"])
async def test_what_is_no_dialect_is_refused(broken: str) -> None:
    request = asked(broken)
    with pytest.raises(TarashException, match="data URI"):
        await prepare(request, MediaSupport(), None)
