"""What an attempt may cost, checked before it is written down, and what it has cost after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .._data._budgets import Budget
from .._data._money import Quote, dollars, is_within, written
from ..catalog import ModelSpec
from ..exceptions import CostLimitError, TarashException, ValidationError
from ..mapping import fit
from ._fitting import checked_payload
from ._quoting import quoted

if TYPE_CHECKING:
    from .._data._exchange import Call, Payload
    from .._data._measures import Measures
    from ..providers._contract import Adapter
    from ._attempt import Attempt

DOLLARS = "USD"
ZERO = Decimal(0)
RESOLUTIONS = ("4k", "1440p", "1080p", "720p", "540p", "480p", "360p")


def limit_of(head: Call, call: Call, earlier: Iterable[Attempt]) -> Decimal | None:
    """Return the dollars that a call may cost; None where nothing limits it.

    Args:
        head: The first call of the chain, whose limit holds for all of it.
        call: The call.
        earlier: The attempts before it.
    """
    own, whole = dollars(call.config.max_cost), dollars(head.config.max_cost)
    if whole is None:
        return own

    left = whole - sum((at_most(one) for one in earlier), ZERO)
    return left if own is None or call is head else min(own, left)


def budgets_of(head: Call, budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """Return the budgets that a chain has to fit into: the gateway's, and its first config's."""
    return (*budgets, *map(Budget.parse, head.config.budgets))


def at_most(attempt: Attempt) -> Decimal:
    """Return the most that an attempt without a result may cost, as far as is known, in dollars."""
    if attempt.billing(success=False) == "none":
        return ZERO

    if attempt.money.reported is not None and attempt.money.reported.currency == DOLLARS:
        return attempt.money.reported.amount

    quote = attempt.money.quote
    if quote is None or quote.currency != DOLLARS:
        return ZERO  # sent without a price, which the user has allowed

    return quote.high if quote.high is not None else quote.low or ZERO


def check_affordable(
    attempt: Attempt, call: Call, quote: Quote, adapter: Adapter | None, spec: ModelSpec
) -> None:
    """Refuse what could cost more than it may.

    Args:
        attempt: The attempt, which knows its limit.
        call: Its call, adapted to the model.
        quote: What it would cost.
        adapter: Who builds what would be sent; None for a registered handler.
        spec: What the model takes.

    Raises:
        CostLimitError: It could cost more than it may, or nobody knows what it costs.
    """
    limit = attempt.money.limit
    if call.mocked or (limit is None and not attempt.money.budgets):
        return

    who = f"{call.config.provider} {call.config.model}"
    known = quote.high if quote.currency == DOLLARS else None
    if known is None:
        _check_unpriced(attempt, call, quote, who)
        return

    if limit is None or is_within(quote, limit, allow_unpriced=False):
        return

    hint = _cheaper(attempt, call, adapter, spec)
    raise _refused(
        f"{who} would cost {_sum(quote)}, and max_cost leaves {written(limit, DOLLARS)}{hint}",
        call,
        quote,
        limit,
    )


def _check_unpriced(attempt: Attempt, call: Call, quote: Quote, who: str) -> None:
    """Refuse what has no upper end, unless the user allows that."""
    limit = attempt.money.limit
    fits = limit is None or (quote.low or ZERO) <= limit
    if call.config.allow_unpriced and fits:
        return

    why = "; ".join(quote.unknown) or f"its price is in {quote.currency}"
    bound = "there is a budget" if limit is None else f"max_cost leaves {written(limit, DOLLARS)}"
    raise _refused(
        f"Nobody knows what {who} would cost at most ({why}), and {bound}; allow_unpriced sends it "
        "all the same",
        call,
        quote,
        limit,
    )


def check_handler(attempt: Attempt) -> None:
    """Refuse what a registered handler would make, where that could cost more than it may.

    Raises:
        CostLimitError: As `check_affordable`.
    """
    if attempt.intent is not None:
        return  # it may have been bought already

    call = attempt.call
    spec = ModelSpec(call.config.provider, call.config.model, call.kind, {})
    attempt.money.quote = quoted(call, spec, None)
    check_affordable(attempt, call, attempt.money.quote, None, spec)


def _sum(quote: Quote) -> str:
    return (
        str(quote) if quote.low == quote.high else f"up to {written(quote.high or ZERO, DOLLARS)}"
    )


def _refused(message: str, call: Call, quote: Quote, limit: Decimal | None) -> CostLimitError:
    config = call.config
    return CostLimitError(
        message,
        config.provider,
        config.model,
        call.request_id,
        quote=quote,
        limit=limit,
        submission="not_sent",
        # Another config may be cheaper; that the head is too dear is for the user to know.
        retryable=call.attempt_number > 1,
    )


def _cheaper(attempt: Attempt, call: Call, adapter: Adapter | None, spec: ModelSpec) -> str:
    """Return the nearest request that fits, in words; nothing where none is near."""
    limit = attempt.money.limit
    if adapter is None or limit is None:
        return ""

    quotes = []
    for field, value in _choices(call, spec):
        changed = replace(call, request=call.request.model_copy(update={field: value}))
        quote = _quote_of(changed, adapter, spec, attempt.money.measures)
        if quote is not None and quote.high is not None and quote.high <= limit:
            quotes.append((field, value, quote))

    best: dict[str, str] = {}
    for field, value, quote in quotes:  # the first of each field is the nearest
        best.setdefault(field, f"{field}={value!r} costs {quote}")

    return f"; {', '.join(best.values())}" if best else "; give a larger max_cost, or another model"


def _choices(call: Call, spec: ModelSpec) -> Iterator[tuple[str, Any]]:
    """Yield smaller values, from the nearest on."""
    seconds = getattr(call.request, "duration_seconds", None)
    for mapper in spec.mappers.values():
        if mapper.source_field == "duration_seconds" and isinstance(mapper.allowed, tuple):
            for one in sorted(mapper.allowed, reverse=True):
                if seconds is None or one < seconds:
                    yield "duration_seconds", one

    if "resolution" in type(call.request).model_fields:
        lines = getattr(call.request, "resolution", None)
        first = RESOLUTIONS.index(lines) + 1 if lines in RESOLUTIONS else 0
        for one in RESOLUTIONS[first:]:
            yield "resolution", one

    count = "n" if call.kind == "image" else "number_of_videos"
    for number in range(getattr(call.request, count) - 1, 0, -1):
        yield count, number


def _quote_of(
    call: Call, adapter: Adapter, spec: ModelSpec, measures: Measures | None
) -> Quote | None:
    try:
        request, adjustments = fit(call.request, spec)
        if adjustments:
            return None  # it would not be what is said

        payload: Payload = checked_payload(adapter, replace(call, request=request), spec)
    except ValidationError:
        return None

    return quoted(replace(call, request=request), spec, payload, measures)


def last_word(error: TarashException, failed: TarashException | None) -> TarashException:
    """Return the error of a chain: that another config was too dear is no reason of its own.

    Args:
        error: The last attempt's.
        failed: The last one before it that was about something else than its price.
    """
    if not isinstance(error, CostLimitError) or failed is None:
        return error

    failed.execution_metadata = error.execution_metadata
    failed.message = f"{failed.message} (no other config was tried: {error.message})"
    failed.args = (failed.message,)
    return failed
