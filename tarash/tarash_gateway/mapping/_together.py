"""What a model takes only beside something else, or never beside it, as data. Pure.

Images, videos and masks are never dropped, so a request that breaks one of these is refused; what
stands on both sides in `extra_params` is the user's own, and is sent with a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..exceptions import ValidationError
from ..models import Adjustment

if TYPE_CHECKING:
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest

MEDIA_FIELDS = ("video", "mask_image")
FIELDS = frozenset(MEDIA_FIELDS)
ROLES = frozenset({"first_frame", "last_frame", "reference", "asset", "style"})


@dataclass(frozen=True, slots=True)
class Apart:
    """Things that a model doesn't take together.

    Each is a role of images, `video`, `mask_image`, or one of the provider's own parameters, such
    as `markup` or `video.loop`.

    Attributes:
        these: What excludes the others.
        those: What is excluded.
    """

    these: tuple[str, ...]
    those: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """Things that a model takes only beside one of others; named as in `Apart`.

    Attributes:
        these: What needs company.
        those: What will do.
    """

    these: tuple[str, ...]
    those: tuple[str, ...]


Rule: TypeAlias = Apart | Beside


def own(request: Request, parameter: str) -> Any:
    """Return what the user gave as one of the provider's own parameters; None where nothing.

    A parameter `video.loop` may stand under that name, or as `loop` in an object `video`.
    """
    extra = request.extra_params
    if parameter in extra:
        return extra[parameter]

    outer, _, inner = parameter.partition(".")
    holder = extra.get(outer) if inner else None
    return holder.get(inner) if isinstance(holder, Mapping) else None


def check_together(request: Request, rules: Iterable[Rule], model: str) -> None:
    """Refuse media that a model doesn't take with what else is asked.

    Raises:
        ValidationError: Something is there that excludes another, or that needs another; the
            message names what to change.
    """
    for rule in rules:
        these = _given(request, rule.these)
        if not these:
            continue

        those = _given(request, rule.those)
        if isinstance(rule, Beside) and not those:
            if _is_own(these[0]):
                continue

            wanted = " or ".join(_written(name) for name in rule.those if not _is_own(name))
            raise ValidationError(
                f"{model} takes {_written(these[0])} only beside {wanted}; add {wanted}, or leave "
                f"the {these[0]} out"
            )

        if isinstance(rule, Apart) and those and not (_is_own(these[0]) and _is_own(those[0])):
            raise ValidationError(
                f"{model} takes either {_written(these[0])} or {_written(those[0])}, not both; "
                f"leave the {these[0]} or the {those[0]} out"
            )


def remarks_together(request: Request, rules: Iterable[Rule], model: str) -> list[Adjustment]:
    """Say which of the provider's own parameters it is likely to refuse together."""
    adjustments = []
    for rule in rules:
        these = _given(request, rule.these) if isinstance(rule, Apart) else []
        those = _given(request, rule.those) if these else []
        if those:
            value = own(request, those[0])
            reason = f"{model} may refuse it: it takes either {these[0]!r} or {those[0]!r}"
            field = f"extra_params.{those[0]}"
            adjustments.append(Adjustment(field=field, requested=value, sent=value, reason=reason))

    return adjustments


def _given(request: Request, names: Sequence[str]) -> list[str]:
    """Return which of the names are in a request, media first."""
    roles = {image.get("type", "reference") for image in request.image_list}
    fields = {name for name in MEDIA_FIELDS if vars(request).get(name) is not None}
    media = [name for name in names if name in roles or name in fields]
    # A parameter that is switched off excludes nothing.
    return media + [name for name in names if _is_own(name) and own(request, name)]


def _is_own(name: str) -> bool:
    return name not in ROLES and name not in FIELDS


def _written(name: str) -> str:
    if name in ROLES:
        return f"{'an' if name == 'asset' else 'a'} {name}"

    return repr(name) if name in FIELDS else f"its own parameter {name!r}"
