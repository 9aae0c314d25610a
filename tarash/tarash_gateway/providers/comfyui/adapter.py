"""ComfyUI: a workflow is sent whole, under an id of ours, and its files are the result.

Checked against the server's source. Jobs are in its queue, then in its history, which are in memory
alone. What is asked to stop is our own run and never another's: an old server has no call for that.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from ..._data._exchange import MediaSupport, Payload, RawResult, Snapshot
from ..._http._client import checked, join, shorten, unreadable
from ..._http._key_lookup import NO_KEY
from ..._http._send_state import fetching_result
from ..._http._sockets import SocketClient
from ...exceptions import GenerationFailedError, HTTPError, TarashException
from .._facts import mapping, text
from .._forms import add_file, multipart
from .._own_server import OwnServer
from .._responses import response_of
from .errors import classify_answer, failure_of, node_errors
from .progress import Run
from .results import address_of, files_of, type_of
from .slots import REFERENCE, body_of, mappers_of
from .workflow import node_called, workflow_of

if TYPE_CHECKING:
    from datetime import datetime

    from ..._data._exchange import Call, Operation, Response
    from ..._data._types import CancelAnswer, MediaContent
    from ..._http._client import Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

OK, NOT_FOUND = 200, 404
FOLDER = "tarash"
"""Where uploads lie in the server's input folder."""
OWN_CANCEL = (0, 26)
"""The first version with a call that stops one job, wherever it is."""
AIMED_INTERRUPT = (0, 3, 64)
"""From here on an interrupt is known to heed the id beside it; older ones stop whatever runs."""


class ComfyAdapter(OwnServer):
    """A ComfyUI server; the model is the path of a workflow file."""

    abilities: frozenset[Ability] = OwnServer.abilities | {
        "find_submitted",
        "resolve_spec",
        "stream",
        "upload",
    }
    name = "comfyui"
    accepts = MediaSupport(url=False, content=None, upload=True, references=(REFERENCE,))
    base_url = "http://127.0.0.1:8188"
    key_variables = ("COMFYUI_API_KEY",)
    errors = classify_answer
    submit_path = "prompt"
    job_path = "history/{id}"
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
        told = list(node_errors(mapping(answer.body).get("node_errors")))
        return self._begun(client, payload, call, self.id_in(answer), told)

    def _begun(
        self,
        client: Any,
        payload: Payload,
        call: Call,
        job_id: str,
        told: Sequence[str] = (),
    ) -> Operation:
        output = node_called(payload.body["prompt"], call.config.provider_config.get("output"))
        found = self.operation(client, call, job_id)
        data = {
            "client_id": payload.body["client_id"],
            "nodes": len(payload.body["prompt"]),
            "output": output,
            "node_errors": list(told) or None,
        }
        return replace(found, data={name: one for name, one in data.items() if one is not None})

    async def find_submitted(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the job that has the id of this payload, wherever the server has it."""
        del since
        own_id = str(payload.body["prompt_id"])
        is_there = await self._where(client, own_id) or await self._entry(client, own_id)
        return [self._begun(client, payload, call, own_id)] if is_there else []

    # -------------------------------------------------------------------------------------- polls
    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Look into the history, then into the queue.

        Raises:
            HTTPError: It is in neither: the server was restarted, or its history cleared.
        """
        entry = await self._entry(client, operation.id)
        if entry is None:
            seen = await self._where(client, operation.id)
            if seen is not None:
                return seen

            entry = await self._entry(client, operation.id)  # it may have ended in between

        if entry is None:
            raise HTTPError(
                f"ComfyUI has no job {operation.id} in its queue or its history: the server was "
                "restarted, or its history cleared; what it had saved is in its output folder",
                status_code=NOT_FOUND,
            )

        if mapping(entry.get("status")).get("status_str") == "error":
            error = failure_of(entry)
            return Snapshot(
                "failed", raw=error.raw_response, error=error, billing="none", certain=True
            )

        fetching_result()
        try:
            finished = await self._fetched(client, operation, entry)
        except TarashException as trouble:
            pause = trouble.retry_after
            return Snapshot("processing", raw=entry, retry_after=pause, trouble=trouble)

        return Snapshot("completed", raw=entry, progress=100, finished=finished)

    async def _entry(self, client: Any, job_id: str) -> dict[str, Any] | None:
        path = self.job_path.format(id=quote(job_id, safe=""))
        answer = await client.get(join(client.account.base_url, path))
        found = answer.object()
        entry = found.get(job_id)
        if found and not isinstance(entry, dict):
            raise unreadable(answer.status, answer.body)

        return entry if isinstance(entry, dict) else None

    async def _where(self, client: Any, job_id: str) -> Snapshot | None:
        """Return whether a job runs or waits; None where the queue has it no more."""
        answer = await client.get(join(client.account.base_url, "queue"))
        found = answer.object()
        running, waiting = found.get("queue_running"), found.get("queue_pending")
        if not isinstance(running, list) or not isinstance(waiting, list):
            raise unreadable(answer.status, answer.body)

        if job_id in _ids(running):
            return Snapshot("processing")

        ids = _ids(sorted((one for one in waiting if isinstance(one, list)), key=_number))
        return Snapshot("queued", queue_position=ids.index(job_id)) if job_id in ids else None

    async def _fetched(self, client: Any, operation: Operation, entry: dict[str, Any]) -> RawResult:
        """Return the files of a run: their addresses, which want no key, else their bytes."""
        only = text(operation.data.get("output"))
        files = files_of(entry.get("outputs"), operation.kind, only)
        urls = [join(client.account.base_url, address_of(one)) for one in files]
        told = operation.data.get("node_errors")
        about = {"content_type": type_of(files), **({"node_errors": told} if told else {})}
        if _is_open(client.account):
            return RawResult(entry, {**about, "urls": urls})

        answers = [await client.get(url) for url in urls]
        media: list[MediaContent] = [
            {"content": one.content, "content_type": one.content_type or ""}
            for one in answers
            if one.content
        ]
        if len(media) < len(urls):
            raise unreadable(OK, next(one.body for one in answers if not one.content))

        return RawResult(entry, about, media=tuple(media))

    async def stream(self, client: Any, operation: Operation) -> AsyncIterator[Snapshot]:
        """Yield how far the run is, node by node and step by step."""
        listener = quote(str(operation.data.get("client_id") or operation.id), safe="")
        run = Run(operation.id, operation.data.get("nodes"))
        url = join(client.account.base_url, f"ws?clientId={listener}")
        async for message in client.messages(url):
            seen = run.take(message)
            if seen is not None:
                yield seen

    # ------------------------------------------------------------------------------------- cancel
    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer:
        """Take our job out of the queue, or interrupt it: ours alone, or not at all."""
        base, job_id = client.account.base_url, operation.id
        seen = await self._where(client, job_id)
        if seen is None:
            return "too_late" if await self._entry(client, job_id) else "unsupported"

        version = await self._version(client)
        if version >= OWN_CANCEL:
            path = f"api/jobs/{quote(job_id, safe='')}/cancel"
            checked(await client.stop(join(base, path), json={}), self.errors)
        elif seen.status == "queued":
            checked(await client.stop(join(base, "queue"), json={"delete": [job_id]}))
        elif version >= AIMED_INTERRUPT:
            checked(await client.stop(join(base, "interrupt"), json={"prompt_id": job_id}))
        else:
            return "unsupported"

        if await self._where(client, job_id) is not None:
            return "requested"

        entry = await self._entry(client, job_id)
        is_over = entry is not None and mapping(entry.get("status")).get("status_str") != "error"
        return "too_late" if is_over else "cancelled"

    async def _version(self, client: Any) -> tuple[int, ...]:
        answer = await client.get(join(client.account.base_url, "system_stats"))
        told = str(mapping(answer.object().get("system")).get("comfyui_version"))
        return tuple(int(part) for part in re.findall(r"\d+", told)[:3])

    async def upload(self, client: Any, media: MediaContent) -> str:
        """Put a file into the server's input folder; the same bytes have the same name there."""
        form = multipart({"type": "input", "subfolder": FOLDER})
        add_file(form, "image", media, sha256(media["content"]).hexdigest()[:24])
        answer = await client.send_form(join(client.account.base_url, "upload/image"), form)
        found = answer.object()
        # A file of this name and other bytes makes the server choose another.
        told, folder = text(found.get("name")), text(found.get("subfolder"))
        if told is None:
            raise unreadable(answer.status, answer.body)

        return f"{REFERENCE}{folder}/{told}" if folder else f"{REFERENCE}{told}"

    # -------------------------------------------------------------------------------------- result
    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response. Pure."""
        facts = dict(finished.metadata)
        kind, urls = facts.pop("content_type", None), facts.pop("urls", ())
        media = (*urls, *finished.media)
        if not media:
            raise GenerationFailedError(_nothing(call.kind, finished), raw_response=finished.raw)

        return response_of(call, media, finished.raw, facts, content_type=kind)


def _nothing(kind: str, finished: RawResult) -> str:
    """Return why a run that ended well has no result."""
    outputs = mapping(finished.raw).get("outputs")
    article = "an" if kind == "image" else "a"
    said = f"ComfyUI ran the workflow, and no node saved {article} {kind}: {shorten(outputs)}"
    told = finished.metadata.get("node_errors")
    return f"{said}. Left out were {'; '.join(told)}" if told else said


def _ids(entries: Sequence[Any]) -> list[str]:
    return [str(one[1]) for one in entries if isinstance(one, list) and len(one) > 1]


def _number(entry: list[Any]) -> float:
    return float(entry[0]) if entry and isinstance(entry[0], int | float) else 0.0


def _is_open(account: Credentials) -> bool:
    return account.key.reveal() == NO_KEY and not account.settings.get("headers")


adapter = ComfyAdapter()
