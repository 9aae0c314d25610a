"""Jobs at Google, interactions and operations: where they are, how they are asked for and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..._http._client import join
from ..._http._urls import quoted
from .._rest import RestAdapter
from ._delivery import read_interaction, read_operation
from ._results import ENDED
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._exchange import Call, Operation, Payload, Snapshot
    from ..._data._types import JsonObject
    from ._client import GoogleClient
    from ._places import Surface


def operation_of(client: GoogleClient, payload: Payload, call: Call, job_id: str) -> Operation:
    """Return the job with the addresses that its protocol has for it."""
    path = payload.path
    urls: dict[str, str] = {}
    if path.endswith("/interactions"):
        surface = "interactions"
        urls["status"] = join(client.account.base_url, f"{path}/{quoted(job_id)}")
        urls["cancel"] = f"{urls['status']}/cancel"
    elif client.vertex:
        surface = "fetch"
        fetch = path.replace(":predictLongRunning", ":fetchPredictOperation")
        urls["status"] = join(client.account.base_url, fetch)
    else:
        surface = "get"
        version = path.partition("/")[0]
        urls["status"] = join(client.account.base_url, f"{version}/{quoted(job_id, safe='/')}")

    return replace(RestAdapter.operation(client, call, job_id, surface=surface), urls=urls)


def has_ended(surface: Surface, accepted: JsonObject) -> bool:
    """Tell whether the answer to a submit says that the job has ended."""
    if surface == "interactions":
        return str(accepted.get("status")) in ENDED

    return accepted.get("done") is True


async def ask(client: GoogleClient, operation: Operation) -> JsonObject:
    """Return what a job says of itself now.

    Raises:
        ContentModerationError: Its prompt was refused.
    """
    http = await client.http(classify_answer)
    url = operation.urls["status"]
    if operation.data["surface"] == "fetch":
        return (await http.post(url, json={"operationName": operation.id})).object()

    return (await http.get(url)).object()


async def read(client: GoogleClient, operation: Operation, body: Mapping[str, Any]) -> Snapshot:
    """Return what a job says of itself, with the media that only our key opens."""
    is_interaction = operation.data["surface"] == "interactions"
    return await (read_interaction if is_interaction else read_operation)(client, dict(body))
