"""What whoever runs the server sets: accounts, aliases, limits. Never a secret itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .._data._budgets import Budget
from .._data._limits import Breaker, Limits
from ._key_store import ConfiguredKey

MEBIBYTE = 1024 * 1024
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Account(_Section):
    """One account with a provider.

    Attributes:
        provider: The provider's name.
        name: What tells it from others of the same provider: models are `provider@name/model`
            then. Empty for the one that `provider/model` means.
        key_env: The variable of the environment that holds its key; by default the provider's own.
        base_url: Where it is asked, in place of the provider's host.
    """

    provider: str = Field(min_length=1)
    name: str = Field(default="", pattern=rf"^$|{NAME}")
    key_env: str | None = None
    base_url: str | None = None


class Alias(_Section):
    """A name for several models, tried in this order.

    Attributes:
        chain: Models as `provider/model`; the next is tried after a retryable failure.
    """

    chain: tuple[str, ...] = Field(min_length=1)


class WebhookSettings(_Section):
    """Who is notified that jobs have ended, and whether providers call back.

    Attributes:
        url: Where the messages go.
        secret_env: The variable of the environment that holds what they are signed with: a secret
            of Standard Webhooks (`whsec_…`), or any text.
        allow_loopback: Whether it may be on this machine; otherwise on the public internet only.
        inbox: Whether providers are asked to call back, at `/webhooks` below `public_url`, which
            they have to reach; for `tarash serve`.
    """

    url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#@]+[^\s]*$")
    secret_env: str | None = Field(default=None, min_length=1)
    allow_loopback: bool = False
    inbox: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.url is None) != (self.secret_env is None):
            message = (
                "url and secret_env belong together: a receiver, and what it knows messages by"
            )
            raise ValueError(message)

        if self.url is None and not self.inbox:
            message = "name a receiver (url and secret_env), let providers call (inbox), or both"
            raise ValueError(message)

        return self


class Cors(_Section):
    """Which pages may use the server from a browser.

    Attributes:
        origins: Their origins, such as `https://app.example.com`.
    """

    origins: tuple[str, ...] = ()


class ServerSettings(_Section):
    """How the server works: the whole of a configuration file.

    Attributes:
        ledger: Where jobs are written down, for `tarash serve`; as its option `--ledger`.
        budgets: What all keys together may spend, such as `50/day`; for `tarash serve`.
        limits: How many jobs may be in flight at providers; for `tarash serve`.
        breaker: When a provider counts as down, for `tarash serve`; by default none does.
        keys: Keys that stand in variables of the environment.
        webhooks: Who is notified that jobs have ended, and whether providers call back.
        cors: Which pages may use the server from a browser.
        mock: Answer every model from the mock: no provider is asked and nothing is bought.
        media: The folder for results and what clients upload; by default in the user's data folder.
        accounts: Accounts with keys or hosts of their own; others are the environment's.
        aliases: Names for chains of models.
        allowed_extra_params: Parameters of providers' own that clients may send.
        create_seconds: How long a create waits for the provider's answer; after that it answers
            with the job as it is.
        queue_seconds: How long a create waits for a place among the jobs that its key may have
            under way; shorter than `create_seconds`, so that the answer can say so.
        page: Whether the page is served, at `/`.
        session_seconds: How long somebody who has signed in to the page stays so.
        failures_per_minute: How many keys that are not good an address may try.
        answer_seconds: How long images may take until their answer begins without them, and goes
            on to say that it is alive.
        alive_seconds: How often it says so.
        public_url: What links begin with; by default what the request was sent to.
        poll_seconds: How soon clients are asked to poll again.
        sweep_seconds: How often jobs that nobody drives are looked for.
        body_seconds: How long a body may pause while it comes.
        json_bytes: The largest body of JSON.
        multipart_bytes: The largest body of a form, and so the largest file that clients upload.
        form_files: How many files a form may have.
        form_fields: How many fields a form may have beside its files.
        memory_bytes: How much memory bodies and uploaded files may take at a time, over all
            requests, with the forms in which they are sent; who finds no place waits for
            `queue_seconds`, and is refused (503) then.
        spool_bytes: How much of forms may be on the disk, in the folder for temporary files, at a
            time, until there is memory for them; as `memory_bytes`.
        uploads_bytes: How much a key may have uploaded and not used up by time.
    """

    ledger: str | None = None
    budgets: tuple[str, ...] = ()
    limits: tuple[Limits, ...] = ()
    breaker: Breaker | None = None
    keys: tuple[ConfiguredKey, ...] = ()
    webhooks: WebhookSettings | None = None
    cors: Cors = Cors()
    mock: bool = False
    media: Path | None = None
    accounts: tuple[Account, ...] = ()
    aliases: dict[Annotated[str, Field(pattern=NAME)], Alias] = Field(default_factory=dict)
    allowed_extra_params: tuple[str, ...] = ()
    create_seconds: float = Field(default=30, gt=0, le=600)
    queue_seconds: float = Field(default=20, gt=0, le=600)
    page: bool = True
    session_seconds: float = Field(default=12 * 3600, gt=0, le=30 * 24 * 3600)
    failures_per_minute: int = Field(default=60, ge=1)
    answer_seconds: float = Field(default=20, gt=0, le=600)
    alive_seconds: float = Field(default=10, gt=0, le=60)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    poll_seconds: float = Field(default=1, gt=0, le=60)
    sweep_seconds: float = Field(default=15, gt=0)
    body_seconds: float = Field(default=20, gt=0, le=3600)
    json_bytes: int = Field(default=10 * MEBIBYTE, ge=1024)
    multipart_bytes: int = Field(default=200 * MEBIBYTE, ge=1024)
    form_files: int = Field(default=64, ge=1, le=1000)
    form_fields: int = Field(default=1000, ge=1, le=10_000)
    memory_bytes: int = Field(default=1024 * MEBIBYTE, ge=1024)
    spool_bytes: int = Field(default=4096 * MEBIBYTE, ge=1024)
    uploads_bytes: int = Field(default=2048 * MEBIBYTE, ge=0)

    @property
    def webhook_url(self) -> str | None:
        """Where providers are asked to call back; None where they are not, or can't be."""
        if self.webhooks is None or not self.webhooks.inbox or self.public_url is None:
            return None

        return f"{self.public_url.rstrip('/')}/webhooks"

    @field_validator("budgets")
    @classmethod
    def _are_budgets(cls, budgets: tuple[str, ...]) -> tuple[str, ...]:
        for budget in budgets:
            Budget.parse(budget)

        return budgets

    @field_validator("accounts")
    @classmethod
    def _are_distinct(cls, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        names = [(account.provider, account.name) for account in accounts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            provider, name = twice
            called = f"are named {name!r}" if name else "have no name"
            message = f"two of {provider} {called}, and a model's name tells whose key pays"
            raise ValueError(message)

        return accounts

    @field_validator("keys")
    @classmethod
    def _have_names(cls, keys: tuple[ConfiguredKey, ...]) -> tuple[ConfiguredKey, ...]:
        names = [key.name for key in keys]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            message = f"two are named {twice!r}, and a name tells whose a job is"
            raise ValueError(message)

        return keys
