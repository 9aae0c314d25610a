"""Shows docstrings as readers of the site want them; in the code, everything is written once.

The fields of data classes become a table: types and defaults come from the class, meanings from the
`Attributes:` of its docstring, or of the class that this one refers to. A function that refers to
its twin ("Blocking form of …", "see …") shows the twin's arguments. Examples become blocks of code.
"""

from __future__ import annotations

import inspect
import re
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

import tarash.tarash_gateway as gateway
from tarash.tarash_gateway._data import _types

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# What internal names of types are to readers.
READABLE = {
    "Seconds": "float",
    "AspectRatio": "str",
    "ImageSize": "str",
    "RoledImage": "ImageInput",
    "AwareDatetime": "datetime",
    "Several": "Sequence",
}
ENTRY = re.compile(r"(\w+): (.*)")
BEFORE_NAPOLEON = 400


# Made by functions, so that nobody calls them.
MADE_ELSEWHERE = ("ProgressBar", "VideoJob", "ImageJob")
SECTION = re.compile(r"(Args|Returns|Raises|Example):")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-signature", hide_signature)
    app.connect("autodoc-process-docstring", rewrite, priority=BEFORE_NAPOLEON)
    return {"parallel_read_safe": True}


def hide_signature(
    _app: Sphinx, _what: str, name: str, shown: Any, _options: Any, _signature: Any, _returns: Any
) -> tuple[str, None] | None:
    """Leave out what says nothing: a data class takes its fields, by name."""
    hidden = _has_fields(shown) or name.rpartition(".")[2] in MADE_ELSEWHERE
    return ("", None) if hidden else None


def rewrite(
    _app: Sphinx, what: str, name: str, shown: Any, _options: Any, lines: list[str]
) -> None:
    """Change the lines of one docstring in place."""
    if _has_fields(shown):
        said = "\n".join(lines).partition("\nAttributes:\n")[0].rstrip().splitlines()
        lines[:] = [*said, "", *_table(shown), ""]
        return

    if what in ("function", "method") and not any(SECTION.match(line) for line in lines):
        lines.extend(_sections_of_twin(name))

    lines[:] = _with_code(lines)


# ------------------------------------------------------------------------------------- functions
def _sections_of_twin(name: str) -> list[str]:
    """Return what the docstring of the coroutine says that a function or method is a form of."""
    owner, _, function = name.rpartition(".")
    holder: Any = gateway.Gateway
    if owner.rpartition(".")[2] in ("VideoJob", "ImageJob", "Gateway"):
        holder = getattr(gateway, owner.rpartition(".")[2])

    base = function.removesuffix("_async")
    # Of two kinds, the docstring of videos is the one that is written out.
    for twin in (f"{base}_async", f"{base.replace('image', 'video')}_async"):
        lines = (inspect.getdoc(getattr(holder, twin, None)) or "").splitlines()
        first = next((place for place, line in enumerate(lines) if SECTION.match(line)), None)
        if first is not None:
            return ["", *lines[first:], ""]

    return []


def _with_code(lines: list[str]) -> list[str]:
    """Make a block of code of the section `Example:`."""
    if "Example:" not in lines:
        return lines

    place = lines.index("Example:")
    return [*lines[:place], ".. code-block:: python", "", *lines[place + 1 :], ""]


# ---------------------------------------------------------------------------------------- fields
def _has_fields(shown: Any) -> bool:
    return inspect.isclass(shown) and issubclass(shown, BaseModel)


def _table(shown: type[BaseModel]) -> list[str]:
    # Named by the reader's eyes, not by the base class that holds them.
    rows = ["   * - field", "     - type", "     - default", "     - "]
    for name, field in shown.model_fields.items():
        default = "" if field.is_required() else _default(field)
        rows += [
            f"   * - ``{name}``",
            f"     - ``{_type(shown, name)}``",
            f"     - {default}",
            f"     - {_meaning(shown, name)}",
        ]

    options = ["   :header-rows: 1", "   :widths: auto", "   :class: fields"]
    return [".. list-table::", *options, "", *rows]


def _default(field: Any) -> str:
    value = field.default_factory() if field.default_factory is not None else field.default
    return f"``{value!r}``"


def _type(shown: type[BaseModel], name: str) -> str:
    for kind in shown.__mro__:
        written = vars(kind).get("__annotations__", {}).get(name)
        if written is not None:
            return re.sub(r"\b\w+\b", _readable, _spelled(written).replace("tuple[()]", "tuple"))

    return "Any"


def _spelled(kind: Any) -> str:
    """Return a type as its author would write it; pydantic may have read it already."""
    if isinstance(kind, str):
        return re.sub(r"\bAnnotated\[(.+?), \w+\(.*\)\]", r"\1", kind)

    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _spelled(args[0])

    if origin is Literal:
        return " | ".join(map(repr, args))

    if origin in (Union, UnionType):
        return " | ".join(map(_spelled, args))

    if origin is not None and args:
        return f"{_spelled(origin)}[{', '.join(map(_spelled, args))}]"

    named = {NoneType: "None", Ellipsis: "..."}
    return named.get(kind) or str(getattr(kind, "__name__", kind))


def _readable(found: re.Match[str]) -> str:
    word = found[0]
    values = get_args(getattr(_types, word, None)) if word[0].isupper() else ()
    if values and all(isinstance(value, str) for value in values) and word != "MediaType":
        return " | ".join(map(repr, values))

    return READABLE.get(word, word)


def _meaning(shown: type[BaseModel], name: str) -> str:
    referred = [
        getattr(gateway, other)
        for other in re.findall(r"as (?:in|for) `?(\w+)`?", inspect.getdoc(shown) or "")
        if hasattr(gateway, other)
    ]
    twin = getattr(gateway, shown.__name__.replace("Image", "Video"), shown)
    for kind in (shown, *referred, twin):
        found = _attributes(kind).get(name)
        if found:
            return found

    return ""


def _attributes(kind: type) -> dict[str, str]:
    block = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")[2]
    found: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        entry = ENTRY.fullmatch(line.strip())
        if entry and line.startswith("    ") and not line.startswith("     "):
            name = entry[1]
            found[name] = entry[2]
        elif name and line.startswith("     "):
            found[name] += f" {line.strip()}"

    return found
