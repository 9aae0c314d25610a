"""An operation or a token that is malformed is refused with a sentence, whatever it holds."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarash.tarash_gateway import ValidationError
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._engine._trust import check_operation
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._jobs._tokens import _seal, read, write
from tarash.tarash_gateway._support._secrets import Key

GOOD: dict[str, Any] = {
    "provider": "fal",
    "model": "m",
    "kind": "video",
    "id": "r1",
    "submitted_at": "2026-01-01",
    "urls": {},
    "data": {},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)

SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine takes its time."""


@SLOWLY
@given(st.sampled_from(sorted(GOOD)), JSON)
def test_a_field_of_any_other_kind_is_refused_as_one_of_ours(name: str, value: Any) -> None:
    try:
        operation = Operation.from_json(GOOD | {name: value})
    except ValidationError as error:
        assert "as it was given out" in error.message  # noqa: PT017  (either end is good)
    else:
        assert Operation.from_json(operation.to_json()) == operation


@SLOWLY
@given(JSON)
def test_what_is_no_operation_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Operation.from_json(value)


@pytest.mark.parametrize("text", ["[" * 30_000, '{"a":' * 9_000, "1" * 5_000, "", "null", "\ud83d"])
def test_a_token_of_any_text_is_refused(text: str) -> None:
    encoded = text.encode("utf-8", "surrogatepass")
    body = base64.urlsafe_b64encode(encoded).decode().rstrip("=")
    with pytest.raises(ValidationError):
        read(f"tg1.{body}.{_seal('tg1', body)}")


def test_data_that_is_nested_too_deeply_is_refused() -> None:
    data: dict[str, Any] = {}
    for _ in range(100):
        data = {"a": data}

    with pytest.raises(ValidationError):
        read(write(replace(Operation.from_json(GOOD), data=data)))


def test_an_operation_without_its_addresses_is_refused() -> None:
    account = Credentials("fal", "https://queue.fal.run", Key("k"))
    with pytest.raises(ValidationError, match="lacks status"):
        check_operation(Operation.from_json(GOOD), account, ("status",))
