"""The FastAPI example: a real server, real connections, and simulated providers."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from tarash.tarash_gateway import VideoGenerationConfig, VideoGenerationRequest, submit_video
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.examples.conftest import EXAMPLES, ROOT, SECRET, Serve, Service

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and handed-over sockets")

ORDER = {"prompt": "A cat playing piano", "duration_seconds": 8}


class Client:
    """One connection to the service."""

    def __init__(self, service: Service) -> None:
        self._connection = HTTPConnection(urlsplit(service.url).netloc, timeout=50)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> HTTPResponse:
        """Send a request and return its answer, not read yet."""
        content = None if body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(
            method, path, content, {"Content-Type": "application/json", **named}
        )
        return self._connection.getresponse()

    def send(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        """Send a body as it is."""
        named = {"Content-Type": "application/json", **(headers or {})}
        chunked = "Transfer-Encoding" in named
        self._connection.request(method, path, body, named, encode_chunked=chunked)
        return self._connection.getresponse()

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request and return the JSON of its answer, which has to be a success."""
        answer = self.ask(method, path, body, **headers)
        text = answer.read().decode()
        assert answer.status < 300, text
        return json.loads(text)

    def order(self, **headers: str) -> str:
        """Order a video and return its token."""
        token = self.json("POST", "/videos", ORDER, **headers)["token"]
        assert isinstance(token, str)
        return token

    def events(self, token: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a job as they come."""
        answer = self.ask("GET", f"/videos/{token}/events")
        assert answer.status == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        for line in answer:
            if line.startswith(b"data:"):
                yield json.loads(line.removeprefix(b"data:"))

    def close(self) -> None:
        """Leave."""
        self._connection.close()


Connect = Callable[[Service], Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def make(service: Service) -> Client:
        clients.append(Client(service))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def until(found: Callable[[], bool]) -> None:
    """Wait until something is the case; the test's own limit ends it if it never is."""
    while not found():
        time.sleep(0.02)


def test_it_refuses_to_start_without_a_secret(serve: Serve) -> None:
    service = serve(TARASH_TOKEN_SECRET="")
    told = service.process.communicate()[1]
    assert "Set TARASH_TOKEN_SECRET" in told
    assert service.process.returncode != 0


def test_two_clients_watch_one_job_that_is_bought_and_fetched_once(
    simulator: Simulator, serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.script("openai", Script(run_seconds=1))
    service = serve(VIDEO_PROVIDER="openai", VIDEO_MODEL="sora-2")
    one, other = connect(service), connect(service)
    token = one.order(Idempotency_Key="order-1")
    assert other.order(Idempotency_Key="order-1") == token

    streams = [one.events(token), other.events(token)]
    seen = [[next(stream)] for stream in streams]
    for events, stream in zip(seen, streams, strict=True):
        events.extend(stream)
        assert events[-1] == {**events[-1], "status": "completed", "progress_percent": 100}

    assert one.json("GET", f"/videos/{token}")["status"] == "completed"
    answer = one.ask("GET", f"/videos/{token}/file")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "video/mp4")
    assert answer.read()[4:8] == b"ftyp"
    assert simulator.counters("openai").accepted == 1
    assert simulator.counters("openai").results == 1

    # Whoever alters a token, or makes one up, gets nothing, and neither does a stranger's.
    head, body, seal = token.split(".")
    altered = body[:-4] + ("AAAA" if body[-4:] != "AAAA" else "BBBB")
    for wrong in ("nonsense", f"{head}.{altered}.{seal}", f"tg1.{body}.{seal}"):
        for path in (f"/videos/{wrong}", f"/videos/{wrong}/events", f"/videos/{wrong}/file"):
            refused = connect(service).ask("GET", path)
            assert (refused.status, refused.read()) == (
                403,
                b'{"detail":"This token is not valid"}',
            )

        assert connect(service).ask("DELETE", f"/videos/{wrong}").status == 403

    assert simulator.counters("openai").cancels == 0
    assert connect(service).ask("POST", "/videos", {"prompt": " "}).status == 422
    config = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", api_key="k", base_url=simulator.base_url("fal")
    )
    for secret, status in ((SECRET, 404), ("another secret", 403)):
        monkeypatch.setenv("TARASH_TOKEN_SECRET", secret)
        stranger = submit_video(config, VideoGenerationRequest(prompt="A cat")).to_token()
        assert connect(service).ask("GET", f"/videos/{stranger}").status == status


def test_a_killed_service_goes_on_with_its_jobs_and_the_token_still_works(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    simulator.script("fal", Script(run_seconds=1.5))
    service = serve()
    client = connect(service)
    token = client.order()
    next(client.events(token))
    service.end(signal.SIGKILL)
    client.close()

    # Nobody has asked for it yet: the job is picked up at the start.
    service.start()
    until(lambda: simulator.counters("fal").results > 0)
    client = connect(service)
    assert [*client.events(token)][-1]["status"] == "completed"
    answer = client.ask("GET", f"/videos/{token}/file")
    assert answer.headers["Location"].startswith(simulator.media_url)
    answer.read()
    assert simulator.counters("fal").accepted == 1
    assert simulator.counters("fal").cancels == 0

    # By now it has ended: the third process knows it from the ledger alone.
    polls = simulator.counters("fal").polls
    service.end(signal.SIGKILL)
    service.start()
    assert connect(service).json("GET", f"/videos/{token}")["status"] == "completed"
    assert simulator.counters("fal").polls == polls


def test_the_last_client_that_leaves_stops_the_job_where_that_is_wanted(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    simulator.script("fal", Script(run_seconds=1), Script(queue_seconds=3600))
    service = serve(ON_DISCONNECT="cancel", DISCONNECT_SECONDS="0.05")

    leaving, staying = connect(service), connect(service)
    token = leaving.order()
    events = staying.events(token)
    seen = [next(events)]
    next(leaving.events(token))
    leaving.close()
    assert [*seen, *events][-1]["status"] == "completed"
    assert simulator.counters("fal").cancels == 0

    leaving = connect(service)
    token = leaving.order()
    next(leaving.events(token))
    leaving.close()
    until(lambda: simulator.jobs("fal")[1].cancel_requested)
    last = [*connect(service).events(token)][-1]
    assert (last["status"], last["error"]) == ("stopped", None)
    told = service.end(signal.SIGTERM)
    assert told.count("was stopped") == 1
    assert "Traceback" not in told


def test_a_shutdown_leaves_the_job_running_and_a_client_that_left_did_not_stop_it(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    simulator.script("fal", Script(queue_seconds=3600))
    service = serve(SHUTDOWN_SECONDS="0.1")
    leaving, watching = connect(service), connect(service)
    token = leaving.order()
    next(leaving.events(token))
    leaving.close()
    assert next(watching.events(token))["status"] == "queued"

    told = service.end(signal.SIGTERM)
    assert "Application shutdown complete" in told
    assert not simulator.jobs("fal")[0].cancel_requested

    # Only who asks for it stops it.
    service.start()
    assert connect(service).json("GET", f"/videos/{token}")["status"] == "queued"
    assert connect(service).json("DELETE", f"/videos/{token}") == {"answer": "cancelled"}
    assert [*connect(service).events(token)][-1]["status"] == "stopped"
    answer = connect(service).ask("GET", f"/videos/{token}/file")
    assert (answer.status, answer.read()) == (409, b'{"detail":"There is no video: stopped"}')


def test_a_job_that_runs_is_told_as_such_by_processes_that_did_not_order_it(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    simulator.script("fal", Script(queue_seconds=0, outcome="never"))
    service = serve()
    client = connect(service)
    token = client.order()
    for event in client.events(token):
        if event["status"] == "processing":
            break

    # Another worker on the same ledger, and one that was started after the first has died.
    other = serve()
    assert connect(other).json("GET", f"/videos/{token}")["status"] == "processing"
    service.end(signal.SIGKILL)
    other.end(signal.SIGKILL)
    service.start()
    assert connect(service).json("GET", f"/videos/{token}")["status"] == "processing"
    events = connect(service).events(token)
    assert next(events)["status"] == "processing"


def test_a_job_that_fails_is_one_line_of_the_log(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    simulator.script("fal", Script(outcome="failed", error_message="no machine left"))
    service = serve()
    token = connect(service).order()
    last = [*connect(service).events(token)][-1]
    assert (last["status"], last["error"]) == ("failed", "The video could not be made")
    told = service.end(signal.SIGTERM)
    assert told.count("no machine left") == 1
    assert "Traceback" not in told


def test_a_field_that_it_does_not_know_buys_nothing(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    answer = connect(serve()).ask("POST", "/videos", {**ORDER, "durationn": 3})
    assert (answer.status, b"durationn" in answer.read()) == (422, True)
    assert simulator.counters("fal").submits == 0


NONSENSE = {
    "half an emoji": b'{"prompt": "a \\ud83d cat"}',
    "half an emoji as a name": b'{"prompt": "x", "\\ud83d": 1}',
    "half an emoji as a ratio": b'{"prompt": "x", "aspect_ratio": "\\udc00"}',
    "NaN": b'{"prompt": "x", "duration_seconds": NaN}',
    "Infinity": b'{"prompt": "x", "duration_seconds": -Infinity}',
    "1e999": b'{"prompt": "x", "duration_seconds": 1e999}',
    "NaN as the whole": b"NaN",
    "not UTF-8": b'{"prompt": "\xff\xfe"}',
    "a long number": b'{"prompt": "x", "duration_seconds": ' + b"9" * 5000 + b"}",
    "deep": b"[" * 30_000,
    "nothing": b"",
}


def test_nonsense_is_refused_and_never_an_error_of_ours(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    service = serve()
    for name, body in NONSENSE.items():
        answer = connect(service).send("POST", "/videos", body)
        text = answer.read()
        assert answer.status in {400, 422}, (name, answer.status, text)
        json.loads(text)
        assert b"pydantic" not in text

    for path in ("/videos/%ED%A0%BD", "/videos/" + "x" * 5000, "/videos/%00/events"):
        assert connect(service).ask("GET", path).status in {403, 404}, path

    assert simulator.counters("fal").submits == 0
    assert "Traceback" not in service.end(signal.SIGTERM)


@pytest.mark.parametrize("how", ["declared", "in pieces"])
def test_a_body_that_is_too_large_is_not_held(
    simulator: Simulator, serve: Serve, connect: Connect, how: str
) -> None:
    service, sent = serve(), 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1
            yield b"x" * 1_000_000

    client = connect(service)
    if how == "declared":
        answer = client.send("POST", "/videos", b"{", {"Content-Length": "200000000"})
        assert (answer.status, answer.read()) == (413, b'{"detail":"This is too large"}')
    else:
        try:
            answer = client.send("POST", "/videos", pieces(), {"Transfer-Encoding": "chunked"})
            assert answer.status == 413
        except OSError:  # it has hung up, and reads no more
            pass

        assert sent < 100

    assert connect(service).order()
    assert simulator.counters("fal").submits == 1


def test_one_client_can_not_order_for_all(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    """A client has a few places; they are free again when its jobs have ended."""
    simulator.script("fal", Script(queue_seconds=3600))
    service = serve(MOST_EACH="2")
    client = connect(service)
    first = client.order(Idempotency_Key="one")
    second = client.order()
    for number in range(20):
        # What a client says of its address is its own word.
        headers = {"X_Forwarded_For": f"198.51.100.{number}"} if number % 2 else {}
        answer = client.ask("POST", "/videos", ORDER, **headers)
        assert answer.status == 429
        assert b"Too many videos are under way" in answer.read()

    assert simulator.counters("fal").submits == 2
    client.json("DELETE", f"/videos/{first}")
    assert [*client.events(first)][-1]["status"] == "stopped"
    # What was stopped in the queue has bought nothing, so its key is good for another.
    again = connect(service).order(Idempotency_Key="one")
    assert again not in (first, second)
    assert simulator.counters("fal").submits == 3


def test_what_a_provider_says_of_itself_stays_in_the_log(
    simulator: Simulator, serve: Serve, connect: Connect
) -> None:
    inside = "worker gpu-17 of 10.0.0.4 refused the key fal-internal"
    simulator.script("fal", Script(outcome="moderated", error_message=inside))
    simulator.fail("fal", "submit", Fault.status(422), skip=1)
    service = serve()
    token = connect(service).order()
    told = str([*connect(service).events(token)]) + str(
        connect(service).ask("GET", f"/videos/{token}/file").read()
    )
    refused = connect(service).ask("POST", "/videos", ORDER)
    told += refused.read().decode()
    assert refused.status in {422, 502}
    for word in ("gpu-17", "10.0.0.4", "fal", "base_url", "127.0.0.1"):
        assert word not in told, told

    assert "gpu-17" in service.end(signal.SIGTERM)


@pytest.mark.parametrize("told", ["ten", "-1", "nan"])
def test_a_setting_that_is_none_is_named(serve: Serve, told: str) -> None:
    service = serve(DISCONNECT_SECONDS=told)
    assert (
        f"DISCONNECT_SECONDS is a number of seconds, not '{told}'"
        in (service.process.communicate()[1])
    )


@pytest.mark.skipif(not shutil.which("openssl"), reason="the lines use openssl")
def test_the_lines_that_start_it_are_as_they_should_be(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    *prepare, start = page.partition("```bash\ntest")[2].partition("```")[0].splitlines()
    lines = [f"test{prepare[0]}", *prepare[1:], start]
    text = (EXAMPLES / "fastapi_service" / "app.py").read_text(encoding="utf-8")
    assert "".join(f"    {line}\n" for line in lines) in text

    command, *options = shlex.split(start)
    assert command == "uvicorn"
    started = uvicorn.main.make_context("uvicorn", options).params
    assert started["timeout_graceful_shutdown"] == 5
    assert started["proxy_headers"] is False

    # The secret of one start is that of the next.
    script = "\n".join([*lines[:-1], "echo $TARASH_TOKEN_SECRET"])
    secrets = {
        subprocess.run(
            ["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(secrets) == 1
    assert len(secrets.pop().strip()) == 64
    assert (tmp_path / "token-secret").stat().st_mode & 0o777 == 0o600
