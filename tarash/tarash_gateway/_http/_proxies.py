"""Which proxy a request goes through: one road for our own exchanges and for every vendor's SDK.

The environment decides (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; in small letters first), else
the settings of the system where it has some. A proxy's password is shown nowhere.
"""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from .._support._extras import how_to_install
from ..exceptions import HTTPConnectionError

SOCKS = {"socks": "socks5", "socks4": "socks4", "socks4a": "socks4", "socks5": "socks5"} | {
    "socks5h": "socks5"
}
"""What SOCKS proxies' URLs begin with, and the protocol that each means."""
RESOLVING = frozenset({"socks4a", "socks5h"})
"""Those whose names the proxy itself resolves."""
PORTS = {"http": 80, "https": 443}
SYSTEM = "the system's settings"
SOCKS_PORT = 1080


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy, and who named it."""

    url: str = field(repr=False)
    """With its name and password, if it has some."""
    named_by: str
    """The environment variable, as it is written there."""

    @property
    def scheme(self) -> str:
        """What its URL begins with."""
        return self.url.partition("://")[0]

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS, which takes an extra."""
        return self.scheme in SOCKS

    @property
    def shown(self) -> str:
        """The proxy as an error shows it: without a name or a password."""
        scheme, _, rest = self.url.partition("://")
        host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
        return f"{scheme}://{host} (from {self.named_by})"


def proxy_of(url: str) -> Proxy | None:
    """Return the proxy for a URL; None where the request goes directly.

    Raises:
        HTTPConnectionError: The one that is named can't be used; says which, and what to do.
    """
    parts = urlsplit(url)
    named = next(_named(parts.scheme), None) or _of_the_system(parts.scheme, parts.hostname or "")
    if named is None or _goes_directly(parts.hostname or "", parts.port or PORTS.get(parts.scheme)):
        return None

    return _usable(Proxy(*named))


def shown_proxy(url: str) -> str | None:
    """Return the proxy for a URL as an error shows it; None where there is none to speak of."""
    try:
        proxy = proxy_of(url)
    except HTTPConnectionError:
        return None

    return None if proxy is None else proxy.shown


def connector(proxy: Proxy, **options: Any) -> Any:
    """Return a connector whose connections lead through a SOCKS proxy.

    Args:
        proxy: Which.
        options: As for `_unclosed.Connector`.
    """
    import aiohttp
    from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError

    from ._connector import Connector

    class Socks(Connector, ProxyConnector):
        async def _wrap_create_connection(self, *args: Any, req: Any, **facts: Any) -> Any:
            try:
                return await super()._wrap_create_connection(*args, req=req, **facts)
            except (ProxyError, ProxyConnectionError, ProxyTimeoutError) as error:
                refused = OSError(getattr(error, "errno", None), str(error))
                raise aiohttp.ClientProxyConnectionError(req.connection_key, refused) from error

    scheme, rest = proxy.url.split("://", 1)
    return Socks.from_url(f"{SOCKS[scheme]}://{rest}", rdns=scheme in RESOLVING, **options)


def _named(scheme: str) -> Iterator[tuple[str, str]]:
    """Yield the proxies that the environment names, and the variables, the nearest first."""
    for name in (f"{scheme}_proxy", "all_proxy"):
        # Small letters go first, also where they say that there is none.
        variable = name if name in os.environ else name.upper()
        # In a CGI program, HTTP_PROXY is what a client's header `Proxy` says.
        if variable == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ:
            continue

        value = os.environ.get(variable, "").strip()
        if value:
            yield value, variable


def _of_the_system(scheme: str, host: str) -> tuple[str, str] | None:
    """Return what macOS or Windows has set; elsewhere there is nothing but the environment."""
    if urllib.request.getproxies_environment() or urllib.request.proxy_bypass(host):
        return None

    value = urllib.request.getproxies().get(scheme)
    return None if not value else (value, SYSTEM)


def _usable(proxy: Proxy) -> Proxy:
    value = proxy.url if "://" in proxy.url else f"http://{proxy.url}"
    scheme, rest = value.split("://", 1)
    usable = Proxy(f"{scheme.lower()}://{rest}", proxy.named_by)
    try:
        parts = urlsplit(usable.url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port is like that
        is_whole = False

    if not is_whole or usable.scheme not in {*PORTS, *SOCKS}:
        raise _unusable(
            f"{usable.shown} is no proxy's address; name one like http://127.0.0.1:3128"
        )

    if usable.is_socks and parts.port is None:
        usable = Proxy(f"{usable.url.rstrip('/')}:{SOCKS_PORT}", proxy.named_by)

    if usable.is_socks and find_spec("aiohttp_socks") is None:
        raise _unusable(
            f"The proxy {usable.shown} speaks SOCKS, which needs the extra 'socks': "
            f"{how_to_install('socks')}; or name an HTTP proxy"
        )

    return usable


def _unusable(reason: str) -> HTTPConnectionError:
    return HTTPConnectionError(
        f"{reason}, or list the provider's host in NO_PROXY",
        submission="not_sent",
        retryable=False,
    )


# ---------------------------------------------------------------------------------------- NO_PROXY
def _goes_directly(host: str, port: int | None) -> bool:
    value = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    return any(_names(entry, host.lower(), port) for entry in re.split(r"[,\s]+", value) if entry)


def _names(entry: str, host: str, port: int | None) -> bool:
    """Tell whether an entry of NO_PROXY is about a host: `*`, a domain, an address, a network."""
    if entry == "*":
        return True

    name, its_port = _split(entry.lower().rpartition("://")[2])
    if its_port is not None and its_port != port:
        return False

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:  # one of the two is a name
        domain = name.removeprefix("*").removeprefix(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _split(entry: str) -> tuple[str, int | None]:
    """Return the host and the port of an entry; IPv6 addresses have colons of their own."""
    match = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?|([^:]+)(?::(\d+))?", entry)
    if match is None:
        return entry, None

    port = match[2] or match[4]
    return match[1] or match[3], int(port) if port else None
