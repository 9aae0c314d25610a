"""The mock: answers like a provider, with real media, and without network, key, cost or delay.

It takes every request; `MockConfig` says which outcomes are drawn and which statuses a job goes
through. It must not wait, and must not know any real provider.
"""

from __future__ import annotations

from ._adapter import MockAdapter, adapter

__all__ = ["MockAdapter", "adapter"]
