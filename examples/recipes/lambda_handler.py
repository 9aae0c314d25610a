"""AWS Lambda, and containers that run as any user: no home, no loop that outlives the call.

    handler: lambda_handler.handle        timeout of the function: 300 s

One function orders and returns a token, another one (here the same) is called again until the
video is done: a function that waits is paid for by the second, and frozen between calls. Only
`/tmp` can be written there, and it is gone some day: what must not be lost is the token. Set
`TARASH_CACHE_DIR=/tmp/tarash` if models are to be refreshed, and never a ledger on `/tmp`.
"""

from __future__ import annotations

from typing import Any

from tarash.tarash_gateway import (
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
    submit_video,
)

CONFIG = VideoGenerationConfig(
    provider="fal",
    model="fal-ai/veo3.1",
    on_timeout="detach",
    untrusted_requests=True,
)


def handle(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Order with a `prompt`, ask after the order with its `token`."""
    del context
    try:
        if "token" not in event:
            request = VideoGenerationRequest(prompt=event.get("prompt", ""))
            return {"status": "queued", "token": submit_video(CONFIG, request).to_token()}

        update = VideoJob.from_token(event["token"], CONFIG).status()
    except ValueError as error:
        return {"status": "refused", "error": str(error)}
    except TarashException as error:
        return {"status": "failed", "error": str(error)}

    video = None if update.result is None else update.result.video
    return {"status": update.status, "video": video if isinstance(video, str) else None}
