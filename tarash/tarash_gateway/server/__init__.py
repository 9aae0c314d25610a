"""The gateway as a server: OpenAI's routes for videos and images, keys, and jobs that go on.

A front door: what it does with requests is the library's business. Nothing of the extra `server` is
imported before `create_app` is called, so that a missing one is reported in a sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ForwardRef

from .._jobs._gateway import Gateway
from .._support._extras import how_to_install
from ..exceptions import ValidationError
from ._settings import Account, Alias, Cors, ServerSettings, WebhookSettings

if TYPE_CHECKING:
    from fastapi import FastAPI
else:
    # Whoever reads annotations finds out what is meant, also where it is not installed.
    FastAPI = ForwardRef("FastAPI", module="fastapi")

__all__ = ["Account", "Alias", "Cors", "ServerSettings", "WebhookSettings", "create_app"]

NEEDED = ("fastapi", "starlette", "uvicorn", "multipart", "python_multipart")


def create_app(
    gateway: Gateway | None = None,
    settings: ServerSettings | None = None,
    *,
    admin_key: str | None = None,
) -> FastAPI:
    """Return the server as an ASGI application, to be run by uvicorn or mounted in another.

    Args:
        gateway: Whose ledger, providers and budgets it uses; by default one of its own, whose
            ledger is what TARASH_LEDGER says, else memory. Requests are untrusted in any case.
        settings: Accounts, aliases, limits.
        admin_key: Good for everything, and to make keys with; by default what TARASH_ADMIN_KEY
            says. Without one, only keys that were made before are good.

    Raises:
        ValidationError: The extra `server` is not installed, or the ledger keeps no states.

    Example:
        app = create_app(Gateway(ledger="sqlite:///jobs.db"))
    """
    try:
        import uvicorn  # noqa: F401  (what is missing is said here, and not once it is to run)

        from ._app import make_app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise

        raise ValidationError(
            f"The server needs {error.name}, which is not installed: {how_to_install('server')}"
        ) from error

    return make_app(gateway, settings or ServerSettings(), admin_key)
