"""A planted key is searched for in everything that the gateway shows, stores, logs or raises."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import Iterator

import pytest

from tarash.tarash_gateway import (
    Gateway,
    Registry,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step

CANARY = "canary-5c1f0e7b9a"
PAIR = f"{CANARY}-id:{CANARY}-secret"
REQUEST = VideoGenerationRequest(prompt="A cat")
STEPS: tuple[Step, ...] = ("submit", "poll", "stream", "result")


class Lines(logging.Handler):
    """Keeps every log record with all that hangs on it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        formatted = logging.Formatter("%(message)s").format(record)
        self.lines.append(f"{formatted} {vars(record)}")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    handler = Lines()
    loggers = [logging.getLogger(), logging.getLogger("tarash.tarash_gateway")]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)

    yield handler.lines
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


def config(simulator: Simulator, **facts: object) -> VideoGenerationConfig:
    settings = {
        "provider": "fal",
        "model": "fal-ai/veo3.1",
        "api_key": PAIR,
        "base_url": simulator.base_url("fal"),
        "provider_config": {"access_token": f"{CANARY}-token", "min_poll_interval": 0.01},
        "poll_interval": 0.02,
        "timeout": 60,
        "max_retries": 0,
        **facts,
    }
    return VideoGenerationConfig.model_validate(settings)


def shown(error: BaseException) -> list[str]:
    """Return everything that an error shows, with its causes, contexts and attributes."""
    found = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        found += [str(link), repr(link), repr(vars(link)), repr(link.args)]
        link = link.__cause__ or link.__context__

    found.append(repr(pickle.dumps(error)))
    return found


def assert_silent(*texts: object) -> None:
    for text in texts:
        assert CANARY not in str(text)


async def test_the_key_stays_out_of_a_happy_run(simulator: Simulator, lines: list[str]) -> None:
    ledger = MemoryLedger()
    asked = config(simulator)
    updates: list[object] = []
    async with Gateway(ledger=ledger) as gateway:
        response = await gateway.generate_video_async(asked, REQUEST, updates.append)

    assert simulator.requests("fal")[0].headers["authorization"] == f"Key {PAIR}"
    assert any("submitted" in line for line in lines)
    assert_silent(*lines, repr(asked), asked, asked.model_dump_json(), response, *updates)
    assert_silent(ledger.entries(), json.dumps(response.model_dump(mode="json")))
    assert simulator.leaks == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", [400, 401, 422, 500])
async def test_a_provider_that_echoes_the_key_does_not_spread_it(
    simulator: Simulator, lines: list[str], step: Step, status: int
) -> None:
    ledger = MemoryLedger()
    simulator.script("fal", Script(run_polls=1))
    simulator.fail("fal", step, Fault.echo_key(status), times=None)
    asked = config(simulator, max_poll_attempts=3)
    updates: list[object] = []
    texts: list[str] = []
    async with Gateway(ledger=ledger) as gateway:
        try:
            texts.append(repr(await gateway.generate_video_async(asked, REQUEST, updates.append)))
        except TarashException as error:
            texts += shown(error)

    assert texts
    assert_silent(*texts, *lines, *updates, ledger.entries())


async def test_an_echoed_key_is_masked_not_dropped(simulator: Simulator) -> None:
    simulator.fail("fal", "submit", Fault.echo_key(422))
    async with Gateway() as gateway:
        with pytest.raises(TarashException) as caught:
            await gateway.generate_video_async(config(simulator), REQUEST)

    assert "***" in str(caught.value.raw_response)


async def test_a_handler_that_raises_the_key_does_not_spread_it(lines: list[str]) -> None:
    class Leaky:
        async def generate_video_async(
            self,
            config: VideoGenerationConfig,
            request: VideoGenerationRequest,
            on_progress: object = None,
        ) -> VideoGenerationResponse:
            del request, on_progress
            try:
                headers: dict[str | None, str] = {}
                video = headers[config.api_key]
            except KeyError as error:
                message = f"no header {config.api_key}"
                raise LookupError(message) from error

            return VideoGenerationResponse(
                request_id="1", video=video, status="completed", raw_response={}
            )

    registry = Registry()
    registry.register_provider("leaky", Leaky())
    asked = VideoGenerationConfig(provider="leaky", model="m", api_key=PAIR)
    async with Gateway(registry=registry) as gateway:
        with pytest.raises(TarashException, match="LookupError") as caught:
            await gateway.generate_video_async(asked, REQUEST)

    assert caught.value.__cause__ is not None
    assert_silent(*shown(caught.value), *lines)


async def test_foreign_urls_of_an_answer_never_get_the_key(simulator: Simulator) -> None:
    simulator.script("fal", Script(foreign_urls=True))
    async with Gateway() as gateway:
        response = await gateway.generate_video_async(config(simulator), REQUEST)

    assert response.status == "completed"
    assert simulator.leaks == []


async def test_a_dead_network_does_not_tell_the_key(lines: list[str]) -> None:
    asked = VideoGenerationConfig(
        provider="fal", model="m", api_key=PAIR, base_url="http://127.0.0.1:9", max_retries=0
    )
    async with Gateway() as gateway:
        with pytest.raises(TarashException) as caught:
            await gateway.generate_video_async(asked, REQUEST)

    assert_silent(*shown(caught.value), *lines)


@pytest.mark.parametrize(("provider", "model"), [("fal", "fal-ai/veo3.1"), ("openai", "sora-2")])
@pytest.mark.filterwarnings("ignore:sora-2")  # of a retired model
async def test_a_proxy_that_refuses_does_not_tell_its_password(
    provider: str, model: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{CANARY}@{host}:{port}")
        asked = VideoGenerationConfig(provider=provider, model=model, api_key="k", max_retries=0)
        async with Gateway() as gateway:
            with pytest.raises(TarashException, match="the proxy answered HTTP 407") as caught:
                await gateway.generate_video_async(asked, REQUEST)

    assert caught.value.submission == "not_sent"
    assert_silent(*shown(caught.value), *lines)


def test_a_malformed_config_does_not_tell_the_key() -> None:
    with pytest.raises(ValueError, match="timeout") as caught:
        VideoGenerationConfig(provider="fal", model="m", api_key=CANARY, timeout=-1)

    assert_silent(*shown_validation(caught.value))


def shown_validation(error: Exception) -> list[str]:
    return [str(error), repr(error), "".join(traceback.format_exception(error))]
