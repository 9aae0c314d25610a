"""Finds what a model takes: by its exact id, else the longest prefix, else a relative, else none.

Order of truth: what the application registered, what the user fetched, what ships, what the
provider's models agree on. Reads files on first use; reads no network and knows no wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .._data._types import JsonObject, Kind
from ..mapping import FieldMapper, Joint, Rule, derive, longest_prefix, stated_joints, takes_media
from . import _schema_store
from ._learned import asks, can_be_asked, is_unknown
from ._modules import Mappers, command_to_add, declared, elsewhere, kinds_of, named, others_with
from ._sources import described_by, is_described, models_of, module_of
from ._spec import ModelSpec
from ._suggestions import near_ids, same_family, variant_of

if TYPE_CHECKING:
    from .._data._exchange import Request

PROMPT_ONLY: Mappers = {
    "prompt": FieldMapper("prompt", lambda _request, prompt: prompt, required=True)
}
MOST_CACHED = 4096
TYPO = 0.8
VERSION = re.compile(r"[0-9a-f]{32,}")
"""How similar an id must be to a known one to be taken for a mistyped one."""
_known: dict[tuple[str, str, Kind, object], ModelSpec] = {}


class _Derived(Mapping[str, Mappers]):
    """The mappers of every model of a provider, derived when they are looked at."""

    def __init__(self, provider: str) -> None:
        self._provider = provider

    def __getitem__(self, model: str) -> Mappers:
        stored = _schema_store.record(self._provider, model)
        if stored is None:
            raise KeyError(model)

        kind: Kind = "image" if "video" not in stored[0]["outputs"] else "video"
        return lookup(self._provider, model, kind).mappers

    def __iter__(self) -> Iterator[str]:
        return iter(_schema_store.ids(self._provider))

    def __len__(self) -> int:
        return len(_schema_store.ids(self._provider))

    def __contains__(self, model: object) -> bool:
        return isinstance(model, str) and _schema_store.record(self._provider, model) is not None


class _Layered(Mapping[str, Mappers]):
    """Two tables of mappers, of which the first goes before the second."""

    def __init__(self, first: Mapping[str, Mappers], second: Mapping[str, Mappers]) -> None:
        self._layers = (first, second)

    def __getitem__(self, model: str) -> Mappers:
        first, second = self._layers
        return first[model] if model in first else second[model]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(model for layer in self._layers for model in layer))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def built_in_mappers(
    provider: str, registered: Mapping[str, Mappers] | None = None
) -> Mapping[str, Mappers]:
    """Return the mappers of a provider's models, by model id or prefix; empty if it has none.

    Args:
        provider: The provider's name.
        registered: The application's own, which go before ours.
    """
    if not is_described(provider):
        return MappingProxyType(dict(registered or {}))

    ours = _Layered(declared(provider), _Derived(provider))
    return _Layered(dict(registered or {}), ours)


def lookup(
    provider: str,
    model: str,
    kind: Kind,
    registered: Mapping[str, Mappers] | None = None,
    request: Request | None = None,
) -> ModelSpec:
    """Return what a model takes: by its exact id, else the longest prefix, else the fallback.

    Args:
        provider: The provider's name.
        model: The model's id.
        kind: What is asked of it.
        registered: The application's own mappers, which go before ours.
        request: What is asked of it, for providers whose models take other parameters at other
            endpoints: their module has a `spec_for(model, kind, request)`.
    """
    matched = longest_prefix(model, registered) if registered else None
    if registered and matched is not None:
        described = None if matched == model else _described(provider, model, kind)
        if described is None:
            alternatives = _alternatives(matched, registered)
            return ModelSpec(
                provider, model, kind, registered[matched], alternatives, source="registered"
            )

        return described

    module = None if request is None else described_by(provider)
    if module is not None and hasattr(module, "spec_for"):
        chosen: ModelSpec = module.spec_for(model, kind, request)
        return _mistyped(chosen) if chosen.guess_warning is None else chosen

    # Registries may have different providers of one name.
    key = (_schema_store.source_of(provider), model, kind, models_of(provider))
    spec = _known.get(key)
    if spec is None:
        spec = _described(provider, model, kind) or _doubted(_undescribed(provider, model, kind))
        if len(_known) >= MOST_CACHED:
            _known.clear()
        _known[key] = spec

    return spec


def forget(provider: str) -> None:
    """Read a provider's files anew."""
    _schema_store.forget(provider)
    for key in [key for key in list(_known) if key[0].partition("@")[0] == provider]:
        _known.pop(key, None)


def remember(provider: str, model: str, record: JsonObject, base_url: str | None = None) -> None:
    """Keep what a provider said of a model: in the user's cache, else while the process lives.

    Args:
        provider: The provider's name.
        model: The model's id.
        record: What was said.
        base_url: Who said it in the provider's place.
    """
    today = datetime.now(UTC).date().isoformat()
    with _schema_store.schema_source(base_url):
        try:
            _schema_store.store(provider, {model: record}, today, add=True)
        except OSError:
            _schema_store.hold(provider, model, record)

    forget(provider)


def from_record(
    provider: str, model: str, kind: Kind, record: Mapping[str, Any], source: Any
) -> ModelSpec:
    """Return what a model takes by its record."""
    schema = record["input"]
    known = {name: record[name] for name in FACTS if name in record}
    narrows = getattr(module_of(provider), "NARROWED", None)
    if narrows is not None:
        # It says which part of what is declared there is, and not what goes over the wire.
        made = MappingProxyType(narrows(model, kind, schema))
        known["row"] = schema
        outputs = tuple(record["outputs"])
        return ModelSpec(provider, model, kind, made, outputs=outputs, source=source, facts=known)

    hint = f"{model} {record.get('category') or ''}"
    rates: Mapping[str, float] = getattr(module_of(provider), "FRAME_RATES", {})
    rate = rates.get(longest_prefix(model, rates) or "")
    return ModelSpec(
        provider,
        model,
        kind,
        MappingProxyType(derive(schema, kind, hint, rate)),
        schema=schema,
        outputs=tuple(record["outputs"]),
        schema_warning=record.get("weakness"),
        source=source,
        facts=known,
    )


FACTS = ("name", "category", "date", "updated", "deprecated", "unlisted")


def _described(provider: str, model: str, kind: Kind) -> ModelSpec | None:
    """Return what the catalogue says of a model by its exact id."""
    if not is_described(provider):
        return None

    stored = _schema_store.record(provider, model)
    if stored is None:
        return None

    spec = _limited(from_record(provider, model, kind, *stored))
    if "row" in spec.facts:
        return spec  # its relatives are other models, at other prices

    return replace(spec, variant=lambda request: _variant(spec, request))


def same_model_for(spec: ModelSpec, request: Request) -> str | None:
    """Return the endpoint of the same model that takes a request's media; None if this one does.

    Args:
        spec: The model that was asked.
        request: What was asked of it.
    """
    if spec.variant is None or takes_media(request, replace(spec, variant=None)):
        return None

    return _variant(spec, request, same=True)


def _variant(spec: ModelSpec, request: Request, *, same: bool = False) -> str | None:
    def described(model: str) -> ModelSpec:
        stored = _schema_store.record(spec.provider, model)
        assert stored is not None  # noqa: S101  (the id comes from there)
        return _limited(from_record(spec.provider, model, spec.kind, *stored))

    known = _schema_store.ids(spec.provider)
    return variant_of(spec.model, known, described, takes_media, request, same=same)


def _undescribed(provider: str, model: str, kind: Kind) -> ModelSpec:
    """Return what can be supposed of a model that the catalogue doesn't have."""
    if not is_described(provider):
        return ModelSpec(provider, model, kind, PROMPT_ONLY, generic=True)

    known = declared(provider, kind)
    matched = longest_prefix(model, known)
    kinds = kinds_of(provider, model)
    if matched is not None:
        alternatives = _alternatives(matched, known)
        bare = ModelSpec(
            provider, model, kind, known[matched], alternatives, outputs=kinds, source="package"
        )
        schemas: Mapping[str, Any] = getattr(module_of(provider), "SCHEMAS", {})
        return _limited(replace(bare, schema=schemas.get(matched)))

    for other in same_family(model, _schema_store.ids(provider)):
        spec = _described(provider, other, kind)
        if spec is not None and kind in spec.outputs and _same_task(model, other):
            # A guess: what is sent is not checked against the relative's schema.
            return replace(
                spec, model=model, schema=None, source="relative", facts={"relative": other}
            )

    module = module_of(provider)
    mappers: Mappers = module.VIDEO_FALLBACK if kind == "video" else module.IMAGE_FALLBACK
    return ModelSpec(provider, model, kind, mappers, outputs=kinds, generic=True)


def _limited(spec: ModelSpec) -> ModelSpec:
    """Add the limits across fields: those that the provider's schema tells, and those we know."""
    module = module_of(spec.provider)
    joints: Mapping[str, tuple[Joint, ...]] = getattr(module, "JOINTS", {})
    rules: Mapping[str, tuple[Rule, ...]] = getattr(module, "RULES", {})
    return replace(
        spec,
        joints=(
            *stated_joints(spec.schema or {}),
            *joints.get(longest_prefix(spec.model, joints) or "", ()),
        ),
        rules=rules.get(longest_prefix(spec.model, rules) or "", ()),
    )


def _doubted(spec: ModelSpec) -> ModelSpec:
    """Say of a model that its provider would tell about that nobody has asked yet."""
    if not is_unknown(spec.provider, spec.model, spec.kind):
        return _mistyped(spec)

    how = f"only what most models of {spec.provider} take is sent"
    if not spec.generic:
        how = f"it is mapped like {spec.facts.get('relative', 'its family')}"

    near = near_ids(spec.provider, spec.model, alike=TYPO)
    others = [] if near else others_with(spec.provider, spec.model)
    meant = f"; did you mean {' or '.join(near)}?" if near else "."
    if others:
        meant = f"; {' and '.join(others)} has a model of this name: is that the provider meant?"

    fetch = f"`{command_to_add(spec.provider, spec.model)}` fetches its schema"
    if can_be_asked(spec.provider, spec.model):
        fetch = f"a generation asks for its schema first, {fetch} now"
    elif "/" not in spec.model and asks(spec.provider):
        fetch = "nobody can be asked about a bare name: write owner/name"
        if VERSION.fullmatch(spec.model):
            fetch = "nobody can be asked about a bare version: write owner/name:version"

    doubt = f"the catalogue has no such model, so {how}{meant} {fetch[0].upper()}{fetch[1:]}"
    return replace(spec, guess_warning=doubt, seems_mistyped=bool(near or others))


def _mistyped(spec: ModelSpec) -> ModelSpec:
    """Say of an id that is almost a known one, or is another provider's, that nobody knows it.

    One that adds to a known id, such as a date, may be a new release of it.
    """
    if not is_described(spec.provider) or getattr(module_of(spec.provider), "FREE_IDS", False):
        return spec

    known = {*named(spec.provider), *_schema_store.ids(spec.provider)}
    if spec.model in known:
        return spec

    # A server of one's own has any model, and the catalogue none of it.
    near = near_ids(spec.provider, spec.model, alike=TYPO)
    gone = near_ids(spec.provider, spec.model, alike=TYPO, also_gone=True)
    owners = elsewhere(spec.provider, spec.model) if known and not gone else None
    if any(
        re.match(f"{re.escape(known_id)}[-_:@/.].*[0-9]{{3}}", spec.model) for known_id in known
    ):
        return spec

    doubt = None
    if near:
        doubt = f"the catalogue has no such model; did you mean {' or '.join(near)}?"
    elif gone:
        doubt = f"the catalogue has no such model, and {gone[0]}, which it resembles, is retired"
    elif owners is not None:
        doubt = f"the catalogue has no such model of {spec.provider}, and {owners}"

    return spec if doubt is None else replace(spec, guess_warning=doubt, seems_mistyped=True)


def _same_task(model: str, other: str) -> bool:
    """Tell whether two ids name the same kind of input: `image-to-video` both, or neither."""
    return _task_of(model) == _task_of(other)


def _task_of(model: str) -> str:
    named = [part for part in model.split("/") if "-to-" in part]
    return named[-1] if named else ""


def _alternatives(model: str, known: Mapping[str, Mappers]) -> dict[str, str]:
    """Return the nearest models of the same family that take what this one may lack."""
    family = "/".join(model.split("/")[:2])
    others = [key for key in known if key != model and f"{key}/".startswith(f"{family}/")]
    others.sort(key=lambda key: (-_shared(key, model), len(key)))
    alternatives: dict[str, str] = {}
    for key in others:
        for need in _takes(known[key]):
            alternatives.setdefault(need, key)

    return alternatives


def _shared(one: str, other: str) -> int:
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return sum(mine == theirs for mine, theirs in pairs)


def _takes(mappers: Mappers) -> list[str]:
    needs: list[str] = []
    for mapper in mappers.values():
        if mapper.source_field == "image_list":
            needs.extend(mapper.roles or ("reference",))
        elif mapper.source_field in {"video", "mask_image"}:
            needs.append(mapper.source_field)

    media = {"image_list", "video", "mask_image"}
    if not any(mapper.required and mapper.source_field in media for mapper in mappers.values()):
        needs.append("text")

    return needs
