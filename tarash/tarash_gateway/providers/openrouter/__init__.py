"""OpenRouter: videos of some thirty models behind one job protocol, and images at once."""

from __future__ import annotations

from ...catalog import Tariffs
from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__,
    "openrouter",
    "OpenRouter",
    keys=("OPENROUTER_API_KEY",),
    open_settings=("referer", "title", "region"),
    schemas_of=("openrouter.ai",),
    prices=Tariffs(f"{__name__}.prices", "OpenRouter's lists of models", hosts=("openrouter.ai",)),
)
