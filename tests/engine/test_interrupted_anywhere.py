"""An exception that another thread injects may strike at any line of a blocking call."""

from __future__ import annotations

import linecache
import sys
import threading
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Script
from tests.engine.conftest import REQUEST, Fal

PACKAGE = tarash.tarash_gateway.__path__[0]
STEP = 5
"""Every so many lines; the long form strikes at each."""


class Struck(BaseException):
    """As Dramatiq's `TimeLimitExceeded`, which is no `Exception` either."""


class Strike:
    """Counts the lines of ours that a thread runs, and raises at one of them."""

    def __init__(self, at: int) -> None:
        self.lines = 0
        self._at = at

    def __call__(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            return None

        # Python strikes at calls and at jumps back: never between the two halves of a `with`.
        line = linecache.getline(code.co_filename, frame.f_lineno).strip()
        if event == "line" and not line.startswith("with "):
            self.lines += 1
            if self.lines == self._at:
                raise Struck

        return self


def call(fal: Fal, strike: Strike) -> tuple[BaseException | None, list[str | None]]:
    """Make a call in a thread, strike it, and return how it ended, and how the ledger says so."""
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    ended: list[BaseException | None] = []

    def work() -> None:
        before = sys.gettrace()
        sys.settrace(strike)
        try:
            gateway.generate_video(fal.config(), REQUEST)
            ended.append(None)
        except BaseException as error:  # noqa: BLE001  (it is none of Exception)
            ended.append(error)
        finally:
            sys.settrace(before)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), f"struck at line {strike.lines}, it hangs"
    gateway.close(grace=0)
    return ended[0], [entry.outcome for entry in ledger.entries()]


@pytest.mark.parametrize("first", [1, pytest.param(0, marks=pytest.mark.soak)])
def test_wherever_it_strikes_the_call_ends_and_the_counters_and_the_ledger_agree(
    fal: Fal, first: int
) -> None:
    fal.script(Script(run_polls=1, stream=False))
    whole = Strike(0)
    assert call(fal, whole) == (None, ["completed"])
    places = range(1, whole.lines + 1, STEP if first else 1)
    for at in places:
        fal.simulator.reset()
        fal.script(Script(run_polls=1, stream=False))
        error, outcomes = call(fal, Strike(at))
        told = SimpleNamespace(at=at, error=error, outcomes=outcomes, counters=fal.counters)
        assert error is None or isinstance(error, Struck), told
        assert fal.counters.submits <= len(outcomes) <= 1, told
        if outcomes == ["completed"]:
            assert fal.counters.cancels == 0, told
        elif fal.counters.accepted:
            assert outcomes in (["cancelled"], ["stopped"]), told
            assert fal.counters.cancels == 1, told
