"""What the settings of a config may be given as: for type checkers, which ask for this."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from pydantic import SecretStr

from ._types import Failover, OnTimeout, Verify

if TYPE_CHECKING:
    from ._configs import MockConfig
    from ._limits import Limits

GivenKey = str | SecretStr | None


class GivenSettings(TypedDict, total=False):
    """The settings that configs of videos and of images have in common."""

    base_url: str | None
    api_version: str | None
    timeout: float
    max_poll_attempts: int | None
    poll_interval: float
    max_retries: int
    strict: bool
    auto_variant: bool
    on_timeout: OnTimeout
    failover: Failover
    fit_images: bool
    max_media_bytes: int
    max_cost: Decimal | int | str | None
    allow_unpriced: bool
    save_to: str | os.PathLike[str] | None
    verify: Verify | Literal[False]
    untrusted_requests: bool
    allowed_extra_params: Sequence[str]
    allow_private_urls: bool
    mock: MockConfig | None
    budgets: Sequence[str]
    limits: Limits | None
    priority: int
    queue_timeout: float | None
    hedge_after: float | Literal["p90"] | None
    provider_config: Mapping[str, Any]
