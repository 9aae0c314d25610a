"""One mechanism of error rules: what conditions see, and which rule has the first word."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    ValidationError,
)
from tarash.tarash_gateway._engine._statuses import submission_of
from tarash.tarash_gateway._http._answer import status_error
from tarash.tarash_gateway.providers import ErrorRules, HttpResponse, When, _openai_errors
from tarash.tarash_gateway.providers._registry import shipped

NAMES = sorted({row.name for row in shipped().values()})
RULES = ErrorRules(
    title="Acme",
    message=("issues[]", "reason"),
    code=("issues[].kind", "state"),
    rules=(("failed", When(where="state", value="lost", billing="none", retryable=True)),),
    moderation=(When(code="(?:.*, )?unsafe", stage="input"), When(words="shown", stage="output")),
    unknown_model=(When(statuses=frozenset({404}), of_submits=True),),
    rate=(When(statuses=frozenset({429}), wait=60),),
    invalid=(When(statuses=frozenset({400}), of_jobs=False),),
)


def error_of(status: int, body: Any, model: str | None = None) -> Any:
    return RULES(HttpResponse(status, {}, body, is_json=True), model)


@pytest.mark.parametrize("name", NAMES)
def test_every_built_in_provider_reads_errors_by_the_same_rules(name: str) -> None:
    assert isinstance(rules_of(name), ErrorRules)


def test_lists_of_issues_are_read() -> None:
    issues = [{"kind": "size", "path": ["a", 0], "msg": "big"}, {"kind": "unsafe", "msg": "no"}]
    error = error_of(400, {"issues": issues})
    assert isinstance(error, ContentModerationError)
    assert error.stage == "input"
    assert "a.0: big; no" in error.message
    assert isinstance(error_of(400, {"issues": issues[:1]}), ValidationError)


def test_details_are_added_where_the_words_do_not_name_them() -> None:
    rules = ErrorRules(title="Acme", message=("said",), details=("issues", "more"))
    issues = [{"path": ["a"], "message": "big"}, {"path": "b", "message": "odd"}]
    body = {"said": "Not valid, a: big", "issues": issues, "more": " late "}
    assert rules.said(body) == "Not valid, a: big: b: odd; late"
    assert rules.said({"issues": issues}) == ""


def test_only_a_submit_names_a_model_that_is_unknown() -> None:
    assert isinstance(error_of(404, {"reason": "none"}, "clip-9"), ModelNotFoundError)
    assert "clip-9" in error_of(404, {"reason": "none"}, "clip-9").message
    assert type(RULES(HttpResponse(410, {}, {"reason": "x"}, is_json=True))) is HTTPError


def test_a_wait_stands_in_where_none_is_named() -> None:
    assert error_of(429, {"reason": "x"}).retry_after == 60
    answer = HttpResponse(429, {"Retry-After": "3"}, {"reason": "x"}, is_json=True)
    error = RULES(answer)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 3


def test_what_speaks_of_the_account_comes_before_all_but_the_first_rules() -> None:
    assert isinstance(error_of(429, {"reason": "Daily limit reached"}), QuotaExceededError)
    assert type(error_of(429, {"reason": "Daily limit", "state": "lost"})) is HTTPError


def test_a_failed_job_is_judged_by_the_same_conditions() -> None:
    lost = RULES.failure({"state": "lost", "reason": "gone"})
    assert isinstance(lost, GenerationFailedError)
    assert lost.billing == "none"
    shown = RULES.failure({"reason": "blood is shown"})
    assert isinstance(shown, ContentModerationError)
    assert shown.stage == "output"
    assert isinstance(RULES.failure({"reason": "a bug"}), GenerationFailedError)


@pytest.mark.parametrize("status", [408, 502, 504, 520, 524, 598, 599])
def test_words_settle_no_submit_whose_status_leaves_it_open(status: int) -> None:
    """Else a request that may have been taken counts as refused, and is bought again elsewhere."""
    rules = ErrorRules(title="Acme", code=("kind",), invalid=(When(code="size"), When(words="big")))
    answer = HttpResponse(status, {}, {"kind": "size", "error": "too big"}, is_json=True)
    error = rules(answer)

    assert isinstance(error, HTTPError)
    assert error.status_code == status
    assert submission_of(error) == "unknown"
    # With a status that refuses, the same words are a refusal.
    refused = rules(HttpResponse(422, {}, answer.body, is_json=True))
    assert isinstance(refused, ValidationError)
    assert submission_of(refused) == "rejected"


FILTER_WORDS = (
    "the safety check failed: content policy, moderation, sensitive, prohibited, violates"
)
PAGE = f"<html><body>{FILTER_WORDS}</body></html>"
BLOCKED = "Your account has been suspended: it may violate our content policy (moderation, safety)"


def rules_of(name: str) -> Any:
    adapter = shipped()[name].load()
    if name in ("openai", "azure-openai"):
        return _openai_errors.rules_of(name)

    return (
        getattr(adapter, "errors", None)
        or vars(import_module(type(adapter).__module__))["classify_answer"]
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", [PAGE, {"error": FILTER_WORDS, "message": FILTER_WORDS}])
def test_words_of_a_filter_settle_no_submit_whose_status_leaves_it_open(
    name: str, body: Any
) -> None:
    """Else a front's page reads as a refusal, and what may have been bought counts as free."""
    rules = rules_of(name)
    for status in (408, 502, 504, 520, 524, 598):
        answer = HttpResponse(status, {}, body, is_json=not isinstance(body, str))
        error = rules(answer, "a-model") or status_error(answer)
        assert submission_of(error) == "unknown", (status, error)


@pytest.mark.parametrize("name", NAMES)
def test_a_blocked_account_is_no_refusal_of_the_filter(name: str) -> None:
    """The filter's words stand in it, and no other prompt would pass either."""
    body = {"error": {"code": "Forbidden", "message": BLOCKED}, "message": BLOCKED}
    error = rules_of(name)(HttpResponse(403, {}, body, is_json=True), "a-model")
    assert isinstance(error, AuthenticationError), error


UNPAID = (
    "Imagen API is only accessible to billed users at this time.",
    "This API method requires billing to be enabled. Please enable billing on project 1.",
    "The billing account for the owning project is disabled in state closed",
    "Billing must be enabled for activation of service",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("said", UNPAID)
def test_an_account_without_billing_is_a_matter_of_quota(name: str, said: str) -> None:
    """Whoever hands on Google's models hands on its words; the request is not what is wrong."""
    for status in (400, 403):
        body = {"error": {"message": said}, "message": said, "detail": said}
        error = rules_of(name)(HttpResponse(status, {}, body, is_json=True), "a-model")
        assert isinstance(error, QuotaExceededError), (status, error)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "said", ["API key not valid. Please pass a valid API key.", "Incorrect API key provided: sk-…"]
)
def test_a_wrong_key_is_told_by_words_where_the_status_is_400(name: str, said: str) -> None:
    body = {"error": {"message": said}, "message": said, "detail": said}
    error = rules_of(name)(HttpResponse(400, {}, body, is_json=True), "a-model")
    assert isinstance(error, AuthenticationError), error


@pytest.mark.parametrize("said", ["Invalid API key", "please enable billing first"])
def test_what_is_said_of_the_account_in_a_certain_refusal_is_one(said: str) -> None:
    """That it is the account's matter, and not the request's, makes it no less certain."""
    assert error_of(400, {"reason": said}, "a-model").submission == "rejected"
    assert error_of(403, {"reason": said}, "a-model").submission is None


def test_a_status_that_stands_for_a_code_names_nothing_that_was_objected_to() -> None:
    rules = ErrorRules(title="Acme", moderation=(When(words="unsafe"),))

    def of(code: Any) -> tuple[str, ...]:
        body = {"error": {"code": code, "message": "unsafe"}}
        error = rules(HttpResponse(400, {}, body, is_json=True))
        assert isinstance(error, ContentModerationError)
        return error.categories

    assert (of(400), of("403"), of(3)) == ((), (), ())
    assert (of("violence"), of(1301)) == (("violence",), ("1301",))


@pytest.mark.parametrize("name", NAMES)
def test_words_of_others_are_no_verdict_on_a_job(name: str) -> None:
    """A page, a proxy's sentence or a service that is down says nothing of a job that is paid."""
    ends_job = getattr(rules_of(name), "ends_job", None)
    if ends_job is None:
        return  # only those that a declaration makes settle a job by an answer's error

    for status in (200, 400, 403, 404, 429, 502, 503, 524):
        for body in (PAGE, FILTER_WORDS, None):
            assert not ends_job(HttpResponse(status, {}, body, is_json=False)), (status, body)

    for status in (408, 425, 429, 500, 502, 503, 504, 524):
        told = HttpResponse(status, {}, {"error": FILTER_WORDS}, is_json=True)
        assert not ends_job(told), status

    blocked = HttpResponse(403, {}, {"error": {"message": BLOCKED}}, is_json=True)
    assert not ends_job(blocked)


def test_an_error_that_stands_alone_in_a_list_is_read_and_kept_as_it_came() -> None:
    body = [{"reason": "no more", "state": "lost"}]
    error = RULES.failure(body)
    assert (error.billing, error.raw_response) == ("none", body)
    assert "no more" in error.message
    assert RULES.refusal_in([1]).body == [1]
