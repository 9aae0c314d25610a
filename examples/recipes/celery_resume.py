"""A Celery task that drives a job which the application has written down before.

    pip install ".[fal]" "celery[redis]"
    FAL_KEY=… TARASH_LEDGER=postgresql://… CELERY_BROKER_URL=redis://localhost \
        celery --app celery_resume --workdir examples/recipes worker

    python -c "from celery_resume import order; print(order('A cat playing piano'))"

The message holds the job's id and nothing else. However often it is delivered, the job is bought
once.
"""

from __future__ import annotations

from celery import Celery

from tarash.tarash_gateway import (
    VideoGenerationConfig,
    VideoGenerationRequest,
    enqueue_video,
    resume,
)

CONFIG = VideoGenerationConfig(
    provider="fal", model="fal-ai/veo3.1", save_to="videos/{request_id}.{ext}"
)
app = Celery("videos")
app.conf.task_acks_late = True
app.conf.task_reject_on_worker_lost = True


@app.task(autoretry_for=(TimeoutError,), max_retries=3)
def drive(job_id: str) -> list[str]:
    """Send a job, or go on with it, until it has ended."""
    return list(resume(job_id).wait().saved)


def order(prompt: str) -> str:
    """Write a job down and hand it to the workers; return its id."""
    job = enqueue_video(CONFIG, VideoGenerationRequest(prompt=prompt))
    drive.delay(job.id)
    return job.id
