"""Uploads to fal's storage, through its SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._http._proxies import proxy_of
from ..._http._sdk import load
from ...media import encoded
from .._error_rules import upload_error

if TYPE_CHECKING:
    from ..._data._types import MediaContent
    from ..._http._client import HttpClient
    from ...exceptions import TarashException

STORAGE = "https://rest.fal.ai"


async def upload(client: HttpClient, media: MediaContent) -> str:
    """Return the URL of media in fal's storage, or a data URI where `base_url` is not fal's."""
    if client.account.custom_base_url:
        return await encoded(media)

    proxy_of(STORAGE)  # the SDK makes connections of its own, and says less of a proxy
    await load("fal_client", "httpx")
    import fal_client
    import httpx

    storage = fal_client.AsyncClient(key=client.account.key.reveal())
    secrets = client.account.secrets
    failure: TarashException
    cause: BaseException
    try:
        # No fallback repository: its HTTP client could not be closed from outside.
        return await storage.upload(
            media["content"],
            media["content_type"],
            repository="fal_v3",
            fallback_repository=[],
        )
    except (fal_client.FalClientHTTPError, httpx.HTTPStatusError) as error:
        cause, status = error, error.response.status_code
        failure = upload_error("fal", status, secrets.text(str(error)))
    except (fal_client.FalClientError, httpx.HTTPError, OSError) as error:
        cause, failure = error, upload_error("fal", None, secrets.text(str(error)))

    raise failure from secrets.outside(cause)
