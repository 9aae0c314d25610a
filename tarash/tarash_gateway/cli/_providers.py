"""`tarash providers`: who there is, and what is missing to use them."""

from __future__ import annotations

import os

from .._http._key_lookup import base_url_variable
from .._support._extras import how_to_install
from ..models import ProviderInfo
from ..providers._registry import list_providers
from . import _terminal as terminal
from ._errors import Exit


def show_providers(*, json: bool) -> int:
    """List the providers; return the exit code."""
    providers = list_providers()
    if json:
        terminal.document([provider.model_dump(mode="json") for provider in providers])
        return Exit.DONE

    table = terminal.plain_table("provider", "makes", "key from", "ready")
    for provider in providers:
        table.add_row(
            provider.name,
            ", ".join(provider.modalities),
            ", ".join(provider.environment_variables) or "-",
            "; ".join(missing(provider)) or "yes",
        )

    terminal.show(table)
    return Exit.DONE


def missing(provider: ProviderInfo) -> list[str]:
    """Return what has to be done before a provider can be used."""
    lacks = []
    if not provider.installed:
        lacks.append(f"no: {how_to_install(provider.extra or 'all')}")

    variable = base_url_variable(provider.name)
    if provider.own_server and not os.environ.get(variable):
        lacks.append(f"no: --base-url, or set {variable}")

    present = provider.variables_present
    missed = " or ".join(
        variable for variable in provider.environment_variables if variable not in present
    )
    if missed and not present:
        lacks.append(f"no: set {missed}")
    elif missed and not lacks:
        lacks.append(f"yes, but for models that need {missed}")

    return lacks


def has_access(provider: ProviderInfo) -> bool:
    """Tell whether a provider can be asked: by its key, or because the server is known."""
    if provider.own_server:
        return bool(os.environ.get(base_url_variable(provider.name)))

    return provider.key_present or provider.registered
