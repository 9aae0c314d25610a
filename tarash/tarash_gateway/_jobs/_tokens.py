"""Writes operations as tokens and reads them back: strings without secrets, hard to alter.

    tg1.<operation>.<checksum>        where TARASH_TOKEN_SECRET is not set
    tg1s.<operation>.<signature>      where it is

Both parts are base64 in the alphabet of URLs. A checksum finds damage; only a signature proves
where a token comes from, so that with a secret nothing else is taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from typing import Any

from .._data._exchange import Operation
from ..exceptions import ValidationError

SECRET = "TARASH_TOKEN_SECRET"  # noqa: S105  (the variable's name)
PLAIN, SIGNED = "tg1", "tg1s"
LONGEST = 64 * 1024
ADVICE = "pass it on exactly as `to_token` returned it"
FIELDS = {
    "provider": str,
    "model": str,
    "kind": str,
    "id": str,
    "submitted_at": str,
    "urls": dict,
    "data": dict,
}


def write(operation: Operation) -> str:
    """Return the token of an operation, signed where TARASH_TOKEN_SECRET is set."""
    text = json.dumps(operation.to_json(), separators=(",", ":"), sort_keys=True)
    body = _encode(text.encode())
    head = SIGNED if _secret() else PLAIN
    return f"{head}.{body}.{_seal(head, body)}"


def is_token(text: str) -> bool:
    """Tell whether a text is the token of a job, whole or not."""
    return str(text).startswith((f"{PLAIN}.", f"{SIGNED}."))


def read(token: str) -> Operation:
    """Return the operation of a token.

    Raises:
        ValidationError: It is damaged, of another version, unsigned where a secret is set, or
            signed with another secret.
    """
    parts = token.strip().split(".") if isinstance(token, str) and len(token) <= LONGEST else []
    if len(parts) != 3 or parts[0] not in (PLAIN, SIGNED):  # noqa: PLR2004  (head, body, seal)
        raise ValidationError(f"This is no job token of this version; {ADVICE}")

    head, body, seal = parts
    if head == PLAIN and _secret():
        raise ValidationError(
            f"The token is not signed, and {SECRET} is set: only tokens are taken that were made "
            "with the same secret"
        )

    if head == SIGNED and not _secret():
        raise ValidationError(
            f"The token is signed, and {SECRET} is not set here: set it to the secret that it was "
            "signed with"
        )

    if not hmac.compare_digest(seal.encode(), _seal(head, body).encode()):
        what = f"signed with another {SECRET}, or altered" if head == SIGNED else "damaged"
        raise ValidationError(f"The token is {what}; {ADVICE}")

    return _operation(body)


def _operation(body: str) -> Operation:
    try:
        stored: Any = json.loads(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_"))
    except (ValueError, RecursionError, binascii.Error) as error:
        raise ValidationError(f"The token can't be read; {ADVICE}") from error

    fits = isinstance(stored, dict) and stored.keys() == FIELDS.keys()
    if not fits or not all(isinstance(stored[name], kind) for name, kind in FIELDS.items()):
        raise ValidationError(f"The token holds no operation; {ADVICE}")

    if stored["kind"] not in ("video", "image"):
        raise ValidationError(f"The token is of an unknown kind; {ADVICE}")

    try:
        return Operation.from_json(stored)
    except ValidationError as error:
        raise ValidationError(f"The token holds no operation; {ADVICE}") from error


def _secret() -> bytes:
    return os.environ.get(SECRET, "").encode()


def _seal(head: str, body: str) -> str:
    signed = f"{head}.{body}".encode()
    if head == SIGNED:
        return _encode(hmac.digest(_secret(), signed, hashlib.sha256))

    return _encode(hashlib.sha256(signed).digest()[:9])


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
