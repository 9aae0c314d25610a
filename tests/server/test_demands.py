"""What users of other gateways asked for, each a point that is held; rows name their reports."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.server import Account, ServerSettings, WebhookSettings
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import Start, Started
from tests.server.test_content import MODELS, made

HELD = {
    "BerriAI/litellm#19569": ("test_images", "test_images_on_the_way_come_before_the_last"),
    "QuantumNous/new-api#1234": ("test_images", "test_images_on_the_way_come_before_the_last"),
    "BerriAI/litellm#15963": ("test_images", "test_a_list_of_images_and_a_mask_are_all_used"),
    "BerriAI/litellm#26552": ("test_images", "test_a_list_of_images_and_a_mask_are_all_used"),
    "BerriAI/litellm#19874": ("test_demands", "test_a_video_is_fetched_with_the_key_that_made_it"),
    "BerriAI/litellm#16753": ("test_configuration", "test_two_accounts_of_one_provider_keep_their"),
    "theopenco/llmgateway#4090": ("test_demands", "test_every_way_to_a_result_has_ranges"),
    "api7/aisix#820": ("test_demands", "test_nobody_is_led_to_an_address_with_a_credential"),
    "BerriAI/litellm#10335": ("test_demands", "test_sizes_and_qualities_have_prices"),
    "BerriAI/litellm#37738": ("test_demands", "test_sizes_and_qualities_have_prices"),
    "vercel/ai#19232": ("test_configuration", "test_the_end_of_a_job_is_told"),
    "google-gemini/cookbook#1297": ("test_demands", "test_a_webhook_that_never_comes_costs_time"),
    "vercel-labs/ai-cli#45": ("test_images", "test_what_takes_long_says_that_it_is_alive"),
    "vercel-labs/ai-cli#64": ("test_images", "test_what_takes_long_says_that_it_is_alive"),
    "DELETE /v1/videos/{id}": ("test_jobs_are_kept", "test_deleting_what_runs_stops_it_first"),
    "who owns a job": ("test_keys", "test_another_keys_job_is_not_there"),
}


@pytest.mark.parametrize("report", HELD)
def test_each_report_has_a_test(report: str) -> None:
    file, name = HELD[report]
    module = importlib.import_module(f"tests.server.{file}")
    assert any(one.startswith(name) for one in vars(module)), name


def test_a_video_is_fetched_with_the_key_that_made_it(
    start: Start, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status and the bytes, with two keys of a vendor that wants one for both."""
    simulator.keys["google"] = {"one-key", "other-key"}
    monkeypatch.setenv("GOOGLE_API_KEY", "one-key")
    monkeypatch.setenv("GOOGLE_TEAM_KEY", "other-key")
    account = Account(provider="google", name="team", key_env="GOOGLE_TEAM_KEY")
    served = start(accounts=[account])
    for name, key in (("google", "one-key"), ("google@team", "other-key")):
        before = len(simulator.requests("google"))
        path = made(served, f"{name}/veo-3.1-generate-preview")
        assert served.ask("GET", path).content[4:8] == b"ftyp"
        asked = simulator.requests("google")[before:]
        assert len(asked) >= 3
        assert {one.headers["x-goog-api-key"] for one in asked} == {key}


def test_every_way_to_a_result_has_ranges(mocked: Started) -> None:
    path = made(mocked)
    job = path.split("/")[3]
    link = mocked.ask("POST", f"/api/jobs/{job}/links", json={}).json()["url"]
    whole = mocked.ask("GET", path)
    size, tag = len(whole.content), whole.headers["etag"]
    for way in (path, f"/api/jobs/{job}/media/1", link):
        key = {} if way == link else dict(mocked.http.headers)
        with httpx.Client(base_url=mocked.url, headers=key) as client:
            for headers, status, content in (
                ({"Range": "bytes=0-0"}, 206, whole.content[:1]),
                ({"Range": "bytes=-5"}, 206, whole.content[-5:]),
                ({"Range": f"bytes={size}-"}, 416, None),
                ({"Range": "bytes=0-4", "If-Range": tag}, 206, whole.content[:5]),
                ({"Range": "bytes=0-4", "If-Range": '"old"'}, 200, whole.content),
                ({}, 200, whole.content),
            ):
                answer = client.get(way, headers=headers)
                assert answer.status_code == status, (way, headers)
                assert content is None or answer.content == content, (way, headers)

            head = client.head(way)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(size)


@pytest.mark.parametrize("kind", MODELS)
def test_nobody_is_led_to_an_address_with_a_credential(served: Started, kind: str) -> None:
    """Bytes come from the gateway: no answer leads elsewhere, or says what a provider's key is."""
    path = made(served, MODELS[kind])
    job = path.split("/")[3]
    for way in (path, f"/v1/videos/{job}", f"/api/jobs/{job}", f"/api/jobs/{job}/timeline"):
        answer = served.http.get(way, follow_redirects=False)
        assert answer.status_code == 200, way
        assert "location" not in answer.headers
        assert b"example:key" not in answer.content
        assert "example:key" not in str(answer.headers)


def test_sizes_and_qualities_have_prices(mocked: Started) -> None:
    """`auto` may come out as any of them, so that its price lies between theirs."""

    def quoted(**fields: Any) -> tuple[float, float]:
        body = {"kind": "image", "model": "openai/gpt-image-1", "prompt": "A cat", **fields}
        quote = mocked.ask("POST", "/api/quote", json=body).json()["quote"]
        return float(quote["low"]), float(quote["high"])

    sizes, qualities = ("1024x1024", "1536x1024", "1024x1536"), ("low", "medium", "high")
    every = {(s, q): quoted(size=s, quality=q) for s in sizes for q in qualities}
    assert all(high - low < 0.001 for low, high in every.values()), every
    for size in sizes:
        low, medium, high = (every[size, quality] for quality in qualities)
        assert low < medium < high
        assert quoted(size=size, quality="auto") == (low[0], high[1])

    assert quoted(size="auto", quality="auto") == (
        min(low for low, _ in every.values()), max(high for _, high in every.values()),
    )  # fmt: skip


def test_a_webhook_that_never_comes_costs_time(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script("replicate", Script(run_seconds=0.2, webhook="never"))
    settings = ServerSettings(
        webhooks=WebhookSettings(inbox=True),
        public_url="https://gateway.example.com",
        media=tmp_path / "media",
    )
    gateway = Gateway(ledger=MemoryLedger(), webhook_url=settings.webhook_url)
    served = Started(gateway, settings)
    try:
        video = served.create(model="replicate/google/veo-3").json()["id"]
        assert served.until_ended(video)["status"] == "completed"
    finally:
        served.stop()

    (submit,) = [one for one in simulator.requests("replicate") if one.method == "POST"]
    assert submit.json()["webhook"].startswith("https://gateway.example.com/webhooks/replicate/")
