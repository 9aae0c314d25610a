"""Every script, through raw requests on fal's wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Script

LONG = 3600.0
IMAGE = "fal-ai/flux/dev"


async def read_events(response: Any) -> list[dict[str, Any]]:
    lines = [line async for line in response.content]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data:")]


async def result_of(fal: Any, submitted: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    await fal.finished(submitted)
    answer: tuple[int, Any, dict[str, str]] = await fal.exchange("GET", submitted["response_url"])
    return answer


async def test_a_queued_job_has_a_position(fal: Any) -> None:
    fal.simulator.script("fal", Script(queue_seconds=LONG))
    submitted = await fal.submit()
    status, body, _ = await fal.exchange("GET", submitted["status_url"])

    assert (status, body["status"]) == (202, "IN_QUEUE")
    assert 0 <= body["queue_position"] <= LONG
    assert fal.simulator.jobs("fal")[0].status == "queued"


async def test_a_running_job_has_logs_when_asked_for(fal: Any) -> None:
    fal.simulator.script("fal", Script(run_seconds=LONG))
    submitted = await fal.submit()
    for asked in ("1", "true", "True"):
        status, body, _ = await fal.exchange("GET", submitted["status_url"] + f"?logs={asked}")
        assert (status, body["status"]) == (202, "IN_PROGRESS")
        assert {"message", "level", "source", "timestamp"} <= body["logs"][0].keys()

    _, body, _ = await fal.exchange("GET", submitted["status_url"] + "?logs=false")
    assert body["logs"] is None
    assert fal.simulator.jobs("fal")[0].status == "running"


async def test_a_job_goes_through_all_its_states(fal: Any) -> None:
    fal.simulator.script("fal", Script(queue_seconds=0.1, run_seconds=0.1))
    submitted = await fal.submit()
    async with await fal.events(submitted) as response:
        assert response.content_type == "text/event-stream"
        statuses = [event["status"] for event in await read_events(response)]

    # A busy machine may open the stream late, but never sees them in another order.
    assert statuses == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"][-len(statuses) :]
    assert fal.simulator.jobs("fal")[0].status == "completed"


async def test_a_video_result(fal: Any) -> None:
    fal.simulator.script("fal", Script(billable_units=5.5))
    submitted = await fal.submit(payload={"prompt": "a kite", "seed": 7})
    assert (await fal.finished(submitted))["metrics"] == {"inference_time": 0.05}
    status, body, headers = await fal.exchange("GET", submitted["response_url"])

    assert status == 200
    assert body["seed"] == 7
    assert body["video"]["content_type"] == "video/mp4"
    assert body["video"]["url"].startswith(fal.simulator.media_url)
    assert headers["x-fal-billable-units"] == "5.5"
    assert headers["x-fal-request-id"] == submitted["request_id"]
    assert fal.simulator.jobs("fal")[0].result_body == body


async def test_a_result_without_a_price(fal: Any) -> None:
    fal.simulator.script("fal", Script(billable_units=None))
    _, body, headers = await result_of(fal, await fal.submit())
    assert "x-fal-billable-units" not in headers
    assert "seed" not in body


async def test_an_image_result(fal: Any) -> None:
    payload = {"prompt": "a kite", "num_images": 3, "image_size": "square", "seed": 7}
    _, body, _ = await result_of(fal, await fal.submit(IMAGE, payload))

    assert [(image["width"], image["height"]) for image in body["images"]] == [(512, 512)] * 3
    assert len({image["url"] for image in body["images"]}) == 3
    assert body["has_nsfw_concepts"] == [False] * 3
    assert (body["seed"], body["prompt"]) == (7, "a kite")
    assert "timings" in body


async def test_images_inline(fal: Any) -> None:
    size = {"width": 64, "height": 32}
    payload = {"prompt": "x", "sync_mode": True, "image_size": size}
    _, body, _ = await result_of(fal, await fal.submit(IMAGE, payload))
    assert body["images"][0]["url"].startswith("data:image/png;base64,")
    assert (body["images"][0]["width"], body["images"][0]["height"]) == (64, 32)


async def test_the_number_of_outputs_can_be_scripted(fal: Any) -> None:
    fal.simulator.script("fal", Script(outputs=2))
    _, body, _ = await result_of(fal, await fal.submit(IMAGE))
    assert len(body["images"]) == 2


async def test_the_result_can_be_scripted(fal: Any) -> None:
    fal.simulator.script("fal", Script(result={"videos": [{"url": "x"}]}))
    assert (await result_of(fal, await fal.submit()))[1] == {"videos": [{"url": "x"}]}


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        ("fal-ai/kling-video/v3/pro/motion-control", "video"),
        ("fal-ai/wan/v2.7/text-to-image", "image"),
        ("fal-ai/veo3.1/lite", "video"),
        ("fal-ai/luma-dream-machine/ray-2/reframe", "video"),
        ("fal-ai/pixverse/v5.5/transition", "video"),
        ("fal-ai/luma-photon", "image"),
        ("fal-ai/nano-banana/edit", "image"),
        ("xai/grok-imagine-image", "image"),
        ("xai/grok-imagine-video/text-to-video", "video"),
    ],
)
async def test_what_an_endpoint_makes_is_guessed(fal: Any, endpoint: str, kind: str) -> None:
    _, body, _ = await result_of(fal, await fal.submit(endpoint))
    assert ("video" in body, "images" in body) == (kind == "video", kind == "image")


async def test_what_an_endpoint_makes_can_be_scripted(fal: Any) -> None:
    fal.simulator.script("fal", Script(kind="video"), Script(kind="image"), Script())
    assert "video" in (await result_of(fal, await fal.submit("acme/new-model")))[1]
    assert "images" in (await result_of(fal, await fal.submit("acme/new-model")))[1]
    with_duration = await fal.submit("acme/new-model", {"duration": 5})
    assert "video" in (await result_of(fal, with_duration))[1]


async def test_a_model_failure_shows_as_completed_and_fails_at_the_result(fal: Any) -> None:
    fal.simulator.script(
        "fal", Script(outcome="failed", error_type="image_too_small", error_message="Too small")
    )
    submitted = await fal.submit()
    last = await fal.finished(submitted)
    assert last["status"] == "COMPLETED"
    assert (last["error"], last["error_type"]) == ("Too small", "image_too_small")

    status, body, headers = await fal.exchange("GET", submitted["response_url"])
    assert status == 422
    assert body["detail"][0]["type"] == "image_too_small"
    assert body["detail"][0]["msg"] == "Too small"
    assert headers["x-fal-retryable"] == "false"
    assert fal.simulator.jobs("fal")[0].status == "failed"


@pytest.mark.parametrize(
    ("error_type", "status"),
    [("startup_timeout", 504), ("runner_disconnected", 503), ("internal_error", 500)],
)
async def test_an_infrastructure_failure_has_the_other_envelope(
    fal: Any, error_type: str, status: int
) -> None:
    fal.simulator.script("fal", Script(outcome="failed", error_type=error_type))
    answered, body, headers = await result_of(fal, await fal.submit())
    assert answered == status
    assert isinstance(body["detail"], str)
    assert body["error_type"] == headers["x-fal-error-type"] == error_type


async def test_the_status_of_a_failure_can_be_scripted(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="failed", error_status=451))
    assert (await result_of(fal, await fal.submit()))[0] == 451


async def test_a_moderated_job(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="moderated"))
    submitted = await fal.submit()
    status, body, _ = await result_of(fal, submitted)
    assert status == 422
    assert body["detail"][0]["type"] == "content_policy_violation"
    assert body["detail"][0]["loc"] == ["body", "prompt"]
    assert body["detail"][0]["input"] == "a kite"


async def test_a_result_without_media(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="no_media"))
    assert (await result_of(fal, await fal.submit()))[:2] == (200, {"video": None})
    assert (await result_of(fal, await fal.submit(IMAGE)))[1]["images"] == []


async def test_a_lost_job_is_unknown_to_every_look(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="lost"))
    submitted = await fal.submit()
    for method, url in (
        ("GET", submitted["status_url"]),
        ("GET", submitted["status_url"] + "/stream"),
        ("GET", submitted["response_url"]),
        ("PUT", submitted["cancel_url"]),
    ):
        status, body, _ = await fal.exchange(method, url)
        assert (status, body["status"]) == (404, "NOT_FOUND")

    assert fal.simulator.counters("fal").accepted == 1
    assert fal.simulator.jobs("fal")[0].status == "lost"


async def test_a_job_that_never_ends(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="never", run_seconds=0.0))
    submitted = await fal.submit()
    assert (await fal.exchange("GET", submitted["status_url"]))[0] == 202
    status, body, _ = await fal.exchange("GET", submitted["response_url"])
    assert (status, body["detail"]) == (400, "Request is still in progress")


@pytest.mark.parametrize(
    ("script", "answer", "ends_as"),
    [
        (Script(queue_seconds=LONG), (200, "OK"), "cancelled"),
        (Script(run_seconds=LONG), (202, "CANCELLATION_REQUESTED"), "cancelled"),
        (Script(run_seconds=0.0), (400, "ALREADY_COMPLETED"), "completed"),
        (Script(run_seconds=LONG, cancel="queued_ok"), (200, "OK"), "cancelled"),
        (
            Script(queue_seconds=LONG, cancel="requested"),
            (202, "CANCELLATION_REQUESTED"),
            "cancelled",
        ),
        (Script(outcome="never", cancel="ignored"), (202, "CANCELLATION_REQUESTED"), "running"),
        (Script(outcome="never", cancel="too_late"), (400, "ALREADY_COMPLETED"), "completed"),
        (
            Script(run_seconds=LONG, cancel="too_late", outcome="failed"),
            (400, "ALREADY_COMPLETED"),
            "failed",
        ),
    ],
)
async def test_cancel(fal: Any, script: Script, answer: tuple[int, str], ends_as: str) -> None:
    fal.simulator.script("fal", script)
    submitted = await fal.submit()
    status, body, _ = await fal.exchange("PUT", submitted["cancel_url"])

    assert (status, body) == (answer[0], {"status": answer[1]})
    job = fal.simulator.jobs("fal")[0]
    assert (job.status, job.cancel_requested) == (ends_as, True)


async def test_a_cancelled_job_ends_as_the_clients_doing(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="never"))
    submitted = await fal.submit()
    await fal.exchange("PUT", submitted["cancel_url"])
    last = await fal.finished(submitted)
    status, body, headers = await fal.exchange("GET", submitted["response_url"])

    assert (last["status"], last["error_type"]) == ("COMPLETED", "client_cancelled")
    assert (status, body["error_type"]) == (499, "client_cancelled")
    assert headers["x-fal-error-type"] == "client_cancelled"


async def test_a_cancel_reaches_an_open_stream(fal: Any) -> None:
    fal.simulator.script("fal", Script(outcome="never"))
    submitted = await fal.submit()
    async with await fal.events(submitted) as response:
        await response.content.readline()
        await fal.exchange("PUT", submitted["cancel_url"])
        (last,) = await read_events(response)

    assert (last["status"], last["error_type"]) == ("COMPLETED", "client_cancelled")


async def test_a_provider_without_a_stream(fal: Any) -> None:
    fal.simulator.script("fal", Script(stream=False))
    async with await fal.events(await fal.submit()) as response:
        assert response.status == 404


@pytest.mark.parametrize("run_seconds", [0.0, 0.02])
async def test_a_silent_stream(
    fal: Any, eventually: Callable[..., Any], run_seconds: float
) -> None:
    fal.simulator.script("fal", Script(stream="silent", run_seconds=run_seconds))
    submitted = await fal.submit()
    async with await fal.events(submitted) as response:
        first = await response.content.readline()
        assert first.startswith(b"data: ")
        await fal.finished(submitted)
        assert await response.content.readline() == b"\n"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.content.readline(), 0.1)

    await eventually(lambda: fal.simulator.counters("fal").open_connections <= 1)


async def test_scripts_are_used_up_one_by_one(fal: Any) -> None:
    fal.simulator.script("fal", Script(result={"n": 1}), Script(result={"n": 2}))
    results = [(await result_of(fal, await fal.submit()))[1]["n"] for _ in range(3)]
    assert results == [1, 2, 2]

    fal.simulator.script("fal")
    assert "video" in (await result_of(fal, await fal.submit()))[1]


async def test_foreign_urls(fal: Any) -> None:
    fal.simulator.script("fal", Script(foreign_urls=True))
    submitted = await fal.submit()
    for name in ("status_url", "response_url", "cancel_url"):
        assert submitted[name].startswith(fal.simulator.foreign_url)

    assert (await fal.exchange("GET", submitted["status_url"]))[0] == 200
    (stranger,) = fal.simulator.requests("foreign")
    assert stranger.headers["authorization"] == "Key canary"
    assert fal.simulator.leaks == [stranger]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("queue_seconds", -1.0),
        ("run_seconds", float("inf")),
        ("queue_polls", -1),
        ("run_polls", 1.5),
        ("outcome", "successful"),
        ("cancel", "maybe"),
        ("stream", "loud"),
        ("kind", "audio"),
        ("outputs", -1),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(field: str, value: Any) -> None:
    arguments: dict[str, Any] = {field: value}
    with pytest.raises(ValueError, match=field):
        Script(**arguments)


def test_the_old_names_of_polls_still_work_and_say_so() -> None:
    with pytest.warns(DeprecationWarning, match="queue_polls") as warned:
        assert Script(queue_looks=2) == Script(queue_polls=2)

    assert [warning.filename for warning in warned] == [__file__]
    with pytest.warns(DeprecationWarning, match="run_polls"):
        assert Script(run_looks=1).by_polls
