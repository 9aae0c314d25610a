"""Drives the official fal client against a simulator; run as a process of its own.

The SDK has its hosts in module constants, with https, so they are set here, where nothing else can
see it.

Reads base URL, `sync` or `async`, and what to do (`happy`, `failed`, `cancelled` or `upload`) from
each line, as JSON. Writes what it saw on a line of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import fal_client
import fal_client.client

ENDPOINT = "fal-ai/veo3/fast"
PARTS = (fal_client.client.MULTIPART_CHUNK_SIZE, fal_client.client.MULTIPART_THRESHOLD)


async def settle(value: Any) -> Any:
    """Let the same code drive the blocking client and the async one."""
    return await value if inspect.isawaitable(value) else value


async def collect(events: Any) -> list[Any]:
    if hasattr(events, "__aiter__"):
        return [event async for event in events]

    return list(events)


def describe(error: fal_client.FalClientHTTPError) -> dict[str, Any]:
    return {
        "status": error.status_code,
        "message": error.message,
        "type": error.error_type,
        "retryable": error.response_headers.get("x-fal-retryable"),
    }


async def happy(client: Any) -> dict[str, Any]:
    handle = await settle(client.submit(ENDPOINT, {"prompt": "a kite", "seed": 7}))
    events = await collect(handle.iter_events(with_logs=True, interval=0.02))
    rebuilt = client.get_handle(ENDPOINT, handle.request_id)
    rebuilt = await settle(rebuilt)
    return {
        "request_id": handle.request_id,
        "events": [type(event).__name__ for event in events],
        "metrics": events[-1].metrics,
        "logs": len(events[-1].logs),
        "result": await settle(handle.get()),
        "again": await settle(client.result(ENDPOINT, handle.request_id)),
        "status": type(await settle(client.status(ENDPOINT, handle.request_id))).__name__,
        "same_urls": (rebuilt.status_url, rebuilt.response_url, rebuilt.cancel_url)
        == (handle.status_url, handle.response_url, handle.cancel_url),
        "subscribed": await settle(client.subscribe(ENDPOINT, {"prompt": "another"})),
    }


async def failed(client: Any) -> dict[str, Any]:
    handle = await settle(client.submit(ENDPOINT, {"prompt": "a kite"}))
    last = (await collect(handle.iter_events(interval=0.02)))[-1]
    seen = {"error": last.error, "error_type": last.error_type}
    try:
        await settle(handle.get())
    except fal_client.FalClientHTTPError as error:
        return {**seen, **describe(error)}

    return seen


async def cancelled(client: Any) -> dict[str, Any]:
    handle = await settle(client.submit(ENDPOINT, {"prompt": "a kite"}))
    await settle(client.cancel(ENDPOINT, handle.request_id))
    last = (await collect(handle.iter_events(interval=0.02)))[-1]
    seen: dict[str, Any] = {"error_type": last.error_type}
    for name, call in (("result", handle.get), ("again", handle.cancel)):
        try:
            await settle(call())
        except fal_client.FalClientHTTPError as error:
            seen[name] = describe(error)

    return seen


async def upload(client: Any) -> dict[str, Any]:
    fal_client.client.MULTIPART_CHUNK_SIZE = 4
    urls = {
        "v3": await settle(client.upload(b"one", "text/plain", "a kite.txt")),
        "fallback": await settle(client.upload(b"two", "text/plain", "b.txt", repository="fal")),
    }
    fal_client.client.MULTIPART_THRESHOLD = 8
    urls["parts"] = await settle(client.upload(b"three in parts", "text/plain", "c.txt"))
    return urls


TASKS: dict[str, Callable[[Any], Any]] = {
    "happy": happy,
    "failed": failed,
    "cancelled": cancelled,
    "upload": upload,
}


def drive(base_url: str, kind: str, task: str) -> Any:
    fal_client.client.QUEUE_URL_FORMAT = fal_client.client.RUN_URL_FORMAT = f"{base_url}/"
    fal_client.client.REST_URL = fal_client.client.CDN_URL = base_url
    fal_client.client.MULTIPART_CHUNK_SIZE, fal_client.client.MULTIPART_THRESHOLD = PARTS
    make = fal_client.SyncClient if kind == "sync" else fal_client.AsyncClient
    return asyncio.run(TASKS[task](make(key="canary")))


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(drive(*json.loads(line))), flush=True)  # noqa: T201  (what it is for)
