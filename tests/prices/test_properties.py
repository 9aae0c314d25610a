"""What holds of every quote: more never costs less, and every price that ships can be quoted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarash.tarash_gateway import PriceLine
from tarash.tarash_gateway.catalog.prices import PriceInputs, shipped
from tests.prices.quoting import quote_of

UNITS = ["second", "minute", "video", "image", "megapixel", "run"]
FORMULAS = [None, "megapixels", "ceil_megapixels", "megapixel_seconds", "ark_tokens"]
amounts = st.decimals("0.001", 100, places=3)
maybe = st.none() | amounts


@st.composite
def lines(draw: st.DrawFn) -> list[PriceLine]:
    """Make up a price list without conditions, as a vendor might have it."""
    formulas = draw(st.lists(st.sampled_from(FORMULAS), min_size=1, max_size=3))
    return [
        PriceLine(
            provider="acme",
            model="clip",
            billable=f"part_{number}",
            unit=draw(st.sampled_from(UNITS)),
            rate=draw(amounts),
            # A price of tokens is that of a million, else a clip would cost more than there is.
            per=Decimal(
                draw(st.sampled_from([1_000_000] if formula == "ark_tokens" else [1, 1000]))
            ),
            formula=formula,
            min_charge=draw(maybe),
            free=draw(maybe),
            step=draw(maybe),
            min=draw(maybe),
        )
        for number, formula in enumerate(formulas)
    ]


def facts(seconds: Decimal, count: int, width: int, height: int) -> PriceInputs:
    """Return the facts of one call."""
    sides = (Decimal(width), Decimal(height))
    return PriceInputs(
        seconds=(seconds, seconds),
        count=(Decimal(count), Decimal(count)),
        width=(sides[0], sides[0]),
        height=(sides[1], sides[1]),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(
    lines(),
    st.decimals(1, 60, places=1),
    st.integers(1, 10),
    st.integers(256, 4096),
    st.integers(256, 4096),
    st.sampled_from(["seconds", "count", "pixels"]),
)
def test_more_never_costs_less(  # noqa: PLR0913, PLR0917
    given_lines: list[PriceLine],
    seconds: Decimal,
    count: int,
    width: int,
    height: int,
    more: str,
) -> None:
    before = quote_of(given_lines, facts(seconds, count, width, height), "clip")
    after = quote_of(
        given_lines,
        facts(
            seconds + (1 if more == "seconds" else 0),
            count + (1 if more == "count" else 0),
            width + (64 if more == "pixels" else 0),
            height,
        ),
        "clip",
    )

    assert before.high is not None
    assert after.high is not None
    assert after.high >= before.high
    assert after.low is not None
    assert before.low is not None
    assert after.low >= before.low
    if all(one.formula != "ceil_megapixels" for one in given_lines):  # of a million, or of 1024²
        assert before.low == before.high


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines(), st.decimals(1, 30, places=1), st.decimals(1, 30, places=1))
def test_an_unknown_length_is_quoted_by_its_ends(
    given_lines: list[PriceLine], one: Decimal, other: Decimal
) -> None:
    low, high = sorted((one, other))
    whole = PriceInputs(
        seconds=(low, high),
        width=(Decimal(1280), Decimal(1280)),
        height=(Decimal(720), Decimal(720)),
    )
    quote = quote_of(given_lines, whole, "clip")

    assert quote.low == quote_of(given_lines, facts(low, 1, 1280, 720), "clip").low
    assert quote.high == quote_of(given_lines, facts(high, 1, 1280, 720), "clip").high


@pytest.mark.parametrize("model", sorted({(one.provider, one.model) for one in shipped()}))
def test_no_two_lines_that_ship_hold_for_the_same(model: tuple[str, str]) -> None:
    found = [one for one in shipped() if (one.provider, one.model) == model]
    said = [(one.billable, one.unit, tuple(sorted(map(str, one.when.items())))) for one in found]

    assert len(said) == len(set(said))


AREAS = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
MORE = [("seconds", (4, 5, 8, 10, 15)), ("count", (1, 2, 4)), ("pixels", tuple(AREAS))]


@pytest.mark.parametrize(("what", "steps"), MORE)
@pytest.mark.parametrize("with_sound", [False, True])
def test_more_never_costs_less_by_the_prices_that_ship(
    what: str, steps: tuple[Any, ...], with_sound: bool
) -> None:
    for provider, model in sorted({(one.provider, one.model) for one in shipped()}):
        lines = [one for one in shipped().lines(provider, model) if one.currency != "CNY"]
        before = Decimal(0)
        for step in steps:
            named = step if what == "pixels" else "720p"
            width, height = AREAS[named]
            seconds = Decimal(step if what == "seconds" else 8)
            known = facts(seconds, step if what == "count" else 1, width, height)
            values = {
                "audio": frozenset({with_sound}),
                "resolution": frozenset({named}),
                "input_video": frozenset({False}),
                "mode": frozenset({"text"}),
            }
            quote = quote_of(lines, replace(known, values=values), model)
            if quote.high is not None:
                assert quote.high >= before, (provider, model, step, quote)
                before = quote.high
