"""Start, stop, and everything that may go on around them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway import testing
from tarash.tarash_gateway.testing import Fault, Script, Simulator

pytest_plugins = ["pytester"]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:  # noqa: S310 (a loopback URL of the simulator)
        return bytes(response.read())


def test_a_blocking_client_can_use_it(simulator: Simulator) -> None:
    assert b"foreign" in get(simulator.foreign_url)
    with pytest.raises(urllib.error.HTTPError) as failure:
        get(f"{simulator.base_url('fal')}/nowhere")

    failure.value.close()
    assert failure.value.code == 404


async def test_it_is_an_async_context_manager() -> None:
    async with (
        Simulator() as simulator,
        aiohttp.ClientSession() as session,
        session.get(simulator.foreign_url) as response,
    ):
        assert response.status == 200

    with pytest.raises(RuntimeError, match="isn't running"):
        simulator.base_url("fal")


def test_every_origin_has_its_own_port(simulator: Simulator) -> None:
    urls = {simulator.base_url("fal"), simulator.media_url, simulator.foreign_url}
    assert len(urls) == 3
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


def test_two_simulators_do_not_meet() -> None:
    with Simulator() as one, Simulator() as other:
        get(one.foreign_url)
        assert (len(one.requests("foreign")), len(other.requests("foreign"))) == (1, 0)


def test_it_can_be_started_again() -> None:
    simulator = Simulator(["fal"])
    for _ in range(2):
        simulator.start()
        with pytest.raises(RuntimeError, match="running already"):
            simulator.start()

        get(simulator.foreign_url)
        simulator.stop()

    assert len(simulator.requests("foreign")) == 2
    simulator.stop()


def test_an_address_that_cannot_be_used_is_an_error_at_the_start() -> None:
    simulator = Simulator(host="203.0.113.1")
    with pytest.raises(OSError, match=r"."):
        simulator.start()

    assert "tarash-simulator" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_it_can_listen_on_another_address() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")

    with Simulator(host="::1") as simulator:
        assert b"foreign" in get(simulator.foreign_url)


def test_unknown_providers_are_named_with_the_known_ones(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match=r"no provider 'nobody'; it has: .*fal"):
        Simulator(["nobody"])

    with pytest.raises(ValueError, match="doesn't serve 'nobody'"):
        simulator.counters("nobody")

    assert "fal" in simulator.providers


@pytest.mark.parametrize("step", ["submit", "poll", "stream"])
async def test_stop_ends_whatever_hangs(
    step: Any, client: aiohttp.ClientSession, eventually: Callable[..., Any]
) -> None:
    simulator = Simulator()
    simulator.start()
    simulator.script("fal", Script(outcome="never", stream="silent"))
    url = simulator.base_url("fal") + "/fal-ai/veo3"
    if step != "submit":
        async with client.post(url, json={}) as response:
            url = (await response.json())["status_url"] + ("/stream" if step == "stream" else "")

    if step != "stream":
        simulator.fail("fal", step, Fault.hang(), times=None)

    async def ask() -> bytes:
        async with client.request("POST" if step == "submit" else "GET", url, json={}) as response:
            return await response.read()

    hanging = asyncio.create_task(ask())
    await eventually(lambda: getattr(simulator.counters("fal"), _counter(step)) == 1)
    await asyncio.to_thread(simulator.stop)
    with pytest.raises(aiohttp.ClientError):
        await hanging

    assert simulator.counters("fal").open_connections == 0


def _counter(step: str) -> str:
    return {"submit": "submits", "poll": "polls", "stream": "streams"}[step]


def test_stop_with_a_client_that_says_nothing_or_reads_nothing() -> None:
    with Simulator() as simulator:
        host, port = simulator.media_url.removeprefix("http://").split(":")
        with (
            socket.create_connection((host, int(port))) as silent,
            socket.create_connection((host, int(port))) as half,
        ):
            half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
            get_from = f"{simulator.media_url}/nothing"
            with pytest.raises(urllib.error.HTTPError) as failure:
                get(get_from)

            failure.value.close()
            simulator.stop()
            silent.close()


def test_nothing_is_left_open() -> None:
    script = """
import gc, logging, urllib.request
from tarash.tarash_gateway.testing import Simulator
logging.getLogger("asyncio").setLevel(logging.ERROR)  # a slow machine is worth no word
for _ in range(3):
    with Simulator() as simulator:
        urllib.request.urlopen(simulator.foreign_url).read()
gc.collect()
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    # A starved machine makes asyncio's debug mode remark on slow steps.
    said = [line for line in done.stderr.splitlines() if not line.startswith("Executing ")]
    assert (done.returncode, said) == (0, [])


def test_a_forgotten_simulator_does_not_keep_the_process() -> None:
    script = """
from tarash.tarash_gateway.testing import Simulator
Simulator().start()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_importing_the_plugin_loads_no_server() -> None:
    script = """
import sys
import tarash.tarash_gateway.testing.pytest_plugin
server = {"aiohttp", "tarash.tarash_gateway.testing._simulator"}
assert not server & sys.modules.keys() - before
"""
    script = "import sys, pytest\nbefore = set(sys.modules)\n" + script
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_fixture_gives_a_running_simulator(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(testing.__file__).parents[3]))
    pytester.makepyfile(
        """
        seen = []

        def test_one(tarash_simulator):
            assert tarash_simulator.base_url("fal").startswith("http://127.0.0.1:")
            seen.append(tarash_simulator)

        def test_other(tarash_simulator):
            assert tarash_simulator not in seen
        """
    )
    pytester.makeini("[pytest]")  # its own, else that of a folder above might count
    # By its name only: an installed package would register it a second time by its entry point.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = pytester.runpytest_subprocess("-p", "tarash.tarash_gateway.testing.pytest_plugin")
    result.assert_outcomes(passed=2)


def test_all_is_sorted_and_importable() -> None:
    assert list(testing.__all__) == sorted(testing.__all__)
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    assert set(testing.__all__) <= set(dir(testing))
    with pytest.raises(AttributeError, match="Simulation"):
        testing.Simulation  # noqa: B018
