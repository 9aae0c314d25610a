"""Our own tokens in the addresses that providers call: nobody else can make one.

For providers that sign nothing they are the only proof, so what such a webhook says is a hint.
"""

from __future__ import annotations

import base64
import hmac

_USE = b"tarash webhook address 1"
LEAST_SECRET = 16
"""Characters."""


def token_for(secret: bytes, provider: str, reference: str) -> str:
    """Return the token of an address.

    Args:
        secret: Ours.
        provider: Who is to call it.
        reference: Whose job it is about.
    """
    signed = b"\0".join((_USE, provider.encode(), reference.encode()))
    digest = hmac.digest(secret, signed, "sha256")[:24]
    return base64.urlsafe_b64encode(digest).decode()


def is_token(secret: bytes, provider: str, reference: str, given: str) -> bool:
    """Tell whether a token is the address's."""
    right = token_for(secret, provider, reference)
    return hmac.compare_digest(right.encode(), given.encode("utf-8", "surrogatepass"))
