"""How many jobs an account may have at its provider at a time, as users write it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ._base import Seconds, Settings


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
