"""Forms as wires read them: fields and files out of a multipart body.

Uses the standard library only, since a wire must not know the server.
"""

from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any

from tarash.tarash_gateway.testing._records import RecordedRequest

_MULTIPART = "multipart/form-data"


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
