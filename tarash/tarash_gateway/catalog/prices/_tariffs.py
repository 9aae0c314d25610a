"""Quotes of calls, of which all that does not differ from one call to the next is made once.

Jobs by the thousand differ in their prompts, seeds and media, on whose content no price depends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from ._price_inputs import ALIASES, AUTOMATIC, SHAPES, SOURCES, UNMEASURED, plain, price_inputs_of
from ._quote import Tariff

if TYPE_CHECKING:
    from ..._data._exchange import Request
    from ..._data._media_info import Measures
    from ..._data._money import PriceLine, Quote
    from .._spec import ModelSpec

    T = TypeVar("T")

MOST = 1024
"""Of tariffs that are kept, and of models of which is known what their prices depend on."""
LONGEST = 64
"""Characters of a value that is kept: what is longer is no choice that has a price."""
CONTENT = frozenset({"prompt", "negative_prompt", "seed", "image_list", "video", "mask_image"})
"""Fields of a request whose values matter to no price, unless a line names them."""
ALWAYS = frozenset(
    {*SHAPES, *SOURCES.values(), *ALIASES, *(one for names in ALIASES.values() for one in names)}
    | {"width", "height", "image_size", "ratio", "aspectRatio", "duration", "n"}
    | {"partial_images", "input_fidelity"}
)
"""Parameters that matter whatever the lines name."""


class _Reads(NamedTuple):
    """Which parameters the prices of a model depend on."""

    sent: frozenset[str]
    rates: tuple[str, ...]
    """Those of frames a second that are read from the request itself."""


class Asked(NamedTuple):
    """All of a request that its price depends on, but for the length of its prompt."""

    image_list: tuple[None, ...]
    video: bool | None
    n: int | None
    number_of_videos: int | None
    duration_seconds: float | None
    aspect_ratio: str | None
    resolution: str | None
    quality: str | None
    size: str | None
    generate_audio: bool | None
    extra_params: Mapping[str, Any]
    prompt: str = ""


_reads: dict[Any, tuple[_Reads, object]] = {}
_tariffs: dict[Any, tuple[Tariff, object]] = {}
"""By who the objects are that they are made of, which are kept: no others take their place."""


def priced(  # noqa: PLR0913, PLR0917  (what a price depends on)
    lines: Sequence[PriceLine],
    spec: ModelSpec,
    request: Request,
    parameters: Mapping[str, Any],
    measures: Measures = UNMEASURED,
    region: str | None = None,
) -> Quote:
    """Return what a call costs.

    Args:
        lines: The price lines of its model, in an object that never changes.
        spec: What the model takes.
        request: The request, adapted to the model.
        parameters: What would be sent.
        measures: How large the media are, as far as that is known.
        region: Where the call goes; None where nobody knows.
    """
    made_of = (lines, spec.mappers, spec.schema)
    identity = tuple(map(id, made_of))
    known = _reads.get(identity)
    reads = _keep(_reads, identity, _reads_of(lines, spec), made_of) if known is None else known[0]
    sent: dict[str, Any] = {}
    gather(parameters, reads.sent, sent)
    asked, rates = _asked(request, reads.rates)
    values = tuple(sent.values())
    # With their types: `True` and 1 are one to a dict, and not to a price.
    plain = (tuple(sent), values, tuple(map(type, values)), rates)
    key = (identity, spec.provider, spec.model, region, measures, asked[:-2], plain)
    kept = _tariffs.get(key)
    if kept is not None:
        tariff = kept[0]
    else:
        alike = price_inputs_of(spec, cast("Request", asked), sent, measures, region)
        tariff = Tariff(lines, alike, f"{spec.provider} {spec.model}")
        if not any(isinstance(one, str) and len(one) > LONGEST for one in values):
            _keep(_tariffs, key, tariff, made_of)

    prompt = request.prompt
    return tariff.quote((len(prompt), len(prompt.encode())))


def _keep(kept: dict[Any, tuple[T, object]], key: Any, value: T, made_of: object) -> T:
    if len(kept) >= MOST:
        kept.clear()

    kept[key] = (value, made_of)
    return value


def _reads_of(lines: Sequence[PriceLine], spec: ModelSpec) -> _Reads:
    named = {name for line in lines for name in line.when}
    sent = {*ALWAYS, *named, *(one for name in named for one in ALIASES.get(name, ()))}
    rates = []
    for name, mapper in spec.mappers.items():
        if mapper.source_field not in CONTENT or mapper.source_field in named:
            sent.add(name.rpartition(".")[2])

        if mapper.frames is not None and mapper.frames.parameter is not None:
            sent.add(mapper.frames.parameter)
            rates.append(mapper.frames.parameter)

    return _Reads(frozenset(sent), tuple(rates))


def gather(parameters: Mapping[str, Any], names: frozenset[str], sent: dict[str, Any]) -> None:
    """Gather the plain values of these names, at any depth."""
    for name, value in parameters.items():
        if isinstance(value, str | int | float | bool):
            if name in names and (name not in sent or plain(value) not in AUTOMATIC):
                sent[name] = value
        elif isinstance(value, Mapping):
            gather(value, names, sent)
        elif isinstance(value, list | tuple):
            for one in value:
                if isinstance(one, Mapping):
                    gather(one, names, sent)


def _asked(request: Request, rates: Sequence[str]) -> tuple[Asked, tuple[Any, ...]]:
    """Return what matters of a request, and the values of what it sets itself."""
    of: Any = vars(request).get
    given = request.extra_params
    own = {name: given[name] for name in rates if type(given.get(name)) in {int, float}}
    asked = Asked(
        (None,) * len(of("image_list", ())),
        None if of("video") is None else True,
        of("n"),
        of("number_of_videos"),
        of("duration_seconds"),
        of("aspect_ratio"),
        of("resolution"),
        of("quality"),
        of("size"),
        of("generate_audio"),
        own,
    )
    return asked, tuple(own.items())
