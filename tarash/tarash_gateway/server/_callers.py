"""Who asks: the admin, or whoever has a key. Everything but a few open routes wants one."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ._front import Front, front_of
from ._refusals import NO_RETRY, Refusal

if TYPE_CHECKING:
    from .._data._job_info import JobInfo
    from ._key_store import ApiKey

ADMIN = "admin"
"""In the place of a key's id on what the admin key has made."""
KEY_LABEL = "key"
"""The label of a job that says whose it is."""
bearer = HTTPBearer(auto_error=False, description="The admin key, or one made with it (`tg_…`).")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever made a request."""

    key: ApiKey | None
    """None for the admin."""

    @property
    def is_admin(self) -> bool:
        """Whether it is good for everything."""
        return self.key is None

    @property
    def id(self) -> str:
        """What its jobs are labelled with."""
        return ADMIN if self.key is None else self.key.id

    def may_use(self, model: str) -> bool:
        """Tell whether a model or an alias is within its scope."""
        return self.key is None or any(fnmatchcase(model, one) for one in self.key.models)

    def owns(self, job: JobInfo) -> bool:
        """Tell whether a job is its own; the admin sees all."""
        return self.is_admin or job.labels.get(KEY_LABEL) == self.id


FrontHere = Annotated[Front, Depends(front_of)]


async def caller_of(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Return whose key a request carries.

    Raises:
        Refusal: It carries none that is good.
    """
    front = front_of(request)
    token = "" if credentials is None else credentials.credentials
    if not token:
        raise Refusal(
            401,
            "missing_api_key",
            "This needs a key: send it as `Authorization: Bearer tg_…`",
            headers={"www-authenticate": "Bearer", **NO_RETRY},
        )

    if front.is_admin_key(token):
        return Caller(None)

    key = await front.keys.verify(token)
    if key is None:
        raise Refusal(
            401,
            "invalid_api_key",
            "This key is not known, or was revoked, or has expired; ask whoever runs the gateway",
            headers={"www-authenticate": "Bearer", **NO_RETRY},
        )

    return Caller(key)


CallerHere = Annotated[Caller, Depends(caller_of)]


async def admin_of(caller: CallerHere) -> Caller:
    """Return whoever asks, who has to be the admin.

    Raises:
        Refusal: It is not.
    """
    if not caller.is_admin:
        raise Refusal(403, "admin_only", "Only the admin key is good for this", headers=NO_RETRY)

    return caller


AdminHere = Annotated[Caller, Depends(admin_of)]


def same(one: str, other: str) -> bool:
    """Tell whether two secrets are the same, in a time that says nothing of either."""
    digests = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (one, other)]
    return hmac.compare_digest(*digests)
