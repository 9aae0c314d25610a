"""Providers that a TOML file declares work like built-in ones; bad files are explained."""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
    list_providers,
    quote_video,
    register_prices,
    register_provider_file,
)
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.providers import (
    Provider,
    Registry,
    declared_provider,
    read_declaration,
)
from tarash.tarash_gateway.providers._folders import of_the_environment
from tarash.tarash_gateway.providers._registry import brought, default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator

# Speaks what the wire of xAI speaks, so that the adapter is played against code of another hand.
TOML = """
name = "declared-grok"
title = "Grok"

[account]
base_url = "https://api.x.ai/v1"
variables = ["DECLARED_GROK_KEY"]
check = "models"

[[submit]]
kind = "video"
path = "videos/generations"
id = "request_id"

[[submit]]
kind = "image"
path = "images/generations"
at_once = true

[errors]
failed_billing = "none"

[[errors.rules]]
means = "moderation"
words = "moderat|guideline|policy"
ends_job = true

[poll]
path = "videos/{id}"
statuses = { pending = "processing", done = "completed", failed = "failed", expired = "failed" }
progress = "progress"

[result]
lifetime = 86400
media = { video = ["video.url"], image = ["data[].url", "data[].b64_json"] }

[[models]]
ids = ["grok-imagine-video"]
kind = "video"
[models.takes]
prompt = { from = "prompt", required = true }
duration = { from = "duration_seconds", form = "int", low = 1, high = 15 }
image = { from = "image_list", roles = ["first_frame"], most = 1, value_at = "url" }

[[models]]
ids = ["grok-imagine-image"]
kind = "image"
[models.takes]
prompt = { from = "prompt", required = true }
"""
VIDEO = VideoGenerationRequest(prompt="A kite", duration_seconds=40, extra_params={"mood": "calm"})


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    path = tmp_path / "grok.toml"
    path.write_text(TOML, encoding="utf-8")
    assert register_provider_file(path).modalities == ("video", "image")
    with Simulator(["xai"]) as running:
        yield running


def settings_of(simulator: Simulator, model: str) -> dict[str, Any]:
    return {
        "provider": "declared-grok",
        "model": model,
        "api_key": "a-key-of-ours",
        "base_url": simulator.base_url("xai") + "/v1",
        "poll_interval": 0.02,
        "provider_config": {"min_poll_interval": 0.01},
    }


def config(simulator: Simulator) -> VideoGenerationConfig:
    return VideoGenerationConfig.model_validate(settings_of(simulator, "grok-imagine-video"))


def test_a_declared_video(simulator: Simulator) -> None:
    response = generate_video(config(simulator), VIDEO)
    (job,) = simulator.jobs("xai")
    assert response.raw_response == job.result_body
    assert job.payload["duration"] == 15
    assert job.payload["mood"] == "calm"
    assert [one.field for one in response.adjustments] == ["duration_seconds"]
    assert response.provider_metadata["expires_at"]


def test_a_declared_image_at_once(simulator: Simulator) -> None:
    given_ = settings_of(simulator, "grok-imagine-image")
    asked = ImageGenerationConfig.model_validate(given_)
    assert generate_image(asked, ImageGenerationRequest(prompt="A kite")).images


def test_a_lost_answer_is_never_sent_again(simulator: Simulator) -> None:
    simulator.fail("xai", "submit", Fault.reset_after())
    with pytest.raises(ConnectionError) as caught:
        generate_video(config(simulator), VIDEO)

    assert getattr(caught.value, "submission", None) == "unknown"
    assert simulator.counters("xai").submits == 1


def test_refused_and_failed_jobs(simulator: Simulator) -> None:
    simulator.script("xai", Script(outcome="failed"))
    with pytest.raises(GenerationFailedError):
        generate_video(config(simulator), VIDEO)

    simulator.script("xai", Script(outcome="moderated"))
    with pytest.raises(ContentModerationError):
        generate_video(config(simulator), VIDEO)


def test_a_wrong_key_is_told_with_its_line_and_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(TOML.replace('check = "models"', 'chekc = "models"'), encoding="utf-8")
    line = path.read_text(encoding="utf-8").splitlines().index('chekc = "models"') + 1
    with pytest.raises(ValidationError, match="did you mean 'check'") as caught:
        read_declaration(path)

    assert f"{path}:{line}: account.chekc" in str(caught.value)


def test_a_job_is_adopted_on_proof_only() -> None:
    said = tomllib.loads(TOML) | {"list": {"path": "videos", "items": "data"}}
    with pytest.raises(ValidationError, match="only where the list shows that it is ours"):
        read_declaration(said)


def test_the_files_of_the_guide_can_be_used() -> None:
    page = Path(__file__).parents[2] / "docs" / "guides" / "declared-providers.md"
    text = page.read_text(encoding="utf-8")
    whole, takes, forms = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    said = tomllib.loads(whole)
    row = declared_provider(said)
    assert row.name == "acme"
    assert declared_provider({**dict(read_declaration(said)), "name": "acme-eu"}).name == "acme-eu"

    # Another one is a model of several forms.
    names = ("prompt", "length", "frames", "ratio")
    sets = {name: {name: {"from": "prompt"}} for name in names}
    read_declaration({**said, **tomllib.loads(forms), "sets": sets})

    # And one is what a model may take.
    said["models"][0]["takes"] = tomllib.loads(takes)
    registry = Registry()
    registry.register(declared_provider(said))
    request = VideoGenerationRequest(
        prompt="A kite",
        image_list=[{"image": "https://example.com/kite.png", "type": "first_frame"}],
    )
    config = VideoGenerationConfig(provider="acme", model="clip-1")
    assert Gateway(registry=registry).plan_video(config, request).payload == {
        "model": "clip-1",
        "content": [
            {"type": "text", "text": "A kite"},
            {
                "type": "image_url",
                "role": "first_frame",
                "image_url": {"url": "https://example.com/kite.png"},
            },
        ],
    }


def test_a_folder_of_files_replaces_no_built_in_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would get that one's key."""
    (tmp_path / "mine.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "fal.toml").write_text(
        TOML.replace('"declared-grok"', '"fal"').replace('"Grok"', '"Other"'), encoding="utf-8"
    )
    (tmp_path / "odd.toml").write_text('name = "odd"', encoding="utf-8")
    monkeypatch.setenv("TARASH_PROVIDERS", str(tmp_path))
    brought.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            assert {"declared-grok", "fal"} <= {one.name for one in list_providers()}

        said = " ".join(str(one.message) for one in warned)
        assert "Other is left out as 'fal'" in said
        assert "odd.toml: title: it is missing, and needed" in said
        assert default_registry.adapter("fal").base_url == "https://queue.fal.run"
        assert default_registry.adapter("declared-grok").base_url == "https://api.x.ai/v1"
    finally:
        monkeypatch.undo()
        brought.cache_clear()


def test_a_folder_that_is_not_there_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARASH_PROVIDERS", str(tmp_path / "nowhere"))
    with pytest.warns(UserWarning, match="names no folder that is there"):
        assert of_the_environment() == []


def test_an_id_that_nobody_knows_is_sent_like_the_first_of_its_kind() -> None:
    said = tomllib.loads(TOML) | {"name": "unknown-grok"}
    said["models"][0]["takes"]["prompt"]["at"] = "content.text"
    registry = Registry()
    registry.register(declared_provider(said))
    config = VideoGenerationConfig(provider="unknown-grok", model="of-my-own")
    plan = Gateway(registry=registry).plan_video(config, VideoGenerationRequest(prompt="A kite"))
    assert plan.payload == {"model": "of-my-own", "content": {"text": "A kite"}}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
PLACES = st.sampled_from(
    ["name", "account", "submit", "poll", "result", "models", "errors", "cancel", "list", "odd"]
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(PLACES, ANYTHING, max_size=3))
def test_any_declaration_is_a_clear_error_or_a_row(changes: dict[str, Any]) -> None:
    try:
        row = declared_provider({**tomllib.loads(TOML), **changes})
    except ValidationError as error:
        assert "declares no provider that can be used" in str(error)  # noqa: PT017
    else:
        assert isinstance(row, Provider)


PRICES = """
[[prices]]
model = "grok-*"
unit = "second"
rate = "0.05"
[[prices]]
model = "grok-*"
unit = "second"
rate = "0.12"
when = { seconds = ">10" }
since = 2026-01-01
"""


def test_the_prices_of_a_file_are_quoted(tmp_path: Path) -> None:
    file = tmp_path / "priced.toml"
    file.write_text(TOML.replace("declared-grok", "declared-priced") + PRICES, "utf-8")
    register_provider_file(file)
    config = VideoGenerationConfig(
        provider="declared-priced", model="grok-imagine-video", api_key="key"
    )
    for seconds, rate in ((5, "0.05"), (12, "0.12")):
        asked = VideoGenerationRequest(prompt="a", duration_seconds=seconds)
        quote = quote_video(config, asked)
        assert (quote.low, quote.high, quote.unknown) == (Decimal(rate) * seconds,) * 2 + ((),)

    with prices_registered({"provider": "declared-priced", "model": "grok-*"}):
        assert quote_video(config, asked).high == 1


@contextmanager
def prices_registered(line: dict[str, str]) -> Iterator[None]:
    register_prices([{**line, "unit": "video", "rate": "1"}])
    try:
        yield
    finally:
        prices.reset()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('rate = "a lot"', "rate"),
        ('rate = "1"\nper = "0"', "per"),
        ('rate = "1"\nunit = "hour"', "unit"),
        ('rate = "1"\namount = "2"', "amount: there is no such key"),
        ('rate = "10000000000"', ".*rate: "),
    ],
)
def test_a_price_that_is_none_is_refused(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "priced.toml"
    unit = "" if "unit" in line else 'unit = "second"\n'
    file.write_text(f'{TOML}\n[[prices]]\nmodel = "clip-1"\n{unit}{line}\n', "utf-8")
    with pytest.raises(ValidationError, match=rf"priced.toml:\d+: prices.0.{words}"):
        read_declaration(file)
