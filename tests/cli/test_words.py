"""What the library says in its own words is said in options on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash import tarash_gateway
from tarash.tarash_gateway import TarashException
from tarash.tarash_gateway._data import _hints as hints
from tarash.tarash_gateway.catalog._sources import with_dates, with_schemas
from tarash.tarash_gateway.cli import main
from tarash.tarash_gateway.cli._words import (
    ADVICE,
    _offered,
    adapted_option,
    advice_of,
    error_text,
    in_options,
    offer,
)
from tests.cli.conftest import Command


@pytest.fixture(autouse=True)
def _outside_a_command() -> Iterator[None]:
    """Whatever ran in this process before, no command runs now."""
    token = _offered.set(None)
    yield
    _offered.reset(token)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("raise timeout= on the config, or check", "raise --timeout, or check"),
        ("raise timeout= to wait longer", "raise --timeout to wait longer"),
        ("(check the network and base_url)", "(check the network and --base-url)"),
        ("strict=True allows no changes, and m can't take duration_seconds=7.0: m takes [8]",
         "--strict allows no changes, and m can't take --duration 7.0: m takes [8]"),
        ("needs 'x'; give it in extra_params={'x': ...}", "needs 'x'; give it in --param x=..."),
        ("extra_params.duraton: asked", "--param duraton: asked"),
        ("comes from the field 'prompt'", "comes from PROMPT"),
        ("2 images in 'image_list'; remove 1", "2 images in --image; remove 1"),
        ("(failover='when_safe': x was not tried)", "(--failover 'when_safe': x was not tried)"),
        ("model= is the deployment's name", "--model is the deployment's name"),
        ("fit_images=True on the config lets images be", "--fit-images lets images be"),
        ("another name, or pass overwrite=True", "another name, or pass --force"),
        ("idempotency_key is a text", "--idempotency-key is a text"),
        ("m can't take n=9: m takes 4", "m can't take --n 9: m takes 4"),
        ("takes='first' is not possible", "--takes 'first' is not possible"),
        ("comes from image_list and from extra_params", "comes from --image and from --param"),
        ("image_list[0].type: asked", "the role of --image[0]: asked"),
    ],
)  # fmt: skip
def test_fields_become_options(said: str, shown: str) -> None:
    assert in_options(said) == shown


HINTS = {
    hints.raise_limit("timeout", " to wait longer"): "raise --timeout to wait longer",
    hints.raise_limit("max_media_bytes"): None,
    hints.switch_on("fit_images", " lets images be converted"): (
        "--fit-images lets images be converted"
    ),
    hints.switch_on("allow_private_urls", " lets it be fetched"): None,
    hints.check("the network", "base_url"): "check the network and --base-url",
    hints.check("that it is the right ledger"): "check that it is the right ledger",
    hints.set_key("FAL_KEY"): (
        "set the environment variable FAL_KEY or name a file that holds it with --key-file"
    ),
    hints.use_mock(): "to try without a key, use --mock",
    hints.use_function("image"): "use `tarash image`",
    hints.give_parameter("x"): "give it with --param x=...",
    hints.give_parameter(): "give it with --param NAME=VALUE",
    hints.read_raw_response(): None,
    hints.use_operation(): None,
    hints.keep_results(): "use --idempotency-key, or a ledger in a file",
    hints.give_media("give a smaller one"): "give a smaller one",
    hints.check_dashboard(): "look at the provider's dashboard before you try again",
    hints.use_model("fal", "fal-ai/veo3.1"): "use fal-ai/veo3.1",
    hints.Hint("list_jobs", "see `resume_all`"): "take the id from `tarash jobs ls --all`",
    hints.Hint("add_model", "add_model() reads one"): "`tarash models add` reads one",
    hints.Hint("set_base_url", "set base_url= on the config"): "set --base-url",
    hints.Hint("register_provider", "register_provider() adds your own"): None,
}


def test_a_free_question_is_not_answered_by_a_purchase(tarash_command: Command) -> None:
    asked = ("quote", "A tram", "--provider", "fal", "--model", "fal-ai/flux/dev")
    said = tarash_command(*asked, code=2).err
    assert "use --kind image" in said, said
    assert "`tarash image`" not in said


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: f"{hint.action} {hint.setting}")
def test_a_hint_is_said_in_words_of_the_command_line(hint: hints.Hint) -> None:
    shown = HINTS[hint]
    assert advice_of(hint) == shown
    error = TarashException("It went wrong in image_list", hints=[hint])
    assert error.message == f"It went wrong in image_list; {hint.text}"
    assert error_text(error) == "It went wrong in --image" + (f"; {shown}" if shown else "")


def test_the_command_line_has_its_own_words_for_every_hint_that_is_about_python() -> None:
    package = Path(tarash_gateway.__file__).parent
    made = {
        action
        for path in package.rglob("*.py")
        for action in re.findall(r'\bHint\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    plain = {"check_dashboard", "give_media", "leave_out", "use_model"}  # said alike everywhere
    assert len(made) > 10
    assert made == ADVICE.keys() | plain


def test_a_command_says_nothing_of_options_that_it_lacks() -> None:
    offer(["--timeout"])
    assert advice_of(hints.set_key("FAL_KEY")) == "set the environment variable FAL_KEY"
    assert advice_of(hints.use_mock()) is None
    assert advice_of(hints.check("the network", "base_url")) == "check the network"
    assert advice_of(hints.raise_limit("timeout")) == "raise --timeout"


def test_what_is_found_out_later_stands_before_the_hints() -> None:
    error = TarashException("It failed", hints=[hints.use_mock()])
    error.amend(after=" (twice)")
    error.amend(after=" (twice)")
    error.amend(before="fal: ", hints=[hints.check_dashboard()])
    assert error_text(error) == (
        "fal: It failed (twice); to try without a key, use --mock; "
        "look at the provider's dashboard before you try again"
    )
    assert str(error) == error.message
    error.message = "Said by somebody else"
    assert error_text(error) == "Said by somebody else"


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("n", "--n"),
        ("duration_seconds", "--duration"),
        ("image_list[0]", "--image[0]"),
        ("image_list[0].type", "the role of --image[0]"),
        ("extra_params.tone", "--param tone"),
        ("enhance_prompt", "--enhance"),
        ("tone", "--param tone"),
    ],
)
def test_a_wish_is_called_like_its_option(field: str, shown: str) -> None:
    assert adapted_option(field) == shown


@pytest.mark.parametrize(
    "said",
    [
        "the model and the video are gone",
        "its 'seed' is 7",
        "https://example.org/?a=b&n=1&resolution",
    ],
)
def test_other_words_stay_as_they_are(said: str) -> None:
    assert in_options(said) == said


def test_a_command_leaves_nothing_behind_for_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    before = in_options("it is in extra_params")
    assert main(["providers"]) == 0
    assert capsys.readouterr().out
    assert in_options("it is in extra_params") == before


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("name", ["video", "image", "simulate", "doctor"])
def test_help_names_every_option_in_full(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is cut off with an ellipsis can't be typed."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--" in shown
    assert [line for line in shown.replace("s3://…", "").splitlines() if "…" in line] == []


def test_the_help_of_refresh_names_everybody_who_publishes_something(command: Command) -> None:
    said = command("models", "refresh", "--help", code=0).out
    for provider in {*with_schemas(listed=True), *with_dates()}:
        assert provider in said
