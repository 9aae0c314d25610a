"""A Dramatiq actor that makes a video, and buys it once however often its message is delivered.

    pip install ".[fal]" "dramatiq[redis]"
    FAL_KEY=… TARASH_LEDGER=sqlite:///videos.db REDIS_URL=redis://localhost \
        dramatiq dramatiq_tasks --path examples/recipes

    python -c "from dramatiq_tasks import make; make.send('A cat playing piano')"

The id of the message is the key of the job, and stays the same when Dramatiq tries again. Its
`time_limit` raises an exception in the worker's thread, which ends the wait, and leaves the job
running for the next try.
"""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import CurrentMessage

from tarash.tarash_gateway import (
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)

if "REDIS_URL" in os.environ:
    dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))

dramatiq.get_broker().add_middleware(CurrentMessage())

CONFIG = VideoGenerationConfig(
    provider="fal",
    model="fal-ai/veo3.1",
    timeout=300,
    on_timeout="detach",
    save_to="videos/{request_id}.{ext}",
)


def is_worth_another_try(tries: int, error: BaseException) -> bool:
    """Tell whether the message is to be delivered again."""
    is_final = isinstance(error, TarashException) and not error.retryable
    return tries < 3 and not is_final  # noqa: PLR2004


@dramatiq.actor(time_limit=360_000, retry_when=is_worth_another_try)
def make(prompt: str) -> list[str]:
    """Make one video, and return where it is."""
    message = CurrentMessage.get_current_message()
    if message is None:
        raise RuntimeError("Send it to a worker, with make.send(…)")

    response = generate_video(
        CONFIG,
        VideoGenerationRequest(prompt=prompt),
        idempotency_key=f"dramatiq-{message.message_id}",
    )
    return list(response.saved)
