"""Gives every module its events on the standard library's logger, with what structlog has bound.

Silent unless the application configures logging; changes no global configuration of either library.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

from ._warnings import Line, asking_line

LOGGER_NAME = "tarash.tarash_gateway"

_LINE = "_line"
"""The fact that is no fact: what an event is about."""
_logger = logging.getLogger(LOGGER_NAME)
_logger.addHandler(logging.NullHandler())


def _bound_by_the_application() -> dict[str, Any]:
    """Return what the application has bound to its log lines with structlog.

    Importing structlog costs more than all else that an event does (it loads rich, where that is
    installed), and where nobody has imported it nobody has bound anything.
    """
    structlog = sys.modules.get("structlog")
    contextvars = getattr(structlog, "contextvars", None)  # None while it is being imported
    return contextvars.get_contextvars() if contextvars else {}


def _log(
    level: int, message: str, args: tuple[str, ...], extra: dict[str, Any], line: Line
) -> None:
    """Log about a line of the user's code.

    It may be on another thread's stack, where the standard logger can't find it.
    """
    file, number = line.filename, line.number
    record = _logger.makeRecord(
        _logger.name, level, file, number, message, args, None, line.function, extra
    )
    _logger.handle(record)


def _written(value: Any) -> str:
    """Return a value as one word, else in quotes: no text of a provider's can fake another line."""
    text = str(value)
    if re.fullmatch(r"[\w.:/@+-]+", text):
        return text

    return json.dumps(text, ensure_ascii=not text.isprintable())


def wanted(level: int) -> bool:
    """Tell whether anybody would see an event: collecting its facts costs more than asking."""
    return _logger.isEnabledFor(level)


def event(level: int, name: str, line: Line | None = None, /, **facts: Any) -> None:
    """Log one state change with its facts; facts without a value are left out.

    The message is the event's name with the facts as `key=value`. On the `logging.LogRecord`, the
    name is the attribute `event`, and each fact is one, too.

    Args:
        level: As the standard library's.
        name: The event's.
        line: What it is about; None for the line of the user's code that led here, if any.
        facts: What there is to say.
    """
    if not wanted(level):
        return

    known = {key: value for key, value in facts.items() if value is not None}
    shown = {**_bound_by_the_application(), **known}
    shown.pop("event", None)  # one that is bound: the name is this event's
    words = " ".join(f"{key}={_written(value)}" for key, value in shown.items())
    # Renamed here, since the application may have bound context variables of any name.
    extra = {f"tarash_{key}" if key in _RESERVED else key: value for key, value in shown.items()}
    extra["event"] = name
    # The same message for each event of a name, so that what collects logs can group them.
    message, args = (f"{name} %s", (words,)) if words else (name, ())
    about = line or asking_line()
    if about is None:
        _logger.log(level, message, *args, extra=extra)
    else:
        _log(level, message, args, extra, about)


# Attributes that logging.LogRecord owns; `extra` may not carry them.
_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
