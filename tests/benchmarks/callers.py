"""One generation each way: through the gateway, and through the vendor's own SDK.

Every caller returns the job's id. `waiting` is the SDK's own helper, from submit to result;
`looking` the same calls in a loop of one's own, with a fixed pause between two looks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest

KEY = "key-of-the-benchmarks"
PROMPT = "A lighthouse at dusk"
MODELS = {
    "fal": "fal-ai/veo3.1",
    "openai": "sora-2",
    "runway": "gen4.5",
    "replicate": "google/veo-3.1",
    "google": "veo-3.1-generate-preview",
    "azure-openai": "my-sora",
    "luma": "ray-2",
    "xai": "grok-imagine-video",
}
"""Whose jobs are waited for; what answers at once has none."""
REQUEST = VideoGenerationRequest(prompt=PROMPT)


class Call(Protocol):
    """Makes a generation and returns its job's id."""

    def __call__(self, request: VideoGenerationRequest = ..., /) -> Coroutine[Any, Any, str]:
        """Make it."""
        ...


def config(provider: str, url: str, **changes: Any) -> VideoGenerationConfig:
    """Return a config as a user writes it, but for the place."""
    facts = {"provider": provider, "model": MODELS[provider], "api_key": KEY, "base_url": url}
    return VideoGenerationConfig(**{**facts, **changes})


@contextlib.asynccontextmanager
async def ours(
    provider: str, url: str, own: Gateway | None = None, **changes: Any
) -> AsyncIterator[Call]:
    """Give a call through the gateway."""
    settings = config(provider, url, **changes)
    async with own or Gateway() as gateway:

        async def call(request: VideoGenerationRequest = REQUEST, /) -> str:
            return (await gateway.generate_video_async(settings, request)).request_id

        yield call


class Vendor:
    """A vendor's SDK with one client, driven as its documentation shows."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def waiting(self) -> str:
        """Submit, and let the SDK's helper wait for the result."""
        raise NotImplementedError

    async def submit(self) -> Any:
        """Submit; return what `done` takes."""
        raise NotImplementedError

    async def done(self, job: Any) -> str | None:
        """Look once; fetch the result of a finished job and return the job's id."""
        raise NotImplementedError

    async def looking(self, pause: float) -> str:
        """Submit, and look after each pause."""
        job = await self.submit()
        while True:
            if pause:
                await asyncio.sleep(pause)

            found = await self.done(job)
            if found is not None:
                return found

    async def aclose(self) -> None:
        """Close the client."""


class Fal(Vendor):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        import fal_client
        import fal_client.client as module

        # The SDK has its hosts in constants, with https.
        module.QUEUE_URL_FORMAT = module.RUN_URL_FORMAT = f"{url}/"
        self._completed = fal_client.Completed
        self._client = fal_client.AsyncClient(key=KEY)

    async def waiting(self) -> str:
        ids: list[str] = []
        arguments = {"prompt": PROMPT}
        await self._client.subscribe(MODELS["fal"], arguments, on_enqueue=ids.append)
        return ids[0]

    async def submit(self) -> Any:
        return await self._client.submit(MODELS["fal"], {"prompt": PROMPT})

    async def done(self, job: Any) -> str | None:
        if not isinstance(await job.status(), self._completed):
            return None

        # `get` would look once more.
        (await job.client.get(job.response_url)).json()
        return str(job.request_id)

    async def aclose(self) -> None:
        # The SDK has no close of its own.
        await (await self._client._client).aclose()  # noqa: SLF001


class OpenAI(Vendor):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        from openai import AsyncOpenAI

        self._client = AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1")

    async def waiting(self) -> str:
        video = await self._client.videos.create_and_poll(model="sora-2", prompt=PROMPT)
        await self._client.videos.download_content(video.id)
        return str(video.id)

    async def submit(self) -> Any:
        return (await self._client.videos.create(model="sora-2", prompt=PROMPT)).id

    async def done(self, job: Any) -> str | None:
        if (await self._client.videos.retrieve(job)).status != "completed":
            return None

        await self._client.videos.download_content(job)
        return str(job)

    async def aclose(self) -> None:
        await self._client.close()


class Runway(Vendor):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        from runwayml import AsyncRunwayML

        self._client = AsyncRunwayML(api_key=KEY, base_url=url)

    async def waiting(self) -> str:
        return str((await (await self.submit()).wait_for_task_output()).id)

    async def submit(self) -> Any:
        return await self._client.text_to_video.create(
            model="gen4.5", prompt_text=PROMPT, ratio="1280:720", duration=5
        )

    async def done(self, job: Any) -> str | None:
        task = await self._client.tasks.retrieve(job.id)
        return str(task.id) if task.status == "SUCCEEDED" else None

    async def aclose(self) -> None:
        await self._client.close()


class Replicate(Vendor):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        from replicate.client import Client

        self._client = Client(KEY, base_url=url)

    async def waiting(self) -> str:
        job = await self.submit()
        await job.async_wait()
        return str(job.id)

    async def submit(self) -> Any:
        return await self._client.models.predictions.async_create(
            MODELS["replicate"], {"prompt": PROMPT}
        )

    async def done(self, job: Any) -> str | None:
        await job.async_reload()
        return str(job.id) if job.status == "succeeded" else None

    async def aclose(self) -> None:
        await self._client._async_client.aclose()  # noqa: SLF001  (the SDK has no close)


@dataclass(frozen=True, slots=True)
class Bare:
    """The least that has to go over the wire for one job."""

    submit: str
    body: dict[str, Any]
    looks: tuple[str, ...]
    scheme: str = "Bearer"
    id_field: str = "id"


BARE = {
    "fal": Bare(
        f"/{MODELS['fal']}",
        {"prompt": PROMPT},
        ("/fal-ai/veo3.1/requests/{id}/status", "/fal-ai/veo3.1/requests/{id}"),
        "Key",
        "request_id",
    ),
    "openai": Bare(
        "/v1/videos",
        {"model": MODELS["openai"], "prompt": PROMPT},
        ("/v1/videos/{id}", "/v1/videos/{id}/content"),
    ),
    "runway": Bare(
        "/v1/text_to_video",
        {"model": MODELS["runway"], "promptText": PROMPT, "ratio": "1280:720", "duration": 5},
        ("/v1/tasks/{id}",),
    ),
    "replicate": Bare(
        f"/v1/models/{MODELS['replicate']}/predictions",
        {"input": {"prompt": PROMPT}},
        ("/v1/predictions/{id}",),
    ),
}
VENDORS: dict[str, type[Vendor]] = {
    "fal": Fal,
    "openai": OpenAI,
    "runway": Runway,
    "replicate": Replicate,
}
