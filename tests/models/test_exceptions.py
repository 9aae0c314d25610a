"""Errors: their tree, their facts, and their way through pickle and copy."""

from __future__ import annotations

import builtins
import copy
import pickle
import re
from pathlib import Path

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
from tarash.tarash_gateway.models import Hint

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
        field="prompt",
        hints=[Hint("use_mock", "use the mock", "mock")],
    )
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert str(twin) == "Went wrong; use the mock"
        assert (twin.summary, twin.code) == ("Went wrong", kind.default_code)
        assert vars(twin) == vars(error)


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.default_code for kind in ALL]
    assert len({*codes, TimeoutError.default_code}) == len(codes) + 1


def test_the_guide_lists_every_code() -> None:
    package = Path(exceptions.__file__).parent
    pattern = re.compile(
        r'\b(?:default_code: ClassVar\[str\]|default_code|code) ?= ?"([a-z_]+)",?\n'
    )
    used = {
        code
        for path in package.rglob("*.py")
        if not {"cli", "providers", "testing"} & set(path.relative_to(package).parts[:1])
        for code in pattern.findall(path.read_text(encoding="utf-8"))
    }
    guide = Path(__file__).parents[2] / "docs" / "guides" / "errors.md"
    table = guide.read_text(encoding="utf-8").partition("| code |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`([a-z_]+)`", table))
    assert len(used) > len(ALL)
    assert used <= listed


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
