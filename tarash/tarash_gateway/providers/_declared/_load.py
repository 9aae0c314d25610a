"""Reads declarations: TOML or a dict in, a row of the registry out; errors name file and line."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import pydantic

from ..._support._secrets import looks_secret
from ...catalog import Lifecycle, Schemas, ends
from ...catalog.prices import PriceBook
from ...exceptions import ValidationError
from .._provider import KeyVariable, Provider
from ._adapter import DeclaredAdapter
from ._choosing import Narrowing, together
from ._mappers import mappers_of
from ._model import Account, ProviderDeclaration
from ._names import names_at
from ._parts import PATH_PATTERN, is_for, is_named
from ._takes import Model, joints_of, rules_of

if TYPE_CHECKING:
    from ..._data._types import Kind
    from .._contract import Adapter


Read = Callable[[str], bytes]
"""Returns the content of a file beside the declaration."""


def read_declaration(source: str | Path | Mapping[str, Any]) -> ProviderDeclaration:
    """Return the declaration in a TOML file, or in a dict of the same form.

    Args:
        source: The file, or the dict; the files of schemas that it names stand beside it, or in
            the working directory.

    Raises:
        ValidationError: It can't be read, or says something that no declaration has; the message
            names each place, with file and line where there is a file.
    """
    if isinstance(source, Mapping):
        return _checked(source, "the declaration", "", lambda name: Path(name).read_bytes())

    path = Path(source)
    return parse(str(path), path.read_bytes, lambda name: (path.parent / name).read_bytes())


def parse(where: str, content: Callable[[], bytes], beside: Read) -> ProviderDeclaration:
    """Return the declaration in the content of a file.

    Args:
        where: What the file is called.
        content: Reads it.
        beside: Reads files beside it.

    Raises:
        ValidationError: As for `read_declaration`.
    """
    try:
        text = content().decode("utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationError(f"{where} can't be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValidationError(f"{where} is no TOML: {error}") from error

    return _checked(raw, where, text, beside)


def declared_provider(source: str | Path | Mapping[str, Any] | ProviderDeclaration) -> Provider:
    """Return the row of a declared provider, for `register`, or for a package's entry point."""
    declaration = source if isinstance(source, ProviderDeclaration) else read_declaration(source)
    adapter = DeclaredAdapter(declaration)
    hosts = tuple(filter(None, (urlsplit(base).hostname for base in declaration.account.bases)))
    schemas = None
    if declaration.schemas:
        schemas = Schemas(
            adapter, hosts, listed=True, on_first_use=True, makes=listed_kind(declaration)
        )

    return Provider(
        name=declaration.name,
        title=declaration.title,
        adapter=cast("Adapter", adapter),
        keys=keys_of(declaration),
        modalities=declaration.makes,
        models=models_of(declaration),
        schemas=schemas,
        aliases=declaration.aliases,
        open_settings=open_settings(declaration),
    )


def listed_kind(declaration: ProviderDeclaration) -> Kind | None:
    """Return what all models make whose schemas are listed, where that is one thing."""
    kinds = {schema.makes for schema in declaration.schemas}
    return kinds.pop() if len(kinds) == 1 else None


def keys_of(declaration: ProviderDeclaration) -> tuple[KeyVariable, ...]:
    """Return the variables of the keys; of a product with the first model that it is for."""
    ids = [name for model in declaration.models for name in model.ids if not name.endswith("*")]
    variables = [KeyVariable(variable) for variable in declaration.account.variables]
    for product in declaration.account.products:
        model = next((name for name in ids if is_named(name, product.models)), product.models[0])
        variables += [KeyVariable(variable, model) for variable in product.variables]

    return tuple(variables)


def models_of(declaration: ProviderDeclaration) -> ModuleType:
    """Return what the catalogue reads of a provider's models."""
    module = ModuleType(f"declared models of {declaration.name}")
    known: dict[str, dict[str, Any]] = {"SCHEMAS": {}, "JOINTS": {}, "RULES": {}, "MASKS": {}}
    forms: dict[str, dict[str, list[Any]]] = {kind: {} for kind in declaration.makes}
    last: dict[str, Lifecycle] = {}
    ids: dict[str, dict[str, None]] = {kind: {} for kind in declaration.makes}
    for model in declaration.models:
        mappers, schema = mappers_of(declaration, model.kind, model), declaration.schema_of(model)
        for name in model.ids:
            plain = name.removesuffix("*")
            forms[model.kind].setdefault(plain, []).append(mappers)
            known["JOINTS"].setdefault(plain, joints_of(model))
            known["RULES"].setdefault(plain, rules_of(model))
            if schema is not None:
                known["SCHEMAS"][plain] = _with_envelope(declaration, model, plain, schema)

            if model.mask is not None:
                known["MASKS"][plain] = model.mask

            if model.shutdown is not None:
                source = model.source or f"the declaration of {declaration.name}"
                last[name] = ends(model.shutdown or None, model.successor, source)

            if plain == name and model.listed:
                ids[model.kind][name] = None

    of_kind = {
        kind: {name: together(each) for name, each in by_name.items()}
        for kind, by_name in forms.items()
    }
    module.__dict__.update(
        known,
        MODELS={name: value for by_name in of_kind.values() for name, value in by_name.items()},
        MODELS_OF=of_kind,
        IDS={kind: tuple(names) for kind, names in ids.items()},
        ENDS=dict(sorted(last.items())),
        NARROWED=Narrowing(declaration)
        if any(schema.in_rows for schema in declaration.schemas)
        else None,
        PRICES=PriceBook(price.line(declaration.name) for price in declaration.prices),
        VIDEO_FALLBACK=mappers_of(declaration, "video", None),
        IMAGE_FALLBACK=mappers_of(declaration, "image", None),
    )
    return module


def _with_envelope(
    declaration: ProviderDeclaration, model: Model, name: str, schema: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return a schema that knows what stands beside the model's input in the same body."""
    beside: dict[str, Any] = {part: {} for part in model.body}
    for way in declaration.submit:
        if way.schema_at is None and is_for(way, model.kind, name):
            paths = filter(None, (*way.body, way.model_at, way.own_id, way.extra_at))
            beside |= {path.partition(".")[0].removesuffix("[]"): {} for path in paths}

    return {**schema, "properties": {**beside, **(schema.get("properties") or {})}}


def open_settings(declaration: ProviderDeclaration) -> tuple[str, ...]:
    """Return the settings that may be shown: none that signs, or that is called like a secret."""
    return (*_open_settings(declaration.account), "region")


def _open_settings(account: Account) -> Iterator[str]:
    """Yield the settings that may be shown: none that signs, or that is called like a secret."""
    signs = {account.auth.id_setting, account.auth.secret_setting}
    for name, setting in account.settings.items():
        hidden = looks_secret(name) if setting.secret is None else setting.secret
        if not hidden and name not in signs:
            yield name


def _checked(raw: Mapping[str, Any], where: str, text: str, beside: Read) -> ProviderDeclaration:
    try:
        declaration = ProviderDeclaration.model_validate(dict(raw))
    except pydantic.ValidationError as error:
        errors = _causes(error.errors(include_url=False))
        sentences = [_sentence_for(error, errors, where, text, raw) for error in errors]
        raise ValidationError(
            f"{sentences[0].partition(': ')[0]} declares no provider that can be used:\n  "
            + "\n  ".join(sentences)
        ) from None

    schemas: dict[str, Any] = {}
    for number, model in enumerate(raw["models"]):
        for name in _schemas_of(model):
            if isinstance(name, str):
                line = _line_of(text, ("models", number, "schema"))
                schemas[name] = _schema(name, f"{where}:{line}" if line else where, beside)

    declaration.keep_schemas(schemas)
    return declaration


def _schemas_of(model: Any) -> list[Any]:
    """Return the schemas that a model and its forms name, as written, or as read before."""
    if isinstance(model, Model):
        return [form.input_schema for form in model.each_form]

    return [form.get("schema") for form in (model, *model.get("forms", ()))]


def _schema(name: str, where: str, beside: Read) -> Any:
    try:
        schema = json.loads(beside(name))
    except (OSError, ValueError) as error:
        raise ValidationError(
            f"{where} declares no provider that can be used:\n  {where}: the schema {name!r} can't "
            f"be read: {error}"
        ) from error

    if not isinstance(schema, dict):
        raise ValidationError(
            f"{where} declares no provider that can be used:\n  {where}: {name!r} is no JSON Schema"
        )

    return schema


def _causes(errors: Sequence[Any]) -> list[Any]:
    """Return errors without those that only follow from others, such as that nothing is left."""
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(
            other is not error and other["loc"][: len(error["loc"])] == error["loc"]
            for other in errors
        )
    ]


def _sentence_for(
    error: Any, errors: Sequence[Any], where: str, text: str, raw: Mapping[str, Any]
) -> str:
    place: Sequence[str | int] = _as_written(error["loc"], raw)
    line = _line_of(text, place)
    at = f"{where}:{line}" if line else where
    name = ".".join(map(str, place)) or "as a whole"
    if error["type"] == "extra_forbidden":
        known = names_at(ProviderDeclaration, place[:-1])
        # What is missing there is likelier to be meant than what is there already.
        due = [other["loc"][-1] for other in errors if _is_missing_beside(other, error)]
        near = [
            *difflib.get_close_matches(str(place[-1]), map(str, due), n=1, cutoff=0.5),
            *difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5),
        ]
        meant = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"{at}: {name}: there is no such key; {meant}"

    return f"{at}: {name}: {_words(error)}"


def _is_missing_beside(error: Any, other: Any) -> bool:
    return bool(error["type"] == "missing" and error["loc"][:-1] == other["loc"][:-1])


def _words(error: Any) -> str:
    """Return what is wrong with a value, in plain words."""
    if error["type"] == "missing":
        return "it is missing, and needed"

    if error["type"] == "string_pattern_mismatch":
        if error["ctx"]["pattern"] == PATH_PATTERN:
            return "it is no path: names with dots between, such as data.task_id"

        return f"it has another form than is needed: {error['ctx']['pattern']}"

    message = str(error["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "it must be").replace("Extra inputs are", "it is")


def _as_written(place: Sequence[str | int], raw: Any) -> list[str | int]:
    """Return a place without the number of what was written as one table."""
    written: list[str | int] = []
    for part in place:
        if isinstance(part, int) and isinstance(raw, Mapping):
            continue

        written.append(part)
        is_there = isinstance(raw, Mapping) or (isinstance(raw, list) and isinstance(part, int))
        try:
            raw = raw[part] if is_there else None
        except (KeyError, IndexError):
            raw = None

    return written


def _line_of(text: str, place: Sequence[str | int]) -> int | None:
    """Return the line in which a place is written: the deepest part of it that can be found."""
    lines, best, begin, end = text.splitlines(), None, 0, len(text.splitlines())
    path: list[str] = []
    for number, part in enumerate(place):
        if isinstance(part, int):
            continue

        path.append(part)
        index = place[number + 1] if number + 1 < len(place) else 0
        table = re.compile(rf"\s*\[\[?\s*{re.escape('.'.join(path))}\s*\]\]?")
        key = re.compile(rf"\s*\"?{re.escape(part)}\"?\s*[.=]")
        tables = [at for at in range(begin, len(lines)) if table.match(lines[at])]
        if tables:
            nth = index if isinstance(index, int) and index < len(tables) else 0
            best = begin = tables[nth]
            end = next((at for at in tables if at > begin), len(lines))
            continue

        line = next((at for at in range(begin, end) if key.match(lines[at])), None)
        line = (
            line
            if line is not None
            else next(
                (at for at in range(begin, end) if re.search(rf"\b{re.escape(part)}\b", lines[at])),
                None,
            )
        )
        if line is not None:
            best = begin = line

    return None if best is None else best + 1
