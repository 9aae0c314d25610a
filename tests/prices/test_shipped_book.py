"""The price lines that ship: read by provider, and none of them lost or read twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tarash.tarash_gateway import ValidationError
from tarash.tarash_gateway._support._shipped import shipped as content_of
from tarash.tarash_gateway.catalog.prices._book import SHIPPED, PriceBook, ShippedBook, read_lines

ROWS = content_of("tarash.tarash_gateway.catalog", f"data/{SHIPPED}").decode().splitlines()


def test_what_is_read_by_provider_is_what_the_file_says() -> None:
    whole, book = PriceBook(read_lines(ROWS, SHIPPED)), ShippedBook(ROWS)
    named = {(line.provider, line.model) for line in whole}
    assert {one: book.lines(*one) for one in named} == {one: whole.lines(*one) for one in named}
    assert len(list(ShippedBook(ROWS))) == len(ROWS)


def test_threads_that_ask_at_once_find_each_line_once() -> None:
    wanted = list(PriceBook(read_lines(ROWS, SHIPPED)))
    book, models = ShippedBook(ROWS), [one.model for one in wanted if one.provider == "fal"]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda model: len(book.lines("fal", model)), models))

    assert min(found) >= 1
    assert len(list(book)) == len(wanted)


def test_a_row_without_a_provider_in_front_is_refused_by_its_number() -> None:
    with pytest.raises(ValidationError, match=f"{SHIPPED}:2: "):
        ShippedBook([ROWS[0], '{"model": "x", "provider": "fal"}'])


def test_a_row_that_is_no_price_line_spoils_its_own_model_only() -> None:
    bad = '{"provider": "fal", "model": "spoilt*", "billable": "output"}'
    good = next(row for row in ROWS if row.startswith('{"provider": "fal"'))
    book = ShippedBook([good, bad])
    assert book.lines("fal", json.loads(good)["model"])
    with pytest.raises(ValidationError, match=f"{SHIPPED}:2: "):
        book.lines("fal", "spoilt-1")
