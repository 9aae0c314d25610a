"""Recipes for servers: whatever ends them or their requests stops the jobs, and says so."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

import pytest

from tests.recipes.conftest import RECIPES, Place, until

HERE = """
import {app}
from {app} import *

{app}.CONFIG = CONFIG.model_copy(update={{"allow_private_urls": True}})  # the simulator's results
"""
ASGI = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from tarash.tarash_gateway import *

gateway = Gateway()

@asynccontextmanager
async def lifespan(_):
    yield
    await gateway.aclose(grace=0)

app = FastAPI(lifespan=lifespan)

@app.post("/videos")
async def make():
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1")
    await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Ours, so that requests wait for the server, and no port is lost to others."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def ask(listener: socket.socket, prompt: str = "A+cat") -> HTTPConnection:
    """Order a video; whoever asks reads the answer."""
    connection = HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=120)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/videos", f"prompt={prompt}", kind)
    return connection


def here(place: Place, app: str) -> str:
    """Let a recipe fetch results from this machine, where the simulator has them."""
    (place.folder / "here.py").write_text(HERE.format(app=app), encoding="utf-8")
    return "here"


def gunicorn(
    place: Place, listener: socket.socket, app: str, *options: str
) -> subprocess.Popen[str]:
    """Serve an application with the settings of the recipe, unless the options name others."""
    return place.start(
        *("-m", "gunicorn", "--config", str(RECIPES / "gunicorn_conf.py")),
        *("--bind", f"fd://{listener.fileno()}", *options, app),
        pass_fds=(listener.fileno(),),
    )


def test_flask_makes_a_video_and_refuses_what_is_none(
    place: Place, listener: socket.socket
) -> None:
    gunicorn(place, listener, f"{here(place, 'flask_app')}:app")
    answer = ask(listener).getresponse()
    assert (answer.status, answer.read()[4:8]) == (200, b"ftyp")
    assert ask(listener, "+").getresponse().status == 422
    assert place.outcomes() == ["completed"]


@pytest.mark.parametrize("worker", ["sync", "gthread"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_gunicorn_stops_the_jobs_of_plain_routes_before_it_kills_their_worker(
    place: Place, listener: socket.socket, worker: str, number: signal.Signals
) -> None:
    place.never_done()
    threads = ["--threads", "1"] if worker == "sync" else []
    options = ["--worker-class", worker, "--graceful-timeout", "9", *threads]
    server = gunicorn(place, listener, "flask_app:app", *options)
    client = ask(listener)
    until(lambda: place.counters.polls > 0)
    server.send_signal(number)
    server.wait(120)
    client.close()
    assert (place.counters.submits, place.counters.cancels) == (1, 1)
    assert place.outcomes() == ["stopped"]  # asked to stop, that is


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_gunicorn_with_the_worker_of_uvicorn_ends_the_lifespan_in_time(
    place: Place, listener: socket.socket, number: signal.Signals
) -> None:
    place.never_done()
    (place.folder / "service.py").write_text(ASGI)
    settings = (RECIPES / "gunicorn_asgi.py").read_text("utf-8")
    (place.folder / "settings.py").write_text(settings.replace("timeout - 10", "timeout - 29"))
    server = gunicorn(place, listener, "service:app", "--config", "settings.py")
    client = ask(listener)
    until(lambda: place.counters.polls > 0)
    server.send_signal(number)
    server.wait(120)
    client.close()
    assert (place.counters.submits, place.counters.cancels) == (1, 1)
    assert place.outcomes() == ["stopped"]


def django(place: Place, listener: socket.socket) -> None:
    handle = listener.fileno()
    place.start(
        *("-m", "uvicorn", f"{here(place, 'django_app')}:application", "--fd", str(handle)),
        *("--timeout-graceful-shutdown", "1"),
        pass_fds=(handle,),
    )


def test_django_makes_a_video(place: Place, listener: socket.socket) -> None:
    django(place, listener)
    answer = ask(listener).getresponse()
    assert answer.status == 200, answer.read()
    assert place.saved() == [".mp4"]
    assert ask(listener, "+").getresponse().status == 422
    assert place.outcomes() == ["completed"]


@pytest.mark.parametrize("way", ["the client leaves", "SIGTERM"])
def test_a_request_to_django_that_is_ended_ends_its_job(
    place: Place, listener: socket.socket, way: str
) -> None:
    place.never_done()
    django(place, listener)
    client = ask(listener)
    until(lambda: place.counters.polls > 0)
    if way == "SIGTERM":
        threading.Thread(target=_ignore_the_answer, args=(client,), daemon=True).start()
        place.running[0].terminate()
        place.running[0].wait(120)
    else:
        client.close()

    until(lambda: place.counters.cancels == 1)
    until(lambda: place.outcomes() == ["stopped"])
    assert place.counters.submits == 1


def _ignore_the_answer(client: HTTPConnection) -> None:
    try:
        client.getresponse()
    except (HTTPException, OSError):
        return
