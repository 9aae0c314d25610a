"""`tarash simulate`: the testing simulator in the foreground, until somebody stops it."""

from __future__ import annotations

import re
import shlex
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._http._key_lookup import base_url_variable
from .._support._words import counted
from ..providers._registry import default_registry, register_provider_file
from ..testing import Script, Simulator
from . import _terminal as terminal
from ._errors import CommandError, Exit

KEY = "simulated-key"
HEAD = "# written by `tarash simulate`, which removes it at its end\n"


def simulate(
    providers: list[str] | None,
    behaviour: Mapping[str, Any],
    *,
    port: int = 0,
    env_file: Path | None = None,
) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    Raises:
        CommandError: There is no such provider or outcome, a time span is none, a port is taken,
            or the file can't be written.
    """
    for provider in providers or ():
        if provider.endswith(".toml"):  # its keys have variables to export
            register_provider_file(provider)

    try:
        script = Script(**behaviour)
        simulator = Simulator(providers, port=port)
        _check_file(env_file)
        simulator.start()
    except ValueError as error:
        raise CommandError(_in_options(str(error))) from None
    except OSError as error:
        raise CommandError(f"--port: it can't be listened on: {error.strerror or error}") from None

    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with _written(env_file, _variables(simulator)) as lines:
            for name in simulator.providers:
                simulator.script(name, script)

            for line in lines:
                terminal.result(line)

            terminal.hint("Serving on this machine; any key is accepted. Ctrl-C stops.")
            terminal.hint(_how_to_use(env_file))
            while not stop.wait(1):
                continue  # a wait without a limit would not see Ctrl-C on Windows
    finally:
        simulator.stop()
        for number, previous in before.items():
            signal.signal(number, previous)

    for name in simulator.providers:
        _sum_up(name, simulator)

    return Exit.DONE


def _how_to_use(env_file: Path | None) -> str:
    does = "Paste the lines above into"
    if env_file is not None:
        does = f"Run `source {shlex.quote(str(env_file))}` in"

    return f"{does} the terminal that is to use it."


def _in_options(refusal: str) -> str:
    """Return what a script's field is refused for, with the options in the place of fields."""
    refusal = refusal.replace("outcome='never'", "--outcome never")
    return re.sub(
        r"^(?:queue_seconds|run_seconds|outcome)\b",
        lambda match: f"--{match[0].replace('_', '-')}",
        refusal,
    )


def _variables(simulator: Simulator) -> list[str]:
    lines = []
    for name in simulator.providers:
        lines.append(f"export {base_url_variable(name)}={simulator.base_url(name)}")
        lines += [f"export {key}={KEY}" for key in default_registry.models_with_keys(name)]

    return lines


def _check_file(path: Path | None) -> None:
    """Check that nothing of the user's own is overwritten."""
    try:
        mine = path is None or not path.exists() or path.read_text("utf-8").startswith(HEAD)
    except (OSError, UnicodeDecodeError):
        mine = False

    if not mine:
        raise CommandError(f"--env-file: {str(path)!r} exists; name another")


@contextmanager
def _written(path: Path | None, lines: list[str]) -> Iterator[list[str]]:
    """Keep the variables in a file meanwhile: afterwards they would lead nowhere."""
    if path is None:
        yield lines
        return

    try:
        path.write_text(HEAD + "".join(f"{line}\n" for line in lines), "utf-8")
    except OSError as error:
        raise CommandError(
            f"--env-file: {str(path)!r} can't be written: {error.strerror or error}"
        ) from None

    try:
        yield [f"source {shlex.quote(str(path))}"]
    finally:
        path.unlink(missing_ok=True)


def _sum_up(name: str, simulator: Simulator) -> None:
    seen = simulator.counters(name)
    numbers = {
        "submit": seen.submits,
        "job": seen.accepted,
        "poll": seen.polls,
        "cancel": seen.cancels,
        "download": seen.downloads,
    }
    summary = ", ".join(counted(number, thing) for thing, number in numbers.items())
    terminal.hint(f"{name}: {summary}")
