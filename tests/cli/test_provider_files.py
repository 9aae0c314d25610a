"""`tarash providers new` and `check`: from nothing to a file that plays, and faults explained."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tools.provider_schema import written

from .conftest import Command

FOLDER = Path(__file__).parents[1] / "contract" / "declared"
SHIPPED = Path(__file__).parents[2] / "tarash" / "tarash_gateway" / "providers"
BUILT_IN = sorted(SHIPPED.glob("*/provider.toml"))


def test_a_new_file_plays_at_once(command: Command) -> None:
    made = command("providers", "new", "acme.toml", code=0)
    assert made.out == "acme.toml\n"
    assert json.loads((command.folder / "provider.schema.json").read_text()) == json.loads(
        written()
    )
    checked = command("providers", "check", "acme.toml", code=0).out
    assert "acme-1 (video) goes to https://api.acme.example/v1/generations" in checked
    assert "duration: duration_seconds, [4, 8]" in checked
    assert "no [list]: a job whose answer is lost is not found again" in checked
    assert len(re.findall(r"^  ok: acme-1: ", checked, re.MULTILINE)) == 15
    for status in (500, 503):
        assert f"a submit that is answered with {status} is asked again" in checked

    assert "NOT SO" not in checked


def test_what_is_given_is_not_asked_for(command: Command) -> None:
    options = ["--title", 'The "Best"', "--host", "https://x.example/v2", "--variable", "X_KEY"]
    options += ["--kind", "image", "--model", "x-9", "--submit", "make", "--poll", ""]
    command("providers", "new", "best-one.toml", *options, code=0)
    text = (command.folder / "best-one.toml").read_text()
    assert 'name = "best-one"' in text
    assert "at_once = true" in text
    report = command("providers", "check", "best-one.toml", "--json", code=0).json()
    assert (report["provider"], report["derived"][0]["endpoint"]) == (
        "best-one",
        "https://x.example/v2/make",
    )
    assert all(one["trouble"] is None for one in report["scenes"])
    again = command("providers", "new", "best-one.toml", code=2)
    assert "exists, and is left as it is" in again.err
    assert "names no provider" in command("providers", "new", "9.toml", code=2).err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('state"', 'state"\nodd = 1', r"poll.odd: there is no such key"),
        ('from = "prompt"', 'from = "promt"', r"no field 'promt'; did you mean 'prompt'\?"),
        ('code = "unsafe|blocked"', 'code = "uns(fe"', "is no pattern"),
        ('ready = "completed"', 'ready = "processing"', "no word for completed"),
    ],
)
def test_faults_are_told_with_their_lines(command: Command, old: str, new: str, said: str) -> None:
    text = (FOLDER / "aster.toml").read_text("utf-8")
    assert old in text
    (command.folder / "acme.toml").write_text(text.replace(old, new, 1), "utf-8")
    told = command("providers", "check", "acme.toml", code=2).err.replace("\n", " ")
    assert re.search(said, re.sub(r"\s+", " ", told)), told
    assert re.search(r"acme.toml:\d+:", told)


def test_what_does_not_hold_is_told(command: Command) -> None:
    """A vendor's word for a failure that nobody declared."""
    text = (FOLDER / "aster.toml").read_text("utf-8")
    for word in ('broken = "failed", ', 'cancelled = "failed", '):
        text = text.replace(word, "", 1)

    (command.folder / "acme.toml").write_text(text, "utf-8")
    ran = command("providers", "check", "acme.toml", code=5)
    assert "no status means failed" in ran.out
    assert "NOT SO: clip-1: content that is refused ends as refused" in ran.out


def test_words_that_prove_nothing_are_said_to_end_as_unknown(command: Command) -> None:
    command("providers", "new", "acme.toml", code=0)
    made = (command.folder / "acme.toml").read_text("utf-8")
    plain = re.sub(r"^message = .*$", 'message = ["message"]', made, flags=re.MULTILINE)
    plain = re.sub(r"^code = \[.*$", 'code = ["reason"]', plain, flags=re.MULTILINE)
    (command.folder / "acme.toml").write_text(plain, "utf-8")
    checked = command("providers", "check", "acme.toml", code=0).out
    for status in (500, 503):
        assert f"with {status} ends as unknown after one submit" in checked


def test_a_live_check_asks_for_the_key(command: Command) -> None:
    ran = command("providers", "check", str(FOLDER / "aster.toml"), "--live", code=0)
    assert "missing: live aster: no key to check" in re.sub(r"\s+", " ", ran.out)


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.parent.name)
def test_what_ships_can_be_checked(command: Command, path: Path) -> None:
    """Stages in Python may do what the file doesn't say; then the vendor's own wire plays it."""
    report = command("providers", "check", str(path), "--json").json()
    assert report["derived"]
    if not any(line.startswith("[hooks]") for line in path.read_text("utf-8").splitlines()):
        assert [one for one in report["scenes"] if one["trouble"]] == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "statuses = ",
            "status_map = ",
            ["no such key; did you mean 'statuses'?", "statuses: it is missing, and needed"],
        ),
        ("[poll]\n", '[poll]\nmethod = "PUT"\n', ["it must be 'GET' or 'POST'"]),
        ('"completed"', '"done"', ["it must be 'queued', 'processing', 'completed'"]),
        ('from = "prompt"', 'from = "promt"', ["did you mean 'prompt'?"]),
        ('kind = "video"', 'kind = "vidoe"', ["it must be 'video' or 'image'"]),
        ('id = "', 'id = "..', ["it is no path: names with dots between"]),
    ],
)
def test_what_people_mistype_is_said_in_plain_words_a_line_each(
    command: Command, old: str, new: str, told: list[str]
) -> None:
    text = (FOLDER / "aster.toml").read_text("utf-8")
    assert old in text
    (command.folder / "acme.toml").write_text(text.replace(old, new, 1), "utf-8")
    lines = command("providers", "check", "acme.toml", code=2).err.strip().splitlines()
    assert len(lines) == 1 + len(told), lines
    for said in told:
        (place,) = [line for line in lines[1:] if said in line]
        assert place.startswith("  acme.toml:")
