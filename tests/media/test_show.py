"""What a notebook shows of a response, and what `show` opens."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway import (
    Adjustment,
    ImageGenerationResponse,
    MediaError,
    Mismatch,
    ValidationError,
)
from tests.media.test_save import CHAIN, CONTENT, MADE, holding

EVIL = "\"><script>alert('x')</script><img src=x onerror=alert(1)>"
URL = "https://example.com/a.mp4"


class Tags(HTMLParser):
    """Collects the tags of a page and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def sources(self, tag: str) -> list[str | None]:
        return [attributes.get("src") for name, attributes in self.found if name == tag]


def test_a_video_plays_from_its_url() -> None:
    page = holding(URL + "?a=1&b=2", duration=8.0)._repr_html_()
    assert Tags(page).sources("video") == [URL + "?a=1&b=2"]
    assert "8 s" in page
    assert "request r-1" in page


def test_bytes_are_shown_as_they_are() -> None:
    page = holding({"content": CONTENT, "content_type": "application/octet-stream"})._repr_html_()
    (source,) = Tags(page).sources("video")
    assert source == f"data:video/mp4;base64,{base64.b64encode(CONTENT).decode()}"


def test_images_are_a_grid(images: ImageGenerationResponse) -> None:
    assert Tags(images._repr_html_()).sources("img") == list(images.images)


def test_what_is_large_is_not_written_into_the_page() -> None:
    content = CONTENT + bytes(33 * 1024 * 1024)
    page = holding({"content": content, "content_type": "video/mp4"})._repr_html_()
    assert len(page) < 1000
    assert "too large to be shown here" in page


def test_everything_is_escaped() -> None:
    failed = MADE.model_copy(
        update={"status": "failed", "error_type": EVIL, "error_message": EVIL, "model": EVIL}
    )
    chain = CHAIN.model_copy(update={"attempts": (failed, MADE), "successful_attempt": 2})
    response = holding(
        f"https://example.com/{EVIL}",
        request_id=EVIL,
        resolution=EVIL,
        execution_metadata=chain,
        adjustments=(Adjustment(field=EVIL, requested=EVIL, sent=EVIL, reason=EVIL),),
        mismatches=(Mismatch(field=EVIL, requested=EVIL, found=EVIL),),
        saved=(EVIL,),
        save_errors=(EVIL,),
    )
    tags = Tags(response._repr_html_())
    assert tags.open == []
    assert {name for name, _ in tags.found} == {
        *("div", "video", "ul", "li", "b", "table", "tr", "th", "td")
    }
    assert not [name for _, found in tags.found for name in found if name.startswith("on")]


@pytest.mark.parametrize("media", ["javascript:alert(1)", "data:text/html,<script>1</script>"])
def test_an_address_is_never_code(media: str) -> None:
    for _, attributes in Tags(holding(media)._repr_html_()).found:
        assert not str(attributes.get("src", "")).startswith("javascript:")
        assert "<script" not in str(attributes)


def test_a_notebook_gets_text_and_a_page() -> None:
    response = holding(URL)
    bundle = response._repr_mimebundle_(include=None, exclude=None)
    assert bundle == {"text/plain": repr(response), "text/html": response._repr_html_()}


# ------------------------------------------------------------------------------------------ show
SHOW = """
import json, sys
from pathlib import Path
from tarash.tarash_gateway import MediaError, VideoGenerationResponse
from tarash.tarash_gateway.media import _show
told = []
for line in sys.stdin:
    try:
        place = VideoGenerationResponse.model_validate_json(line).show()
    except MediaError as error:
        told.append(str(error))
    else:
        for viewer in _show.viewers:
            viewer.wait()
        told.append([place, Path(sys.argv[1]).read_text()])
print(json.dumps(told))
"""


@pytest.fixture
def desktop(tmp_path: Path) -> dict[str, str]:
    """An environment whose viewer and browser write down what they are given."""
    if sys.platform != "linux":
        pytest.skip("the viewer has another name there")

    viewer = tmp_path / "xdg-open"
    viewer.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    viewer.chmod(0o755)
    root = str(Path(tarash.tarash_gateway.__file__).parents[2])
    return {
        "BROWSER": f"{viewer} %s",
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "PYTHONPATH": root,
        "TMPDIR": str(tmp_path),
    }


def show(environment: dict[str, str], told: Path, *responses: Any) -> list[Any]:
    """Return what was opened and what the viewer was given, or what went wrong."""
    ran = subprocess.run(
        [sys.executable, "-c", SHOW, str(told)],
        input="\n".join(response.model_dump_json() for response in responses),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    found: list[Any] = json.loads(ran.stdout)
    return found


def test_files_bytes_and_urls_are_opened(desktop: dict[str, str], tmp_path: Path) -> None:
    place = tmp_path / "a.mp4"
    place.write_bytes(CONTENT)
    saved = holding(URL, saved=(str(place),))
    held = holding({"content": CONTENT, "content_type": "video/mp4"})
    first, second, third = show(desktop, tmp_path / "opened", saved, held, holding(URL))
    assert first == [str(place)] * 2
    assert third == [URL] * 2

    written, given = second
    assert written == given
    assert re.fullmatch(re.escape(f"{tmp_path}/tarash-gateway-") + r"\w+\.mp4", written)
    assert Path(written).read_bytes() == CONTENT


def test_a_system_that_can_show_nothing_says_so(desktop: dict[str, str], tmp_path: Path) -> None:
    bare = {"PATH": "", "PYTHONPATH": desktop["PYTHONPATH"]}
    (said,) = show(bare, tmp_path / "opened", holding(URL))
    assert said == f"This system has nothing to show it with; it is at {URL}"


def test_what_is_not_there_can_not_be_shown() -> None:
    with pytest.raises(MediaError, match="There is nothing to show: 'nonsense' is neither"):
        holding("nonsense").show()

    with pytest.raises(ValidationError, match="there is no result 2"):
        holding(URL).show(2)
