"""Who asks: the admin, or whoever has a key. Everything but a few open routes wants one."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ._front import Front, front_of
from ._key_store import KEY_LABEL
from ._refusals import NO_RETRY, Refusal

if TYPE_CHECKING:
    from .._data._job_info import JobInfo
    from ._key_store import ApiKey

ADMIN = "admin"
"""In the place of a key's id on what the admin key has made."""
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
        raise _unknown(front, request)

    wait = front.pace.take(key.id, key.requests_per_minute)
    if wait is not None:
        raise Refusal(
            429,
            "too_many_requests",
            f"This key may make {key.requests_per_minute} requests a minute; try again in "
            f"{wait:.1f} s",
            headers={"retry-after": str(ceil(wait)), "retry-after-ms": str(ceil(wait * 1000))},
        )

    return Caller(key)


def _unknown(front: Front, request: Request) -> Refusal:
    """Return the answer to a key that is not good; whoever tries many is told to wait.

    A good key is never asked where it comes from, so that nobody can be locked out by others.
    """
    address = request.client.host if request.client else "?"
    wait = front.failures.take(address, front.settings.failures_per_minute)
    if wait is not None:
        return Refusal(
            429,
            "too_many_failures",
            "Too many keys that are not good have come from this address; wait a minute",
            headers={"retry-after": str(ceil(wait)), **NO_RETRY},
        )

    return Refusal(
        401,
        "invalid_api_key",
        "This key is not known, or was revoked, or has expired; ask whoever runs the gateway",
        headers={"www-authenticate": "Bearer", **NO_RETRY},
    )


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
