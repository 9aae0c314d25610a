"""Makes the annotations of what is public readable at run time.

Frameworks that are handed a function or a class of ours read them, such as `validate_call` of
pydantic, and tools of LangChain and MCP. Nothing is imported for it that is not there anyway.
"""

from __future__ import annotations

import sys
from typing import Any

from .. import exceptions, models
from .._data import _continuing, _exchange, _media_methods, _policies, _responses
from ..catalog import _spec
from ..mapping import _field_mapper, _geometry, _limits, _seconds, _slots
from . import _gateway, _handles

# What these modules can't import, since they are imported by those that have it.
_MODELS = (
    "ExecutionMetadata",
    "ImageGenerationConfig",
    "ImageGenerationResponse",
    "Mismatch",
    "Quote",
    "VideoGenerationConfig",
    "VideoGenerationResponse",
)
for _module in (exceptions, _responses, _media_methods):
    for _name in _MODELS:
        vars(_module).setdefault(_name, getattr(models, _name))

for _kind in ("VideoGeneration", "ImageGeneration"):
    for _name in (f"{_kind}Config", f"{_kind}Request"):
        vars(_policies)[_name] = getattr(models, _name)

_UNIONS = {
    "Config": models.VideoGenerationConfig | models.ImageGenerationConfig,
    "Request": models.VideoGenerationRequest | models.ImageGenerationRequest,
    "Response": models.VideoGenerationResponse | models.ImageGenerationResponse,
}
for _module in (_exchange, _spec):
    vars(_module).update(_UNIONS, Adjustment=models.Adjustment)

vars(_handles).update(Continuation=_continuing.Continuation, Gateway=_gateway.Gateway)
vars(_field_mapper).update(
    Allowed=_limits.Allowed,
    Frames=_seconds.Frames,
    Geometry=_geometry.Geometry,
    Request=_UNIONS["Request"],
    Slot=_slots.Slot,
)


def complete(public: type[Any]) -> None:
    """Read a class's annotations by the names of the module that it comes from.

    Afterwards it says that it comes from the package, which has other names.
    """
    names = vars(sys.modules[public.__module__])
    own = dict(vars(public))
    public.__annotations__ = {
        field: eval(hint, names, own) if isinstance(hint, str) else hint  # noqa: S307  (our own)
        for field, hint in own.get("__annotations__", {}).items()
    }
    # What pydantic reads of a dataclass.
    for field in vars(public).get("__dataclass_fields__", {}).values():
        field.type = public.__annotations__.get(field.name, field.type)
