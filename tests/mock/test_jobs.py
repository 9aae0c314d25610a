"""Mocked jobs: their statuses, cancelling, what is remembered, what a plan shows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway.exceptions import GenerationFailedError, HTTPError, ValidationError
from tarash.tarash_gateway.models import (
    MockConfig,
    MockPollingConfig,
    MockResponse,
    VideoGenerationResponse,
)
from tarash.tarash_gateway.providers._contract import Adapter
from tarash.tarash_gateway.providers.mock import MockAdapter, _adapter
from tests.mock.conftest import SPECS, Driver, MakeCall, video_call

FAILING = ("queued", "processing", "failed")


def polling(**settings: Any) -> MockConfig:
    return MockConfig(enabled=True, polling=MockPollingConfig(**settings))


def test_the_adapter_keeps_the_contract() -> None:
    adapter: Adapter = MockAdapter()
    assert adapter.min_poll_interval == 0
    assert adapter.find_key(video_call().config, {})


async def test_a_job_walks_through_its_statuses(driver: Driver, video: MakeCall) -> None:
    call = video(polling())
    operation = await driver.begin(call)
    looks = [await driver.look(operation) for _ in range(3)]
    assert [look.status for look in looks] == ["queued", "processing", "completed"]
    assert [look.progress for look in looks] == [0, 50, 100]
    assert [look.retry_after for look in looks] == [0.5, 0.5, None]
    assert [look.finished is not None for look in looks] == [False, False, True]
    assert looks[1].raw == {"id": operation.id, "status": "processing", "progress": 50}
    assert looks[2].finished is not None
    response = driver.adapter.parse(call, looks[2].finished)
    assert response.request_id == operation.id
    assert await driver.look(operation) == looks[2]


async def test_the_operation_is_plain_json_and_names_no_real_provider(
    driver: Driver, video: MakeCall
) -> None:
    operation = await driver.begin(video(polling(delay_between_updates=0.1)))
    assert Operation.from_json(operation.to_json()) == operation
    assert operation.provider == "mock"
    assert operation.data == {"retry_after": 0.1}


async def test_a_job_goes_on_on_another_loop(video: MakeCall) -> None:
    driver = Driver()
    operation = await driver.begin(video(polling()))

    def go_on() -> VideoGenerationResponse | None:
        async def look_on() -> Any:
            while (snapshot := await driver.look(operation)).finished is None:
                pass

            return driver.adapter.parse(video(polling()), snapshot.finished)

        response: VideoGenerationResponse = asyncio.run(look_on())
        return response

    response = await asyncio.to_thread(go_on)
    assert response is not None
    assert response.is_mock


async def test_percentages_and_payloads_can_be_set(driver: Driver, video: MakeCall) -> None:
    payloads = ({"step": 1}, {"step": 2}, {"step": 3})
    settings = polling(
        progress_percentages=(5, 60, 100), custom_updates=payloads, delay_between_updates=0
    )
    operation = await driver.begin(video(settings))
    looks = [await driver.look(operation) for _ in range(3)]
    assert [look.progress for look in looks] == [5, 60, 100]
    assert [look.raw for look in looks] == list(payloads)
    assert looks[0].retry_after == 0


async def test_a_sequence_of_one_status(driver: Driver, image: MakeCall) -> None:
    operation = await driver.begin(image(polling(status_sequence=("completed",))))
    look = await driver.look(operation)
    assert (look.status, look.progress) == ("completed", 100)
    assert look.finished is not None


async def test_a_sequence_may_end_in_failure(driver: Driver, video: MakeCall) -> None:
    operation = await driver.begin(video(polling(status_sequence=FAILING)))
    looks = [await driver.look(operation) for _ in range(4)]
    assert [look.status for look in looks] == [*FAILING, "failed"]
    assert looks[2].billing == "none"
    error = looks[2].error
    assert isinstance(error, GenerationFailedError)
    assert error.retryable
    assert (error.provider, error.request_id, error.submission) == ("fal", operation.id, "accepted")


async def test_polling_that_is_switched_off_answers_at_once(
    driver: Driver, video: MakeCall
) -> None:
    response = await driver.run(video(polling(enabled=False, status_sequence=FAILING)))
    assert response.status == "completed"


async def test_an_error_is_raised_by_the_submit(driver: Driver, video: MakeCall) -> None:
    responses = (MockResponse(error=HTTPError("down", status_code=503)),)
    call = video(MockConfig(enabled=True, polling=MockPollingConfig(), responses=responses))
    with pytest.raises(HTTPError, match="down"):
        await driver.submit(call)


@pytest.mark.parametrize("looks", [0, 1, 2])
async def test_a_job_can_be_cancelled_until_it_has_ended(
    driver: Driver, video: MakeCall, looks: int
) -> None:
    operation = await driver.begin(video(polling()))
    for _ in range(looks):
        await driver.look(operation)

    assert await driver.adapter.cancel(driver.client, operation) == "cancelled"
    assert await driver.adapter.cancel(driver.client, operation) == "cancelled"
    look = await driver.look(operation)
    assert look.status == "failed"
    assert "cancelled" in str(look.error)


@pytest.mark.parametrize("last", ["completed", "failed"])
async def test_a_job_that_has_ended_can_not_be_cancelled(
    driver: Driver, video: MakeCall, last: str
) -> None:
    operation = await driver.begin(video(polling(status_sequence=(last,))))
    look = await driver.look(operation)
    assert await driver.adapter.cancel(driver.client, operation) == "too_late"
    assert await driver.look(operation) == look


async def test_an_unknown_job_is_said_to_be_unknown(driver: Driver) -> None:
    operation = Operation("mock", "m", "video", "mock-gone", "2026-01-01T00:00:00+00:00")
    look = await driver.look(operation)
    assert (look.status, look.billing) == ("failed", "none")
    assert "generate again" in str(look.error)
    assert await driver.adapter.cancel(driver.client, operation) == "too_late"


async def test_the_number_of_jobs_is_bounded(
    driver: Driver, video: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_adapter, "MOST_JOBS", 3)
    call = video(polling())
    operations = [await driver.begin(call) for _ in range(5)]
    for operation in operations[2:]:
        assert (await driver.look(operation)).status == "queued"

    assert "does not know" in str((await driver.look(operations[1])).error)


async def test_a_look_that_was_cut_short_is_made_good(driver: Driver, image: MakeCall) -> None:
    operation = await driver.begin(image(polling(status_sequence=("completed",)), size="2048x2048"))
    cut = asyncio.create_task(driver.look(operation))
    await asyncio.sleep(0)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut

    assert (await driver.look(operation)).finished is not None


def test_a_plan_shows_the_request_without_bytes(driver: Driver, video: MakeCall) -> None:
    first = {"image": "data:image/png;base64,AAECAw==", "type": "first_frame"}
    linked = {"image": "https://media.example/a.png"}
    call = video(
        duration_seconds=8,
        image_list=[first, linked],
        video={"content": b"12345", "content_type": "video/mp4"},
        cfg_scale=0.5,
        mask=b"123",
    )
    payload = driver.adapter.build(call, SPECS["video"])
    assert payload.path == "videos"
    assert payload.body == {
        "model": "fal-ai/veo3.1",
        "prompt": "a kite",
        "duration_seconds": 8.0,
        "image_list": [
            {"image": "<image/png, 4 bytes>", "type": "first_frame"},
            {"image": "https://media.example/a.png", "type": "reference"},
        ],
        "video": "<video/mp4, 5 bytes>",
        "extra_params": {"cfg_scale": 0.5, "mask": "<3 bytes>"},
    }


@pytest.mark.parametrize(
    ("wishes", "said"),
    [({"size": "9000x100"}, "up to 8192 pixels"), ({"n": 65}, "at most 64 images")],
)
def test_more_than_the_mock_makes_is_refused_before_anything_happens(
    driver: Driver, image: MakeCall, wishes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        driver.adapter.build(image(**wishes), SPECS["image"])

    assert caught.value.submission == "not_sent"
