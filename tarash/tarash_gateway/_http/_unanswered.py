"""The errors of exchanges that brought no answer, in the facts that money needs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .._data._hints import check, switch_on
from ..exceptions import HTTPConnectionError
from ._aiohttp import aiohttp
from ._proxies import shown_proxy
from ._reasons import reason_of

if TYPE_CHECKING:
    from .._support._secrets import Secrets
    from ._send_state import SendState


def has_connected(error: Exception) -> bool:
    """Tell of an error of aiohttp's whether anything could leave before it."""
    unconnected = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    return not isinstance(error, unconnected)


def private_error(url: str) -> HTTPConnectionError:
    """Return the error of an exchange with a place where none may be."""
    return HTTPConnectionError(
        f"The provider's answer leads to {urlsplit(url).netloc.rpartition('@')[2]}, which is no "
        "public address",
        submission="not_sent",
        code="private_address",
        hints=[switch_on("allow_private_urls", " lets it be followed")],
    )


def connection_error(
    url: str, wire: SendState, error: Exception, secrets: Secrets
) -> HTTPConnectionError:
    """Return the error of an exchange without an answer.

    Args:
        url: Where the request was to go.
        wire: What became of the request.
        error: What the HTTP client or the SDK raised.
        secrets: What must not be shown.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    reason = secrets.text(reason_of(error))
    proxy = shown_proxy(url)
    by = "" if proxy is None else f" through the proxy {proxy}"
    if not wire.sent:
        network = "the network" if proxy is None else "the proxy, the network"
        return HTTPConnectionError(
            f"No connection to {host}{by}: {reason}",
            submission="not_sent",
            code="not_connected",
            hints=[check(network, "base_url")],
        )

    return HTTPConnectionError(
        f"The connection to {host}{by} broke after the request had left: {reason}",
        submission="unknown",
    )
