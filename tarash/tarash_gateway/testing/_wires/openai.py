"""OpenAI's videos and images, below /v1, as api.openai.com and compatible servers speak them.

Checked against openai 3.52, which sends forms where a file may be. Bodies are in `_openai_bodies`.
"""

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._public import serve_bytes
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Handler, Reply, Route, object_in, read_form
from tarash.tarash_gateway.testing._wires import _openai_bodies as bodies
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext

_PAGE, _LONGEST_PAGE = 20, 100
_UNSTREAMED = ("failed", "moderated", "no_media")
"""What is answered as without a stream."""
_MODELS = ("gpt-image-2", "gpt-image-2.5-sunburst", "sora-2", "sora-2-pro")


class OpenAIWire(BaseWire):
    """One origin for everything below `root`."""

    nowhere = "Invalid URL ({method} {path})"
    root = "/v1"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        videos = f"{self.root}/videos"
        self.routes: Sequence[Route] = [
            Route("POST", videos, self._create, step="submit"),
            Route("POST", f"{videos}/edits", self._edit, step="submit"),
            Route("POST", f"{videos}/{{video_id}}/remix", self._remix, step="submit"),
            Route("GET", videos, self._list, step="list"),
            Route("GET", f"{videos}/{{video_id}}", self._retrieve, step="poll"),
            Route("GET", f"{videos}/{{video_id}}/content", self._content, step="result"),
            Route("DELETE", f"{videos}/{{video_id}}", self._delete),
            *self.image_routes(self._generate, self._edit_image),
            Route("GET", f"{self.root}/models", self._models),
        ]

    def image_routes(self, generate: Handler, edit: Handler) -> list[Route]:
        """Return where images are made."""
        return [
            Route("POST", f"{self.root}/images/generations", generate, step="submit"),
            Route("POST", f"{self.root}/images/edits", edit, step="submit"),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the envelope."""
        return bodies.error(status, message)

    # -------------------------------------------------------------------------------------- videos
    async def _create(self, request: RecordedRequest) -> Reply:
        return self._accept(request, "videos", _payload(request, "prompt"))

    async def _edit(self, request: RecordedRequest) -> Reply:
        return self._accept(request, "videos/edits", _payload(request, "video", "prompt"))

    async def _remix(self, request: RecordedRequest) -> Reply:
        payload = _payload(request, "prompt")
        source = request.path_values["video_id"]
        if not isinstance(payload, Reply):
            payload = {**payload, "remixed_from_video_id": source}

        return self._accept(request, "videos/remix", payload)

    def _accept(
        self, request: RecordedRequest, endpoint: str, payload: dict[str, Any] | Reply
    ) -> Reply:
        if isinstance(payload, Reply):
            return payload

        video_id = f"video_{uuid.uuid4().hex}"
        created_at = int(datetime.now(UTC).timestamp())

        def result(script: Script) -> tuple[int, Any]:
            return 200, bodies.video_object(video_id, payload, script, created_at, "ended")

        job = self._context.state.accept(video_id, endpoint, payload, request, result)
        # Its own script may have it ended at once; an answer to a submit never says so.
        return Reply.json(bodies.video_object(video_id, payload, job.script, created_at, "queued"))

    async def _retrieve(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["video_id"])
        return _unknown(request) if job is None else Reply.json(self._object(job))

    async def _list(self, request: RecordedRequest) -> Reply:
        query = request.query
        limit = query.get("limit", str(_PAGE))
        if not limit.isdigit() or not 1 <= int(limit) <= _LONGEST_PAGE:
            return bodies.error(400, f"limit must be from 1 to {_LONGEST_PAGE}", param="limit")

        jobs = [job for job in self._context.state.listed() if job.id.startswith("video_")]
        if query.get("order", "desc") == "asc":
            jobs.reverse()

        ids = [job.id for job in jobs]
        after = query.get("after")
        if after and after not in ids:
            return bodies.error(404, f"Video with id '{after}' not found.", param="after")

        start = ids.index(after) + 1 if after else 0
        page = jobs[start : start + int(limit)]
        return Reply.json(
            {
                "object": "list",
                "data": [self._object(job) for job in page],
                "has_more": start + len(page) < len(jobs),
                "first_id": page[0].id if page else None,
                "last_id": page[-1].id if page else None,
            }
        )

    async def _content(self, request: RecordedRequest) -> Reply:
        job = self._context.state.find(request.path_values["video_id"])
        if job is None:
            return _unknown(request)

        body = self._object(job)
        if body.get("status") != "completed":
            return bodies.error(400, "Video is not ready yet", code="video_not_ready")

        if job.script.outcome == "no_media":
            return Reply(headers={"Content-Type": _media.VIDEO_CONTENT_TYPE})

        width, height = bodies.size_of(body, (720, 1280))
        content = _media.video_bytes(width, height, float(body.get("seconds", 4)))
        return serve_bytes(content, _media.VIDEO_CONTENT_TYPE, request.headers.get("range"))

    async def _delete(self, request: RecordedRequest) -> Reply:
        job = self._context.state.find(request.path_values["video_id"])
        if job is None:
            return _unknown(request)

        if self._phase(job) != "ended":
            return bodies.error(400, "Only a video that has ended can be deleted")

        return Reply.json({"id": job.id, "deleted": True, "object": "video.deleted"})

    def _object(self, job: JobRecord) -> dict[str, Any]:
        phase = self._phase(job)
        if phase == "ended":
            return dict(job.result_body)

        created_at = int(job.submitted_at.timestamp())
        return bodies.video_object(job.id, job.payload, job.script, created_at, phase)

    # -------------------------------------------------------------------------------------- images
    async def _generate(self, request: RecordedRequest) -> Reply:
        return await self._make(request, "images/generations", _payload(request, "prompt"))

    async def _edit_image(self, request: RecordedRequest) -> Reply:
        return await self._make(request, "images/edits", _payload(request, "image", "prompt"))

    async def _make(
        self, request: RecordedRequest, endpoint: str, payload: dict[str, Any] | Reply
    ) -> Reply:
        if isinstance(payload, Reply):
            return payload

        if _streams(payload) and str(payload.get("n") or 1) != "1":
            return bodies.error(400, "Streaming is only supported with n=1.", param="n")

        def result(script: Script) -> tuple[int, Any]:
            reply = bodies.image_reply(script, payload)
            return reply.status, json.loads(reply.body)

        job = self._context.state.accept(
            f"image_{uuid.uuid4().hex}", endpoint, payload, request, result
        )
        if _streams(payload) and job.script.outcome not in _UNSTREAMED:
            events = self._image_events(job, payload, endpoint)
            return Reply(headers={"Content-Type": "text/event-stream"}, events=events)

        await self._context.until_ended(job)
        return Reply.json(job.result_body, job.result_status, {"x-request-id": job.id})

    async def _image_events(
        self, job: JobRecord, payload: dict[str, Any], endpoint: str
    ) -> AsyncIterator[bytes]:
        verb = "image_edit" if endpoint.endswith("edits") else "image_generation"
        for number in range(int(payload.get("partial_images") or 0)):
            yield bodies.image_event(f"{verb}.partial_image", job.script, payload, number)

        await self._context.until_ended(job)
        for _ in job.result_body["data"]:
            yield bodies.image_event(f"{verb}.completed", job.script, payload)

    async def _models(self, _request: RecordedRequest) -> Reply:
        data = [
            {"id": model, "object": "model", "created": 0, "owned_by": "s"} for model in _MODELS
        ]
        return Reply.json({"object": "list", "data": data})


def _payload(request: RecordedRequest, *needed: str) -> dict[str, Any] | Reply:
    form = read_form(request)
    payload = object_in(request) if form is None else form.plain()
    if payload is None:
        return bodies.error(400, "We could not parse the JSON body of your request.")

    for name in needed:
        if not (payload.get(name) or payload.get(f"{name}[]")):
            message = f"Missing required parameter: '{name}'."
            return bodies.error(400, message, code="missing_required_parameter", param=name)

    return payload


def _streams(payload: Mapping[str, Any]) -> bool:
    return str(payload.get("stream")).lower() == "true"


def _unknown(request: RecordedRequest) -> Reply:
    video_id = request.path_values["video_id"]
    return bodies.error(404, f"Video with id '{video_id}' not found.", code="not_found")


wire = OpenAIWire
