"""The configuration file: accounts, aliases, keys, webhooks; and what `--check` says of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tarash.tarash_gateway import ValidationError
from tarash.tarash_gateway.cli import main
from tarash.tarash_gateway.server import Account, ServerSettings, WebhookSettings, _webhooks
from tarash.tarash_gateway.server._configuration import problems, read_settings
from tarash.tarash_gateway.server._key_store import ConfiguredKey
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.server.conftest import MODEL, Start

WHOLE = """
ledger = "sqlite:///jobs.db"
budgets = ["50/day"]

[[limits]]
provider = "fal"
in_flight = 10

[[accounts]]
provider = "fal"
name = "team"
key_env = "FAL_TEAM_KEY"

[aliases.fast-video]
chain = ["fal@team/fal-ai/veo3.1", "replicate/google/veo-3"]

[[keys]]
name = "shop"
key_env = "SHOP_KEY"
models = ["fast-video"]

[webhooks]
url = "https://example.com/hooks"
secret_env = "HOOK_SECRET"

[cors]
origins = ["https://app.example.com"]
"""
VARIABLES = {"FAL_TEAM_KEY": "a:b", "SHOP_KEY": "s" * 32, "HOOK_SECRET": "h" * 32}


def test_a_whole_file_is_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(WHOLE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = read_settings(path)
    assert len(list(problems(settings))) == 3
    assert main(["serve", "--check", "--config", str(path)]) == 2
    assert "FAL_TEAM_KEY" in capsys.readouterr().err
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)

    assert list(problems(settings)) == []
    assert main(["serve", "--check", "--config", str(path)]) == 0
    assert "in order" in capsys.readouterr().out
    assert not (tmp_path / "jobs.db").exists()


WRONG = [
    ("unknown = 1", "unknown"),
    ("[aliases.x]\nchain = []", "aliases.x.chain"),
    ('[aliases."a b"]\nchain = ["fal/x"]', "aliases.a b"),
    ('[[accounts]]\nprovider = "fal"\nname = "a b"', "accounts.0.name"),
    ('[[accounts]]\nname = "team"', "accounts.0.provider"),
    ("create_seconds = -1", "create_seconds"),
    ('mock = "often"', "mock"),
    ('[[limits]]\nper = "planet"', "limits.0.per"),
    ("[breaker]\nfailures = 0", "breaker.failures"),
    ('[[keys]]\nname = "shop"', "keys.0.key_env"),
    ('[[keys]]\nname = "x"\nkey_env = "X"\nbudget = {amount = -1}', "keys.0.budget.amount"),
    ('[webhooks]\nurl = "ftp://x"\nsecret_env = "X"', "webhooks.url"),
]
"""What both we and an editor say is wrong, and where."""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "can't be read"),
        ('budgets = ["much"]', "budgets"),
        (2 * '[[keys]]\nname = "shop"\nkey_env = "X"\n', "keys: .*'shop'"),
        (2 * '[[accounts]]\nprovider = "fal"\n', "accounts: two of fal have no name"),
        (2 * '[[accounts]]\nprovider = "fal"\nname = "a"\n', "two of fal are named 'a'"),
        ("keys = 5", "keys: it has to be a list"),
        *WRONG,
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValidationError, match=said):
        read_settings(path)


def test_what_can_not_work_here_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    both = ["openai/gpt-image-2", "openai/sora-2"]
    for fields, said in {
        "chain": ({"aliases": {"x": {"chain": both}}}, "no request fits all of it"),
        "seconds": ({"queue_seconds": 30}, "less than create_seconds"),
        "media": ({"media": file / "media"}, f"media: {file} is no folder"),
    }.values():
        (problem,) = problems(ServerSettings.model_validate(fields))
        assert said in problem

    for fields in ({"aliases": {"x": {"chain": both[:1]}}}, {"media": tmp_path / "a" / "b"}):
        assert list(problems(ServerSettings.model_validate(fields))) == []


def test_an_editor_takes_and_refuses_what_we_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(tomllib.loads(WHOLE))) == []
    for text, _ in WRONG:
        assert list(validator.iter_errors(tomllib.loads(text))), text

    for part in (schema, *schema["$defs"].values()):
        for name, field in part["properties"].items():
            assert field["description"], name
            assert "null" not in json.dumps(field), name


def test_what_is_not_there_is_a_problem() -> None:
    settings = ServerSettings.model_validate(
        {
            "accounts": [{"provider": "nobody"}],
            "aliases": {"x": {"chain": ["sora", "fal@other/x", "nobody/x"]}},
        }
    )
    said = " ".join(problems(settings))
    for part in ("no such provider", "no `provider/model`", "no account 'other'", "nobody/x"):
        assert part in said


@pytest.mark.parametrize("provider", ["openai", "fal"])
def test_a_fallbacks_account_keeps_its_jobs_after_a_restart(
    provider: str,
    start: Start,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TEAM_KEY", "team:secret")
    settings = {"accounts": [Account(provider=provider, name="team", key_env="TEAM_KEY")]}
    models = {"openai": "openai@team/sora-2", "fal": "fal@team/fal-ai/veo3.1"}
    simulator.fail("fal", "submit", Fault.status(503), times=3)
    simulator.script(provider, Script(run_seconds=1.5, stream=False))
    path = f"sqlite:///{tmp_path / 'jobs.db'}"
    first = start(path, **settings)
    made = first.create(model=MODEL, fallbacks=[models[provider]])
    assert made.status_code == 200, made.text
    assert simulator.counters(provider).accepted == 1
    first.stop()
    assert start(path, **settings).until_ended(made.json()["id"])["status"] == "completed"


def test_two_accounts_of_one_provider_keep_their_jobs(
    start: Start, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    simulator.keys["fal"] = {"one:key", "other:key"}
    monkeypatch.setenv("FAL_KEY", "one:key")
    monkeypatch.setenv("FAL_TEAM_KEY", "other:key")
    simulator.script("fal", Script(run_polls=8, stream=False))
    settings = {"accounts": [Account(provider="fal", name="team", key_env="FAL_TEAM_KEY")]}
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    first = start(ledger, **settings)
    made = [first.create(model=name).json()["id"] for name in (MODEL, "fal@team/fal-ai/veo3.1")]
    assert first.create(model="fal@nobody/fal-ai/veo3.1").status_code == 404
    first.stop()
    keys = [job.headers["authorization"] for job in simulator.jobs("fal")]
    assert keys == ["Key one:key", "Key other:key"]
    second = start(ledger, **settings)
    assert [second.until_ended(one)["status"] for one in made] == ["completed"] * 2
    for one in made:
        assert second.ask("GET", f"/v1/videos/{one}/content").status_code == 200


def test_a_configured_key_is_good_for_its_models(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "s" * 32)
    key = ConfiguredKey(name="shop", key_env="SHOP_KEY", models=("fal/*",))
    served = start(mock=True, keys=[key])
    assert served.create("s" * 32).status_code == 200
    assert served.create("s" * 32, model="openai/sora-2").status_code == 403
    assert served.create("s" * 31).status_code == 401


def test_pages_of_an_origin_may_use_it(start: Start) -> None:
    served = start(mock=True, cors={"origins": ["https://app.example.com"]})
    headers = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    allowed = httpx.options(f"{served.url}/v1/videos", headers=headers)
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    other = {**headers, "Origin": "https://evil.example.com"}
    refused = httpx.options(f"{served.url}/v1/videos", headers=other)
    assert "access-control-allow-origin" not in refused.headers


class Receiver:
    """Takes webhooks, and refuses the first ones."""

    def __init__(self, refusals: int = 0) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.refusal = 500
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                receiver.heard.append((dict(self.headers.items()), self.rfile.read(size)))
                self.send_response(receiver.refusal if len(receiver.heard) <= refusals else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def until(self, number: int) -> None:
        """Wait until so many have come."""
        while len(self.heard) < number:
            threading.Event().wait(0.02)

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_the_end_of_a_job_is_told(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = b"a secret of the tests, long enough"
    monkeypatch.setenv("HOOK_SECRET", f"whsec_{base64.b64encode(secret).decode()}")
    hooks = WebhookSettings(url=receiver.url, secret_env="HOOK_SECRET", allow_loopback=True)
    served = start(mock=True, webhooks=hooks)
    job = served.create().json()["id"]
    receiver.until(1)
    headers, body = receiver.heard[0]
    told = json.loads(body)
    assert (told["type"], told["data"]) == ("video.completed", {"id": job})
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert served.ask("GET", f"/v1/videos/{job}").json()["status"] == "completed"


def test_a_loopback_receiver_is_asked_only_where_that_is_allowed(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "h" * 32)
    hooks = WebhookSettings(url=receiver.url, secret_env="HOOK_SECRET")
    served = start(mock=True, webhooks=hooks)
    served.until_ended(served.create().json()["id"])
    served.stop()
    assert receiver.heard == []


def test_a_job_that_ended_while_nobody_listened_is_told_after_a_restart(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "h" * 32)
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    away = WebhookSettings(url=receiver.url, secret_env="HOOK_SECRET")
    first = start(ledger, mock=True, webhooks=away)
    job = first.create().json()["id"]
    first.stop()
    hooks = WebhookSettings(url=receiver.url, secret_env="HOOK_SECRET", allow_loopback=True)
    start(ledger, mock=True, webhooks=hooks)
    receiver.until(1)
    assert json.loads(receiver.heard[0][1])["data"] == {"id": job}


@pytest.mark.parametrize("status", [302, 500])
def test_who_does_not_take_it_is_told_again(
    start: Start, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(_webhooks, "PAUSES", (0, 0))
    monkeypatch.setenv("HOOK_SECRET", "h" * 32)
    receiver = Receiver(refusals=1)
    receiver.refusal = status
    hooks = WebhookSettings(url=receiver.url, secret_env="HOOK_SECRET", allow_loopback=True)
    served = start(mock=True, webhooks=hooks)
    served.create()
    receiver.until(2)
    receiver.close()
    assert receiver.heard[0][0]["webhook-id"] == receiver.heard[1][0]["webhook-id"]


def test_a_ledger_that_can_not_be_used_is_said_before_anybody_orders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = tmp_path / "jobs.db"
    spoilt.write_bytes(b"no database at all" * 100)
    assert main(["serve", "--check", "--ledger", f"sqlite:///{spoilt}"]) == 9
    below = f"sqlite:///{spoilt}/jobs.db"
    assert main(["serve", "--check", "--ledger", below]) in {2, 9}
    fine = tmp_path / "new" / "jobs.db"
    assert main(["serve", "--check", "--ledger", f"sqlite:///{fine}"]) == 0
    assert not fine.exists()
    assert main(["serve", "--check", "--config", str(tmp_path / "none.toml")]) == 2
    said = capsys.readouterr().err
    assert "Errno" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [["serve", "--mock", "--port", "0"], ["mcp", "--mock"]])
@pytest.mark.parametrize("place", ["a file", "no right to write", "no right to look"])
def test_the_usual_folder_for_results_is_checked_before_anything_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    place: str,
) -> None:
    home = tmp_path / "home"
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(home / "data"))
    if place == "a file":
        home.write_bytes(b"")
    else:
        home.mkdir()

    if place == "no right to write":  # which root has of every folder
        monkeypatch.setattr("os.access", lambda path, _mode: Path(path) != home)
    elif place == "no right to look":
        exists = Path.exists
        monkeypatch.setattr(
            Path, "exists", lambda path, **how: _looked(home, path) and exists(path, **how)
        )
        monkeypatch.setattr("os.access", lambda path, _mode: Path(path) != home)

    assert main(command) == 2
    said = capsys.readouterr()
    assert said.out == ""
    reason = "is no folder" if place == "a file" else "can't be written"
    assert f"media: {home} {reason}; --media names another folder" in said.err.replace("\n", "")


def _looked(home: Path, path: Path) -> bool:
    if home in path.parents:
        raise PermissionError(13, "Permission denied")

    return True
