"""Two servers over one PostgreSQL: keys, budgets, idempotency and events are the same at both."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL, Start, Started

ORDER = {"model": MODEL, "prompt": "A cat", "seconds": "8"}


def test_two_servers_are_one_to_their_clients(
    start: Start, simulator: Simulator, postgres_url: str
) -> None:
    both = [start(postgres_url), start(postgres_url)]
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


def _at_once(both: list[Started], key: str, count: int, **options: Any) -> list[int]:
    """Order at both servers at the same time, and return the answers' statuses."""

    def order(number: int) -> int:
        served = both[number % len(both)]
        return served.ask("POST", "/v1/videos", key, json=ORDER, **options).status_code

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(order, range(count)))
