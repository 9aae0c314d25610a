"""Reports of what was spent, from a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from .._data._money import SpendRow
from ..exceptions import ValidationError
from ..ledger._contract import NOT_SENT, AnyLedger
from ._resources import default

if TYPE_CHECKING:
    from ..ledger._contract import MoneyLedger, Spending

__all__ = ["spend", "spend_async"]

PARTS = ("provider", "model", "kind", "state", "day", "month")
UNDECIDED = frozenset({"reserved", "possible"})
"""What may have been spent, or not."""


async def spend_async(
    ledger: AnyLedger | None = None,
    *,
    since: datetime | timedelta | None = None,
    until: datetime | None = None,
    by: Sequence[str] = ("provider", "model"),
) -> list[SpendRow]:
    """Return what was spent, by a ledger, in groups; the dearest first.

    One submit counts once: with what it has cost, else with what was reserved for it. Jobs that
    were forgotten count, too; a submit that never left does not.

    Args:
        ledger: Where jobs are written down: `sqlite:///jobs.db`, a path, or a ledger. By default
            what the functions of this package use.
        since: The first moment that counts, or how long ago that is; in UTC without a time zone.
        until: The first moment that counts no more; in UTC without a time zone.
        by: What rows are made by: `provider`, `model`, `kind`, `state`, `day`, `month`, or
            `label.NAME` for a label.

    Raises:
        ValidationError: There is no such group, or the ledger does not count what is spent.

    Example:
        await spend_async("sqlite:///jobs.db", since=timedelta(days=7), by=["label.user"])
    """
    from .._engine import keeps_money

    for one in by:
        if one not in PARTS and not one.startswith("label."):
            raise ValidationError(
                f"by={one!r} is not possible; allowed: {', '.join(map(repr, PARTS))}, or "
                "'label.NAME' for a label"
            )

    used = default.resources(ledger).ledger
    if not keeps_money(used):
        raise ValidationError(f"{type(used).__name__} does not count what is spent (keeps_money)")

    spendings = await cast("MoneyLedger", used).spendings(moment(since), moment(until))
    return _rows(spendings, by)


def moment(time: datetime | timedelta | None) -> datetime | None:
    """Return a time as ledgers take it: one without a zone is in UTC, any time ago is a time."""
    if isinstance(time, timedelta):
        try:
            return datetime.now(UTC) - time
        except OverflowError:  # before all times, or after them
            return None if time > timedelta(0) else datetime.max.replace(tzinfo=UTC)

    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def spend(
    ledger: AnyLedger | None = None,
    *,
    since: datetime | timedelta | None = None,
    until: datetime | None = None,
    by: Sequence[str] = ("provider", "model"),
) -> list[SpendRow]:
    """Blocking form of `spend_async`."""
    from .._support import _portal

    return _portal.call(lambda _caller: spend_async(ledger, since=since, until=until, by=by))


def _rows(spendings: Iterable[Spending], by: Sequence[str]) -> list[SpendRow]:
    groups: dict[tuple[tuple[str, ...], str], list[Spending]] = {}
    for spending in spendings:
        if spending.state == NOT_SENT:
            continue

        key = tuple(_part(spending, name) for name in by)
        groups.setdefault((key, spending.currency), []).append(spending)

    rows = [
        SpendRow(
            group=dict(zip(by, key, strict=True)),
            currency=currency,
            amount=_sum(one for one in group if one.state not in UNDECIDED),
            possible=_sum(one for one in group if one.state in UNDECIDED),
            submits=len(group),
            unknown=sum(one.amount is None for one in group),
        )
        for (key, currency), group in groups.items()
    ]
    return sorted(rows, key=lambda one: (-one.amount - one.possible, tuple(one.group.values())))


def _part(one: Spending, name: str) -> str:
    if name.startswith("label."):
        return one.labels.get(name.removeprefix("label."), "")

    if name in {"day", "month"}:
        form = {"day": "%Y-%m-%d", "month": "%Y-%m"}[name]
        return one.at.astimezone(UTC).strftime(form)

    return str(getattr(one, name))


def _sum(some: Iterable[Spending]) -> Decimal:
    return sum((one.amount for one in some if one.amount is not None), Decimal(0))
