"""`tarash simulate`: the testing simulator in the foreground, until somebody stops it."""

from __future__ import annotations

import signal
import threading
from typing import Any, cast

from .._http._key_lookup import base_url_variable
from ..providers._registry import default_registry
from ..testing import Script, Simulator
from . import _terminal as terminal
from ._errors import CommandError, Exit

KEY = "simulated-key"


def simulate(
    providers: list[str] | None, *, queue_seconds: float, run_seconds: float, outcome: str
) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    Raises:
        CommandError: There is no such provider or outcome, or a time span is none.
    """
    try:
        script = Script(
            queue_seconds=queue_seconds, run_seconds=run_seconds, outcome=cast("Any", outcome)
        )
        simulator = Simulator(providers)
    except ValueError as error:
        raise CommandError(str(error)) from None

    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with simulator:
            for name in simulator.providers:
                simulator.script(name, script)
                _announce(name, simulator)

            terminal.hint("Serving on this machine; any key is accepted. Ctrl-C stops.")
            while not stop.wait(1):
                continue  # a wait without a limit would not see Ctrl-C on Windows
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)

    for name in simulator.providers:
        _sum_up(name, simulator)

    return Exit.DONE


def _announce(name: str, simulator: Simulator) -> None:
    terminal.result(f"export {base_url_variable(name)}={simulator.base_url(name)}")
    for variable in default_registry.models_with_keys(name):
        terminal.result(f"export {variable}={KEY}")


def _sum_up(name: str, simulator: Simulator) -> None:
    counted = simulator.counters(name)
    terminal.hint(
        f"{name}: {counted.submits} submits, {counted.accepted} jobs, {counted.polls} polls, "
        f"{counted.cancels} cancels, {counted.downloads} downloads"
    )
