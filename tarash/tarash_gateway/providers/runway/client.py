"""Runway's client: our own session, and the SDK for what it uploads, with its retries off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._http._client import HttpClient, unreadable
from ..._http._sdk import http_client, load, round_trip
from ..._support._mime import named
from ..._support._secrets import AuthHeaders, bearer
from .._error_rules import upload_error
from .errors import classify_answer

if TYPE_CHECKING:
    import httpx
    import runwayml

    from ..._data._types import MediaContent
    from ..._http._client import Transport
    from ..._http._credentials import Credentials

API_VERSION = "2024-11-06"
"""What the SDK sends, unless it is given another."""


class RunwayClient(HttpClient):
    """One account: the SDK for uploads, our own session for the rest."""

    def __init__(self, account: Credentials, transport: Transport) -> None:
        self.version = account.api_version or API_VERSION
        version = {"X-Runway-Version": self.version}
        credentials = AuthHeaders(bearer(account.key).onto(version))
        super().__init__(account, transport, credentials, classify_answer)
        self._uploading: tuple[runwayml.AsyncRunwayML, httpx.AsyncClient] | None = None

    @property
    def uploading(self) -> tuple[runwayml.AsyncRunwayML, httpx.AsyncClient]:
        """Runway's SDK, and the HTTP client below it, which sends no credentials by itself."""
        if self._uploading is None:
            import httpx
            import runwayml

            plain = http_client(httpx, self._transport)
            sdk = runwayml.AsyncRunwayML(
                api_key=self.account.key.reveal(),
                base_url=self.account.base_url,
                max_retries=0,
                http_client=plain,
                runway_version=self.version,
            )
            self._uploading = sdk, plain

        return self._uploading


async def upload(client: RunwayClient, media: MediaContent) -> str:
    """Return the `runway://` address of media in Runway's storage; it lasts for 24 hours."""
    await load("runwayml", "httpx")
    import httpx
    import runwayml

    sdk, plain = client.uploading
    kind, content = media["content_type"], media["content"]
    name = named("input", kind)
    answer = await round_trip(
        lambda: sdk.post(
            "/v1/uploads",
            body={"filename": name, "type": "ephemeral"},
            cast_to=httpx.Response,
        ),
        client.account,
        runwayml.APIConnectionError,
        classify_answer,
    )
    place = answer.object()
    url, fields, uri = (place.get(key) for key in ("uploadUrl", "fields", "runwayUri"))
    if not (_is_url(url) and isinstance(fields, dict) and isinstance(uri, str)):
        raise unreadable(answer.status, answer.body)

    # The address is signed; our key has no business there.
    await round_trip(
        lambda: plain.post(str(url), data=fields, files={"file": (name, content, kind)}),
        client.account,
        (httpx.TransportError, httpx.InvalidURL),
        lambda answer: upload_error("Runway", answer.status, answer.body),
    )
    return uri


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))
