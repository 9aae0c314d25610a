"""Servers of which nothing is known but that they speak OpenAI's wire: no SDK, a key if need be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from ...exceptions import ValidationError
from .._error_conditions import When
from .._forms import form_of
from .._openai_errors import REFUSED_INPUT, RULES
from .._server_wire import EDITS, VideoServer

if TYPE_CHECKING:
    import aiohttp

    from ..._data._exchange import Call, Operation, Payload, Snapshot
    from ..._http._client import HttpClient
    from ...catalog import ModelSpec

WAYS = ("form", "json")


class CompatibleAdapter(VideoServer):
    """OpenAI's wire as most servers have it; `provider_config["sends"]` is `form` or `json`."""

    name = "openai-compatible"
    base_url = "http://127.0.0.1:8000/v1"
    key_variables = ("OPENAI_COMPATIBLE_API_KEY",)
    errors = replace(
        RULES,
        title="The server",
        invalid=(*RULES.invalid, When(words=".", statuses=REFUSED_INPUT, of_jobs=False)),
    )
    # Some refuse the parameter, and both answers are read.
    fixed: ClassVar[Mapping[str, Any]] = {}

    def body(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the parameters. Pure.

        Raises:
            ValidationError: `sends` is none of its words.
        """
        sends = call.config.provider_config.get("sends", WAYS[0])
        if sends not in WAYS:
            raise ValidationError(
                f"provider_config['sends'] is 'form' or 'json', not {sends!r}", field="sends"
            )

        return super().body(call, spec)

    def form(self, client: HttpClient, payload: Payload) -> aiohttp.FormData | None:
        """Return the payload as a form; None where it goes out as JSON."""
        if client.account.settings.get("sends") == "json" and payload.path not in EDITS:
            return form_of(payload.body, always=False)

        return super().form(client, payload)

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a job's body says, also where the job is only a part of it. Pure."""
        return super().snapshot(job_in(body), operation)


def job_in(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the job that an answer holds: some gateways, new-api among them, wrap it in `data`.

    Their status stands there, with `fail_reason`, and in a further `data` what their upstream said
    (github.com/ArcReel/ArcReel, pull request 1889).
    """
    job = body.get("data")
    if body.get("status") or not (isinstance(job, Mapping) and isinstance(job.get("status"), str)):
        return body

    reason = job.get("fail_reason")
    return job if job.get("error") or not reason else {**job, "error": {"message": reason}}


adapter = CompatibleAdapter()
