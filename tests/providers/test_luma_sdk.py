"""The official SDK can't tell the simulator from Luma's Dream Machine API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import lumaai
import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["luma"]) as running:
        running.keys["luma"] = {"luma-key"}
        yield running


@pytest.fixture
def sdk(simulator: Simulator) -> Iterator[lumaai.LumaAI]:
    base_url = f"{simulator.base_url('luma')}/dream-machine/v1"
    with lumaai.LumaAI(auth_token="luma-key", base_url=base_url, max_retries=0) as client:
        yield client


def test_a_video_from_start_to_end(simulator: Simulator, sdk: lumaai.LumaAI) -> None:
    simulator.script("luma", Script(queue_polls=1, run_polls=1))
    made = sdk.generations.video.create(
        model="ray-2",
        prompt="A cat",
        keyframes={"frame0": {"type": "image", "url": "https://example.com/a.png"}},
        concepts=[{"key": "orbit_left"}],
        loop=True,
    )
    states = {made.state}
    while made.state != "completed":
        made = sdk.generations.get(str(made.id))
        states.add(made.state)

    assert states == {"queued", "dreaming", "completed"}
    assert made.assets is not None
    assert httpx.get(str(made.assets.video)).headers["content-type"] == "video/mp4"
    assert [one.id for one in sdk.generations.list().generations] == [made.id]
    assert simulator.jobs("luma")[0].payload["loop"] is True


def test_an_image_an_edit_and_what_is_free(simulator: Simulator, sdk: lumaai.LumaAI) -> None:
    sdk.generations.image.create(model="photon-1", prompt="A cat")
    sdk.generations.video.modify(
        generation_type="modify_video",
        media={"url": "https://example.com/a.mp4"},
        mode="flex_2",
        model="ray-2",
    )
    assert [job.payload["model"] for job in simulator.jobs("luma")] == ["photon-1", "ray-2"]
    older = sdk.generations.list(limit=1, offset=1)
    assert ([one.model for one in older.generations], older.has_more) == (["photon-1"], False)
    assert sdk.ping.check().message == "pong"
    assert sdk.credits.get().credit_balance == 1000
    assert "orbit_left" in sdk.generations.concepts.list()


def test_a_failure(simulator: Simulator, sdk: lumaai.LumaAI) -> None:
    simulator.script("luma", Script(outcome="moderated", run_seconds=0))
    made = sdk.generations.video.create(model="ray-2", prompt="A cat")
    assert (made.state, made.failure_reason) == ("failed", "Advanced moderation failed")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, lumaai.BadRequestError),
        (401, lumaai.AuthenticationError),
        (403, lumaai.PermissionDeniedError),
        (404, lumaai.NotFoundError),
        (422, lumaai.UnprocessableEntityError),
        (429, lumaai.RateLimitError),
        (500, lumaai.InternalServerError),
    ],
)
def test_errors(
    simulator: Simulator, sdk: lumaai.LumaAI, status: int, kind: type[lumaai.APIStatusError]
) -> None:
    simulator.fail("luma", "submit", Fault.status(status))
    with pytest.raises(kind) as caught:
        sdk.generations.video.create(model="ray-2", prompt="A cat")

    assert caught.value.body == {"detail": f"Simulated fault: HTTP {status}"}


def test_a_lost_answer_makes_the_sdk_pay_again(simulator: Simulator, sdk: lumaai.LumaAI) -> None:
    """Why the adapter turns the SDK's retries off."""
    simulator.fail("luma", "submit", Fault.reset_after())
    sdk.with_options(max_retries=1).generations.video.create(model="ray-2", prompt="A cat")
    assert simulator.counters("luma").accepted == 2
