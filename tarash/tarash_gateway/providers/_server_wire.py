"""The wire of self-hosted `/v1/videos` and `/v1/images`: what vLLM-Omni, SGLang and others share.

No SDK: it would send JSON where a server takes forms only, and send a paid request again. What
differs between servers stands in their adapters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urljoin

from .._data._exchange import MediaConstraints, MediaSupport, RawResult, Snapshot
from .._http._client import origin, status_error, unreadable
from .._http._send_state import fetching_result
from ..exceptions import TarashException
from ._error_conditions import When
from ._error_rules import ErrorRules
from ._forms import form_of
from ._openai_results import addresses_in, image_response, video_response
from ._openai_wire import IMAGE_INPUTS, LARGEST_PART, STATUSES
from ._own_server import OwnServer

if TYPE_CHECKING:
    import aiohttp

    from .._data._exchange import Call, Operation, Payload, Response
    from .._data._types import JobStatus, MediaContent
    from .._http._client import Classify, HttpClient, HttpResponse
    from ..catalog import ModelSpec
    from ._contract import Ability

EDITS = frozenset({"images/edits"})
MEDIA = frozenset({"video/", "image/"})
SERVER_PATHS = frozenset({"file_path", "file_paths"})
"""Where files lie on the server: nobody else's affair, and of no use here."""
NO_SUCH_ROUTE = r"^not found$|^method not allowed$|no such route|cannot post|page not found"


def server_errors(title: str) -> ErrorRules:
    """Return what error bodies of OpenAI's envelope and of FastAPI mean."""
    return ErrorRules(
        title=title,
        message=("error.message", "error", "detail", "message"),
        code=("error.type", "error.code", "code"),
        unknown_model=(
            When(
                words=NO_SUCH_ROUTE,
                statuses=frozenset({404, 405, 501}),
                of_jobs=False,
                of_submits=True,
                advice="the server has no such route: check base_url, and that it serves a model "
                "that makes this",
            ),
            When(
                words=r"model\b.*(not found|does not exist|mismatch|not served)",
                statuses=frozenset({400, 404, 422}),
                of_jobs=False,
                of_submits=True,
                advice="GET /v1/models lists what it serves",
            ),
        ),
        invalid=(When(words=".", statuses=frozenset({400, 413, 422}), of_jobs=False),),
    )


class VideoServer(OwnServer):
    """A server with jobs at `/v1/videos`, and images in the answer to `/v1/images/...`.

    Attributes:
        form_always: Whether a video's request is a form also without a file.
        fixed: What goes out with every request for an image.
    """

    abilities: frozenset[Ability] = frozenset(
        {"answers_at_once", "read_status", "resolve_base_url", "verify_credentials"}
    )
    accepts = MediaSupport(
        url=False,
        content="bytes",
        largest_inline=LARGEST_PART,
        images=MediaConstraints(IMAGE_INPUTS),
    )
    job_path = "videos/{id}"
    statuses: ClassVar[Mapping[str, JobStatus]] = STATUSES
    failures = ("error",)
    repeats = ("id", "video_id", "task_id")
    progress = "progress"
    form_always: ClassVar[bool] = True
    fixed: ClassVar[Mapping[str, Any]] = {"response_format": "b64_json"}

    def body(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the parameters. Pure."""
        fixed = self.fixed if call.kind == "image" else {}
        return {"model": spec.model, **fixed, **self.mapped(call, spec)}

    def endpoint(self, call: Call, spec: ModelSpec, body: Mapping[str, Any]) -> str:
        """Return the path: images that work from others have their own."""
        del spec
        if call.kind == "video":
            return "videos"

        return "images/edits" if "image" in body else "images/generations"

    def answers_at_once(self, call: Call) -> bool:
        """Tell that images are no jobs."""
        return call.kind == "image"

    async def send(self, client: HttpClient, payload: Payload, classify: Classify) -> HttpResponse:
        """Send a form where there are files, or the server takes nothing else; else JSON."""
        form = self.form(client, payload)
        if form is None:
            return await client.submit(payload.path, json=payload.body, classify=classify)

        return await client.submit(payload.path, form=form, classify=classify)

    def form(self, client: HttpClient, payload: Payload) -> aiohttp.FormData | None:
        """Return the payload as a form; None where it goes out as JSON."""
        del client
        always = payload.path in EDITS or (self.form_always and payload.path == "videos")
        return form_of(payload.body, always=always)

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return the job of a video; images are in the answer."""
        if call.kind == "image":
            return RawResult(answer.object())

        return super().accepted(client, answer, call)

    def refused(self, answer: HttpResponse) -> Snapshot:
        """Return the verdict of a job that failed: some say it with an error status.

        Raises:
            TarashException: It is about the exchange alone.
        """
        body = answer.body
        if isinstance(body, Mapping) and body.get("id") and self.status_of(body) == "failed":
            return Snapshot("failed", raw=body, error=self.failure(body), billing="none")

        raise self.errors(answer) or status_error(answer)

    async def seen(
        self, client: HttpClient, operation: Operation, body: Mapping[str, Any]
    ) -> Snapshot:
        """Return what a job's body says; when it is done, fetch its videos."""
        seen = self.snapshot(body, operation)
        if seen.status != "completed":
            return seen

        fetching_result()
        try:
            finished = await self.fetched(client, operation, seen.raw)
        except TarashException as trouble:
            pause = trouble.retry_after
            return Snapshot("processing", raw=seen.raw, retry_after=pause, trouble=trouble)

        return replace(seen, finished=finished)

    read_status = seen

    async def fetched(
        self, client: HttpClient, operation: Operation, job: Mapping[str, Any]
    ) -> RawResult:
        """Return a finished job with its videos: by public URLs, else their bytes."""
        base = client.account.base_url
        given = [urljoin(f"{base}/", address) for address in addresses_in(job)]
        public = [address for address in given if origin(address) != origin(base)]
        if public:
            return RawResult(job, {"urls": public})

        places = self.places(client, operation, job)
        videos = [await self._content(client, place) for place in places]
        return RawResult(job, media=tuple(video for video in videos if video is not None))

    def places(self, client: HttpClient, operation: Operation, job: Mapping[str, Any]) -> list[str]:
        """Return where the server has a job's videos. Pure."""
        del job
        return [f"{self.job_url(client, operation)}/content"]

    async def _content(self, client: HttpClient, url: str) -> MediaContent | None:
        answer = await client.get(url)
        if answer.content is None:
            raise unreadable(answer.status, answer.body)

        content_type = answer.content_type or ""
        kind = content_type if content_type[:6] in MEDIA else "video/mp4"
        return {"content": answer.content, "content_type": kind} if answer.content else None

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; where files lie on the server is left out of its facts."""
        if call.kind == "image":
            return image_response(call, finished.raw)

        plain = {name: value for name, value in finished.raw.items() if name not in SERVER_PATHS}
        response = video_response(call, replace(finished, raw=plain))
        return response.model_copy(update={"raw_response": finished.raw})
