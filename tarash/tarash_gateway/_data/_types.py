"""Names for the values that requests, configs and responses are made of; no behaviour."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import PlainSerializer, SecretStr
from typing_extensions import TypedDict  # pydantic reads the standard one from 3.12 on only

if TYPE_CHECKING:
    from ._configs import MockConfig
    from ._limits import Limits

Kind = Literal["video", "image"]
"""What a generation makes."""

JobStatus = Literal["queued", "processing", "completed", "failed"]
"""Where a job stands; it only ever moves to the right."""

Submission = Literal["not_sent", "rejected", "accepted", "unknown"]
"""How a submit ended: never left, answered no, accepted, or sent and never settled by an answer."""

Outcome = Literal["completed", "failed", "cancelled", "detached", "unknown", "stopped"]
"""How an attempt ended: `cancelled` where the provider confirmed it, or nothing had been submitted;
`detached` where the job may still run; `unknown` where there may be a job that nobody can name;
`stopped` where the user has asked to stop it, so that no other attempt follows: it may still run.
"""

Billing = Literal["none", "possible", "certain"]
"""Whether an attempt costs money, as far as anybody can know from the wire."""

CancelAnswer = Literal["cancelled", "requested", "too_late", "unsupported"]
"""What a provider said when asked to stop a job; `unsupported` also where it did not say."""

ImageRole = Literal["reference", "first_frame", "last_frame", "asset", "style"]
"""What an input image is for."""

Resolution = Literal["360p", "480p", "540p", "720p", "1080p", "1440p", "4k"]

CommonAspectRatio = Literal[
    "16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21", "3:2", "2:3", "5:4", "4:5"
]

URL = r"https?://[^\s/?#]+[^\s]*"
"""The form of an address of a server, as a regular expression."""


def misuse_of_address(url: str) -> str | None:
    """Return what is wrong with the address of a server, without any of it; None if nothing is.

    It stands in plans, in logs and in the ledger, where a password or a key must not be.
    """
    if not re.fullmatch(URL, url):
        return "must be a URL that begins with http:// or https://, such as http://127.0.0.1:8080"

    parts = urlsplit(url)
    if "@" in parts.netloc:
        return (
            "must not hold a user name or a password, which plans and logs would show; give the "
            "key as api_key, or in its environment variable"
        )

    if parts.query or parts.fragment:
        return (
            "must end with the path, since paths are added to it; give what follows the '?' by "
            "itself: api_version, extra_params, or a key as api_key"
        )

    return None


OnExists = Literal["fail", "number"]
OnTimeout = Literal["cancel", "detach"]
Failover = Literal["always", "when_safe"]
Verify = Literal["off", "warn", "raise"]


# pydantic's own base64 is the URL-safe alphabet, which few readers of a JSON dump expect.
Content = Annotated[
    bytes, PlainSerializer(lambda content: base64.b64encode(content).decode(), when_used="json")
]


class MediaContent(TypedDict):
    """Media as bytes, with its MIME type (`image/png`, `video/mp4`)."""

    content: Content
    content_type: str


MediaType = str | MediaContent
"""A URL (http or https), a data URI, base64 text, or bytes with their content type."""


JsonObject = dict[str, Any]

_Key = str | SecretStr
ApiKeys = (
    Mapping[str, _Key] | Mapping[tuple[str, str], _Key] | Mapping[str | tuple[str, str], _Key]
    | Mapping[str, str] | Mapping[str, SecretStr]
)  # fmt: skip
"""Keys by provider, or by provider and base URL where one provider has several hosts."""

GivenKey = str | SecretStr | None


class GivenSettings(TypedDict, total=False):
    """What the settings that all configs have in common may be given as, for type checkers."""

    base_url: str | None
    api_version: str | None
    timeout: float
    max_poll_attempts: int | None
    poll_interval: float
    max_retries: int
    strict: bool
    auto_variant: bool
    on_timeout: OnTimeout
    failover: Failover
    fit_images: bool
    max_media_bytes: int
    max_cost: Decimal | int | str | None
    allow_unpriced: bool
    save_to: str | os.PathLike[str] | None
    verify: Verify | Literal[False]
    untrusted_requests: bool
    allowed_extra_params: Sequence[str]
    allow_private_urls: bool
    mock: MockConfig | None
    budgets: Sequence[str]
    limits: Limits | None
    priority: int
    queue_timeout: float | None
    hedge_after: float | Literal["p90"] | None
    provider_config: Mapping[str, Any]
