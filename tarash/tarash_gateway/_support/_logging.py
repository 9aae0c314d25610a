"""Gives every module its logger: structlog's interface on the standard library's logger.

Silent unless the application configures logging; changes no global configuration of either library.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import MutableMapping
from functools import cache, partial
from typing import Any

from ._warnings import Line, asking_line

LOGGER_NAME = "tarash.tarash_gateway"

_LINE = "_line"
"""The fact that is no fact: what an event is about."""
_logger = logging.getLogger(LOGGER_NAME)
_logger.addHandler(logging.NullHandler())


@cache
def _bound() -> Any:
    # structlog costs an import, so it waits for the first event. A wrapped logger with its own
    # processors: structlog's default would print to stdout in an application that never set it up.
    import structlog

    return structlog.wrap_logger(
        _AtUsersLine(),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.contextvars.merge_contextvars,
            _rendered,
        ],
    )


class _AtUsersLine:
    """The standard logger, whose records are about the line of the user's code that asked.

    That line may be on another thread's stack, where the standard logger can't find it.
    """

    def __getattr__(self, method: str) -> Any:
        return partial(self._log, getattr(logging, method.upper()))

    @staticmethod
    def _log(
        level: int, message: str, *args: str, extra: dict[str, Any], line: Line | None
    ) -> None:
        found = line or asking_line()
        if found is None:
            _logger.log(level, message, *args, extra=extra)
            return

        file, number = found.filename, found.number
        record = _logger.makeRecord(
            _logger.name, level, file, number, message, args, None, found.function, extra
        )
        _logger.handle(record)


def _rendered(
    _logger: object, _method: str, facts: MutableMapping[str, Any]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what the logger is called with: a constant message, its arguments, and the facts."""
    name, line = facts.pop("event"), facts.pop(_LINE, None)
    said = [f"{key}={_written(value)}" for key, value in facts.items()]
    # Renamed here, since the application may have bound context variables of any name.
    extra = {f"tarash_{key}" if key in _RESERVED else key: value for key, value in facts.items()}
    # The same message for each event of a name, so that what collects logs can group them.
    args = (f"{name} %s", " ".join(said)) if said else (name,)
    return args, {"extra": {**extra, "event": name}, "line": line}


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
    if wanted(level):
        known = {key: value for key, value in facts.items() if value is not None}
        _bound().log(level, name, **known, **{_LINE: line})


# Attributes that logging.LogRecord owns; `extra` may not carry them.
_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
