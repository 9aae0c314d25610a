"""What is handed to the public functions: refused with a sentence, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, cast

from .._data._budgets import Budget
from .._data._hints import give_parameter
from .._data._limits import Breaker, Limits
from .._data._policies import NOTED
from .._data._requests import mistyped_in
from .._support._words import with_article
from ..exceptions import ValidationError
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)

if TYPE_CHECKING:
    from .._data._exchange import Config, Request
    from .._data._policies import Observer, Policy
    from .._data._types import Kind
    from .._engine import EngineContext

EXPECTED = {
    "video": (VideoGenerationConfig, VideoGenerationRequest),
    "image": (ImageGenerationConfig, ImageGenerationRequest),
}


def check_arguments(function: str, kind: Kind, config: object, request: object) -> None:
    """Check that these are a config and a request of a kind.

    Args:
        function: Its public name, for the message.
        kind: What it makes.
        config: What was given as the config.
        request: What was given as the request.

    Raises:
        ValidationError: They are something else, or in the wrong order; or a config is strict, and
            a keyword of the request is probably a typo.
    """
    expected = EXPECTED[kind]
    for given, wanted in zip((config, request), expected, strict=True):
        if not isinstance(given, wanted):
            names = " and ".join(with_article(one.__name__) for one in expected)
            other = next((name for name, pair in EXPECTED.items() if isinstance(given, pair)), kind)
            meant = "" if other == kind else f"; use {function.replace(kind, other)}"
            raise ValidationError(
                f"{function} takes {names}, in this order; this is "
                f"{with_article(type(given).__name__)}{meant}"
            )

    _check_keywords(cast("Config", config), cast("Request", request))


def _check_keywords(config: Config, request: Request) -> None:
    """Check that a strict call has no keyword that means a field, and would do nothing for it.

    Raises:
        ValidationError: It has one.
    """
    mistyped = mistyped_in(request)
    if not mistyped or not _is_strict(config):
        return

    hints = "; ".join(
        f"{name!r} is not a field of {type(request).__name__}; did you mean {meant}?"
        for name, meant in mistyped.items()
    )
    first = next(iter(mistyped))
    message = f"strict=True sends no keyword that is probably a typo: {hints}"
    advice = give_parameter(first)
    raise ValidationError(
        message, code="strict", field=first, hints=[advice], submission="not_sent"
    )


def _is_strict(config: Config) -> bool:
    return config.strict or any(map(_is_strict, config.fallback_configs))


def check_callback(on_progress: Callable[..., Any] | None) -> None:
    """Check that a progress callback is one.

    Raises:
        ValidationError: It could only fail, with each update.
    """
    from ._callbacks import misuse_of

    wrong = misuse_of(on_progress)
    if wrong is not None:
        raise ValidationError(wrong, submission="not_sent")


def with_limit(resources: EngineContext, max_media_bytes: int | None) -> EngineContext:
    """Return what calls share, with a limit of results that goes before that of stored configs.

    Raises:
        ValidationError: It is no number of bytes.
    """
    if max_media_bytes is None:
        return resources

    is_number = isinstance(max_media_bytes, int) and not isinstance(max_media_bytes, bool)
    if not is_number or max_media_bytes < 1:
        raise ValidationError(
            f"max_media_bytes is {max_media_bytes!r}; give the bytes that a result may have, 1 or "
            "more"
        )

    return replace(resources, max_media_bytes=max_media_bytes)


MOST_LABELS = 20
LONGEST_NAME = 64
LONGEST_LABEL = 256


def checked_labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Return labels that can be kept.

    Raises:
        ValidationError: They are no small map of text.
    """
    if labels is None:
        return {}

    if not isinstance(labels, Mapping) or len(labels) > MOST_LABELS:
        raise ValidationError(
            f"labels are a dict of at most {MOST_LABELS} names and texts, such as {{'user': '42'}}",
            submission="not_sent",
        )

    for name, value in labels.items():
        texts = isinstance(name, str) and isinstance(value, str)
        if not texts or not 0 < len(name) <= LONGEST_NAME or len(value) > LONGEST_LABEL:
            raise ValidationError(
                f"labels: {name!r} is no name of 1 to {LONGEST_NAME} characters with a text of at "
                f"most {LONGEST_LABEL}; write numbers as text",
                submission="not_sent",
            )

        if name.startswith(NOTED):
            raise ValidationError(
                f"labels: {name!r} begins as those do that observers write down and nobody is "
                f"shown; give it a name that does not begin with {NOTED!r}",
                submission="not_sent",
            )

    return dict(labels)


def checked_budgets(budgets: Sequence[Budget | str]) -> tuple[Budget, ...]:
    """Return budgets; those that are text are read.

    Raises:
        ValidationError: One is none.
    """
    made = []
    for budget in budgets:
        if not isinstance(budget, Budget | str):
            raise ValidationError(
                f"{budget!r} is no budget; give Budget('50', per='day') or '50/day'"
            )

        made.append(Budget.parse(budget) if isinstance(budget, str) else budget)

    return tuple(made)


def checked_breaker(breaker: Breaker | None) -> Breaker | None:
    """Return a breaker that is one.

    Raises:
        ValidationError: It is something else.
    """
    if breaker is not None and not isinstance(breaker, Breaker):
        raise ValidationError(f"{breaker!r} is no breaker; give Breaker(failures=5), say")

    return breaker


def checked_limits(limits: Limits | Sequence[Limits]) -> tuple[Limits, ...]:
    """Return limits.

    Raises:
        ValidationError: One is none.
    """
    several = (limits,) if isinstance(limits, Limits) else tuple(limits)
    for one in several:
        if not isinstance(one, Limits):
            raise ValidationError(f"{one!r} is no limit; give Limits(in_flight=10), say")

    return several


def checked_observers(observers: Sequence[Observer]) -> tuple[Observer, ...]:
    """Return observers that can be called.

    Raises:
        ValidationError: One is no plain function: each event would only be logged as its mistake.
    """
    for observer in observers:
        if not callable(observer) or iscoroutinefunction(observer) or isinstance(observer, type):
            raise ValidationError(
                f"An observer is a plain function that takes an event, and {observer!r} is none; "
                "one that has to wait for something puts the event into a queue"
            )

    return tuple(observers)


def checked_policies(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    """Return policies that have what a policy needs.

    Raises:
        ValidationError: One is a class, or lacks a method: no attempt could be let in.
    """
    for policy in policies:
        methods = (getattr(policy, name, None) for name in ("admit", "observe"))
        if isinstance(policy, type) or not all(map(callable, methods)):
            raise ValidationError(
                f"A policy is an object with the methods `admit` and `observe`, and {policy!r} is "
                "none; derive its class from tarash.tarash_gateway.policies.Policy"
            )

    return tuple(policies)
