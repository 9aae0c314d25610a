"""Cuts from a traceback what HTTP clients and vendors' SDKs did: their variables hold the headers.

Tools that record errors (Sentry, structlog, rich, loguru) print the variables of each frame. Frames
of ours hold nothing that prints a key; frames of others can't be asked to.
"""

from __future__ import annotations

from types import TracebackType

OTHERS = frozenset(
    {
        *("aiohttp", "aiohttp_socks", "asyncio", "h11", "http", "httpcore", "httpcore2", "httpx"),
        *("httpx2", "multidict", "python_socks", "requests", "socket", "ssl", "urllib", "urllib3"),
        *("fal_client", "google", "lumaai", "openai", "replicate", "runwayml", "yarl"),
        *("codecs", "encodings", "json", "pydantic"),
    }
)
"""Modules whose frames may hold what was sent, by the first part of their names."""


def trimmed(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of others."""
    kept: list[TracebackType] = []
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in OTHERS:
            kept.append(traceback)

        traceback = traceback.tb_next

    rebuilt: TracebackType | None = None
    for one in reversed(kept):
        rebuilt = TracebackType(rebuilt, one.tb_frame, one.tb_lasti, one.tb_lineno)

    return rebuilt
