"""WaveSpeed's API v3: one protocol of jobs for all models, whose ids are the paths of submits.

Written from the vendor's pages and from what its clients read (wavespeed 2.0.5, @wavespeed/cli
0.2.2). Every answer has the same envelope, and an error may have a good status.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, labelled_object_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext
from tarash.tarash_gateway.testing._wires._wavespeed_models import wrong

_BASE = "/api/v3"
_REFUSED = "Content flagged as potentially sensitive. Please try different prompts."
_STATUSES = {"queued": "created", "running": "processing"}
_MOST_ON_A_PAGE = 100
_LARGEST = 200 * 1024 * 1024
_TICKET = {"x-amz-acl": "public-read"}
_SYNC_TIMEOUT = 5004
_LISTED = {"page", "page_size", "created_after", "created_before", "model", "status"}
_LISTED |= {"include_inputs"}


class WavespeedWire(BaseWire):
    """Submits, results, the list, uploads, models and the balance."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self._uploads: set[str] = set()
        self.routes: Sequence[Route] = [
            Route("GET", f"{_BASE}/predictions/{{id}}/result", self._look, step="poll"),
            Route("GET", f"{_BASE}/balance", self._balance),
            Route("GET", f"{_BASE}/models", self._models, step="model"),
            Route("POST", f"{_BASE}/predictions", self._list, step="list"),
            Route("POST", f"{_BASE}/media/uploads", self._ticket, step="upload_init"),
            Route("PUT", "/storage/{name}", self._store, step="upload", public=True),
            Route("POST", f"{_BASE}/model/pricing", self._price, step="model"),
            Route("POST", f"{_BASE}/{{model+}}", self._create, step="submit"),
        ]

    async def _models(self, _request: RecordedRequest) -> Reply:
        return self._fine(list(self._context.state.models or ()))

    def _unknown_name(self, model: str, body: Mapping[str, Any]) -> str | None:
        """Return what is wrong by the published schema of a model; None where all is well."""
        for row in self._context.state.models or ():
            if row["model_id"] == model:
                known = row["api_schema"]["api_schemas"][0]["request_schema"]["properties"]
                odd = sorted(body.keys() - known)
                return f"unknown field {odd[0]}" if odd else None

        return wrong(model, body)

    async def _price(self, request: RecordedRequest) -> Reply:
        body = labelled_object_in(request) or {}
        for row in self._context.state.prices:
            if row["model"] == body.get("model_id") and isinstance(body.get("inputs"), dict):
                named = {"model_id": row["model"], "currency": "USD"}
                return self._fine({**named, "unit_price": row["unit_price"]})

        return self._said(400, "product not found")

    def error(self, status: int, message: str) -> Reply:
        """Answer with the envelope, whose code is the status."""
        text = "invalid authentication" if status == 401 else message  # noqa: PLR2004
        return self._said(status, text, status=status)

    def not_found(self, _request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere."""
        return Reply(status=404, body=b"404 page not found", headers={"Content-Type": "text/plain"})

    @staticmethod
    def _said(code: int, message: str, data: Any = None, *, status: int = 200) -> Reply:
        return Reply.json({"code": code, "message": message, "data": data}, status)

    def _fine(self, data: Any) -> Reply:
        return self._said(200, "success", data)

    async def _balance(self, _request: RecordedRequest) -> Reply:
        return self._fine({"balance": 42.5})

    # --------------------------------------------------------------------------------------- submit
    async def _create(self, request: RecordedRequest) -> Reply:
        model, body = request.path_values["model"], labelled_object_in(request)
        if body is None:
            return self.error(400, "invalid request body")

        fault = self._unknown_name(model, body)
        odd = sorted(request.query.keys() - {"webhook"})
        if odd:
            fault = f"unknown query {odd[0]}"
        elif not request.query.get("webhook", "https://").startswith("https://"):
            fault = "webhook must be an https URL"

        if fault is not None:
            return self.error(400, fault)

        job_id = uuid.uuid4().hex

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(job_id, model, body, script)

        job = self._context.state.accept(job_id, model, body, request, result)
        kind = job.script.error_type if job.script.outcome == "moderated" else None
        if kind in {"submit", "inside"}:
            return self._said(400, _REFUSED, status=400 if kind == "submit" else 200)

        if not body.get("enable_sync_mode"):
            return self._fine(self._now(job))

        if job.script.outcome == "never":
            late = {**self._now(job), "code": _SYNC_TIMEOUT, "error": "Sync mode timed out"}
            return self._said(_SYNC_TIMEOUT, "Sync mode timed out", late)

        await self._context.until_ended(job)
        return Reply.json(job.result_body)

    def _now(self, job: JobRecord) -> dict[str, Any]:
        phase = self._phase(job)
        plain = self._prediction(job.id, job.endpoint, "")
        return {**plain, "status": _STATUSES.get(phase, "processing")}

    def _prediction(self, job_id: str, model: str, status: str) -> dict[str, Any]:
        address = f"{self._context.origin}{_BASE}/predictions/{job_id}/result"
        return {
            "id": job_id,
            "model": model,
            "outputs": [],
            "urls": {"get": address},
            "has_nsfw_contents": [],
            "status": status,
            "created_at": "2026-11-28T10:00:00Z",
            "error": "",
            "timings": {"inference": 0},
        }

    def _ended(
        self, job_id: str, model: str, body: Mapping[str, Any], script: Script
    ) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        prediction = self._prediction(job_id, model, "completed")
        if script.outcome in {"failed", "moderated"}:
            word = script.error_type if script.error_type in {"timeout", "cancelled"} else "failed"
            usual = _REFUSED if script.outcome == "moderated" else "Generation came to nothing"
            prediction |= {"status": word, "error": script.error_message or usual}
        elif script.outcome != "no_media":
            prediction |= {"outputs": self._made(job_id, model, body, script)}
            prediction |= {"has_nsfw_contents": [False] * len(prediction["outputs"])}
            prediction |= {"timings": {"inference": 2412}}

        return {"code": 200, "message": "success", "data": prediction}

    def _made(self, job_id: str, model: str, body: Mapping[str, Any], script: Script) -> list[str]:
        size = str(body.get("size", ""))
        if size or "image" in model.partition("/")[2].partition("-to-")[0]:
            content = _media.image_bytes(*_media.size_in(size, mark="*"))
            return self._urls(job_id, content, 1 if script.outputs is None else script.outputs)

        asked = {
            "duration": body.get("duration", 5),
            "aspect_ratio": body.get("aspect_ratio", "16:9"),
            "resolution": "720p",
            "generate_audio": bool(body.get("generate_audio")),
        }
        return [self._context.publish(job_id, "video.mp4", _media.video_for(asked))]

    # ------------------------------------------------------------------------------------- the rest
    async def _look(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["id"])
        if job is None:
            return self.error(404, "prediction not found")

        if self._phase(job) == "ended":
            return Reply.json(job.result_body)

        return self._fine(self._now(job))

    async def _list(self, request: RecordedRequest) -> Reply:
        asked = labelled_object_in(request)
        if asked is None or asked.keys() - _LISTED:
            return self.error(400, "invalid request body")

        page, size = asked.get("page", 1), asked.get("page_size", 20)
        if type(page) is not int or type(size) is not int or not 1 <= size <= _MOST_ON_A_PAGE:
            return self.error(400, "page and page_size are numbers, of 100 at most")

        after = datetime.fromisoformat(asked.get("created_after", "2000-01-01T00:00:00Z"))
        mine = [
            job
            for job in self._context.state.listed()
            if job.submitted_at >= after and asked.get("model") in (None, job.endpoint)
        ]
        shown = mine[(page - 1) * size : page * size]
        items = [
            {
                **self._prediction(job.id, job.endpoint, "processing"),
                "created_at": job.submitted_at.isoformat(),
                **({"input": job.payload} if asked.get("include_inputs") else {}),
            }
            for job in shown
        ]
        return self._fine({"page": page, "items": items})

    async def _ticket(self, request: RecordedRequest) -> Reply:
        asked = labelled_object_in(request)
        wanted = {"filename": str, "content_type": str, "size": int}
        if asked is None or any(
            type(asked.get(field)) is not kind for field, kind in wanted.items()
        ):
            return self.error(400, "filename, content_type and size are needed")

        if asked["size"] > _LARGEST:
            return self.error(400, "the file is too large")

        name = uuid.uuid4().hex
        self._uploads.add(name)
        headers = {**_TICKET, "Content-Type": asked["content_type"]}
        url = f"{self._context.origin}/storage/{name}"
        upload = {"method": "PUT", "url": url, "headers": headers}
        final = f"https://static.wavespeed.example/{name}/{asked['filename']}"
        return self._fine({"upload": upload, "download_url": final})

    async def _store(self, request: RecordedRequest) -> Reply:
        lacking = [
            header for header, value in _TICKET.items() if request.headers.get(header) != value
        ]
        if lacking or request.path_values["name"] not in self._uploads or not request.body:
            return Reply(status=403, body=b"SignatureDoesNotMatch")

        return Reply()


wire = WavespeedWire
