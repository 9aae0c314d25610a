"""JSON in every form of Unicode that it may have, from every provider, in every exchange."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway.testing import Fault, Script

from .cases import AT_ONCE, CASES, JOBS, Case
from .conftest import Run

FORMS = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32", "utf-32-le", "utf-32-be")
"""With a byte order mark, and without one; those that servers send the most first."""


def form_of(case: Case) -> str:
    """Return a form for a case: each is met by several, and all of one provider's differ."""
    return FORMS[CASES.index(case) % len(FORMS)]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_paid_answer_is_read_in_any_form_of_unicode(run: Run) -> None:
    run.script(Script(run_polls=1, stream=False))
    for step in ("submit", "poll", "result"):
        run.fail(step, Fault.charset(form_of(run.case)), times=None)

    response = await run.generate()
    assert response.status == "completed"
    assert (run.counters.submits, run.counters.accepted) == (1, 1)


@pytest.mark.parametrize("case", [JOBS[0], AT_ONCE[0]], ids=str)
@pytest.mark.parametrize("form", FORMS)
async def test_what_a_provider_says_of_a_refusal_is_read_too(run: Run, form: str) -> None:
    said = '{"error": {"message": "Ihr Guthaben reicht nicht für größere Bilder"}, "detail": "für"}'
    run.fail("submit", Fault.status(400, said.encode(form)))
    error = await run.failure()
    assert "für" in error.message
    assert error.submission == "rejected"
