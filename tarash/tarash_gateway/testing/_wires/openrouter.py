"""OpenRouter's API: videos as jobs, images at once or as a stream of events.

Written from its pages and its client's types (2026-11-28). Some models' videos are stored, and then
have a signed address too; all have one that wants the key. There is no cancel and no list of jobs.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always
from tarash.tarash_gateway.testing._wires._openrouter_rules import (
    MODELS,
    VideoModel,
    wrong_image,
    wrong_video,
)

_BASE = "/api/v1"
_WORDS = {"queued": "pending", "running": "in_progress"}
_REFUSED = "The content was flagged by the provider's safety system"
_HOUR = 3600
_STORED = ("google/", "bytedance/")
_STREAMING = "openai/"
_FINE = 200
_PARTIAL = 3


class OpenrouterWire(BaseWire):
    """The endpoints of videos, of images, and of the key."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route(
                "GET",
                f"{_BASE}/key",
                always({"data": {"label": "sk-or-v1-abc...123", "usage": 25.5, "limit": 100}}),
            ),
            Route("GET", f"{_BASE}/videos/models", self._models, step="model", public=True),
            Route("GET", f"{_BASE}/images/models", self._pictures, step="model", public=True),
            Route("POST", f"{_BASE}/videos", self._create, step="submit"),
            Route("GET", f"{_BASE}/videos/{{id}}/content", self._content, step="result"),
            Route("GET", f"{_BASE}/videos/{{id}}", self._look, step="poll"),
            Route("POST", f"{_BASE}/images", self._images, step="submit"),
        ]

    def error(self, status: int, message: str, **metadata: Any) -> Reply:
        """Answer with the one envelope that there is."""
        error: dict[str, Any] = {"code": status, "message": message}
        if metadata:
            error["metadata"] = metadata

        return Reply.json({"error": error, "user_id": "user_1"}, status)

    async def _models(self, _request: RecordedRequest) -> Reply:
        rows = [_row(name, value) for name, value in MODELS.items()]
        mine = [model for model in self._context.state.models or () if not _makes_images(model)]
        return Reply.json({"data": [*rows, *mine]})

    async def _pictures(self, _request: RecordedRequest) -> Reply:
        rows = [model for model in self._context.state.models or () if _makes_images(model)]
        return Reply.json({"data": rows})

    # --------------------------------------------------------------------------------------- videos
    async def _create(self, request: RecordedRequest) -> Reply:
        body = object_in(request) or {}
        wrong = wrong_video(body, self._context.state.models or ())
        if wrong is not None:
            return self.error(400, wrong)

        job_id = f"gen-vid-1767000000-{len(self._context.state.jobs()):020d}"
        job = self._context.state.accept(
            job_id,
            "videos",
            body,
            request,
            lambda script: (_FINE, self._ended(job_id, body, script)),
        )
        if job.script.outcome == "moderated" and job.script.error_type == "submit":
            return self.error(
                403, _REFUSED, reasons=["violence"], flagged_input=body["prompt"][:100]
            )

        return Reply.json(self._plain(job, "pending"), 202)

    @staticmethod
    def _plain(job: JobRecord, status: str) -> dict[str, Any]:
        # A path of the same host, as some of the vendor's examples have it.
        return {"id": job.id, "polling_url": f"{_BASE}/videos/{job.id}", "status": status}

    async def _look(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["id"])
        if job is None or job.endpoint != "videos":
            return self.error(404, "Video generation job not found")

        phase = self._phase(job)
        if phase == "ended":
            return Reply.json(job.result_body)

        return Reply.json(self._plain(job, _WORDS[phase]))

    async def _content(self, request: RecordedRequest) -> Reply:
        job = self._context.state.find(request.path_values["id"])
        is_there = job is not None and self._phase(job) == "ended"
        if job is None or not is_there or request.query.get("index", "0") != "0":
            return self.error(404, "Video generation job not found")

        film = _media.video_for(_asked(job.payload))
        return Reply(body=film, headers={"Content-Type": _media.VIDEO_CONTENT_TYPE})

    def _ended(self, job_id: str, body: Mapping[str, Any], script: Script) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        job = {"id": job_id, "polling_url": f"{self._context.origin}{_BASE}/videos/{job_id}"}
        if script.outcome in {"failed", "moderated"}:
            usual = _REFUSED if script.outcome == "moderated" else "The provider returned an error"
            word = script.error_type if script.error_type in {"expired", "cancelled"} else "failed"
            return {**job, "status": word, "error": script.error_message or usual}

        usage = {"cost": script.billable_units, "is_byok": script.billable_units is None}
        done: dict[str, Any] = {
            **job,
            "status": "completed",
            "generation_id": "gen-1",
            "usage": usage,
        }
        if script.outcome == "no_media":
            return done

        link = f"{self._context.origin}{_BASE}/videos/{job_id}/content?index=0"
        done["unsigned_urls"] = [link]
        if body["model"].startswith(_STORED):
            film = _media.video_for(_asked(body))
            done["urls"] = [self._context.publish(job_id, "video.mp4", film)]
            done["expires_at"] = int(time.time()) + _HOUR

        return done

    # --------------------------------------------------------------------------------------- images
    async def _images(self, request: RecordedRequest) -> Reply:
        body = object_in(request) or {}
        wrong = wrong_image(body, self._context.state.models or ())
        if wrong is not None:
            return self.error(400, wrong)

        job_id = f"gen-img-{len(self._context.state.jobs())}"
        job = self._context.state.accept(
            job_id, "images", body, request, lambda script: self._made(body, script)
        )
        await self._context.until_ended(job)
        if body.get("stream") and body["model"].startswith(_STREAMING):
            return _stream(job.result_body, _on_the_way(body))

        return Reply.json(job.result_body, job.result_status)

    def _made(self, body: Mapping[str, Any], script: Script) -> tuple[int, Any]:
        if script.result is not None:
            return _FINE, dict(script.result)

        if script.outcome == "failed":
            error = {"code": 500, "message": script.error_message or "Internal Server Error"}
            return 500, {"error": error}

        if script.outcome == "moderated":
            # The provider behind may say so when the answer has begun with a 200 already.
            metadata = {"reasons": ["violence"], "provider_name": "OpenAI"}
            error = {"code": 403, "message": script.error_message or _REFUSED}
            inside = script.error_type == "inside"
            shown = error if inside else {**error, "metadata": metadata}
            return _FINE if inside else 403, {"error": shown}

        content = _media.base64_of(_media.image_bytes(*_media.size_in(body.get("size"))))
        image = {"b64_json": content, "media_type": _media.IMAGE_CONTENT_TYPE}
        usage = {"prompt_tokens": 9, "completion_tokens": 4160, "total_tokens": 4169}
        cost = {"cost": script.billable_units, "is_byok": False}
        images = [image] * _media.count_of(script, body.get("n", 1))
        return _FINE, {"created": int(time.time()), "data": images, "usage": {**usage, **cost}}


def _asked(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"duration": 5, "aspect_ratio": "16:9", "resolution": "720p", **body}


def _on_the_way(body: Mapping[str, Any]) -> list[str]:
    """Return images on the way: as many as the provider likes, since no field says how many."""
    if body.get("n", 1) != 1:
        return []

    made = [_media.image_bytes(64 + number, 64) for number in range(_PARTIAL)]
    return [_media.base64_of(image) for image in made]


def _stream(body: Mapping[str, Any], partial: Sequence[str]) -> Reply:
    """Return what an answer is as events: partial images, and the whole ones at the end."""
    events: list[dict[str, Any]] = []
    if "error" in body:
        events = [{"type": "error", **body}]

    for number, content in enumerate(partial if "data" in body else ()):
        kind = "image_generation.partial_image"
        events.append({"type": kind, "b64_json": content, "partial_image_index": number})

    for image in body.get("data", ()):
        whole = {**image, "created": body["created"], "usage": body["usage"]}
        events.append({"type": "image_generation.completed", **whole})

    lines = [": OPENROUTER PROCESSING", *(f"data: {json.dumps(event)}" for event in events)]
    text = "\n\n".join([*lines, "data: [DONE]", ""])
    return Reply(body=text.encode(), headers={"Content-Type": "text/event-stream"})


def _makes_images(row: Mapping[str, Any]) -> bool:
    """Tell a row of the list of image models by what only those have."""
    return "supported_parameters" in row


def _row(name: str, model: VideoModel) -> dict[str, Any]:
    named = {"F": "first_frame", "L": "last_frame"}
    frames = [frame for letter, frame in named.items() if letter in model.has] or None
    unsaid = None if "?" in model.has else False  # null: not known
    inputs = {"text": True, "image": bool(frames or model.references), "video": model.film}
    return {
        "id": name,
        "canonical_slug": f"{name}-20261009",
        "name": name.partition("/")[2],
        "created": 1_759_968_000,
        "description": "",
        "supported_durations": None if model.durations is None else list(model.durations),
        "supported_resolutions": None if model.resolutions is None else list(model.resolutions),
        "supported_aspect_ratios": list(model.ratios),
        "supported_sizes": None,
        "supported_frame_images": frames,
        "generate_audio": True if "a" in model.has else unsaid,
        "seed": True if "s" in model.has else unsaid,
        "input_modalities": [kind for kind, there in inputs.items() if there],
        "allowed_passthrough_parameters": [],
        "pricing_skus": {},
    }


wire = OpenrouterWire
