"""Lets go of the media in a request that a provider has taken: a job is asked after by its id.

A job waits for minutes, and thousands of them at a time: their files are in the ledger, which is
read again where they are needed once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..media import has_media

if TYPE_CHECKING:
    from .._data._exchange import Request

HEAVY = 64 * 1024
"""Bytes, or characters, from which on a medium is let go of."""
FIELDS = ("image_list", "video", "mask_image")


def lightened(request: Request) -> Request | None:
    """Return a request without its large media, where each has been; None where it has none."""
    if not has_media(request):
        return None

    there = {name: vars(request).get(name) for name in FIELDS}
    light = {name: _light(value) for name, value in there.items()}
    changed = {name: value for name, value in light.items() if value is not there[name]}
    return request.model_copy(update=changed) if changed else None


def _light(value: Any) -> Any:
    """Return a value with nothing in the place of what is large; itself where nothing is."""
    if isinstance(value, bytes | str):
        return value if len(value) < HEAVY else type(value)()

    if isinstance(value, Mapping):
        made = {name: _light(one) for name, one in value.items()}
        return made if any(made[name] is not value[name] for name in made) else value

    if isinstance(value, list | tuple):
        several = tuple(_light(one) for one in value)
        is_same = all(one is other for one, other in zip(several, value, strict=True))
        return value if is_same else several

    return value
