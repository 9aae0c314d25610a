"""A result whose body breaks off goes on where it broke: it is paid for, and lines break."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import CASES, Case
from tests.engine.fronts import Front, Sent, before, through

KEY = "canary-of-the-resumed"
STORED: dict[str, dict[str, Any]] = {
    "veo-3.1-generate-001": {"storageUri": "gs://mine/a"},
    "gemini-omni-1.1-flash": {"delivery": "uri"},
}
"""What makes models of Google store a video that they would send inline."""
FETCHING = [
    case
    for case in CASES
    if case.kind == "video" and case.provider in {"openai", "azure-openai", "google"}
]
"""All whose videos have no URL that works without our key."""
CLIP = samples.videos()[0].path.read_bytes() + random.Random(1).randbytes(120_000)
OTHER = samples.videos()[0].path.read_bytes() + random.Random(2).randbytes(120_000)
PART = 30_000


def part(  # noqa: PLR0913  (what parts differ in)
    asked: Mapping[str, str],
    *,
    tag: str | None = '"1"',
    content: bytes = CLIP,
    shift: int = 0,
    total: int | None = None,
    cut: int | None = PART,
) -> Sent:
    """Return the part that is asked for, or all, as a good server would."""
    tags = {} if tag is None else {"ETag": tag}
    found = re.fullmatch(r"bytes=(\d+)-", asked.get("range", ""))
    if found is None or asked.get("if-range", tag) != tag:
        return Sent(content, headers={**tags, "Accept-Ranges": "bytes"}, cut=cut)

    first = int(found[1]) + shift
    place = f"bytes {first}-{len(content) - 1}/{total or len(content)}"
    return Sent(content[first:], 206, {**tags, "Content-Range": place}, cut)


def whole_after(number: int, cuts: int = 2) -> int | None:
    """Return where a server breaks off that does so some times."""
    return PART if number < cuts else None


def changed(number: int, asked: Mapping[str, str]) -> Sent:
    """Send another file from the second time on."""
    return part(asked) if number == 0 else part(asked, tag='"2"', content=OTHER, cut=None)


def changed_unseen(number: int, asked: Mapping[str, str]) -> Sent:
    """Send a part of another file, whatever If-Range says."""
    if number == 0:
        return part(asked)

    return part({**asked, "if-range": '"2"'}, tag='"2"', content=OTHER, cut=None)


def packed(_number: int, asked: Mapping[str, str]) -> Sent:
    """Pack what may come packed."""
    if "gzip" not in asked["accept-encoding"]:
        return part(asked)

    return Sent(gzip.compress(CLIP), headers={"Content-Encoding": "gzip"}, cut=PART)


def refused(status: int) -> Callable[[int, Mapping[str, str]], Sent]:
    def answers(number: int, asked: Mapping[str, str]) -> Sent:
        if "range" in asked:
            return Sent(b"no parts here", status)

        return part(asked, cut=whole_after(number))

    return answers


SERVERS: dict[str, tuple[Callable[[int, Mapping[str, str]], Sent], bytes, int]] = {
    "parts": (lambda _, asked: part(asked), CLIP, 6),
    "parts of a size alone": (lambda _, asked: part(asked, tag=None), CLIP, 6),
    "parts under a date": (
        lambda _, asked: Sent(
            (made := part({**asked, "if-range": '"1"'})).body,
            made.status,
            {
                **{k: v for k, v in made.headers.items() if k != "ETag"},
                "Last-Modified": "Sat, 28 Nov 2026 20:00:00 GMT",
            },
            made.cut,
        ),
        CLIP,
        6,
    ),
    "no parts": (lambda number, _: part({}, cut=whole_after(number)), CLIP, 4),
    "another file": (changed, OTHER, 3),
    "a part of another file": (changed_unseen, OTHER, 4),
    "packed": (packed, CLIP, 8),
    "a part too far on": (
        lambda number, asked: part(asked, shift=7, cut=whole_after(number)),
        CLIP,
        6,
    ),
    "a part from further back": (
        lambda _, asked: part(asked, shift=-7 if "range" in asked else 0),
        CLIP,
        6,
    ),
    "a part of another size": (
        lambda number, asked: part(asked, total=len(CLIP) + 1, cut=whole_after(number)),
        CLIP,
        6,
    ),
    "416 for parts": (refused(416), CLIP, 6),
    "403 for parts": (refused(403), CLIP, 8),
    "500 for parts": (refused(500), CLIP, 12),
}


async def fetched(
    case: Case, answers: Callable[[int, Mapping[str, str]], Sent | None], **changes: Any
) -> tuple[Any, Front, int]:
    """Return what comes of a job whose video is sent like this."""
    with Simulator([case.provider]) as simulator:
        simulator.keys[case.provider] = {KEY}
        simulator.script(case.provider, Script(run_polls=0, stream=False))
        origin = simulator.base_url(case.provider)
        with before(origin, answers) as front:
            config = case.config(KEY, through(front, origin), **changes)
            async with Gateway() as gateway:
                request = case.request(extra_params=STORED.get(case.model, {}))
                response = await gateway.generate_video_async(config, request)

            return response, front, simulator.counters(case.provider).submits


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("case", FETCHING, ids=str)
async def test_a_video_that_breaks_off_is_delivered_whole(case: Case, name: str) -> None:
    answers, content, most = SERVERS[name]
    response, front, submits = await fetched(case, answers)
    assert response.video["content"] == content
    assert submits == 1
    assert 2 <= len(front.asked) <= most


@pytest.mark.parametrize("case", FETCHING[:1], ids=str)
async def test_no_byte_is_asked_for_twice(case: Case) -> None:
    _, front, _ = await fetched(case, SERVERS["parts"][0])
    starts = [int(one.get("range", "bytes=0-")[6:-1]) for one in front.asked]
    assert starts == list(range(0, len(CLIP), PART))
    assert {one["if-range"] for one in front.asked[1:]} == {'"1"'}
    assert {one["accept-encoding"] for one in front.asked[1:]} == {"identity"}
