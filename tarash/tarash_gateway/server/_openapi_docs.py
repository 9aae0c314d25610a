"""What the OpenAPI document says of bodies that are read by hand, and of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from ._settings_docs import Explained

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = {"type": "string", "format": "binary"}
REFERENCE = "#/components/schemas/{model}"


class Advice(BaseModel):
    """What can be done about an error.

    Attributes:
        action: A word for programs.
        text: A sentence for people.
    """

    action: str
    text: str


class Moderation(BaseModel):
    """What was objected to.

    Attributes:
        stage: `input` or `output`.
        categories: The provider's words.
    """

    stage: str | None
    categories: list[str]


class ErrorDetail(BaseModel):
    """What went wrong, and whether it may have cost something.

    Attributes:
        message: A sentence for people.
        type: OpenAI's word for errors of this status.
        param: The field that it is about.
        code: A word for programs.
        submission: Whether the provider has taken it: `not_sent`, `rejected`, `accepted` or
            `unknown`.
        billing: Whether it may cost something all the same: `none`, `possible` or `certain`.
        hints: What can be done.
        provider: Who has refused or failed.
        provider_request_id: The job's id there.
        moderation: What was objected to, where that is why.
    """

    message: str = Field(examples=["There is no such video"])
    type: str = Field(examples=["not_found_error"])
    param: str | None = None
    code: str = Field(examples=["not_found"])
    submission: str | None = None
    billing: str | None = None
    hints: list[Advice] = Field(default_factory=list)
    provider: str | None = None
    provider_request_id: str | None = None
    moderation: Moderation | None = None


class ErrorAnswer(BaseModel):
    """Every answer that is an error."""

    error: ErrorDetail


# FastAPI would make a field of each, for each route, before it answers a server's first request.
# So `with_schemas` says that they are an `ErrorAnswer`, once somebody asks for the document.
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": text}
    for status, text in {
        400: "The request can't be taken as it is",
        401: "The key is missing or not good",
        402: "Over the budget",
        403: "Not for this key",
        404: "There is no such thing, or it is another key's",
        408: "The body came too slowly",
        409: "Not in this state",
        410: "It was made and deleted",
        413: "The body is too large",
        422: "The idempotency key is another request's",
        429: "Too much at once",
        500: "The gateway failed",
        502: "The provider can't do it",
        503: "Not now",
        504: "The provider did not answer in time",
    }.items()
}


def body_of(
    model: type[BaseModel], files: Sequence[str] = (), known: Sequence[str] = (), **lists: str
) -> dict[str, Any]:
    """Return what the document says of a body that is JSON or a form.

    Args:
        model: Its fields.
        files: Those that a form may bring as files.
        known: Those that may be left out, since the route knows them otherwise.
        lists: Those that a form may bring as a list of files, and the names that these have there.
    """
    schema = model.model_json_schema(ref_template=REFERENCE, schema_generator=Explained)
    inner = schema.pop("$defs", {})
    inline = {f"{REFERENCE.format(model=name)}": value for name, value in inner.items()}
    schema = _inlined(schema, inline)
    schema["required"] = [name for name in schema["required"] if name not in known]
    form = {**schema, "properties": dict(schema["properties"])}
    for name in files:
        form["properties"][name] = {"anyOf": [FILE, {"type": "string"}]}

    for name, plural in lists.items():
        form["properties"][plural] = {"type": "array", "items": FILE}
        form["properties"].setdefault(name, FILE)

    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def form_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return what the document says of a body that is a form."""
    schema = model.model_json_schema(ref_template=REFERENCE, schema_generator=Explained)
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


def either(*bodies: dict[str, Any]) -> dict[str, Any]:
    """Return what the document says of a body that is one of several."""
    made: dict[str, Any] = {}
    for kind in bodies[0]["requestBody"]["content"]:
        every = [body["requestBody"]["content"][kind]["schema"] for body in bodies]
        made[kind] = {"schema": {"anyOf": every}}

    return {"requestBody": {"required": True, "content": made}}


def _inlined(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$ref"} and value["$ref"] in known:
            return _inlined(known[value["$ref"]], known)

        return {name: _inlined(inner, known) for name, inner in value.items()}

    return [_inlined(entry, known) for entry in value] if isinstance(value, list) else value
