"""How a REST adapter reads finished bodies: the part of `RestAdapter` that is pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .._data._exchange import NO_MEDIA
from .._http._answer import shorten
from .._support._paths import value_at
from ..exceptions import ContentModerationError, GenerationFailedError
from ._contract import AdapterDefaults
from ._filters import is_checked, refusal, sift
from ._outputs import VAGUE, Medium, content_of, find, no_media, response_of

if TYPE_CHECKING:
    from .._data._exchange import Call, RawResult, Response
    from .._data._types import Billing
    from ._error_rules import ErrorRules

UNTYPED = frozenset({*VAGUE, "unknown"})


class RestResults(AdapterDefaults):
    """What a finished body holds; `RestAdapter` says what the attributes are."""

    errors: ErrorRules
    media: ClassVar[Mapping[str, str]] = {}
    output_at: ClassVar[str | None] = None
    prefer: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "video": ("video", "videos", "url"),
        "image": ("image", "images", "url"),
    }

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; a result without media is an error. Pure."""
        raw, kind, title = finished.raw, call.kind, self.errors.title
        output = self.output(raw, kind)
        output_media = find(output, kind, prefer=self.prefer[kind])
        sifted = sift(output, output_media.media, checks=is_checked(call))
        if not sifted.media and sifted.refused:
            raise refusal(title, sifted, kind, raw, self.billing_of_result(finished))

        media = sifted.media or tuple(self.declared(raw, kind))
        words = None if media else self.kept_back(raw)
        if words is not None:
            raise ContentModerationError(
                f"{title}'s content filter kept back the {kind}: {words} (change the prompt, the "
                "images or the seed)",
                raw_response=raw,
                stage="output",
                billing=self.billing_of_result(finished),
            )

        if not media and output is None and kind in self.media:
            article = "an" if kind == "image" else "a"
            raise GenerationFailedError(
                f"{title} answered without {article} {kind}: {shorten(raw)}",
                raw_response=raw,
                code=NO_MEDIA,
            )

        if not media:
            raise no_media(title, f"{kind}{self.missing(raw)}", output_media, output, raw)

        about = self.facts_of_file(media[0].about, kind)
        fields: dict[str, Any] = {"content_type": media[0].content_type, **about}
        if kind == "video" and output_media.sounds:
            fields["audio_url"] = output_media.sounds[0]

        others = {} if output_media.beside is None else self.others(output_media.beside)
        metadata = {**others, **sifted.note, **finished.metadata, **self.beside(raw)}
        fields.update(self.facts(raw, kind))
        return response_of(call, [*map(content_of, media)], raw, metadata, **fields)

    def billing(self, body: Mapping[str, Any]) -> Billing | None:
        """Return what a failed job costs, where the provider says so. Pure."""
        del body
        return None

    def billing_of_result(self, finished: RawResult) -> Billing | None:
        """Return what a result costs that the filter has kept back. Pure."""
        return self.billing(finished.raw)

    def kept_back(self, body: Any) -> str | None:
        """Return the words by which a body without media says that the filter has them. Pure."""
        del body
        return None

    def missing(self, body: Any) -> str:
        """Return why a finished body has no media, in brackets; empty where it doesn't say."""
        del body
        return ""

    def output(self, body: Any, kind: str) -> Any:
        """Return the part of a finished body that holds its media. Pure."""
        place = self.media.get(kind, self.output_at)
        return body if place == "" else None if place is None else value_at(body, place)

    def declared(self, body: Any, kind: str) -> list[Medium]:
        """Return the addresses where `media` says that they are.

        A place that holds one address is believed whatever its name says: it is paid for. One that
        holds several is believed where nothing tells their type.
        """
        output = self.output(body, kind) if kind in self.media else None
        items = output if isinstance(output, list) else [output]
        urls = (item.get("url") if isinstance(item, Mapping) else item for item in items)
        return [
            Medium(url, None, kind, ())
            for url in urls
            if isinstance(url, str)
            and (others := find(url, kind).others)
            and (url is output or UNTYPED.issuperset(others))
        ]

    def facts(self, body: Any, kind: str) -> dict[str, Any]:
        """Return what a finished body says of its media: fields of the response. Pure."""
        del body, kind
        return {}

    def facts_of_file(self, about: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Return what the object around the first medium's address says of it. Pure."""
        del about, kind
        return {}

    def others(self, beside: Any) -> dict[str, Any]:
        """Return the parts of an output that hold no media, for `provider_metadata`. Pure."""
        return {"other_output": beside}

    def beside(self, body: Any) -> dict[str, Any]:
        """Return what a finished body says beside its media, for `provider_metadata`. Pure."""
        del body
        return {}
