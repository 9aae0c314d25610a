"""Schemas are fetched into the user's cache, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    add_model,
    add_model_async,
    describe_model,
    plan_video,
    refresh_models,
    refresh_models_async,
)
from tarash.tarash_gateway.catalog import forget
from tarash.tarash_gateway.testing import Simulator
from tests.catalog.test_build import document, listed

NEW = "brand/new-model"
PROPERTIES = {"prompt": {"type": "string"}, "seconds": {"type": "integer", "enum": [3, 7]}}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path))
    forget("fal")
    yield
    forget("fal")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal"]) as running:
        yield running


def seconds_of(model: str, wish: float) -> object:
    config = VideoGenerationConfig(provider="fal", model=model)
    planned = plan_video(config, VideoGenerationRequest(prompt="a cat", duration_seconds=wish))
    return planned.payload.get("seconds", planned.payload.get("duration"))


def test_a_refresh_fetches_every_page(simulator: Simulator) -> None:
    count = refresh_models("fal", base_url=simulator.base_url("fal"))
    assert count > 1400
    assert len([one for one in simulator.requests("fal") if one.path == "/v1/models"]) > 10
    described = describe_model("fal", "fal-ai/veo3.1")
    assert described.source == "live"
    assert described.durations == (4, 6, 8)


async def test_a_model_that_is_new_today_works_today(simulator: Simulator) -> None:
    with pytest.raises(ValidationError):
        describe_model("fal", NEW)

    simulator.publish_models("fal", [listed(NEW, PROPERTIES)])
    described = await add_model_async("fal", NEW, base_url=simulator.base_url("fal"))
    assert described.durations == (3, 7)
    assert seconds_of(NEW, 5) == 7
    # What else is known stays.
    assert describe_model("fal", "fal-ai/veo3.1").source == "package"


def test_what_was_fetched_goes_before_what_ships(simulator: Simulator) -> None:
    simulator.publish_models("fal", [listed("fal-ai/veo3.1", PROPERTIES)])
    add_model("fal", "fal-ai/veo3.1", base_url=simulator.base_url("fal"))
    assert seconds_of("fal-ai/veo3.1", 8) == 7


def test_a_document_at_hand_needs_no_network() -> None:
    described = add_model("fal", NEW, schema=document(NEW, PROPERTIES))
    assert described.durations == (3, 7)
    with pytest.raises(ValidationError, match="no POST"):
        add_model("fal", NEW, schema={"paths": {}})


def test_a_model_that_nobody_has_is_told(simulator: Simulator) -> None:
    with pytest.raises(ModelNotFoundError, match="brand/new-model"):
        add_model("fal", NEW, base_url=simulator.base_url("fal"))


async def test_a_failure_leaves_what_was_there(simulator: Simulator) -> None:
    simulator.publish_models("fal", [listed(NEW, PROPERTIES)])
    assert await refresh_models_async("fal", base_url=simulator.base_url("fal")) == 1

    simulator.publish_models("fal", [])
    with pytest.raises(Exception, match="what was stored before stays"):
        await refresh_models_async("fal", base_url=simulator.base_url("fal"))

    url = simulator.base_url("fal")
    simulator.stop()
    with pytest.raises(HTTPConnectionError, match="what was stored before stays"):
        await refresh_models_async("fal", base_url=url)

    assert describe_model("fal", NEW).source == "live"


def test_a_damaged_file_of_the_user_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "fal.shelf").write_bytes(b"half a file")
    assert describe_model("fal", "fal-ai/veo3.1").source == "package"


def test_a_host_without_a_listing_is_told(simulator: Simulator) -> None:
    with pytest.raises(HTTPError, match="404"):
        refresh_models("fal", base_url=f"{simulator.base_url('fal')}/elsewhere")


def test_only_providers_with_schemas_can_be_refreshed() -> None:
    with pytest.raises(ValidationError, match="fal"):
        refresh_models("openai")
