"""The mock's settings, under the name that users import."""

from __future__ import annotations

from .models import MockConfig, MockPollingConfig, MockResponse

__all__ = ["MockConfig", "MockPollingConfig", "MockResponse"]
