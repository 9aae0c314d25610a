"""Text that a provider sent commands no terminal: tables, lines, errors, pages; JSON stays JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("rich")
pytest.importorskip("typer")

from tarash.tarash_gateway import HTTPError, VideoGenerationConfig, VideoGenerationResponse
from tarash.tarash_gateway._support._words import visible
from tarash.tarash_gateway.cli import _report as report
from tarash.tarash_gateway.cli import _terminal as terminal
from tarash.tarash_gateway.cli._errors import Exit
from tarash.tarash_gateway.media._html import page
from tarash.tarash_gateway.models import GenerationPlan

EVIL = {
    "clipboard": "\x1b]52;c;Y3VybA==\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "colours": "\x1b[31mred\x1b[0m\x1b[2J",
    "eight bits": "\x9b31mred",
    "backwards": "gpj.\u202egnp",
    "isolates": "\u2066a\u2069",
    "marks": "a\u200f\u200eb\u061c",
    "hidden": "a\u200bb\ufeff",
    "delete": "a\x7f\x08b",
    "return": "paid\rfree",
}
COMMANDS = frozenset("".join(EVIL.values())) - frozenset(map(chr, range(32, 127)))


def plain(text: str) -> bool:
    return not COMMANDS & frozenset(text)


@pytest.mark.parametrize("name", EVIL)
def test_text_is_shown_with_escapes_in_the_place_of_commands(name: str) -> None:
    shown = visible(f"one{EVIL[name]}two\nthree")
    assert plain(shown)
    assert shown.startswith("one\\") or name in (
        "colours",
        "backwards",
        "marks",
        "return",
        "hidden",
        "delete",
        "eight bits",
        "isolates",
    )
    assert "two\nthree" in shown
    assert "\\" in shown


@pytest.mark.parametrize(
    "text",
    ["A cat", "ein Kätzchen", "猫\u3000犬", "👨\u200d👩\u200d👧", "שלום", "a\tb\nc", "नमस्\u200dते"],
)
def test_text_of_any_language_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("name", EVIL)
def test_what_the_command_line_says_commands_no_terminal(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = EVIL[name]
    terminal.result(f"https://cdn.example/{evil}.mp4")
    terminal.print_line(f"error {evil}")
    terminal.hint(evil)
    terminal.warn(evil)
    table = terminal.plain_table("A", "B")
    table.add_row(f"id{evil}", f"model{evil}")
    terminal.show(table)
    report.failure(HTTPError(f"HTTP 400: {evil}"), Exit.PROVIDER, json=False)
    report.plan(
        GenerationPlan(
            kind="video",
            provider="fal",
            model=f"m{evil}",
            method="POST",
            endpoint="https://x.example",
            payload={"prompt": evil},
        ),
        VideoGenerationConfig(provider="fal", model="m"),
        json=False,
    )
    out, err = capsys.readouterr()
    assert plain(out)
    assert plain(err)


@pytest.mark.parametrize("name", EVIL)
def test_json_stays_json_and_commands_no_terminal_either(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"id": EVIL[name], "list": [EVIL[name], "ä 猫"]}
    terminal.document(value)
    out, _ = capsys.readouterr()
    assert json.loads(out) == value
    assert plain(out)
    assert "ä 猫" in out


@pytest.mark.parametrize("name", EVIL)
def test_an_error_prints_as_text_and_keeps_its_message_as_data(name: str) -> None:
    error = HTTPError(f"HTTP 400: {EVIL[name]}")
    assert plain(str(error))
    assert error.message == f"HTTP 400: {EVIL[name]}"


@pytest.mark.parametrize("name", EVIL)
def test_a_page_in_a_notebook_turns_nothing_around(name: str) -> None:
    facts: dict[str, Any] = {"request_id": f"r{EVIL[name]}", "resolution": EVIL[name]}
    response = VideoGenerationResponse(
        status="completed",
        raw_response=None,
        video="https://cdn.example/a.mp4",
        videos=(f"https://cdn.example/{EVIL[name]}.mp4",),
        **facts,
    )
    assert plain(page(response))
