"""What answers on models, for the admin, the page and machines have in them; as `_answers`."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from .._data._limits import CircuitHealth
from .._data._model_info import ModelDescription, NumberRange
from .._data._money import PriceLine
from .._data._responses import ProviderInfo
from ._key_store import ApiKey


class Price(BaseModel):
    """What a unit of a model's output costs, from the least to the most."""

    low: str
    high: str
    currency: str
    unit: str


class FoundModel(BaseModel):
    """A model or an alias of the catalogue.

    Attributes:
        alias: The chain that an alias stands for.
        ready: Whether it can be used now: its provider's key is here.
        takes: Roles of images, `video` and `mask` that it takes.
        durations: Seconds, where they are listed.
        duration_range: Seconds, where they are a range.
        shutdown: The day on which it was or will be shut down.
        successor: What to use instead.
    """

    id: str
    object: Literal["model"]
    ready: bool
    outputs: list[str]
    alias: list[str] | None = None
    provider: str | None = None
    name: str | None = None
    category: str | None = None
    takes: list[str] = []
    durations: list[float] = []
    duration_range: NumberRange | None = None
    shutdown: str | None = None
    successor: str | None = None
    retired: bool = False
    deprecated: bool = False
    price: Price | None = None


class DescribedModel(FoundModel):
    """A model with all that is known of it."""

    description: ModelDescription | None = None
    prices: list[PriceLine] = []


class FoundModels(BaseModel):
    """Models of the catalogue.

    Attributes:
        total: How many fit.
        is_id: Whether the words are the whole id of a model.
    """

    object: Literal["list"]
    data: list[FoundModel]
    total: int
    has_more: bool
    is_id: bool


class Act(BaseModel):
    """Something that the admin has done."""

    at: AwareDatetime
    act: str
    what: str
    address: str | None
    request_id: str | None


class Acts(BaseModel):
    """What the admin has done, newest first."""

    object: Literal["list"]
    data: list[Act]


class Line(BaseModel):
    """A limit, and the jobs that it counts.

    Attributes:
        name: The models that are counted.
        in_flight: How many jobs are under way.
        waiting: How many wait for a place.
        most: How many may be under way; null where that is learned.
    """

    name: str
    in_flight: int
    waiting: int
    most: int | None


class ProviderHealth(ProviderInfo):
    """A provider that the gateway knows; further fields as in Python.

    Attributes:
        ready: Whether its models can be asked for now; `mocked` says who answers.
        mocked: Whether the mock answers in its place, whether or not its key is here.
    """

    ready: bool
    mocked: bool


class Queue(BaseModel):
    """The jobs that wait for a worker."""

    waiting: int


class Health(BaseModel):
    """How the gateway does.

    Attributes:
        ledger: `ok`, or `down` where it can't be read.
        jobs_under_way: How many jobs this server drives.
        circuits: The breakers.
        mock: Whether every model is answered by the mock, and no provider is asked.
    """

    object: Literal["health"]
    mock: bool
    ledger: Literal["ok", "down"]
    jobs_under_way: int
    queue: Queue
    circuits: list[CircuitHealth]
    limits: list[Line]
    providers: list[ProviderHealth]


class Spent(BaseModel):
    """What a key has spent since its budget was last renewed.

    Attributes:
        key: The key's id, or `admin`.
        amount: What its jobs have cost, as far as is known.
        possible: What others may cost: they go on, or failed and may be billed.
        submits: How many submits there were.
        unknown: How many of them have no known price.
    """

    key: str
    amount: Decimal
    possible: Decimal
    currency: str
    submits: int
    unknown: int


class Spending(BaseModel):
    """What all keys have spent."""

    object: Literal["list"]
    data: list[Spent]


class SessionAnswer(BaseModel):
    """Who has signed in to the page; all but the first two only where somebody has.

    Attributes:
        key: What the key is for; null for the admin's.
        csrf: What writes have to carry as `x-csrf-token`.
        mock: Whether every model is answered by the mock.
    """

    object: Literal["session"]
    signed_in: bool
    is_admin: bool | None = None
    name: str | None = None
    key: ApiKey | None = None
    csrf: str | None = None
    expires_at: AwareDatetime | None = None
    mock: bool | None = None
    version: str | None = None


class Alive(BaseModel):
    """Whether the server can take work."""

    status: str
    jobs_under_way: int | None = None


class Taken(BaseModel):
    """What a provider hears of its webhook: that it came, or its challenge."""

    ok: bool | None = None
