"""Asks a provider for a result's URLs again, where those it gave have expired.

One look at the job, with the account's credentials, which leave for the provider's own origin only.
Buys nothing and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio

from .._data._exchange import Call, Operation
from .._http import _credentials as _settings
from .._http._client import is_trusted
from .._http._pools import ClientCache
from ..exceptions import TarashException
from ..models import ImageGenerationRequest, VideoGenerationRequest, VideoGenerationResponse
from ..providers._registry import default_registry

if TYPE_CHECKING:
    from .._data._exchange import Config, Response
    from .._data._types import MediaType

LOOK_SECONDS = 30
MOST_LOOKS = 3
"""A look that fails for a reason that may pass is made again."""
FIRST_PAUSE = 0.2
"""Seconds before the second look; they double."""
MADE_OF = {"video": VideoGenerationRequest, "image": ImageGenerationRequest}


class NotRenewed(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """There is no other URL; the text says why, and what would help."""


class Renewal:
    """The fresh media of one response; the provider is asked once, however many results need it."""

    def __init__(self, response: Response, config: Config | None) -> None:
        self._response = response
        self._config = config
        self._asking = anyio.Lock()
        self._fresh: Sequence[MediaType] | None = None
        self._refusal: str | None = None

    async def media(self, index: int) -> MediaType:
        """Return one result as the provider gives it now; the first is 0.

        Raises:
            NotRenewed: It can't be asked, or has it no more.
        """
        async with self._asking:
            if self._fresh is None and self._refusal is None:
                try:
                    self._fresh = await self._ask()
                except NotRenewed as error:
                    self._refusal = str(error)

        if self._fresh is None or index >= len(self._fresh):
            raise NotRenewed(self._refusal or "the provider has fewer results than before")

        return self._fresh[index]

    async def _ask(self) -> Sequence[MediaType]:
        operation = self._operation()
        config = self._fitting(operation)
        try:
            with anyio.fail_after(LOOK_SECONDS * MOST_LOOKS):
                response = await _look(operation, config, self._response)
        except TimeoutError as error:
            raise NotRenewed(
                f"{operation.provider} did not answer when asked for another"
            ) from error
        except TarashException as error:
            raise NotRenewed(
                f"{operation.provider} was asked for another: {error.message}"
            ) from error

        return media_of(response)

    def _operation(self) -> Operation:
        stored = self._response.operation
        if self._response.is_mock or not stored:
            raise NotRenewed("no job is known that could give out another: make it again")

        return Operation.from_json(stored)

    def _fitting(self, operation: Operation) -> Config:
        """Return the config of the provider that has the job: no other may see its key."""
        if default_registry.handler(operation.provider) is not None:
            raise NotRenewed(f"{operation.provider} is registered, and can't be asked for another")

        found = [one for one in _chain(self._config) if one.provider == operation.provider]
        if not found:
            raise NotRenewed(
                f"{operation.provider} may give out another: pass config=, with the key for "
                f"{operation.provider}, to save()"
            )

        return found[0]


def _chain(config: Config | None) -> Iterator[Config]:
    if config is not None:
        yield config
        for fallback in config.fallback_configs:
            yield from _chain(fallback)


async def _look(operation: Operation, config: Config, response: Response) -> Response:
    variable = default_registry.environment_variable(config.provider)
    if variable is None:
        raise NotRenewed(f"{config.provider} can't be asked for another")

    adapter = default_registry.adapter(config.provider)
    account = _settings.account(adapter, config, variable)
    foreign = [url for url in operation.urls.values() if not is_trusted(url, account)]
    if foreign:
        raise NotRenewed(f"its job leads to {urlsplit(foreign[0]).netloc!r}, and is not followed")

    # What was asked for is of no concern any more, and may have held much.
    request: Any = MADE_OF[operation.kind](prompt="(any)")
    call = Call(operation.kind, config, request, response.request_id)
    clients = ClientCache()
    try:
        for number in range(MOST_LOOKS):
            try:
                async with clients.lease(adapter, account) as client:
                    snapshot = await adapter.poll(client, operation)
            except TarashException as error:
                if not error.retryable or number == MOST_LOOKS - 1:
                    raise

                await anyio.sleep(FIRST_PAUSE * 2**number)
            else:
                break
    finally:
        await clients.aclose()

    if snapshot.finished is None:
        raise NotRenewed(f"{config.provider} says that the job is {snapshot.status} now")

    return adapter.parse(call, snapshot.finished)


def media_of(response: Response) -> Sequence[MediaType]:
    """Return all videos or images of a response."""
    return response.videos if isinstance(response, VideoGenerationResponse) else response.images
