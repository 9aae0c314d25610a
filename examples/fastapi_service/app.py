"""A video service with FastAPI: its HTTP side.

    POST   /videos                 {"prompt": "..."} → {"token": "..."}
    GET    /videos/{token}         where the job stands
    GET    /videos/{token}/events  the same, pushed: server-sent events until the job has ended
    GET    /videos/{token}/file    the video
    DELETE /videos/{token}         asks the provider to stop
    GET    /                       a page that uses all of these

What it needs: pip install ".[cli,fal]" "fastapi>=0.135" uvicorn

Without a key, against simulated providers:

    tarash simulate --provider fal --run-seconds 10  # prints lines for the second terminal
    test -s token-secret || (umask 077; openssl rand -hex 32 >token-secret)
    export TARASH_TOKEN_SECRET=$(cat token-secret)
    uvicorn fastapi_service.app:app --app-dir examples --timeout-graceful-shutdown 5 --no-proxy-headers

The secret is made once and kept: with another one, the links of all pages would be dead after a
restart. Without the limit on its shutdown, uvicorn waits until every page has been closed or its
video is done, before the lifespan below may end.

With a real one, set FAL_KEY in place of what the simulator printed. The further settings, all of
them variables of the environment, are those of `Settings`. In production, put your own log-in in
front of POST: whoever has a token may watch and stop its job, and nobody else. Until then, clients
are told apart by their addresses. uvicorn believes whoever calls from this machine what it says of
its address, hence `--no-proxy-headers`; behind a proxy, write `--forwarded-allow-ips ADDRESS`
there, with the proxy's. Tokens are part of the URLs, and so of access logs: `--no-access-log`
turns uvicorn's off.
"""  # noqa: E501  (a line to copy)

from __future__ import annotations

import logging
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    RateLimitError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.ledger import SqliteLedger

from .guard import Full, Places, SmallBodies, refuse_nonsense
from .watching import Videos, View, Watch, for_clients

log = logging.getLogger(__name__)
AS_IT_IS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
"""For browsers, which otherwise make up their own minds on what a file is."""


@dataclass(frozen=True)
class Settings:
    """What the environment says.

    Attributes:
        provider: VIDEO_PROVIDER.
        model: VIDEO_MODEL.
        ledger: VIDEO_LEDGER: the file where jobs are written down. Several workers share one.
        on_disconnect: ON_DISCONNECT: what becomes of a job when the last client that watched it has
            left: `detach` lets it go on, `cancel` asks the provider to stop it.
        patience: DISCONNECT_SECONDS: how long a client may be away before it counts as gone; a
            page that is loaded again is away for a moment.
        grace: SHUTDOWN_SECONDS: how long a shutdown waits for jobs that are nearly done. The others
            are left running, and the next start goes on with them.
        each: MOST_EACH: how many videos one client may have under way, each of which is billed.
        together: MOST_TOGETHER: how many all clients of this process may.
    """

    provider: str
    model: str
    ledger: str
    on_disconnect: Literal["detach", "cancel"]
    patience: float
    grace: float
    each: int
    together: int

    @classmethod
    def read(cls) -> Settings:
        """Read them.

        Raises:
            RuntimeError: There is no secret to sign tokens with, or a value is none.
        """
        if not os.environ.get("TARASH_TOKEN_SECRET"):
            raise RuntimeError(
                "Set TARASH_TOKEN_SECRET, the same for every worker and every start: without it "
                "anybody could make up tokens. To get one: openssl rand -hex 32"
            )

        on_disconnect = os.environ.get("ON_DISCONNECT", "detach")
        if on_disconnect not in ("detach", "cancel"):
            raise RuntimeError(f"ON_DISCONNECT is detach or cancel, not {on_disconnect!r}")

        return cls(
            provider=os.environ.get("VIDEO_PROVIDER", "fal"),
            model=os.environ.get("VIDEO_MODEL", "fal-ai/veo3.1"),
            ledger=os.environ.get("VIDEO_LEDGER", "videos.db"),
            on_disconnect="cancel" if on_disconnect == "cancel" else "detach",
            patience=_seconds("DISCONNECT_SECONDS", 10),
            grace=_seconds("SHUTDOWN_SECONDS", 20),
            each=_count("MOST_EACH", 3),
            together=_count("MOST_TOGETHER", 50),
        )


def _seconds(variable: str, default: float) -> float:
    told = os.environ.get(variable) or str(default)
    try:
        seconds = float(told)
    except ValueError:
        seconds = math.nan

    if not 0 <= seconds < math.inf:
        raise RuntimeError(f"{variable} is a number of seconds, not {told!r}")

    return seconds


def _count(variable: str, default: int) -> int:
    told = os.environ.get(variable) or str(default)
    if not (told.isascii() and told.isdigit() and int(told)):
        raise RuntimeError(f"{variable} is a number from 1 on, not {told!r}")

    return int(told)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start with what is owed; end without losing anything."""
    settings = Settings.read()
    # A job belongs to whoever ordered it: that this process ends must not stop it.
    config = VideoGenerationConfig(
        provider=settings.provider,
        model=settings.model,
        on_timeout="detach",
        # Also for jobs that were ordered before a restart, and for tokens.
        untrusted_requests=True,
    )
    ledger = SqliteLedger(settings.ledger)
    cancel_after = settings.patience if settings.on_disconnect == "cancel" else None
    # What others send must not lead to files of this machine, or to hosts beside it.
    gateway = Gateway(ledger=ledger, untrusted_requests=True)
    videos = Videos(gateway, ledger, config, cancel_after)
    videos.start()
    app.state.videos = videos
    app.state.places = Places(settings.each, settings.together)
    yield
    await videos.aclose(settings.grace)


app = FastAPI(title="Videos", lifespan=lifespan)
app.add_middleware(SmallBodies)
app.add_exception_handler(RequestValidationError, refuse_nonsense)


class Order(BaseModel):
    """What a client asks for; a name that is none here is refused, since it was meant to count."""

    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
    duration_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] | None = None
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"


class Accepted(BaseModel):
    """What a client gets for it."""

    token: str


def all_videos(request: Request) -> Videos:
    """Return what the lifespan has made."""
    videos: Videos = request.app.state.videos
    return videos


VideosHere = Annotated[Videos, Depends(all_videos)]


async def watched(token: str, videos: VideosHere) -> Watch:
    """Return what is known of a token's job."""
    try:
        watch = await videos.find(token)
    except ValidationError as error:  # not signed by us, or altered
        raise HTTPException(403, "This token is not valid") from error

    if watch is None:
        raise HTTPException(404, "This job is not known any more")

    return watch


WatchHere = Annotated[Watch, Depends(watched)]


@app.get("/")
async def page() -> FileResponse:
    """Show the page."""
    return FileResponse(Path(__file__).with_name("page.html"))


@app.post("/videos", status_code=202)
async def submit(
    order: Order,
    videos: VideosHere,
    request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Accepted:
    """Order a video; with an Idempotency-Key, sending it twice buys it once."""
    # Where users log in, take their id in place of the address, and put it in front of the key: two
    # of them may have the same.
    client = request.client.host if request.client else "?"
    places: Places = request.app.state.places
    places.take(client)
    try:
        wanted = VideoGenerationRequest(**order.model_dump())
        watch, is_new = await videos.submit(wanted, idempotency_key)
    except BaseException:
        places.give_back(client)
        raise

    if is_new:
        watch.then(lambda: places.give_back(client))
    else:
        places.give_back(client)

    return Accepted(token=watch.job.to_token())


@app.get("/videos/{token}")
async def status(watch: WatchHere) -> View:
    """Tell where a job stands."""
    return watch.view


@app.get("/videos/{token}/events", response_class=EventSourceResponse)
async def events(watch: WatchHere, videos: VideosHere) -> AsyncIterator[ServerSentEvent]:
    """Push where a job stands, until it has ended."""
    async for view in videos.follow(watch):
        # `retry` is how soon a browser comes back after the connection was lost, in milliseconds.
        yield ServerSentEvent(data=view, retry=1000)


@app.get("/videos/{token}/file")
async def file(watch: WatchHere) -> Response:
    """Deliver the video: from the provider's host, or from here where it needs our key."""
    if watch.response is None:
        raise HTTPException(409, watch.view.error or f"There is no video: {watch.view.status}")

    video = watch.response.video
    if isinstance(video, str):
        return RedirectResponse(video)

    # What a provider calls it is not taken for granted: a page from here would run as ours.
    kind = video["content_type"]
    kind = kind if kind.startswith("video/") else "application/octet-stream"
    return Response(video["content"], media_type=kind, headers=AS_IT_IS)


@app.delete("/videos/{token}")
async def cancel(watch: WatchHere) -> dict[str, str]:
    """Ask the provider to stop a job; what had run may be billed."""
    return {"answer": await watch.job.cancel_async()}


@app.exception_handler(Full)
async def wait(_request: Request, _error: Full) -> JSONResponse:
    """Tell a client that has too much under way."""
    detail = "Too many videos are under way; try again when one is done"
    return JSONResponse({"detail": detail}, 429, {"Retry-After": "30"})


@app.exception_handler(TarashException)
async def refuse(_request: Request, error: TarashException) -> JSONResponse:
    """Tell clients what is theirs to mend, and the log the rest: hosts, models, what it said."""
    if isinstance(error, ContentModerationError | ValidationError):
        log.warning("%s: %s", type(error).__name__, error.message)
        return JSONResponse({"detail": for_clients(error)}, 422)

    log.error("%s: %s", type(error).__name__, error.message)
    if isinstance(error, RateLimitError):
        return JSONResponse({"detail": "Too much to do; try again later"}, 429)

    return JSONResponse({"detail": "The provider can't be used at the moment"}, 502)
