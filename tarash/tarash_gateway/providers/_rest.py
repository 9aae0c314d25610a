"""The base of adapters that speak REST: what they repeat, once; each stage can be replaced alone.

A subclass states facts as class attributes and overrides what its provider does in another way.
It has no loop, no sleep and no retry: the engine has these.

The stages, in the order in which a job meets them: `find_key`, `connect`, `build` (of `check_kind`,
`body` with `mapped`, `endpoint`), `submit` (of `send`, and `accepted` with `operation`), `poll` (of
`job_url`, `refused` for an error status, else `seen`, of `snapshot` with `status_of`,
`failure`, `billing`, `metadata`), `cancel`, and `parse` (of `output`, `facts` and `beside`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

from .._data._exchange import (
    ENDED,
    Begun,
    MediaSupport,
    Operation,
    Payload,
    RawResult,
    Snapshot,
)
from .._http._client import HttpClient, checked, join, status_error, unreadable
from .._support._paths import value_at
from .._support._secrets import AuthHeaders
from .._support._warnings import warn
from ..exceptions import UnsupportedOperationError
from ..mapping import apply_field_mappers
from ._finding import is_since, moment, operation_of
from ._rest_results import RestResults
from ._result_facts import among, id_in, id_text, percent, unknown_in
from ._unread_names import unread_names

if TYPE_CHECKING:
    from .._data._exchange import Call, Config, Stopped
    from .._data._types import CancelAnswer, JobStatus
    from .._http._client import Classify, HttpResponse, Transport
    from .._http._credentials import Credentials
    from ..catalog import ModelSpec
    from ..exceptions import TarashException
    from ._contract import Ability

PERCENT = 100.0
OK = 200
ACCEPTED = 202
FIRST_ERROR = 300
NOT_FOUND = 404


class RestAdapter(RestResults):
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
        failures: Where a body without a status says that the job has failed. Where there are such
            places, a body that has neither a status nor one of them can't be read.
        repeats: Where each answer about a job has its id; empty where they have none.
        progress: Where a job's body holds its progress; None for nowhere.
        whole_progress: What it says when the job is done: 100, or 1 for fractions.
        media: Where a finished body holds its media, by what they are: URLs in a string, a list of
            strings, or a list of objects with a `url`.
        output_at: Where a finished body holds the output in which its media are searched, whatever
            their place; empty for the whole body.
        prefer: Names at the top of an output under which its media usually stand, by what they are.
        check_path: What costs nothing and wants a key, with `{nobody}` for an id that nobody has: a
            404 is then as good as a result. None where there is no such thing.
        url_lifetime: How long a result's URL works; None where it is not known.
        stopped: What the answer to a cancel says as the status of a job that was stopped.
        not_running: The statuses with which a cancel is refused of a job that has ended.
        abilities: Which further methods a subclass has: see `Ability`.
        makes: What it makes; the other kind is refused with a sentence.

    A subclass may keep data of its own beside these. A name that none of its methods reads, and
    that resembles one of these, is probably misspelt: a warning says so once.
    """

    name: str
    base_url: str
    key_variables: tuple[str, ...]
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
    failures: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    progress: str | None = None
    whole_progress: float = PERCENT
    check_path: str | None = None
    url_lifetime: timedelta | None = None
    stopped: frozenset[str] = frozenset({"cancelled"})
    not_running: frozenset[int] = frozenset()
    makes: tuple[str, ...] = ("video", "image")

    def __init_subclass__(cls, **options: Any) -> None:
        """Warn of names that the class sets and nobody reads, where one of ours is near."""
        super().__init_subclass__(**options)
        for name, meant in unread_names(cls, RestAdapter).items():
            warn(
                f"{cls.__name__}.{name} has no effect: it is no attribute of RestAdapter, and no "
                f"method of {cls.__name__} reads it; did you mean {' or '.join(meant)}?"
            )

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """The hosts beside that of the account's base URL which may see the key."""
        return (urlsplit(self.base_url).hostname or "",)

    @property
    def key_has_scheme(self) -> bool:
        """Whether a key is the whole of `Authorization`, and so begins with its scheme."""
        return self.authorization == ("Authorization", "{key}")

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else the first of the variables that is set."""
        keys = (environment.get(name) for name in self.key_variables)
        return config.api_key or next((key for key in keys if key), None)

    def connect(self, account: Credentials, transport: Transport) -> Any:
        """Make a client over the loop's connections."""
        name, value = self.authorization
        credentials = AuthHeaders({name: value.format(key=account.key.reveal())})
        return HttpClient(account, transport, credentials, self.errors)

    @staticmethod
    def fields(call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return what is mapped: all that `extra_params` doesn't name. Pure."""
        extra = call.request.extra_params
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        return apply_field_mappers(mappers, call.request)

    def mapped(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the parameters: what was mapped, and `extra_params`, which win. Pure."""
        return {**self.fields(call, spec), **call.request.extra_params}

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

    async def submit(
        self, client: Any, payload: Payload, call: Call
    ) -> Operation | RawResult | Begun:
        """Send the body once, and read what came back."""
        answer = await self.send(client, payload, partial(self.errors, model=call.config.model))
        return self.begun(self.accepted(client, answer, call), answer.body)

    def begun(self, accepted: Operation | RawResult, body: Any) -> Operation | RawResult | Begun:
        """Return what was accepted, and its status where that says that it has ended. Pure."""
        reads = "read_status" in self.abilities and isinstance(body, dict)
        if not isinstance(accepted, Operation) or not reads or self.status_of(body) not in ENDED:
            return accepted

        return Begun(accepted, body)

    async def send(self, client: Any, payload: Payload, classify: Classify) -> HttpResponse:
        """Send the body as JSON."""
        headers = {**self.headers, **payload.headers}
        answer: HttpResponse = await client.submit(
            payload.target, json=payload.body, headers=headers, classify=classify
        )
        return answer

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return the job that an answer to a submit names; override where it may be the result.

        Raises:
            HTTPError: It names none, so that nobody knows whether one was bought.
        """
        return self.operation(client, call, self.id_in(answer))

    def id_in(self, answer: HttpResponse) -> str:
        """Return the job's id that an answer to a submit names.

        Raises:
            HTTPError: It names none, so that nobody knows whether one was bought.
        """
        job_id = id_text(value_at(answer.object(), self.job_id))
        if not job_id:
            raise unreadable(answer.status, answer.body)

        return job_id

    operation = staticmethod(operation_of)

    def job_named(self, client: Any, payload: Payload, call: Call, job_id: str) -> Operation:
        """Return the job of a submit whose answer was lost, by its id. Pure."""
        del payload
        return self.operation(client, call, job_id)

    def job_url(self, client: Any, operation: Operation) -> str:
        """Return the address of a job."""
        path = self.job_path.format(id=quote(operation.id, safe=""))
        return join(client.account.base_url, path)

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Ask for the job once."""
        answer = await client.get(self.job_url(client, operation), any_status=True)
        if answer.status >= FIRST_ERROR:
            return self.refused(answer)

        if answer.status == ACCEPTED and value_at(answer.body, self.status) is None:
            # It is being made; there may be no body yet.
            return Snapshot("processing", raw=answer.body or None, progress=self._done(answer.body))

        return await self.seen(client, operation, answer.object())

    async def seen(self, client: Any, operation: Operation, body: Mapping[str, Any]) -> Snapshot:
        """Return what a job's body says; override where its result is elsewhere.

        Where the answer to a submit may be such a body, it is the adapter's `read_status`, too.
        """
        del client
        return self.snapshot(body, operation)

    def listed_statuses(self, jobs: Iterable[Any]) -> dict[str, Snapshot]:
        """Return where a list's jobs stand. Pure."""
        read: dict[str, tuple[JobStatus, str | None]] = {}
        snapshots: dict[str, Snapshot] = {}
        for job in jobs:
            if not isinstance(job, Mapping) or not job.get("id"):
                continue

            word = value_at(job, self.status)
            known = read.get(word) if isinstance(word, str) else None
            if known is None:
                known = (self.status_of(job), unknown_in(self.statuses, word))
                if isinstance(word, str) and type(self).status_of is RestAdapter.status_of:
                    read[word] = known  # which is so of all jobs with that word

            snapshots[str(job["id"])] = Snapshot(known[0], raw=job, unknown=known[1])

        return snapshots

    def refused(self, answer: HttpResponse) -> Snapshot:
        """Return the verdict on the job that an error status carries, where it carries one.

        Raises:
            TarashException: It is about the exchange alone, and the job goes on.
        """
        raise self.errors(answer) or status_error(answer)

    def snapshot(self, body: Mapping[str, Any], operation: Operation) -> Snapshot:
        """Return what a job's body says. Pure.

        Raises:
            HTTPError: It says nothing that can be read.
        """
        status, named, certain = self.status_of(body), id_in(body, self.repeats), not self.repeats
        if self.failures and not isinstance(value_at(body, self.status), str):
            if not any(value_at(body, place) for place in self.failures):
                raise unreadable(OK, body)

            status, certain = "failed", False

        if status == "failed":
            error = self.failure(body)
            billing = self.billing(body) or error.billing
            return Snapshot(
                "failed", raw=body, error=error, billing=billing, job_id=named, certain=certain
            )

        if status == "completed":
            finished = RawResult(body, self.metadata(operation))
            return Snapshot(
                "completed", raw=body, progress=PERCENT, finished=finished, job_id=named
            )

        unknown = unknown_in(self.statuses, value_at(body, self.status))
        done = self._done(body)
        return Snapshot(status, raw=body or None, progress=done, unknown=unknown, job_id=named)

    def _done(self, body: Any) -> float | None:
        return percent(value_at(body, self.progress), self.whole_progress)

    def status_of(self, body: Mapping[str, Any]) -> JobStatus:
        """Return our word for the status of a job's body. Pure."""
        return among(self.statuses, str(value_at(body, self.status))) or "processing"

    def failure(self, body: Mapping[str, Any]) -> TarashException:
        """Return the error of a job that ended without a result. Pure."""
        return self.errors.failure(body)

    def metadata(self, operation: Operation) -> dict[str, Any]:
        """Return facts that stand beside a result."""
        del operation
        if self.url_lifetime is None:
            return {}

        return {"expires_at": (datetime.now(UTC) + self.url_lifetime).isoformat()}

    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer | Stopped:
        """Say that the provider has no cancel."""
        del client, operation
        return "unsupported"

    def cancel_answer(self, answer: HttpResponse) -> CancelAnswer:
        """Return what the answer to a cancel says of the job.

        Raises:
            TarashException: It says nothing of it.
        """
        if answer.status in self.not_running:
            return "too_late"

        body = checked(answer, self.errors).object()
        if value_at(body, self.status) in self.stopped:
            return "cancelled"

        return "too_late" if self.status_of(body) in ENDED else "requested"

    async def get_or_none(self, client: Any, url: str) -> dict[str, Any] | None:
        """Return what is at an address; None where there is nothing."""
        answer = await client.get(url, any_status=True)
        return None if answer.status == NOT_FOUND else checked(answer, self.errors).object()

    async def verify_credentials(self, client: Any) -> None:
        """Ask for something free that wants a key."""
        if self.check_path is None:
            raise UnsupportedOperationError(f"{self.errors.title} has nothing free to ask for")

        await self.check(client, self.check_path)

    async def check(self, client: Any, path: str) -> None:
        """Ask for something free; a job that nobody has is not there, and that proves the key."""
        url = join(client.account.base_url, path.format(nobody=uuid4()))
        answer = await client.get(url, any_status=True)
        if answer.status != NOT_FOUND or "{nobody}" not in path:
            checked(answer, self.errors)

    def listed(
        self,
        client: Any,
        call: Call,
        since: datetime,
        jobs: Iterable[Mapping[str, Any]],
        is_ours: Callable[[Mapping[str, Any]], bool],
    ) -> list[Operation]:
        """Return those of a list's jobs that were started since then, and are ours."""
        return [
            self.operation(client, call, str(job["id"]), moment(job.get("created_at")) or since)
            for job in jobs
            if is_since(job.get("created_at"), since) and is_ours(job)
        ]
