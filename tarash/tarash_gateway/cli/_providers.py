"""`tarash providers`: who there is, and what is missing to use them."""

from __future__ import annotations

from ..models import ProviderInfo
from ..registry import list_providers
from . import _terminal as terminal
from ._errors import Exit


def show_providers(*, json: bool) -> int:
    """List the providers; return the exit code."""
    found = list_providers()
    if json:
        terminal.document([provider.model_dump(mode="json") for provider in found])
        return Exit.DONE

    table = terminal.plain_table("provider", "makes", "key from", "ready")
    for provider in found:
        table.add_row(
            provider.name,
            ", ".join(provider.modalities),
            provider.environment_variable or "-",
            "; ".join(missing(provider)) or "yes",
        )

    terminal.show(table)
    return Exit.DONE


def missing(provider: ProviderInfo) -> list[str]:
    """Return what has to be done before a provider can be used."""
    lacks = []
    if not provider.installed:
        lacks.append(f"no: pip install 'tarash-gateway[{provider.extra}]'")

    if provider.environment_variable and not provider.key_present:
        lacks.append(f"no: set {provider.environment_variable}")

    return lacks
