"""The wire that OpenAI, Azure OpenAI and many compatible servers speak: videos and images.

What is paid for goes through the `openai` SDK, by raw paths: its videos methods warn of their
deprecation at each call, and there is no way to silence a warning for one thread or task alone.
Polls and downloads go over our own session, at a quarter of the cost. Adapters have hosts and keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

from .._data._exchange import (
    ENDED,
    Begun,
    MediaConstraints,
    MediaSupport,
    Operation,
    Page,
    PartialImage,
    Payload,
    RawResult,
    Snapshot,
    Together,
)
from .._http._client import HttpClient, HttpResponse, join, origin, segment, unreadable
from .._http._credentials import Credentials
from .._http._sdk import library_of, round_trip
from .._http._send_state import fetching_result
from .._support._secrets import AuthHeaders, Key
from ..exceptions import ContentModerationError, TarashException, UnsupportedOperationError
from ..mapping import apply_field_mappers
from ._contract import AdapterDefaults
from ._finding import is_since, moment, operation_of
from ._forms import as_part, split
from ._openai_errors import classify_answer, error_of, job_error
from ._openai_models import EDIT, LARGEST_MASK, REMIX
from ._openai_results import (
    PAGE,
    addresses_in,
    events,
    image_response,
    is_same,
    newest,
    page_of,
    partial_image,
    reported_cost,
    video_response,
)
from ._result_facts import among, id_in, milliseconds, percent, unknown_in

if TYPE_CHECKING:
    from datetime import datetime

    from .._data._exchange import Call, Response
    from .._data._types import CancelAnswer, JobStatus, MediaContent
    from .._http._client import Transport
    from ..catalog import ModelSpec
    from ._contract import Ability

FORM = {"Content-Type": "multipart/form-data"}
"""What the SDK wants to see for a form; it adds the boundary itself."""
FORMS = frozenset({"images/edits", "videos", "videos/edits"})
LARGEST_PART = 50 * 1024 * 1024
IMAGE_INPUTS = ("image/png", "image/jpeg", "image/webp")

# The first four are OpenAI's; the others are in use among compatible servers.
STATUSES: Mapping[str, JobStatus] = {
    "queued": "queued",
    "in_progress": "processing",
    "completed": "completed",
    "failed": "failed",
    "pending": "queued",
    "processing": "processing",
    "running": "processing",
    "generating": "processing",
    "submitted": "queued",
    "not_start": "queued",
    "success": "completed",
    "succeeded": "completed",
    "done": "completed",
    "complete": "completed",
    "finished": "completed",
    "error": "failed",
    "failure": "failed",
    "expired": "failed",
    "rejected": "failed",
    "cancelled": "failed",
}
TOGETHER = Together()
JOB_IDS = ("id", "video_id", "task_id")


@dataclass(frozen=True, slots=True)
class OpenAIClient:
    """One account's exchanges: the SDK for what costs money, our own session for polls."""

    account: Credentials
    transport: Transport
    sdk: Any
    authorize: Callable[[], Awaitable[tuple[Key, AuthHeaders]]]
    """Returns the secret of this moment, and the headers that carry it."""

    async def aclose(self) -> None:
        """Close its connections."""
        await self.sdk.close()

    async def post(self, payload: Payload) -> HttpResponse:
        """Send a payload, once."""
        import openai

        fields, files = split(payload.body)
        secret, credentials = await self.authorize()
        return await round_trip(
            lambda: self.sdk.post(
                payload.path,
                cast_to=library_of(openai.DefaultAsyncHttpxClient).Response,
                options={
                    "headers": credentials.onto(payload.headers),
                    # Else an administrator's key in the environment would go along.
                    "security": {"bearer_auth": True},
                },
                body=fields,
                files=files,
            ),
            replace(self.account, key=secret),
            openai.APIConnectionError,
            self._classify,
        )

    async def get(self, path: str) -> HttpResponse:
        """GET a path under the base URL, or a URL of the same origin."""
        secret, credentials = await self.authorize()
        own = {"OpenAI-Organization": self.sdk.organization, "OpenAI-Project": self.sdk.project}
        http = HttpClient(
            replace(self.account, key=secret),
            self.transport,
            _without_gaps(credentials, own),
            self._classify,
        )
        is_whole = path.startswith(("https://", "http://"))
        return await http.get(path if is_whole else join(self.account.base_url, path))

    def _classify(self, answer: HttpResponse) -> TarashException | None:
        return classify_answer(answer, self.account.provider)


def _without_gaps(credentials: AuthHeaders, own: Mapping[str, Any]) -> AuthHeaders:
    """Return the headers of our own exchanges: what the SDK would leave out, it marks."""
    headers = credentials.onto(own)
    return AuthHeaders({name: value for name, value in headers.items() if isinstance(value, str)})


class OpenAIWire(AdapterDefaults):
    """The part of the adapters that the wire decides."""

    abilities: frozenset[Ability] = frozenset(
        {
            "answers_at_once",
            "find_submitted",
            "partial_image",
            "poll_many",
            "read_status",
            "reported_cost",
            "resolve_spec",
            "verify_credentials",
        }
    )
    accepts = MediaSupport(
        url=False,
        content="bytes",
        largest_inline=LARGEST_PART,
        images=MediaConstraints(IMAGE_INPUTS),
        masks=MediaConstraints(("image/png",), LARGEST_MASK),
    )
    reported_cost = staticmethod(reported_cost)
    key_has_scheme = False
    modules = ("openai",)
    continues = "every video model: a remix"
    # Half of what the SDK's helper waits where no `openai-poll-after-ms` says more. Our pauses grow
    # with the job's time, so that there are fewer polls all the same.
    min_poll_interval = 0.5

    def model_id(self, model: str) -> str:
        """Return the id that goes over the wire."""
        return model

    def path(self, path: str, api_version: str | None, model: str) -> str:
        """Return a path of the wire as it stands below the base URL."""
        del api_version, model
        return path

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Return what a remix or an edit takes, where the call is one."""
        if call.kind == "image":
            return spec

        if "video_id" in call.request.extra_params or call.request.continue_from is not None:
            return replace(spec, mappers=REMIX)

        edits = getattr(call.request, "video", None) is not None and "video" in spec.mappers
        return replace(spec, mappers=EDIT) if edits else spec

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the endpoint that the call is for, and its parameters media among them."""
        extra = dict(call.request.extra_params)
        video_id = extra.pop("video_id", None) if call.kind == "video" else None
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        mapped = apply_field_mappers(mappers, call.request)
        continued = mapped.pop("video_id", None)
        video_id = continued if video_id is None else video_id
        if video_id is not None:
            path = f"videos/{segment(str(video_id))}/remix"
        elif call.kind == "video":
            path = "videos/edits" if "video" in {**mapped, **extra} else "videos"
        else:
            path = "images/edits" if "image" in {**mapped, **extra} else "images/generations"

        is_form = path in FORMS
        if is_form:
            mapped = {name: as_part(value, name) for name, value in mapped.items()}

        # A remix and an edit are made by the model that made the source.
        if path != "videos/edits" and video_id is None:
            mapped = {"model": self.model_id(spec.model), **mapped}

        return Payload(
            path=self.path(path, call.config.api_version, spec.model),
            body={**mapped, **extra},
            headers=FORM if is_form else {},
        )

    def answers_at_once(self, call: Call) -> bool:
        """Tell that images are no jobs."""
        return call.kind == "image"

    def partial_image(self, event: bytes) -> PartialImage | None:
        """Return the image on the way that an event of images holds."""
        return partial_image(event)

    async def submit(
        self, client: OpenAIClient, payload: Payload, call: Call
    ) -> Operation | RawResult | Begun:
        """Create a video job, or make images: they have no jobs."""
        answer = await client.post(payload)
        if call.kind == "image":
            return RawResult(answer.object() if answer.is_json else events(answer))

        accepted = answer.object()
        job_id = next((accepted[name] for name in JOB_IDS if accepted.get(name)), None)
        if job_id is None:
            error = error_of(accepted)
            raise job_error(error, accepted) if error else unreadable(answer.status, accepted)

        operation = operation_of(client, call, str(job_id))
        has_ended = among(STATUSES, str(accepted.get("status"))) in ENDED
        return Begun(operation, accepted) if has_ended else operation

    async def find_submitted(
        self, client: OpenAIClient, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the videos since then of this model, prompt, length, size and source.

        The prompt has to be shown. What else a server leaves out is not compared, and media are
        not: no list shows them.

        Raises:
            UnsupportedOperationError: It is about images, which are no jobs.
        """
        if call.kind == "image":
            raise UnsupportedOperationError("images are no jobs here, and are not listed")

        path = self.path("videos", client.account.api_version, call.config.model)
        return [
            operation_of(client, call, str(video["id"]), moment(video.get("created_at")) or since)
            for video in await newest(client.get, path, since)
            if is_since(video.get("created_at"), since) and is_same(video, payload)
        ]

    def together(self, operation: Operation) -> Together | None:
        """Return that the list answers for videos, a hundred on a page."""
        return TOGETHER if operation.kind == "video" else None

    async def poll_many(
        self, client: OpenAIClient, operations: Sequence[Operation], place: str
    ) -> Page:
        """Return where videos stand, by the page of the list that follows a video."""
        path = self.path("videos", client.account.api_version, operations[0].model)
        answer = await client.get(page_of(path, place or None))
        page = answer.object()
        listed = page.get("data")
        if not isinstance(listed, list):
            raise unreadable(answer.status, answer.body)

        snapshots = {
            str(job["id"]): Snapshot(
                among(STATUSES, str(job.get("status"))) or "processing",
                raw=job,
                progress=percent(job.get("progress")),
                unknown=unknown_in(STATUSES, job.get("status")),
            )
            for job in listed
            if isinstance(job, Mapping) and job.get("id")
        }
        # Some servers don't say it.
        goes_on = page.get("has_more", len(listed) >= PAGE)
        return Page(snapshots, list(snapshots)[-1] if snapshots and goes_on else "")

    async def poll(self, client: OpenAIClient, operation: Operation) -> Snapshot:
        """Look at the job."""
        try:
            answer = await client.get(self._job_path(client, operation))
        except ContentModerationError as refused:
            return Snapshot("failed", raw=refused.raw_response, error=refused)

        seen = await self.read_status(client, operation, answer.object())
        pace = milliseconds(answer.headers.get("openai-poll-after-ms"))
        return seen if seen.status in ENDED or seen.trouble else replace(seen, retry_after=pace)

    async def read_status(
        self, client: OpenAIClient, operation: Operation, body: Mapping[str, Any]
    ) -> Snapshot:
        """Return what a job's object says; once it has completed, fetch the video."""
        job, named = body, id_in(body, JOB_IDS)
        if not job.get("status") and error_of(job) is not None:
            # Some servers answer 200 with an error in the job's place.
            return Snapshot("failed", raw=job, error=job_error(job["error"], job), job_id=named)

        if not job.get("status") and not any(job.get(name) for name in JOB_IDS):
            raise unreadable(200, job)

        status = among(STATUSES, str(job.get("status"))) or "processing"
        if status == "failed":
            failure = job.get("error") or {"code": job.get("status"), "message": job.get("reason")}
            return Snapshot("failed", raw=job, error=job_error(failure, job), job_id=named)

        if status != "completed":
            done, unknown = percent(job.get("progress")), unknown_in(STATUSES, job.get("status"))
            return Snapshot(status, raw=job, progress=done, unknown=unknown, job_id=named)

        fetching_result()
        try:
            finished = await self._fetch(client, operation, job)
        except TarashException as trouble:
            pause = trouble.retry_after
            return Snapshot("processing", raw=job, retry_after=pause, trouble=trouble)

        return Snapshot("completed", raw=job, progress=100, finished=finished, job_id=named)

    def _job_path(self, client: OpenAIClient, operation: Operation, part: str = "") -> str:
        path = f"videos/{quote(operation.id, safe='')}{part}"
        return self.path(path, client.account.api_version, operation.model)

    async def _fetch(
        self, client: OpenAIClient, operation: Operation, job: Mapping[str, Any]
    ) -> RawResult:
        """Return the finished job with its video: by a public URL, else the bytes."""
        base = client.account.base_url
        given = [urljoin(f"{base}/", address) for address in addresses_in(job)]
        public = [address for address in given if origin(address) != origin(base)]
        if public:
            return RawResult(job, {"urls": public})

        url = next(iter(given), None)
        answer = await client.get(url or self._job_path(client, operation, "/content"))
        if answer.content is None:
            # Some servers say here where the video is.
            elsewhere = addresses_in(answer.body)
            if not elsewhere:
                raise unreadable(answer.status, answer.body)

            return RawResult(job, {"urls": [urljoin(f"{base}/", address) for address in elsewhere]})

        kind = answer.content_type or ""
        media: MediaContent = {
            "content": answer.content,
            "content_type": kind if kind.startswith(("video/", "image/")) else "video/mp4",
        }
        return RawResult(job, media=(media,) if answer.content else ())

    async def cancel(self, client: OpenAIClient, operation: Operation) -> CancelAnswer:
        """Say that there is no such call: a job can only be deleted, and only once it has ended."""
        del client, operation
        return "unsupported"

    async def verify_credentials(self, client: OpenAIClient) -> None:
        """Ask for the list of models, which costs nothing."""
        await client.get(self.path("models", client.account.api_version, ""))

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; facts beside the media go into `provider_metadata`."""
        if call.kind == "image":
            return image_response(call, finished.raw)

        return video_response(call, finished)
