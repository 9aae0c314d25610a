"""`tarash serve`: the gateway as a server in the foreground, until somebody stops it."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shlex
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .._jobs._gateway import Gateway
from .._support import _portal as portal
from .._support._collector import collecting_seldom
from ..exceptions import ValidationError
from ..mcp import mount_mcp
from ..observability import OpenTelemetryObserver
from ..providers._registry import list_providers
from ..server import ServerSettings, create_app
from ..server._configuration import problems, read_settings
from ..server._settings_docs import settings_schema
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import MEMORY, VARIABLE, opened
from ._providers import has_access

ADMIN = "TARASH_ADMIN_KEY"
SHORTEST_KEY = 16
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (it is the user who chooses it)
NO_KEY = (
    "no provider has a key, so that nothing can be made: `tarash providers` names the variables, "
    "and --mock needs none"
)
MODEL = "fal/fal-ai/veo3.1"


def serve(  # noqa: PLR0913  (the command's options)
    host: str,
    port: int,
    *,
    config: Path | None,
    check: bool,
    mock: bool,
    ledger: str | None,
    media: Path | None,
) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    Raises:
        CommandError: The extra is missing, the port is taken, the admin's key is too short, or the
            configuration is wrong.
    """
    given = _given_key()
    try:
        settings = _settings(config, mock=mock, media=media)
        _check(settings)
        key = given or f"tg_admin_{secrets.token_hex(24)}"
        gateway = _gateway(settings, ledger)
        app = create_app(gateway, settings, admin_key=key)
    except ValidationError as error:
        raise CommandError(error.message) from None

    _check_ledger(gateway)
    if check:
        terminal.result("All of it is in order")
        return Exit.DONE

    has_tools = find_spec("mcp") is not None
    if has_tools:
        mount_mcp(app)

    from ..server._serve import run

    with _listener(host, port) as listener:
        url = _announce(
            host,
            listener.getsockname()[1],
            key,
            mock=settings.mock,
            is_new=not given,
            has_page=settings.page,
        )
        if has_tools:
            terminal.hint(f"Agents find their tools at {url}/mcp/ with a key.")

        if not (settings.mock or settings.accounts or any(map(has_access, list_providers()))):
            terminal.warn(NO_KEY)

        with collecting_seldom():
            run(app, listener)

    return Exit.DONE


def _listener(host: str, port: int) -> socket.socket:
    from ..server._serve import listen

    try:
        return listen(host, port)
    except OSError as error:
        is_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        other = "--host" if is_host else "--port"
        raise CommandError(
            f"{host}:{port} can't be listened on ({error.strerror or error}); give another {other}"
        ) from None


def print_schema() -> int:
    """Print the JSON Schema of a configuration file; return the exit code."""
    terminal.result(json.dumps(settings_schema(), indent=1))
    return Exit.DONE


def _given_key() -> str:
    given = os.environ.get(ADMIN) or ""
    if given and len(given) < SHORTEST_KEY:
        raise CommandError(
            f"{ADMIN} has {len(given)} characters, and who guesses it may buy at your cost; give "
            f"at least {SHORTEST_KEY}"
        )

    return given


def _settings(config: Path | None, *, mock: bool, media: Path | None) -> ServerSettings:
    settings = ServerSettings() if config is None else read_settings(config)
    changed: dict[str, Any] = {"mock": True} if mock else {}
    if media is not None:
        changed["media"] = media

    return settings.model_copy(update=changed)


def _check(settings: ServerSettings) -> None:
    faults = list(problems(settings))
    if faults:
        raise CommandError("the configuration is not in order: " + "; ".join(faults))


def _check_ledger(gateway: Gateway) -> None:
    """Check that jobs can be written down, before anybody orders one; no file is made by it.

    Raises:
        StorageError: The ledger can't be read.
        CommandError: Its file can't be made where it is to be.
    """
    path: Path | None = getattr(gateway.ledger, "path", None)
    if path is None or path.exists():
        portal.call(lambda _caller: gateway.ledger.get("no such job"))
        return

    folder = next((parent for parent in path.absolute().parents if parent.exists()), Path("/"))
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise CommandError(f"the ledger can't be made at {path}: {folder} can't be written")


def _gateway(settings: ServerSettings, ledger: str | None) -> Gateway:
    # What the mock makes is not written beside what was paid for.
    chosen = ledger or settings.ledger
    is_chosen = chosen or os.environ.get(VARIABLE)
    kept = opened(MEMORY if settings.mock and not is_chosen else chosen)
    return Gateway(
        ledger=kept,
        untrusted_requests=True,
        limits=settings.limits,
        budgets=settings.budgets or None,
        breaker=settings.breaker,
        webhook_url=settings.webhook_url,
        observers=[OpenTelemetryObserver()] if find_spec("opentelemetry") is not None else [],
    )


def _announce(  # noqa: PLR0913  (what it says, each by its name)
    host: str, port: int, key: str, *, mock: bool, is_new: bool, has_page: bool
) -> str:
    shown = "127.0.0.1" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    terminal.result(f"Server     {url}")
    if has_page:
        terminal.result(f"Page       {url}/")

    terminal.result(f"OpenAI     base_url={url}/v1")
    if is_new:
        terminal.result(f"Admin key  {key}")

    shell_key = key if is_new else f"${ADMIN}"
    body = '{"model": "' + MODEL + '", "prompt": "A cat playing piano"}'
    terminal.result(
        f'Try        curl {url}/v1/videos -H "Authorization: Bearer {shell_key}" '
        f'-H "Content-Type: application/json" -d {shlex.quote(body)}'
    )
    if is_new:
        terminal.hint(f"This admin key is good until the server ends; {ADMIN} sets one that stays.")

    if mock:
        terminal.hint("Every model is answered by the mock: no provider is asked.")

    after = (
        "what the mock was making ends with it"
        if mock
        else "jobs go on, and the next start takes them up"
    )
    terminal.hint(f"Ctrl-C stops the server; {after}.")
    return url
