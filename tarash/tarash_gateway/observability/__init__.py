"""Traces and metrics by OpenTelemetry: `Gateway(observers=[OpenTelemetryObserver()])`.

It subscribes to events, and knows nothing else of the gateway. Needs the extra `otel`; what is done
with the spans and the numbers is the application's OpenTelemetry SDK's business.
"""

from __future__ import annotations

from ._observer import OpenTelemetryObserver

__all__ = ["OpenTelemetryObserver"]
