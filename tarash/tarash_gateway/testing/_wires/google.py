"""Google: the Interactions API, long-running operations, generateContent, predict, files, storage.

One origin for the Gemini API, Vertex AI, Cloud Storage and the token endpoint. Checked against
google-genai 3.4.0. Bodies are in `_google_bodies`.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord, Phase
from tarash.tarash_gateway.testing._public import serve_bytes
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always
from tarash.tarash_gateway.testing._wires._google_bodies import (
    classic_error,
    content_result,
    interaction_result,
    interactions_error,
    operation_result,
    prediction_result,
    timestamp,
)
from tarash.tarash_gateway.testing._wires._google_uploads import GoogleUploads

_INTERACTION = "/{root+}/interactions/{job_id}"
_MODEL = "/{root+}/models/{model}"
_FILE = "/{version}/files/{file_id}"
_LIFETIME = timedelta(hours=48)
_WORDS: Mapping[Phase, str] = {"queued": "queued", "running": "in_progress"}


class GoogleWire(BaseWire):
    """Google's services with one memory."""

    nowhere = "The requested URL {path} was not found."
    credential_header = "x-goog-api-key"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self._files: dict[str, bytes] = {}
        self._uploads = GoogleUploads(context)
        self.routes: Sequence[Route] = [
            Route("POST", "/token", self._token, public=True),
            Route("POST", f"{_INTERACTION}/cancel", self._cancel, step="cancel"),
            Route("GET", _INTERACTION, self._interaction, step="poll"),
            Route("POST", "/{root+}/interactions", self._interact, step="submit"),
            Route("POST", f"{_MODEL}:predictLongRunning", self._operate, step="submit"),
            Route("POST", f"{_MODEL}:fetchPredictOperation", self._fetch, step="poll"),
            Route("POST", f"{_MODEL}:generateContent", self._content, step="submit"),
            Route("POST", f"{_MODEL}:predict", self._predict, step="submit"),
            Route("GET", f"{_MODEL}/operations/{{job_id}}", self._operation, step="poll"),
            Route("GET", f"{_FILE}:download", self._download, step="download"),
            Route("GET", _FILE, self._file, step="result"),
            *self._uploads.routes,
            Route("GET", "/storage/v1/b/{bucket}/o/{name+}", self._object, step="download"),
            Route(
                "GET",
                "/{root+}/models",
                always({"models": [{"name": "models/gemini-omni-1.1-flash"}]}),
            ),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with google.rpc's envelope, which all but the Interactions API have."""
        return classic_error(status, message)

    # ------------------------------------------------------------------------------------ submits
    async def _interact(self, request: RecordedRequest) -> Reply:
        payload = object_in(request)
        if payload is None or not payload.get("model") or not payload.get("input"):
            return interactions_error(400, "The request needs a model and an input.")

        unusable = self._uploads.unusable(request)
        if unusable is not None:
            return interactions_error(400, unusable)

        job_id = f"v1_{uuid.uuid4().hex}"
        vertex = "/projects/" in request.path
        wanted = payload.get("response_format") or {}
        wanted = wanted[0] if isinstance(wanted, list) and wanted else wanted

        def result(script: Script) -> tuple[int, Any]:
            media = self._store(job_id, wanted, vertex=vertex)
            return 200, {
                "id": job_id,
                "object": "interaction",
                "created": timestamp(),
                "updated": timestamp(),
                **interaction_result(script, payload["model"], media),
            }

        job = self._context.state.accept(job_id, payload["model"], payload, request, result)
        return Reply.json({**self._interaction_body(job), "status": "in_progress"})

    async def _operate(self, request: RecordedRequest) -> Reply:
        payload = object_in(request)
        if payload is None or not payload.get("instances"):
            return classic_error(400, "The request needs instances.")

        model = request.path_values["model"]
        vertex = "/projects/" in request.path
        job_id = uuid.uuid4().hex
        root = request.path_values["root"].partition("/")[2] if vertex else ""
        name = f"{root}/models/{model}/operations/{job_id}".lstrip("/")
        parameters = payload.get("parameters") or {}

        def result(script: Script) -> tuple[int, Any]:
            count = parameters.get("sampleCount", 1) if script.outputs is None else script.outputs
            media = [
                self._operation_media(f"{job_id}{index}", model, parameters, vertex=vertex)
                for index in range(count)
            ]
            return 200, {"name": name, **operation_result(script, media, vertex=vertex)}

        self._context.state.accept(job_id, model, payload, request, result)
        return Reply.json({"name": name})

    async def _content(self, request: RecordedRequest) -> Reply:
        model = request.path_values["model"]
        return await self._made(request, lambda script, _: content_result(script, model))

    async def _predict(self, request: RecordedRequest) -> Reply:
        return await self._made(request, prediction_result)

    async def _made(
        self,
        request: RecordedRequest,
        make: Callable[[Script, Mapping[str, Any]], Mapping[str, Any]],
    ) -> Reply:
        """Answer with the result itself, once the script's time is over."""
        payload = object_in(request)
        unusable = self._uploads.unusable(request)
        if payload is None or unusable is not None:
            return classic_error(400, unusable or "Invalid JSON payload received.")

        def result(script: Script) -> tuple[int, Any]:
            if script.outcome == "failed":
                status = script.error_status or 500
                message = script.error_message or "An internal error occurred."
                return status, json.loads(classic_error(status, message).body)

            return 200, make(script, payload)

        model = request.path_values["model"]
        return await self._at_once(uuid.uuid4().hex, model, payload, request, result)

    # -------------------------------------------------------------------------------------- polls
    async def _interaction(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["job_id"])
        if job is None:
            return interactions_error(404, "Interaction not found.")

        return Reply.json(self._interaction_body(job))

    def _interaction_body(self, job: JobRecord) -> dict[str, Any]:
        phase = self._phase(job)
        body: dict[str, Any] = dict(job.result_body)
        if phase == "ended" and not job.cancelled:
            return body

        kept = {name: body.get(name) for name in ("id", "object", "created", "updated", "model")}
        return {**kept, "status": _WORDS.get(phase, "cancelled"), "steps": []}

    async def _cancel(self, request: RecordedRequest) -> Reply:
        job = self._context.state.find(request.path_values["job_id"])
        if job is None:
            return interactions_error(404, "Interaction not found.")

        now = self._context.state.clock()
        if job.ask_to_cancel(now) == "ended":
            return interactions_error(400, "The interaction is not running.")

        if job.script.cancel not in ("ignored", "requested"):
            job.end(now, cancelled=True)

        body = self._interaction_body(job)
        if job.script.cancel == "requested":
            job.end(now, cancelled=True)

        return Reply.json(body)

    async def _fetch(self, request: RecordedRequest) -> Reply:
        name = str((object_in(request) or {}).get("operationName"))
        return self._operation_body(name.rpartition("/")[2], name)

    async def _operation(self, request: RecordedRequest) -> Reply:
        name = request.path.strip("/").partition("/")[2]
        return self._operation_body(request.path_values["job_id"], name)

    def _operation_body(self, job_id: str, name: str) -> Reply:
        job = self._context.state.look(job_id)
        if job is None:
            return classic_error(404, f"Operation {name} not found.")

        ended = self._phase(job) == "ended"
        return Reply.json(job.result_body if ended else {"name": name})

    # -------------------------------------------------------------------------------------- media
    def _store(self, job_id: str, wanted: Any, *, vertex: bool) -> dict[str, Any]:
        """Keep a video where it was asked for; say where it is."""
        asked = wanted if isinstance(wanted, Mapping) else {}
        content = _media.video_for(asked)
        if asked.get("delivery") != "uri":
            return {"data": _media.base64_of(content)}

        if vertex:
            return {"uri": self._in_bucket(str(asked.get("gcs_uri")), job_id, content)}

        self._files[job_id] = content
        return {"uri": f"{self._context.origin}/v1beta/files/{job_id}"}

    def _operation_media(
        self, job_id: str, model: str, parameters: Mapping[str, Any], *, vertex: bool
    ) -> dict[str, Any]:
        content = _media.video_for(parameters, "google", model)
        if not vertex:
            self._files[job_id] = content
            return {"uri": f"{self._context.origin}/v1beta/files/{job_id}:download?alt=media"}

        if parameters.get("storageUri"):
            uri = self._in_bucket(str(parameters["storageUri"]), job_id, content)
            return {"gcsUri": uri, "mimeType": _media.VIDEO_CONTENT_TYPE}

        return {
            "bytesBase64Encoded": _media.base64_of(content),
            "mimeType": _media.VIDEO_CONTENT_TYPE,
        }

    def _in_bucket(self, folder: str, job_id: str, content: bytes) -> str:
        uri = f"{folder.rstrip('/')}/{job_id}/sample_0.mp4"
        self._files[uri] = content
        return uri

    async def _file(self, request: RecordedRequest) -> Reply:
        file_id = request.path_values["file_id"]
        uploaded = self._uploads.look(file_id)
        if uploaded is not None:
            return Reply.json(uploaded)

        if file_id not in self._files:
            return classic_error(404, f"File {file_id} not found.")

        return Reply.json(
            {
                "name": f"files/{file_id}",
                "mimeType": _media.VIDEO_CONTENT_TYPE,
                "state": "ACTIVE",
                "expirationTime": (datetime.now(UTC) + _LIFETIME).isoformat(),
            }
        )

    async def _download(self, request: RecordedRequest) -> Reply:
        return self._bytes(request, request.path_values["file_id"])

    async def _object(self, request: RecordedRequest) -> Reply:
        values = request.path_values
        return self._bytes(request, f"gs://{values['bucket']}/{values['name']}")

    def _bytes(self, request: RecordedRequest, key: str) -> Reply:
        if key not in self._files:
            return classic_error(404, f"{key} not found.")

        content_type = _media.VIDEO_CONTENT_TYPE
        return serve_bytes(self._files[key], content_type, request.headers.get("range"))

    # ------------------------------------------------------------------------------------- others
    async def _token(self, _request: RecordedRequest) -> Reply:
        """Give out an access token, as oauth2.googleapis.com does for a signed assertion."""
        token = f"ya29.{uuid.uuid4().hex}"
        self._context.state.issue_token(token)
        return Reply.json({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})


wire = GoogleWire
