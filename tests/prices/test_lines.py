"""Price lines as data: each that ships, what they can say, and the user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_CEILING, Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    PriceLine,
    Quote,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    list_prices,
    quote_video,
    register_prices,
)
from tarash.tarash_gateway.catalog._sources import names
from tarash.tarash_gateway.catalog._sources import source as find_provider
from tarash.tarash_gateway.catalog.prices import PriceInputs, Prices, prices, shipped
from tarash.tarash_gateway.catalog.prices._price_inputs import plain
from tests.prices.quoting import quote_of

SECONDS, COUNT, WIDTH, HEIGHT, FPS = 6, 2, 1280, 720, 24
IMAGES = 7


@pytest.fixture(autouse=True)
def _own_prices() -> Iterator[None]:
    yield
    prices.reset()


def facts(line: PriceLine) -> PriceInputs:
    """Return facts by which a line holds for certain."""
    values: dict[str, Any] = {"tier": frozenset({"standard"}), "cached": frozenset({False})}
    values["ratio"] = frozenset({"16:9"})
    for name, wanted in line.when.items():
        one_of = wanted if isinstance(wanted, list) else [wanted]
        values[name] = frozenset({plain(next(one for one in one_of if one is not None))})

    small = line.when.get("megapixels") == "<=2.61"
    width = WIDTH if small or "megapixels" not in line.when else 2 * WIDTH
    return PriceInputs(
        values=values,
        seconds=(seconds_of(line),) * 2,
        count=(Decimal(COUNT), Decimal(COUNT)),
        width=(Decimal(width), Decimal(width)),
        height=(Decimal(HEIGHT if width == WIDTH else 2 * HEIGHT),) * 2,
        frames=None,
        fps=(Decimal(FPS), Decimal(FPS)),
        input_images=IMAGES,
        input_pixels=((1000, 1000),) * IMAGES,
        has_video=False,
        prompt=(30, 30),
    )


def seconds_of(line: PriceLine) -> Decimal:
    """Return a length that a line holds for."""
    return Decimal(line.when.get("seconds", SECONDS))


def by_hand(line: PriceLine) -> Decimal | None:
    """Return what a line costs, worked out apart from the library; None for what can't be known."""
    count = counted_by_formula(line)
    if count is None and line.unit == "token":
        return None

    if line.billable == "input_video":
        return Decimal(0)

    if count is None and line.billable == "input_image":
        count = Decimal(IMAGES) - (line.free or 0)
    elif count is None:
        counts: dict[str, Decimal | int] = {
            "second": seconds_of(line) * COUNT,
            "image": COUNT,
            "video": COUNT,
            "run": 1,
        }
        count = Decimal(counts[line.unit])

    return line.rate / line.per * count * (line.credit_usd or 1)


def counted_by_formula(line: PriceLine) -> Decimal | None:
    """Return how much a line with a formula counts; None for one that counts its unit."""
    formula = str(line.formula)
    megapixels = Decimal(WIDTH * HEIGHT) / 1_000_000
    if formula.startswith("ark_tokens"):
        pixels = RENDERED.get(formula, {}).get(str(resolution_of(line)).lower(), WIDTH * HEIGHT)
        return Decimal(pixels * 24 * SECONDS) / 1024 * COUNT

    whole = megapixels.to_integral_value(ROUND_CEILING) * COUNT
    return {
        "first_megapixel": min(whole, Decimal(COUNT)),
        "extra_megapixels": Decimal(0),
        "ceil_megapixels": whole,
        "video_megapixels": megapixels * FPS * SECONDS * COUNT,
        "input_megapixels": Decimal(IMAGES),  # of one megapixel each
        "partial_images": Decimal(0),
        "first_5_images_free": Decimal(IMAGES - 5),
        "first_2_images_free": Decimal(IMAGES - 2),
    }.get(formula)


RENDERED = {
    "ark_tokens_24": {"480p": 864 * 496, "1080p": 1920 * 1080, "4k": 3840 * 2160},
    "ark_tokens_2_5": {"480p": 854 * 480, "1080p": 1920 * 1080},
    "ark_tokens_in_out": {"480p": 864 * 496, "1080p": 1920 * 1080},
}
"""Pixels of a frame of Seedance in 16:9, where that is not 1280x720."""


GPT = {
    "gpt_prompt": (5, (15 + 6 + 48 * IMAGES) * COUNT),
    "gpt_tiles": (194 * IMAGES, 194 * IMAGES * COUNT),
    "gpt_patches": (32 * 32 * IMAGES, 33 * 33 * IMAGES * COUNT),  # 1,000 pixels become 1,024
}
"""Tokens of 30 bytes of prompt, and of the images: the least and the most."""


def resolution_of(line: PriceLine) -> Any:
    """Return the first resolution that a line is for."""
    wanted = line.when.get("resolution")
    return wanted[0] if isinstance(wanted, list) else wanted


@pytest.mark.parametrize("provider", sorted({one.provider for one in shipped()}))
def test_each_line_that_ships_costs_what_it_says(provider: str) -> None:
    wrong = [
        (line, str(quote))
        for line in shipped()
        if line.provider == provider and not fits(quote := alone(line), by_hand(line), line)
    ]
    assert wrong == []


def alone(line: PriceLine) -> Quote:
    """Return what a line says by itself."""
    bare = line.model_copy(update={"alternative_to": None, "suspect": None, "role": None})
    return quote_of([bare], facts(line), line.model)


def fits(quote: Quote, due: Decimal | None, line: PriceLine) -> bool:
    """Tell whether a quote is what is due, or unknown where nothing can be known."""
    if due is not None:
        return quote.low == quote.high == due

    if line.formula in GPT:
        expected = [line.rate / line.per * one for one in GPT[line.formula]]
        return [quote.low, quote.high] == expected

    if line.billable == "prompt":
        return quote.high is not None and Decimal(0) < quote.high < Decimal("0.001")

    return quote.high is None and bool(quote.unknown)


def test_each_line_that_ships_is_found_by_its_provider() -> None:
    rows = Path(str(files("tarash.tarash_gateway.catalog") / "data/prices.jsonl")).read_text()
    models = {(row["provider"], row["model"]) for row in map(json.loads, rows.splitlines())}

    assert all(shipped().lines(*one) for one in models)
    assert {(one.provider, one.model) for one in shipped()} == models


def test_each_line_that_ships_says_where_it_is_from() -> None:
    assert [one for one in shipped() if not one.source or one.date is None] == []


def line(**changes: Any) -> PriceLine:
    """Return a line of five cents a second."""
    given = {"provider": "acme", "model": "clip-1", "unit": "second", "rate": "0.05"}
    return PriceLine.model_validate({**given, **changes})


def known(**values: Any) -> PriceInputs:
    """Return facts of a call that makes eight seconds of 720p."""
    said = {"resolution": frozenset({"720p"}), **values}
    return PriceInputs(
        values=said,
        seconds=(Decimal(8), Decimal(8)),
        width=(Decimal(1280), Decimal(1280)),
        height=(Decimal(720), Decimal(720)),
        prompt=(4, 4),
    )


@pytest.mark.parametrize(
    ("changes", "dollars"),
    [
        ({}, "0.40"),
        ({"per": 60}, "0.4"),
        ({"currency": "usd_cent"}, "0.004"),
        ({"currency": "acme_credit", "credit_usd": "0.01", "rate": 12}, "0.96"),
        ({"min_charge": 1}, "1"),
        ({"free": 3}, "0.25"),
        ({"step": 5}, "0.50"),
        ({"min": 20}, "1.00"),
        ({"max": 4}, "0.20"),
        ({"unit": "minute", "rate": 3}, "0.4"),
        ({"unit": "run", "rate": "0.7"}, "0.7"),
        ({"unit": "video", "rate": "0.7"}, "0.7"),
        ({"unit": "megapixel", "rate": "1"}, "0.9216"),
        ({"unit": "megapixel", "rate": "1", "formula": "ceil_megapixels"}, "1"),
        ({"unit": "megapixel", "formula": "megapixel_seconds", "rate": "1"}, "7.3728"),
        ({"unit": "token", "formula": "ark_tokens", "rate": "7", "per": 1000000}, "1.2096"),
        ({"unit": "character", "rate": "0.01"}, "0.04"),
    ],
)
def test_a_line_is_counted_rounded_and_bounded_as_it_says(
    changes: dict[str, Any], dollars: str
) -> None:
    changes = {**changes}
    if changes.get("per") == 60:
        changes["rate"] = 3

    quote = quote_of([line(**changes)], known(), "clip-1")

    assert quote.high is not None
    assert abs(quote.high - Decimal(dollars)) < Decimal("1e-20")
    assert quote.low == quote.high


@pytest.mark.parametrize(
    ("when", "values", "holds"),
    [
        ({"resolution": "720P"}, {}, True),
        ({"resolution": ["480p", "720p"]}, {}, True),
        ({"resolution": "1080p"}, {}, False),
        ({"resolution": "4K"}, {"resolution": frozenset({"2160p"})}, True),
        ({"seconds": "<=8"}, {}, True),
        ({"seconds": "<8"}, {}, False),
        ({"megapixels": ">0.9"}, {}, True),
        ({"audio": True}, {"audio": frozenset({True})}, True),
        ({"audio": True}, {"audio": frozenset({False})}, False),
        ({"audio": True}, {"audio": frozenset({True, False})}, None),
        ({"audio": True}, {}, None),
        ({"tier": "batch"}, {"tier": frozenset({"standard"})}, False),
        ({}, {"tier": frozenset({"batch"})}, False),
        ({}, {"cached": frozenset({True})}, False),
        ({"size": "1280*720"}, {"size": frozenset({"1280x720"})}, True),
    ],
)
def test_a_condition_holds_or_not_or_perhaps(
    when: dict[str, Any], values: dict[str, Any], holds: bool | None
) -> None:
    dear = line(when=when, rate=1)
    quote = quote_of([dear], known(**values), "clip-1")

    assert (quote.high == Decimal(8)) == (holds is not False)
    # What may not hold has another price, too.
    cheap = line(rate="0.1")
    both = quote_of([cheap, dear], known(**values), "clip-1")
    if holds is None:
        assert (both.low, both.high) == (Decimal("0.8"), Decimal(8))
    elif when:
        due = Decimal(8) if holds else Decimal("0.8")
        assert (both.low, both.high) == (due, due)


def test_discounts_that_exceed_a_price_make_it_unknown_and_not_free() -> None:
    whole = line(rate="1")
    less = line(billable="request", unit="run", rate="-8", formula="surcharge")
    more = less.model_copy(update={"rate": Decimal("-8.01")})

    assert quote_of([whole, less], known(), "acme clip-1").high == 0
    assert quote_of([whole, more], known(), "acme clip-1").unknown == (
        "its price comes to -1.0E-2 USD, which is no price",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": "-1"}, "rate: only a surcharge (formula 'surcharge') may be below 0"),
        ({"currency": " "}, "currency: String should have at least 1 character"),
        ({"rate": "1,50"}, "rate: Input should be a valid decimal"),
        ({"per": 0}, "per: Input should be greater than or equal to 1E-18"),
    ],
)
def test_what_is_no_price_is_not_taken(changes: Any, said: str) -> None:
    given = {"provider": "acme", "model": "clip-1", "unit": "second", "rate": "1", **changes}
    with pytest.raises(ValidationError) as caught:
        register_prices([given])

    assert caught.value.message == f"Price line 1: {said}"


def test_a_currency_is_named_by_its_code_in_any_case() -> None:
    assert line(currency="usd ").currency == "USD"
    assert line(currency="acme_credit").currency == "acme_credit"
    assert str(quote_of([line(rate="1E-9")], known(), "acme clip-1")) == "less than $0.000001"


def test_a_surcharge_is_added_and_one_that_may_hold_widens_the_quote() -> None:
    base = line()
    extra = line(
        billable="request", unit="run", rate="0.1", formula="surcharge", when={"hdr": True}
    )

    sure = quote_of([base, extra], known(hdr=frozenset({True})), "clip-1")
    perhaps = quote_of([base, extra], known(), "clip-1")
    never = quote_of([base, extra], known(hdr=frozenset({False})), "clip-1")

    assert (sure.low, sure.high) == (Decimal("0.50"), Decimal("0.50"))
    assert (perhaps.low, perhaps.high) == (Decimal("0.40"), Decimal("0.50"))
    assert never.high == Decimal("0.40")


def test_an_alternative_serves_where_the_table_has_no_row() -> None:
    table = line(unit="video", rate="0.3", when={"resolution": "480p"})
    tokens = line(unit="second", rate="0.1", alternative_to="video")

    assert quote_of([table, tokens], known(), "clip-1").high == Decimal("0.8")
    at_480p = known(resolution=frozenset({"480p"}))
    assert quote_of([table, tokens], at_480p, "clip-1").high == Decimal("0.3")


def test_the_usual_price_is_none_of_a_resolution_above_all_that_are_listed() -> None:
    listed = [line(rate="0.05"), line(rate="0.07", when={"resolution": ["720p", "1080p"]})]
    dearer = quote_of(listed, known(resolution=frozenset({"4k"})), "clip-1")
    usual = quote_of(listed, known(resolution=frozenset({"480p"})), "clip-1")

    assert dearer.high is None
    assert dearer.unknown == ("no price of its output in 2160 lines is known",)
    assert usual.high == Decimal("0.40")


def test_a_settlement_line_is_no_part_of_a_quote() -> None:
    quote = quote_of([line(), line(role="settlement", unit="run", rate=9)], known(), "clip-1")

    assert quote.high == Decimal("0.40")


def test_prices_in_two_currencies_are_not_added_up() -> None:
    yuan = line(billable="prompt", unit="run", currency="CNY")
    quote = quote_of([line(), yuan], known(), "clip-1")

    assert quote.high is None
    assert "USD and CNY" in quote.unknown[0]


def test_a_suspect_price_says_so() -> None:
    quote = quote_of([line(suspect="two pages disagree")], known(), "clip-1")

    assert "two pages disagree" in quote.unknown[0]


def test_a_formula_that_nobody_knows_is_unknown_and_not_free() -> None:
    quote = quote_of([line(formula="lunar")], known(), "clip-1")

    assert quote.low is None
    assert "'lunar'" in quote.unknown[0]


def test_a_line_holds_from_its_first_day_to_its_last() -> None:
    book = Prices()
    book.register([line(valid_from="2026-03-01", valid_to="2026-03-31")])

    days = (date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1))
    assert [len(book.lines("acme", "clip-1", day)) for day in days] == [0, 1, 1, 0]


def test_the_longest_prefix_counts_and_an_exact_id_before_it() -> None:
    book = Prices()
    book.register([line(model="clip-*", rate=1), line(model="clip-1*", rate=2), line(rate=3)])

    found = [book.lines("acme", name)[0].rate for name in ("clip-2", "clip-1b", "clip-1")]
    assert found == [1, 2, 3]
    assert not book.lines("acme", "film")


def test_a_float_is_taken_as_it_is_written() -> None:
    assert line(rate=0.1).rate == Decimal("0.1")


def test_a_registered_line_goes_before_ours_for_its_billable_only() -> None:
    config = VideoGenerationConfig(provider="runway", model="gen4.5")
    request = VideoGenerationRequest(prompt="A tram", duration_seconds=5)
    register_prices([{"provider": "runway", "model": "gen4.5", "unit": "second", "rate": "0.09"}])

    assert quote_video(config, request).high == Decimal("0.45")
    assert [one.rate for one in list_prices("runway", "gen4.5")] == [Decimal("0.09")]


def test_lines_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rates.jsonl"
    row = {"provider": "acme", "model": "clip-1", "unit": "second", "rate": "0.02", "id": 7}
    path.write_text(json.dumps(row) + "\n\n")
    register_prices(path)

    assert list_prices("acme", "clip-1")[0].rate == Decimal("0.02")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"provider": "a", "model": "m", "unit": "second"}', "rate: Field required"),
        ('{"provider": "a", "model": "m", "unit": "hour", "rate": 1}', "unit:"),
        ('{"provider": "a", "model": "m", "unit": "second", "rate": "cheap"}', "rate:"),
        ('{"provider": "a", "model": "m", "unit": "second", "rate": "NaN"}', "rate:"),
        ('{"provider": "a", "model": "m", "unit": "second", "rate": 1, "pre": 1}', "'pre'"),
        ("not json", "it is no JSON object"),
        ("[1]", "it is no JSON object"),
    ],
)
def test_a_row_that_is_no_price_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rates.jsonl"
    path.write_text(text)
    with pytest.raises(ValidationError) as caught:
        register_prices(path)

    assert f"{path}:1: " in caught.value.message
    assert said in caught.value.message
    assert list_prices("a", "m") == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="can't be read"):
        register_prices(tmp_path / "none.jsonl")


def test_a_file_that_the_environment_names_goes_before_ours_and_after_what_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rates.jsonl"
    row = {"provider": "runway", "model": "gen4.5", "unit": "second", "rate": "0.02"}
    path.write_text(json.dumps(row))
    monkeypatch.setenv("TARASH_PRICES", str(path))
    assert [one.rate for one in list_prices("runway", "gen4.5")] == [Decimal("0.02")]

    register_prices([{**row, "rate": "0.03"}])
    assert [one.rate for one in list_prices("runway", "gen4.5")] == [Decimal("0.03")]
    monkeypatch.setenv("TARASH_PRICES", str(tmp_path / "none.jsonl"))
    with pytest.raises(ValidationError, match=r"none\.jsonl can't be read"):
        list_prices("luma", "ray-2")


def test_what_settles_units_takes_no_quote_away() -> None:
    line = {"provider": "runway", "model": "gen4.5", "unit": "credit", "rate": "7"}
    register_prices([{**line, "role": "settlement"}])

    roles = {one.role: one.rate for one in list_prices("runway", "gen4.5")}
    assert roles == {"settlement": Decimal(7), None: Decimal("0.12")}


@pytest.mark.parametrize(
    "fields",
    [
        {"rate": "1e999999"},
        {"rate": "-1e30"},
        {"rate": "NaN"},
        {"per": "1e-999999"},
        {"credit_usd": "1e400"},
        {"min_charge": "1e99999999"},
        {"step": "1e-400"},
    ],
)
def test_a_line_without_measure_is_refused(fields: dict[str, str]) -> None:
    line = {"provider": "acme", "model": "clip-1", "unit": "second", "rate": "0.05"}
    with pytest.raises(ValidationError, match=f"Price line 1: {next(iter(fields))}"):
        register_prices([{**line, **fields}])


def test_a_price_that_comes_to_no_amount_is_unknown() -> None:
    line = {"provider": "acme", "model": "clip-1", "unit": "run", "rate": "9e8", "per": "0.001"}
    quote = quote_of([PriceLine.model_validate(line)], PriceInputs(), "clip-1")

    assert (quote.low, quote.high) == (None, None)
    assert quote.unknown == ("its price comes to 9.0E+11 USD, which is no price",)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        (alias, row.name)
        for row in (find_provider(name) for name in names())
        if row is not None
        for alias in row.aliases
    ],
)
def test_a_provider_has_its_prices_by_each_of_its_names(alias: str, name: str) -> None:
    models = {one.model for one in shipped() if one.provider == name}
    for model in models:
        assert list_prices(alias, model) == list_prices(name, model)

    line = {"model": "clip-1", "unit": "second"}
    register_prices([{**line, "provider": alias, "rate": 3}])
    assert [one.rate for one in list_prices(name, "clip-1")] == [Decimal(3)]
    assert list_prices(alias, "clip-1") == list_prices(name, "clip-1")


@pytest.mark.parametrize(
    ("model", "extra", "seconds"),
    [
        ("fal-ai/hunyuan-video", {}, "5.375"),  # 129 frames, 24 a second
        ("fal-ai/ltx-2-19b/text-to-video", {}, "4.84"),  # 121 frames, 25 a second
        ("fal-ai/ltx-2-19b/text-to-video", {"num_frames": 50}, "2"),
        ("fal-ai/ltx-2-19b/text-to-video", {"num_frames": 50, "fps": 50}, "1"),
    ],
)
def test_frames_are_no_seconds(model: str, extra: dict[str, Any], seconds: str) -> None:
    register_prices([{"provider": "fal", "model": model, "unit": "second", "rate": "1"}])
    config = VideoGenerationConfig(provider="fal", model=model)
    quote = quote_video(config, VideoGenerationRequest(prompt="x", extra_params=extra))
    assert (quote.low, quote.high) == (Decimal(seconds), Decimal(seconds))
