"""Abilities that several adapters have alike, to be mixed in: each is one method and its facts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .._data._exchange import Config
    from .._data._webhooks import WebhookFacts


class CallsBack:
    """The provider calls back alike about all that it makes."""

    callback: ClassVar[WebhookFacts]

    def webhook(self, kind: str = "", model: str = "") -> WebhookFacts:
        """Return how the provider calls back."""
        del kind, model
        return self.callback


class VersionedPaths:
    """The paths bring their version, and a base URL that ends with it is meant without."""

    base_url: str
    version: ClassVar[str] = "v1"

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return the base URL without the version."""
        del config
        return re.sub(rf"(/{self.version})*/*$", "", custom or self.base_url)
