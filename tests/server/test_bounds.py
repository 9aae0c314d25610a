"""What a key may spend, have under way, and ask for; and who tries keys that are none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import ADMIN, MODEL, Start, Started

SORA = "openai/sora-2"
"""$0.10 a second."""


def test_a_key_spends_no_more_than_its_budget(served: Started, simulator: Simulator) -> None:
    poor, rich = served.key(budget={"amount": "1.00", "per": "day"}), served.key()
    first = served.create(poor, model=SORA, seconds="8")
    assert first.status_code == 200, first.text
    second = served.create(poor, model=SORA, seconds="8")
    error = second.json()["error"]
    assert (second.status_code, error["code"]) == (402, "budget_exceeded"), error
    assert second.headers["x-should-retry"] == "false"
    assert error["submission"] == "not_sent"
    assert served.create(rich, model=SORA, seconds="8").status_code == 200
    assert simulator.counters("openai").accepted == 2


def test_a_race_for_the_last_cents_has_one_winner(served: Started, simulator: Simulator) -> None:
    key = served.key(budget={"amount": "1.00"})
    with ThreadPoolExecutor(6) as pool:
        statuses = list(
            pool.map(lambda _: served.create(key, model=SORA, seconds="8").status_code, range(6))
        )

    assert sorted(statuses) == [200, *[402] * 5]
    assert simulator.counters("openai").accepted == 1


def test_a_key_with_a_budget_buys_nothing_without_a_price(
    served: Started, simulator: Simulator
) -> None:
    unpriced = "fal/fal-ai/no-such-model-at-all"
    budget = {"amount": "5"}
    careful, bold = served.key(budget=budget), served.key(budget=budget, allow_unpriced=True)
    refused = served.create(careful, model=unpriced)
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "cost_limit")
    assert simulator.counters("fal").submits == 0
    assert served.create(bold, model=unpriced).status_code == 200
    assert served.create(served.key(), model=unpriced).status_code == 200


def test_what_has_no_price_fits_into_no_limit_of_a_clients(
    served: Started, simulator: Simulator
) -> None:
    unpriced = "fal/fal-ai/no-such-model-at-all"
    for key in (served.key(), ADMIN):
        refused = served.create(key, model=unpriced, max_cost="0.01")
        assert (refused.status_code, refused.json()["error"]["code"]) == (402, "cost_limit")

    assert simulator.counters("fal").submits == 0
    bold = served.key(allow_unpriced=True)
    assert served.create(bold, model=unpriced, max_cost="0.01").status_code == 200


@pytest.mark.parametrize(
    "model",
    [
        "fal/fal-ai/veo3.1/../flux-pro",
        "fal/fal-ai/veo3.1/%2E%2e/flux-pro",
        "fal/fal-ai/veo3.1?fal_webhook=https://example.com",
        "fal/fal-ai/veo3.1#x",
        "fal/fal-ai/veo3.1\\..\\flux-pro",
        "fal/fal-ai/veo3.1/./x",
        "fal/fal-ai/veo3.1//x",
        "fal/fal-ai/veo3.1/\nx",
        "comfyui//etc/passwd",
        "comfyui/~/flow.json",
    ],
)
def test_a_models_name_leads_nowhere_else(
    served: Started, simulator: Simulator, model: str
) -> None:
    for key in (served.key(models=["fal/fal-ai/veo3*", "comfyui/*"]), ADMIN):
        refused = served.create(key, model=model)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
        refused = served.create(key, fallbacks=[model])
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")

    assert simulator.counters("fal").submits == 0


def test_a_key_has_so_many_jobs_under_way(start: Start, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never", stream=False, cancel="queued_ok"))
    served = start(queue_seconds=0.3)
    key, other = served.key(in_flight=2), served.key(in_flight=1)
    made = [served.create(key) for _ in range(2)]
    assert [one.status_code for one in made] == [200, 200]
    full = served.create(key)
    error = full.json()["error"]
    assert (full.status_code, error["code"]) == (429, "queue_timeout"), error
    assert full.headers["x-should-retry"] == "false"
    assert served.create(other).status_code == 200
    assert served.create(served.key()).status_code == 200
    assert served.ask("DELETE", f"/v1/videos/{made[0].json()['id']}", key).status_code == 200
    assert served.create(key).status_code == 200


def test_a_create_waits_for_its_place(served: Started, simulator: Simulator) -> None:
    simulator.script("fal", Script(run_seconds=0.3))
    key = served.key(in_flight=1)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: served.create(key), range(3)))

    assert [one.status_code for one in made] == [200, 200, 200]


def test_a_key_makes_so_many_requests_a_minute(mocked: Started) -> None:
    key, other = mocked.key(requests_per_minute=3), mocked.key(requests_per_minute=3)
    statuses = [mocked.ask("GET", "/v1/videos", key).status_code for _ in range(5)]
    assert statuses[:3] == [200] * 3
    assert 429 in statuses[3:]
    late = mocked.ask("GET", "/v1/videos", key)
    if late.status_code == 429:
        assert int(late.headers["retry-after"]) >= 1

    assert mocked.ask("GET", "/v1/videos", other).status_code == 200


def test_who_tries_keys_waits_and_locks_nobody_out(start: Start) -> None:
    served = start(mock=True, failures_per_minute=3)
    key = served.key()
    statuses = [served.ask("GET", "/v1/models", f"tg_{n}").status_code for n in range(6)]
    assert statuses[:3] == [401] * 3
    assert 429 in statuses[3:]
    assert served.ask("GET", "/v1/videos", key).status_code == 200


@pytest.mark.parametrize("amount", ["0", "0.000001"])
def test_a_budget_of_nothing_buys_nothing(
    served: Started, simulator: Simulator, amount: str
) -> None:
    key = served.key(budget={"amount": amount, "per": "month"})
    assert served.create(key, model=SORA, seconds="4").status_code == 402
    assert served.create(key, model=MODEL, seconds="4").status_code == 402
    assert simulator.counters("openai").submits == simulator.counters("fal").submits == 0
