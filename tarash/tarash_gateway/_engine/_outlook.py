"""What a user is told of an attempt that came to nothing, and what there is to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..catalog import TYPO, elsewhere, near_ids, retired, schema_source
from ..exceptions import GenerationFailedError, HTTPError, ModelNotFoundError

if TYPE_CHECKING:
    from .._data._exchange import Config
    from ..catalog import ModelSpec
    from ._attempt import Attempt


def what_now(attempt: Attempt) -> str:
    """Return what became of an attempt at its deadline, and what its user can do."""
    if attempt.operation is None:
        if attempt.submission != "unknown":
            return "nothing was submitted; raise timeout= on the config, or check the network"

        return (
            "the submit had left and no answer came, so a job may run and be billed: look at "
            "the provider's dashboard before you try again"
        )

    if attempt.done:
        return (
            f"the job {attempt.request_id} is done and paid for, and its result could not be "
            "fetched in time: it stays unfinished, and resume_all, the same idempotency key or the "
            "error's operation fetch it; submitting again buys a second one"
        )

    if attempt.cancel is None:
        return (
            f"the job {attempt.request_id} goes on and may be billed; the error's operation "
            "identifies it, and submitting again buys a second one"
        )

    answers = {
        "cancelled": "was cancelled; what had run may be billed; raise timeout= to wait longer",
        "requested": "was asked to stop, and may still finish and be billed",
        "too_late": "had ended and is billed, and its result could not be read: look for it in "
        "the provider's dashboard",
        "unsupported": "could not be cancelled, and may still finish and be billed",
    }
    return f"the job {attempt.request_id} {answers[attempt.cancel]}"


def explain(error: Exception, config: Config, spec: ModelSpec) -> None:
    """Say of a model that it is gone, or what its id is like: providers say a bare 404."""
    if not isinstance(error, HTTPError | GenerationFailedError):
        return

    with schema_source(config.base_url):
        note = retired(config.provider, spec.model)

    if note is None and spec.doubt is not None and isinstance(error, ModelNotFoundError):
        near = near_ids(config.provider, spec.model, alike=TYPO)
        note = f"did you mean {' or '.join(near)}?" if near else None

    if note is None and isinstance(error, ModelNotFoundError):
        note = elsewhere(config.provider, spec.model)

    if note is not None:
        error.message = f"{error.message} ({note})"
        error.args = (error.message,)
