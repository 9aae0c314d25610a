"""What a provider's wire has to offer to be served: routes with steps, credentials, error bodies.

And what it reads out of requests: JSON, and forms by the standard library. A wire turns requests
into replies as data. It must not know aiohttp, faults or counters: `_origin` has those, once for
all wires.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any, Protocol

from tarash.tarash_gateway.testing._records import RecordedRequest, Step

_MULTIPART = "multipart/form-data"


class WireError(Exception):
    """A wire raised an error of its own: what it answered with then is no word of its provider's.

    Args:
        provider: Whose wire it is.
        doing: The wire's function that was called.
        error: What came out of it.
    """

    def __init__(self, provider: str, doing: str, error: Exception) -> None:
        super().__init__(f"the wire of {provider!r} raised {error!r} in {doing}")
        self.__cause__ = error


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


@dataclass(frozen=True, slots=True)
class FormFile:
    """One uploaded file."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What a form holds.

    Attributes:
        fields: The last value of each field.
        files: All files of each field, in order.
    """

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[FormFile]] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the form as JSON: `<type, n bytes>` for each file."""
        shown: dict[str, Any] = dict(self.fields)
        for name, files in self.files.items():
            shown[name] = [f"<{file.content_type}, {len(file.content)} bytes>" for file in files]

        return shown


def read_form(request: RecordedRequest) -> Form | None:
    """Return the form that a request holds; None where it is something else."""
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith(_MULTIPART):
        return None

    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    # By the old policy, which reads a form in an eighth of the time of the new one.
    message = BytesParser().parsebytes(head + request.body)
    form = Form()
    for part in message.walk():
        if not part.is_multipart():
            _add(form, part)

    return form


def _add(form: Form, part: Message) -> None:
    name = str(part.get_param("name", "", header="content-disposition"))
    content = part.get_payload(decode=True)
    content = content if isinstance(content, bytes) else b""
    file_name = part.get_filename()
    if file_name is None:
        form.fields[name] = content.decode("utf-8", "replace")
    else:
        file = FormFile(file_name, part.get_content_type(), content)
        form.files.setdefault(name, []).append(file)


def parsed(value: str) -> Any:
    """Return a form's field as the JSON that it holds; as text, where that is none."""
    try:
        return json.loads(value)
    except ValueError:
        return value


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
