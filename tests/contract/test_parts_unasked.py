"""A status of a part, of which nobody has asked: JSON shows by itself that it is all."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway.testing import Fault, Script

from .cases import CASES
from .conftest import Run


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_json_under_206_is_read(run: Run) -> None:
    run.script(Script(run_polls=1, stream=False))
    for step in ("submit", "poll"):
        run.fail(step, Fault.said_as(206), times=None)

    response = await run.generate(timeout=20)  # far more than is waited for
    assert response.status == "completed"
    assert (run.counters.submits, run.counters.accepted) == (1, 1)
