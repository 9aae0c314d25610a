"""Models that are gone: known before the call, told after it, found in a project's files."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    HTTPError,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    check_models,
    describe_model,
    generate_video,
    plan_video,
)
from tarash.tarash_gateway.catalog import ending, lifecycle, near_ids, retired
from tarash.tarash_gateway.catalog._check import check_files
from tarash.tarash_gateway.catalog._lifecycle import LIFECYCLES
from tarash.tarash_gateway.testing import Fault, Simulator

LATER = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("provider", "model", "day", "successor"),
    [
        ("openai", "sora-2-pro", "2026-09-24", None),
        ("openai", "openai/sora-2", "2026-09-24", None),
        ("openai", "dall-e-3", "2026-05-12", "gpt-image-2"),
        ("google", "veo-3.0-generate-preview", "2026-06-30", "gemini-omni-1.2-flash"),
        ("google", "imagen-4.0-generate-001", "2026-08-17", "gemini-3.1-flash-image"),
        ("runway", "gen3a_turbo", None, "gen4_turbo"),
        ("google", "imagen-3.0-generate-001", "2026-06-30", "gemini-3.1-flash-image"),
        ("google", "imagen-3.0-generate-002", "2025-11-10", "gemini-3.1-flash-image"),
        ("google", "imagegeneration@006", "2026-06-30", "gemini-3.1-flash-image"),
        ("google", "gemini-2.5-flash-image-preview", "2026-01-15", "gemini-3.1-flash-image"),
        ("google", "gemini-2.0-flash-preview-image-generation", None, "gemini-3.1-flash-image"),
        ("azure-openai", "dall-e-3", None, "gpt-image-2"),
        ("azure-openai", "sora", None, None),
        ("xai", "grok-2-image-1212", None, "grok-imagine-image-2.0"),
    ],
)
def test_dates_and_successors(
    provider: str, model: str, day: str | None, successor: str | None
) -> None:
    found = lifecycle(provider, model)
    assert found is not None
    assert found.shutdown == (None if day is None else date.fromisoformat(day))
    assert found.successor == successor
    assert retired(provider, model, LATER) is not None


def test_a_model_is_not_retired_before_its_day() -> None:
    assert retired("openai", "gpt-image-1", date(2026, 10, 22)) is None
    note = retired("openai", "gpt-image-1", date(2026, 10, 23))
    assert note == "gpt-image-1 was shut down on 2026-10-23; use gpt-image-2"
    assert retired("openai", "gpt-image-1-mini", LATER) is None
    assert retired("openai", "gpt-image-1-mini", date(2026, 12, 1)) is not None


def test_a_model_is_warned_of_a_month_before_its_end_and_how_sure_that_is() -> None:
    assert ending("google", "gemini-omni-1.1-flash", date(2026, 11, 2)) is None
    note = ending("google", "gemini-omni-1.1-flash", date(2026, 11, 3))
    assert note is not None
    assert "will be shut down on 2026-12-03 (as others report" in note
    assert note.endswith("use gemini-omni-1.2-flash")
    stated = ending("openai", "gpt-image-1.5", date(2026, 11, 30))
    expected = "gpt-image-1.5 will be shut down on 2026-12-01; use gpt-image-2.6-sunburst"
    assert stated == expected


@pytest.mark.parametrize("mocked", [True, False])
def test_a_rehearsal_tells_of_the_end_of_a_model(*, mocked: bool) -> None:
    """The plan and the mock warn as the real call does: they are rehearsals of it."""
    mock = MockConfig(enabled=True) if mocked else None
    config = VideoGenerationConfig(provider="openai", model="sora-2", mock=mock)
    request = VideoGenerationRequest(prompt="a cat")
    with pytest.warns(UserWarning, match="sora-2 was shut down on 2026-09-24"):
        plan = plan_video(config, request)

    assert plan.warnings == ("sora-2 was shut down on 2026-09-24; it has no successor",)
    if mocked:
        with pytest.warns(UserWarning, match="sora-2 was shut down on 2026-09-24"):
            generate_video(config, request)


def test_every_row_has_a_source_and_no_successor_is_itself_gone() -> None:
    for provider, rows in LIFECYCLES.items():
        assert list(rows) == sorted(rows), provider
        for model, row in rows.items():
            assert row.source
            assert row.successor is None or retired(provider, row.successor, LATER) is None, model


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openrouter", "openai/gpt-image-1"),
        ("replicate", "openai/gpt-image-1"),
        ("together", "openai/sora-2"),
        ("wavespeed", "openai/sora-2/text-to-video"),
        ("fal", "fal-ai/gpt-image-1/edit-image"),
    ],
)
def test_a_model_that_is_gone_is_gone_at_who_passes_requests_on(provider: str, model: str) -> None:
    said = retired(provider, model, LATER)
    assert said is not None
    assert "was shut down on 2026-" in said
    assert "as others report" in said
    assert retired(provider, "openai/gpt-image-2", date(2026, 11, 29)) is None


@pytest.mark.parametrize(
    ("provider", "model", "gone"),
    [
        ("openrouter", "openai/gpt-image-2", "openai/gpt-image-1"),
        ("openai", "dall-e-4", "dall-e-3"),
        ("google", "veo-3.0-generate-002", "veo-3.0-generate-001"),
    ],
)
def test_no_model_that_is_gone_is_meant_by_another_id(provider: str, model: str, gone: str) -> None:
    assert retired(provider, gone, LATER) is not None
    assert gone not in near_ids(provider, model)


def test_the_description_says_so() -> None:
    described = describe_model("fal", "fal-ai/sora-2/text-to-video")
    assert described.retired
    assert described.shutdown == date(2026, 9, 24)


def test_a_retired_model_warns_before_the_call_and_explains_the_error_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Simulator(["fal"]) as simulator, caplog.at_level(logging.WARNING):
        simulator.fail("fal", "submit", Fault.status(404))
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/sora-2/text-to-video",
            api_key="any:key",
            base_url=simulator.base_url("fal"),
        )
        with pytest.raises(HTTPError, match=r"was shut down on 2026-09-24"):
            generate_video(config, VideoGenerationRequest(prompt="a cat"))

    assert "model_ends" in [vars(record)["event"] for record in caplog.records]


def test_models_that_end_soon_are_found_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text('CONFIG = dict(provider="openai", model="gpt-image-1.5")\n')
    day = date(2026, 11, 11)
    assert [*check_files(path, day, within=19)] == []
    (soon,) = check_files(path, day, within=20)
    assert soon.note.startswith("gpt-image-1.5 will be shut down on 2026-12-01")
    path.write_text('CONFIG = dict(provider="openai", model="gpt-image-1")\n')
    assert len(check_models(path)) == len(check_models(path, within_days=365)) == 1


def test_retired_models_are_found_in_files(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('CONFIG = dict(provider="openai", model="dall-e-3")\n')
    (tmp_path / "other.yaml").write_text("provider: google\nmodel: veo-3.0-generate-001\n")
    (tmp_path / "fine.json").write_text('{"provider": "fal", "model": "fal-ai/veo3.1"}')
    (tmp_path / "azure.toml").write_text('provider = "replicate"\nmodel = "dall-e-3"\n')
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "app.py").write_text('model="dall-e-2"')
    (tmp_path / "picture.png").write_bytes(b"\x89PNG dall-e-3")

    found = check_models(tmp_path)
    assert [(Path(one.path).name, one.line, one.provider) for one in found] == [
        ("app.py", 1, "openai"),
        ("other.yaml", 2, "google"),
    ]
    assert check_models(tmp_path / "fine.json") == []
    twice = check_models(tmp_path / "other.yaml", tmp_path / "app.py", tmp_path)
    assert [Path(one.path).name for one in twice] == ["other.yaml", "app.py"]


@pytest.mark.parametrize(
    ("line", "is_meant"),
    [
        ("| `fal`, `google` (also `veo3`), `runway` | the SDK of one provider |", False),
        ("understood as the extra `veo3`, as in pip install 'tarash-gateway[veo3]'", False),
        ('veo3 = ["tarash-gateway[google]"]', False),
        ('LETTERS = ["aleph", "beth"]', False),
        ("extras: veo3", False),
        ("Which models there are: the letter aleph is none", False),
        ('config = VideoGenerationConfig(provider="runway", model="veo3")', True),
        ('run(model="veo3")', True),
        ('{"model": "veo3"}', True),
        ("RUNWAY_MODEL=veo3", True),
        ("tarash video --model veo3", True),
        ('MODELS = ["gen4", "aleph"]', True),
        ("--fallback runway:veo3", True),
        ('the extra "veo3" is not model="veo3"', True),
        ("gen3a_turbo is no other word", True),
    ],
)
def test_an_id_that_is_a_word_as_well_counts_where_it_is_given_as_a_model(
    line: str, *, is_meant: bool, tmp_path: Path
) -> None:
    path = tmp_path / "notes.md"
    path.write_text(line)
    assert [one.provider for one in check_models(path)] == (["runway"] if is_meant else [])
