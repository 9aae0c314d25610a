"""What the library says in its own words is said in options on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tarash.tarash_gateway.cli import main
from tarash.tarash_gateway.cli._words import _offered, in_options, wish


@pytest.fixture(autouse=True)
def _outside_a_command() -> Iterator[None]:
    """Whatever ran in this process before, no command runs now."""
    token = _offered.set(None)
    yield
    _offered.reset(token)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "set FAL_KEY or api_key= on the config; to try, use mock=MockConfig(enabled=True)",
            "set FAL_KEY or name a file that holds it with --key-file; to try, use --mock",
        ),
        ("raise timeout= on the config, or check", "raise --timeout, or check"),
        ("raise timeout= to wait longer", "raise --timeout to wait longer"),
        ("(check the network and base_url)", "(check the network and --base-url)"),
        ("strict=True, and m can't take duration_seconds=7.0: m takes [8]",
         "--strict is given, and m can't take --duration 7.0: m takes [8]"),
        ("needs 'x'; give it in extra_params={'x': ...}", "needs 'x'; give it with --param x=..."),
        ("give it in extra_params", "give it with --param NAME=VALUE"),
        ("extra_params.duraton: asked", "--param duraton: asked"),
        ("comes from the field 'prompt'", "comes from PROMPT"),
        ("2 images in 'image_list'; remove 1", "2 images in --image; remove 1"),
        ("(failover='when_safe': x was not tried)", "(--failover when_safe: x was not tried)"),
        ("model= is the deployment's name", "--model is the deployment's name"),
        ("fit_images=True on the config lets images be", "--fit-images lets images be"),
        ("Known: fal; register_provider() adds your own", "Known: fal"),
        ("at once; add_model() reads one", "at once; `tarash models add` reads one"),
        ("take the id from a handle, or from the list of `resume_all`",
         "take the id from `tarash jobs ls --all`"),
        ("No room (the response still holds what was made)", "No room"),
        ("the job x goes on; the error's operation identifies it, and submitting again buys",
         "the job x goes on; submitting again buys"),
        ("Cancelled; the job x goes on at fal", "The job x goes on at fal"),
        ("another name, or pass overwrite=True", "another name, or overwrite it with --force"),
        ("fal makes images, no videos; use generate_image()",
         "fal makes images, no videos; use `tarash image`"),
        ("use an idempotency_key, or a ledger", "use --idempotency-key, or a ledger"),
        ("m can't take n=9: m takes 4", "m can't take --n 9: m takes 4"),
        ("takes='first' is not possible", "--takes 'first' is not possible"),
        ("comes from image_list and from extra_params", "comes from --image and from --param"),
        ("image_list[0].type: asked", "the role of --image[0]: asked"),
        ("image_list[0]: give a smaller one, or raise max_media_bytes= on the config",
         "--image[0]: give a smaller one"),
    ],
)  # fmt: skip
def test_fields_become_options(said: str, shown: str) -> None:
    assert in_options(said) == shown


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
    assert wish(field) == shown


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
    before = in_options("give it in extra_params")
    assert main(["providers"]) == 0
    assert capsys.readouterr().out
    assert in_options("give it in extra_params") == before


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
