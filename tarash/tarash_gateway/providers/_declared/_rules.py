"""What a declared provider's refusals mean: the first of its rules that holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._data._types import Billing
from ..._http._client import HttpResponse, shorten
from ..._support._paths import value_at
from ...exceptions import ContentModerationError, HTTPError, TarashException
from .._error_conditions import Meaning, Refusal, When
from .._error_rules import ErrorRules
from .._own_fields import own_fields
from .._result_facts import amount
from ._model import ProviderDeclaration
from ._names import holds
from ._parts import Predicate
from ._stages import Rule

OF_JOBS = ("moderation", "invalid", "failed")
"""What a failed job can be about; whatever else its words say, it failed."""
WENT_WELL = frozenset({"ok", "succeed", "succeeded", "success", "successful"})
PASSING = frozenset({408, 425, 429})
FIRST_SERVER_ERROR = 500
"""These, and what is from here on, may pass by themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredRules(ErrorRules):
    """The rules of one provider, and what else its declaration says of errors.

    Attributes:
        inside: What an answer with a good status has that is an error.
        failed_billing: What a failed job costs, where no rule says so.
        refunded_within: Seconds in which that is given back, where it is taken at first.
        cost: Where a refusal says what it cost.
    """

    inside: tuple[Predicate, ...] = ()
    failed_billing: Billing | None = None
    refunded_within: float | None = None
    cost: str | None = None

    @classmethod
    def of(cls, declaration: ProviderDeclaration) -> DeclaredRules:
        """Return the rules of a declaration."""
        errors = declaration.errors
        return cls(
            title=declaration.title,
            message=errors.message,
            code=errors.code,
            rules=tuple(pair for rule in errors.rules for pair in _conditions(rule)),
            inside=errors.inside,
            failed_billing=errors.failed_billing,
            refunded_within=errors.refunded_within,
            cost=errors.cost,
            categories=errors.categories,
        )

    @property
    def own_fields(self) -> frozenset[str]:
        """The names of its error objects, without those that its good answers have, too."""
        return own_fields(self.message) - own_fields([flag.at for flag in self.inside])

    def said(self, body: Any) -> str:
        """Return the provider's words; a text without fields is all words, and a page has none.

        An envelope's word for an exchange that went well says nothing of what is in it.
        """
        is_text = isinstance(body, str) and not body.lstrip().startswith("<")
        words = ErrorRules.said(self, body) or (body if is_text else "")
        return "" if words.strip(" .!").casefold() in WENT_WELL else words

    def code_of(self, body: Any) -> str:
        """Return the provider's code; one that says that all is well is none."""
        code = ErrorRules.code_of(self, body)
        return "" if code in {str(value) for flag in self.inside for value in flag.unless} else code

    def is_refusal(self, body: Any) -> bool:
        """Tell whether a body that came with a good status is an error all the same."""
        return any(holds(flag, body) for flag in self.inside)

    def ends_job(self, answer: HttpResponse) -> bool:
        """Tell whether an error that answers a poll is the provider's verdict on the job.

        It is one in an object of the provider's alone, and by words not where another poll may be
        answered otherwise: fronts have words of their own, and say that services are down.
        """
        rule = self.first(self.refusal_in(answer.body, answer.status))
        if rule is None or not isinstance(answer.body, Mapping):
            return False

        is_told = rule[1].code is None and rule[1].where is None
        passes = answer.status in PASSING or answer.status >= FIRST_SERVER_ERROR
        return rule[1].ends_job and not (is_told and passes)

    def is_coded(self, answer: HttpResponse) -> bool:
        """Tell whether what an answer means follows from a code of the provider's own."""
        rule = self.first(self.refusal_in(answer.body, answer.status))
        return rule is not None and (rule[1].code or rule[1].where) is not None

    def is_gone(self, answer: HttpResponse) -> bool:
        """Tell whether an answer to a poll says that there is no such job."""
        rule = self.first(self.refusal_in(answer.body, answer.status))
        return rule is not None and rule[0] == "gone"

    def in_good_answer(self, answer: HttpResponse, *, paid: bool = False) -> TarashException:
        """Return the error in an answer with a good status; one that nobody names is unknown."""
        refusal = self.refusal_in(answer.body, answer.status)
        rule = self.first(refusal)
        if rule is not None:
            error = self.made(*rule, refusal, answer.retry_after)
            if paid and error.submission is None:
                error.submission = "rejected"

            if rule[0] == "unknown" and rule[1].retryable is None:
                error.retryable = True  # the status doesn't say so, as with one of an error

            return error

        return HTTPError(
            f"{self.title} answered with an error that no rule names: "
            f"{refusal.message or shorten(answer.body)}",
            raw_response=answer.body,
            status_code=answer.status,
            retryable=True,
            submission="unknown" if paid else None,
        )

    def kept_back(self, body: Any, billing: Billing | None = None) -> ContentModerationError:
        """Return the error of a result that a filter has kept back, and what it costs."""
        when = When(stage="output", billing=billing or self.billing_of(body))
        return self.moderated(when, self.refusal_in(body))

    def billing_of(self, body: Any) -> Billing | None:
        """Return what a failed job costs, where the declaration says so."""
        own = self._own_billing(body)
        if own is None and self.refunded_within is not None:
            return "possible"

        return own or self.failed_billing

    def refund_of(self, body: Any) -> float | None:
        """Return the seconds in which what a failed job has cost is given back; None for no."""
        return None if self._own_billing(body) is not None else self.refunded_within

    def _own_billing(self, body: Any) -> Billing | None:
        """Return what a failed job costs by its own word, or by the rule that names it."""
        cost = amount(value_at(body, self.cost))
        if cost is not None:
            return "certain" if cost else "none"

        rule = self.first(self.refusal_in(body))
        return None if rule is None else rule[1].billing

    def moderated(self, when: When, refusal: Refusal) -> ContentModerationError:
        """Return the error for what the content filter refused."""
        error = ErrorRules.moderated(self, when, refusal)
        # What says a cost was accepted and made, whatever its status.
        if when.submission is None and amount(value_at(refusal.body, self.cost)) is not None:
            error.submission = "accepted"

        return error


def _conditions(rule: Rule) -> Iterator[tuple[Meaning, When]]:
    conditions: dict[str, Any] = {
        "code": None if rule.code is None else rf"(?:{rule.code})\Z",
        "words": rule.words,
        "statuses": frozenset(rule.status),
        "where": rule.at,
        "value": rule.value,
        "stage": "output" if rule.of_output else "input",
        "retryable": rule.retryable,
        "submission": rule.submission,
        "billing": rule.billing,
        "ends_job": rule.ends_job,
        "advice": rule.advice,
    }
    if rule.of == "both":
        yield rule.means, When(**conditions)
    elif rule.of is not None or rule.means in OF_JOBS:
        conditions |= {"of_jobs": rule.of != "answers", "of_answers": rule.of != "jobs"}
        yield (
            rule.means if rule.means in OF_JOBS or rule.of != "jobs" else "failed",
            When(**conditions),
        )
    else:
        yield rule.means, When(**conditions, of_jobs=False)
        yield "failed", When(**conditions, of_answers=False)
