"""What the guide on services says of clients and of signals is true of its code."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.testing import Fault, Script, Simulator

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "services.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
REQUEST = VideoGenerationRequest(prompt="A cat")


class Client:
    """A client that leaves as soon as its job runs."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def is_disconnected(self) -> bool:
        return bool(self.simulator.jobs("fal"))


class Staying:
    """A client that waits for its answer."""

    async def is_disconnected(self) -> bool:
        return False


def service() -> dict[str, Any]:
    """Return the names of the page's first block."""
    namespace: dict[str, Any] = {}
    exec(compile(BLOCKS[0], PAGE, "exec", dont_inherit=True), namespace)  # noqa: S102  (our own)
    return namespace


def unless_gone() -> Any:
    """Return the function of the page's first block."""
    return service()["unless_gone"]


@pytest.mark.parametrize(("on_timeout", "cancelled"), [("cancel", True), ("detach", False)])
async def test_a_client_that_leaves_stops_its_job_or_leaves_it_running(
    on_timeout: Any, *, cancelled: bool
) -> None:
    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(outcome="never"))
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key="any:key",
            base_url=simulator.base_url("fal"),
            on_timeout=on_timeout,
        )
        async with Gateway() as gateway:
            work = gateway.generate_video_async(config, REQUEST)
            with pytest.raises(Exception, match="the client has left"):
                await unless_gone()(Client(simulator), work)

        (job,) = simulator.jobs("fal")
        assert job.cancel_requested is cancelled


async def test_who_stays_gets_the_result() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "made"

    assert inspect.iscoroutinefunction(unless_gone())
    assert await unless_gone()(Staying(), work()) == "made"


MODELS = {"fal": "fal-ai/veo3.1", "openai": "sora-2", "google": "gemini-omni-1.1-flash"}


async def answer(simulator: Simulator, provider: str, prompt: str = "A cat", **changes: Any) -> Any:
    """Return what the page's service answers where this provider makes its videos."""
    namespace = service()
    namespace["config"] = namespace["config"].model_copy(
        update={
            "provider": provider,
            "model": MODELS[provider],
            "api_key": "any:key",
            "base_url": simulator.base_url(provider),
            "allow_private_urls": True,  # where the simulator's results are
            **changes,
        }
    )
    app = namespace["app"]
    async with namespace["lifespan"](app):
        return await namespace["make"](prompt, Staying())


@pytest.mark.filterwarnings("ignore::UserWarning")  # of a retired model, and of what is not saved
@pytest.mark.parametrize("provider", MODELS)
async def test_a_video_of_any_provider_has_an_address_that_goes_into_json(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Simulator([provider]) as simulator:
        simulator.script(provider, Script(run_looks=0))
        told = json.loads(json.dumps(await answer(simulator, provider)))
        assert kept(tmp_path) == [told["video"].removeprefix("/files/")]

        # One that can't be saved is not lost where it has an address of its own.
        (tmp_path / "blocked").write_text("no folder")
        elsewhere = "blocked/{request_id}.{ext}"
        if provider == "fal":
            told = await answer(simulator, provider, save_to=elsewhere)
            assert told["video"].startswith(simulator.media_url)
        else:
            with pytest.raises(HTTPException, match="is made, but could not be saved"):
                await answer(simulator, provider, save_to=elsewhere)


def kept(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("videos/*")]


async def test_what_a_client_can_mend_is_told_from_what_it_can_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Simulator(["fal"]) as simulator:
        with pytest.raises(HTTPException, match="prompt") as blank:
            await answer(simulator, "fal", " ")

        simulator.script("fal", Script(outcome="moderated"))
        with pytest.raises(HTTPException) as refused:
            await answer(simulator, "fal")

        simulator.fail("fal", "submit", Fault.status(402))
        with pytest.raises(HTTPException) as unpaid:
            await answer(simulator, "fal")

        assert [one.value.status_code for one in (blank, refused, unpaid)] == [422, 422, 502]
        assert simulator.counters("fal").accepted == 1


@pytest.mark.skipif(os.name != "posix", reason="loops take no signals on Windows")
@pytest.mark.parametrize("block", [1, 2], ids=["blocking", "with a loop of its own"])
def test_a_script_that_is_told_to_end_asks_the_provider_to_stop(block: int, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(BLOCKS[block], encoding="utf-8")
    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(outcome="never"))
        hosts = {"TARASH_FAL_BASE_URL": simulator.base_url("fal"), "FAL_KEY": "any:key"}
        script = subprocess.Popen(
            [sys.executable, "script.py"],
            cwd=tmp_path,
            env={**os.environ, **hosts, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        while not simulator.counters("fal").streams:
            assert script.poll() is None
            time.sleep(0.02)

        script.send_signal(signal.SIGTERM)
        said = script.communicate()[1]
        assert script.returncode == 143, said
        assert "Traceback" not in said
        (job,) = simulator.jobs("fal")
        assert job.cancel_requested
