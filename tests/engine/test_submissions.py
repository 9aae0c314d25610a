"""What a submit's answer proves: only what is known to be safe counts as a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import HTTPConnectionError, HTTPError, ValidationError
from tarash.tarash_gateway._engine._statuses import may_leave_again, submission_of
from tarash.tarash_gateway._http._answer import BROKEN_OFF

ENVELOPES: tuple[Any, ...] = (
    {"detail": "no"},
    {"detail": [{"loc": [], "msg": "no", "type": "internal_server_error"}]},
    {"error": {"code": "busy", "message": "no"}},
    [{"error": {"code": 503, "message": "no"}}],
    {"code": "resource exhausted", "error": "no"},
    {"title": "No", "detail": "no", "status": 503},
    {"id": "1", "name": "bad_request", "errors": ["no"]},
)
PAGES: tuple[Any, ...] = (
    "<html>no</html>",
    "\n<!DOCTYPE html><title>Just a moment...</title>",
    {"cloudflare_error": True, "title": "Error 1015", "error_code": 1015},
    BROKEN_OFF,
    None,
)
BARE: tuple[Any, ...] = ("", "Unauthorized", "error code: 1015", {"message": "no"})

NEVER_REACHED = {407, 511, 521, 522, 523, 525, 526, 530}
ANYBODYS = {411, 413, 414, 431, *NEVER_REACHED}
IN_WORDS = {*range(300, 408), *range(409, 500), 500, 501, 503, 505} | NEVER_REACHED
WITHOUT_A_WORD = ANYBODYS | {401, 402, 403, 404, 422, 425, 429}


def safe(body: Any) -> set[int]:
    """Return the statuses with which a submit counts as refused."""
    found = {
        status: submission_of(HTTPError("no", status_code=status, raw_response=body))
        for status in range(200, 600)
    }
    assert set(found.values()) == {"rejected", "unknown"}
    return {status for status, submission in found.items() if submission == "rejected"}


@pytest.mark.parametrize("body", ENVELOPES)
def test_a_providers_own_word_refuses(body: Any) -> None:
    assert safe(body) == IN_WORDS


@pytest.mark.parametrize("body", PAGES)
def test_a_page_proves_nothing_but_that_it_was_not_handed_on(body: Any) -> None:
    assert safe(body) == ANYBODYS


@pytest.mark.parametrize("body", BARE)
def test_a_bare_status_is_what_it_means(body: Any) -> None:
    assert safe(body) == WITHOUT_A_WORD


@pytest.mark.parametrize("body", [*ENVELOPES, *PAGES, *BARE])
def test_only_what_says_come_again_leaves_again(body: Any) -> None:
    for status in range(200, 600):
        error = HTTPError("no", status_code=status, raw_response=body)
        error.submission = submission_of(error)
        again = status in {425, 429, 500, 503} and error.submission == "rejected"
        assert may_leave_again(error) is again


def test_what_has_no_status_is_told_by_its_class() -> None:
    assert submission_of(HTTPConnectionError("broke")) == "unknown"
    assert submission_of(ValidationError("no")) == "rejected"
    assert submission_of(HTTPConnectionError("no", submission="not_sent")) == "not_sent"
