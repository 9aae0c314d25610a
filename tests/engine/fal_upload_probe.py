"""Uploads through fal's SDK into a simulator; run as a process of its own.

The SDK has its hosts in module constants, so they are set here, where nothing else can see it. The
account says that the host is fal's own, since a replaced one gets data URIs instead.

Reads base URL, key and how many bytes to upload from each line, as JSON. Writes the URL, or the
error, on a line of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys

import fal_client.client

from tarash.tarash_gateway import MediaContent, TarashException
from tarash.tarash_gateway._http._client import Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.providers.fal.adapter import FalAdapter


async def upload(base_url: str, key: str, size: int) -> dict[str, object]:
    adapter = FalAdapter()
    transport = Transport()
    client = adapter.connect(Credentials("fal", base_url, Key(key)), transport)
    try:
        media = MediaContent(content=b"\x00" * size, content_type="image/png")
        return {"url": await adapter.upload(client, media)}
    except TarashException as error:
        return {
            "error": type(error).__name__,
            "message": f"{error} {error.__cause__!r} {error.__context__!r}",
            "submission": error.submission,
            "retryable": error.retryable,
        }
    finally:
        await transport.aclose()


if __name__ == "__main__":
    for line in sys.stdin:
        base_url, key, size = json.loads(line)
        fal_client.client.REST_URL = fal_client.client.CDN_URL = base_url
        seen = asyncio.run(upload(base_url, key, size))
        print(json.dumps(seen), flush=True)  # noqa: T201  (what it is for)
