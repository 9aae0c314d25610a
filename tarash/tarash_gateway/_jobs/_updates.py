"""Updates that are no part of a wait: where a job stands after one poll of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..models import ImageGenerationUpdate, VideoGenerationUpdate

if TYPE_CHECKING:
    from .._engine._attempt import Attempt


def update_of(attempt: Attempt, status: str, **facts: Any) -> Any:
    """Return an update on an attempt, of the kind that its job makes."""
    is_video = attempt.call.kind == "video"
    update = VideoGenerationUpdate if is_video else ImageGenerationUpdate
    return update(
        request_id=attempt.request_id,
        status=cast("Any", status),
        attempt_number=attempt.call.attempt_number,
        provider=attempt.call.config.provider,
        model=attempt.call.config.model,
        **facts,
    )
