"""Two servers over one PostgreSQL: keys, budgets, idempotency and events are the same at both."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger import PostgresLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL, Start, Started
from tests.server.test_kill import Process

PLACES = 3
LONG_SECONDS = 45
ORDER = {"model": MODEL, "prompt": "A cat", "seconds": "8"}


def test_two_servers_are_one_to_their_clients(
    start: Start, simulator: Simulator, postgres_url: str
) -> None:
    both = [start(PostgresLedger(postgres_url)) for _ in range(2)]
    first, second = both
    price = float(first.ask("POST", "/api/quote", json=ORDER).json()["quote"]["high"])

    budget = {"amount": str(3 * price), "per": "day"}
    made = first.ask("POST", "/api/keys", json={"name": "both", "budget": budget}).json()
    codes = Counter(_at_once(both, made["key"], 12))
    assert codes == {200: 3, 402: 9}
    assert simulator.counters("fal").submits == 3

    same = _at_once(both, first.key(), 8, headers={"Idempotency-Key": "order-1"})
    assert Counter(same) == {200: 8}
    assert simulator.counters("fal").submits == 4

    assert first.ask("DELETE", f"/api/keys/{made['id']}").status_code == 200
    assert second.create(made["key"]).status_code == 401

    simulator.script("fal", Script(run_seconds=0.5))
    job = first.create(prompt="Another cat").json()["id"]
    told = second.ask("GET", f"/api/jobs/{job}/events").text
    assert '"status": "completed"' in told
    content = [one.ask("GET", f"/v1/videos/{job}/content").content for one in both]
    assert content[0] == content[1]


def test_a_key_has_its_jobs_under_way_at_both_together(
    start: Start, simulator: Simulator, postgres_url: str
) -> None:
    """Jobs that run for long: each place is one, wherever it was asked for."""
    simulator.script("fal", Script(outcome="never", stream=False, cancel="queued_ok"))
    both = [start(PostgresLedger(postgres_url), queue_seconds=0.5) for _ in range(2)]
    first, second = both
    key = first.key(in_flight=3)
    assert Counter(_at_once(both, key, 8)) == {200: 3, 429: 5}
    assert simulator.counters("fal").accepted == 3

    videos = second.ask("GET", "/v1/videos?limit=100", key).json()["data"]
    running = next(one["id"] for one in videos if one["status"] != "failed")
    assert second.ask("DELETE", f"/v1/videos/{running}", key).status_code == 200
    assert Counter(_at_once(both, key, 4)) == {200: 1, 429: 3}
    assert simulator.counters("fal").accepted == 4

    there = first.create().json()["id"]
    gone = second.ask("DELETE", f"/v1/videos/{there}")
    assert gone.status_code == 200, gone.text  # though only the first hears of its end
    assert first.ask("GET", f"/v1/videos/{there}").status_code == 404


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_killed_server_leaves_its_places_to_its_jobs(
    simulator: Simulator, postgres_url: str, tmp_path: Path
) -> None:
    """Its jobs run on at the provider, so that nobody may have their places before their end."""
    simulator.script("fal", Script(run_seconds=LONG_SECONDS, stream=False))
    one, other = (Process(tmp_path, simulator, postgres_url) for _ in range(2))
    try:
        made = other.ask("POST", "/api/keys", json={"name": "both", "in_flight": PLACES}).json()
        headers = {"Authorization": f"Bearer {made['key']}"}

        def order(served: Process) -> int:
            answer = served.ask("POST", "/v1/videos", json=ORDER, headers=headers)
            return answer.status_code

        with ThreadPoolExecutor(PLACES) as pool:
            assert list(pool.map(order, [one] * PLACES)) == [200] * PLACES

        one.kill()
        assert order(other) == 429  # it has waited for 20 s
        assert simulator.counters("fal").accepted == PLACES
        with ThreadPoolExecutor(2 * PLACES) as pool:
            later = [pool.submit(order, other) for _ in range(2 * PLACES)]
            while simulator.counters("fal").accepted < 2 * PLACES:
                if all(each.done() for each in later):
                    later = [pool.submit(order, other) for _ in range(PLACES)]

                threading.Event().wait(0.2)

        videos = other.ask("GET", "/v1/videos?limit=100", headers=headers).json()["data"]
        accepted = [video for video in videos if video["status"] != "failed"]
        for video in accepted:
            assert other.follow(video["id"])[1] == "completed"

        assert simulator.counters("fal").accepted == len(accepted)
        assert simulator.counters("fal").most_in_flight == PLACES
    finally:
        one.kill()
        other.kill()


def _at_once(both: list[Started], key: str, count: int, **options: Any) -> list[int]:
    """Order at both servers at the same time, and return the answers' statuses."""

    def order(number: int) -> int:
        served = both[number % len(both)]
        return served.ask("POST", "/v1/videos", key, json=ORDER, **options).status_code

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(order, range(count)))
