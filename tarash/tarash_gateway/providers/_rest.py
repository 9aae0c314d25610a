"""The base of adapters that speak REST: what they repeat, once; each stage can be replaced alone.

A subclass states facts as class attributes and overrides what its provider does in another way.
It has no loop, no sleep and no retry: the engine has these.

The stages, in the order in which a job meets them: `find_key`, `connect`, `build` (of `check_kind`,
`body` with `mapped`, `endpoint`), `submit` (of `accepted` with `operation`), `poll` (of `job_url`,
`refused` for an error status, else `snapshot` with `status_of`, `failure`, `billing`, `metadata`),
`cancel`, and `parse` (of `output`, `facts` and `beside`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from .._data._exchange import MediaSupport, Operation, Payload, RawResult, Snapshot
from .._http._client import HttpClient, join, shorten, status_error, unreadable
from .._support._secrets import AuthHeaders
from ..exceptions import GenerationFailedError, UnsupportedOperationError
from ..mapping import apply_field_mappers
from ..models import ImageGenerationResponse, VideoGenerationResponse
from ._contract import AdapterDefaults
from ._error_rules import ErrorRules
from ._facts import percent, response_facts
from ._filters import refusal, sift
from ._outputs import VAGUE, Medium, as_text, content_of, find, no_media
from ._paths import value_at

if TYPE_CHECKING:
    from .._data._exchange import Call, Config, Response
    from .._data._types import Billing, CancelAnswer, JobStatus
    from .._http._client import HttpResponse, Transport
    from .._http._credentials import Credentials
    from ..catalog import ModelSpec
    from ..exceptions import TarashException
    from ._contract import Ability

PERCENT = 100.0
FIRST_ERROR = 300
UNTYPED = frozenset({*VAGUE, "unknown"})


class RestAdapter(AdapterDefaults):
    """An adapter by declaration.

    Attributes:
        name: The provider's name.
        base_url: Its host, with the path that all its paths begin with.
        key_variables: The environment variables of its key, the usual one first.
        errors: What its error bodies mean.
        authorization: The header that carries the key, and its value with `{key}` in it.
        headers: Further headers of a submit.
        submit_path: Where a job is started, below `base_url`.
        job_path: Where a job is, with `{id}` in it.
        job_id: Where the accepted answer holds the job's id, as a dotted path.
        status: Where a job's body holds its status, as a dotted path.
        statuses: The provider's words for a status, and ours. Others count as `processing`: a job
            is never ended by a word that nobody knows.
        progress: Where a job's body holds its progress; None for nowhere.
        whole_progress: What it says when the job is done: 100, or 1 for fractions.
        media: Where a finished body holds its media, by what they are: URLs in a string, a list of
            strings, or a list of objects with a `url`.
        check_path: What costs nothing and wants a key; None where there is no such thing.
        url_lifetime: How long a result's URL works; None where it is not known.
        abilities: Which further methods a subclass has: see `Ability`.
        makes: What it makes; the other kind is refused with a sentence.
    """

    name: str
    base_url: str
    key_variables: tuple[str, ...]
    errors: ErrorRules
    accepts: MediaSupport = MediaSupport()
    min_poll_interval: float = 1.0
    abilities: frozenset[Ability] = frozenset({"verify_credentials"})
    authorization: ClassVar[tuple[str, str]] = ("Authorization", "Bearer {key}")
    headers: ClassVar[Mapping[str, str]] = {}
    submit_path: str = ""
    job_path: str = ""
    job_id: str = "id"
    status: str = "status"
    statuses: ClassVar[Mapping[str, JobStatus]] = {}
    progress: str | None = None
    whole_progress: float = PERCENT
    media: ClassVar[Mapping[str, str]] = {}
    check_path: str | None = None
    url_lifetime: timedelta | None = None
    makes: tuple[str, ...] = ("video", "image")

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """The hosts beside that of the account's base URL which may see the key."""
        return (urlsplit(self.base_url).hostname or "",)

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else the first of the variables that is set."""
        found = (environment.get(name) for name in self.key_variables)
        return config.api_key or next((key for key in found if key), None)

    def connect(self, account: Credentials, transport: Transport) -> Any:
        """Make a client over the loop's connections."""
        name, value = self.authorization
        credentials = AuthHeaders({name: value.format(key=account.key.reveal())})
        return HttpClient(account, transport, credentials, self.errors)

    def mapped(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the parameters: what was mapped, and `extra_params`, which win. Pure."""
        extra = call.request.extra_params
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        return {**apply_field_mappers(mappers, call.request), **extra}

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the body, and the endpoint that takes it. Pure."""
        self.check_kind(call)
        body = self.body(call, spec)
        return Payload(self.endpoint(call, spec, body), body)

    def body(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the model's id and the parameters. Pure."""
        return {"model": spec.model, **self.mapped(call, spec)}

    def endpoint(self, call: Call, spec: ModelSpec, body: Mapping[str, Any]) -> str:
        """Return the path that takes the body. Pure."""
        del call, spec, body
        return self.submit_path

    def check_kind(self, call: Call) -> None:
        """Refuse what the provider never makes.

        Raises:
            UnsupportedOperationError: It is asked for.
        """
        if call.kind not in self.makes:
            raise UnsupportedOperationError(
                f"{self.errors.title} makes {' and '.join(self.makes)}s only; use another provider"
            )

    async def submit(self, client: Any, payload: Payload, call: Call) -> Operation | RawResult:
        """Send the body as JSON, once."""
        headers = {**self.headers, **payload.headers}
        answer = await client.submit(payload.path, json=payload.body, headers=headers)
        return self.accepted(client, answer, call)

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return the job that an answer to a submit names; override where it may be the result.

        Raises:
            HTTPError: It names none, so that nobody knows whether one was bought.
        """
        job_id = value_at(answer.object(), self.job_id)
        if not isinstance(job_id, str) or not job_id:
            raise unreadable(answer.status, answer.body)

        return self.operation(client, call, job_id)

    @staticmethod
    def operation(
        client: Any,
        call: Call,
        job_id: str,
        submitted_at: datetime | None = None,
        **data: Any,
    ) -> Operation:
        """Return what another process needs to go on with a job."""
        return Operation(
            provider=client.account.provider,
            model=call.config.model,
            kind=call.kind,
            id=job_id,
            submitted_at=(submitted_at or datetime.now(UTC)).isoformat(),
            data=data,
        )

    def job_url(self, client: Any, operation: Operation) -> str:
        """Return the address of a job."""
        path = self.job_path.format(id=quote(operation.id, safe=""))
        return join(client.account.base_url, path)

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Ask for the job once."""
        answer = await client.get(self.job_url(client, operation), any_status=True)
        if answer.status >= FIRST_ERROR:
            return self.refused(answer)

        return self.snapshot(answer.object(), operation)

    def refused(self, answer: HttpResponse) -> Snapshot:
        """Return the verdict on the job that an error status carries, where it carries one.

        Raises:
            TarashException: It is about the exchange alone, and the job goes on.
        """
        raise self.errors(answer) or status_error(answer)

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a job's body says. Pure."""
        status = self.status_of(body)
        if status == "failed":
            error = self.failure(body)
            return Snapshot("failed", raw=body, error=error, billing=self.billing(body))

        if status == "completed":
            finished = RawResult(body, self.metadata(operation))
            return Snapshot("completed", raw=body, progress=PERCENT, finished=finished)

        progress = value_at(body, self.progress) if self.progress else None
        return Snapshot(status, raw=body or None, progress=percent(progress, self.whole_progress))

    def status_of(self, body: Mapping[str, Any]) -> JobStatus:
        """Return our word for the status of a job's body. Pure."""
        return self.statuses.get(str(value_at(body, self.status)), "processing")

    def failure(self, body: Mapping[str, Any]) -> TarashException:
        """Return the error of a job that ended without a result. Pure."""
        return self.errors.failure(body)

    def billing(self, body: Mapping[str, Any]) -> Billing | None:
        """Return what a failed job costs, where the provider says so. Pure."""
        del body
        return None

    def metadata(self, operation: Operation) -> dict[str, Any]:
        """Return facts that stand beside a result."""
        del operation
        if self.url_lifetime is None:
            return {}

        return {"expires_at": (datetime.now(UTC) + self.url_lifetime).isoformat()}

    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer:
        """Say that the provider has no cancel."""
        del client, operation
        return "unsupported"

    async def verify_credentials(self, client: Any) -> None:
        """Ask for something free that wants a key."""
        if self.check_path is None:
            raise UnsupportedOperationError(f"{self.errors.title} has nothing free to ask for")

        await client.get(join(client.account.base_url, self.check_path))

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; a result without media is an error. Pure."""
        raw, kind, title = finished.raw, call.kind, self.errors.title
        output = self.output(raw, kind)
        found = find(output, kind, prefer=(kind, f"{kind}s", "url"))
        sifted = sift(output, found.media)
        if not sifted.media and sifted.refused:
            raise refusal(title, sifted, kind, raw, self.billing(raw))

        media = sifted.media or tuple(self.declared(raw, kind))
        if not media and output is None:
            article = "an" if kind == "image" else "a"
            raise GenerationFailedError(
                f"{title} answered without {article} {kind}: {shorten(raw)}", raw_response=raw
            )

        if not media:
            raise no_media(title, kind, found, output, raw)

        facts: dict[str, Any] = {"content_type": media[0].content_type}
        if kind == "video" and found.sounds:
            facts["audio_url"] = found.sounds[0]

        rest = {} if found.beside is None else {"other_output": found.beside}
        metadata = {**rest, **sifted.note, **finished.metadata, **self.beside(raw)}
        facts = response_facts(call, metadata, **{**facts, **self.facts(raw, kind)})
        contents = tuple(map(content_of, media))
        if kind == "image":
            images = tuple(map(as_text, contents))
            return ImageGenerationResponse(images=images, raw_response=raw, **facts)

        return VideoGenerationResponse(
            video=contents[0], videos=contents, raw_response=raw, **facts
        )

    def output(self, body: Any, kind: str) -> Any:
        """Return the part of a finished body that holds its media. Pure."""
        return value_at(body, self.media[kind]) if kind in self.media else None

    def declared(self, body: Any, kind: str) -> list[Medium]:
        """Return the addresses where `media` says that they are.

        A place that holds one address is believed whatever its name says: it is paid for. One that
        holds several is believed where nothing tells their type.
        """
        output = self.output(body, kind)
        items = output if isinstance(output, list) else [output]
        urls = (one.get("url") if isinstance(one, Mapping) else one for one in items)
        return [
            Medium(url, None, kind, ())
            for url in urls
            if isinstance(url, str)
            and (others := find(url, kind).others)
            and (url is output or UNTYPED.issuperset(others))
        ]

    def facts(self, body: Any, kind: str) -> dict[str, Any]:
        """Return what a finished body says of its media: fields of the response. Pure."""
        del body, kind
        return {}

    def beside(self, body: Any) -> dict[str, Any]:
        """Return what a finished body says beside its media, for `provider_metadata`. Pure."""
        del body
        return {}
