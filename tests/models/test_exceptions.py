"""Errors: their tree, their facts, and their way through pickle and copy."""

from __future__ import annotations

import builtins
import copy
import pickle

import pytest

from tarash.tarash_gateway import exceptions
from tarash.tarash_gateway.exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours, which is the built-in one too)
    UnsupportedOperationError,
    ValidationError,
)

ALL = [getattr(exceptions, name) for name in exceptions.__all__]


@pytest.mark.parametrize("kind", ALL, ids=exceptions.__all__)
def test_every_error_pickles_and_copies_with_its_facts(kind: type[TarashException]) -> None:
    error = kind(
        "Went wrong",
        "fal",
        "model",
        "job",
        {"detail": "no"},
        submission="unknown",
        retry_after=3,
        operation={"id": "job"},
    )
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert str(twin) == "Went wrong"
        assert vars(twin) == vars(error)


def test_errors_are_what_users_catch_elsewhere_too() -> None:
    assert issubclass(ValidationError, ValueError)
    assert issubclass(UnsupportedOperationError, NotImplementedError)
    assert issubclass(HTTPConnectionError, ConnectionError)
    assert issubclass(TimeoutError, builtins.TimeoutError)
    assert issubclass(AuthenticationError, HTTPError)


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (404, False), (408, True), (425, True), (429, True), (503, True)],
)
def test_a_status_says_whether_another_provider_may_be_tried(status: int, retryable: bool) -> None:
    assert HTTPError("no", status_code=status).retryable is retryable


def test_facts_that_only_some_errors_have() -> None:
    assert HTTPError("no", "fal", "m", "job", None, 418).status_code == 418
    assert TimeoutError("late", "fal", "m", "job", None, 600).timeout_seconds == 600
    assert GenerationFailedError("no").retryable
    moderated = ContentModerationError("no", "fal", stage="input", categories=["violence"])
    assert (moderated.stage, moderated.categories) == ("input", ("violence",))
    assert not moderated.retryable
