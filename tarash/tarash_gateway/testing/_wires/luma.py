"""Luma's two products on one origin: the Dream Machine API and the Agents API.

Checked against lumaai 1.21.0. Neither can cancel; the first lists and deletes, the second doesn't.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_OLD = "/dream-machine/v1"
_NEW = "/v1"
_OLD_VIDEO_MODELS = ("ray-2", "ray-flash-2", "ray-1-6")
_OLD_IMAGE_MODELS = ("photon-1", "photon-flash-1")
_NEW_MODELS = ("uni-1", "uni-1-max", "ray-3.2")
_MODES = frozenset(
    f"{kind}_{grade}" for kind in ("adhere", "flex", "reimagine") for grade in (1, 2, 3)
)
_DUE = ("model", "prompt")
_PAGE = 100
_RUNNING = {_OLD: "dreaming", _NEW: "processing"}
_MODERATED = {_OLD: "Advanced moderation failed", _NEW: "The content was refused by moderation"}


class LumaWire(BaseWire):
    """One origin for api.lumalabs.ai and agents.lumalabs.ai."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        old = f"{_OLD}/generations"
        made = partial(self._create, product=_OLD, kind="video", models=_OLD_VIDEO_MODELS)
        modified = ("generation_type", "media", "mode", "model")
        image = partial(
            self._create, product=_OLD, kind="image", models=_OLD_IMAGE_MODELS, due=_DUE
        )
        self.routes: Sequence[Route] = [
            Route("POST", f"{old}/video", partial(made, due=_DUE), step="submit"),
            Route("POST", f"{old}/video/modify", partial(made, due=modified), step="submit"),
            Route("POST", f"{old}/image", image, step="submit"),
            Route("GET", old, self._list, step="list"),
            Route("GET", f"{old}/concepts/list", always(["dolly_zoom", "orbit_left"])),
            Route(
                "GET", f"{old}/{{generation_id}}", partial(self._look, product=_OLD), step="poll"
            ),
            Route("GET", f"{_OLD}/credits", always({"credit_balance": 1000.0})),
            Route("GET", f"{_OLD}/ping", always({"message": "pong"})),
            Route("POST", f"{_NEW}/generations", self._agents, step="submit"),
            Route(
                "GET",
                f"{_NEW}/generations/{{generation_id}}",
                partial(self._look, product=_NEW),
                step="poll",
            ),
        ]

    async def _agents(self, request: RecordedRequest) -> Reply:
        body = object_in(request) or {}
        wrong = _wrong_media(body)
        if wrong is not None:
            return self.error(422, wrong)

        kind = "video" if str(body.get("type", "")).startswith("video") else "image"
        return await self._create(
            request, product=_NEW, kind=kind, models=_NEW_MODELS, due=(*_DUE, "type")
        )

    async def _create(
        self,
        request: RecordedRequest,
        *,
        product: str,
        kind: str,
        models: Sequence[str],
        due: Sequence[str],
    ) -> Reply:
        body = object_in(request) or {}
        missing = [name for name in due if not body.get(name)]
        if missing:
            details = [{"loc": ["body", name], "msg": "Field required"} for name in missing]
            return Reply.json({"detail": details}, 422)

        if body["model"] not in models:
            return self.error(400, f"Unknown model: {body['model']}")

        if body.get("mode", "flex_1") not in _MODES:
            return self.error(400, "Invalid mode")

        generation_id = str(uuid.uuid4())
        created = datetime.now(UTC)

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(product, generation_id, kind, body, script, created)

        job = self._context.state.accept(
            generation_id, f"{product}/{body['model']}", body, request, result
        )
        return Reply.json(self._body(job), 201)

    async def _look(self, request: RecordedRequest, *, product: str) -> Reply:
        job = self._context.state.look(request.path_values["generation_id"])
        if job is None or not job.endpoint.startswith(f"{product}/"):
            return self.error(404, "Generation not found")

        return Reply.json(self._body(job))

    async def _list(self, request: RecordedRequest) -> Reply:
        try:
            limit = int(request.query.get("limit", _PAGE))
            offset = int(request.query.get("offset", 0))
        except ValueError:
            return self.error(422, "limit and offset must be numbers")

        jobs = [job for job in self._context.state.listed() if job.endpoint.startswith(_OLD)]
        return Reply.json(
            {
                "generations": [self._body(job) for job in jobs[offset : offset + limit]],
                "count": len(jobs),
                "limit": limit,
                "offset": offset,
                "has_more": offset + limit < len(jobs),
            }
        )

    def _body(self, job: JobRecord) -> dict[str, Any]:
        """Return the generation as it stands now."""
        phase = self._phase(job)
        if phase == "ended":
            return dict(job.result_body)

        product = _OLD if job.endpoint.startswith(_OLD) else _NEW
        state = "queued" if phase == "queued" else _RUNNING[product]
        empty: dict[str, Any] = {"assets": None}
        if product == _NEW:
            empty = {"output": [], "failure_code": None}

        kept = {name: value for name, value in job.result_body.items() if name not in empty}
        return {**kept, **empty, "state": state, "failure_reason": None}

    def _ended(  # noqa: PLR0913, PLR0917  (what one body is made of)
        self,
        product: str,
        generation_id: str,
        kind: str,
        given: Mapping[str, Any],
        script: Script,
        created: datetime,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": generation_id,
            "state": "completed",
            "failure_reason": None,
            "created_at": created.isoformat(),
            "model": given["model"],
        }
        failed = script.outcome in ("failed", "moderated")
        if failed:
            usual = _MODERATED[product] if script.outcome == "moderated" else "Generation failed"
            body |= {"state": "failed", "failure_reason": script.error_message or usual}

        has_media = not failed and script.outcome != "no_media"
        url = self._publish(generation_id, script.kind or kind, given) if has_media else None
        if product == _OLD:
            body |= {
                "generation_type": kind,
                "request": dict(given),
                "assets": {kind: url} if url else {},
            }
        else:
            codes = {"failed": "generation_failed", "moderated": "content_moderated"}
            body |= {
                "type": given["type"],
                "failure_code": script.error_type or codes.get(script.outcome),
                "output": [{"type": kind, "url": url}] if url else [],
            }

        return {**body, **(script.result or {})}

    def _publish(self, generation_id: str, kind: str, given: Mapping[str, Any]) -> str:
        if kind == "video":
            return self._context.publish(generation_id, "video.mp4", _media.video_for(given))

        return self._context.publish(generation_id, "image.png", _media.image_bytes())


def _wrong_media(value: Any, name: str = "body") -> str | None:
    """Say what is wrong with a reference to media: it has one source, and inline ones a type."""
    if isinstance(value, list):
        value = {f"{name}[{index}]": item for index, item in enumerate(value)}

    if not isinstance(value, Mapping):
        return None

    sources = [source for source in ("url", "data", "generation_id", "file_id") if source in value]
    if len(sources) > 1:
        return f"{name} has {' and '.join(sources)}; exactly one is allowed"

    if "data" in value and not value.get("media_type"):
        return f"{name}.media_type is required with data"

    faults = (_wrong_media(inner, key) for key, inner in value.items())
    return next((wrong for wrong in faults if wrong is not None), None)


wire = LumaWire
