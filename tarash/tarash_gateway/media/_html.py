"""Shows a response in a notebook: its media, adjustments and attempts. Fetches nothing.

Everything in it is escaped, and only what is made for being shown is: never a raw answer, never a
config.
"""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from .._data._made_by import maker_of
from .._http._sniff import sniff
from .._support._words import visible
from ._formats import HEAD_BYTES
from ._local_media import URL, LocalMedia, NoMedium, locate
from ._saving import names_files
from ._url_refresher import media_of
from ._verify import sentence

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._data._types import MediaType

LARGEST_SHOWN = 32 * 1024 * 1024
"""Bytes that are written into the page; a URL's are not."""
MOST_SHOWN = 16
STYLES = {
    "all": "font-family:sans-serif;font-size:13px;max-width:1000px",
    "grid": "display:flex;flex-wrap:wrap;gap:8px",
    "medium": "max-width:480px;max-height:360px;border-radius:4px;background:#8882",
    "faint": "opacity:.7;margin:4px 0",
    "cell": "text-align:left;padding:2px 12px 2px 0;vertical-align:top",
}


def page(response: Response) -> str:
    """Return a response as HTML."""
    parts = [_grid(response), _facts(response), _notes(response), _attempts(response)]
    inner = "".join(part for part in parts if part)
    return f'<div style="{STYLES["all"]}">{inner}</div>'


def _grid(response: Response) -> str:
    media = media_of(response)
    is_video = hasattr(response, "videos")
    shown = [_medium(response, medium, is_video=is_video) for medium in media[:MOST_SHOWN]]
    if len(media) > MOST_SHOWN:
        shown.append(_faint(f"and {len(media) - MOST_SHOWN} more"))

    return f'<div style="{STYLES["grid"]}">{"".join(shown)}</div>'


def _medium(response: Response, media: MediaType, *, is_video: bool) -> str:
    source = _source(response, media, is_video=is_video)
    if source is None:
        return _faint("too large to be shown here: save() it, or show() it")

    address = escape(visible(source), quote=True)
    if is_video:
        style = STYLES["medium"]
        return f'<video controls preload="metadata" style="{style}" src="{address}"></video>'

    return f'<img alt="" loading="lazy" style="{STYLES["medium"]}" src="{address}">'


def _source(response: Response, media: MediaType, *, is_video: bool) -> str | None:
    """Return what a browser can load: a URL as it is, else the bytes; None where they are many."""
    if isinstance(media, str) and URL.match(media):
        return media

    try:
        medium = locate(media, paths=names_files(response))
        if not isinstance(medium, LocalMedia) or _size(medium) > LARGEST_SHOWN:
            return None

        content = b"".join(medium.blocks())
    except (NoMedium, OSError):
        return None

    usual = "video/mp4" if is_video else "image/png"
    kind = sniff(content[:HEAD_BYTES]) or medium.content_type or response.content_type or usual
    return f"data:{quote(kind, safe='/+.-')};base64,{base64.b64encode(content).decode()}"


def _size(medium: LocalMedia) -> int:
    if isinstance(medium.media, Path):
        return medium.media.stat().st_size

    return len(medium.media) * 3 // 4 if isinstance(medium.media, str) else len(medium.media)


def _facts(response: Response) -> str:
    provider, model = maker_of(response)
    duration = getattr(response, "duration", None)
    parts = [
        " ".join(word for word in (provider, model) if word),
        "made by the mock" if response.is_mock else "",
        f"{duration:g} s" if duration else "",
        getattr(response, "resolution", None) or "",
        f"request {response.request_id}",
    ]
    return _faint(" · ".join(fact for fact in parts if fact))


def _notes(response: Response) -> str:
    notes = [("saved", place) for place in response.saved]
    notes += [("not saved", why) for why in response.save_errors]
    notes += [
        (
            "adjusted",
            f"{change.field}: asked {change.requested}, {_sent(change.sent)}: {change.reason}",
        )
        for change in response.adjustments
    ]
    notes += [("not as asked", sentence(mismatch)) for mismatch in response.mismatches]
    prompt = getattr(response, "revised_prompt", None)
    notes += [("revised prompt", prompt)] if prompt else []
    if not notes:
        return ""

    return (
        "<ul>"
        + "".join(f"<li><b>{_text(name)}</b> {_text(words)}</li>" for name, words in notes)
        + "</ul>"
    )


def _sent(value: object) -> str:
    return "left out" if value is None else f"sent {value}"


def _attempts(response: Response) -> str:
    """Return the table of attempts, where there was more than the one that delivered."""
    ended = response.execution_metadata
    if ended is None or len(ended.attempts) < 2:  # noqa: PLR2004  (one needs no table)
        return ""

    head = ("attempt", "provider", "model", "status", "seconds", "billed", "error")
    rows = [
        (
            attempt.attempt_number,
            attempt.provider,
            attempt.model,
            attempt.status,
            f"{attempt.elapsed_seconds:.1f}",
            attempt.billing,
            f"{attempt.error_type}: {attempt.error_message}" if attempt.error_type else "",
        )
        for attempt in ended.attempts
    ]
    return f"<table>{_row('th', head)}{''.join(_row('td', row) for row in rows)}</table>"


def _row(tag: str, cells: tuple[object, ...]) -> str:
    style = STYLES["cell"]
    inner = "".join(f'<{tag} style="{style}">{_text(cell)}</{tag}>' for cell in cells)
    return f"<tr>{inner}</tr>"


def _faint(text: str) -> str:
    return f'<div style="{STYLES["faint"]}">{_text(text)}</div>'


def _text(value: object) -> str:
    return escape(visible(str(value)), quote=True)
