"""What is read of a request at most."""

from __future__ import annotations

from typing import Any

from .._jobs._inbox import LARGEST_BODY
from ._refusals import NO_RETRY, Refusal

INBOX = "/webhooks/"
CLOSE = {"connection": "close", **NO_RETRY}


class SmallBodies:
    """ASGI middleware that ends what is larger than a body may be."""

    def __init__(self, app: Any, json_bytes: int, multipart_bytes: int) -> None:
        self._app = app
        self._json = json_bytes
        self._form = multipart_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse what says that it is too large; stop reading what turns out to be."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        headers = dict(scope["headers"])
        is_form = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        most = self._form if is_form else self._json
        if scope["path"].removeprefix(scope.get("root_path", "")).startswith(INBOX):
            most = max(most, LARGEST_BODY)  # each provider has its own idea of a webhook

        refusal = Refusal(
            413, "body_too_large", f"The body may have {most} bytes at most", headers=CLOSE
        )
        if b"transfer-encoding" in headers and b"content-length" in headers:
            # A front may have read it by the other of the two: what follows is somebody else's.
            message = "A body has a Content-Length or a Transfer-Encoding, and not both"
            await Refusal(400, "invalid_request", message, headers=CLOSE).answer()(
                scope, receive, send
            )
            return

        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            await refusal.answer()(scope, receive, send)
            return

        read = 0

        async def counted() -> Any:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise refusal

            return message

        await self._app(scope, counted, send)
