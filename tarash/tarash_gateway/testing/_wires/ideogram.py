"""Ideogram's API v2: generations as jobs, by forms or JSON, and one address for all polls.

Written from the vendor's pages and what others saw live. Its key has a header of its own. Pictures
that are found unsafe have no address, and are billed.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always
from tarash.tarash_gateway.testing._wires._ideogram_bodies import FILES, fields_of, read, wrong

_REASONS = {402: "insufficient_funds", 429: "inflight_limit"}
_SIZES = {"16x9": (1280, 720), "16:9": (1280, 720), "9x16": (720, 1280), "9:16": (720, 1280)}


class IdeogramWire(BaseWire):
    """Generations of pictures and videos, and the account."""

    credential_header = "Api-Key"
    schemes = ()

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("POST", "/v2/image/{action}/{model}", self._create, step="submit"),
            Route("POST", "/v2/design/{action}/{model}", self._create, step="submit"),
            Route("POST", "/v2/video/generate/{model}", self._create, step="submit"),
            Route("GET", "/v2/generations/{id}", self._look, step="poll"),
            Route("GET", "/v2/account/usage", always({"buckets": []})),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer as the vendor does, in one of its shapes."""
        if status == 401:  # noqa: PLR2004
            return Reply.json({"message": "Invalid API key"}, status)

        reason = _REASONS.get(status)
        if reason is not None:
            body = {"error": message, "reject_reason": reason, "max_inflight_requests": 10}
            return Reply.json(body, status)

        problem = {"type": "about:blank", "title": "Error", "detail": message, "status": status}
        return Reply.json(problem, status, {"Content-Type": "application/problem+json"})

    def not_found(self, _request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere."""
        return Reply(status=404, body=b"", headers={"Content-Type": "text/plain"})

    async def _create(self, request: RecordedRequest) -> Reply:
        content = request.path.split("/")[2]
        model = request.path_values["model"]
        route = model if content == "video" else f"{request.path_values['action']}/{model}"
        fields = fields_of(content, route)
        if fields is None or (content == "design") != route.startswith("layerize/"):
            return self.error(404, "unknown model")

        body = read(request, content, route)
        if body is None:
            return self.error(400, "this route takes another form of body")

        fault = wrong(fields, body, route)
        if fault is not None:
            return self.error(400, fault)

        if request.query.get("dry_run") == "true":
            return self._quoted(route)

        return await self._accept(request, content, route, body)

    def _quoted(self, route: str) -> Reply:
        """Answer what a body would cost: no job comes of it."""
        row: dict[str, Any] = {"qualifier": "exact", "usd_micros": 60_000}
        for price in self._context.state.prices:
            if price["model"] in route:
                row = {name: value for name, value in price.items() if name != "model"}

        return Reply.json({"object": "price_quote", "quantity": 1, **row})

    async def _accept(
        self, request: RecordedRequest, content: str, route: str, body: dict[str, Any]
    ) -> Reply:
        job_id = uuid.uuid4().hex
        shown = {name: _shown(name, value) for name, value in body.items()}

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(job_id, content, body, script)

        job = self._context.state.accept(job_id, route, shown, request, result)
        refused = job.script.outcome == "moderated" and job.script.error_type == "submit"
        if refused:
            return Reply(status=422, body=b"", headers={})

        if content == "video" or body.get("async"):
            return Reply.json({"generation_id": job_id, "seed": body.get("seed", 7)})

        await self._context.until_ended(job)
        return Reply.json(job.result_body)

    async def _look(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["id"])
        if job is None:
            return self.error(404, "generation not found")

        is_over = self._phase(job) == "ended"
        return Reply.json(job.result_body if is_over else self._open(job.id))

    @staticmethod
    def _open(job_id: str) -> dict[str, Any]:
        return {"generation_id": job_id, "status": "pending", "created": "2026-11-28T10:00:00Z"}

    def _ended(
        self, job_id: str, content: str, body: Mapping[str, Any], script: Script
    ) -> dict[str, Any]:
        ended = {**self._open(job_id), "status": "completed"}
        if script.result is not None:
            return {**ended, **script.result}

        unsafe = script.outcome == "moderated" and script.error_type in {"unsafe", "unsafe_null"}
        if script.outcome in {"failed", "moderated"} and not unsafe:
            usual = "content_policy_violation" if script.outcome == "moderated" else "internal"
            return {**ended, "status": "failed", "failure_reason": script.error_message or usual}

        if script.outcome == "no_media":
            return {**ended, "data": []}

        make = self._films if content == "video" else self._pictures
        return {**ended, "data": make(job_id, body, script, unsafe=unsafe)}

    def _pictures(
        self, job_id: str, body: Mapping[str, Any], script: Script, *, unsafe: bool
    ) -> list[dict[str, Any]]:
        wanted = body.get("num_images", 1)
        safe = 0 if unsafe else wanted if script.outputs is None else script.outputs
        width, height = _size_of(body)
        content = _media.image_bytes(width, height)
        made = []
        for number in range(max(wanted, safe)):
            is_safe = number < safe
            url = self._context.publish(job_id, f"{number}.png", content) if is_safe else ""
            made.append(
                {
                    "url": url or (None if script.error_type == "unsafe_null" else ""),
                    "prompt": f"{body.get('prompt', '')}, in great detail",
                    "resolution": f"{width}x{height}",
                    "seed": body.get("seed", 7),
                    "is_image_safe": is_safe,
                }
            )

        return made

    def _films(
        self, job_id: str, body: Mapping[str, Any], _script: Script, *, unsafe: bool
    ) -> list[dict[str, Any]]:
        if unsafe:
            return []

        ratio = str(body.get("aspect_ratio", "16x9")).replace("x", ":")
        asked = {
            "duration": body["duration"],
            "aspect_ratio": "16:9" if ratio == "auto" else ratio,
            "generate_audio": body["generate_audio"],
            "resolution": "720p",
        }
        film = {
            "object_type": "video.generation",
            "url": self._context.publish(job_id, "video.mp4", _media.video_for(asked)),
            "prompt": body["prompt"],
            "duration": body["duration"],
            "aspect_ratio": ratio,
            "resolution": body["resolution"],
        }
        return [film]


def _size_of(body: Mapping[str, Any]) -> tuple[int, int]:
    usual = _SIZES.get(str(body.get("aspect_ratio")), (1024, 1024))
    return _media.size_in(body.get("size") or body.get("resolution"), usual)


def _shown(name: str, value: Any) -> Any:
    if name not in FILES:
        return value

    return [f"<{file.content_type}, {len(file.content)} bytes>" for file in value]


wire = IdeogramWire
