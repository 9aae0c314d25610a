"""MiniMax's REST API: V2 for H3, V1 for Hailuo with its file hop, and images at once.

Written from the vendor's pages (2026-10-08) and what others saw live. V2 has HTTP errors; V1 and
images say everything inside a 200. The two generations don't know each other's jobs.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, labelled_object_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext
from tarash.tarash_gateway.testing._wires._minimax_bodies import wrong_image, wrong_v1, wrong_v2

_TYPES = {
    400: ("bad_request_error", 2013),
    401: ("authorized_error", 1004),
    402: ("insufficient_balance_error", 1008),
    422: ("unprocessable_entity_error", 1026),
    429: ("rate_limit_error", 1002),
    500: ("server_error", 1000),
    529: ("overloaded_error", 1000),
}
_FINE = {"status_code": 0, "status_msg": "success"}
_SENSITIVE = "input new_sensitive"
_WORDS = {
    "v2": {"queued": "queued", "running": "running"},
    "v1": {"queued": "Queueing", "running": "Processing"},
}
_SIZES = {"16:9": (1280, 720), "3:2": (1248, 832), "9:16": (720, 1280)}
_FIRST_FILE = 305_157_400_000_000


class MinimaxWire(BaseWire):
    """The endpoints of both generations of videos, of files, and of images."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self._erased: set[JobRecord] = set()
        self.routes: Sequence[Route] = [
            Route("POST", "/v2/video_generation", self._create_v2, step="submit"),
            Route("GET", "/v2/query/video_generation/{id}", self._look_v2, step="poll"),
            Route("GET", "/v2/query/video_generation", self._list_v2, step="list"),
            Route("DELETE", "/v2/video_generation/{id}", self._delete_v2, step="cancel"),
            Route("POST", "/v1/video_generation", self._create_v1, step="submit"),
            Route("GET", "/v1/query/video_generation", self._look_v1, step="poll"),
            Route("GET", "/v1/files/retrieve", self._file, step="result"),
            Route("POST", "/v1/image_generation", self._images, step="submit"),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the envelope of V2; the code of the business stands in the words."""
        kind, code = _TYPES.get(status, ("api_error", 1000))
        error = {"type": kind, "message": f"{message} ({code})", "http_code": str(status)}
        return Reply.json({"type": "error", "error": error, "request_id": "r-1"}, status)

    def not_found(self, _request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere."""
        return Reply(status=404, body=b"404 page not found", headers={"Content-Type": "text/plain"})

    def _inside(self, code: int, message: str, **others: Any) -> Reply:
        """Answer as V1 does: an error inside a 200."""
        return Reply.json({**others, "base_resp": {"status_code": code, "status_msg": message}})

    def _accept(self, request: RecordedRequest, generation: str, body: dict[str, Any]) -> JobRecord:
        job_id = str(420_000_000_000 + len(self._context.state.jobs()))
        made = int(time.time())

        def result(script: Script) -> tuple[int, Any]:
            make = {"v2": self._ended_v2, "v1": self._ended_v1, "image": self._made}[generation]
            return 200, make(job_id, body, script, made)

        return self._context.state.accept(job_id, generation, body, request, result)

    def _find(self, job_id: str, generation: str) -> JobRecord | None:
        job = self._context.state.look(job_id)
        known = job is not None and job.endpoint == generation and job not in self._erased
        return job if known else None

    # ------------------------------------------------------------------------------------------- V2
    async def _create_v2(self, request: RecordedRequest) -> Reply:
        body = labelled_object_in(request) or {}
        wrong = wrong_v2(body)
        if wrong is not None:
            return self.error(400, wrong)

        job = self._accept(request, "v2", body)
        if job.script.outcome == "moderated" and job.script.error_type == "submit":
            return self.error(422, _SENSITIVE)

        return Reply.json({"task_id": job.id})

    async def _look_v2(self, request: RecordedRequest) -> Reply:
        job = self._find(request.path_values["id"], "v2")
        # The vendor says so of a job that it doesn't know.
        return self.error(500, "record not found") if job is None else Reply.json(self._task(job))

    def _task(self, job: JobRecord) -> dict[str, Any]:
        phase = self._phase(job)
        if job.cancelled:
            return {"task": {**_plain(job), "status": "cancelled", "usage": {}}}

        if phase == "ended":
            return dict(job.result_body)

        return {"task": {**_plain(job), "status": _WORDS["v2"][phase], "usage": {}}}

    async def _list_v2(self, request: RecordedRequest) -> Reply:
        number, size = (request.query.get(name, "1") for name in ("page_num", "page_size"))
        if not (number.isdigit() and size.isdigit()):
            return self.error(400, "page_num or page_size is invalid")

        mine = [job for job in self._context.state.listed() if job.endpoint == "v2"]
        begin = (int(number) - 1) * int(size)
        items = [self._task(job)["task"] for job in mine[begin : begin + int(size)]]
        return Reply.json({"items": items, "total": len(mine)})

    async def _delete_v2(self, request: RecordedRequest) -> Reply:
        """Cancel a queued job; of one that has ended, the record is destroyed."""
        job = self._context.state.find(request.path_values["id"])
        if job is None or job in self._erased:
            return self.error(500, "record not found")

        now = self._context.state.clock()
        phase = job.ask_to_cancel(now)
        if phase == "running" or job.cancelled:
            return self.error(400, "the task can not be cancelled in its status")

        if phase == "ended":
            self._erased.add(job)
            return Reply.json({"task_id": job.id, "action": "delete", "status": "deleted"})

        job.end(now, cancelled=True)
        return Reply.json({"task_id": job.id, "action": "cancel", "status": "cancelled"})

    def _ended_v2(
        self, job_id: str, body: Mapping[str, Any], script: Script, made: int
    ) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        task = {
            "id": job_id,
            "model": body["model"],
            "created_at": made,
            "updated_at": made + 117,
            "resolution": body["resolution"],
            "duration": body["duration"],
            "ratio": body.get("ratio", ""),
            "task_type": "generation",
            "usage": {"output_seconds": body["duration"]},
        }
        if script.outcome in {"failed", "moderated"}:
            refused = script.outcome == "moderated"
            code = script.error_type or ("1026" if refused else "1000")
            message = script.error_message or (_SENSITIVE if refused else "unknown error")
            failed = {"status": "failed", "error": {"code": code, "message": message}, "usage": {}}
            expired = {"status": "expired", "usage": {}}
            return {"task": {**task, **(expired if code == "expired" else failed)}}

        asked = {"duration": body["duration"], "aspect_ratio": body.get("ratio", "16:9")}
        content = {}
        if script.outcome != "no_media":
            film = _media.video_for({**asked, "resolution": "720p", "generate_audio": True})
            content = {"url": self._context.publish(job_id, "video.mp4", film)}

        return {"task": {**task, "status": "succeeded", "content": content}}

    # ------------------------------------------------------------------------------------------- V1
    async def _create_v1(self, request: RecordedRequest) -> Reply:
        body = labelled_object_in(request) or {}
        wrong = wrong_v1(body)
        if wrong is not None:
            return self._inside(2013, f"invalid params, {wrong}", task_id="")

        job = self._accept(request, "v1", body)
        if job.script.outcome == "moderated" and job.script.error_type == "submit":
            return self._inside(1026, _SENSITIVE, task_id="")

        return Reply.json({"task_id": job.id, "base_resp": _FINE})

    async def _look_v1(self, request: RecordedRequest) -> Reply:
        job = self._find(request.query.get("task_id", ""), "v1")
        if job is None:
            return self._inside(2013, "invalid params, task_id not found", task_id="", status="")

        phase = self._phase(job)
        if phase == "ended":
            return Reply.json(
                {name: value for name, value in job.result_body.items() if name != "result"}
            )

        word = _WORDS["v1"][phase]
        return Reply.json({"task_id": job.id, "status": word, "file_id": "", "base_resp": _FINE})

    def _ended_v1(
        self, job_id: str, body: Mapping[str, Any], script: Script, made: int
    ) -> dict[str, Any]:
        """Return the answer to a query, and under `result` what the file hop answers then."""
        if script.result is not None:
            return dict(script.result)

        refused = script.outcome == "moderated"
        if refused or script.outcome == "failed":
            has_code = refused and script.error_type != "submit"
            code = int(script.error_type or 1027) if has_code else 0
            usual = "output new_sensitive" if refused else "generate failed"
            message = script.error_message or usual
            status = {"status_code": code, "status_msg": message}
            return {"task_id": job_id, "status": "Fail", "file_id": "", "base_resp": status}

        file_id = _FIRST_FILE + int(job_id) % 1_000_000
        film = _media.video_for({"duration": body.get("duration", 6)})
        url = self._context.publish(job_id, "video.mp4", film)
        has_media = script.outcome != "no_media"
        file = {
            "file_id": file_id,
            "bytes": len(film),
            "created_at": made,
            "filename": "output.mp4",
            "purpose": "video_generation",
            "download_url": url if has_media else "",
        }
        return {
            "task_id": job_id,
            "status": "Success",
            "file_id": str(file_id),
            "video_width": 1366,
            "video_height": 768,
            "base_resp": _FINE,
            "result": {"file": file, "base_resp": _FINE},
        }

    async def _file(self, request: RecordedRequest) -> Reply:
        wanted = request.query.get("file_id", "")
        for job in self._context.state.listed():
            if job.endpoint == "v1" and job.result_body.get("file_id") == wanted != "":
                return Reply.json(job.result_body["result"])

        return self._inside(2013, "invalid params, file_id not found")

    # --------------------------------------------------------------------------------------- images
    async def _images(self, request: RecordedRequest) -> Reply:
        body = labelled_object_in(request) or {}
        wrong = wrong_image(body)
        if wrong is not None:
            return self._inside(2013, f"invalid params, {wrong}")

        job = self._accept(request, "image", body)
        await self._context.until_ended(job)
        if job.script.outcome == "failed":
            return self.error(500, "unknown error")

        return Reply.json(job.result_body)

    def _made(
        self, job_id: str, body: Mapping[str, Any], script: Script, _made: int
    ) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        refused = script.outcome == "moderated"
        if refused and script.error_type is not None:
            status = {"status_code": int(script.error_type), "status_msg": _SENSITIVE}
            return {"id": job_id, "data": None, "base_resp": status}

        wanted = body.get("n", 1)
        count = 0 if refused else _media.count_of(script, wanted)
        usual = _SIZES.get(str(body.get("aspect_ratio")), (1024, 1024))
        width, height = body.get("width", usual[0]), body.get("height", usual[1])
        content = _media.image_bytes(width, height)
        failed = 0 if script.outcome == "no_media" else wanted - count
        # The vendor's example has these as text.
        counted = {"success_count": str(wanted - failed), "failed_count": str(failed)}
        name, images = "image_urls", self._urls(job_id, content, count)
        if body.get("response_format") == "base64":
            name, images = "image_base64", [_media.base64_of(content)] * count

        return {"id": job_id, "data": {name: images}, "metadata": counted, "base_resp": _FINE}


def _plain(job: JobRecord) -> dict[str, Any]:
    task: dict[str, Any] = job.result_body["task"]
    ended = {"status", "usage", "content", "error"}
    return {name: value for name, value in task.items() if name not in ended}


wire = MinimaxWire
