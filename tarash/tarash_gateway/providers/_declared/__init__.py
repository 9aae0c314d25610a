"""Providers by declaration: a typed model, read from TOML or a dict, and the adapter that plays it.

Knows no provider by name. What a declaration can't say is a hook: one stage at a time, in Python.
"""

from __future__ import annotations

from ._load import declared_provider, read_declaration
from ._model import ProviderDeclaration, declaration_schema

__all__ = ["ProviderDeclaration", "declaration_schema", "declared_provider", "read_declaration"]
