"""When a provider counts as down, as users write it; and what is known of that."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from ._base import Data, Seconds, Settings

CircuitState = Literal["closed", "open", "half_open"]


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


def moment(seconds: float) -> datetime:
    """Return a moment that is given in seconds since the epoch."""
    from datetime import UTC

    return datetime.fromtimestamp(seconds, UTC)
