"""The official SDK can't tell the simulator from Replicate."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError

from tarash.tarash_gateway.testing import Fault, Script, Simulator

VIDEO = "bytedance/seedance-1-pro"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["replicate"]) as running:
        running.keys["replicate"] = {"r8_key"}
        yield running


@pytest.fixture
def sdk(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "0.02")
    client = Client("r8_key", base_url=simulator.base_url("replicate"))
    yield client
    client._client.close()  # noqa: SLF001  (the SDK has no close of its own)


def test_a_prediction_from_start_to_end(simulator: Simulator, sdk: Client) -> None:
    simulator.script("replicate", Script(queue_polls=1, run_polls=1))
    made = sdk.models.predictions.create(VIDEO, {"prompt": "A cat"})
    assert made.status == "starting"
    made.wait()

    job = simulator.jobs("replicate")[0]
    assert (made.status, made.id, made.output) == ("succeeded", job.id, job.result_body["output"])
    assert job.payload == {"input": {"prompt": "A cat"}}
    assert httpx.get(str(made.output)).headers["content-type"] == "video/mp4"
    assert [one.id for one in sdk.predictions.list().results] == [job.id]


def test_run_waits_for_an_image(simulator: Simulator, sdk: Client) -> None:
    files = sdk.run("black-forest-labs/flux-schnell", {"prompt": "A cat", "num_outputs": 2})
    assert [str(file) for file in files] == simulator.jobs("replicate")[0].result_body["output"]
    assert simulator.counters("replicate").polls == 0


def test_a_version_and_a_deployment(simulator: Simulator, sdk: Client) -> None:
    sdk.predictions.create(version="a" * 64, input={"prompt": "A cat"})
    sdk.deployments.predictions.create("me/mine", {"prompt": "A cat"})
    jobs = simulator.jobs("replicate")
    assert [job.endpoint for job in jobs] == ["a" * 64, "me/mine"]
    assert jobs[0].payload == {"version": "a" * 64, "input": {"prompt": "A cat"}}


def test_a_failure_and_a_cancel(simulator: Simulator, sdk: Client) -> None:
    simulator.script("replicate", Script(outcome="moderated"), Script(outcome="never"))
    with pytest.raises(ModelError, match="E005"):
        sdk.run(VIDEO, {"prompt": "A cat"})

    running = sdk.models.predictions.create(VIDEO, {"prompt": "A cat"})
    running.cancel()
    assert running.status == "canceled"


def test_a_file_a_model_and_an_account(sdk: Client) -> None:
    file = sdk.files.create(io.BytesIO(b"picture"), filename="a.png", content_type="image/png")
    assert (file.size, file.content_type) == (7, "image/png")
    assert sdk.files.get(file.id).name == "a.png"
    version = sdk.models.get(VIDEO).latest_version
    assert version is not None
    assert "Input" in version.openapi_schema["components"]["schemas"]
    assert sdk.accounts.current().username == "simulated"


@pytest.mark.parametrize("status", [401, 402, 404, 422, 429])
def test_errors_come_as_problem_details(simulator: Simulator, sdk: Client, status: int) -> None:
    simulator.fail("replicate", "submit", Fault.status(status))
    with pytest.raises(ReplicateError) as caught:
        sdk.models.predictions.create(VIDEO, {"prompt": "A cat"})

    assert (caught.value.status, bool(caught.value.title)) == (status, True)


def test_it_can_not_read_an_aborted_prediction(simulator: Simulator, sdk: Client) -> None:
    """Why the adapter reads what came over the wire instead."""
    simulator.script("replicate", Script(run_seconds=0, result={"status": "aborted"}))
    with pytest.raises(ValueError, match="unexpected value"):
        sdk.models.predictions.create(VIDEO, {"prompt": "A cat"})

    assert simulator.counters("replicate").accepted == 1


async def test_async(simulator: Simulator) -> None:
    client = Client("r8_key", base_url=simulator.base_url("replicate"))
    made = await client.models.predictions.async_create(VIDEO, {"prompt": "A cat"}, wait=5)
    assert made.status == "succeeded"
    await client._async_client.aclose()  # noqa: SLF001  (as above)
