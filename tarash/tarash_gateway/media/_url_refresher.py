"""Asks a provider for a result's URLs again, where those it gave have expired.

Who asks is handed in: nothing here knows a provider. Buys nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import anyio

from .._data._exchange import Operation
from .._data._made_by import makers_of
from ..exceptions import TarashException
from ..models import VideoGenerationResponse

if TYPE_CHECKING:
    from .._data._exchange import Config, Response
    from .._data._types import MediaType


class NotRenewed(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """There is no other URL; the text says why, and what would help."""


class UrlRefresher:
    """The fresh media of one response; the provider is asked once, however many results need it."""

    def __init__(self, response: Response, config: Config | None) -> None:
        self._response = response
        self._config = config
        self._makers = makers_of(response)
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
            return await self._makers.ask_again(operation, config, self._response.request_id)
        except TimeoutError as error:
            raise NotRenewed(
                f"{operation.provider} did not answer when asked for another"
            ) from error
        except TarashException as error:
            raise NotRenewed(
                f"{operation.provider} was asked for another: {error.message}"
            ) from error

    def _operation(self) -> Operation:
        stored = self._response.operation
        if self._response.is_mock or not stored:
            raise NotRenewed("no job is known that could give out another: make it again")

        return Operation.from_json(stored)

    def _fitting(self, operation: Operation) -> Config:
        """Return the config of the provider that has the job: no other may see its key."""
        if not self._makers.has_row(operation.provider):
            raise NotRenewed(f"{operation.provider} is registered, and can't be asked for another")

        fitting = [
            config for config in _chain(self._config) if config.provider == operation.provider
        ]
        if not fitting:
            raise NotRenewed(
                f"{operation.provider} may give out another: pass config=, with the key for "
                f"{operation.provider}, to save()"
            )

        return fitting[0]


def _chain(config: Config | None) -> Iterator[Config]:
    if config is not None:
        yield config
        for fallback in config.fallback_configs:
            yield from _chain(fallback)


def media_of(response: Response) -> Sequence[MediaType]:
    """Return all videos or images of a response."""
    return response.videos if isinstance(response, VideoGenerationResponse) else response.images
