"""Who made a response, and with whose key: for a fresh URL later on, and never shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ._base import Unseen
from ._types import MediaType

if TYPE_CHECKING:
    from ._exchange import Config, Operation, Response


class Makers(Protocol):
    """The providers, as far as the media layer has to know them; the registry's word."""

    def has_row(self, provider: str) -> bool:
        """Tell whether there is such a provider; what it gives are URLs, and no paths of files."""
        ...

    def base_url(self, config: Config) -> str | None:
        """Return where a config leads; None for a registered handler, and for nobody."""
        ...

    async def ask_again(
        self, operation: Operation, config: Config, request_id: str
    ) -> Sequence[MediaType]:
        """Return the media of a finished job as its provider gives them now; buys nothing.

        Raises:
            TarashException: It can't be asked, or has them no more.
            TimeoutError: It did not answer.
        """
        ...


class MadeBy(Unseen):
    """Whose key made a response, and by whose word.

    Never shown, dumped, pickled or compared: a response is what was made, whoever's key it took.
    """

    __slots__ = ("config", "makers")

    def __init__(self, config: Config | None = None, makers: Makers | None = None) -> None:
        self.config = config
        self.makers = makers

    def __repr__(self) -> str:
        return "(not shown)"

    def __reduce__(self) -> tuple[Any, ...]:
        return (MadeBy, ())


_usual: Callable[[], Makers] | None = None


def provide_makers(make: Callable[[], Makers]) -> None:
    """Say who knows the makers of responses that were read from a file, or came from elsewhere."""
    global _usual  # noqa: PLW0603  (set once, when the package is imported)
    _usual = make


def makers_of(response: Response) -> Makers:
    """Return who knows the maker of a response: its gateway's registry, else the usual one."""
    mine = response._origin.makers  # noqa: SLF001  (kept out of sight on purpose)
    return usual_makers() if mine is None else mine


def usual_makers() -> Makers:
    """Return who knows the makers where there is no response."""
    assert _usual is not None  # noqa: S101  (importing the package sets it)
    return _usual()


def config_of(response: Response) -> Config | None:
    """Return the config that made a response; None after it was unpickled or read from JSON."""
    return response._origin.config  # noqa: SLF001  (as above)


def keep_config(response: Response, config: Config, makers: Makers | None = None) -> None:
    """Let a response remember the config that made it, and who knows its maker."""
    known = response._origin.makers if makers is None else makers  # noqa: SLF001  (as above)
    response._origin = MadeBy(config, known)  # noqa: SLF001  (as above)


def maker_of(response: Response) -> tuple[str | None, str | None]:
    """Return the provider and the model that made a response, as far as it knows them."""
    ended, operation, config = response.execution_metadata, response.operation, config_of(response)
    if ended is not None and ended.successful_attempt is not None:
        made = ended.attempts[ended.successful_attempt - 1]
        return made.provider, made.model

    if config is not None:
        return config.provider, config.model

    return (operation["provider"], operation["model"]) if operation else (None, None)
