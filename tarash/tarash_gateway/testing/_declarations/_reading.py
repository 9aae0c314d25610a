"""What a wire reads out of a declaration, with the defaults of the format."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Table = Mapping[str, Any]
Source = str | Path | Table


def is_file(source: object) -> bool:
    """Tell whether something names a declaration, and not a provider."""
    if isinstance(source, str):
        return source.endswith(".toml")

    return isinstance(source, Path | Mapping)


def read(source: Source) -> "Declaration":
    """Read a declaration: a TOML file, or a dict of its form.

    Raises:
        ValueError: It is none that can be played.
    """
    if isinstance(source, Mapping):
        return Declaration(source)

    try:
        return Declaration(tomllib.loads(Path(source).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{source} can't be read: {error}") from error


class Declaration:
    """One declaration; its tables as they stand in it."""

    def __init__(self, raw: Table) -> None:
        missing = [
            name for name in ("name", "account", "submit", "result", "models") if name not in raw
        ]
        if missing:
            raise ValueError(f"A declaration needs {', '.join(missing)}, and this one has none")

        self.name: str = raw["name"]
        self.title: str = raw.get("title", self.name)
        self.account: Table = raw["account"]
        self.submits = _tables(raw["submit"])
        self.polls = [*map(_with_statuses, _tables(raw.get("poll", ())))]
        self.sharing = [poll for poll in self.polls if "many" in poll]
        self.results = _tables(raw["result"])
        self.cancels = _tables(raw.get("cancel", ()))
        self.lists = _tables(raw.get("list", ()))
        self.quotes = _tables(raw.get("quote", ()))
        sets = raw.get("sets", {})
        self.models = [_whole(form, sets) for model in raw["models"] for form in _forms(model)]
        self.upload: Table | None = raw.get("upload")
        errors = raw.get("errors", {})
        self.message: str = next(iter(errors.get("message", ())), "error.message")
        self.code: str | None = next(iter(errors.get("code", ())), "error.code")
        self.inside = _tables(errors.get("inside", ()))
        self.rules: list[Table] = list(errors.get("rules", ()))

    @property
    def base_path(self) -> str:
        """The path with which all paths begin, without a slash at its end."""
        return urlsplit(str(self.account["base_url"])).path.rstrip("/")

    @property
    def check(self) -> str | None:
        """What costs nothing and wants a key."""
        return self.account.get("check")

    def named(self, sent: str, kind: str | None = None) -> list[tuple[Table, str]]:
        """Return what may be declared of a model as it is sent, with its id, the best first."""
        of_kind = [
            (model, name)
            for model in self.models
            for name in model["ids"]
            if kind in (None, model["kind"])
        ]
        exact = [(model, name) for model, name in of_kind if model.get("sent_as", name) == sent]
        begun = [
            (model, name) for model, name in of_kind if sent.startswith(name.removesuffix("*"))
        ]
        begun.sort(key=lambda pair: -len(pair[1]))
        return exact or [(model, sent) for model, _ in begun]

    def paths(self, way: Table) -> list[str]:
        """Return where the submits of one table go: some models have paths of their own."""
        own = [
            str(model["path"])
            for model in self.models
            if model.get("path") and any(is_for(way, model["kind"], name) for name in model["ids"])
        ]
        return [str(way["path"]), *dict.fromkeys((*way.get("paths", {}).values(), *own))]

    def paths_of(self, way: Table, model: Table) -> list[str]:
        """Return where the submits of one model go by a table: to its own path, or the table's."""
        own = model.get("path")
        return [own] if own else [way["path"], *way.get("paths", {}).values()]

    @staticmethod
    def best(
        named: Sequence[tuple[Table, str]], way: Table, is_at: Callable[[str], bool]
    ) -> tuple[Table, str] | None:
        """Return the form that a submit is for: one with a path of its own, or what leads there."""
        meant = {name for name, path in way.get("paths", {}).items() if is_at(path)}

        def rank(pair: tuple[Table, str]) -> tuple[bool, bool]:
            return "path" in pair[0], not meant.isdisjoint(pair[0].get("has", ()))

        return max(named, key=rank, default=None)

    def forms(self, name: str) -> int:
        """Return how many forms a model has."""
        return sum(name in model["ids"] for model in self.models)

    def stage(self, tables: list[Table], kind: str, model: str) -> Table | None:
        """Return the first table that is for a model."""
        return next((table for table in tables if is_for(table, kind, model)), None)

    def means(self, meaning: str, *, in_job: bool = False) -> Table | None:
        """Return the first rule for errors of a meaning; in a job, the first that needs no code."""
        rules = [rule for rule in self.rules if rule["means"] == meaning]
        plain = [rule for rule in rules if not rule.get("code")] if in_job else []
        return next(iter(plain or rules), None)


def _with_statuses(poll: Table) -> Table:
    """Return a poll with our word for each of the provider's, some of which stand in lists."""
    statuses: dict[str, Any] = {}
    for name, value in poll["statuses"].items():
        statuses |= dict.fromkeys(value, name) if isinstance(value, list) else {name: value}

    return {**poll, "statuses": statuses}


def _forms(model: Table) -> Iterator[Table]:
    """Yield a model as often as it has forms, each with what they have in common."""
    common = {name: value for name, value in model.items() if name != "forms"}
    forms: Sequence[Table] = model.get("forms") or [{}]
    for form in forms:
        whole = {**common, **form}
        for name in common.keys() & form.keys():
            if isinstance(form[name], list):
                whole[name] = [*common[name], *form[name]]
            elif name in ("takes", "body"):
                whole[name] = {**common[name], **form[name]}

        yield whole


def _whole(model: Table, sets: Table) -> Table:
    """Return a model with the parameters that it shares with others."""
    takes: dict[str, Any] = {}
    for name in model.get("sets", ()):
        takes |= sets.get(name, {})

    return {"kind": "video", **model, "takes": {**takes, **model.get("takes", {})}}


def is_for(table: Table, kind: str, model: str) -> bool:
    """Tell whether a table is for a model."""
    names = table.get("models", ())
    named = any(
        model.startswith(name[:-1]) if name.endswith("*") else name == model for name in names
    )
    return table.get("kind", kind) == kind and (named or not names)


def _tables(value: Any) -> list[Table]:
    return [value] if isinstance(value, Mapping) else list(value)
