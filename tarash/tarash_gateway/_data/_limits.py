"""How much goes to a provider at a time, and when it counts as down, as users write it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from ._base import Data, Seconds, Settings

CircuitState = Literal["closed", "open", "half_open"]


class Limits(Settings):
    """How many jobs may be in flight at a provider: accepted, or about to be, and not ended.

    What is more waits, and has bought nothing while it does. They hold for each account (a key at a
    host) by itself; where several hold, each does. All gateways that share a ledger share them.

    Attributes:
        in_flight: Jobs at a time; None for what is learned only: from what providers say, and from
            their refusals.
        submits_per_minute: Attempts that are let in within any 60 seconds; None for no limit.
        per: `account` counts all of its jobs together, `model` those of each model by itself.
        label: Counts the jobs that have the same value of this label together, whichever account
            makes them, in place of those of an account; nothing is learned for them.
        provider: Only jobs of this one; None for any.
        model: Only jobs of this model; then they are counted by model.
        queue_timeout: Seconds that an attempt may wait; after them it is refused and the chain goes
            on with its next config. None for no limit.
        fair_by: The label whose values take turns, such as `user`; by default calls with equal
            labels are one group. Within a group the first come goes first.
        learn: Whether a refusal with status 429 makes the limit smaller for a while, and whether
            providers are asked for theirs.

    Example:
        Gateway(limits=[Limits(in_flight=10, fair_by="user"), Limits(model="gen4.5", in_flight=2)])
    """

    in_flight: int | None = Field(default=None, ge=1)
    submits_per_minute: int | None = Field(default=None, ge=1)
    per: Literal["account", "model"] = "account"
    label: str | None = Field(default=None, min_length=1)
    provider: str | None = Field(default=None, min_length=1)
    model: str | None = Field(default=None, min_length=1)
    queue_timeout: Seconds | None = None
    fair_by: str | None = Field(default=None, min_length=1)
    learn: bool = True

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.in_flight is None and self.submits_per_minute is None and not self.learn:
            message = "give in_flight, submits_per_minute, or learn=True"
            raise ValueError(message)

        return self

    @property
    def is_by_model(self) -> bool:
        """Whether the jobs of each model are counted by themselves."""
        return self.per == "model" or self.model is not None

    def holds_for(self, provider: str, model: str) -> bool:
        """Tell whether jobs of a model count."""
        return self.provider in (None, provider) and self.model in (None, model)


class Breaker(Settings):
    """When the gateway stops to send attempts to a provider that is down, for each model there.

    Only what is wrong with the connection or the provider's machines counts: connections that fail,
    statuses from 500 on, and deadlines that pass without a verdict on the job. A refused request,
    moderation, a failed generation, a rate limit or a quota never does.

    Attributes:
        failures: So many within `within` open the circuit, where they are at least half of what
            ended in that time.
        within: Seconds.
        open_seconds: How long it stays open before one attempt probes whether the provider is back;
            twice as long after each probe that fails, up to 16 times.
        on_open: What happens where the chain has no config left to go on with: `try` sends the
            attempt all the same, `fail` ends the call with a `CircuitOpenError`.

    Example:
        Gateway(breaker=Breaker(failures=5, open_seconds=30))
    """

    failures: int = Field(default=5, ge=1)
    within: Seconds = 60
    open_seconds: Seconds = 30
    on_open: Literal["try", "fail"] = "try"


class CircuitHealth(Data):
    """How one model at one host is doing, as far as the attempts of late show.

    Attributes:
        provider: The provider's name.
        base_url: The host that is asked.
        model: The model's id.
        state: `closed` where attempts go out; `open` where they are skipped; `half_open` where one
            of them probes.
        failures: Attempts that failed for the connection or the provider's machines, of late.
        successes: Attempts that the provider has answered, of late.
        retry_at: When the next probe may go out; None while closed.
        last_error: What opened it, without its details; None where nothing did.
    """

    provider: str
    base_url: str
    model: str
    state: CircuitState
    failures: int = 0
    successes: int = 0
    retry_at: AwareDatetime | None = None
    last_error: str | None = None
