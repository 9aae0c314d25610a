"""Providers, and what an adapter for one more is made of; each name is imported on first use.

`RestAdapter` is the base of adapters that speak REST, `ErrorRules` says what their error bodies
mean, and `Provider` is the row that the registry knows a provider by.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._data._exchange import (
        Call,
        MediaConstraints,
        MediaSupport,
        Operation,
        Payload,
        RawResult,
        Snapshot,
    )
    from .._http._client import HttpClient, HttpResponse, join, unreadable
    from .._http._credentials import Credentials
    from ..catalog import ModelSpec, Schemas, ends
    from ._contract import Ability, Adapter, AdapterDefaults
    from ._declared import (
        ProviderDeclaration,
        declaration_schema,
        declared_provider,
        read_declaration,
    )
    from ._error_conditions import When
    from ._error_rules import ErrorRules
    from ._provider import KeyVariable, Provider
    from ._registry import Registry
    from ._rest import RestAdapter

__all__ = [
    "Ability",
    "Adapter",
    "AdapterDefaults",
    "Call",
    "Credentials",
    "ErrorRules",
    "HttpClient",
    "HttpResponse",
    "KeyVariable",
    "MediaConstraints",
    "MediaSupport",
    "ModelSpec",
    "Operation",
    "Payload",
    "Provider",
    "ProviderDeclaration",
    "RawResult",
    "Registry",
    "RestAdapter",
    "Schemas",
    "Snapshot",
    "When",
    "declaration_schema",
    "declared_provider",
    "ends",
    "join",
    "read_declaration",
    "unreadable",
]

_HOMES = {
    **dict.fromkeys(
        (
            "Call",
            "MediaConstraints",
            "MediaSupport",
            "Operation",
            "Payload",
            "RawResult",
            "Snapshot",
        ),
        ".._data._exchange",
    ),
    "Credentials": ".._http._credentials",
    **dict.fromkeys(("HttpClient", "HttpResponse", "join", "unreadable"), ".._http._client"),
    **dict.fromkeys(("ModelSpec", "Schemas", "ends"), "..catalog"),
    **dict.fromkeys(
        ("ProviderDeclaration", "declaration_schema", "declared_provider", "read_declaration"),
        "._declared",
    ),
    **dict.fromkeys(("Ability", "Adapter", "AdapterDefaults"), "._contract"),
    "ErrorRules": "._error_rules",
    "When": "._error_conditions",
    **dict.fromkeys(("KeyVariable", "Provider"), "._provider"),
    "Registry": "._registry",
    "RestAdapter": "._rest",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    import_module("._annotations", __name__)
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
