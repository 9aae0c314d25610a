"""`tarash mcp`: tools for agents, over standard input and output, until the client leaves."""

from __future__ import annotations

import os
from pathlib import Path

from .._jobs._gateway import Gateway
from ..exceptions import ValidationError
from ..mcp import create_mcp_server
from ..server import ServerSettings
from ._errors import CommandError, Exit
from ._ledger import MEMORY, is_chosen, opened

BUDGET = "TARASH_BUDGET"


def serve(
    budgets: list[str], *, mock: bool, unpriced: bool, ledger: str | None, media: Path | None
) -> int:
    """Serve until the client closes standard input; return the exit code.

    Raises:
        CommandError: There is no budget, the extra is missing, or an option can't be used.
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
        server = create_mcp_server(gateway, settings, allow_unpriced=unpriced)
    except ValidationError as error:
        raise CommandError(error.message) from None

    server.run()
    return Exit.DONE
