"""SGLang's diffusion server 0.5.23: JSON without files, several videos a job, no cancel.

Checked against the package's source. Its DELETE forgets a job that goes on running, so it is no
cancel. Its list shows no prompt, so no lost job is taken from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..._data._types import JobStatus
from .._openai_wire import STATUSES
from .._result_facts import count
from .._server_wire import VideoServer, server_errors

if TYPE_CHECKING:
    from ..._data._exchange import Operation
    from ..._http._client import HttpClient

MOST_FETCHED = 10


class SglangAdapter(VideoServer):
    """SGLang's `/v1/videos` and `/v1/images`."""

    name = "sglang"
    base_url = "http://127.0.0.1:30000/v1"
    key_variables = ("SGLANG_API_KEY",)
    errors = server_errors("SGLang")
    form_always = False
    statuses: ClassVar[Mapping[str, JobStatus]] = {**STATUSES, "deleted": "failed"}

    def places(self, client: HttpClient, operation: Operation, job: Mapping[str, Any]) -> list[str]:
        """Return where the job's videos are, each with its number. Pure."""
        (content,) = super().places(client, operation, job)
        several = min(count(job.get("num_outputs")) or 1, MOST_FETCHED)
        return [f"{content}?variant={number}" for number in range(several)]


adapter = SglangAdapter()
