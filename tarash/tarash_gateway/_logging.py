"""Gives every module its logger: structlog's interface on the standard library's logger.

Silent unless the application configures logging; changes no global configuration of either library.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

LOGGER_NAME = "tarash.tarash_gateway"

_logger = logging.getLogger(LOGGER_NAME)
_logger.addHandler(logging.NullHandler())


@cache
def _bound() -> Any:
    # structlog costs an import, so it waits for the first event. A wrapped logger with its own
    # processors: structlog's default would print to stdout in an application that never set it up.
    import structlog

    return structlog.wrap_logger(
        _logger,
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.render_to_log_kwargs,
        ],
    )


def wanted(level: int) -> bool:
    """Tell whether anybody would see an event: collecting its facts costs more than asking."""
    return _logger.isEnabledFor(level)


def event(level: int, name: str, **facts: Any) -> None:
    """Log one state change with its facts; facts without a value are left out.

    The facts arrive as attributes of the `logging.LogRecord`, and the message is the event's name.
    """
    if not wanted(level):
        return

    known = {f"tarash_{key}" if key in _RESERVED else key: value for key, value in facts.items()}
    _bound().log(level, name, **{key: value for key, value in known.items() if value is not None})


# Attributes that logging.LogRecord owns; `extra` may not carry them.
_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "level", "event"}
