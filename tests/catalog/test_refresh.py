"""Schemas are fetched into the user's cache, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    HTTPConnectionError,
    HTTPError,
    MockConfig,
    ModelNotFoundError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    add_model,
    add_model_async,
    check_models,
    describe_model,
    generate_video,
    list_models,
    plan_video,
    refresh_models,
    refresh_models_async,
)
from tarash.tarash_gateway.catalog import forget, remember
from tarash.tarash_gateway.catalog._schema_store import MOST_HOSTS
from tarash.tarash_gateway.testing import Fault, Simulator
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


@pytest.fixture
def asked(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """Return the simulator, which the environment names in the provider's place."""
    monkeypatch.setenv("TARASH_FAL_BASE_URL", simulator.base_url("fal"))
    return simulator


def seconds_of(model: str, wish: float, base_url: str | None = None) -> object:
    config = VideoGenerationConfig(provider="fal", model=model, base_url=base_url)
    planned = plan_video(config, VideoGenerationRequest(prompt="a cat", duration_seconds=wish))
    return planned.payload.get("seconds", planned.payload.get("duration"))


def test_a_refresh_fetches_every_page(asked: Simulator) -> None:
    count = refresh_models("fal")
    assert count > 1400
    assert len([one for one in asked.requests("fal") if one.path == "/v1/models"]) > 10
    described = describe_model("fal", "fal-ai/veo3.1")
    assert described.source == "live"
    assert described.durations == (4, 6, 8)


async def test_a_model_that_is_new_today_works_today(asked: Simulator) -> None:
    with pytest.raises(ValidationError):
        describe_model("fal", NEW)

    asked.publish_models("fal", [listed(NEW, PROPERTIES)])
    described = await add_model_async("fal", NEW)
    assert described.durations == (3, 7)
    assert seconds_of(NEW, 5) == 7
    # What else is known stays.
    assert describe_model("fal", "fal-ai/veo3.1").source == "package"


def test_what_was_fetched_goes_before_what_ships(asked: Simulator) -> None:
    asked.publish_models("fal", [listed("fal-ai/veo3.1", PROPERTIES)])
    add_model("fal", "fal-ai/veo3.1")
    assert seconds_of("fal-ai/veo3.1", 8) == 7


@pytest.mark.parametrize("named", ["by the environment", "by an argument"])
def test_what_another_host_says_is_not_taken_for_the_providers_word(
    named: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = simulator.base_url("fal")
    simulator.publish_models("fal", [listed("fal-ai/veo3.1", PROPERTIES), listed(NEW, PROPERTIES)])
    if named == "by the environment":
        monkeypatch.setenv("TARASH_FAL_BASE_URL", url)
        assert refresh_models("fal") == 2
        assert describe_model("fal", NEW).source == "live"
        monkeypatch.delenv("TARASH_FAL_BASE_URL")
    else:
        assert refresh_models("fal", base_url=url) == 2

    for _ in range(2):
        assert seconds_of("fal-ai/veo3.1", 8) == "8s"
        assert describe_model("fal", "fal-ai/veo3.1").source == "package"
        with pytest.raises(ValidationError, match="no model"):
            describe_model("fal", NEW)

        assert seconds_of("fal-ai/veo3.1", 8, url) == 7
        assert seconds_of("fal-ai/veo3.1", 8, "https://queue.fal.run") == "8s"
        forget("fal")  # as another process would see it


def test_what_the_provider_said_is_known_through_another_host_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TARASH_FAL_BASE_URL", "http://127.0.0.1:9")
    add_model("fal", NEW, schema=document(NEW, PROPERTIES))
    assert describe_model("fal", NEW).source == "live"
    monkeypatch.delenv("TARASH_FAL_BASE_URL")
    assert describe_model("fal", NEW).source == "live"


def test_only_a_few_other_hosts_are_remembered(tmp_path: Path) -> None:
    record = {"input": {"properties": {}}, "outputs": ["video"]}
    for port in range(8000, 8000 + 2 * MOST_HOSTS):
        remember("fal", NEW, record, f"http://127.0.0.1:{port}")

    remember("fal", NEW, record)
    assert len(list((tmp_path / "catalogue").glob("*@*"))) == MOST_HOSTS
    assert (tmp_path / "catalogue" / "fal.shelf").exists()


def test_a_document_at_hand_needs_no_network() -> None:
    described = add_model("fal", NEW, schema=document(NEW, PROPERTIES))
    assert described.durations == (3, 7)
    with pytest.raises(ValidationError, match="no POST"):
        add_model("fal", NEW, schema={"paths": {}})


def test_a_model_that_nobody_has_is_told(simulator: Simulator) -> None:
    with pytest.raises(ModelNotFoundError, match="brand/new-model"):
        add_model("fal", NEW, base_url=simulator.base_url("fal"))


async def test_a_failure_leaves_what_was_there(asked: Simulator) -> None:
    asked.publish_models("fal", [listed(NEW, PROPERTIES)])
    assert await refresh_models_async("fal") == 1

    asked.publish_models("fal", [])
    with pytest.raises(Exception, match="what was stored before stays"):
        await refresh_models_async("fal")

    asked.stop()
    with pytest.raises(HTTPConnectionError, match="what was stored before stays"):
        await refresh_models_async("fal")

    assert describe_model("fal", NEW).source == "live"


def test_a_damaged_file_of_the_user_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "fal.shelf").write_bytes(b"half a file")
    assert describe_model("fal", "fal-ai/veo3.1").source == "package"


def test_a_host_without_a_listing_is_told(simulator: Simulator) -> None:
    with pytest.raises(HTTPError, match="404"):
        refresh_models("fal", base_url=f"{simulator.base_url('fal')}/elsewhere")


def test_only_providers_that_publish_something_can_be_refreshed() -> None:
    with pytest.raises(ValidationError, match="fal"):
        refresh_models("runway")


@pytest.mark.parametrize(
    "fault", [Fault.endless_body(b" " * 1024**2), Fault.gzip_bomb(100 * 1024**2)]
)
def test_a_list_without_end_is_not_read(asked: Simulator, fault: Fault) -> None:
    asked.fail("fal", "model", fault, times=None)
    with pytest.raises(HTTPError, match="larger than an answer may be"):
        refresh_models("fal")


@pytest.mark.parametrize("how", ["refresh", "add"])
def test_a_model_that_its_list_calls_deprecated_is_told_of_everywhere(
    asked: Simulator, tmp_path: Path, how: str
) -> None:
    """The list names no day: it is advised against, and is not gone."""
    model = listed(NEW, PROPERTIES)
    model["metadata"] = {**model.get("metadata", {}), "status": "deprecated"}
    asked.publish_models("fal", [model])
    refresh_models("fal") if how == "refresh" else add_model("fal", NEW)
    described = describe_model("fal", NEW)
    assert (described.deprecated, described.retired, described.shutdown) == (True, False, None)
    (one,) = [info for info in list_models("fal") if info.model == NEW]
    assert one.deprecated
    assert not describe_model("fal", "fal-ai/veo3.1").deprecated

    said = (
        f"{NEW} is marked as deprecated by its provider, which names no day; see what replaces it"
    )
    request = VideoGenerationRequest(prompt="x")
    with pytest.warns(UserWarning, match="is marked as deprecated"):
        plan = plan_video(VideoGenerationConfig(provider="fal", model=NEW), request)

    assert plan.warnings == (f"{said} there",)
    mocked = VideoGenerationConfig(provider="fal", model=NEW, mock=MockConfig(enabled=True))
    with pytest.warns(UserWarning, match="is marked as deprecated"):
        generate_video(mocked, request)

    (tmp_path / "app.py").write_text(f'CONFIG = {{"provider": "fal", "model": "{NEW}"}}\n')
    (use,) = check_models(tmp_path / "app.py")
    assert use.note == plan.warnings[0]
