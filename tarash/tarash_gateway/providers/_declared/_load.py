"""Reads declarations: TOML or a dict in, a row of the registry out; errors name file and line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pydantic

from ..._support._secrets import looks_secret
from ...exceptions import ValidationError
from .._provider import KeyVariable, Provider
from ._adapter import DeclaredAdapter
from ._mappers import mappers_of
from ._model import Account, ProviderDeclaration
from ._names import names_at

if TYPE_CHECKING:
    from .._contract import Adapter


def read_declaration(source: str | Path | Mapping[str, Any]) -> ProviderDeclaration:
    """Return the declaration in a TOML file, or in a dict of the same form.

    Raises:
        ValidationError: It can't be read, or says something that no declaration has; the message
            names each place, with file and line where there is a file.
    """
    if isinstance(source, Mapping):
        return _checked(source, "the declaration", "")

    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationError(f"{path} can't be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValidationError(f"{path} is no TOML: {error}") from error

    return _checked(raw, str(path), text)


def declared_provider(source: str | Path | Mapping[str, Any] | ProviderDeclaration) -> Provider:
    """Return the row of a declared provider, for `register`, or for a package's entry point."""
    said = source if isinstance(source, ProviderDeclaration) else read_declaration(source)
    fallbacks = {kind: mappers_of(said, kind, None) for kind in ("video", "image")}
    module = ModuleType(f"declared models of {said.name}")
    known = {
        name.removesuffix("*"): mappers_of(said, model.kind, model)
        for model in said.models
        for name in model.ids
    }
    ids = {
        kind: tuple(
            name
            for model in said.models
            for name in model.ids
            if model.kind == kind and not name.endswith("*")
        )
        for kind in said.makes
    }
    module.__dict__.update(
        MODELS=known,
        IDS=ids,
        VIDEO_FALLBACK=fallbacks["video"],
        IMAGE_FALLBACK=fallbacks["image"],
    )
    return Provider(
        name=said.name,
        title=said.title,
        adapter=cast("Adapter", DeclaredAdapter(said)),
        keys=tuple(KeyVariable(one) for one in said.account.variables),
        modalities=said.makes,
        models=module,
        aliases=said.aliases,
        open_settings=(*_open_settings(said.account), "region"),
    )


def _open_settings(account: Account) -> Iterator[str]:
    """Yield the settings that may be shown: none that signs, or that is called like a secret."""
    signs = {account.auth.id_setting, account.auth.secret_setting}
    for name, setting in account.settings.items():
        hidden = looks_secret(name) if setting.secret is None else setting.secret
        if not hidden and name not in signs:
            yield name


def _checked(raw: Mapping[str, Any], where: str, text: str) -> ProviderDeclaration:
    try:
        return ProviderDeclaration.model_validate(dict(raw))
    except pydantic.ValidationError as error:
        said = [_told(one, where, text) for one in error.errors(include_url=False)]
        raise ValidationError(
            f"{said[0].partition(': ')[0]} declares no provider that can be used:\n  "
            + "\n  ".join(said)
        ) from None


def _told(error: Any, where: str, text: str) -> str:
    place: Sequence[str | int] = error["loc"]
    line = _line_of(text, place)
    at = f"{where}:{line}" if line else where
    name = ".".join(map(str, place)) or "as a whole"
    if error["type"] == "extra_forbidden":
        known = names_at(ProviderDeclaration, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"{at}: {name}: there is no such key; {meant}"

    return f"{at}: {name}: {error['msg'].removeprefix('Value error, ')}"


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

        found = next((at for at in range(begin, end) if key.match(lines[at])), None)
        found = (
            found
            if found is not None
            else next(
                (at for at in range(begin, end) if re.search(rf"\b{re.escape(part)}\b", lines[at])),
                None,
            )
        )
        if found is not None:
            best = begin = found

    return None if best is None else best + 1
