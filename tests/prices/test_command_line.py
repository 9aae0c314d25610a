"""`tarash quote` and `tarash compare-prices`: what they print, and what they refuse."""

from __future__ import annotations

import json

import pytest

from tarash.tarash_gateway.cli._app import run

CAT = "A cat"


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, its output and its errors."""
    code = run([*arguments])
    written = capsys.readouterr()
    return code, written.out, written.err


def test_a_quote_is_shown_with_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("quote", CAT, "--provider", "runway", "--model", "gen4.5", "--duration", "5")
    code, out, _ = told(capsys, *asked)

    assert code == 0
    assert "$0.60" in out
    assert "5 seconds" in out
    assert "second_hand" in out


def test_a_quote_of_a_chain_is_one_document_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("quote", CAT, "--provider", "runway", "--model", "gen4.5", "--duration", "5")
    _, alone, _ = told(capsys, *asked, "--json")
    _, chain, _ = told(capsys, *asked, "--fallback", "luma:ray-1-6", "--json")

    assert json.loads(alone)["high"] == "0.60"
    assert [(one["provider"], one["high"]) for one in json.loads(chain)] == [
        ("runway", "0.60"),
        ("luma", None),
    ]


def test_prices_are_compared_cheapest_first_and_unknown_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = ("luma:ray-1-6", "runway:gen4.5", "xai:grok-imagine-video", "nobody:x")
    options = [part for one in models for part in ("--model", one)]
    code, out, _ = told(capsys, "compare-prices", CAT, "--duration", "5", *options, "--json")

    found = json.loads(out)
    assert code == 0
    assert [one["provider"] for one in found] == ["xai", "runway", "luma", "nobody"]
    assert "nobody" in found[-1]["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("quote", CAT, "--kind", "song"), "--kind: 'song' is neither video nor image"),
        (("quote", CAT, "--kind", "image", "--duration", "5"), "--duration is not for images"),
        (("quote", CAT, "--size", "1024x1024"), "--size is not for videos"),
        (("compare-prices", CAT, "--model", "gen4.5"), "is not PROVIDER:MODEL"),
    ],
)
def test_a_mistake_is_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = told(capsys, *arguments)

    assert code == 2
    assert out == ""
    assert said in " ".join(err.split())


def test_a_dry_run_shows_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("video", CAT, "--provider", "runway", "--model", "gen4.5", "--duration", "5")
    _, out, _ = told(capsys, *asked, "--dry-run")

    assert "cost" in out
    assert "$0.60" in out


@pytest.mark.parametrize(
    ("model", "options", "is_sent"),
    [
        ("gen4.5", ("--max-cost", "0.60"), True),
        ("gen4.5", ("--max-cost", "0.59"), False),
        ("gen9", ("--max-cost", "100"), False),
        ("gen9", ("--max-cost", "100", "--allow-unpriced"), True),
    ],
)
def test_a_dry_run_says_what_is_not_sent_for_its_price(
    capsys: pytest.CaptureFixture[str], model: str, options: tuple[str, ...], is_sent: bool
) -> None:
    asked = ("video", CAT, "--provider", "runway", "--model", model, "--duration", "5")
    code, out, _ = told(capsys, *asked, "--dry-run", *options)

    assert code == 0
    assert ("so it is not sent" in out) is not is_sent


@pytest.mark.parametrize("command", ["quote", "compare-prices"])
def test_a_model_without_a_price_says_what_to_do_here(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    named = ["--provider", "luma", "--model", "ray-1-6"] if command == "quote" else []
    compared = [] if named else ["--model", "luma:ray-1-6"]
    _, out, _ = told(capsys, command, CAT, *named, *compared)

    said = " ".join(out.replace("│", " ").split())
    assert "no price of luma ray-1-6 is known" in said
    assert "TARASH_PRICES" in said
    assert "register_prices" not in said


def test_the_default_model_has_a_price(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = told(capsys, "quote", CAT, "--duration", "4", "--resolution", "720p")

    assert "$1.60" in out  # with sound, at 0.40 a second
