"""`with Gateway()`: what it closes, and what it leaves alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway._support import _portal
from tarash.tarash_gateway.testing import Script, Simulator

REQUEST = VideoGenerationRequest(prompt="A cat")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal"]) as running:
        yield running


def config_for(simulator: Simulator) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        api_key="id:any-key",
        base_url=simulator.base_url("fal"),
        poll_interval=0.05,
    )


def test_it_closes_its_connections_and_may_be_used_again(simulator: Simulator) -> None:
    with Gateway() as gateway:
        response = gateway.generate_video(config_for(simulator), REQUEST)
        assert response.video

    with gateway as again:
        assert again is gateway
        assert gateway.generate_video(config_for(simulator), REQUEST).video

    assert simulator.counters("fal").accepted == 2


def test_a_mistake_in_it_is_raised_as_it_was(simulator: Simulator) -> None:
    def make() -> None:
        with Gateway() as gateway:
            gateway.generate_video(config_for(simulator), REQUEST)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make()


def test_nothing_is_started_only_to_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_portal, "running", lambda: None)
    monkeypatch.setattr(_portal, "call", lambda _: pytest.fail("a thread was started"))
    with Gateway():
        pass


def test_it_ends_its_own_calls_and_nobody_elses(simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never"))
    began = threading.Barrier(3)
    ended: dict[str, BaseException | VideoGenerationResponse] = {}

    def make(name: str, gateway: Gateway) -> None:
        waits = True

        def tell(_update: object) -> None:
            nonlocal waits
            if waits:
                waits = False
                began.wait()

        try:
            ended[name] = gateway.generate_video(config_for(simulator), REQUEST, tell)
        except BaseException as error:  # noqa: BLE001  (whatever ends a thread's call)
            ended[name] = error

    other = Gateway()
    with Gateway() as gateway:
        threads = {
            name: threading.Thread(target=make, args=(name, one))
            for name, one in (("own", gateway), ("other", other))
        }
        for thread in threads.values():
            thread.start()

        began.wait()

    threads["own"].join()
    assert "own" in ended
    assert not isinstance(ended["own"], VideoGenerationResponse | TarashException)
    notes = getattr(ended["own"], "__notes__", [])
    assert any("for job" in note for note in notes), "whoever waited does not learn of the job"
    assert "other" not in ended
    assert simulator.counters("fal").cancels == 1
    other.close(grace=0)
    threads["other"].join()
    assert simulator.counters("fal").cancels == 2
