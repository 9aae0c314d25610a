"""Kling's REST API: both designs, whose jobs `/tasks` shows together.

Written from the vendor's pages (2026-09-20; the older design 2026-02-03) and what others saw live.
In the newer design the model stands in the path; the older one alone makes images.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, labelled_object_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext
from tarash.tarash_gateway.testing._wires._kling_bodies import NEW, OLD, wrong_new, wrong_old

_CODES = {401: 1002, 402: 1101, 403: 1103, 404: 1203, 429: 1302, 500: 5000, 503: 5001, 504: 5002}
_STATUSES = {
    1101: 429, 1102: 429, 1100: 429, 1300: 400, 1301: 400, 1303: 429, 1304: 429,
}  # fmt: skip
_REFUSED = "Failure to pass the risk control system"
_MOST_IDS = 20
_PAIR_DOTS = 2
_WORDS = {
    True: {"queued": "submitted", "running": "processing", "done": "succeeded"},
    False: {"queued": "submitted", "running": "processing", "done": "succeed"},
}
_SIZES = {"16:9": (1360, 768), "9:16": (768, 1360), "1:1": (1024, 1024), "3:2": (1248, 832)}


class KlingWire(BaseWire):
    """The endpoints of videos and images, and what finds their jobs."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("GET", "/tasks", self._tasks, step="poll"),
            Route("POST", "/v1/{group}/{task}", self._create_old, step="submit"),
            Route("GET", "/v1/{group}/{task}/{id}", self._look_old, step="poll"),
            Route("GET", "/v1/{group}/{task}", self._list_old, step="list"),
            Route("POST", "/{task}/{model}", self._create_new, step="submit"),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the envelope, which has a code of the vendor's own."""
        if status == 401 and "no key" in message:  # noqa: PLR2004
            return self._said(401, 1001, "Authorization is empty")

        return self._said(status, _CODES.get(status, 1200 if status < 500 else 5000), message)  # noqa: PLR2004

    @staticmethod
    def _said(status: int, code: int, message: str) -> Reply:
        envelope = {"code": code, "message": message, "request_id": str(uuid.uuid4())}
        return Reply.json(envelope, status)

    def not_found(self, _request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere."""
        return self._said(404, 1202, "The requested method is invalid")

    # --------------------------------------------------------------------------------------- submit
    async def _create_new(self, request: RecordedRequest) -> Reply:
        endpoint = f"{request.path_values['task']}/{request.path_values['model']}"
        if self.credential(request.headers).count(".") == _PAIR_DOTS:
            return self._said(401, 1002, "AK/SK authentication is not supported by this API")

        if endpoint not in NEW:
            return self._said(404, 1203, f"the model {request.path_values['model']} is not found")

        body = self._body(request)
        if isinstance(body, Reply):
            return body

        options = body.get("options")
        own = options.get("external_task_id") if isinstance(options, dict) else None
        return self._create(request, endpoint, body, wrong_new(endpoint, body), own)

    async def _create_old(self, request: RecordedRequest) -> Reply:
        endpoint = f"{request.path_values['group']}/{request.path_values['task']}"
        if endpoint not in OLD:
            return self.not_found(request)

        body = self._body(request)
        if isinstance(body, Reply):
            return body

        wrong = wrong_old(endpoint, body)
        return self._create(request, f"v1/{endpoint}", body, wrong, body.get("external_task_id"))

    def _body(self, request: RecordedRequest) -> dict[str, Any] | Reply:
        body = labelled_object_in(request)
        return self._said(400, 1200, "the body is no JSON") if body is None else body

    def _create(
        self,
        request: RecordedRequest,
        endpoint: str,
        body: dict[str, Any],
        wrong: str | None,
        own: str | None,
    ) -> Reply:
        if wrong is not None:
            return self._said(400, 1201, wrong)

        if own is not None and self._by_own_id(own) is not None:
            return self._said(400, 1201, f"external_task_id {own} already exists")

        job_id = str(890_000_000_000_000_000 + len(self._context.state.jobs()))
        created = int(time.time() * 1000)

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(job_id, endpoint, body, own, script, created)

        job = self._context.state.accept(job_id, endpoint, body, request, result)
        code = job.script.error_type or ""
        if job.script.outcome == "moderated" and code.isdigit():
            return self._said(_STATUSES.get(int(code), 400), int(code), _REFUSED)

        return self._fine(self._item(job))

    # -------------------------------------------------------------------------------- what is shown
    @staticmethod
    def _fine(data: Any) -> Reply:
        return Reply.json({"code": 0, "message": "SUCCEED", "request_id": "r-1", "data": data})

    def _by_own_id(self, own: str) -> JobRecord | None:
        fitting = (job for job in self._context.state.listed() if own_id(job) == own)
        return next(fitting, None)

    async def _tasks(self, request: RecordedRequest) -> Reply:
        """Show jobs of both designs, in the words of the newer one; unknown ids are left out."""
        if self.credential(request.headers).count(".") == _PAIR_DOTS:
            return self._said(401, 1002, "AK/SK authentication is not supported by this API")

        names = request.query.keys() & {"task_ids", "external_task_ids"}
        if len(names) != 1:
            return self._said(400, 1201, "one of task_ids and external_task_ids is needed")

        (name,) = names
        ids = request.query[name].split(",")
        if len(ids) > _MOST_IDS:
            return self._said(400, 1201, "too many ids")

        if name == "task_ids":
            jobs = [self._context.state.look(job_id) for job_id in ids]
        else:
            jobs = [self._by_own_id(job_id) for job_id in ids]

        return self._fine([self._item(job, new=True) for job in jobs if job is not None])

    async def _look_old(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["id"])
        path = f"v1/{request.path_values['group']}/{request.path_values['task']}"
        if job is None or job.endpoint != path:
            return self._said(404, 1203, "the task is not found")

        now = self._context.state.clock()
        return (
            Reply.json(job.result_body)
            if job.phase(now) == "ended"
            else self._fine(self._item(job))
        )

    async def _list_old(self, request: RecordedRequest) -> Reply:
        path = f"v1/{request.path_values['group']}/{request.path_values['task']}"
        number, size = (request.query.get(name, "1") for name in ("pageNum", "pageSize"))
        if not (number.isdigit() and size.isdigit() and 1 <= int(size) <= 500):  # noqa: PLR2004
            return self._said(400, 1201, "pageNum or pageSize is invalid")

        mine = [job for job in self._context.state.listed() if job.endpoint == path]
        begin = (int(number) - 1) * int(size)
        return self._fine([self._item(job) for job in mine[begin : begin + int(size)]])

    def _item(self, job: JobRecord, *, new: bool | None = None) -> dict[str, Any]:
        """Return a job as it stands now, in the words of the design that asks."""
        of_old = job.endpoint.startswith("v1/")
        is_new = not of_old if new is None else new
        phase = self._phase(job)
        if phase == "ended" and of_old != is_new:
            ended: dict[str, Any] = dict(job.result_body)
            return ended["data"] if of_old else ended

        phase = "running" if phase == "ended" else phase  # the other design's words are not kept

        word, now = _WORDS[is_new][phase], int(time.time() * 1000)
        if not is_new:
            info = {"external_task_id": own_id(job)}
            old = {"task_id": job.id, "task_status": word, "task_status_msg": "", "task_info": info}
            return {**old, "task_result": {}, "created_at": now, "updated_at": now}

        dates = {"create_time": now, "update_time": now}
        new_item = {"id": job.id, "status": word, "message": "", "external_id": own_id(job)}
        return {**new_item, **dates, "outputs": [], "billing": []}

    def _ended(  # noqa: PLR0913, PLR0917  (what one body is made of)
        self,
        job_id: str,
        endpoint: str,
        body: Mapping[str, Any],
        own: str | None,
        script: Script,
        created: int,
    ) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        failed = script.outcome in {"failed", "moderated"}
        usual = _REFUSED if script.outcome == "moderated" else "Service internal error"
        message = (script.error_message or usual) if failed else ""
        is_new = not endpoint.startswith("v1/")
        status = "failed" if failed else _WORDS[is_new]["done"]
        has_media = not failed and script.outcome != "no_media"
        media = self._media(job_id, endpoint, body, script) if has_media else []
        units = script.billable_units if has_media else None
        dates = (created, created + 28_000)
        if is_new:
            bill = {"charge_type": "unit", "amount": str(units), "package_type": "video"}
            named = {"id": job_id, "status": status, "message": message, "external_id": own or ""}
            times = dict(zip(("create_time", "update_time"), dates, strict=True))
            outputs = [{"type": "video", **medium} for medium in media]
            return {**named, **times, "outputs": outputs, "billing": [bill] if units else []}

        kind = "videos" if "/videos/" in endpoint else "images"
        data = {
            "task_id": job_id,
            "task_status": status,
            "task_status_msg": message,
            "task_info": {"external_task_id": own or ""},
            "task_result": {kind: media} if media else {},
            "final_unit_deduction": str(units or 0),
            **dict(zip(("created_at", "updated_at"), dates, strict=True)),
        }
        # The envelope says SUCCEED of a job that failed, too.
        return {"code": 0, "message": "SUCCEED", "request_id": "r-1", "data": data}

    def _media(
        self, job_id: str, endpoint: str, body: Mapping[str, Any], script: Script
    ) -> list[dict[str, Any]]:
        if "/images/" not in endpoint:
            asked = {**body, **body.get("settings", {})}
            asked["generate_audio"] = (
                "native" in str(asked.get("audio")) or asked.get("sound") == "on"
            )
            url = self._context.publish(job_id, "video.mp4", _media.video_for(asked))
            seconds = asked.get("duration") or 5
            return [{"id": f"9{job_id}", "url": url, "duration": f"{seconds}.041"}]

        size = _SIZES.get(str(body.get("aspect_ratio", "16:9")), (1024, 1024))
        count = _media.count_of(script, body.get("n", 1))
        urls = self._urls(job_id, _media.image_bytes(*size), count)
        return [{"index": number, "url": url} for number, url in enumerate(urls)]


def own_id(job: JobRecord) -> str:
    """Return the client's own id for a job, wherever its design has it."""
    body: dict[str, Any] = job.payload
    external_id = body.get("options", body).get("external_task_id")
    return str(external_id or "")


wire = KlingWire
