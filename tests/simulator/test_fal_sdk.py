"""The official SDK can't tell the simulator from fal."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator

pytest.importorskip("fal_client")
Drive = Callable[[str], dict[str, Any]]
PROBE = Path(__file__).with_name("fal_sdk_probe.py")


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def sdk() -> Iterator[subprocess.Popen[str]]:
    """A process in which the SDK is led to simulators."""
    with subprocess.Popen(
        [sys.executable, str(PROBE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.fixture
def drive(sdk: subprocess.Popen[str], simulator: Simulator, kind: str) -> Drive:
    def run(task: str) -> dict[str, Any]:
        assert sdk.stdin is not None
        assert sdk.stdout is not None
        sdk.stdin.write(json.dumps([simulator.base_url("fal"), kind, task]) + "\n")
        sdk.stdin.flush()
        return dict(json.loads(sdk.stdout.readline()))

    return run


def test_happy(simulator: Simulator, drive: Drive) -> None:
    simulator.keys["fal"] = {"canary"}
    simulator.script("fal", Script(queue_polls=1, run_polls=1))
    seen = drive("happy")
    first, second = simulator.jobs("fal")

    assert seen["events"] == ["Queued", "InProgress", "Completed"]
    assert seen["status"] == "Completed"
    assert seen["metrics"] == {"inference_time": 0.05}
    assert seen["logs"] > 0
    assert seen["request_id"] == first.id
    assert first.payload == {"prompt": "a kite", "seed": 7}
    assert seen["result"] == seen["again"] == first.result_body
    assert seen["same_urls"]
    assert seen["subscribed"] == second.result_body
    assert simulator.counters("fal").submits == 2


@pytest.mark.parametrize(
    ("script", "status", "error_type"),
    [
        (Script(outcome="failed", error_type="file_download_error"), 422, "file_download_error"),
        (Script(outcome="moderated"), 422, "content_policy_violation"),
    ],
)
def test_a_models_failure(
    simulator: Simulator, drive: Drive, script: Script, status: int, error_type: str
) -> None:
    simulator.script("fal", script)
    seen = drive("failed")
    assert (seen["status"], seen["error_type"]) == (status, error_type)
    assert seen["message"][0]["type"] == error_type
    assert seen["message"][0]["msg"] == seen["error"]
    assert seen["retryable"] == "false"


def test_an_infrastructure_failure(simulator: Simulator, drive: Drive) -> None:
    simulator.script("fal", Script(outcome="failed", error_type="runner_scheduling_failure"))
    seen = drive("failed")
    assert (seen["status"], seen["type"]) == (503, "runner_scheduling_failure")
    assert seen["message"] == seen["error"]
    # With a request id on it, the SDK takes the answer for the runner's, and asks no second time.
    assert simulator.counters("fal").results == 1


def test_cancelled(simulator: Simulator, drive: Drive) -> None:
    simulator.script("fal", Script(outcome="never"))
    seen = drive("cancelled")
    assert seen["error_type"] == "client_cancelled"
    assert (seen["result"]["status"], seen["result"]["type"]) == (499, "client_cancelled")
    assert seen["again"]["status"] == 400
    assert simulator.jobs("fal")[0].status == "cancelled"


def test_upload(simulator: Simulator, drive: Drive) -> None:
    simulator.keys["fal"] = {"canary"}
    urls = drive("upload")
    contents = {}
    for name, url in urls.items():
        with urllib.request.urlopen(url) as response:  # noqa: S310 (a URL of the simulator)
            contents[name] = response.read()

    assert contents == {"v3": b"one", "fallback": b"two", "parts": b"three in parts"}
    assert simulator.counters("fal").uploads == 2 + 4
    assert simulator.leaks == []


def test_a_lost_answer_makes_the_sdk_pay_twice(simulator: Simulator, drive: Drive) -> None:
    """What the simulator is for: the SDK sends a paid POST again, and the counters show it."""
    simulator.script("fal", Script(outcome="failed"))
    simulator.fail("fal", "submit", Fault.reset_after())
    drive("failed")
    assert simulator.counters("fal").submits == simulator.counters("fal").accepted == 2
