"""Refuses what a model can't go on from, and says who can. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .._support._words import with_article
from ..exceptions import UnsupportedOperationError, ValidationError
from ..providers._registry import shipped

if TYPE_CHECKING:
    from .._data._exchange import Call
    from ..catalog import ModelSpec
    from ..providers._contract import Adapter, AdapterDefaults
    from ..providers._registry import Registry

FIELD = "continue_from"


def check_continued(call: Call, spec: ModelSpec, adapter: Adapter, registry: Registry) -> None:
    """Check that a model goes on from the earlier result that a request names.

    Raises:
        ValidationError: It doesn't, or the request names two sources. Nothing was sent.
    """
    source, request = call.request.continue_from, call.request
    if source is None:
        return

    if source.kind != call.kind or not any(
        FIELD in mapper.sources for mapper in spec.mappers.values()
    ):
        what = "an earlier result"
        if source.kind != call.kind:
            what = f"{with_article(source.kind)} with {with_article(call.kind)}"

        raise UnsupportedOperationError(
            f"{spec.model} can't go on from {what}; {_who(registry)}",
            submission="not_sent",
            code="cannot_continue",
            field=FIELD,
        )

    own = cast("AdapterDefaults", adapter).continues_own_model
    if own and source.model and source.model != spec.model:
        raise UnsupportedOperationError(
            f"{spec.model} can't go on from a result of {source.model}: with "
            f"{call.config.provider} only the model that made a result does; use that model",
            submission="not_sent",
            code="cannot_continue",
            field=FIELD,
        )

    if getattr(request, "video", None) is not None:
        raise ValidationError(
            "continue_from and video are two sources of one video; give one of them",
            submission="not_sent",
            field=FIELD,
        )


def _who(registry: Registry) -> str:
    names = sorted({row.name for row in shipped().values()})
    adapters = {name: registry.adapter(name, need_extra=False) for name in names}
    continuable = {
        name: cast("AdapterDefaults", value).continues for name, value in adapters.items()
    }
    able = "; ".join(f"{name} ({models})" for name, models in continuable.items() if models)
    return f"of their own results, these can: {able}"
