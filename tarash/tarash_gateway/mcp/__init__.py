"""The gateway for agents: an MCP server whose tools plan, quote, generate and fetch.

A front door: what it does is the library's business, and its jobs are driven as the server's are.
Nothing of the extra `mcp` is imported before `create_mcp_server` is called, so that a missing one
is reported in a sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ForwardRef, NoReturn

from .._jobs._gateway import Gateway
from .._support._extras import how_to_install
from ..exceptions import ValidationError
from ..server import ServerSettings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from mcp.server import MCPServer
else:
    # Whoever reads annotations finds out what is meant, also where it is not installed.
    FastAPI = ForwardRef("FastAPI", module="fastapi")
    MCPServer = ForwardRef("MCPServer", module="mcp.server")

__all__ = ["create_mcp_server", "mount_mcp"]

NEEDED = ("fastapi", "mcp", "mcp_types", "starlette")


def create_mcp_server(
    gateway: Gateway, settings: ServerSettings | None = None, *, allow_unpriced: bool = False
) -> MCPServer:
    """Return an MCP server: `.run()` serves it on standard input and output.

    Its tools buy only what was quoted before, by the quote's confirmation id, and never above that
    quote. What all of them spend together is for the gateway's budgets to limit.

    Args:
        gateway: Whose ledger, providers and budgets it uses. What a model asks for counts as other
            people's request: no files of this machine, no private addresses.
        settings: Accounts, aliases, the folder for results; as the server's.
        allow_unpriced: Whether what has no known price may be bought.

    Raises:
        ValidationError: The extra `mcp` is not installed, or the ledger keeps no states.

    Example:
        create_mcp_server(Gateway(ledger="sqlite:///jobs.db", budgets=["5/day"])).run()
    """
    try:
        from ._server import make_server
    except ModuleNotFoundError as error:
        _refuse(error)

    return make_server(gateway, settings or ServerSettings(), allow_unpriced=allow_unpriced)


def mount_mcp(app: FastAPI, path: str = "/mcp", *, allow_unpriced: bool = False) -> None:
    """Add the tools to the application of `create_app`, by streamable HTTP.

    Each call needs a key of the server's, has its scope, budget and limits, and sees its jobs only.

    Args:
        app: The application, before it is served.
        path: Where the tools are.
        allow_unpriced: Whether the admin key may buy what has no known price; other keys say it
            themselves.

    Raises:
        ValidationError: The extra `mcp` is not installed.

    Example:
        app = create_app(Gateway(ledger="sqlite:///jobs.db"))
        mount_mcp(app)
    """
    try:
        from ._http import mount
    except ModuleNotFoundError as error:
        _refuse(error)

    mount(app, path, allow_unpriced=allow_unpriced)


def _refuse(error: ModuleNotFoundError) -> NoReturn:
    """Say what is not installed, and how to get it."""
    if (error.name or "").partition(".")[0] not in NEEDED:
        raise error

    raise ValidationError(
        f"The MCP server needs {error.name}, which is not installed: {how_to_install('mcp')}"
    ) from error
