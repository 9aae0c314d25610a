"""What is said to a user of an attempt that came to nothing, and what there is to do about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .._data._hints import Hint, check, check_dashboard, raise_limit, use_operation
from .._support._warnings import UnknownModelWarning, warn
from ..catalog import TYPO, elsewhere, ending, near_ids, retired, schema_source
from ..exceptions import GenerationFailedError, HTTPError, ModelNotFoundError

if TYPE_CHECKING:
    from .._data._exchange import Config
    from ..catalog import ModelSpec
    from ._attempt import Attempt


def what_now(attempt: Attempt) -> tuple[str, list[Hint]]:
    """Return what became of an attempt at its deadline, and what its user can do."""
    if attempt.operation is None:
        if attempt.submission != "unknown":
            return "nothing was submitted", [raise_limit("timeout"), check("the network")]

        sentence = "the submit had left and no answer came, so a job may run and be billed"
        return sentence, [check_dashboard()]

    job = f"the job {attempt.request_id}"
    if attempt.done:
        sentence = (
            f"{job} is done and paid for, and its result could not be fetched in time: it stays "
            "unfinished, and submitting again buys a second one"
        )
        fetch = "resume_all, the same idempotency key or the error's operation fetch it"
        return sentence, [use_operation(fetch)]

    if attempt.cancel is None:
        sentence = f"{job} goes on and may be billed, and submitting again buys a second one"
        return sentence, [use_operation()]

    return {
        "cancelled": (
            f"{job} was cancelled; what had run may be billed",
            [raise_limit("timeout", " to wait longer")],
        ),
        "requested": (f"{job} was asked to stop, and may still finish and be billed", []),
        "too_late": (
            f"{job} had ended and is billed, and its result could not be read",
            [check_dashboard("look for it in the provider's dashboard")],
        ),
        "unsupported": (f"{job} could not be cancelled, and may still finish and be billed", []),
    }[attempt.cancel]


def explain(error: Exception, config: Config, spec: ModelSpec) -> None:
    """Say of a model that it is gone, or what its id is like: providers say a bare 404."""
    if not isinstance(error, HTTPError | GenerationFailedError):
        return

    with schema_source(config.base_url):
        note = retired(config.provider, spec.model)

    if note is None and spec.guess_warning is not None and isinstance(error, ModelNotFoundError):
        near = near_ids(config.provider, spec.model, alike=TYPO)
        note = f"did you mean {' or '.join(near)}?" if near else None

    if note is None and isinstance(error, ModelNotFoundError):
        note = elsewhere(config.provider, spec.model)

    if note is not None:
        error.amend(after=f" ({note})")


def log_model_warnings(attempt: Attempt, spec: ModelSpec) -> None:
    """Say what was adapted, and that the model ends, or may be mistyped: before it is bought."""
    config = attempt.call.config
    for adjustment in () if attempt.fitted is None else attempt.fitted.adjustments:
        attempt.log(logging.WARNING, "adjusted", **adjustment.model_dump())

    if spec.seems_mistyped:
        sentence = f"{config.provider} {spec.model} is sent as it is: {spec.guess_warning}"
        warn(sentence, UnknownModelWarning)

    with schema_source(config.base_url):
        note = ending(config.provider, spec.model)

    if note is not None:  # of a mocked model, too: it is rehearsed for
        attempt.log(logging.WARNING, "model_ends", note=note)
        warn(note)
