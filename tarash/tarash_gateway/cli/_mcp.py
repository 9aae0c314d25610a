"""`tarash mcp`: tools for agents, over standard input and output, until the client leaves."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._jobs._gateway import Gateway
from ..exceptions import ValidationError
from ..mcp import create_mcp_server
from ..server import ServerSettings
from ..server._configuration import problems_of_media
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import MEMORY, is_chosen, opened

BUDGET = "TARASH_BUDGET"


def serve(
    budgets: list[str], *, mock: bool, unpriced: bool, ledger: str | None, media: Path | None
) -> int:
    """Serve until the client closes standard input; return the exit code.

    Raises:
        CommandError: There is no budget, the extra is missing, an option can't be used, or there is
            no place for results.
    """
    if not (budgets or mock or os.environ.get(BUDGET)):
        raise CommandError(
            "an agent may spend nothing without a budget",
            f"give --budget 5/day, set {BUDGET}, or try it with --mock",
        )

    # What the mock makes is not written beside what was paid for.
    kept = opened(MEMORY if mock and not is_chosen(ledger) else ledger)
    try:
        gateway = Gateway(ledger=kept, untrusted_requests=True, budgets=budgets or None)
        settings = ServerSettings(mock=mock, media=media)
        problem = next(problems_of_media(settings), None)
        if problem is not None:
            raise CommandError(problem)

        server = create_mcp_server(gateway, settings, allow_unpriced=unpriced)
    except ValidationError as error:
        raise CommandError(error.message) from None

    if sys.stdin is not None and sys.stdin.isatty():
        terminal.print_line("waiting for an MCP client on standard input; Ctrl-C ends it")

    with _ended_by_interrupt():
        server.run()

    return Exit.DONE


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once, as SIGTERM does; where it is ignored, it stays so.

    The thread that reads standard input can't be cancelled: who waits for it waits until the client
    closes it. Jobs are in the ledger, and the next start goes on with them.
    """
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()  # which alone may set them
    if not is_main or before in (signal.SIG_IGN, None):
        yield
        return

    signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
