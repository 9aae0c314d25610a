"""Keys: made and shown once, scoped, rotated, revoked at once; and who may see whose jobs."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.ledger._contract import StateRecord
from tarash.tarash_gateway.server._key_store import SPACE, KeyScope, KeyStore
from tests.server.conftest import ADMIN, MODEL, Start, Started

OPEN = {"/healthz", "/readyz", "/openapi.json", "/api/session"}


def test_a_key_is_shown_once_and_kept_as_a_hash(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    served = start(f"sqlite:///{path}", mock=True)
    made = served.http.post("/api/keys", json={"name": "shop", "models": ["fal/*"]}).json()
    assert made["key"].startswith("tg_")
    listed = served.http.get("/api/keys").json()["data"]
    assert [(one["id"], one["name"], one["models"]) for one in listed] == [
        (made["id"], "shop", ["fal/*"])
    ]
    assert "key" not in listed[0]
    assert served.http.get(f"/api/keys/{made['id']}").json() == listed[0]
    served.ask("GET", "/v1/models", made["key"])
    served.stop()
    secret = made["key"].rpartition("_")[2].encode()
    assert all(secret not in one.read_bytes() for one in tmp_path.rglob("*.db*"))


def test_a_revoked_key_is_refused_at_once_by_all_servers(start: Start, tmp_path: Path) -> None:
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    one, other = start(ledger, mock=True), start(ledger, mock=True)
    made = one.http.post("/api/keys", json={"name": "x"}).json()
    assert other.ask("GET", "/v1/models", made["key"]).status_code == 200
    revoked = one.http.delete(f"/api/keys/{made['id']}")
    assert revoked.json() == {"id": made["id"], "object": "key.deleted", "deleted": True}
    assert other.ask("GET", "/v1/models", made["key"]).status_code == 401
    assert one.http.delete(f"/api/keys/{made['id']}").status_code == 404


def test_a_rotated_key_is_another_one_with_the_same_jobs(mocked: Started) -> None:
    made = mocked.http.post("/api/keys", json={"name": "x"}).json()
    video = mocked.create(made["key"]).json()
    rotated = mocked.http.post(f"/api/keys/{made['id']}/rotate").json()
    assert rotated["id"] == made["id"]
    assert mocked.ask("GET", "/v1/models", made["key"]).status_code == 401
    seen = mocked.ask("GET", f"/v1/videos/{video['id']}", rotated["key"])
    assert seen.status_code == 200


def test_an_expired_key_is_refused(mocked: Started) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    key = mocked.key(expires_at=past)
    assert mocked.ask("GET", "/v1/models", key).status_code == 401


def forged(key: str) -> list[str]:
    """Return thirty keys that are none."""
    _, key_id, secret = key.split("_")
    made = [f"tg_{key_id}_{secrets.token_hex(32)}" for _ in range(5)]
    made += [f"tg_{secrets.token_hex(8)}_{secret}" for _ in range(5)]
    made += [f"tg_{key_id}_{secret[:number]}" for number in range(0, 60, 10)]
    made += [key.upper(), f"{key}1", f"{key}0", f"{key}{key}", key_id, secret]
    made += ["tg_", "tg__", "nil", "undefined", "' OR 1=1 --", "../" * 8, ADMIN[:-1], f"{ADMIN}x"]
    return made[:30]


def test_thirty_forged_keys_are_refused(mocked: Started) -> None:
    key = mocked.key()
    tried = forged(key)
    assert len(tried) == 30
    for one in tried:
        answer = mocked.ask("GET", "/v1/models", one)
        assert answer.status_code == 401, one
        assert one not in answer.text

    assert mocked.ask("GET", "/v1/models", key).status_code == 200


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Token x"])
def test_other_headers_are_no_key(mocked: Started, header: str) -> None:
    answer = httpx.get(f"{mocked.url}/v1/models", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] in ("missing_api_key", "invalid_api_key")


def test_every_route_but_the_open_ones_wants_a_key(mocked: Started) -> None:
    paths: dict[str, Any] = mocked.http.get("/openapi.json").json()["paths"]
    tried = 0
    for path, methods in paths.items():
        for method in methods:
            if path.startswith(("/links/", "/webhooks/")):  # signed, instead
                continue

            url = mocked.url + path.replace("{", "").replace("}", "")
            answer = httpx.request(method, url)
            expected = 200 if path in OPEN and method == "get" else 401
            assert answer.status_code == expected, (method, path)
            tried += 1

    assert tried > 10


def test_only_the_admin_makes_keys(mocked: Started) -> None:
    made = mocked.http.post("/api/keys", json={"name": "x"}).json()
    tries = [
        ("POST", "/api/keys"),
        ("GET", "/api/keys"),
        ("GET", f"/api/keys/{made['id']}"),
        ("POST", f"/api/keys/{made['id']}/rotate"),
        ("DELETE", f"/api/keys/{made['id']}"),
    ]
    for method, path in tries:
        body = {"name": "y"} if path == "/api/keys" else None
        answer = mocked.ask(method, path, made["key"], json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "admin_only")

    assert mocked.ask("GET", "/v1/models", made["key"]).status_code == 200


def test_another_keys_job_is_not_there(mocked: Started) -> None:
    mine, other = mocked.key(), mocked.key()
    video = mocked.create(mine).json()["id"]
    mocked.until_ended(video, mine)
    tries = [
        ("GET", f"/v1/videos/{video}"),
        ("GET", f"/v1/videos/{video}/content"),
        ("HEAD", f"/v1/videos/{video}/content"),
        ("DELETE", f"/v1/videos/{video}"),
    ]
    for method, path in tries:
        assert mocked.ask(method, path, other).status_code == 404, (method, path)

    assert mocked.ask("GET", f"/v1/videos?after={video}", other).status_code == 400
    assert mocked.ask("GET", "/v1/videos", other).json()["data"] == []
    for method, path in tries:
        assert mocked.ask(method, path, ADMIN).status_code == 200, (method, path)


@pytest.mark.parametrize(
    ("scope", "model", "status"),
    [
        (["fal/*"], MODEL, 200),
        ([MODEL], MODEL, 200),
        (["*"], MODEL, 200),
        (["openai/*"], MODEL, 403),
        (["FAL/*"], MODEL, 403),
        (["fal/fal-ai/veo3"], MODEL, 403),
        (["quick"], "quick", 200),
        (["quick"], MODEL, 403),
        (["fal/*"], "quick", 403),
    ],
)
def test_a_key_is_good_for_its_models(
    start: Start, scope: list[str], model: str, status: int
) -> None:
    served = start(mock=True, aliases={"quick": {"chain": [MODEL]}})
    key = served.key(models=scope)
    answer = served.create(key, model=model)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "model_not_allowed"
        assert answer.headers["x-should-retry"] == "false"

    fallback = served.create(served.key(models=["fal/*"]), fallbacks=["openai/sora-2"])
    assert fallback.status_code == 403


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"name": ""},
        {"name": "x", "models": []},
        {"name": "x", "budget": {"amount": "-1"}},
        {"name": "x", "budget": {"amount": "NaN"}},
        {"name": "x", "budget": {"amount": "5", "per": "year"}},
        {"name": "x", "in_flight": 0},
        {"name": "x", "unknown": 1},
    ],
)
def test_a_scope_that_is_none_is_refused(mocked: Started, scope: dict[str, Any]) -> None:
    answer = mocked.http.post("/api/keys", json=scope)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


class Revoked(MemoryLedger):
    """A ledger in which a key is revoked right after it was read for its rotation."""

    async def read_state(self, space: str, name: str) -> StateRecord | None:
        found = await super().read_state(space, name)
        await self.write_state(space, name, None)
        return found


async def test_a_key_that_is_revoked_while_it_is_rotated_stays_revoked() -> None:
    ledger = Revoked()
    keys = KeyStore(ledger)
    key, _ = await keys.create(KeyScope(name="shop"))
    assert await keys.rotate(key.id) is None
    assert await MemoryLedger.read_state(ledger, SPACE, key.id) is None
