"""A Celery task that makes a video, and buys it once however often its message is delivered.

    pip install ".[fal]" "celery[redis]"
    FAL_KEY=… TARASH_LEDGER=sqlite:///videos.db CELERY_BROKER_URL=redis://localhost \
        celery --app celery_tasks --workdir examples/recipes worker

    python -c "from celery_tasks import make; make.delay('A cat playing piano')"

The id of the task is the key of the job. With `acks_late`, the task of a worker that dies is
delivered again, and waits for the job that the first worker has bought.
"""

from __future__ import annotations

from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded

from tarash.tarash_gateway import (
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)

CONFIG = VideoGenerationConfig(
    provider="fal",
    model="fal-ai/veo3.1",
    timeout=300,
    on_timeout="detach",  # a worker that is stopped leaves the job to the next delivery
    save_to="videos/{request_id}.{ext}",
)
app = Celery("videos")
app.conf.task_acks_late = True
app.conf.task_reject_on_worker_lost = True
app.conf.worker_prefetch_multiplier = 1
# Longer than any video may take: Redis would hand the same task to a second worker meanwhile.
app.conf.broker_transport_options = {"visibility_timeout": 3600}


@app.task(bind=True, max_retries=3, default_retry_delay=10, soft_time_limit=600)
def make(self: Task, prompt: str) -> list[str]:
    """Make one video, and return where it is."""
    try:
        response = generate_video(
            CONFIG,
            VideoGenerationRequest(prompt=prompt),
            idempotency_key=f"celery-{self.request.id}",
        )
    except (TimeoutError, SoftTimeLimitExceeded) as error:  # the job goes on: wait once more
        raise self.retry(exc=RuntimeError(str(error))) from error
    except TarashException as error:
        raise RuntimeError(str(error)) from None  # what a result backend of JSON can hold

    return list(response.saved)
