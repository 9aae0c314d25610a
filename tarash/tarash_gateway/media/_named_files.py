"""Which media of a request are files that text names: a plan sees them as a call does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._http._kinds import sniff
from .._support._base64 import LETTERS, decoded
from ._files import looks_like_a_path
from ._forms import SCHEME, SHORTEST_BASE64
from ._inputs import is_data_uri, is_remote, media_fields

if TYPE_CHECKING:
    from .._data._exchange import Request
    from ._inputs import Rules


def with_paths(request: Request, rules: Rules) -> Request:
    """Return the request with a path for each text that names a file; reads none of them.

    Models may follow the shape of an image. A call has its bytes by then, and a plan opens the
    file only where it is known to be one.
    """
    if rules.untrusted or not rules.allow_private_urls:
        return request  # text names no file

    changes: dict[str, Any] = {}
    if request.image_list:
        changes["image_list"] = tuple(
            {**one, "image": _path_of(one["image"])} for one in request.image_list
        )

    changes |= {name: _path_of(media) for name, media in media_fields(request)}
    return request.model_copy(update=changes) if changes else request


def _path_of(media: Any) -> Any:
    if not isinstance(media, str) or is_remote(media) or is_data_uri(media):
        return media

    if SCHEME.match(media) or not looks_like_a_path(media):
        return media

    if len(media) >= SHORTEST_BASE64 and sniff(decoded(media[:LETTERS]) or b""):
        return media

    return Path(media)
