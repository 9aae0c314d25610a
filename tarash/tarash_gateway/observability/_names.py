"""Names of spans, attributes and metrics: those of the GenAI conventions, where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .._data._policies import own_labels

if TYPE_CHECKING:
    from .._data._events import AttemptEvent

SCOPE = "tarash.tarash_gateway"
# https://opentelemetry.io/docs/specs/semconv/gen-ai/
OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
MODEL = "gen_ai.request.model"
RESPONSE_ID = "gen_ai.response.id"
OUTPUT = "gen_ai.output.type"
ERROR = "error.type"
GENERATES = "generate_content"

# The gateway's own.
JOB = "tarash.job.id"
ATTEMPT = "tarash.attempt.number"
RESUMED = "tarash.attempt.resumed"
STATE = "tarash.job.state"
OUTCOME = "tarash.attempt.outcome"
SUBMISSION = "tarash.submission"
BILLING = "tarash.billing"
COST = "tarash.cost"
CURRENCY = "tarash.cost.currency"
COST_STATE = "tarash.cost.state"
TRIES = "tarash.submit.tries"
CANCEL = "tarash.cancel"
LABEL = "tarash.label."

DURATION = "gen_ai.client.operation.duration"
SECONDS = (0.5, 1, 2, 5, 10, 20, 40, 60, 90, 120, 180, 300, 600, 1200, 3600)
"""Buckets of durations: those of the conventions end where videos begin."""


def about(event: AttemptEvent) -> dict[str, str | int]:
    """Return what every span of an attempt says."""
    attributes: dict[str, str | int] = {
        OPERATION: GENERATES,
        PROVIDER: event.provider,
        MODEL: event.model,
        OUTPUT: event.kind,
        ATTEMPT: event.attempt_number,
    }
    if event.job_id:
        attributes[JOB] = event.job_id

    return attributes


def labelled(labels: Mapping[str, str]) -> dict[str, str]:
    """Return a job's labels as attributes."""
    return {f"{LABEL}{name}": value for name, value in own_labels(labels).items()}


def counted(event: AttemptEvent) -> dict[str, str]:
    """Return the labels of every metric: few values, and nobody's ids."""
    return {PROVIDER: event.provider, MODEL: event.model, OUTPUT: event.kind}
