"""Says what could not be saved: why, what was, and where the rest can still be had. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._data._hints import Hint
from .._data._made_by import maker_of
from ..exceptions import SaveError
from ._local_media import URL
from ._url_refresher import media_of

if TYPE_CHECKING:
    from .._data._types import MediaType
    from ._saving import _Plan


def _is_url(medium: MediaType) -> bool:
    return isinstance(medium, str) and URL.match(medium) is not None


def unsaved(plan: _Plan, count: int) -> SaveError:
    """Return the error of a save of so many results, of which some have failed."""
    kind = "video" if hasattr(plan.response, "videos") else "image"
    indexes = sorted(plan.failures)
    if count == 1:
        message = f"The {kind} could not be saved: {plan.failures[indexes[0]]}"
    else:
        each = "; ".join(f"{kind} {index + 1}: {plan.failures[index]}" for index in indexes)
        message = f"{len(indexes)} of {count} {kind}s could not be saved: {each}"

    saved = tuple(str(plan.done[index].place) for index in sorted(plan.done))
    if saved:
        message = f"{message}. Saved: {', '.join(saved)}"

    provider, model = maker_of(plan.response)
    held = media_of(plan.response)
    urls = [str(held[index]) for index in indexes if _is_url(held[index])]
    paid = "made" if plan.response.is_mock else "made and paid for"
    at = f", and it is at {', '.join(urls)}" if urls else ""
    where = f"request {plan.response.request_id} is {paid}{at}"
    error = SaveError(
        message,
        provider,
        model,
        plan.response.request_id,
        operation=plan.response.operation,
        saved=saved,
        failures=tuple(plan.failures[index] for index in indexes),
        hints=[Hint("use_response", f"{where} (the response still holds what was made)")],
    )
    error.__cause__ = plan.causes[0] if plan.causes else None
    return error
