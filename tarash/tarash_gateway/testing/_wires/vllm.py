"""vLLM-Omni 0.30: forms only, a failed job with an error status, a DELETE that aborts."""

from collections.abc import Mapping
from typing import Any

from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply
from tarash.tarash_gateway.testing._wires import _video_server as server


class VllmWire(server.VideoServerWire):
    """One server with one model."""

    video = server.VLLM_VIDEO
    image = server.VLLM_IMAGE
    prefix = "video_gen_"
    files: Mapping[server.Endpoint, tuple[str, ...]] = {
        "videos": ("input_reference", "input_reference[]", "control_reference"),
        "images/edits": ("image", "image[]", "mask_image", "reference_image"),
    }

    def takes_json(self, endpoint: server.Endpoint) -> bool:
        """Videos are made from forms alone."""
        return endpoint == "images/generations"

    def job(self, video_id: str, body: server.Body, created: int, status: str) -> server.Body:
        """Return a job's object; its progress jumps from 0 to 100."""
        return {
            "id": video_id,
            "object": "video",
            "model": body.get("model", "served"),
            "prompt": body["prompt"],
            "status": status,
            "progress": 0,
            "size": body.get("size", ""),
            "seconds": body.get("seconds", "4"),
            "quality": "standard",
            "created_at": created,
            "completed_at": None,
            "expires_at": None,
            "file_name": None,
            "media_type": "video/mp4",
            "error": None,
        }

    def ended(
        self, video_id: str, body: server.Body, script: Script, created: int
    ) -> tuple[int, server.Body]:
        """Return status and object of a job that has ended: a failure's status is its error's."""
        job = {**self.job(video_id, body, created, "completed"), "completed_at": created + 9}
        if script.result is not None:
            return 200, dict(script.result)

        if script.outcome in ("failed", "moderated"):
            status = script.error_status or 500
            error: dict[str, Any] = {
                "code": status,
                "message": script.error_message or "CUDA out of memory. Tried to allocate 2.00 GiB",
            }
            return status, {**job, "status": "failed", "error": error}

        made = {"progress": 100, "file_name": f"{video_id}.mp4", "inference_time_s": 8.5}
        return 200, {**job, **made}

    def delete(self, record: JobRecord) -> Reply:
        """Abort a job that runs, delete one that has ended."""
        record.cancel_requested = True
        now, answer = self._context.state.clock(), record.script.cancel
        if record.phase(now) != "ended" and answer in ("requested", "ignored", "too_late"):
            if answer != "ignored":
                record.end(now, cancelled=answer == "requested")

            if answer == "requested":
                self.deleted.add(record.id)

            return self.error(409, "Video is being cancelled or its output is not available yet")

        if record.phase(now) != "ended":
            record.end(now, cancelled=True)

        self.deleted.add(record.id)
        return Reply.json({"id": record.id, "deleted": True, "object": "video.deleted"})


wire = VllmWire
