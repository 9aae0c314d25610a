"""Answers that come a byte at a time, of every status, in every place: the deadline holds.

What may be exceeded is said in the guide on billing: 5 s for what is polled or stopped, and 5 s
more where a submit whose answer was cut off is looked for in a list.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    VideoGenerationRequest,
)
from tests.conftest import Leap, until
from tests.field.test_bodies_of_providers import ACCEPTED, OPERATION, config_of, said
from tests.media.raw import Asked, answer, serving

LIMIT = 60
STEP = 0.5
LISTED = {"luma", "openai", "azure-openai", "replicate"}
BODY = json.dumps({"error": {"message": "no", "code": "x"}, "detail": "no", "pad": "x" * 5000})
DONE: dict[str, Any] = {
    "fal": {"status": "COMPLETED"},
    "openai": {"id": "j1", "object": "video", "status": "completed"},
    "azure-openai": {"id": "j1", "object": "video", "status": "completed"},
    "google": {
        "name": OPERATION,
        "done": True,
        "response": {
            "generateVideoResponse": {
                "generatedSamples": [{"video": {"uri": "HOST/v1beta/files/f1"}}]
            }
        },
    },
}
"""Those whose result is another exchange than the status that says that it is there."""
PLACES = [
    *((name, place) for name in ACCEPTED for place in ("submit", "poll")),
    *((name, "result") for name in DONE),
]


class Dripping:
    """A server that drips in one place."""

    def __init__(self, name: str, place: str, status: int, *, sized: bool) -> None:
        self.name, self.place, self.status, self.sized = name, place, status, sized
        self.drops = 0
        self.is_over = threading.Event()

    def __call__(self, asked: Asked, _number: int) -> Iterator[bytes]:
        if self._place_of(asked) == self.place:
            yield from self._drip()
        elif asked.method == "POST":
            yield said(ACCEPTED[self.name])
        else:
            text = json.dumps(DONE.get(self.name, {}))
            here = f"http://{asked.headers['host']}"
            yield answer(text.replace("HOST", here).encode(), Content_Type="application/json")

    def is_dripping(self) -> bool:
        return self.drops > 3

    def _place_of(self, asked: Asked) -> str:
        if asked.method == "POST":
            return "submit"

        is_result = "/content" in asked.target or "/files/" in asked.target
        if self.name == "fal":
            is_result = "/status" not in asked.target

        return "result" if is_result and self.name in DONE else "poll"

    def _drip(self) -> Iterator[bytes]:
        length = len(BODY) if self.sized else None
        yield answer(b"", f"{self.status} X", length, Content_Type="application/json")
        for letter in BODY:
            if self.is_over.wait(0.01):
                return

            self.drops += 1
            yield letter.encode()


async def beyond(work: asyncio.Future[Any], leap: Leap) -> float:
    """Let the clock run on until a call has ended; return the seconds."""
    seconds = 0.0
    while not work.done():
        await asyncio.sleep(0.02)
        leap(STEP)
        seconds += STEP

    return seconds


@pytest.mark.parametrize("on_timeout", ["cancel", "detach"])
@pytest.mark.parametrize(("name", "place"), PLACES)
async def test_drips_end_with_the_deadline(
    name: str, place: str, on_timeout: str, leap: Leap
) -> None:
    statuses = (200, 400) if on_timeout == "cancel" else (500,)
    for status in statuses:
        server = Dripping(name, place, status, sized=status % 8 == 0)
        with serving(server) as raw:
            config = config_of(
                name, raw, timeout=LIMIT, on_timeout=on_timeout, max_poll_attempts=None
            )
            async with Gateway() as gateway:
                request = VideoGenerationRequest(prompt="A cat")
                work = asyncio.ensure_future(gateway.generate_video_async(config, request))
                await until(server.is_dripping)
                leap(LIMIT)
                taken = await beyond(work, leap)
                server.is_over.set()
                with pytest.raises(TimeoutError):
                    await work

        most = 10 if place == "submit" and name in LISTED else 5
        assert taken <= most + STEP, (name, place, status)
        assert sum(one.method == "POST" and "cancel" not in one.target for one in raw.seen) == 1
