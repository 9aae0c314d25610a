"""What a URL says about who may see our credentials, and how to get there.

A URL is data: it goes out byte for byte as it was given, since a signature may cover each of its
characters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit

from ..exceptions import ValidationError

if TYPE_CHECKING:
    import yarl

    from ._credentials import Credentials

Origin = tuple[str, str, int | None]
HTTPS_PORT = 443
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 10
"""Of media; those of an answer are fewer."""
LONGEST_SHOWN = 200
HEAD = re.compile(r"[a-z]+://[^/?#\s\\]+(?=[/?#]|$)")
"""What an origin is read from: the same for every job of a provider. Odd URLs are read whole."""
PARTS = re.compile(
    r"(?i:(?P<scheme>https?))://(?P<place>[^/?#\s\\]+)(?P<rest>(?:[/?#].*)?)", re.DOTALL
)
"""What stands behind the place begins so that every reader ends the place there."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NO_PARTS = frozenset({"", ".", ".."})
PART = re.compile(r"[/\\]")
OF_NAMES = "/:@!$&'()*+,;="
"""What stands in models' ids beside letters and digits, and means nothing else in a path."""
UNSENDABLE = re.compile(r"[^!-~]+")
"""What no request line can carry; everything else is sent as it stands."""


def address(url: str) -> yarl.URL:
    """Return a URL in the form in which it goes out: not re-encoded, not normalised.

    Raises:
        aiohttp.InvalidURL: It is none for http or https, or two readers would disagree about
            where it leads.
    """
    import aiohttp
    import yarl

    match = PARTS.fullmatch(url)
    try:
        if match is not None:
            place = _place(match["scheme"].lower(), match["place"])
            return yarl.URL(f"{place}{_sendable(match['rest'])}", encoded=True)
    except ValueError as error:
        raise aiohttp.InvalidURL(url[:LONGEST_SHOWN]) from error

    raise aiohttp.InvalidURL(url[:LONGEST_SHOWN])


@lru_cache(maxsize=256)
def _place(scheme: str, place: str) -> str:
    """Return the beginning of a URL: the same for every job of a provider.

    Raises:
        ValueError: Two readers would disagree about its host or its port.
    """
    import yarl

    if not place.isascii():
        place = yarl.URL(f"{scheme}://{place}").raw_authority

    whole = f"{scheme}://{place}"
    made, parts = yarl.URL(f"{whole}/", encoded=True), urlsplit(whole)
    if (made.raw_host or "").lower() != parts.hostname or made.explicit_port != parts.port:
        raise ValueError("it is read in two ways")

    return whole


def _sendable(rest: str) -> str:
    def escaped(match: re.Match[str]) -> str:
        # What came out of a header as raw bytes goes out as the same bytes.
        return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))

    return UNSENDABLE.sub(escaped, rest) if UNSENDABLE.search(rest) else rest


def redirected(url: str, target: str) -> str:
    """Return where a Location header leads from a URL; what it says whole is taken as it stands."""
    target = target.strip()
    if PARTS.fullmatch(target):
        return target

    match = PARTS.fullmatch(url)
    if match is not None and target.startswith("//"):
        return f"{match['scheme']}:{target}"

    if match is not None and target.startswith("/") and "/." not in target:
        return f"{match['scheme']}://{match['place']}{target}"

    return urljoin(url, target)


def redirect_of(url: str, status: int, target: str | None) -> str | None:
    """Return where an answer redirects to, where that is a place that can be asked."""
    if status not in REDIRECTS or not target:
        return None

    try:
        place = redirected(url, target)
        return place if place.startswith(("http://", "https://")) and origin(place)[1] else None
    except ValueError:
        return None


def is_trusted(url: str, account: Credentials) -> bool:
    """Tell whether an account's credentials may go to this URL.

    They are bound to an origin: that of the base URL, or https on its usual port at one of the
    provider's hosts. Whoever serves another port of the same machine is somebody else.
    """
    try:
        place = origin(url)
        if place == origin(account.base_url):
            return True
    except ValueError:  # it came out of a provider's answer, and is no URL
        return False

    scheme, host, port = place
    return (scheme, port) == ("https", HTTPS_PORT) and any(
        host == trusted or host.endswith(f".{trusted}") for trusted in account.trusted_hosts
    )


def origin(url: str) -> Origin:
    """Return scheme, host and port: what credentials are bound to."""
    head = HEAD.match(url)
    return _origin(url if head is None else head[0])


@lru_cache(maxsize=256)
def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.scheme, parts.hostname or "", parts.port or default)


def join(base_url: str, path: str) -> str:
    """Return the URL of a path under a base URL; a version that ends the one isn't repeated."""
    base_url, path = base_url.rstrip("/"), path.lstrip("/")
    version = re.match(r"v\d\w*(?=/)", path)
    if version is not None:
        base_url = base_url.removesuffix(f"/{version[0]}")

    return f"{base_url}/{path}"


def segments(name: str) -> str:
    """Return a model's id as a part of a path: it can add no query, and lead to no other place.

    Raises:
        ValidationError: It has control characters, or parts such as `..`; nothing was sent.
    """
    return quote(_judged(name), safe=OF_NAMES)


def segment(name: str) -> str:
    """Return a name that the user gave as one part of a path; slashes in it are quoted too.

    Not for the id of an accepted job before the engine has judged it: this refuses, and what has
    been bought is no less bought under an odd id.

    Raises:
        ValidationError: As of `segments`.
    """
    return quote(_judged(name), safe="")


def quoted(job_id: str, safe: str = "") -> str:
    """Return the id of an accepted job as part of a path, before the engine has judged it.

    Never fails: half of a surrogate pair, which no address can hold, becomes a question mark.
    """
    return quote(job_id, safe=safe, errors="replace")


def _judged(name: str) -> str:
    read = name  # as whoever takes quotes away, however often, and takes a backslash for a slash
    while (once := unquote(read)) != read:
        read = once

    if CONTROL.search(read) or NO_PARTS & set(PART.split(read.strip("/"))):
        raise ValidationError(
            f"{name!r} can't be a part of an address, since it would lead elsewhere; write the id "
            "as the provider lists it, without control characters, and with no `.`, `..` or "
            "nothing between its slashes",
            submission="not_sent",
        )

    return name


def shown_url(url: str) -> str:
    """Return a URL as an error shows it: without a password and without what may be a signature."""
    bare = url.partition("?")[0]
    scheme, separator, rest = bare.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"[:LONGEST_SHOWN]
