"""The inbox for providers' webhooks.

A webhook is believed in nothing but that its job is worth a poll. What nobody drives is taken up by
this server, with the key of the job's account, as after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._jobs._inbox_app import WebhookInbox

if TYPE_CHECKING:
    from .._jobs._gateway import Gateway
    from .._jobs._inbox import WebhookEvent
    from ..observability import OpenTelemetryObserver
    from ._driving import Drivers


class Inbox(WebhookInbox):
    """The inbox of a server."""

    def __init__(
        self, gateway: Gateway, drivers: Drivers, telemetry: OpenTelemetryObserver | None
    ) -> None:
        super().__init__(gateway, on_event=None if telemetry is None else telemetry.webhook)
        self._drivers = drivers

    async def settle_async(self, event: WebhookEvent) -> bool:
        """Take up the job of a webhook where nobody drives it; return whether it was."""
        return event.is_idle and await self._drivers.take_up(event.job_id)
