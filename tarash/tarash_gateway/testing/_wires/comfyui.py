"""A ComfyUI server: workflows, a queue, a history in memory, uploads, files, and a socket.

From the server's source; it has the call that stops one job (version 0.26). Bodies of nodes and
what is checked of them are in `_comfyui_nodes`.
"""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._public import serve_bytes
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in, read_form
from tarash.tarash_gateway.testing._wires._comfyui_nodes import SAVING, refusal
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSION = "0.27.0"
_FILE = re.compile(r"(?P<prefix>.+)_(?P<number>\d{5})_\.(?P<ending>\w+)")


class ComfyWire(BaseWire):
    """One server; it wants a key where the simulator knows of one, as a proxy would."""

    keyless = True

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self._inputs = {"example.png": _media.image_bytes(64, 64)}  # as every server has
        self._saved: dict[str, Mapping[str, Any]] = {}
        self._removed: set[str] = set()
        self.routes: Sequence[Route] = [
            Route("POST", "/prompt", self._submit, step="submit"),
            Route("GET", "/history/{job_id}", self._history, step="poll"),
            Route("GET", "/queue", self._queue),
            Route("POST", "/queue", self._delete, step="cancel"),
            Route("POST", "/interrupt", self._interrupt, step="cancel"),
            Route("POST", "/api/jobs/{job_id}/cancel", self._cancel, step="cancel"),
            Route("GET", "/view", self._view, step="result"),
            Route("POST", "/upload/image", self._upload, step="upload"),
            Route(
                "GET",
                "/system_stats",
                always({"system": {"os": "posix", "comfyui_version": _VERSION}, "devices": []}),
            ),
            Route("GET", "/ws", self._socket, step="stream"),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the envelope of a refused workflow."""
        error = {"type": "error", "message": message, "details": "", "extra_info": {}}
        return Reply.json({"error": error, "node_errors": {}}, status)

    def not_found(self, _request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere, as aiohttp does."""
        return Reply(status=404, body=b"404: Not Found", headers={"Content-Type": "text/plain"})

    # ----------------------------------------------------------------------------------- the queue
    async def _submit(self, request: RecordedRequest) -> Reply:
        body = object_in(request) or {}
        graph = body.get("prompt")
        if not isinstance(graph, dict):
            return self.error(400, "No prompt provided")

        job_id = body.get("prompt_id", str(uuid.uuid4()))
        if not isinstance(job_id, str) or not _UUID.fullmatch(job_id):
            return self.error(400, "prompt_id must be a canonical lowercase UUID")

        refused = refusal(graph, self._inputs)
        if refused is not None:
            return Reply.json(refused, 400)

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(job_id, graph, script)

        self._context.state.accept(job_id, "prompt", body, request, result)
        return Reply.json({"prompt_id": job_id, "number": 1, "node_errors": {}})

    def _ended(self, job_id: str, graph: Mapping[str, Any], script: Script) -> dict[str, Any]:
        """Return the history's entry of a run that has ended."""
        if script.result is not None:
            return dict(script.result)

        if script.outcome in ("failed", "moderated"):
            return _entry(job_id, graph, {}, _error_of(graph, script))

        outputs: dict[str, Any] = {}
        for node_id, node in graph.items():
            ending = SAVING.get(node["class_type"])
            if ending is not None and script.outcome != "no_media":
                outputs[node_id] = self._save(node, ending, graph, script)

        return _entry(job_id, graph, outputs, None)

    def _save(
        self, node: Mapping[str, Any], ending: str, graph: Mapping[str, Any], script: Script
    ) -> dict[str, Any]:
        prefix = str(node["inputs"].get("filename_prefix", "ComfyUI_temp"))
        folder, _, stem = prefix.rpartition("/")
        sizes = [node["inputs"] for node in graph.values() if "batch_size" in node["inputs"]]
        canvas = sizes[0] if sizes else {"width": 1024, "height": 1024, "batch_size": 1}
        several = 1 if ending == "mp4" else int(canvas["batch_size"])
        several = several if script.outputs is None else script.outputs
        names = [f"{stem}_{number:05}_.{ending}" for number in range(1, several + 1)]
        for name in names:
            self._saved[name] = canvas

        place = "temp" if node["class_type"] == "PreviewImage" else "output"
        files = [{"filename": name, "subfolder": folder, "type": place} for name in names]
        return {"images": files, **({"animated": [True]} if ending == "mp4" else {})}

    def _known(self, job_id: str) -> JobRecord | None:
        return None if job_id in self._removed else self._context.state.find(job_id)

    async def _history(self, request: RecordedRequest) -> Reply:
        job_id = request.path_values["job_id"]
        job = self._context.state.look(job_id)
        is_over = job is not None and self._phase(job) == "ended"
        if job is None or not is_over or job_id in self._removed:
            return Reply.json({})

        return Reply.json({job_id: self._entry(job)})

    def _entry(self, job: JobRecord) -> dict[str, Any]:
        if not job.cancelled:
            return dict(job.result_body)

        event = ["execution_interrupted", {"prompt_id": job.id, "node_id": "3"}]
        return _entry(job.id, job.payload["prompt"], {}, event)

    async def _queue(self, _request: RecordedRequest) -> Reply:
        now = self._context.state.clock()
        lists: dict[str, list[Any]] = {"queue_running": [], "queue_pending": []}
        for number, job in enumerate(reversed(self._context.state.listed())):
            phase = job.phase(now)
            if phase != "ended" and job.id not in self._removed:
                place = "queue_running" if phase == "running" else "queue_pending"
                lists[place].append([number, job.id, job.payload["prompt"], {}, []])

        lists["queue_pending"].reverse()  # a heap is in no order that anybody may rely on
        return Reply.json(lists)

    def _stop(self, job: JobRecord | None, *, running: bool) -> bool:
        """Stop a job in the way that its script says; tell whether there was one."""
        now = self._context.state.clock()
        if job is None or job.phase(now) == "ended":
            return False

        phase = job.ask_to_cancel(now)
        if phase == "ended":
            return False

        if phase == "queued":
            self._removed.add(job.id)
            job.end(now, cancelled=True)
            return True

        if running and job.script.cancel != "ignored":
            job.end(now, cancelled=True)

        return running

    async def _delete(self, request: RecordedRequest) -> Reply:
        for job_id in request.json().get("delete", ()):
            self._stop(self._known(job_id), running=False)

        return Reply()

    async def _interrupt(self, request: RecordedRequest) -> Reply:
        body = request.json() if request.body else {}
        self._stop(self._known(str(body.get("prompt_id"))), running=True)
        return Reply()

    async def _cancel(self, request: RecordedRequest) -> Reply:
        stopped = self._stop(self._known(request.path_values["job_id"]), running=True)
        return Reply.json({"cancelled": stopped})

    # ------------------------------------------------------------------------------------- files
    async def _upload(self, request: RecordedRequest) -> Reply:
        form = read_form(request)
        files = [] if form is None else form.files.get("image", [])
        if form is None or len(files) != 1:
            return Reply(status=400)

        folder = form.fields.get("subfolder", "")
        path = f"{folder}/{files[0].name}" if folder else files[0].name
        self._inputs[path] = files[0].content
        kept = {"name": files[0].name, "subfolder": folder, "type": form.fields.get("type")}
        return Reply.json(kept)

    async def _view(self, request: RecordedRequest) -> Reply:
        name = request.query.get("filename", "")
        if ".." in name:
            return Reply(status=400)

        canvas = self._saved.get(name)
        if canvas is None:
            return Reply(status=404)

        is_video = name.endswith(".mp4")
        make = _media.video_bytes if is_video else _media.image_bytes
        content = make(int(canvas["width"]), int(canvas["height"]))
        kind = _media.VIDEO_CONTENT_TYPE if is_video else _media.IMAGE_CONTENT_TYPE
        return serve_bytes(content, kind, request.headers.get("range"))

    # ------------------------------------------------------------------------------------- socket
    async def _socket(self, request: RecordedRequest) -> Reply:
        return Reply(messages=self._messages(request.query.get("clientId", "")))

    async def _messages(self, client_id: str) -> AsyncIterator[str]:
        yield json.dumps({"type": "status", "data": {"sid": client_id}})
        jobs = self._context.state.listed()
        job = next((job for job in jobs if job.payload.get("client_id") == client_id), None)
        if job is None or job.script.stream is False:
            return

        yield _said("execution_start", job)
        if job.script.stream == "silent":
            await asyncio.get_running_loop().create_future()

        while self._phase(job) == "queued":
            await self._context.until_changed(job)

        for number, node_id in enumerate(job.payload["prompt"]):
            yield _said("executing", job, node=node_id)
            yield _said("progress", job, node=node_id, value=number % 2, max=2)

        while self._phase(job) != "ended":
            await self._context.until_changed(job)

        yield _said("executing", job, node=None)


def _said(kind: str, job: JobRecord, **data: Any) -> str:
    return json.dumps({"type": kind, "data": {"prompt_id": job.id, **data}})


def _entry(
    job_id: str, graph: Mapping[str, Any], outputs: Mapping[str, Any], error: list[Any] | None
) -> dict[str, Any]:
    start: list[Any] = ["execution_start", {"prompt_id": job_id, "timestamp": 1_790_000_000_000}]
    last: list[Any] = ["execution_success", {"prompt_id": job_id}] if error is None else error
    return {
        "prompt": [1, job_id, dict(graph), {}, list(outputs)],
        "outputs": dict(outputs),
        "status": {
            "status_str": "success" if error is None else "error",
            "completed": error is None,
            "messages": [start, last],
        },
        "meta": {},
    }


def _error_of(graph: Mapping[str, Any], script: Script) -> list[Any]:
    node_id = next(
        (node_id for node_id, node in graph.items() if node["class_type"] == "KSampler"),
        next(iter(graph)),
    )
    return [
        "execution_error",
        {
            "node_id": node_id,
            "node_type": graph[node_id]["class_type"],
            "exception_type": script.error_type or "RuntimeError",
            "exception_message": script.error_message
            or "mat1 and mat2 shapes cannot be multiplied",
            "traceback": ['  File "/srv/comfy/execution.py", line 510, in execute\n'],
            "current_inputs": {"seed": ["42"]},
            "current_outputs": [],
        },
    ]


wire = ComfyWire
