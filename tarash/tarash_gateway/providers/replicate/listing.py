"""Reads Replicate's list of predictions, and tells which of them a payload asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..._http._client import join, unreadable
from .. import _finding as pages

if TYPE_CHECKING:
    from ..._data._exchange import Operation, Payload
    from .client import ReplicateClient


async def newest(client: ReplicateClient, since: datetime) -> list[dict[str, Any]]:
    """Return the account's newest predictions, as far back as `since` or as a few pages reach."""

    def following(page: Mapping[str, Any], _predictions: object) -> str | None:
        url = page.get("next")
        return url if isinstance(url, str) and client.trusts(url) else None

    after = (since - pages.CLOCK_SKEW).astimezone(UTC).isoformat()
    url = join(client.account.base_url, f"v1/predictions?{urlencode({'created_after': after})}")
    return await pages.newest(client.get, url, None, items="results", following=following)


async def page_at(
    client: ReplicateClient, operations: Sequence[Operation], place: str
) -> tuple[list[Any], str]:
    """Return a page of the list, and the address of the one that follows.

    Args:
        client: The account's.
        operations: The jobs that it is read for.
        place: The page's address; empty for the first one of the time when these jobs were made.
    """
    answer = await client.get(place or _made_with(client, operations))
    page = answer.object()
    listed, following = page.get("results"), page.get("next")
    if not isinstance(listed, list):
        raise unreadable(answer.status, answer.body)

    goes_on = isinstance(following, str) and client.trusts(following)
    return listed, str(following) if goes_on else ""


def _made_with(client: ReplicateClient, operations: Sequence[Operation]) -> str:
    moments = [
        moment for operation in operations if (moment := pages.moment(operation.submitted_at))
    ]
    between: dict[str, str] = {}
    if moments:
        # Ours is the clock of both ends, and theirs that of the list.
        between = {
            "created_after": (min(moments) - pages.CLOCK_SKEW).astimezone(UTC).isoformat(),
            "created_before": (max(moments) + pages.CLOCK_SKEW).astimezone(UTC).isoformat(),
        }

    return join(client.account.base_url, f"v1/predictions?{urlencode(between)}")


def is_same(prediction: Mapping[str, Any], payload: Payload) -> bool:
    """Tell whether a listed prediction is what a payload asks for."""
    given, shown = payload.body.get("input"), prediction.get("input")
    if not isinstance(given, Mapping) or not isinstance(shown, Mapping):
        return False  # Replicate deletes inputs an hour after the end

    if given.keys() != shown.keys() or not pages.is_shown(given, shown):
        return False

    version = payload.body.get("version")
    if version is not None:
        return bool(prediction.get("version") == version)

    _, kind, owner, name, _ = payload.path.split("/")
    if kind == "deployments":
        return prediction.get("deployment") in {name, f"{owner}/{name}"}

    return bool(prediction.get("model") == f"{owner}/{name}")
