"""What the children of `zygote` do: generate, submit and resume over a SQLite ledger."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageJob,
    Limits,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
)
from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.providers._registry import Registry

Say = Callable[..., None]
STEPS = ("open", "intend", "note", "accept", "receive", "settle", "close", "keep")
ROOM = 20_000
"""Bytes that a file may have on a full disk: a report still fits, a ledger has more already."""
CONFIGS: dict[str, Any] = {"video": VideoGenerationConfig, "image": ImageGenerationConfig}
REQUESTS: dict[str, Any] = {"video": VideoGenerationRequest, "image": ImageGenerationRequest}


class Trap:
    """A ledger in which the process stops at one point: `before` or `after` one of its steps.

    `before accept x2` is the second time. It stands still for good, so that it can be killed there;
    or it stops itself by a signal, so that it can be continued.
    """

    def __init__(
        self,
        ledger: SqliteLedger,
        point: str,
        *,
        by_signal: bool,
        say: Say,
        is_deadly: bool = True,
    ) -> None:
        self._ledger = ledger
        self._is_deadly = is_deadly
        self.leap = 0.0
        """Seconds that have passed while it was stopped, by the clock of its loop."""
        self._point, _, times = point.partition(" x")
        self._left = int(times or 1)
        self._by_signal = by_signal
        self._say = say

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if name not in STEPS:
            return found

        async def step(*args: Any, **kwargs: Any) -> Any:
            await self._reach(f"before {name}")
            answer = await found(*args, **kwargs)
            await self._reach(f"after {name}")
            return answer

        return step

    async def _reach(self, point: str) -> None:
        self._left -= point == self._point
        if point != self._point or self._left:
            return

        self._say(reached=point)
        if self._by_signal:
            os.kill(os.getpid(), signal.SIGSTOP)
            if self.leap:
                loop = asyncio.get_running_loop()
                clock, ahead = loop.time, self.leap
                vars(loop)["time"] = lambda: clock() + ahead
        elif self._is_deadly:
            await asyncio.Event().wait()


def _gateway(  # noqa: PLR0913  (arguments of a process)
    say: Say,
    path: str,
    lease: float,
    trap: str | None = None,
    *,
    by_signal: bool = False,
    leap: float = 0,
) -> Gateway:
    ledger: Any = SqliteLedger(path, lease)
    if trap is not None:
        ledger = Trap(ledger, trap, by_signal=by_signal, say=say)
        ledger.leap = leap

    return Gateway(ledger=ledger)


async def crowd(  # noqa: PLR0913  (arguments of a process)
    say: Say,
    *,
    path: str,
    jobs: Sequence[Mapping[str, Any]],
    lease: float = 15,
    trap: str | None = None,
    by_signal: bool = False,
    leap: float = 0,
) -> None:
    """Make all jobs at once; report what each comes to."""
    async with _gateway(say, path, lease, trap, by_signal=by_signal, leap=leap) as gateway:
        await asyncio.gather(*(_make(gateway, say, **job) for job in jobs))


async def _make(  # noqa: PLR0913  (what a job is made of)
    gateway: Gateway,
    say: Say,
    *,
    kind: str,
    config: Mapping[str, Any],
    prompt: str,
    key: str | None = None,
    by_handle: bool = False,
) -> None:
    made = CONFIGS[kind].model_validate(config)
    request = REQUESTS[kind](prompt=prompt)

    async def work() -> Any:
        if not by_handle:
            generate = getattr(gateway, f"generate_{kind}_async")
            return await generate(made, request, idempotency_key=key)

        submit = getattr(gateway, f"submit_{kind}_async")
        job = await submit(made, request, idempotency_key=key)
        say(prompt=prompt, accepted=job.request_id)
        return await job.wait_async()

    await _report(say, work, prompt=prompt)


async def _report(say: Say, work: Callable[[], Any], **name: Any) -> None:
    try:
        response = await work()
    except TarashException as error:
        told = error.operation["id"] if error.operation else None
        say(
            **name,
            error=type(error).__name__,
            message=error.message,
            submission=error.submission,
            operation=told,
        )
    else:
        media = response.video if hasattr(response, "video") else response.images[0]
        attempts = response.execution_metadata.attempts
        say(
            **name,
            response=response.request_id,
            media=str(media)[:200],
            adopted=attempts[-1].adopted,
            attempts=len(attempts),
        )


async def traffic(  # noqa: PLR0913  (arguments of a process)
    say: Say,
    *,
    path: str,
    jobs: Sequence[Mapping[str, Any]],
    in_flight: int,
    lease: float = 15,
    trap: str | None = None,
    by_signal: bool = False,
) -> None:
    """Make all jobs at once, so many in flight at a time; the labels `user` take turns."""
    ledger: Any = SqliteLedger(path, lease)
    if trap is not None:
        ledger = Trap(ledger, trap, by_signal=by_signal, say=say)

    limits = Limits(in_flight=in_flight, fair_by="user")
    async with Gateway(ledger=ledger, limits=limits) as gateway:

        async def one(user: str, key: str, config: Mapping[str, Any]) -> None:
            made = VideoGenerationConfig.model_validate(config)
            request = VideoGenerationRequest(prompt=key)

            async def work() -> Any:
                return await gateway.generate_video_async(
                    made, request, idempotency_key=key, labels={"user": user}
                )

            await _report(say, work, key=key)

        await asyncio.gather(*(one(**job) for job in jobs))


async def by_token(say: Say, *, kind: str, token: str, config: Mapping[str, Any]) -> None:
    """Wait for the job of a token."""
    handle: Any = VideoJob if kind == "video" else ImageJob
    job = handle.from_token(token, CONFIGS[kind].model_validate(config))
    await _report(say, job.wait_async)


async def starved(say: Say, *, path: str, job: Mapping[str, Any], point: str) -> None:
    """Make a job on a disk that is full from one step on; ask again when there is room."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ledger = SqliteLedger(path)
    gateway = Gateway(ledger=ledger)
    await _make(gateway, say, **{**job, "prompt": "first", "key": None})  # the file is there

    def fill(**facts: Any) -> None:
        say(**facts)
        sys.dont_write_bytecode = True  # Python would cut it off, and everybody else reads it
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, limits[1]))

    trapped: Any = Trap(ledger, point, by_signal=False, say=fill, is_deadly=False)
    await _make(Gateway(ledger=trapped), say, **job)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    say(room=True)
    await _make(gateway, say, **job)
    await gateway.aclose(grace=5)


async def forbidden(say: Say, *, path: str, job: Mapping[str, Any]) -> None:
    """Make a job with a file that this user may not write."""
    await _make(Gateway(ledger=SqliteLedger(path)), say, **{**job, "prompt": "first", "key": None})
    folder = Path(path).parent
    for one in folder.iterdir():
        one.chmod(0o444)

    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)  # nothing is forbidden to the superuser

    await _make(Gateway(ledger=SqliteLedger(path)), say, **job)
    await _make(Gateway(ledger=SqliteLedger(f"{path}-new")), say, **job)


class Handler:
    """A provider of the application's own, which never comes to an end."""

    def __init__(self, say: Say) -> None:
        self._say = say

    async def generate_video_async(self, *_: Any) -> Any:
        """Say that it has begun."""
        self._say(handled=True)
        await asyncio.Event().wait()


async def handled(say: Say, *, path: str, again: bool) -> None:
    """Make a job with a handler, or resume what is left of one."""
    registry = Registry()
    registry.register_provider("mine", Handler(say))
    gateway = Gateway(ledger=SqliteLedger(path), registry=registry)
    if again:
        (job,) = await gateway.resume_all_async()
        await _report(say, job.wait_async, id=job.id)
    else:
        config = VideoGenerationConfig(provider="mine", model="m")
        await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))


async def resume(  # noqa: PLR0913  (arguments of a process)
    say: Say,
    *,
    path: str,
    keys: Mapping[str, str],
    lease: float = 15,
    at_least: int = 0,
    patient: bool = True,
) -> None:
    """Resume all jobs that nobody holds, and wait for them.

    Args:
        say: Reports.
        path: The ledger's file.
        keys: API keys, by provider.
        lease: Seconds.
        at_least: How many jobs there have to be: asked again until there are.
        patient: Whether to ask again for jobs until none is open.
    """
    async with _gateway(say, path, lease) as gateway:
        while True:
            handles = await gateway.resume_all_async(api_keys=keys)
            if len(handles) < at_least:
                await asyncio.sleep(0.02)
                continue

            await asyncio.gather(*(_report(say, one.wait_async, id=one.id) for one in handles))
            if not patient or not handles:
                return

            at_least = 0


async def worked(say: Say, *, path: str, keys: Mapping[str, str], lease: float) -> None:
    """Work the queue of a ledger in PostgreSQL until somebody ends this process."""
    ledger = PostgresLedger(path, lease, answer_seconds=2)
    say(works=True)
    await Gateway(ledger=ledger).work_async(concurrency=20, api_keys=dict(keys))
