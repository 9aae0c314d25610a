"""What a declared provider's finished job holds: its media, and the facts beside them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from ..._data._exchange import NO_MEDIA, Operation, RawResult
from ..._data._money import Reported, exact
from ..._support._mime import type_by_name
from ..._support._paths import value_at, values_at
from ...exceptions import GenerationFailedError
from .._outputs import find, response_of
from .._result_facts import READERS, amount, date, mapping
from ._asked import content_of
from ._names import count_of, holds, kept_back, picked
from ._parts import Pick, Predicate, first_of
from ._sending import DeclaredSending
from ._stages import Result

if TYPE_CHECKING:
    from ..._data._exchange import Call, Response
    from ..._data._types import Kind


SEVERAL = 2
"""So many paths into one list say where an item may hold its medium."""
ESTIMATED = "cost_is_estimate"
"""Where `provider_metadata` says that a cost is what the provider said before the work."""


def read(body: Any, place: str | Predicate) -> Any:
    """Return what stands at a path, or how often a predicate holds; None for nothing."""
    return value_at(body, place) if isinstance(place, str) else count_of(place, body) or None


def of_each_item(body: Any, path: str | Pick, paths: Sequence[str | Pick]) -> list[str]:
    """Return what each item of a list has at the first path into it that leads to something.

    Empty where only one of the paths goes into the list.
    """
    items, mark, _ = path.partition("[].") if isinstance(path, str) else ("", "", "")
    into = f"{items}{mark}"
    tails = [
        path[len(into) :]
        for path in paths
        if mark and isinstance(path, str) and path.startswith(into)
    ]
    if len(tails) < SEVERAL:
        return []

    values = []
    for item in values_at(body, f"{items}[]"):
        texts = (
            [text for text in values_at(item, tail) if isinstance(text, str) and text]
            for tail in tails
        )
        values += next(filter(None, texts), [])

    return values


class DeclaredResult(DeclaredSending):
    """The stages from the verdict on a job to the response."""

    def result_of(self, kind: str, model: str) -> Result:
        """Return where a model's media are."""
        declared = first_of(self.said.result, kind, model)
        # An id that nobody knows is read like the first of its kind, as it was sent.
        return declared or next(
            (result for result in self.said.result if kind in result.media), self.said.result[0]
        )

    def flags(self, body: Any, kind: str, model: str) -> list[str]:
        """Return which flags say that there is no result."""
        return [flag.at for flag in self.result_of(kind, model).refused if holds(flag, body)]

    def metadata(self, operation: Operation) -> dict[str, Any]:
        """Return when a result's URL ends, counted from the submit: the earliest it can be."""
        result = self.result_of(operation.kind, operation.model)
        if result.lifetime is None:
            return {}

        submitted = datetime.fromisoformat(operation.submitted_at)
        begin = datetime.now(UTC) if result.signed_anew else submitted
        return {"expires_at": (begin + timedelta(seconds=result.lifetime)).isoformat()}

    def beside(self, body: Any, kind: str = "video", model: str = "") -> dict[str, Any]:
        """Return what stands beside the media: expiry, cost, and what is declared."""
        result = self.result_of(kind, model)
        metadata: dict[str, Any] = {"kept_back": kept_back(result.refused, body) or None}
        metadata |= {name: read(body, path) for name, path in result.metadata.items()}
        expiry = next((at for path in result.expires_at if (at := value_at(body, path))), None)
        metadata["expires_at"] = expiry if isinstance(expiry, str) else date(expiry)
        metadata |= self.costing(_cost_said(body, result), kind, model)
        return {name: value for name, value in metadata.items() if value is not None}

    def costing(self, cost: Any, kind: str, model: str) -> dict[str, Any]:
        """Return a cost in the provider's own units as it stands beside the media."""
        return _costing(cost, self.result_of(kind, model))

    def cost_before(self, operation: Operation) -> dict[str, Any]:
        """Return what the answer to the submit said that a job would cost."""
        cost = self.costing(operation.data.get("cost"), operation.kind, operation.model)
        return {**cost, ESTIMATED: True} if cost else {}

    def reported_cost(self, body: Any, metadata: Mapping[str, Any]) -> Reported | None:
        """Return what a job cost, where the declaration says where that stands. Pure."""
        metadata = metadata or self._cost_of_refusal(body)
        dollars, final = exact(metadata.get("cost_usd")), not metadata.get(ESTIMATED)
        if dollars is not None:
            return Reported(amount=dollars, final=final)

        cost = mapping(metadata.get("cost"))
        figure, unit = exact(cost.get("amount")), str(cost.get("unit"))
        return None if figure is None else Reported(quantity=figure, unit=unit, final=final)

    def _cost_of_refusal(self, body: Any) -> dict[str, Any]:
        """Return the cost that a failed job says itself, in the units of a result's."""
        cost = amount(value_at(body, self.said.errors.cost))
        priced = (result for result in self.said.result if result.cost is not None)
        result = next(priced, None)
        return {} if result is None else _costing(cost, result)

    def urls(self, body: Any, kind: str, model: str = "") -> list[str]:
        """Return the media of the asked kind. Pure."""
        return self._found(body, kind, model)[1]

    def closed_urls(self, body: Any, kind: str, model: str) -> list[str]:
        """Return the media that nobody reads without the key. Pure."""
        closed = self.result_of(kind, model).authorised
        path, urls = self._found(body, kind, model)
        return urls if closed is True or (closed and path in closed) else []

    def _found(self, body: Any, kind: str, model: str) -> tuple[Any, list[str]]:
        """Return the first path that leads to media, and these; of one list, those of each item."""
        paths = self.result_of(kind, model).media.get(cast("Kind", kind), ())
        for path in paths:
            urls = [text for text in picked(body, path) if isinstance(text, str) and text]
            urls = of_kind(urls or in_place_of_list(body, path, kind), kind)
            if urls:
                return path, of_kind(of_each_item(body, path, paths), kind) or urls

        return None, []

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; flags that refuse and a result without media are errors. Pure."""
        raw, model = finished.raw, call.config.model
        result = self.result_of(call.kind, model)
        media: list[Any] = list(finished.media) or self.urls(raw, call.kind, model)
        if not media and self.flags(raw, call.kind, model):
            raise self.rules.kept_back(raw, result.refused_billing)

        if not media:
            article, words = "an" if call.kind == "image" else "a", self.rules.said(raw)
            message = f"{self.said.title} answered without {article} {call.kind}"
            raise GenerationFailedError(
                f"{message}: {words}" if words else message,
                raw_response=raw,
                code=None if words else NO_MEDIA,
            )

        given = {
            name: value_at(raw, path) for name, path in result.facts.items() if name in READERS
        }
        kind = given.get("content_type") or result.content_type
        given["content_type"] = kind or _type_of(media[0], call.kind)
        path, kept = self._found(raw, call.kind, model)
        left = [] if path is None else [item for item in picked(raw, path) if item not in kept]
        beside = (
            {"other_output": left} if any(isinstance(item, str) and item for item in left) else {}
        )
        if call.kind == "video" and result.base64:
            media = [content_of(text) for text in media]

        return response_of(call, media, raw, {**beside, **finished.metadata}, **given)


def _type_of(medium: Any, kind: Kind) -> str | None:
    """Return the type that the name in an address says, where it is of what was asked for."""
    named = type_by_name(medium) if isinstance(medium, str) and medium.startswith("http") else None
    return named if named is not None and named.startswith(f"{kind}/") else None


def _cost_said(body: Any, result: Result) -> Any:
    """Return what a body says that a job cost, with what another account is billed beside."""
    costs = picked(body, result.cost) if result.cost is not None else ()
    cost = amount(next(iter(costs), None))
    if result.billed_elsewhere is None or not holds(result.billed_elsewhere, body):
        return cost

    beside = amount(value_at(body, result.cost_elsewhere))
    return None if beside is None else (cost or 0) + beside


def of_kind(addresses: list[str], kind: str) -> list[str]:
    """Return the media among several addresses: not the frames, data or logs beside them."""
    if len(addresses) < SEVERAL:
        return addresses

    return [
        address for address in addresses if address[:4] != "http" or find(address, kind).media
    ] or addresses


def in_place_of_list(body: Any, path: Any, kind: str) -> list[str]:
    """Return the media of a place that holds one address, or named ones, where a list is due."""
    if not (isinstance(path, str) and path.endswith("[]")):
        return []

    place = value_at(body, path[:-2])
    media = find(place, kind).media if isinstance(place, str | dict) else ()
    return [medium.url for medium in media]


def _costing(cost: Any, result: Result) -> dict[str, Any]:
    if cost is None:
        return {}

    cost = round(cost * result.cost_scale, 12)
    if result.cost_unit == "USD":
        return {"cost_usd": cost}

    return {"cost": {"amount": cost, "unit": result.cost_unit}}
