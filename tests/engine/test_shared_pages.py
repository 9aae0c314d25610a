"""What a list tells of many jobs goes on over its pages, at each provider that has such a list."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.providers import declared_provider
from tarash.tarash_gateway.providers._registry import Registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import until
from tests.contract.cases import FILES
from tests.engine.test_shared_polls import JOBS, PACE, config_of, requests, simulator

__all__ = ["simulator"]

LISTING = sorted(set(JOBS) - {"kling"})
ON_FIRST = 8
SIZES = {"bytedance": 500, "alibaba": 100}
"""Jobs on a page, where one with fewer is the last."""
WHERE = {
    "replicate": ("cursor", "second"),
    "openai": ("after", None),
    "luma": ("offset", str(ON_FIRST)),
    "bytedance": ("page_num", "2"),
    "alibaba": ("page_no", "2"),
}
"""What the request for the second page says; None for the id of the last job on the first."""


def page_of(provider: str, ids: Sequence[str], further: str | None) -> dict[str, Any]:
    """Return a page as the provider writes it."""
    rows: dict[str, tuple[str, str, str, str]] = {
        "replicate": ("results", "id", "status", "processing"),
        "openai": ("data", "id", "status", "in_progress"),
        "luma": ("generations", "id", "state", "dreaming"),
        "bytedance": ("items", "id", "status", "running"),
        "alibaba": ("tasks", "task_id", "task_status", "RUNNING"),
    }
    items, named, status, word = rows[provider]
    has_more = {"has_more": further is not None}
    more: dict[str, dict[str, Any]] = {
        "replicate": {"next": further},
        "openai": has_more,
        "luma": has_more,
    }
    return {items: [{named: one, status: word} for one in ids], **more.get(provider, {})}


@pytest.mark.parametrize("provider", LISTING)
async def test_what_the_first_page_lacks_is_looked_for_on_the_next(
    simulator: Simulator, provider: str
) -> None:
    simulator.script(provider, Script(run_seconds=6 * PACE))
    case = JOBS[provider]
    gateway = Gateway()
    config = config_of(case, simulator)
    tasks = [
        asyncio.ensure_future(gateway.generate_video_async(config, case.request()))
        for _ in range(2 * ON_FIRST)
    ]
    await until(lambda: len(simulator.jobs(provider)) == len(tasks))

    ids = [one.id for one in simulator.jobs(provider)]
    others = [f"else-{number}" for number in range(SIZES.get(provider, ON_FIRST) - ON_FIRST)]
    following = f"{simulator.base_url(provider)}/v1/predictions?cursor=second"
    first = page_of(provider, [*others, *ids[:ON_FIRST]], following)
    second = page_of(provider, ids[ON_FIRST:], None)
    simulator.fail(provider, "list", Fault.status(200, body=first))
    simulator.fail(provider, "list", Fault.status(200, body=second))
    responses = await asyncio.gather(*tasks)
    assert {one.status for one in responses} == {"completed"}
    await gateway.aclose()

    name, value = WHERE[provider]
    asked = [one.query for one in simulator.requests(provider) if name in one.query]
    assert (value or ids[ON_FIRST - 1]) in [one[name] for one in asked]


PLACES: dict[str, dict[str, Any]] = {
    "page": {"many": {"path": "clips?n={page}"}},
    "offset": {"many": {"path": "clips?from={offset}"}},
    "more": {"many": {"path": "clips?n={page}", "more": "is.more"}},
    "cursor": {"many": {"path": "clips?after={cursor}", "next": "further"}},
    "ids": {"path": "clips?ids={id}", "items": "clips", "ids_at_once": 10},
}


@pytest.fixture(params=PLACES)
def declared(request: pytest.FixtureRequest) -> Iterator[tuple[Simulator, Gateway]]:
    """A provider as a user declares it, which says where jobs stand, ten in an answer."""
    said = tomllib.loads(FILES["aster"].read_text(encoding="utf-8"))
    said.pop("list")
    said["poll"] |= {**PLACES[request.param], "pace": PACE}
    if "many" in said["poll"]:
        said["poll"]["many"] |= {"items": "clips", "id": "clip.id", "most": 10}

    with Simulator([said]) as running:
        said["account"]["base_url"] = running.base_url("aster")
        registry = Registry()
        registry.register(declared_provider(said))
        yield running, Gateway(registry=registry)


async def test_what_a_user_declares_is_asked_for_many_at_once(
    declared: tuple[Simulator, Gateway],
) -> None:
    simulator, gateway = declared
    simulator.script("aster", Script(run_seconds=8 * PACE))
    config = VideoGenerationConfig(
        provider="aster", model="clip-1", api_key="key", poll_interval=PACE
    )
    order = VideoGenerationRequest(prompt="Ice")
    async with gateway:
        made = [gateway.generate_video_async(config, order) for _ in range(24)]
        responses = await asyncio.gather(*made)

    assert {one.status for one in responses} == {"completed"}
    counted = simulator.counters("aster")
    assert counted.lists >= 3 or counted.lists == 0  # by their ids jobs are polled
    assert requests(simulator, "aster") < 5 * 24  # alone each would have made some eight
