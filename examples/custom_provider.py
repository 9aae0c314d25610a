"""A provider of your own: here, a render server in the house that speaks plain HTTP.

Without a key, against a stand-in for the server that this file starts itself:

    python examples/custom_provider.py

With a real one: set RENDER_URL and RENDER_KEY, add `--live`, and put your server's protocol
where `RenderServer` speaks to it. From then on it is a provider like any other: in fallback chains,
with progress, and in the ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    MockConfig,
    MockResponse,
    ProgressCallback,
    Registry,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoGenerationUpdate,
    generate_video_async,
)

POLL_SECONDS = 0.5


class RenderServer:
    """Makes videos on a render server: POST /jobs, then GET /jobs/{id} until it is done."""

    async def generate_video_async(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: ProgressCallback | None = None,
    ) -> VideoGenerationResponse:
        """Make a video; the gateway ends this at the config's timeout."""
        headers = {"Authorization": f"Bearer {config.api_key}"}
        async with aiohttp.ClientSession(config.base_url, headers=headers) as session:
            job_id = await self._submit(session, config, request)
            try:
                while (job := await self._look(session, job_id))["state"] != "done":
                    if job["state"] == "failed":
                        # Retryable: the next config of a chain may make it.
                        raise GenerationFailedError(
                            job["error"], config.provider, config.model, job_id, retryable=True,
                            submission="accepted",
                        )  # fmt: skip

                    await _tell(on_progress, job_id, job["percent"])
                    await asyncio.sleep(POLL_SECONDS)
            except asyncio.CancelledError:  # the deadline, Ctrl-C, or a caller that has left
                await session.delete(f"/jobs/{job_id}")
                raise

        return VideoGenerationResponse(
            request_id=job_id,
            status="completed",
            video=job["url"],
            content_type="video/mp4",
            duration=job["seconds"],
            raw_response=job,
        )

    async def _submit(
        self,
        session: aiohttp.ClientSession,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
    ) -> str:
        # What `submission` says decides whether sending it again may buy it twice.
        body = {"prompt": request.prompt, "seconds": request.duration_seconds or 5}
        try:
            async with session.post("/jobs", json={"model": config.model, **body}) as answer:
                if not answer.ok:
                    raise HTTPError(
                        f"The render server refused: {await answer.text()}", config.provider,
                        config.model, status_code=answer.status, submission="rejected",
                    )  # fmt: skip

                return str((await answer.json())["id"])
        except aiohttp.ClientConnectorError as error:
            raise HTTPConnectionError(
                "The render server can't be reached", config.provider, submission="not_sent"
            ) from error
        except aiohttp.ClientError as error:
            raise HTTPConnectionError(
                "The render server did not answer", config.provider, submission="unknown"
            ) from error

    async def _look(self, session: aiohttp.ClientSession, job_id: str) -> dict[str, Any]:
        for _ in range(5):  # a job that runs is not given up for one lost answer
            try:
                async with session.get(f"/jobs/{job_id}", raise_for_status=True) as answer:
                    job: dict[str, Any] = await answer.json()
                    return job
            except aiohttp.ClientError as error:
                failure = error
                await asyncio.sleep(POLL_SECONDS)

        raise HTTPConnectionError(
            f"The render server does not tell of job {job_id}", request_id=job_id,
            submission="accepted",
        ) from failure  # fmt: skip


async def _tell(on_progress: ProgressCallback | None, job_id: str, percent: float) -> None:
    if on_progress is None:
        return

    told = on_progress(
        VideoGenerationUpdate(request_id=job_id, status="processing", progress_percent=percent)
    )
    if inspect.isawaitable(told):
        await told


@asynccontextmanager
async def stand_in() -> AsyncIterator[str]:
    """Serve the protocol on this machine, and yield its address; the videos come from the mock."""
    mock = MockConfig(enabled=True, responses=(MockResponse(output_type="file"),))
    sample = await generate_video_async(
        VideoGenerationConfig(provider="fal", model="any", mock=mock),
        VideoGenerationRequest(prompt="A sample"),
    )
    percents = iter(range(0, 101, 50))

    async def submit(request: web.Request) -> web.Response:
        if request.headers["Authorization"] != "Bearer in-house":
            return web.Response(status=401, text="wrong key")

        return web.json_response({"id": "job-1"})

    async def look(_: web.Request) -> web.Response:
        percent = next(percents)
        done = {"state": "done", "url": sample.video, "seconds": sample.duration}
        return web.json_response(done if percent == 100 else {"state": "run", "percent": percent})  # noqa: PLR2004

    app = web.Application()
    app.add_routes([web.post("/jobs", submit), web.get("/jobs/job-1", look)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def make(base_url: str, key: str) -> None:
    """Register the provider, and make a video with it."""
    registry = Registry()
    registry.register_provider("render", RenderServer())
    config = VideoGenerationConfig(
        provider="render", model="film-2", api_key=key, base_url=base_url
    )
    async with Gateway(registry=registry) as gateway:
        response = await gateway.generate_video_async(
            config,
            VideoGenerationRequest(prompt="The new hall at night", duration_seconds=5),
            on_progress=lambda update: print(update.status, update.progress_percent),
        )

    print(response.video)


async def main(*, mocked: bool) -> int:
    """Make a video; return the exit code."""
    try:
        if mocked:
            async with stand_in() as base_url:
                await make(base_url, "in-house")
        else:
            await make(os.environ["RENDER_URL"], os.environ["RENDER_KEY"])
    except KeyError as error:
        print(f"Set the environment variable {error}", file=sys.stderr)
        return 2
    except TarashException as error:
        print(error, file=sys.stderr)
        return 1

    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make one video with a provider of your own")
    parser.add_argument("--live", action="store_true", help="ask your server, no stand-in for it")
    sys.exit(asyncio.run(main(mocked=not parser.parse_args().live)))
