"""ComfyUI: a workflow is sent whole, under an id of ours, and its files are the result.

Checked against the server's source. Jobs are in its queue, then in its history, which are in memory
alone. What is asked to stop is our own run and never another's: an old server has no call for that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from ..._data._exchange import MediaSupport, Payload, RawResult, Snapshot
from ..._http._client import join, shorten
from ..._http._send_state import fetching_result
from ..._http._sockets import SocketClient
from ...exceptions import GenerationFailedError, HTTPError, TarashException
from .._outputs import response_of
from .._own_server import OwnServer
from .._result_facts import mapping
from .errors import classify_answer
from .failures import failure_of, node_errors
from .files import fetched, upload
from .queue import Run, entry_of, has_failed, place_of, stop
from .slots import REFERENCE, body_of, mappers_of
from .workflow import node_called, workflow_of

if TYPE_CHECKING:
    from datetime import datetime

    from ..._data._exchange import Call, Operation, Response
    from ..._data._types import CancelAnswer
    from ..._http._client import Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

NOT_FOUND = 404


class ComfyAdapter(OwnServer):
    """A ComfyUI server; the model is the path of a workflow file."""

    abilities: frozenset[Ability] = OwnServer.abilities | {
        "find_submitted",
        "resolve_spec",
        "stream",
        "upload",
    }
    upload = staticmethod(upload)
    name = "comfyui"
    accepts = MediaSupport(url=False, content=None, upload=True, references=(REFERENCE,))
    base_url = "http://127.0.0.1:8188"
    key_variables = ("COMFYUI_API_KEY",)
    errors = classify_answer
    submit_path = "prompt"
    job_id = "prompt_id"
    check_path = "system_stats"

    def connect(self, account: Credentials, transport: Transport) -> SocketClient:
        """Make a client over the loop's connections."""
        return SocketClient(account, transport, self.credentials(account), self.errors)

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Return what the config's workflow takes."""
        workflow = workflow_of(call.config)
        return replace(spec, mappers=mappers_of(workflow, call.kind))

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the workflow with the request's values in it, under an id of ours."""
        self.check_kind(call)
        workflow = workflow_of(call.config)
        own_id = str(uuid5(NAMESPACE_URL, f"{call.request_id}/{call.attempt_number}"))
        body = body_of(call, workflow, self.mapped(call, spec), own_id)
        return Payload(self.submit_path, body)

    async def submit(self, client: Any, payload: Payload, call: Call) -> Operation:
        """Queue the workflow."""
        classify = partial(self.errors, model=call.config.model)
        answer = await self.send(client, payload, classify)
        refused = list(node_errors(mapping(answer.body).get("node_errors")))
        return self._begun(client, payload, call, self.id_in(answer), refused)

    def _begun(
        self,
        client: Any,
        payload: Payload,
        call: Call,
        job_id: str,
        refused_nodes: Sequence[str] = (),
    ) -> Operation:
        output = node_called(payload.body["prompt"], call.config.provider_config.get("output"))
        data = {
            "client_id": payload.body["client_id"],
            "nodes": len(payload.body["prompt"]),
            "output": output,
            "node_errors": list(refused_nodes) or None,
        }
        known = {name: value for name, value in data.items() if value is not None}
        return self.operation(client, call, job_id, **known)

    async def find_submitted(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the job that has the id of this payload, wherever the server has it."""
        del since
        own_id = str(payload.body["prompt_id"])
        is_there = await place_of(client, own_id) or await entry_of(client, own_id)
        return [self._begun(client, payload, call, own_id)] if is_there else []

    # -------------------------------------------------------------------------------------- polls
    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Look into the history, then into the queue.

        Raises:
            HTTPError: It is in neither: the server was restarted, or its history cleared.
        """
        entry = await entry_of(client, operation.id)
        if entry is None:
            place = await place_of(client, operation.id)
            if place is not None:
                return place

            entry = await entry_of(client, operation.id)  # it may have ended in between

        if entry is None:
            raise HTTPError(
                f"ComfyUI has no job {operation.id} in its queue or its history: the server was "
                "restarted, or its history cleared; what it had saved is in its output folder",
                status_code=NOT_FOUND,
            )

        if has_failed(entry):
            error = failure_of(entry)
            return Snapshot(
                "failed", raw=error.raw_response, error=error, billing="none", certain=True
            )

        fetching_result()
        try:
            finished = await fetched(client, operation, entry)
        except TarashException as trouble:
            pause = trouble.retry_after
            return Snapshot("processing", raw=entry, retry_after=pause, trouble=trouble)

        return Snapshot("completed", raw=entry, progress=100, finished=finished)

    async def stream(self, client: Any, operation: Operation) -> AsyncIterator[Snapshot]:
        """Yield how far the run is, node by node and step by step."""
        listener = quote(str(operation.data.get("client_id") or operation.id), safe="")
        run = Run(operation.id, operation.data.get("nodes"))
        url = join(client.account.base_url, f"ws?clientId={listener}")
        async for message in client.messages(url):
            news = run.take(message)
            if news is not None:
                yield news

    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer:
        """Take our job out of the queue, or interrupt it: ours alone, or not at all."""
        return await stop(client, operation.id)

    # -------------------------------------------------------------------------------------- result
    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response. Pure."""
        metadata = dict(finished.metadata)
        kind, urls = metadata.pop("content_type", None), metadata.pop("urls", ())
        media = (*urls, *finished.media)
        if not media:
            raise GenerationFailedError(_nothing(call.kind, finished), raw_response=finished.raw)

        return response_of(call, media, finished.raw, metadata, content_type=kind)


def _nothing(kind: str, finished: RawResult) -> str:
    """Return why a run that ended well has no result."""
    outputs = mapping(finished.raw).get("outputs")
    article = "an" if kind == "image" else "a"
    message = f"ComfyUI ran the workflow, and no node saved {article} {kind}: {shorten(outputs)}"
    refused = finished.metadata.get("node_errors")
    return f"{message}. Left out were {'; '.join(refused)}" if refused else message


adapter = ComfyAdapter()
