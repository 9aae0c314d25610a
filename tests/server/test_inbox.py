"""Providers' webhooks at the server: without a key, verified, and worth a poll."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.server import ServerSettings, WebhookSettings
from tarash.tarash_gateway.server._configuration import problems
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import Start

CONFIG = VideoGenerationConfig(provider="replicate", model="google/veo-3")


async def test_a_webhook_takes_up_a_job_that_nobody_drives(
    start: Start, simulator: Simulator
) -> None:
    simulator.script("replicate", Script(run_seconds=0.0, webhook="never"))
    ledger = MemoryLedger()
    served = start(ledger, sweep_seconds=1000)
    assert served.http.get("/api/jobs").json()["data"] == []

    outside = served.url.replace("http:", "https:")  # Replicate takes nothing else
    leaving = Gateway(ledger=ledger, webhook_url=f"{outside}/webhooks/")
    job = await leaving.submit_video_async(CONFIG, VideoGenerationRequest(prompt="A cat"))
    await leaving.aclose(0)
    (submit,) = [one for one in simulator.requests("replicate") if one.method == "POST"]
    address = submit.json()["webhook"]
    assert address.startswith(f"{outside}/webhooks/replicate/")
    address = address.replace("https:", "http:")
    polls = simulator.counters("replicate").polls
    body = {"id": simulator.jobs("replicate")[0].id, "status": "succeeded"}

    forged = served.ask("POST", f"{address[:-4]}beef", "no key", json=body)
    assert (forged.status_code, forged.json().keys()) == (401, {"error"})
    assert simulator.counters("replicate").polls == polls
    assert served.ask("GET", f"/api/jobs/{job.id}").json()["status"] == "in_progress"

    answer = served.ask("POST", address, "no key", json=body)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert served.until_ended(job.id)["status"] == "completed"
    again = served.ask("POST", address, "no key", json=body)
    assert again.status_code == 200
    assert simulator.counters("replicate").submits == 1


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/webhooks/", {401, 404}),
        ("POST", "/webhooks/nobody", {401, 404}),
        ("POST", "/webhooks/replicate", {401, 404, 503}),
        ("POST", "/webhooks/replicate/job/1/token", {401}),
        ("POST", "/webhooks/replicate/..%2f..%2fapi/1/token", {401, 404}),
        ("POST", "/webhooks/" + "a" * 5000, {401, 404}),
        ("GET", "/webhooks/replicate", {405}),
    ],
)
def test_what_nobody_has_sent_is_refused(
    start: Start, method: str, path: str, expected: set[int]
) -> None:
    served = start(mock=True)
    answer = httpx.request(method, served.url + path, content=b'{"id": "x"}')
    assert answer.status_code in expected, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_providers_are_asked_to_call_where_the_server_is_reached() -> None:
    asked = WebhookSettings(inbox=True)
    settings = ServerSettings(webhooks=asked, public_url="https://gateway.example.com/ai/")
    assert settings.webhook_url == "https://gateway.example.com/ai/webhooks"
    assert list(problems(settings)) == []
    assert ServerSettings(public_url="https://gateway.example.com").webhook_url is None
    nowhere = ServerSettings(webhooks=asked)
    assert nowhere.webhook_url is None
    (said,) = problems(nowhere)
    assert "public_url" in said


@pytest.mark.parametrize(
    "fields", [{}, {"url": "https://example.com"}, {"secret_env": "HOOK_SECRET", "inbox": True}]
)
def test_settings_that_are_half_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="secret_env"):
        WebhookSettings(**fields)
