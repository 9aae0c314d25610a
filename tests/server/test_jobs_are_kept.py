"""No paid job is lost to a client that leaves, and none is bought twice by one that tries again."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.server.conftest import ADMIN, MODEL, Start, Started

SLOW = Script(outcome="never", stream=False)


def until(found: Callable[[], bool]) -> None:
    """Wait until something is the case; the test's own limit ends it if it never is."""
    while not found():
        threading.Event().wait(0.02)


def listed(served: Started, key: str) -> list[dict[str, Any]]:
    """Return the videos of a key."""
    data: list[dict[str, Any]] = served.ask("GET", "/v1/videos", key).json()["data"]
    return data


def test_a_client_that_leaves_during_create_loses_no_job(
    served: Started, simulator: Simulator
) -> None:
    simulator.fail("fal", "submit", Fault.delay(1.0))
    key = served.key()
    body = json.dumps({"model": MODEL, "prompt": "A cat"})
    host, _, port = served.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        head = (
            f"POST /v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.sendall((head + body).encode())
        until(lambda: simulator.counters("fal").submits == 1)

    until(lambda: bool(listed(served, key)))
    video = served.until_ended(listed(served, key)[0]["id"], key)
    assert video["status"] == "completed"
    assert simulator.counters("fal").accepted == 1


def test_a_create_that_is_answered_late_is_found_again(start: Start, simulator: Simulator) -> None:
    simulator.fail("fal", "submit", Fault.delay(1.5))
    served = start(create_seconds=0.2)
    video = served.create().json()
    assert video["status"] == "queued"
    assert served.until_ended(video["id"])["status"] == "completed"
    assert simulator.counters("fal").accepted == 1


def test_an_idempotency_key_is_one_job(served: Started, simulator: Simulator) -> None:
    key, other = served.key(), served.key()
    headers = {"Idempotency-Key": "order-1"}
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: served.create(key, headers=headers).json(), range(4)))

    assert len({one["id"] for one in made}) == 1
    assert simulator.counters("fal").accepted == 1
    changed = served.create(key, headers=headers, prompt="A dog")
    assert (changed.status_code, changed.headers["x-should-retry"]) == (422, "false")
    assert changed.json()["error"]["code"] == "idempotency_key_reused"
    assert served.create(other, headers=headers).json()["id"] != made[0]["id"]
    assert simulator.counters("fal").accepted == 2


def test_an_idempotency_key_outlives_its_job(served: Started, simulator: Simulator) -> None:
    headers = {"Idempotency-Key": "order-1"}
    video = served.create(headers=headers).json()["id"]
    served.until_ended(video)
    assert served.ask("DELETE", f"/v1/videos/{video}").json()["deleted"]
    again = served.create(headers=headers)
    assert (again.status_code, again.json()["error"]["code"]) == (410, "deleted")
    assert again.headers["x-should-retry"] == "false"
    assert simulator.counters("fal").accepted == 1


def test_two_deliberate_creates_are_two_jobs(served: Started, simulator: Simulator) -> None:
    assert served.create().json()["id"] != served.create().json()["id"]
    assert simulator.counters("fal").accepted == 2


def test_a_repetition_of_the_official_client_is_the_same_job(
    served: Started, simulator: Simulator
) -> None:
    first = served.create(seconds="8")
    again = served.create(seconds="8", headers={"x-stainless-retry-count": "1"})
    assert again.json()["id"] == first.json()["id"]
    other = served.create(seconds="4", headers={"x-stainless-retry-count": "1"})
    assert other.json()["id"] != first.json()["id"]
    foreign = served.create(served.key(), seconds="8", headers={"x-stainless-retry-count": "1"})
    assert foreign.json()["id"] != first.json()["id"]
    assert simulator.counters("fal").accepted == 3


def test_a_repetition_that_overtakes_the_answer_buys_once(
    served: Started, simulator: Simulator
) -> None:
    simulator.fail("fal", "submit", Fault.delay(1.0))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(served.create)
        until(lambda: simulator.counters("fal").submits == 1)
        again = served.create(headers={"x-stainless-retry-count": "1"}).json()
        assert again["id"] == first.result().json()["id"]

    assert simulator.counters("fal").submits == 1


def test_a_lost_answer_of_the_provider_is_not_sent_again(
    served: Started, simulator: Simulator
) -> None:
    simulator.fail("fal", "submit", Fault.reset_after())
    with pytest.raises(openai.APIStatusError) as caught:
        served.client(max_retries=2).videos.create(model=MODEL, prompt="A cat")

    error: Any = caught.value.body
    assert error["submission"] == "unknown"
    assert simulator.counters("fal").submits == 1


def test_a_job_that_can_not_be_read_holds_up_no_other(
    start: Start, simulator: Simulator, tmp_path: Path
) -> None:
    path = tmp_path / "jobs.db"
    simulator.script("fal", SLOW, Script(run_seconds=1.0, stream=False))
    first = start(f"sqlite:///{path}")
    broken, whole = (first.create().json()["id"] for _ in range(2))
    first.stop()
    with closing(sqlite3.connect(path)) as connection, connection:
        (text,) = connection.execute("SELECT chain FROM jobs WHERE id = ?", (broken,)).fetchone()
        chain = [{**one, "timeout": "of a version to come"} for one in json.loads(text)]
        connection.execute("UPDATE jobs SET chain = ? WHERE id = ?", (json.dumps(chain), broken))

    second = start(f"sqlite:///{path}")
    assert second.until_ended(whole)["status"] == "completed"


def test_deleting_what_runs_stops_it_first(served: Started, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never", stream=False, cancel="queued_ok"))
    video = served.create().json()["id"]
    assert served.ask("DELETE", f"/v1/videos/{video}").json()["deleted"]
    assert simulator.counters("fal").cancels == 1
    assert served.ask("GET", f"/v1/videos/{video}").status_code == 404


@pytest.mark.parametrize("stream", [True, False])
def test_deleting_what_its_provider_stops_later_waits_for_that(
    served: Started, simulator: Simulator, *, stream: bool
) -> None:
    simulator.script("fal", Script(outcome="never", stream=stream, queue_seconds=0))
    video = served.create().json()["id"]
    while served.ask("GET", f"/v1/videos/{video}").json()["status"] != "in_progress":
        threading.Event().wait(0.02)

    assert served.client().videos.delete(video).deleted
    assert simulator.counters("fal").cancels == 1
    assert served.ask("GET", f"/v1/videos/{video}").status_code == 404


def test_what_can_not_be_stopped_is_not_forgotten(start: Start, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never", stream=False, cancel="ignored"))
    served = start(create_seconds=0.5)
    video = served.create().json()["id"]
    answer = served.ask("DELETE", f"/v1/videos/{video}")
    assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "false")
    assert answer.json()["error"]["code"] == "still_running"
    assert served.ask("GET", f"/v1/videos/{video}").status_code == 200


def test_what_has_ended_while_it_is_deleted_is_deleted(
    served: Started, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("fal", Script(run_seconds=1.0, stream=False, cancel="too_late"))
    video = served.create().json()["id"]
    answer = served.ask("DELETE", f"/v1/videos/{video}")
    assert answer.json() == {"id": video, "object": "video.deleted", "deleted": True}
    assert served.ask("GET", f"/v1/videos/{video}").status_code == 404
    assert not list((tmp_path / "media").iterdir())


def test_what_is_still_fetched_is_not_said_to_be_deleted(
    start: Start, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="never", stream=False, cancel="too_late"))
    simulator.fail("fal", "result", Fault.delay(2.0))
    served = start(create_seconds=0.5)
    video = served.create().json()["id"]
    answer = served.ask("DELETE", f"/v1/videos/{video}")
    assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "false")
    assert served.ask("GET", f"/v1/videos/{video}").status_code == 200


def test_a_failure_after_acceptance_stands_in_the_job(
    served: Started, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="failed", error_message="Out of ink"))
    answer = served.create()
    assert answer.status_code == 200
    video = served.until_ended(answer.json()["id"])
    assert video["status"] == "failed"
    assert "Out of ink" in video["error"]["message"]
    content = served.ask("GET", f"/v1/videos/{video['id']}/content")
    assert (content.status_code, content.json()["error"]["code"]) == (409, "no_result")


def test_fallbacks_and_aliases_are_chains(start: Start, simulator: Simulator) -> None:
    simulator.fail("openai", "submit", Fault.status(503), times=None)
    served = start(aliases={"best": {"chain": ["openai/sora-2", MODEL]}})
    for fields in ({"model": "best"}, {"model": "openai/sora-2", "fallbacks": [MODEL]}):
        answer = served.create(ADMIN, **fields)
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"] == fields["model"]

    assert simulator.counters("fal").accepted == 2
