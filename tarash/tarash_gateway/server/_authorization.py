"""Who asks: the admin, or whoever has a key. Everything but a few open routes wants one."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil
from typing import TYPE_CHECKING, Annotated
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ._app_state import AppState, app_state_of
from ._key_store import KEY_LABEL
from ._refusals import NO_RETRY, Refusal, final, missing

if TYPE_CHECKING:
    from .._data._job_info import JobInfo
    from .._data._types import Kind
    from ._key_store import ApiKey
    from ._sessions import Session

ADMIN = "admin"
"""In the place of a key's id on what the admin key has made."""
CSRF_HEADER = "x-csrf-token"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
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
        return self.key is None or any(fnmatchcase(model, pattern) for pattern in self.key.models)

    def owns(self, job: JobInfo) -> bool:
        """Tell whether a job is its own; the admin sees all."""
        return self.is_admin or job.labels.get(KEY_LABEL) == self.id


FrontHere = Annotated[AppState, Depends(app_state_of)]


async def caller_of(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Return whose key a request carries.

    Raises:
        Refusal: It carries none that is good.
    """
    app_state = app_state_of(request)
    token = "" if credentials is None else credentials.credentials
    if not token:
        return await _signed_in(app_state, request)

    if app_state.is_admin_key(token):
        return Caller(None)

    key = await app_state.keys.verify(token)
    if key is None:
        raise unknown_key(app_state, request)

    check_pace(app_state, key)
    return Caller(key)


async def is_good_still(app_state: AppState, request: Request) -> bool:
    """Tell whether what a request has brought is good still: a long answer ends with its key."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        key = token.strip()
        return app_state.is_admin_key(key) or await app_state.keys.verify(key) is not None

    return await session_of(app_state, request) is not None


async def _signed_in(app_state: AppState, request: Request) -> Caller:
    """Return whose session a request carries: only the page sends any.

    Raises:
        Refusal: It carries none that is good.
    """
    if cookie_name(app_state, request) not in request.cookies:
        raise Refusal(
            401,
            "missing_api_key",
            "This needs a key: send it as `Authorization: Bearer tg_…`",
            headers={"www-authenticate": "Bearer", **NO_RETRY},
        )

    session = await session_of(app_state, request, is_write=request.method not in READS)
    if session is None:
        raise unknown_key(
            app_state, request, "session_expired", "This session has ended; sign in again"
        )

    if session.key is not None:
        check_pace(app_state, session.key)

    return Caller(session.key)


async def session_of(
    app_state: AppState, request: Request, *, is_write: bool = False
) -> Session | None:
    """Return the session of a request; None where it has none that is good.

    Args:
        app_state: What the application stands on.
        request: The request.
        is_write: Whether it changes something, and so has to say what only our page knows.

    Raises:
        Refusal: It comes from elsewhere than our page.
    """
    cookie = request.cookies.get(cookie_name(app_state, request))
    session = None if cookie is None else await app_state.sessions.verify(cookie)
    if session is None:
        return None

    given = request.headers.get(CSRF_HEADER, "").encode("utf-8", "replace")
    is_ours = not is_write or hmac.compare_digest(session.csrf.encode(), given)
    if not (is_ours and is_from_page(app_state, request, is_write=is_write)):
        raise final(
            403,
            "csrf",
            "This did not come from the page of the gateway; load it again",
        )

    return session


def cookie_name(app_state: AppState, request: Request) -> str:
    """Return the cookie's name: browsers keep those of all ports of a host together."""
    if app_state.is_secure(request):
        return "__Host-tarash-session"

    return f"tarash-session-{request.url.port or 80}"


def is_from_page(app_state: AppState, request: Request, *, is_write: bool = True) -> bool:
    """Tell whether a request comes from a page of this origin, as far as the browser says.

    Args:
        app_state: What the application stands on.
        request: The request.
        is_write: Whether it changes something: that is never done by following a link.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in (("same-origin",) if is_write else ("same-origin", "none")):
        return False

    origin = request.headers.get("origin")
    if origin is None:
        return True

    own = {request.headers.get("host", ""), urlsplit(app_state.settings.public_url or "").netloc}
    return origin_parts(origin).netloc in own - {""}


def origin_parts(origin: str) -> SplitResult:
    """Return the parts of the origin that a client names; empty ones where it is none."""
    try:
        return urlsplit(origin)
    except ValueError:  # such as half an IPv6 address
        return urlsplit("")


def check_pace(app_state: AppState, key: ApiKey) -> None:
    """Count a request of a key.

    Raises:
        Refusal: There were too many.
    """
    wait = app_state.pace.take(key.id, key.requests_per_minute)
    if wait is not None:
        raise Refusal(
            429,
            "too_many_requests",
            f"This key may make {key.requests_per_minute} requests a minute; try again in "
            f"{wait:.1f} s",
            headers={"retry-after": str(ceil(wait)), "retry-after-ms": str(ceil(wait * 1000))},
        )


def unknown_key(
    app_state: AppState,
    request: Request,
    code: str = "invalid_api_key",
    message: str = (
        "This key is not known, or was revoked, or has expired; ask whoever runs the gateway"
    ),
) -> Refusal:
    """Return the answer to a key that is not good; whoever tries many has to wait.

    A good key is never asked where it comes from, so that nobody can be locked out by others.
    """
    address = request.client.host if request.client else "?"
    wait = app_state.failures.take(address, app_state.settings.failures_per_minute)
    if wait is not None:
        return Refusal(
            429,
            "too_many_failures",
            "Too many keys that are not good have come from this address; wait a minute",
            headers={"retry-after": str(ceil(wait)), **NO_RETRY},
        )

    return Refusal(401, code, message, headers={"www-authenticate": "Bearer", **NO_RETRY})


CallerHere = Annotated[Caller, Depends(caller_of)]


async def admin_of(caller: CallerHere) -> Caller:
    """Return whoever asks, who has to be the admin.

    Raises:
        Refusal: It is not.
    """
    if not caller.is_admin:
        raise final(403, "admin_only", "Only the admin key is good for this")

    return caller


AdminHere = Annotated[Caller, Depends(admin_of)]


async def owned(
    app_state: AppState, caller: Caller, job_id: str, kind: Kind | None = None
) -> JobInfo:
    """Return a job of a caller's own.

    Args:
        app_state: What the application stands on.
        caller: Who asks.
        job_id: The job's id.
        kind: What it makes; None for whatever kind.

    Raises:
        Refusal: There is none of this id, or it is another key's, which is the same.
    """
    job = await app_state.gateway.find_job_async(job_id)
    if job is None or job.id != job_id or kind not in (None, job.kind) or not caller.owns(job):
        raise missing(kind or "job")

    return job
