"""The official SDK can't tell the simulator from Runway."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator

runwayml = pytest.importorskip("runwayml")


@pytest.fixture
def client(simulator: Simulator) -> Any:
    with runwayml.RunwayML(
        api_key="canary", base_url=simulator.base_url("runway"), max_retries=0
    ) as client:
        yield client


def ended(client: Any, task: str) -> Any:
    while (seen := client.tasks.retrieve(task)).status in ("PENDING", "RUNNING"):
        time.sleep(0.01)

    return seen


def test_a_video(simulator: Simulator, client: Any) -> None:
    simulator.script("runway", Script(queue_polls=1, run_polls=1))
    created = client.text_to_video.create(
        model="gen4.5", prompt_text="a kite", duration=5, ratio="1280:720", seed=7
    )
    first = client.tasks.retrieve(created.id)
    assert (first.status, first.estimated_cost.credits) == ("PENDING", 25)

    task = ended(client, created.id)
    (job,) = simulator.jobs("runway")
    assert task.status == "SUCCEEDED"
    assert task.output == job.result_body["output"]
    assert task.cost.credits == 1
    assert job.payload == {
        "model": "gen4.5",
        "promptText": "a kite",
        "duration": 5,
        "ratio": "1280:720",
        "seed": 7,
    }
    assert job.headers["x-runway-version"] == "2024-11-06"


async def test_images_asynchronously(simulator: Simulator) -> None:
    async with runwayml.AsyncRunwayML(
        api_key="canary", base_url=simulator.base_url("runway"), max_retries=0
    ) as client:
        created = await client.text_to_image.create(
            model="gpt_image_2", prompt_text="a kite", ratio="1920:1088", output_count=2
        )
        simulator_job = simulator.jobs("runway")[0]
        assert len(simulator_job.result_body["output"]) == 2
        assert (await client.tasks.retrieve(created.id)).id == created.id


@pytest.mark.parametrize(
    ("script", "code", "kept"),
    [
        (Script(outcome="failed"), "INTERNAL.BAD_OUTPUT", 0),
        (Script(outcome="failed", error_type=""), None, 0),
        (Script(outcome="moderated"), "SAFETY.INPUT.TEXT", 5),
    ],
)
def test_a_failed_task(
    simulator: Simulator, client: Any, script: Script, code: str | None, kept: int
) -> None:
    simulator.script("runway", script)
    created = client.text_to_video.create(model="veo3.1", prompt_text="a kite", ratio="1280:720")
    task = ended(client, created.id)
    assert (task.status, task.failure_code, task.cost.credits) == ("FAILED", code, kept)


def test_a_deleted_task_is_gone(simulator: Simulator, client: Any) -> None:
    simulator.script("runway", Script(outcome="never"))
    created = client.text_to_video.create(model="veo3.1", prompt_text="x", ratio="1280:720")
    running = client.tasks.retrieve(created.id)
    assert (running.status, 0 <= running.progress <= 1) == ("RUNNING", True)

    client.tasks.delete(created.id)
    with pytest.raises(runwayml.NotFoundError) as caught:
        client.tasks.retrieve(created.id)

    assert caught.value.body["error"] == "The task was not found."
    assert simulator.jobs("runway")[0].status == "cancelled"


def test_an_upload_and_the_account(simulator: Simulator, client: Any) -> None:
    uploaded = client.uploads.create_ephemeral(file=("a.png", b"bytes", "image/png"))
    assert uploaded.uri.startswith("runway://")
    assert client.organization.retrieve().credit_balance == 1000
    sent = [one for one in simulator.requests("runway") if one.path.startswith("/storage/")]
    assert b"bytes" in sent[0].body
    assert "authorization" not in sent[0].headers


def test_a_wrong_key(simulator: Simulator, client: Any) -> None:
    simulator.keys["runway"] = {"another"}
    with pytest.raises(runwayml.AuthenticationError):
        client.organization.retrieve()


def test_a_body_without_a_model(client: Any) -> None:
    with pytest.raises(runwayml.BadRequestError) as caught:
        client.post("/v1/text_to_video", body={"promptText": "x"}, cast_to=object)

    assert caught.value.body["issues"][0]["path"] == ["model"]


def test_a_lost_answer_makes_the_sdk_pay_twice(simulator: Simulator) -> None:
    """What `max_retries=0` in the adapter is for."""
    simulator.fail("runway", "submit", Fault.reset_after())
    with runwayml.RunwayML(api_key="canary", base_url=simulator.base_url("runway")) as client:
        client.text_to_video.create(model="veo3.1", prompt_text="x", ratio="1280:720")

    assert simulator.counters("runway").accepted == 2
