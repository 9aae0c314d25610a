"""fal's wire where no script or fault is at work: paths, keys, envelopes, records."""

from __future__ import annotations

import uuid
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Counters, Script


@pytest.mark.parametrize(
    ("endpoint", "app"),
    [
        ("fal-ai/flux", "fal-ai/flux"),
        ("fal-ai/bytedance/seedance/v1/pro/fast/text-to-video", "fal-ai/bytedance"),
        ("workflows/acme/pipeline", "workflows/acme/pipeline"),
        ("comfy/acme/graph/run", "comfy/acme/graph"),
        ("12345-my-app", "12345/my-app"),
    ],
)
async def test_urls_hold_owner_and_alias_only(fal: Any, endpoint: str, app: str) -> None:
    submitted = await fal.submit(endpoint)
    base = f"{fal.url}/{app}/requests/{submitted['request_id']}"

    assert submitted["status"] == "IN_QUEUE"
    assert submitted["queue_position"] == 0
    assert submitted["response_url"] == base
    assert submitted["status_url"] == f"{base}/status"
    assert submitted["cancel_url"] == f"{base}/cancel"
    assert (await fal.finished(submitted))["request_id"] == submitted["request_id"]


async def test_the_whole_endpoint_is_no_path_of_a_job(fal: Any) -> None:
    submitted = await fal.submit("fal-ai/veo3/fast")
    job = submitted["request_id"]
    status, _, _ = await fal.exchange("GET", f"/fal-ai/veo3/fast/requests/{job}/status")
    assert status == 405
    status, _, _ = await fal.exchange("GET", f"/fal-ai/flux/requests/{job}/status")
    assert status == 404


async def test_unknown_jobs_and_paths(fal: Any) -> None:
    base = f"/fal-ai/veo3/requests/{uuid.uuid4()}"
    for method, path in (("GET", base), ("GET", f"{base}/status"), ("PUT", f"{base}/cancel")):
        status, body, _ = await fal.exchange(method, path)
        assert (status, body["status"]) == (404, "NOT_FOUND")

    for method, path in (("GET", "/fal-ai/veo3"), ("POST", "/veo3"), ("DELETE", base)):
        status, body, _ = await fal.exchange(method, path, json={})
        assert (status, type(body["detail"])) == (404, str)


@pytest.mark.parametrize("header", [None, "", "Key ", "Key", "canary", "Basic canary"])
async def test_a_key_has_to_be_there(fal: Any, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{fal.url}/fal-ai/veo3", json={}) as response,
    ):
        assert response.status == 401
        assert isinstance((await response.json())["detail"], str)

    assert fal.simulator.counters("fal").submits == 1
    assert fal.simulator.counters("fal").accepted == 0


async def test_a_key_can_be_wrong(fal: Any) -> None:
    fal.simulator.keys = {"fal": {"right"}}
    assert (await fal.exchange("POST", "/fal-ai/veo3", json={}))[0] == 401

    fal.simulator.keys["fal"] = {"right", "canary"}
    await fal.submit()


@pytest.mark.parametrize(
    ("sent", "error_type"), [(b"{", "json_invalid"), (b"", "json_invalid"), (b"[]", "dict_type")]
)
async def test_a_payload_has_to_be_an_object(fal: Any, sent: bytes, error_type: str) -> None:
    status, body, _ = await fal.exchange("POST", "/fal-ai/veo3", data=sent)
    assert (status, body["detail"][0]["type"]) == (422, error_type)
    assert fal.simulator.counters("fal").accepted == 0


async def test_a_job_keeps_what_it_was_submitted_with(fal: Any) -> None:
    hook = "https://example.com/hook"
    status, body, _ = await fal.exchange(
        "POST",
        "/fal-ai/veo3/fast",
        params={"fal_webhook": hook},
        headers={"X-Fal-Queue-Priority": "low"},
        json={"prompt": "a kite", "nested": {"n": [1]}},
    )
    assert status == 200
    (job,) = fal.simulator.jobs("fal")

    assert job.id == body["request_id"]
    assert job.endpoint == "fal-ai/veo3/fast"
    assert job.payload == {"prompt": "a kite", "nested": {"n": [1]}}
    assert job.query == {"fal_webhook": hook}
    assert job.headers["x-fal-queue-priority"] == "low"
    assert job.submitted_at.utcoffset() is not None
    assert job.cancel_requested is False


async def test_requests_are_recorded_in_order(fal: Any) -> None:
    submitted = await fal.submit()
    await fal.exchange("GET", submitted["status_url"] + "?logs=1")
    first, second = fal.simulator.requests("fal")

    assert (first.origin, first.method, first.path) == ("fal", "POST", "/fal-ai/veo3/fast")
    assert first.json() == {"prompt": "a kite"}
    assert first.headers["authorization"] == "Key canary"
    assert (second.method, second.query) == ("GET", {"logs": "1"})


async def test_everything_is_counted(fal: Any) -> None:
    fal.simulator.script("fal", Script(run_seconds=0.0))
    submitted = await fal.submit()
    await fal.finished(submitted)
    async with await fal.events(submitted) as response:
        await response.read()

    await fal.exchange("GET", submitted["response_url"])
    await fal.exchange("PUT", submitted["cancel_url"])
    counters = fal.simulator.counters("fal")

    assert counters == Counters(
        submits=1,
        accepted=1,
        polls=1,
        streams=1,
        results=1,
        cancels=1,
        connections=1,
        open_connections=1,
        most_in_flight=1,
    )


async def test_reset_forgets(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="failed"))
    submitted = await fal.submit()
    await fal.finished(submitted)
    fal.simulator.reset()

    assert fal.simulator.jobs("fal") == fal.simulator.requests("fal") == []
    assert fal.simulator.counters("fal") == Counters(open_connections=1)
    assert (await fal.exchange("GET", submitted["status_url"]))[0] == 404
    assert "error" not in await fal.finished(await fal.submit())
