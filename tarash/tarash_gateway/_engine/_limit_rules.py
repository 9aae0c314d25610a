"""What limits mean for one attempt, and what a provider's refusals say of them. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .._data._policies import own_labels
from ..catalog import names_of
from ..exceptions import QuotaExceededError, RateLimitError, TarashException

if TYPE_CHECKING:
    from .._data._exchange import Config
    from .._data._limits import Limits

ROUNDS = 20_000
"""Of the hash that names an account: a name in a ledger must not help to guess a short key."""
MOST_TEXT = 4000
"""Characters of a refusal that are read."""
LARGEST_LIMIT = 10_000
IN_FLIGHT = re.compile(
    r"(?:concurren\w*|parallel|simultaneous\w*|in[ -]?flight|at (?:a|the same) time)"
    r"[^.\d]{0,60}?\b(\d{1,5})\b"
    r"|\b(\d{1,5})\s+(?:\w+\s+){0,2}(?:concurren\w*|parallel|simultaneous\w*|in[ -]?flight)",
    re.IGNORECASE,
)
PER_MINUTE = re.compile(
    r"\b(\d{1,5})\s*(?:\w+\s+){0,2}(?:requests?|submits?|calls?|predictions?|jobs?|tasks?)?\s*"
    r"(?:per|a|/)\s*min(?:ute)?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LimitRules:
    """The limits that hold for one attempt, all of them together."""

    max_in_flight: int | None = None
    max_of_model: int | None = None
    per_minute: int | None = None
    per_minute_of_model: int | None = None
    queue_timeout: float | None = None
    fair_by: str | None = None
    learns: bool = True
    is_by_model: bool = False
    """Whether what is learned is about the model."""


def limit_rules_for(limits: Iterable[Limits], config: Config) -> LimitRules | None:
    """Return what holds for a config; None for no limit at all.

    Args:
        limits: The gateway's.
        config: Has its own, perhaps.
    """
    mine = [] if config.limits is None else [config.limits]
    every = [one for one in (*mine, *limits) if _holds(one, config)]
    unlabelled = [one for one in every if one.label is None]
    if not unlabelled:
        return None

    learns = any(one.learn for one in unlabelled)
    is_by_model = any(one.is_by_model for one in unlabelled)
    return replace(_limit_rules_of(unlabelled, config), learns=learns, is_by_model=is_by_model)


def limit_rules_by_label(limits: Iterable[Limits], config: Config) -> list[tuple[str, LimitRules]]:
    """Return what holds for a config among jobs with the same value of a label, by the label."""
    mine = [] if config.limits is None else [config.limits]
    by_label: dict[str, list[Limits]] = {}
    for one in (*mine, *limits):
        if one.label is not None and _holds(one, config):
            by_label.setdefault(one.label, []).append(one)

    return [(label, _limit_rules_of(every, config)) for label, every in by_label.items()]


def _holds(limits: Limits, config: Config) -> bool:
    """Tell whether limits hold for a config, whichever name of the provider either has."""
    return any(limits.holds_for(name, config.model) for name in names_of(config.provider))


def _limit_rules_of(limits: list[Limits], config: Config) -> LimitRules:
    """Return what limits come to together: of a label's, for the jobs with one value of it."""
    of_model = [limit for limit in limits if limit.is_by_model]
    of_all = [limit for limit in limits if not limit.is_by_model]
    return LimitRules(
        max_in_flight=_least(one.in_flight for one in of_all),
        max_of_model=_least(one.in_flight for one in of_model),
        per_minute=_least(one.submits_per_minute for one in of_all),
        per_minute_of_model=_least(one.submits_per_minute for one in of_model),
        queue_timeout=_least((config.queue_timeout, *(limit.queue_timeout for limit in limits))),
        fair_by=next((limit.fair_by for limit in limits if limit.fair_by is not None), None),
        learns=False,
    )


def line_of_label(label: str, value: str) -> str:
    """Return a name for the jobs that have a value of a label."""
    return f"label {label}:{hashlib.sha256(value.encode()).hexdigest()[:24]}"


def _least(numbers: Iterable[Any]) -> Any:
    return min((number for number in numbers if number is not None), default=None)


def group_of(labels: Mapping[str, str], fair_by: str | None) -> str:
    """Return with whom a job shares its turns."""
    if fair_by is not None:
        return labels.get(fair_by, "")

    own = own_labels(labels)
    return json.dumps(own, sort_keys=True) if own else ""


@lru_cache(maxsize=256)
def line_of(provider: str, base_url: str, key: str, *, mocked: bool) -> str:
    """Return a name for an account, equal in all processes; the key can't be made of it."""
    place = f"{provider} {base_url} {'mock' if mocked else ''}"
    digest = hashlib.pbkdf2_hmac("sha256", key.strip().encode(), place.encode(), ROUNDS, 12)
    return f"{provider}:{digest.hex()}"


def is_refusal(error: TarashException) -> bool:
    """Tell whether an error says that there are too many jobs or requests at the moment."""
    return isinstance(error, RateLimitError) and not isinstance(error, QuotaExceededError)


def limits_in(error: TarashException) -> tuple[int | None, int | None]:
    """Return the jobs at a time and the submits per minute that a refusal names, if it does."""
    text = f"{error.message} {error.raw_response}"[:MOST_TEXT]
    return _number(IN_FLIGHT, text), _number(PER_MINUTE, text)


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    for match in pattern.finditer(text):
        number = int(next(group for group in match.groups() if group is not None))
        if 0 < number <= LARGEST_LIMIT:
            return number

    return None
