"""Gives every module its logger: structlog's interface on the standard library's logger.

Silent unless the application configures logging; changes no global configuration of either library.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import MutableMapping
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
            _rendered,
        ],
    )


def _rendered(_logger: object, _method: str, facts: MutableMapping[str, Any]) -> dict[str, Any]:
    """Return what the standard logger is called with: a message that says all, and the facts."""
    name = facts.pop("event")
    said = [f"{key}={_written(value)}" for key, value in facts.items()]
    # Renamed here, since the application may have bound context variables of any name.
    extra = {f"tarash_{key}" if key in _RESERVED else key: value for key, value in facts.items()}
    return {"msg": " ".join([name, *said]), "extra": {**extra, "event": name}}


def _written(value: Any) -> str:
    """Return a value as one word, else in quotes: no text of a provider's can fake another line."""
    text = str(value)
    if re.fullmatch(r"[\w.:/@+-]+", text):
        return text

    return json.dumps(text, ensure_ascii=not text.isprintable())


def wanted(level: int) -> bool:
    """Tell whether anybody would see an event: collecting its facts costs more than asking."""
    return _logger.isEnabledFor(level)


def event(level: int, name: str, **facts: Any) -> None:
    """Log one state change with its facts; facts without a value are left out.

    The message is the event's name with the facts as `key=value`. On the `logging.LogRecord`, the
    name is the attribute `event`, and each fact is one, too.
    """
    if wanted(level):
        known = {key: value for key, value in facts.items() if value is not None}
        _bound().log(level, name, **known)


# Attributes that logging.LogRecord owns; `extra` may not carry them.
_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
