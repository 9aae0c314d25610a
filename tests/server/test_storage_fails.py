"""A ledger that fails in the middle of a create: the job is one, and its client is not misled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tarash.tarash_gateway import StorageError
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.server import WebhookSettings
from tarash.tarash_gateway.testing import Simulator
from tests.server.conftest import Start
from tests.server.test_configuration import Receiver


class Failing(MemoryLedger):
    """Fails some calls of one method, before or after it has done its work."""

    def __init__(self, method: str, *, after: bool, calls: range, space: str = "") -> None:
        super().__init__()
        self._method = method
        self._after = after
        self._calls = calls
        self._space = space
        self._count = 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name != self._method:
            return found

        async def failing(*args: Any, **options: Any) -> Any:
            if self._space and args[0] != self._space:
                return await found(*args, **options)

            self._count += 1
            fails = self._count - 1 in self._calls
            if fails and not self._after:
                raise StorageError("The disk is away")

            done = await found(*args, **options)
            if fails:
                raise StorageError("The disk is away")

            return done

        return failing


def test_a_webhook_that_can_not_be_written_down_is_no_error_of_the_create(
    start: Start, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    monkeypatch.setenv("HOOK_SECRET", "h" * 32)
    hooks = WebhookSettings(url=receiver.url, secret_env="HOOK_SECRET", allow_loopback=True)
    ledger = Failing("write_state", after=False, calls=range(1), space="server.webhooks")
    served = start(ledger, webhooks=hooks)
    made = served.create()
    assert made.status_code == 200, made.text
    receiver.until(1)
    receiver.close()
    assert json.loads(receiver.heard[0][1])["data"] == {"id": made.json()["id"]}
    assert simulator.counters("fal").accepted == 1


@pytest.mark.parametrize(
    ("method", "after"),
    [("open", False), ("open", True), ("close", True), ("get", False), ("get", True)],
)
def test_nobody_is_told_to_repeat_what_may_have_been_ordered(
    start: Start, simulator: Simulator, method: str, *, after: bool
) -> None:
    del simulator  # its variables are set
    made = start(Failing(method, after=after, calls=range(1))).create()
    assert made.status_code in (200, 503), made.text
    if made.status_code == 503:
        assert made.headers["x-should-retry"] == "false"
        assert "list of jobs" in made.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "header"), [("close", "Idempotency-Key"), ("get", "x-stainless-retry-count")]
)
def test_a_repeated_create_that_is_known_buys_once(
    start: Start, simulator: Simulator, method: str, header: str
) -> None:
    served = start(Failing(method, after=True, calls=range(1)))
    first = served.create(headers={header: "0"})
    if first.status_code == 503:
        assert first.headers["x-should-retry"] == "true"

    again = served.create(headers={header: "0" if header.startswith("I") else "1"})
    assert again.status_code == 200, again.text
    assert served.until_ended(again.json()["id"])["status"] == "completed"
    assert simulator.counters("fal").accepted == 1


def test_what_orders_nothing_may_be_repeated(start: Start) -> None:
    names = Failing("write_state", after=False, calls=range(1), space="server.repeats")
    keys = Failing("write_state", after=False, calls=range(1), space="server.keys")
    for made in (
        start(names, mock=True).create(),
        start(keys).ask("POST", "/api/keys", json={"name": "shop"}),
    ):
        assert made.status_code == 503, made.text
        assert made.headers["x-should-retry"] == "true"
        assert "list of jobs" not in made.json()["error"]["message"]


def test_a_job_that_goes_on_is_no_error(start: Start, simulator: Simulator) -> None:
    served = start(Failing("claim", after=False, calls=range(1)))
    made = served.create()
    assert made.status_code == 200, made.text
    assert served.until_ended(made.json()["id"])["status"] == "completed"
    assert simulator.counters("fal").accepted == 1
