"""`tarash models`: what the public functions return, as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.catalog import forget
from tarash.tarash_gateway.testing import Simulator
from tests.catalog.test_build import listed

typer = pytest.importorskip("typer")
NEW = "brand/new-model/image-to-video"
PROPERTIES = {
    "prompt": {"type": "string"},
    "image_url": {"type": "string", "description": "The first frame."},
    "duration": {"type": "string", "enum": ["5s", "10s"]},
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path / "cache"))
    forget("fal")
    yield
    forget("fal")


def run(*arguments: str) -> int:
    from tarash.tarash_gateway.cli import main

    return main(["models", *arguments])


def test_the_list_is_filtered(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--provider", "fal", "--output", "video", "--takes", "last_frame")
    assert run("list", *arguments, "--duration", "8", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert all("last_frame" in one["takes"] for one in found)
    assert run("list", *arguments, "veo3.1") == 0
    assert "fal-ai/veo3.1/first-last-frame-to-video" in capsys.readouterr().out


def test_a_filter_that_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--takes", "firstframe") == 2
    assert "'first_frame'" in capsys.readouterr().err


def test_a_list_without_models_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "kling-vidoe") == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no model of the catalogue" in shown.err
    assert "did you mean kling-video" in shown.err
    assert run("list", "zzzz", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_table_in_a_pipe_has_no_blanks_at_its_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "veo3.1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_model_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "fal-ai/veo3.1") == 0
    shown = capsys.readouterr().out
    assert "4, 6, 8" in shown
    assert "safety_tolerance  --param" in shown
    assert "generate_audio    --audio" in shown
    assert run("show", "fal-ai/veo3.1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["durations"] == [4, 6, 8]


def test_an_unknown_model_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "fal-ai/veo31") == 2
    assert "did you mean fal-ai/veo3.1" in capsys.readouterr().err


def test_refresh_and_add(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with Simulator(["fal"]) as simulator:
        url = simulator.base_url("fal")
        simulator.publish_models("fal", [listed(NEW, PROPERTIES)])
        assert run("refresh", "fal", "--base-url", url) == 0
        assert "1 model" in capsys.readouterr().out

        folder = tmp_path / "made"
        arguments = ("add", NEW, "--base-url", url, "--tests", str(folder), "--json")
        assert run(*arguments) == 0

    added: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert added["tests_passed"]
    assert added["plan"]["payload"]["duration"] == "5s"
    assert [Path(path).parent for path in added["tests"]] == [folder, folder]
    assert run("refresh", "fal", "--base-url", "http://127.0.0.1:9") == 7
    assert "what was stored before stays" in capsys.readouterr().err


def test_an_error_has_the_shape_of_all_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "fal-ai/veo31", "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["type"], error["exit_code"]) == ("ValidationError", 2)
    assert "did you mean" in error["message"]


def test_a_cache_that_can_not_be_written_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path / "file"))
    forget("fal")
    with Simulator(["fal"]) as simulator:
        url = simulator.base_url("fal")
        simulator.publish_models("fal", [listed(NEW, PROPERTIES)])
        for arguments in (("refresh", "fal"), ("add", NEW)):
            assert run(*arguments, "--base-url", url) == 9
            said = capsys.readouterr().err
            assert f"can't be kept in {tmp_path / 'file'}" in said
            assert "TARASH_CACHE_DIR" in said


def test_check_finds_what_is_gone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"provider": "openai", "model": "dall-e-3"}')
    assert run("check", str(config)) == 1
    assert "config.json:1: openai: dall-e-3 was shut down" in capsys.readouterr().out
    other = tmp_path / "other.json"
    other.write_text('{"provider": "openai", "model": "dall-e-2"}')
    assert run("check", str(config), str(other)) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2
    config.write_text("{}")
    assert run("check", str(config)) == 0
    assert run("check", str(tmp_path / "nowhere")) == 2
