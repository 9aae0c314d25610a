"""The page without a browser: its files and headers, sessions, and who may write with one."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from tarash.tarash_gateway import StorageError
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import ADMIN, MODEL, Start, Started

PAGE = Path(str(files("tarash.tarash_gateway.server") / "page"))
CSRF = "x-csrf-token"


@contextmanager
def sign_in(served: Started, key: str = ADMIN) -> Iterator[httpx.Client]:
    """Yield a client with the cookie of a session, and with what its writes need."""
    with httpx.Client(base_url=served.url, timeout=60) as client:
        answer = client.post("/api/session", json={"key": key})
        assert answer.status_code == 201, answer.text
        client.headers[CSRF] = answer.json()["csrf"]
        yield client


def test_every_file_of_the_page_is_served_and_nothing_else(mocked: Started) -> None:
    start = httpx.get(mocked.url)
    assert start.status_code == 200
    wanted = set(re.findall(r'"(page/[^"]+)"', start.text))
    for one in sorted(PAGE.iterdir()):
        answer = httpx.get(f"{mocked.url}/page/{one.name}")
        assert answer.status_code == 200
        assert answer.content == one.read_bytes()
        known = {"if-none-match": answer.headers["etag"]}
        assert httpx.get(answer.url, headers=known).status_code == 304
        wanted |= {f"page/{name}" for name in re.findall(r'from "\./([^"]+)"', answer.text)}

    assert {one.removeprefix("page/") for one in wanted} == {
        one.name for one in PAGE.iterdir() if one.name != "index.html"
    }
    for name in ("../_page.py", "%2e%2e/_page.py", "..%2f_page.py", "_page.py", "", "x.js"):
        assert httpx.get(f"{mocked.url}/page/{name}").status_code == 404


def test_the_page_runs_nothing_that_is_not_ours(mocked: Started) -> None:
    policy = httpx.get(mocked.url).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert "style=" not in (PAGE / "index.html").read_text()
    for one in PAGE.glob("*.js"):
        text = one.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, one.name

        assert "localStorage" not in text, one.name
        assert not re.search(r"https?://", text), one.name
        assert len(text.splitlines()) <= 400, one.name


@pytest.mark.skipif(shutil.which("node") is None, reason="There is no node to read scripts with")
def test_the_scripts_can_be_read(tmp_path: Path) -> None:
    # As one module, which is quicker than a process for each.
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for one in PAGE.glob("*.js"):
        shutil.copy(one, tmp_path)

    check = (
        "import {readdirSync, readFileSync} from 'node:fs'; import vm from 'node:vm';"
        "for (const name of readdirSync('.').filter(name => name.endsWith('.js')))"
        " new vm.SourceTextModule(readFileSync(name, 'utf8'), {identifier: name});"
    )
    found = subprocess.run(
        ["node", "--experimental-vm-modules", "--no-warnings", "--input-type=module", "-e", check],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stderr


def test_a_page_that_is_switched_off_is_not_there(start: Start) -> None:
    served = start(mock=True, page=False)
    assert httpx.get(served.url).status_code == 404
    assert httpx.get(f"{served.url}/page/app.js").status_code == 404


def test_a_session_stands_for_its_key(mocked: Started) -> None:
    mine, other = mocked.key(models=["fal/*"]), mocked.key()
    job = mocked.ask("POST", "/api/jobs", other, json={"model": MODEL, "prompt": "x"}).json()
    with sign_in(mocked, mine) as client:
        shown = client.get("/api/session").json()
        assert (shown["signed_in"], shown["is_admin"], shown["name"]) == (True, False, "test")
        assert client.get(f"/api/jobs/{job['id']}").status_code == 404
        assert client.get(f"/api/jobs/{job['id']}/timeline").status_code == 404
        assert client.get(f"/api/events?job={job['id']}").status_code == 404
        assert client.get("/api/keys").status_code == 403
        made = client.post("/api/jobs", json={"model": MODEL, "prompt": "mine"})
        assert made.status_code == 202
        assert client.get("/api/jobs").json()["data"][0]["id"] == made.json()["id"]
        refused = client.post("/api/jobs", json={"model": "openai/sora-2", "prompt": "x"})
        assert refused.status_code == 403

    with sign_in(mocked) as admin:
        assert len(admin.get("/api/jobs").json()["data"]) == 2
        assert admin.get("/api/keys").status_code == 200


def test_the_cookie_is_kept_from_scripts_and_other_sites(mocked: Started, start: Start) -> None:
    answer = httpx.post(f"{mocked.url}/api/session", json={"key": ADMIN})
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {one.strip() for one in cookie.split(";")}
    assert "secure" not in cookie.lower()
    assert ADMIN not in answer.text + cookie
    assert answer.json()["csrf"] not in cookie

    public = start(mock=True, public_url="https://example.com")
    answer = httpx.post(f"{public.url}/api/session", json={"key": ADMIN})
    assert answer.headers["set-cookie"].startswith("__Host-tarash-session=")
    assert "Secure" in answer.headers["set-cookie"]


def test_nothing_is_written_without_what_the_page_knows(mocked: Started) -> None:
    with sign_in(mocked) as client:
        right = client.headers.pop(CSRF)
        order = {"model": MODEL, "prompt": "x"}
        for headers in (
            {},
            {CSRF: ""},
            {CSRF: right[:-1] + ("0" if right[-1] != "0" else "1")},
            {CSRF: "\u00e9"},
            {CSRF: right, "origin": "http://evil.example"},
            {CSRF: right, "origin": "null"},
            {CSRF: right, "sec-fetch-site": "cross-site"},
            {CSRF: right, "sec-fetch-site": "same-site"},
            {CSRF: right, "sec-fetch-site": "none"},
        ):
            sent = [(one.encode(), value.encode("latin-1")) for one, value in headers.items()]
            for method, path, body in (
                ("POST", "/api/jobs", order),
                ("POST", "/v1/videos", order),
                ("POST", "/api/keys", {"name": "x"}),
                ("DELETE", "/api/session", None),
            ):
                answer = client.request(method, path, json=body, headers=sent)
                found = answer.status_code, answer.json()["error"]["code"]
                assert found == (403, "csrf"), (path, headers)

        elsewhere = client.get("/api/jobs", headers={"sec-fetch-site": "cross-site"})
        assert elsewhere.status_code == 403
        assert client.get("/api/jobs").json()["data"] == []
        assert client.get("/api/session").json()["signed_in"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_site_signs_nobody_in(mocked: Started, headers: dict[str, str]) -> None:
    answer = httpx.post(f"{mocked.url}/api/session", json={"key": ADMIN}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
    assert "set-cookie" not in answer.headers
    form = httpx.post(f"{mocked.url}/api/session", data={"key": ADMIN})
    assert form.status_code == 400
    assert "set-cookie" not in form.headers


@pytest.mark.parametrize("way", ["revoke", "rotate", "sign out"])
def test_a_session_ends_with_its_key(mocked: Started, way: str) -> None:
    made: dict[str, Any] = mocked.http.post("/api/keys", json={"name": "x"}).json()
    with sign_in(mocked, made["key"]) as client, sign_in(mocked, made["key"]) as other:
        assert client.get("/api/jobs").status_code == 200
        cookie = dict(client.cookies)
        if way == "revoke":
            mocked.http.delete(f"/api/keys/{made['id']}")
        elif way == "rotate":
            mocked.http.post(f"/api/keys/{made['id']}/rotate")
        else:
            assert client.delete("/api/session").status_code == 200
            assert not client.cookies
            client.cookies.update(cookie)

        ended = client.get("/api/jobs")
        assert (ended.status_code, ended.json()["error"]["code"]) == (401, "session_expired")
        assert not client.get("/api/session").json()["signed_in"]
        assert other.get("/api/jobs").status_code == (200 if way == "sign out" else 401)


def test_an_expired_key_signs_nobody_in(mocked: Started) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    answer = httpx.post(f"{mocked.url}/api/session", json={"key": mocked.key(expires_at=past)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert "set-cookie" not in answer.headers


def test_a_session_lasts_for_so_long_only(start: Start) -> None:
    served = start(mock=True, session_seconds=0.05)
    with sign_in(served) as client:
        while client.get("/api/session").json()["signed_in"]:
            threading.Event().wait(0.01)

        assert client.get("/api/jobs").status_code == 401


def test_an_admins_session_ends_with_another_admin_key(start: Start, tmp_path: Path) -> None:
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    one = start(ledger, mock=True)
    with sign_in(one) as client:
        cookies = dict(client.cookies)
        one.stop()
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("jobs.db*"))
        (cookie,) = cookies.values()
        assert cookie.partition(".")[2].encode() not in kept

    same = start(ledger, mock=True)
    name = next(iter(cookies)).rpartition("-")[0] + "-" + same.url.rpartition(":")[2]
    answer = httpx.get(f"{same.url}/api/jobs", cookies={name: cookie})
    assert answer.status_code == 200
    other = start(ledger, admin_key="another admin key", mock=True)
    name = name.rpartition("-")[0] + "-" + other.url.rpartition(":")[2]
    assert httpx.get(f"{other.url}/api/jobs", cookies={name: cookie}).status_code == 401


def test_who_guesses_has_to_wait(start: Start) -> None:
    served = start(mock=True, failures_per_minute=3)
    statuses = [
        httpx.post(f"{served.url}/api/session", json={"key": f"tg_{n}"}).status_code
        for n in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    name = f"tarash-session-{served.url.rpartition(':')[2]}"
    forged = {name: f"{'0' * 32}.{'0' * 64}"}
    assert httpx.get(f"{served.url}/api/jobs", cookies=forged).status_code == 429
    with sign_in(served) as client:  # a good key is never locked out
        assert client.get("/api/jobs").status_code == 200


@pytest.mark.parametrize("cookie", ["", "x", "a.b", f"{'0' * 32}.{'0' * 64}", "../" * 20, "%00"])
def test_a_cookie_that_is_none_is_refused(mocked: Started, cookie: str) -> None:
    name = f"tarash-session-{mocked.url.rpartition(':')[2]}"
    answer = httpx.get(f"{mocked.url}/api/jobs", headers={"cookie": f"{name}={cookie}"})
    assert answer.status_code == 401


def test_one_stream_follows_many_jobs_and_goes_on(mocked: Started) -> None:
    ids = [
        mocked.ask("POST", "/api/jobs", json={"model": MODEL, "prompt": str(n)}).json()["id"]
        for n in range(3)
    ]
    query = "&".join(f"job={one}" for one in ids)
    text = mocked.http.get(f"/api/events?{query}").text
    assert text.count('"status": "completed"') == 3
    assert text.rstrip().endswith("data: {}")
    last = re.findall(r"^id: (.+)$", text, re.MULTILINE)[-1]
    again = mocked.http.get(f"/api/events?{query}", headers={"last-event-id": last}).text
    assert "event: job" not in again
    assert "event: end" in again
    assert mocked.http.get("/api/events").status_code == 400
    assert mocked.http.get(f"/api/events?{query}&job=none").status_code == 404


def test_a_timeline_says_what_has_happened_also_after_a_restart(
    start: Start, tmp_path: Path
) -> None:
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    served = start(ledger, mock=True)
    job = served.ask("POST", "/api/jobs", json={"model": MODEL, "prompt": "x"}).json()["id"]
    served.until_ended(job)
    while served.app.state.app_state.drivers.get(job) is not None:
        threading.Event().wait(0.01)

    told = served.http.get(f"/api/jobs/{job}/timeline").json()["data"]
    assert [one["event"] for one in told] == [
        "written", "submitting", "accepted", "status", "status", "ended", "completed",
    ]  # fmt: skip
    assert all(one["at"] for one in told)
    assert [one["at"] for one in told] == sorted(one["at"] for one in told)
    served.stop()
    again = start(ledger, mock=True)
    assert again.http.get(f"/api/jobs/{job}/timeline").json()["data"] == told


def test_models_are_searched_within_the_scope_of_a_key(start: Start) -> None:
    served = start(mock=True, aliases={"quick": {"chain": [MODEL]}})
    key = served.key(models=["fal/*", "quick"])
    found = served.ask("GET", "/api/models?kind=video&q=veo3.1&limit=5", key).json()
    assert found["data"][0]["id"] == MODEL
    assert {one["provider"] for one in found["data"]} == {"fal"}
    assert found["data"][0]["price"] == {
        "low": "0.20", "high": "0.60", "currency": "USD", "unit": "second",
    }  # fmt: skip
    assert found["has_more"]
    more = served.ask("GET", "/api/models?kind=video&q=veo3.1&limit=5&offset=5", key).json()["data"]
    assert not {one["id"] for one in more} & {one["id"] for one in found["data"]}
    assert served.ask("GET", "/api/models?q=quick", key).json()["data"][0]["alias"] == [MODEL]
    assert served.ask("GET", "/api/models?q=gen4.5&kind=video", key).json()["data"] == []
    for text, is_id in (("openai/sora-2", True), ("fal-ai/veo3.1", False), ("veo3.1", False)):
        assert served.ask("GET", f"/api/models?q={text}", key).json()["is_id"] is is_id
    one = served.ask("GET", f"/api/models/{MODEL}", key).json()
    assert one["description"]["durations"] == [4, 6, 8]
    assert len(one["prices"]) == 4
    assert served.ask("GET", "/api/models/runway/gen4.5", key).status_code == 404
    first = served.http.get("/api/models?kind=video&ready=true&limit=2").json()["data"]
    assert [one["id"] for one in first] == ["quick", MODEL]
    assert all(one["ready"] for one in first)


def test_the_admin_sees_how_it_does_and_who_has_spent_what(served: Started) -> None:
    key = served.key(budget={"amount": "20", "per": "day"})
    unused = served.key()
    job = served.create(key).json()
    served.until_ended(job["id"], key)
    found = served.http.get("/api/health").json()
    assert (found["ledger"], found["circuits"]) == ("ok", [])
    ready = {one["name"] for one in found["providers"] if one["ready"]}
    assert {"fal", "openai"} <= ready
    assert "kling" not in ready
    assert not found["mock"]
    assert not [one["name"] for one in found["providers"] if one["mocked"]]
    assert "example:key" not in served.http.get("/api/health").text
    (spent,) = served.http.get("/api/spending").json()["data"]
    assert (spent["key"], spent["submits"]) == (key.split("_")[1], 1)
    assert float(spent["amount"]) > 0
    for path in ("/api/health", "/api/spending"):
        assert served.ask("GET", path, unused).status_code == 403


def test_limits_show_who_waits(start: Start) -> None:
    served = start(mock=True)
    key = served.key(in_flight=1)
    job = served.ask("POST", "/api/jobs", key, json={"model": MODEL, "prompt": "x"}).json()
    health = served.http.get("/api/health").json()
    assert health["mock"]
    assert all(one["mocked"] for one in health["providers"])
    (line,) = health["limits"]
    assert (line["name"], line["most"]) == ("fal-ai/veo3.1", 1)
    served.until_ended(job["id"], key)


def test_a_stream_ends_where_the_ledger_fails_so_that_the_client_comes_back(
    start: Start, simulator: Simulator
) -> None:
    class Away(MemoryLedger):
        is_away = False

        async def get(self, job_id: str) -> JobRecord | None:
            if self.is_away:
                raise StorageError("The disk is away")

            return await super().get(job_id)

    simulator.script("fal", Script(run_seconds=0.5, stream=False))
    ledger = Away()
    served = start(ledger, alive_seconds=0.2)
    job = served.create().json()["id"]
    with served.http.stream("GET", f"/api/events?job={job}") as answer:
        lines = answer.iter_lines()
        assert any(line.startswith("data: ") for line in lines)
        ledger.is_away = True
        assert not any("event: end" in line for line in lines)  # and it ends all the same

    ledger.is_away = False
    assert "event: end" in served.http.get(f"/api/events?job={job}").text
    assert simulator.counters("fal").accepted == 1


@pytest.mark.parametrize("path", ["/api/events?job={}", "/api/jobs/{}/events"])
def test_a_stream_ends_with_what_it_was_opened_by(
    start: Start, simulator: Simulator, path: str
) -> None:
    simulator.script("fal", Script(outcome="never"))
    served = start(alive_seconds=0.1)
    made = served.http.post("/api/keys", json={"name": "x"}).json()
    order = {"model": MODEL, "prompt": "x"}
    job = served.ask("POST", "/api/jobs", made["key"], json=order).json()["id"]
    with sign_in(served, made["key"]) as client:
        bearer = {"authorization": f"Bearer {made['key']}"}
        with (
            client.stream("GET", path.format(job)) as mine,
            served.http.stream("GET", path.format(job), headers=bearer) as other,
        ):
            assert (mine.status_code, other.status_code) == (200, 200)
            served.http.delete(f"/api/keys/{made['id']}")
            assert "completed" not in mine.read().decode() + other.read().decode()
