"""What others reported of crashes, restarts and retries around paid jobs: here each is bought once.

Facts from public threads, played anew: genblaze 70, ComfyUI 16204, anomalia 325, drama-skills 133,
hypit 336, dramaclaw 160 and the decisions of ArcReel on what a restart does with running tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    VideoGenerationRequest,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tests.field.test_bodies_of_providers import ACCEPTED, KEY, config_of, said
from tests.field.test_odd_facts import DONE
from tests.media.raw import Asked, Raw, answer, serving

REQUEST = VideoGenerationRequest(prompt="A cat")
NAMES = ("fal", "google", "luma-agents", "openai", "replicate", "runway", "xai")
PENDING: dict[str, Any] = {
    "fal": {"status": "IN_PROGRESS"},
    "google": {"name": "x", "done": False},
    "luma-agents": {"id": "j1", "state": "processing"},
    "openai": {"id": "j1", "object": "video", "status": "in_progress"},
    "replicate": {"id": "j1", "status": "processing"},
    "runway": {"id": "j1", "status": "RUNNING"},
    "xai": {"status": "pending"},
}
Look = Callable[[int], bytes | None]
"""Given how many polls came before: what is answered in the place of the job's end, if anything."""


@contextmanager
def vendor(name: str, looks: list[Look], submit: bytes | None = None) -> Iterator[Raw]:
    """Serve one provider whose job is done but for what a test says, first in `looks`."""
    polls = [0]

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [said(ACCEPTED[name]) if submit is None else submit]

        if "/stream" in asked.target:
            return [said({}, 404)]

        if asked.target.partition("?")[0].endswith(("/videos", "/predictions", "/generations")):
            return [said({"data": [], "results": [], "generations": []})]

        is_result = name == "fal" and "/status" not in asked.target
        said_instead = None if is_result else looks[0](polls[0])
        polls[0] += not is_result
        if said_instead is not None:
            return [said_instead]

        status = name == "fal" and not is_result
        return [said({"status": "COMPLETED"} if status else DONE[name])]

    with serving(answers) as server:
        yield server


def bought(server: Raw) -> int:
    return sum(one.method == "POST" and "cancel" not in one.target for one in server.seen)


def at_work(name: str) -> Look:
    return lambda _number: said(PENDING[name])


@pytest.mark.parametrize("name", NAMES)
async def test_a_submit_whose_connection_breaks_is_not_sent_once_more(
    name: str, tmp_path: Path
) -> None:
    """Each of four tries within four minutes was rendered and billed; no picture was delivered."""
    with vendor(name, [at_work(name)], submit=b"") as server:
        config = config_of(name, server, max_retries=3)
        async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
            for _ in range(2):  # the user orders the same again
                with pytest.raises(TarashException) as caught:
                    await gateway.generate_video_async(config, REQUEST, idempotency_key="order")

                assert caught.value.submission == "unknown"

    assert bought(server) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_polls_that_a_front_answers_lose_no_job(name: str) -> None:
    """A 522 was taken for the job's failure, which went on, succeeded and was billed."""
    fronts = [answer(b"<html>522</html>", "522 X"), answer(b"", "502 X"), said({}, 408)]
    looks: list[Look] = [lambda number: fronts[number] if number < len(fronts) else None]
    with vendor(name, looks) as server:
        async with Gateway() as gateway:
            response = await gateway.generate_video_async(config_of(name, server), REQUEST)

    assert response.status == "completed"
    assert bought(server) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_our_own_clock_is_no_reason_for_a_second_job(name: str, tmp_path: Path) -> None:
    """The clock ran out while the provider rendered; the retry opened another task."""
    path = tmp_path / "jobs.db"
    looks: list[Look] = [at_work(name)]
    with vendor(name, looks) as server:
        config = config_of(name, server, max_poll_attempts=2, on_timeout="detach")
        async with Gateway(ledger=SqliteLedger(path)) as gateway:
            with pytest.raises(TimeoutError):
                await gateway.generate_video_async(config, REQUEST, idempotency_key="order")

        looks[0] = lambda _number: None
        async with Gateway(ledger=SqliteLedger(path)) as gateway:
            again = await gateway.generate_video_async(config, REQUEST, idempotency_key="order")
            assert again.status == "completed"

    assert bought(server) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_restart_fetches_what_was_begun_and_begins_nothing(
    name: str, tmp_path: Path
) -> None:
    """The id was written down on success only; after a restart each running task was run again."""
    path = tmp_path / "jobs.db"
    looks: list[Look] = [at_work(name)]
    with vendor(name, looks) as server:
        first = Gateway(ledger=SqliteLedger(path))
        await first.submit_video_async(config_of(name, server), REQUEST)
        await first.aclose()
        looks[0] = lambda _number: None
        async with Gateway(ledger=SqliteLedger(path)) as gateway:
            jobs: Any = await gateway.resume_all_async(api_keys={name.partition("-")[0]: KEY})
            assert [(await job.wait_async()).status for job in jobs] == ["completed"]
            assert await gateway.resume_all_async() == []

    assert bought(server) == 1


@pytest.mark.parametrize("name", ["fal", "openai"])
async def test_a_result_that_could_not_be_fetched_is_fetched_again_and_not_made_again(
    name: str,
) -> None:
    """The retry of a step threw the finished prediction away, and submitted a second one."""
    failures = iter([answer(b"", "503 X"), answer(b"half", length=99), answer(b"", "500 X")])
    body = {**DONE["openai"], "url": None}

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [said(ACCEPTED[name])]

        if name == "fal" and "/status" in asked.target:
            return [said({"status": "COMPLETED"})]

        if name == "openai" and not asked.target.endswith("/content"):
            return [said(body)]

        clip = answer(b"\x00\x00\x00\x18ftypisom" + bytes(64), Content_Type="video/mp4")
        return [next(failures, said(DONE["fal"]) if name == "fal" else clip)]

    with serving(answers) as server:
        config = config_of(name, server, max_retries=2, max_poll_attempts=None)
        async with Gateway() as gateway:
            assert (await gateway.generate_video_async(config, REQUEST)).status == "completed"

    assert bought(server) == 1
