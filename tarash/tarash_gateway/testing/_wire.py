"""What a provider's wire has to offer to be served: routes with steps, credentials, error bodies.

A wire turns requests into replies as data. It must not know aiohttp, faults or counters: `_origin`
has those, once for all wires.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tarash.tarash_gateway.testing._records import RecordedRequest, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer before it goes out.

    Attributes:
        status: HTTP status.
        body: The whole body; empty where there are events.
        headers: Content-Type among them.
        events: Chunks of an open stream, each sent as soon as it is there.
        messages: Texts over a web socket, each sent as soon as it is there.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    events: AsyncIterator[bytes] | None = None
    messages: AsyncIterator[str] | None = None

    @classmethod
    def json(
        cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> "Reply":
        """Answer with JSON."""
        return cls(
            status=status,
            body=json.dumps(data).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )


def object_in(request: RecordedRequest) -> dict[str, Any] | None:
    """Return the JSON object that a body holds; None for any other body."""
    try:
        body = request.json()
    except ValueError:
        return None

    return body if isinstance(body, dict) else None


def labelled_object_in(request: RecordedRequest) -> dict[str, Any] | None:
    """Return the JSON object that a body holds and its label names; None for any other body."""
    is_labelled = request.headers.get("content-type", "").startswith("application/json")
    return object_in(request) if is_labelled else None


Handler = Callable[[RecordedRequest], Awaitable[Reply]]


class Route:
    """One kind of request that a wire understands.

    Args:
        method: Upper case.
        template: The path; `{name}` is one segment, `{name+}` one or more.
        handler: Answers the request.
        step: What the request is for; None for what no fault or counter needs to tell apart.
        public: Whether it works without credentials.
    """

    def __init__(
        self,
        method: str,
        template: str,
        handler: Handler,
        *,
        step: Step | None = None,
        public: bool = False,
    ) -> None:
        self.method = method
        self.handler = handler
        self.step = step
        self.public = public
        pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}").replace(r"\+", "+")
        pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", pattern)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        self._pattern = re.compile(pattern)

    def match(self, method: str, path: str) -> Mapping[str, str] | None:
        """Return what the path says, or None where this route isn't meant."""
        match = self._pattern.fullmatch(path) if method == self.method else None
        return match.groupdict() if match else None


class ProviderWire(Protocol):
    """One provider's protocol. Routes are tried in order."""

    routes: Sequence[Route]
    credential_header: str

    def credential(self, headers: Mapping[str, str]) -> str:
        """Return the bare key of a request, or an empty string where there is none."""
        ...

    def error(self, status: int, message: str) -> Reply:
        """Return the provider's own body for an error that isn't about one job."""
        ...

    def not_found(self, request: RecordedRequest) -> Reply:
        """Return the provider's answer to a path that it doesn't know."""
        ...
