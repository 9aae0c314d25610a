"""SGLang's diffusion server 0.5.23: JSON or forms, real progress, a DELETE that only forgets."""

from collections.abc import Mapping
from typing import Any

from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply
from tarash.tarash_gateway.testing._wires import _video_server as server


class SglangWire(server.VideoServerWire):
    """One server with one model; it does not repeat the prompt."""

    video = server.SGLANG_VIDEO
    image = server.SGLANG_IMAGE
    files: Mapping[server.Endpoint, tuple[str, ...]] = {
        "videos": ("input_reference", "video_reference"),
        "images/edits": ("image", "image[]", "mask"),
    }

    def checked(self, request: RecordedRequest, endpoint: server.Endpoint) -> server.Body | Reply:
        """Refuse images by URL, which nobody could fetch from it."""
        body = super().checked(request, endpoint)
        if isinstance(body, Reply) or endpoint == "videos":
            return body

        if body.get("response_format", "url") == "url":
            return self.error(
                400, "response_format=url requires persistent output or cloud storage"
            )

        return body

    def job(self, video_id: str, body: server.Body, created: int, status: str) -> server.Body:
        """Return a job's object; whatever the model, its schema says `sora-2`."""
        return {
            "id": video_id,
            "object": "video",
            "model": "sora-2",
            "status": status,
            "progress": 0 if status == "queued" else 50,
            "created_at": created,
            "size": body.get("size", ""),
            "seconds": str(body.get("seconds", 4)),
            "quality": "standard",
            "num_outputs": int(body.get("n") or body.get("num_outputs_per_prompt") or 1),
        }

    def ended(
        self, video_id: str, body: server.Body, script: Script, created: int
    ) -> tuple[int, server.Body]:
        """Return the object of a job that has ended: always with a good status."""
        if script.result is not None:
            return 200, dict(script.result)

        job = {**self.job(video_id, body, created, "completed"), "progress": 100}
        if script.outcome in ("failed", "moderated"):
            error: dict[str, Any] = {"message": script.error_message or "Model generation failed"}
            return 200, {**job, "status": "failed", "error": error}

        made = {"file_path": f"/srv/outputs/{video_id}.mp4", "completed_at": created + 9}
        return 200, {**job, **made, "inference_time_s": 8.5, "peak_memory_mb": 40_000}

    def wrong_variant(self, request: RecordedRequest, record: JobRecord) -> Reply | None:
        """Refuse a number that no output has."""
        variant = request.query.get("variant", "0")
        several = int(record.result_body.get("num_outputs", 1))
        if variant.isdigit() and int(variant) < several:
            return None

        return self.error(404, "Variant not found")

    def delete(self, record: JobRecord) -> Reply:
        """Forget a job; the GPU goes on."""
        record.cancel_requested = True
        self.deleted.add(record.id)
        return Reply.json({**self.seen(record)[1], "status": "deleted"})


wire = SglangWire
