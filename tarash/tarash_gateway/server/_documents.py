"""What the OpenAPI document says of bodies that are read by hand, and of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = {"type": "string", "format": "binary"}
REFERENCE = "#/components/schemas/{model}"


class ErrorDetail(BaseModel):
    """What went wrong, and whether it may have cost something."""

    message: str = Field(examples=["There is no such video"])
    type: str = Field(examples=["not_found_error"])
    param: str | None = None
    code: str = Field(examples=["not_found"])
    submission: str | None = None
    billing: str | None = None
    hints: list[dict[str, Any]] = Field(default_factory=list)
    provider: str | None = None


class ErrorAnswer(BaseModel):
    """Every answer that is an error."""

    error: ErrorDetail


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": said}
    for status, said in {
        400: "The request can't be taken as it is",
        401: "The key is missing or not good",
        402: "Over the budget",
        403: "Not for this key",
        404: "There is no such thing, or it is another key's",
        409: "Not in this state",
        413: "The body is too large",
        422: "The idempotency key is another request's",
        429: "Too much at once",
        502: "The provider can't do it",
        503: "Not now",
        504: "The provider did not answer in time",
    }.items()
}


def body_of(model: type[BaseModel], files: Sequence[str] = (), **lists: str) -> dict[str, Any]:
    """Return what the document says of a body that is JSON or a form.

    Args:
        model: Its fields.
        files: Those that a form may bring as files.
        lists: Those that a form may bring as a list of files, and the names that these have there.
    """
    schema = model.model_json_schema(ref_template=REFERENCE)
    inner = schema.pop("$defs", {})
    inline = {f"{REFERENCE.format(model=name)}": one for name, one in inner.items()}
    schema = _inlined(schema, inline)
    form = {**schema, "properties": dict(schema["properties"])}
    for name in files:
        form["properties"][name] = {"anyOf": [FILE, {"type": "string"}]}

    for name, plural in lists.items():
        form["properties"][plural] = {"type": "array", "items": FILE}
        form["properties"].setdefault(name, FILE)

    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def either(*bodies: dict[str, Any]) -> dict[str, Any]:
    """Return what the document says of a body that is one of several."""
    made: dict[str, Any] = {}
    for kind in bodies[0]["requestBody"]["content"]:
        every = [one["requestBody"]["content"][kind]["schema"] for one in bodies]
        made[kind] = {"schema": {"anyOf": every}}

    return {"requestBody": {"required": True, "content": made}}


def _inlined(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$ref"} and value["$ref"] in known:
            return _inlined(known[value["$ref"]], known)

        return {name: _inlined(one, known) for name, one in value.items()}

    return [_inlined(one, known) for one in value] if isinstance(value, list) else value
