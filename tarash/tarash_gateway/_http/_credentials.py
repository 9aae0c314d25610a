"""Who talks to whom: what a client is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._support._secrets import Key, Secrets, is_open, why_no_header
from ..exceptions import AuthenticationError


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who talks to whom: everything a client is made from. Clients are shared by equal accounts."""

    provider: str
    base_url: str
    key: Key
    trusted_hosts: tuple[str, ...] = ()
    """Hosts of the provider that may see the key, beside that of `base_url`; subdomains count."""
    api_version: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    custom_base_url: bool = False
    """Whether the user replaced the provider's host."""
    max_media_bytes: int = 200 * 1024**2
    """Bytes that a result may have which is read into memory."""
    allow_private_urls: bool = True
    """Whether URLs that come out of answers may lead to addresses that are not public."""

    def __post_init__(self) -> None:
        """Refuse a key that no header can hold, whether a user or a token endpoint gave it.

        Raises:
            AuthenticationError: It is one.
        """
        problem = why_no_header(self.key.reveal())
        if problem is not None:
            raise AuthenticationError(
                f"The key or token for {self.provider} {problem}; copy it again",
                self.provider,
                submission="not_sent",
            )

    @property
    def secrets(self) -> Secrets:
        """What must never be shown."""
        settings = self.settings.items()
        hidden = (value for name, value in settings if not is_open(self.provider, name))
        return Secrets([self.key, *(one for one in hidden if isinstance(one, str))])
