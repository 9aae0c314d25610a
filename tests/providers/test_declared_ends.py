"""An end that the answer to a submit tells already, at providers that a user declares.

It is the job's where it stands where a poll has it, in the declared words, beside the job's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    TarashException,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.providers import Registry, declared_provider

from .test_declared_forms import DONE, REQUEST, Boreal, boreal, video_config, video_maker

__all__ = ["boreal"]

VIDEO = "https://cdn.example/a.mp4"
STATUSES = {"on": "processing", "ok": "completed", "no": "failed"}
ERRORS = {
    "message": ["why", "job.why"],
    "code": ["code", "job.code"],
    "rules": [{"means": "moderation", "code": "unsafe"}],
}
SHAPES: dict[str, tuple[dict[str, Any], Any]] = {
    "plain": (
        {"poll": {"path": "jobs/{id}", "statuses": STATUSES, "job_id": "id"}},
        lambda said: {"id": "1", **said},
    ),
    "below": (
        {
            "submit": {"path": "make", "id": "job.id"},
            "poll": {
                "path": "jobs/{id}", "statuses": STATUSES, "item_id": "job.id",
                "job_id": "job.id", "status": "job.status",
            },
            "result": {"media": {"video": ["job.url"]}},
        },
        lambda said: {"job": {"id": "1", **said}},
    ),
    "listed": (
        {
            "submit": {"path": "make", "id": "jobs.0.id"},
            "poll": {"path": "jobs?ids={id}", "statuses": STATUSES, "items": "jobs"},
        },
        lambda said: {"jobs": [{"id": "1", **said}]},
    ),
}  # fmt: skip


class Ordered(MemoryLedger):
    """A ledger that says in which order it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    async def accept(self, *args: Any, **facts: Any) -> Any:
        self.told.append("accepted")
        return await super().accept(*args, **facts)

    async def settle(self, *args: Any, **facts: Any) -> Any:
        self.told.append("settled")
        return await super().settle(*args, **facts)


def maker(boreal: Boreal, shape: str) -> tuple[Gateway, Ordered]:
    changes = {name: dict(one) for name, one in SHAPES[shape][0].items()}
    changes["poll"]["pace"] = 0.01
    registry, ledger = Registry(), Ordered()
    registry.register(declared_provider(video_maker(boreal.url, errors=ERRORS, **changes)))
    return Gateway(registry=registry, ledger=ledger), ledger


def answers(boreal: Boreal, shape: str, *bodies: dict[str, Any]) -> None:
    """Answer a submit with the first, and polls with the others."""
    form = SHAPES[shape][1]
    boreal.answers = {"/make": [form(bodies[0])]}
    for path in ("/jobs/1", "/jobs"):
        boreal.answers[path] = [form(one) for one in bodies[1:]] or [(500, {})]


def asked(boreal: Boreal) -> Sequence[str]:
    return [f"{one['method']} {one['path'].partition('?')[0]}" for one in boreal.seen]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_success_is_believed_once_the_acceptance_is_kept(
    boreal: Boreal, shape: str
) -> None:
    answers(boreal, shape, {"status": "ok", "url": VIDEO})
    gateway, ledger = maker(boreal, shape)
    async with gateway:
        made = await gateway.generate_video_async(video_config(), REQUEST)

    assert (made.video, made.request_id) == (VIDEO, "1")
    assert asked(boreal) == ["POST /make"]
    assert ledger.told == ["accepted", "settled"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_handle_has_it(boreal: Boreal, shape: str) -> None:
    answers(boreal, shape, {"status": "ok", "url": VIDEO})
    gateway, ledger = maker(boreal, shape)
    async with gateway:
        job = await gateway.submit_video_async(video_config(), REQUEST)
        assert (await job.wait_async()).video == VIDEO

    assert asked(boreal) == ["POST /make"]
    assert ledger.told == ["accepted", "settled"]


ENDS: dict[str, tuple[dict[str, Any], type[TarashException]]] = {
    "failed": ({"status": "no", "why": "out of paint", "code": "e1"}, GenerationFailedError),
    "moderated": ({"status": "no", "why": "no gore", "code": "unsafe"}, ContentModerationError),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_failure_is_the_jobs_and_is_not_bought_again(
    boreal: Boreal, shape: str, end: str
) -> None:
    body, kind = ENDS[end]
    answers(boreal, shape, body)
    gateway, ledger = maker(boreal, shape)
    async with gateway:
        with pytest.raises(kind, match=body["why"]) as caught:
            await gateway.generate_video_async(video_config(max_retries=2), REQUEST)

        (record,) = await ledger.jobs()

    assert caught.value.submission == "accepted"
    assert caught.value.operation is not None
    assert asked(boreal) == ["POST /make"]
    assert ledger.told == ["accepted", "settled"]
    assert record.state == "failed"


DOUBTFUL: dict[str, dict[str, Any]] = {
    "a success without media": {"status": "ok"},
    "a word that nobody declared": {"status": "done", "url": VIDEO},
    "no word": {"url": VIDEO},
}


@pytest.mark.parametrize("doubt", DOUBTFUL)
async def test_what_is_in_doubt_is_polled(boreal: Boreal, doubt: str) -> None:
    answers(boreal, "plain", DOUBTFUL[doubt], {"status": "on"}, DONE)
    gateway, _ = maker(boreal, "plain")
    async with gateway:
        made = await gateway.generate_video_async(video_config(), REQUEST)

    assert (made.video, made.request_id) == (VIDEO, "1")
    assert asked(boreal) == ["POST /make", "GET /jobs/1", "GET /jobs/1"]
