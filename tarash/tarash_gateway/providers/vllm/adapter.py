"""vLLM-Omni 0.30: jobs by forms, a failed one with an error status, and a cancel that aborts.

Checked against the package's source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..._http._client import checked, join
from ...exceptions import UnsupportedOperationError
from .._finding import is_since, moment
from .._openai_results import is_same, newest
from .._server_wire import VideoServer, server_errors

if TYPE_CHECKING:
    from datetime import datetime

    from ..._data._exchange import Call, Operation, Payload
    from ..._data._types import CancelAnswer
    from ..._http._client import HttpClient, HttpResponse
    from .._contract import Ability

CONFLICT, NOT_FOUND = 409, 404


class VllmAdapter(VideoServer):
    """vLLM-Omni's `/v1/videos` and `/v1/images`."""

    abilities: frozenset[Ability] = VideoServer.abilities | {"find_submitted"}
    name = "vllm"
    base_url = "http://127.0.0.1:8000/v1"
    key_variables = ("VLLM_API_KEY",)
    errors = server_errors("vLLM-Omni")

    async def cancel(self, client: HttpClient, operation: Operation) -> CancelAnswer:
        """Abort the run. A job that has ended is left as it is: the same call would delete it."""
        url = self.job_url(client, operation)
        seen = await client.get(url, any_status=True)
        if seen.status == NOT_FOUND:
            return "unsupported"

        ended = isinstance(seen.body, dict) and self.status_of(seen.body) in {"completed", "failed"}
        if ended:
            return "too_late"

        answer = await client.stop(url, "DELETE")
        if answer.status == CONFLICT:  # it is being stopped, or its file is being written
            return "requested"

        if answer.status == NOT_FOUND:
            return "unsupported"

        return "cancelled" if checked(answer, self.errors).object().get("deleted") else "requested"

    async def find_submitted(
        self, client: HttpClient, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the videos since then of this model, prompt, length and size.

        Raises:
            UnsupportedOperationError: It is about images, which are no jobs.
        """
        if call.kind == "image":
            raise UnsupportedOperationError("images are no jobs here, and are not listed")

        async def get(path: str) -> HttpResponse:
            return await client.get(join(client.account.base_url, path))

        return [
            self.operation(client, call, str(video["id"]), moment(video.get("created_at")) or since)
            for video in await newest(get, "videos", since)
            if is_since(video.get("created_at"), since) and is_same(video, payload)
        ]


adapter = VllmAdapter()
