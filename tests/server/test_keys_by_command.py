"""`tarash keys`: keys that are made without a server are good at one, and end at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.ledger import open_ledger
from tests.server.conftest import Start

Out = pytest.CaptureFixture[str]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


def told(capsys: Out, *arguments: str) -> Any:
    """Run a command under `tarash keys`, and return its JSON."""
    assert run(["keys", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_key_is_made_found_rotated_and_revoked_without_a_server(
    url: str, start: Start, capsys: Out
) -> None:
    scope = ["--model", "fal/*", "--budget", "5.00/day", "--in-flight", "5"]
    more = ["--requests-per-minute", "60", "--expires-in", "30d", "--ledger", url]
    made = told(capsys, "create", "shop", *scope, *more)
    assert made["budget"] == {"amount": "5.00", "per": "day"}
    assert (made["models"], made["in_flight"], made["requests_per_minute"]) == (["fal/*"], 5, 60)
    assert made["expires_at"]

    served = start(open_ledger(url), mock=True)
    assert served.ask("GET", "/v1/videos", made["key"]).status_code == 200
    assert served.http.get(f"/api/keys/{made['id']}").json()["name"] == "shop"

    other = told(capsys, "rotate", made["id"], "--ledger", url)
    assert other["id"] == made["id"]
    assert served.ask("GET", "/v1/videos", made["key"]).status_code == 401
    assert served.ask("GET", "/v1/videos", other["key"]).status_code == 200

    (listed,) = told(capsys, "list", "--ledger", url)
    assert listed == {name: one for name, one in made.items() if name != "key"}

    assert told(capsys, "revoke", made["id"], "--ledger", url)["deleted"]
    assert served.ask("GET", "/v1/videos", other["key"]).status_code == 401
    acts = served.http.get("/api/audit").json()["data"]
    assert [one["act"] for one in acts] == ["key.revoked", "key.rotated", "key.created"]
    assert {one["what"] for one in acts} == {made["id"]}


def test_the_key_alone_is_the_output_and_no_list_shows_it(url: str, capsys: Out) -> None:
    assert run(["keys", "create", "shop", "--ledger", url]) == 0
    token = capsys.readouterr().out.strip()
    assert token.startswith("tg_")
    assert run(["keys", "list", "--ledger", url]) == 0
    said = capsys.readouterr()
    assert "shop" in said.out
    assert token not in said.out + said.err
    assert run(["keys", "revoke", token, "--ledger", url]) == 2
    said = capsys.readouterr()
    assert token.rpartition("_")[2] not in said.out + said.err
    assert token.split("_")[1] in said.err


def test_the_servers_file_names_the_ledger(url: str, tmp_path: Path, capsys: Out) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(f'ledger = "{url}"\n')
    made = told(capsys, "create", "shop", "--config", str(file))
    assert [one["id"] for one in told(capsys, "list", "--ledger", url)] == [made["id"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["create", ""], "NAME"),
        (["create", "x", "--budget", "much"], "--budget"),
        (["create", "x", "--budget", "5/week"], "--budget"),
        (["create", "x", "--budget", "5/day/user"], "--budget"),
        (["create", "x", "--in-flight", "0"], "--in-flight"),
        (["create", "x", "--requests-per-minute", "-1"], "--requests-per-minute"),
        (["create", "x", "--model", ""], "--model"),
        (["create", "x", "--expires-in", "soon"], "--expires-in"),
        (["create", "x", "--expires-in", "0s"], "--expires-in"),
        (["create", "x", "--ledger", "memory:"], "no server sees it"),
        (["create", "x", "--config", "none.toml"], "none.toml"),
        (["rotate", "0123456789abcdef"], "there is no key"),
        (["revoke", "configured:shop"], "configuration"),
    ],
)
def test_what_can_not_be_done_is_said(
    url: str, capsys: Out, arguments: list[str], expected: str
) -> None:
    assert run(["keys", "create", "there", "--ledger", url]) == 0
    capsys.readouterr()
    where = [] if {"--ledger", "--config"} & {*arguments} else ["--ledger", url]
    assert run(["keys", *arguments, *where]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert expected in said
    assert "Traceback" not in said


def test_a_ledger_that_is_not_there_is_not_made_by_a_look(tmp_path: Path, capsys: Out) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    assert run(["keys", "list", "--ledger", url]) == 2
    assert "there is no ledger" in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())
