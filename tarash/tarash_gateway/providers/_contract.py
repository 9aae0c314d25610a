"""The contract between the engine and the adapters: what passes between them, as data.

An adapter says how to talk to one provider and nothing else; the engine decides when. The contract
with the ledgers stands in `_records`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from .._data._types import CancelAnswer, JsonObject, MediaContent

if TYPE_CHECKING:
    from datetime import datetime

    from .._data._exchange import (
        Begun,
        Call,
        Config,
        MediaSupport,
        Operation,
        Page,
        PartialImage,
        Payload,
        RawResult,
        Response,
        Snapshot,
        Stopped,
        Together,
    )
    from .._data._money import Asked, Reported
    from .._data._webhooks import WebhookFacts
    from .._http._client import Transport
    from .._http._credentials import Credentials
    from ..catalog import ModelSpec


Ability = Literal[
    "account_limits",
    "answers_at_once",
    "ask_price",
    "fetch_schema",
    "find_submitted",
    "is_ready",
    "key_variable",
    "partial_image",
    "poll_many",
    "read_status",
    "region_of",
    "reported_cost",
    "resolve_base_url",
    "resolve_spec",
    "stream",
    "upload",
    "verify_credentials",
    "webhook",
    "with_token",
]
"""What some adapters can do: each is the method of that name, in one of the protocols below."""
ABILITIES: tuple[Ability, ...] = get_args(Ability)


class Client(Protocol):
    """What the client cache needs of a client; adapters know the real type of theirs."""

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class Adapter(Protocol):
    """One provider's protocol. No loop, no sleep, no retry, no logging, no sync method."""

    name: str
    accepts: MediaSupport
    min_poll_interval: float
    """Seconds; the provider's own floor between two polls."""
    base_url: str
    abilities: frozenset[Ability]
    """The methods that it has beside these; one that is not declared is never called."""
    modules: tuple[str, ...]
    """What `connect` imports; loaded in a thread beforehand."""
    needs: tuple[str, ...]
    """The names in `Operation.urls` and `Operation.data` without which a job can't be polled."""
    base_url_variable: str
    """The vendor's own environment variable for the base URL; empty for none."""

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """The hosts beside that of the account's base URL which may see the key."""
        ...

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key to use, or None if there is none."""
        ...

    def connect(self, account: Credentials, transport: Transport) -> Client:
        """Make a client with vendor retries off; called and closed by the client cache only."""
        ...

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Turn a fitted call into the exact submit. Pure."""
        ...

    async def submit(
        self, client: Any, payload: Payload, call: Call
    ) -> Operation | RawResult | Begun:
        """Send the payload: one HTTP exchange.

        It returns `Begun` where the answer says that the job has ended, and the adapter has
        `read_status`: what the answer means is read when the acceptance is written down.
        """
        ...

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Poll the job once.

        Only what is returned as `completed` or `failed` settles the job, so that is the provider's
        verdict and nothing else, also where it comes with an error status. Whatever is raised is
        about the exchange, and it is polled again; a raised 404 or 410 is about the job's own
        status, and one that is met behind it (on the result, say) is returned as `trouble`.
        """
        ...

    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer | Stopped:
        """Ask the provider to stop the job.

        It returns `Stopped` where the answer proves what the job costs. Of one that is merely
        `cancelled` the next poll is asked that; where that doesn't say so either, it may be billed.
        """
        ...

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Turn what settled the job into a response. Pure; a result without media is an error."""
        ...


class AdapterDefaults:
    """What an adapter declares, where it declares nothing else."""

    abilities: frozenset[Ability] = frozenset()
    modules: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    base_url_variable: str = ""
    continues: str = ""
    """Which of its models go on from an earlier result, in words; empty for none."""
    continues_own_model: bool = False
    """Whether only the model that has made a result goes on from it."""

    @property
    def key_has_scheme(self) -> bool:
        """Whether a key may begin with `Bearer` or the like, since it is sent as it is."""
        return True


class StreamingAdapter(Adapter, Protocol):
    """An adapter whose provider pushes the status of a job."""

    def stream(self, client: Any, operation: Operation) -> AsyncIterator[Snapshot]:
        """Yield a snapshot for each change, until the job has ended or the provider stops."""
        ...


class LocatingAdapter(Adapter, Protocol):
    """An adapter whose host depends on the config, such as on a region."""

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return the base URL; `custom` is what the user put in the place of the provider's."""
        ...


class RegionalAdapter(Adapter, Protocol):
    """An adapter whose provider has prices of its own in each region."""

    def region_of(self, config: Config) -> str | None:
        """Return the region that a call would go to; None where nobody knows it. Pure."""
        ...


class TokenAdapter(Adapter, Protocol):
    """An adapter whose provider also takes tokens in the place of a key, which end soon.

    Nobody can tell by such a token who has bought a job, since the next one is another.
    """

    def has_token(self, config: Config) -> bool:
        """Tell whether a config's credentials are such tokens, or what makes them. Pure."""
        ...

    def with_token(self, config: Config, token: str) -> Config | None:
        """Return a config with a token that was given as a key; None where it is none. Pure."""
        ...


class UploadingAdapter(Adapter, Protocol):
    """An adapter whose provider takes uploads of media."""

    async def upload(self, client: Any, media: MediaContent) -> str:
        """Hand media to the provider; return the reference to send in its place."""
        ...


class PreparingAdapter(UploadingAdapter, Protocol):
    """An adapter whose provider works on an upload before it can be used."""

    async def is_ready(self, client: Any, reference: str) -> bool:
        """Tell whether an uploaded medium can be used: one GET, asked again while it can't.

        Raises:
            TarashException: It never will be, or that can't be known now.
        """
        ...


class RefiningAdapter(Adapter, Protocol):
    """An adapter whose models take other parameters for some requests: an edit, a remix."""

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Return what the model takes in this call; requested values are adapted after it. Pure."""
        ...


class LearningAdapter(Adapter, Protocol):
    """An adapter whose provider says what a model takes when it is asked."""

    def may_learn(self, account: Credentials) -> bool:
        """Tell whether there is somebody to ask, at this account's base URL."""
        ...

    async def fetch_schema(self, client: Any, model: str) -> JsonObject | None:
        """Return the catalogue's record of a model; None where the provider doesn't say.

        One or two GETs that cost nothing.
        """
        ...


class AnsweringAdapter(Adapter, Protocol):
    """An adapter for models that have no jobs: the answer to their submit is the result itself."""

    def answers_at_once(self, call: Call) -> bool:
        """Tell whether this call's is one: nobody can stop it, or find it again. Pure."""
        ...


class PreviewingAdapter(AnsweringAdapter, Protocol):
    """An adapter whose provider shows an image on the way, in the answer to its submit."""

    def partial_image(self, event: bytes) -> PartialImage | None:
        """Return the image on the way that an event of a stream holds; None for any other. Pure.

        It raises nothing: the events come while a paid answer is read.

        Args:
            event: The data of the event, as it came.
        """
        ...


class CheckingAdapter(Adapter, Protocol):
    """An adapter that can tell whether a key works, at no cost."""

    async def verify_credentials(self, client: Any) -> None:
        """Ask the provider something free; return if it accepts the key.

        Raises:
            TarashException: It refuses the key, or can't be asked.
        """
        ...


class ReadingAdapter(Adapter, Protocol):
    """An adapter whose provider says how a job ended otherwise than in answer to a poll, too."""

    async def read_status(
        self, client: Any, operation: Operation, body: Mapping[str, Any]
    ) -> Snapshot:
        """Return what a status of the job says, as `poll` does: its answer goes through here.

        A result that is elsewhere is fetched.

        Args:
            client: The account's.
            operation: The job.
            body: Its status: of a poll, of the answer to its submit (`Begun`), or as `raw` of the
                last snapshot of its `stream`.
        """
        ...


class SharingAdapter(Adapter, Protocol):
    """An adapter whose provider answers for several jobs at once."""

    def together(self, operation: Operation) -> Together | None:
        """Return how a job is asked for together with others; None for not at all. Pure."""
        ...

    async def poll_many(self, client: Any, operations: Sequence[Operation], place: str) -> Page:
        """Return what one request says of several jobs, by their ids or as a page: one GET.

        What it lacks is left out, and what else it has may be in it. A status is enough: a job
        that has ended is polled by itself.

        Args:
            client: The account's.
            operations: Jobs for which `together` says the same, in no order.
            place: The `further` of a page that was read before, to read what follows it; empty for
                the list's beginning, as far as these jobs are concerned.
        """
        ...


class CallingBackAdapter(Adapter, Protocol):
    """An adapter whose provider calls back when a job has come further."""

    def webhook(self, kind: str = "", model: str = "") -> WebhookFacts | None:
        """Return how it is asked to, how it signs, and what it sends. Pure.

        Args:
            kind: What is made, where that makes a difference; empty for what holds for all.
            model: By which model.
        """
        ...

    def job_named(self, client: Any, payload: Payload, call: Call, job_id: str) -> Operation:
        """Return the job of a submit whose answer was lost, which the provider named in a call."""
        ...


class LimitingAdapter(Adapter, Protocol):
    """An adapter whose provider says how many jobs an account may have in flight."""

    async def account_limits(self, client: Any) -> Mapping[str, int]:
        """Return the jobs at a time by model id; an empty one stands for the account as a whole.

        One GET that costs nothing.
        """
        ...


class ReportingAdapter(Adapter, Protocol):
    """An adapter whose provider says what a job cost, or what it was counted as."""

    def reported_cost(self, body: Any, metadata: Mapping[str, Any]) -> Reported | None:
        """Return what an answer says of the cost; None where it says nothing. Pure.

        Args:
            body: The answer that settled the job, as it came; also one that says that it failed.
            metadata: What stood beside it; empty for a failed job.
        """
        ...


class PricingAdapter(Adapter, Protocol):
    """An adapter whose provider says what a request would cost, without starting it."""

    async def ask_price(self, client: Any, payload: Payload, call: Call) -> Asked | None:
        """Return what a submit of this payload would cost; None where the provider has no figure.

        One or two exchanges that cost nothing, and never the submit's own.

        Raises:
            TarashException: It can't be asked now.
        """
        ...


class ManyKeysAdapter(Adapter, Protocol):
    """An adapter for products with keys of their own, distinguished by the model."""

    def key_variable(self, config: Config) -> str:
        """Return the environment variable that the config's key is read from."""
        ...


class FindingAdapter(Adapter, Protocol):
    """An adapter whose provider lists jobs, so that one whose answer was lost can be found."""

    async def find_submitted(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the account's jobs that were started since then with this model and input.

        Newest first, from at most a few pages; as complete as what `submit` returns.
        """
        ...
