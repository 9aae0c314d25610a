"""Black Forest Labs' API: every model one job, polled where the answer to its submit says.

Written from the vendor's pages and public clients (2026-11). Jobs live on hosts of their own: here,
an address without the job's cluster finds nothing. Results open without the key.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires._bfl_rules import IMAGES, wrong_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext

_VIDEO = "flux-3-video"
_CLUSTER = "us7"
_GUESS = 4
_FINE = 200
_SIDES = {"768sq": 768, "1k": 1024, "1.5k": 1536, "2k": 2048, "4k": 4096}
_LONGEST_SIDE = 1024


class BflWire(BaseWire):
    """An endpoint for each model, one for results, and one for credits."""

    credential_header = "x-key"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("GET", "/v1/credits", self._credits),
            Route("GET", "/v1/get_result", self._look, step="poll"),
            Route("POST", "/v1/{model+}", self._create, step="submit"),
        ]

    def credential(self, headers: Mapping[str, str]) -> str:
        """Read the bare key."""
        return headers.get("x-key", "").strip()

    async def _credits(self, _request: RecordedRequest) -> Reply:
        return Reply.json({"credits": 120.5})

    async def _create(self, request: RecordedRequest) -> Reply:
        model = request.path_values["model"]
        if model != _VIDEO and model not in IMAGES:
            return self.error(404, "Not Found")

        body = object_in(request)
        if body is None:
            return self.error(422, "Input should be a valid dictionary")

        wrong = wrong_in(model, body)
        if wrong:
            return Reply.json({"detail": wrong}, 422)

        job_id = f"{len(self._context.state.jobs()):08x}-5f4e-4c8a-9b7d-0123456789ab"
        job = self._context.state.accept(
            job_id,
            model,
            body,
            request,
            lambda script: (_FINE, self._ended(job_id, model, body, script)),
        )
        where = f"{self._context.origin}/v1/get_result?id={job.id}&cluster={_CLUSTER}"
        # What it will probably cost; what it has cost stands in the result.
        return Reply.json({"id": job.id, "polling_url": where, "cost": _GUESS, "input_mp": 0})

    async def _look(self, request: RecordedRequest) -> Reply:
        wanted = request.query.get("id", "")
        is_here = request.query.get("cluster") == _CLUSTER
        job = self._context.state.look(wanted) if is_here else None
        if job is None:
            return Reply.json(_body(wanted, "Task not found"))

        phase = self._phase(job)
        if phase == "ended":
            return Reply.json(job.result_body, job.script.error_status or _FINE)

        return Reply.json(_body(job.id, _word(job, phase)))

    def _ended(
        self, job_id: str, model: str, body: Mapping[str, Any], script: Script
    ) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        if script.outcome == "failed":
            word = script.error_type or "Error"
            return _body(job_id, word, details=script.error_message or "Generation failed")

        if script.outcome == "moderated":
            word = script.error_type or "Content Moderated"
            return _body(job_id, word, details={"Moderation Reasons": ["Violence"]})

        units = script.billable_units
        ready = {**_body(job_id, "Ready"), "cost": None if units is None else units}
        if script.outcome == "no_media":
            return {**ready, "result": {}}

        result = {"seed": body.get("seed", 42), "prompt": body.get("prompt", "")}
        if model != _VIDEO:
            content = _media.image_bytes(*_size(body))
            sample = self._context.publish(job_id, "sample.png", content)
            return {**ready, "result": {"sample": sample, **result}}

        seconds = body.get("duration", 5)
        seconds = 5 if seconds == "auto" else seconds
        lines = {"hd": "720p", "fhd": "1080p"}[body.get("resolution", "hd")]
        asked = {"generate_audio": True, **body, "resolution": lines, "duration": seconds}
        if asked.get("aspect_ratio") == "auto":
            del asked["aspect_ratio"]

        film = self._context.publish(job_id, "sample.mp4", _media.video_for(asked))
        made = {"sample": film, "duration": seconds, "prompt": body.get("prompt", "")}
        if body.get("draft"):
            made["draft_cache"] = self._context.publish(job_id, "draft.bin", b"draft")

        return {**ready, "result": made}


def _word(job: JobRecord, phase: str) -> str:
    # Only FLUX 3 says more than that it isn't ready.
    if phase == "queued" or not job.endpoint.startswith("flux-3"):
        return "Pending"

    return "Generating"


def _body(job_id: str, status: str, details: Any = None) -> dict[str, Any]:
    return {
        "id": job_id,
        "status": status,
        "result": None,
        "progress": None,
        "details": details,
    }


def _size(body: Mapping[str, Any]) -> tuple[int, int]:
    side = _SIDES.get(str(body.get("resolution")), _LONGEST_SIDE)
    width, height = body.get("width", side), body.get("height", side)
    return min(width, _LONGEST_SIDE), min(height, _LONGEST_SIDE)


wire = BflWire
