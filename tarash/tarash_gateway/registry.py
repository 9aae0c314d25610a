"""Which providers there are, and how to add one."""

from __future__ import annotations

from .providers._registry import (
    get_provider_field_mapping,
    list_providers,
    register_provider,
    register_provider_field_mapping,
    register_provider_file,
)

__all__ = [
    "get_provider_field_mapping",
    "list_providers",
    "register_provider",
    "register_provider_field_mapping",
    "register_provider_file",
]
