"""What a request may name that somebody else has written: public web addresses, and bytes.

Nothing here opens a file or a connection. Where a name leads is known only when it is connected to,
and a fetch is guarded in that moment; what is refused here never gets as far.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from .._data._hints import leave_out
from .._http._guard import is_public
from .._http._sniff import sniff
from .._http._urls import address, shown_url
from .._support._base64 import decoded
from ..exceptions import ValidationError
from ._forms import GLANCE, SHORTEST_BASE64

if TYPE_CHECKING:
    from .._data._exchange import Request

MOST_IMAGES = 32
"""In one request: each URL among them may be fetched."""
WEB = re.compile(r"https?://", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9._-]+|\[?[0-9a-f:.]+\]?")
"""After lower-casing; what is escaped in it, another reader might unescape."""
PRIVATE_NAMES = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion")
"""Ends of names that no public server has."""
BYTES_INSTEAD = "give its bytes, as base64 or as a data URI"


def check_untrusted(request: Request, allowed_parameters: Collection[str]) -> None:
    """Check what a request names, before it is fitted to a model.

    Raises:
        ValidationError: It has parameters that would reach the provider untouched, more media than
            anybody needs, or one that leads where it may not.
    """
    refused = sorted(set(map(str, request.extra_params)) - set(allowed_parameters))
    if refused:
        raise ValidationError(
            f"extra_params: an untrusted request may not carry {', '.join(map(repr, refused))}, "
            "which would reach the provider untouched (a webhook, another bucket, no safety "
            "checker)",
            submission="not_sent",
            code="untrusted_request",
            field="extra_params",
            hints=[leave_out(refused)],
        )

    if request.continue_from is not None:
        raise ValidationError(
            "continue_from: an untrusted request may not go on from a job at the provider, which "
            "may be anybody's; make sure that it is theirs, and ask without untrusted_requests",
            submission="not_sent",
            code="untrusted_request",
            field="continue_from",
        )

    count = len(request.image_list)
    if count > MOST_IMAGES:
        raise ValidationError(
            f"image_list: an untrusted request may carry {MOST_IMAGES} images, and this one has "
            f"{count}; send fewer",
            submission="not_sent",
            code="untrusted_request",
            field="image_list",
        )

    media: dict[str, Any] = {name: getattr(request, name, None) for name in ("video", "mask_image")}
    for place, image in enumerate(request.image_list):
        media[f"image_list[{place}]"] = image["image"]

    for where, medium in media.items():
        if medium is not None:
            check_medium(medium, where)


def check_medium(media: Any, where: str) -> None:
    """Check where a medium leads, by what is written there; bytes lead nowhere.

    Raises:
        ValidationError: To a file of this machine, to a private address, or to what the provider
            would read with our credentials.
    """
    if isinstance(media, Mapping):
        return

    if isinstance(media, str) and WEB.match(media):
        check_address(media, where)
    elif not isinstance(media, str) or not _holds_bytes(media):
        raise ValidationError(
            f"{where}: an untrusted request may name no file and nothing that is stored, only "
            f"public http and https URLs; {BYTES_INSTEAD}",
            submission="not_sent",
        )


def _holds_bytes(text: str) -> bool:
    """Tell whether text is a data URI, or begins as the base64 of media does."""
    if text[:5].lower() == "data:":
        return True

    letters = "".join(text[:GLANCE].split())  # it may be broken into lines
    head = decoded(letters[: len(letters) // 4 * 4]) if len(text) >= SHORTEST_BASE64 else None
    return head is not None and sniff(head) is not None


def check_address(url: str, where: str) -> None:
    """Check that a URL names a public host, as far as that is seen without asking anybody.

    Raises:
        ValidationError: It names an address of this machine or of a private network, however
            written; or two readers could disagree about where it leads.
    """
    import aiohttp

    try:
        host = (address(url).raw_host or "").lower().rstrip(".")
    except aiohttp.InvalidURL:
        host = ""

    if not HOST.fullmatch(host):
        raise ValidationError(
            f"{where}: {shown_url(url)} can be read in two ways, and an untrusted request may not "
            f"name it; {BYTES_INSTEAD}",
            submission="not_sent",
        )

    if not names_public_host(host):
        raise ValidationError(
            f"{where}: {shown_url(url)} leads to an address that is not public, and an "
            f"untrusted request may not name it; {BYTES_INSTEAD}",
            submission="not_sent",
        )


def names_public_host(host: str) -> bool:
    try:
        return is_public(host.strip("[]"))
    except ValueError:
        pass  # a name, or one of the ways to write an address that few readers know

    try:
        return is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return "." in host and not host.endswith(PRIVATE_NAMES)
