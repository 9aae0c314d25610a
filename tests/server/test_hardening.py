"""Attacks on the server, each over a raw socket or with what no client of ours would send."""

from __future__ import annotations

import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.server.conftest import ADMIN, MODEL, Start, Started

SECURE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


def connect(served: Started) -> socket.socket:
    """Open a raw connection."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    made = socket.create_connection((host, int(port)))
    made.settimeout(60)
    return made


def read(client: socket.socket) -> bytes:
    """Read until the server closes."""
    found = b""
    while part := client.recv(65536):
        found += part

    return found


def test_a_head_that_never_ends_is_ended(start: Start) -> None:
    served = start(mock=True, head_seconds=0.3)
    with connect(served) as silent, connect(served) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert read(silent) == b""
        assert read(slow) == b""

    assert served.http.get("/healthz").status_code == 200


def test_a_body_that_never_ends_is_ended(start: Start) -> None:
    served = start(mock=True, body_seconds=0.3)
    with connect(served) as client:
        client.sendall(
            f"POST /v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode()
        )
        answer = read(client)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_too_slow" in answer


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/videos", "application/json"),
        ("/v1/videos", "multipart/form-data; boundary=b"),
        ("/api/media", "multipart/form-data; boundary=b"),
        ("/api/keys", "application/json"),
    ],
)
def test_a_client_that_leaves_in_its_body_is_no_error_of_ours(
    mocked: Started, caplog: pytest.LogCaptureFixture, path: str, kind: str
) -> None:
    with caplog.at_level(logging.INFO, "tarash.tarash_gateway.server"):
        with connect(mocked) as client:
            client.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n"
                f"Content-Type: {kind}\r\nContent-Length: 1000\r\n\r\n--b\r\n".encode()
            )

        while not any(f"POST {path} " in one.getMessage() for one in caplog.records):
            threading.Event().wait(0.02)

    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_a_slow_head_does_not_end_a_slow_answer(start: Start) -> None:
    served = start(mock=True, head_seconds=0.2, poll_seconds=1)
    job = served.ask("POST", "/api/jobs", json={"model": MODEL, "prompt": "A cat"}).json()["id"]
    with served.http.stream("GET", f"/api/jobs/{job}/events") as answer:
        assert "completed" in answer.read().decode()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\x00c\r\n\r\n",
        b"GET /healthz\r\nX: y HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_malformed_heads_are_refused(mocked: Started, head: bytes) -> None:
    with connect(mocked) as client:
        try:
            client.sendall(head)
            client.shutdown(socket.SHUT_WR)
            answer = read(client)
        except OSError:  # it was closed while we still wrote
            answer = b""

    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:100]
    assert mocked.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("name", ["x-request-id", "idempotency-key", "origin"])
def test_nothing_of_a_request_gets_into_the_head_of_an_answer(mocked: Started, name: str) -> None:
    for value in ("a%0d%0aset-cookie: b=c", "a" * 300, "<script>", "\u00e9", "a; b"):
        headers = {name.encode(): value.encode("latin-1")}
        answer = httpx.get(f"{mocked.url}/healthz", headers=headers)
        assert "set-cookie" not in answer.headers
        assert value not in answer.headers["x-request-id"]


def test_a_request_keeps_its_own_id(mocked: Started) -> None:
    answer = mocked.http.get("/healthz", headers={"x-request-id": "order-7.a_b"})
    assert answer.headers["x-request-id"] == "order-7.a_b"
    assert len(mocked.http.get("/healthz").headers["x-request-id"]) == 32


def test_every_answer_has_the_headers_that_browsers_heed(mocked: Started) -> None:
    video = mocked.create().json()["id"]
    mocked.until_ended(video)
    answers = [
        mocked.http.get("/healthz"),
        mocked.http.get("/nothing"),
        mocked.http.get(f"/v1/videos/{video}"),
        mocked.http.get(f"/v1/videos/{video}/content"),
        httpx.get(f"{mocked.url}/v1/videos"),
        mocked.ask("POST", "/v1/videos", content=b"[", headers={"Content-Type": "text/html"}),
    ]
    for answer in answers:
        assert SECURE.items() <= dict(answer.headers).items(), answer.request.url
        assert answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        assert answer.headers["cache-control"]


HOSTS = [
    "127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254",  # noqa: S104
    "10.1.2.3", "192.168.1.1", "172.16.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
    "metadata.google.internal", "router.lan", "[fd00::1]", "[fe80::1]", "100.64.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_clients_lead_nowhere_private(served: Started, host: str) -> None:
    url = f"http://{host}:1/a.png"
    edit = {"model": "openai/gpt-image-2", "prompt": "x", "images": [{"image_url": url}]}
    frame = {"model": "fal/fal-ai/veo3.1/image-to-video", "prompt": "x", "input_reference": url}
    video = {"model": "fal/decart/lucy-edit/pro", "prompt": "x", "video": url}
    for path, body in {
        "/v1/images/edits": edit,
        "/v1/videos": frame,
        "/v1/videos/edits": video,
        "/api/jobs": frame,
        "/api/plan": frame,
    }.items():
        answer = served.ask("POST", path, json=body)
        assert answer.status_code == 400, (path, answer.text)


def test_the_admins_acts_are_written_down(mocked: Started) -> None:
    made = mocked.http.post("/api/keys", json={"name": "x"}).json()
    mocked.http.post(f"/api/keys/{made['id']}/rotate")
    mocked.http.delete(f"/api/keys/{made['id']}")
    answer = mocked.http.get("/api/audit")
    acts = answer.json()["data"]
    assert [one["act"] for one in acts] == ["key.revoked", "key.rotated", "key.created"]
    assert {one["what"] for one in acts} == {made["id"]}
    assert all(one["request_id"] and one["address"] for one in acts)
    assert made["key"] not in answer.text
    assert mocked.ask("GET", "/api/audit", mocked.key()).status_code == 403


def test_metrics_want_a_key_and_name_routes_only(mocked: Started) -> None:
    video = mocked.create().json()["id"]
    mocked.http.get(f"/v1/videos/{video}")
    assert httpx.get(f"{mocked.url}/metrics").status_code == 401
    text = mocked.http.get("/metrics").text
    assert 'route="/v1/videos/{video_id}",status="200"' in text
    assert video not in text
    assert "tarash_jobs_driven 1" in text
    assert 'tarash_http_request_seconds_bucket{route="/v1/videos",le="+Inf"} 1' in text


def test_the_access_log_has_no_key_no_path_and_no_query(
    mocked: Started, caplog: pytest.LogCaptureFixture
) -> None:
    key = mocked.key()
    with caplog.at_level(logging.INFO, "tarash.tarash_gateway.server"):
        mocked.ask("GET", "/v1/videos?after=secret-query", key)
        mocked.ask("GET", "/links/job/1?expires=5&signature=" + "a" * 64, key)

    every = [one.getMessage() for one in caplog.records if "access" in one.name]
    lines = [one for one in every if " GET " in one]  # the key's own line may come late
    assert len(lines) == 2
    text = " ".join(lines)
    assert "GET /v1/videos 400" in text
    for secret in (key, "secret-query", "a" * 64):
        assert secret not in text


def test_no_5xx_for_odd_values_on_any_route(mocked: Started) -> None:
    odd: list[Any] = [None, 0, -1, 1e308, True, "", "\u0000", "x" * 5000, [], {}, [[]], {"a": {}}]
    document = mocked.http.get("/openapi.json").json()
    tries: list[tuple[str, str, Any]] = []
    for path, methods in document["paths"].items():
        url = path.replace("{", "").replace("}", "")
        for method in methods:
            if method == "post":
                body = methods[method].get("requestBody", {}).get("content", {})
                schema = body.get("application/json", {}).get("schema", {})
                names = _names(schema, document) or {"name"}
                base = {"model": MODEL, "prompt": "x", "name": "x", "video": {"id": "no"}}
                tries += [
                    (method, url, {**base, name: value}) for name in sorted(names) for value in odd
                ]
            else:
                tries.append((method, f"{url}?limit=x&after=%00&index=-1&expires=x", None))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: (one, _status(mocked, *one)), tries))

    assert len(answers) > 200
    assert [one for one, status in answers if status >= 500] == []


def _names(schema: dict[str, Any], document: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _names(document["components"]["schemas"][name], document)

    every = [schema, *schema.get("anyOf", ())]
    return {name for one in every for name in one.get("properties", {})}


def _status(served: Started, method: str, url: str, body: Any) -> int:
    return served.ask(method.upper(), url, json=body).status_code
