"""A task for RQ that makes a video, and buys it once however often it is run.

    pip install ".[fal]" rq
    FAL_KEY=… TARASH_LEDGER=sqlite:///videos.db rq worker --path examples/recipes videos

    queue = Queue("videos", connection=Redis())
    queue.enqueue("rq_tasks.make", "A cat playing piano", job_timeout=600, retry=Retry(3))

The id of RQ's job is the key of ours. RQ ends a job that takes too long with an exception, and a
worker's death counts as a failure: with `retry`, the next run waits for what the first has bought.
"""

from __future__ import annotations

from rq import get_current_job

from tarash.tarash_gateway import (
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)

CONFIG = VideoGenerationConfig(
    provider="fal",
    model="fal-ai/veo3.1",
    timeout=300,
    on_timeout="detach",  # what ends the wait leaves the job to the next run
    save_to="videos/{request_id}.{ext}",
)


def make(prompt: str) -> list[str]:
    """Make one video, and return where it is."""
    job = get_current_job()
    if job is None:
        raise RuntimeError("Give it to a queue, with queue.enqueue(…)")

    response = generate_video(
        CONFIG, VideoGenerationRequest(prompt=prompt), idempotency_key=f"rq-{job.id}"
    )
    return list(response.saved)
