"""Azure OpenAI: deployments named like their model take what the model takes; others, the wire's.

A deployment may have any name, so `provider_config["base_model"]` says what it is of.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..._data._types import Kind
from ...catalog import Lifecycle, ends
from .._openai_models import (
    IMAGE_FALLBACK,
    JOINTS,
    MASKS,
    PLAIN,
    RULES,
    SORA_2,
    VIDEO_FALLBACK,
    Mappers,
)

__all__ = [
    "ENDS",
    "FREE_IDS",
    "IDS",
    "IMAGE_FALLBACK",
    "JOINTS",
    "MASKS",
    "MODELS",
    "RULES",
    "VIDEO_FALLBACK",
]

FREE_IDS = True
"""Deployments have names of their users' own."""
IDS: Mapping[Kind, tuple[str, ...]] = {
    "video": ("sora-2",),
    "image": ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"),
}
"""Of which Azure has or had deployments, by its retirement schedule of 2026-07-07."""

# Sora 2 came here without the sizes of 1024 lines.
MODELS: Mapping[str, Mappers] = {**PLAIN, "sora-2-pro": SORA_2}

SCHEDULE = "Azure's model retirement schedule of 2026-07-07"
ENDS: Mapping[str, Lifecycle] = {
    "dall-e-2": ends("2025-01-27", "gpt-image-2", "Azure's page of legacy models"),
    "dall-e-3": ends(None, "gpt-image-2", SCHEDULE),
    "gpt-image-1": ends("2026-10-23", "gpt-image-2", SCHEDULE),
    "gpt-image-1-mini": ends("2027-04-07", None, SCHEDULE),
    "gpt-image-1.5": ends("2026-12-16", "gpt-image-2", SCHEDULE),
    "gpt-image-2": ends("2027-04-21", None, SCHEDULE),
    "sora": ends(None, None, SCHEDULE),
    "sora-2*": ends("2026-09-15", None, SCHEDULE),
}
