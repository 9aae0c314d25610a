"""The cheapest call to each real provider that proves the whole way: data only.

Every provider makes images, and an image costs a fraction of a video.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tarash.tarash_gateway import list_providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """One call.

    Attributes:
        provider: As a config names it.
        model: Its id; TARASH_LIVE_<PROVIDER>_MODEL names another one.
        costs: What to expect, in words: prices change, the provider's page is right.
        wishes: Of the request, to keep it cheap.
    """

    provider: str
    model: str | None
    costs: str
    wishes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chosen_model(self) -> str | None:
        """Return the model that is asked; None where only the user can name one."""
        variable = f"TARASH_LIVE_{self.provider.upper().replace('-', '_')}_MODEL"
        return os.environ.get(variable) or self.model


CHEAPEST = (
    Live(provider="fal", model="fal-ai/flux/schnell", costs="below one cent"),
    Live(
        provider="openai",
        model="gpt-image-1-mini",
        costs="about a cent",
        wishes={"quality": "low", "size": "1024x1024"},
    ),
    Live(
        provider="azure-openai",
        model=None,  # deployments have names of their own
        costs="some cents, by the deployment's model",
        wishes={"size": "1024x1024"},
    ),
    Live(provider="google", model="gemini-3.1-flash-image", costs="some cents"),
    Live(provider="runway", model="gen4_image", costs="a few credits"),
    Live(
        provider="replicate",
        model="black-forest-labs/flux-schnell",
        costs="below one cent",
    ),
    Live(provider="luma", model="photon-flash-1", costs="below one cent"),
    Live(provider="stability", model="stable-image-core", costs="three credits"),
    Live(provider="xai", model="grok-imagine-image", costs="some cents"),
    Live(provider="alibaba", model="qwen-image-2.0", costs="four cents"),
    Live(provider="minimax", model="image-01", costs="below one cent"),
    Live(
        provider="ideogram",
        model="p-image-ideogram",
        costs="below one cent",
        wishes={"quality": "very_low"},
    ),
    Live(provider="recraft", model="recraftv4_1_flash", costs="below one cent"),
    Live(provider="wavespeed", model="wavespeed-ai/z-image/turbo", costs="below one cent"),
    Live(provider="kling", model="kling-v2-1", costs="below two cents"),
    Live(provider="bytedance", model="dola-seedream-5-0-flash-260915", costs="two cents"),
    Live(
        provider="together",
        model="black-forest-labs/FLUX.1-schnell",
        costs="below one cent",
        wishes={"size": "256x256"},
    ),
    Live(provider="bfl", model="flux-2-klein-4b", costs="below two cents"),
    Live(
        provider="openrouter",
        model="openai/gpt-image-1",
        costs="about a cent",
        wishes={"quality": "low", "size": "1024x1024"},
    ),
)


def with_key(provider: str) -> bool:
    """Tell whether the environment holds what the provider asks for."""
    return any(one.key_present for one in list_providers() if one.name == provider)
