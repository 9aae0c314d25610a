"""An earlier result, as a request keeps it that goes on from there: plain facts, and no secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from ._base import Data
from ._made_by import config_of, maker_of, makers_of
from ._types import Kind

if TYPE_CHECKING:
    from ._exchange import Config, Response

LONGEST_ID = 512
FORMS = "a response, a job, or what model_dump() or `operation` made of one"


class Continuation(Data):
    """The job at a provider that a request goes on from.

    Attributes:
        provider: Who made it; nobody else can go on.
        model: The model that made it.
        kind: What it is.
        id: The provider's id for the job.
        host: The provider's host on which it is, where that is known: another account's does not
            have it.
        url: The address of the result, where it has one.
        ids: Further ids that the result has at the provider, by name, such as Kling's `video_id`.
        is_mock: Whether the mock made it, so that no provider has it.
    """

    provider: str
    model: str = ""
    kind: Kind = "video"
    id: Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
    host: str | None = None
    url: str | None = None
    ids: Mapping[str, str] = Field(default_factory=dict)
    is_mock: bool = False


class Continuable(Protocol):
    """What can be continued beside a response: a job's handle."""

    @property
    def continuation(self) -> Continuation:
        """What is known of it."""
        ...


def as_continuation(value: Any) -> Any:
    """Return what a request keeps of an earlier result.

    Raises:
        ValueError: It is none, or its provider has no job that anybody could go on from.
    """
    if value is None or isinstance(value, Continuation):
        return value

    made = getattr(value, "continuation", None)
    if isinstance(made, Continuation):
        return made

    if isinstance(value, Mapping):
        return _of_mapping(value)

    if hasattr(value, "raw_response") and hasattr(value, "operation"):
        return of_response(value)

    raise ValueError(f"continue_from takes {FORMS}; this is of the type {type(value).__name__}")


def _of_mapping(value: Mapping[str, Any]) -> Any:
    """Return the continuation of a dump: of itself, an operation, or a response."""
    if {"raw_response", "execution_metadata", "operation"} & value.keys():
        operation = value.get("operation")
        if not isinstance(operation, Mapping):
            raise ValueError(_no_job("the result"))

        media = value.get("video") or next(iter(value.get("images") or ()), None)
        return of_operation(operation, None, media, value.get("provider_metadata") or {})

    if "submitted_at" in value:
        return of_operation(value, None)

    return value


def _no_job(what: str) -> str:
    return (
        f"{what} has no job at its provider (it was in the answer itself), so nobody can go on "
        "from it; give its video as video=, or its image in image_list"
    )


def of_response(response: Response, config: Config | None = None) -> Continuation:
    """Return what is known of a finished result.

    Raises:
        ValueError: Its provider has no job of it.
    """
    media = getattr(response, "video", None) or next(iter(getattr(response, "images", ())), None)
    provider, model = maker_of(response)
    if response.is_mock:
        kind: Kind = "video" if hasattr(response, "video") else "image"
        return Continuation(
            provider=provider or "mock",
            model=model or "",
            kind=kind,
            id=response.request_id,
            url=_address(media),
            is_mock=True,
        )

    if not response.operation:
        raise ValueError(_no_job("the response"))

    host = host_of(response, config or config_of(response))
    return of_operation(response.operation, host, media, response.provider_metadata)


def of_operation(
    operation: Mapping[str, Any],
    host: str | None,
    media: Any = None,
    facts: Mapping[str, Any] | None = None,
) -> Continuation:
    """Return what is known of an accepted job, done or not.

    Args:
        operation: The job.
        host: Of the provider, where it is known.
        media: Its result, or the first of several.
        facts: What the provider says beside the result.
    """
    ids = {
        name: value
        for name, value in (facts or {}).items()
        if isinstance(value, str) and name.endswith("id") and 0 < len(value) <= LONGEST_ID
    }
    return Continuation.model_validate(
        {
            **{name: operation.get(name) for name in ("provider", "model", "kind", "id")},
            "host": host,
            "url": _address(media),
            "ids": ids,
        }
    )


def _address(media: Any) -> str | None:
    is_url = isinstance(media, str) and media.startswith(("https://", "http://"))
    return media if is_url else None


def host_of(response: Response, config: Config | None) -> str | None:
    """Return the host on which a response's job is; None where that is not known."""
    if config is None:
        return None

    try:
        base_url = makers_of(response).base_url(config)
    except ValueError:  # a server of the user's own, of which only the environment knew
        return None

    return None if base_url is None else urlsplit(base_url).netloc.rpartition("@")[2]


Continued = Annotated[Continuation | None, BeforeValidator(as_continuation)]
