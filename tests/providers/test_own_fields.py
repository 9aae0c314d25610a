"""A provider's error object is known by the fields in which its rules say that its words are."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway._engine._statuses import ENVELOPE, submission_of
from tarash.tarash_gateway._http._answer import HttpResponse, status_error
from tarash.tarash_gateway.providers import ErrorRules, RestAdapter
from tarash.tarash_gateway.providers._declared._parts import Predicate
from tarash.tarash_gateway.providers._declared._rules import DeclaredRules
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.providers._shipped import FOLDERS

RULES = ErrorRules(title="Acme", message=("fault.message", "fault", "message", "data.words"))
OWN: tuple[Any, ...] = (
    {"fault": {"message": "no engine is free"}},
    {"fault": "no engine is free"},
    {"fault": {"message": "no engine is free"}, "status": 503, "request_id": "r-1"},
)
FRONTS: tuple[Any, ...] = (
    "<html>no</html>",
    None,
    "upstream connect error",
    {"message": "no"},
    {"Message": "no"},
    {"message": "no", "request_id": "r-1"},
    {"statusCode": 503, "message": "no"},
    {"cloudflare_error": True, "fault": {"message": "no"}},
    {"fault": {"faultstring": "Unexpected EOF at target", "detail": {"errorcode": "messaging"}}},
    {"fault": {}},
    {"fault": None, "message": "no"},
    {"data": {"words": "no"}},
    {"id": "clip-1", "fault": {"message": "it broke"}},
    {"status": "failed", "fault": {"message": "it broke"}},
)


def submission(rules: ErrorRules, status: int, body: Any) -> str:
    answer = HttpResponse(status, {}, body, is_json=isinstance(body, dict))
    return submission_of(rules(answer, model="m") or status_error(answer))


@pytest.mark.parametrize("status", [400, 500, 503])
@pytest.mark.parametrize("body", OWN)
def test_a_declared_place_of_words_is_an_envelope(body: Any, status: int) -> None:
    assert submission(RULES, status, body) == "rejected"


@pytest.mark.parametrize("status", [408, 502, 504, 524])
@pytest.mark.parametrize("body", OWN)
def test_what_proves_nothing_in_words_proves_nothing_in_these(body: Any, status: int) -> None:
    assert submission(RULES, status, body) == "unknown"


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("body", FRONTS)
def test_fronts_and_jobs_never_count(body: Any, status: int) -> None:
    assert submission(RULES, status, body) == "unknown"


def shipped() -> dict[str, ErrorRules]:
    adapters = (
        default_registry.adapter(name.replace("_", "-"), need_extra=False) for name in FOLDERS
    )
    return {
        adapter.name: adapter.errors for adapter in adapters if isinstance(adapter, RestAdapter)
    }


def test_nothing_else_changes_for_providers_that_ship() -> None:
    added = {name: rules.own_fields - set(ENVELOPE) for name, rules in shipped().items()}
    assert len(added) > 15
    assert {name: set(fields) for name, fields in added.items() if fields} == {}


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_bare_gateways_page_counts_for_none_that_ships(name: str) -> None:
    rules = shipped()[name]
    for status in (500, 503):
        for body in FRONTS[:7]:
            error = rules(HttpResponse(status, {}, body, is_json=isinstance(body, dict)), model="m")
            assert error is None or error.submission != "rejected", body


def test_a_files_places_count_too_but_for_what_good_answers_have() -> None:
    inside = (Predicate(at="base.code", unless=(0,)),)
    rules = DeclaredRules(title="Acme", message=("fault.text", "base.words"), inside=inside)
    assert rules.own_fields == {"fault"}
    assert submission(rules, 503, {"fault": {"text": "no"}}) == "rejected"
    assert submission(rules, 503, {"base": {"code": 3, "words": "no"}}) == "unknown"
