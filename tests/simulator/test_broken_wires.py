"""A bug in a wire is reported as one: it must not pass for what the provider answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway import HTTPError, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.api import generate_video
from tarash.tarash_gateway.testing import Fault, Reply, Simulator, WireError
from tarash.tarash_gateway.testing._wires.fal import FalWire

SUBMIT = "/fal-ai/veo3/fast"
SAID = r"the wire of 'fal' raised KeyError\('engine'\) in {}"


async def _raises(*_given: Any) -> Reply:
    raise KeyError("engine")


_raises.__name__ = "_submit"


def _says_no_key(*_given: Any) -> str:
    raise KeyError("engine")


async def asked(simulator: Simulator, path: str = SUBMIT, **options: Any) -> tuple[int, str]:
    headers = {"Authorization": "Key canary"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(simulator.base_url("fal") + path, json={}, **options) as answer,
    ):
        return answer.status, await answer.text()


async def test_its_answer_says_so_and_whoever_leaves_hears_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FalWire, "_submit", _raises)
    simulator, answers = Simulator(["fal"]), []

    async def use() -> None:
        async with simulator:
            answers.append(await asked(simulator))
            simulator.reset()

    with pytest.raises(WireError, match=SAID.format("_submit")) as caught:
        await use()

    ((status, body),) = answers
    assert status == 500
    assert "simulator" in body
    assert str(caught.value) in body
    assert isinstance(caught.value.__cause__, KeyError)
    assert simulator.wire_errors == [caught.value]


def test_the_error_of_a_call_says_that_it_was_the_simulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FalWire, "_submit", _raises)
    simulator = Simulator(["fal"])

    def use() -> None:
        with simulator:
            config = VideoGenerationConfig(
                provider="fal",
                model="fal-ai/veo3/fast",
                api_key="a:key",
                base_url=simulator.base_url("fal"),
            )
            generate_video(config, VideoGenerationRequest(prompt="A kite"))

    with pytest.raises(WireError) as left:
        use()

    failed = left.value.__context__
    assert isinstance(failed, HTTPError)
    assert failed.submission == "unknown"
    assert str(left.value) in str(failed)
    assert any("HTTP 500" in note for note in left.value.__notes__)


async def test_what_reads_keys_and_what_streams_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def events(*_given: Any) -> AsyncIterator[bytes]:
        yield b"data: {}\n\n"
        raise KeyError("engine")

    async def streams(*_given: Any) -> Reply:
        return Reply(events=events())

    simulator = Simulator(["fal"])
    monkeypatch.setattr(FalWire, "credential", _says_no_key)
    simulator.start()
    assert (await asked(simulator))[0] == 500
    simulator.stop()

    monkeypatch.undo()
    monkeypatch.setattr(FalWire, "_submit", streams)
    simulator.start()
    with pytest.raises(aiohttp.ClientError):
        await asked(simulator)

    simulator.stop()
    said = [str(error) for error in simulator.wire_errors]
    assert [text.rpartition(" ")[2] for text in said] == ["_says_no_key", "streams"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500),
        Fault.reset_before(),
        Fault.reset_after(),
        Fault.truncate(),
        Fault.foreign_body(),
        Fault.echo_key(),
    ],
    ids=lambda fault: fault.kind,
)
async def test_faults_that_were_asked_for_do_not_count(fault: Fault) -> None:
    async with Simulator(["fal"]) as simulator:
        simulator.fail("fal", "submit", fault)
        try:
            await asked(simulator)
        except aiohttp.ClientError:
            assert fault.kind not in ("status", "foreign_body", "echo_key")

        assert simulator.counters("fal").submits == 1

    assert simulator.wire_errors == []


async def test_a_client_that_goes_away_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()
    here = asyncio.get_running_loop()

    async def waits(*_given: Any) -> Reply:
        here.call_soon_threadsafe(arrived.set)
        try:
            await asyncio.Event().wait()
        finally:
            here.call_soon_threadsafe(gone.set)

        return Reply()

    monkeypatch.setattr(FalWire, "_submit", waits)
    async with Simulator(["fal"]) as simulator:
        asking = asyncio.ensure_future(asked(simulator))
        await arrived.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await gone.wait()

    assert simulator.wire_errors == []
