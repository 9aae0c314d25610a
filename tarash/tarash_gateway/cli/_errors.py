"""Exit codes, and how errors are shown: one line for people, one JSON object for programs.

Decides nothing about what happens after an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from enum import IntEnum
from typing import Any

import pydantic

from ..exceptions import (
    AuthenticationError,
    ContentModerationError,
    HTTPConnectionError,
    ModelNotFoundError,
    QuotaExceededError,
    SaveError,
    StorageError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    ValidationError,
)
from ..models import Hint
from ._words import advice_of, error_text, option


class Exit(IntEnum):
    """What the command's exit code says."""

    DONE = 0
    USAGE = 2
    KEY = 3
    MODERATION = 4
    PROVIDER = 5
    TIMEOUT = 6
    CONNECTION = 7
    SAVING = 8
    STORAGE = 9
    OUTPUT = 10
    RUNNING = 11
    CANCELLED = 12
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    Exit.DONE: "done",
    Exit.USAGE: "the command or the request can't work as it is",
    Exit.KEY: "the key is missing or refused, or the account has no credit",
    Exit.MODERATION: "the provider's content filter refused",
    Exit.PROVIDER: "the provider failed",
    Exit.TIMEOUT: "the deadline passed",
    Exit.CONNECTION: "no connection, or one that broke",
    Exit.SAVING: "the result was made, but not saved",
    Exit.STORAGE: "the ledger, or the cache of schemas, can't be read or written",
    Exit.OUTPUT: "it is done, but standard output broke or was closed",
    Exit.RUNNING: "the job has not ended yet",
    Exit.CANCELLED: "the job was stopped, as somebody had asked",
    Exit.INTERRUPTED: "Ctrl-C",
    Exit.TERMINATED: "SIGTERM",
}

# The first that fits.
CODES: tuple[tuple[type[TarashException], Exit], ...] = (
    (ValidationError, Exit.USAGE),
    (ModelNotFoundError, Exit.USAGE),
    (AuthenticationError, Exit.KEY),
    (QuotaExceededError, Exit.KEY),
    (ContentModerationError, Exit.MODERATION),
    (SaveError, Exit.SAVING),
    (StorageError, Exit.STORAGE),
    (TimeoutError, Exit.TIMEOUT),
    (HTTPConnectionError, Exit.CONNECTION),
    (TarashException, Exit.PROVIDER),
)
REFUSED = frozenset({400, 413, 415, 422})
"""Statuses by which providers say that a request can't work as it is."""


# Every error in JSON has these; what is not known is null.
SHAPE: dict[str, Any] = dict.fromkeys((
    "type", "message", "code", "field", "hints", "provider", "model", "request_id", "retryable",
    "retry_after", "submission", "status_code", "operation",
))  # fmt: skip
_about: ContextVar[dict[str, str | None]] = ContextVar("_about")


def begin() -> None:
    """Forget whom the command before was about."""
    _about.set({})


def about(provider: str | None, model: str | None) -> None:
    """Note whose work the command is about, for errors that don't say so themselves."""
    noted = _about.get(None)
    if noted is not None:  # not a copy: what is noted in a task is read after it
        noted |= {"provider": provider, "model": model}


class CommandError(Exception):
    """The command ends here; `lines` say why and what to do next, each for itself."""

    def __init__(
        self,
        *lines: str,
        code: Exit = Exit.USAGE,
        kind: str = "UsageError",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__("; ".join(lines))
        self.facts = facts or {}
        self.lines = lines
        self.code = code
        self.kind = kind


def exit_code(error: TarashException) -> Exit:
    """Return the exit code that an error of the gateway ends in."""
    if error.code == "queue_timeout":
        return Exit.TIMEOUT

    refused = getattr(error, "status_code", None) in REFUSED and error.submission == "rejected"
    ends_in = next(code for kind, code in CODES if isinstance(error, kind))
    return Exit.USAGE if refused and ends_in == Exit.PROVIDER else ends_in


def as_json(error: TarashException) -> dict[str, Any]:
    """Return an error of the gateway, with its facts, as a JSON object."""
    ended = error.execution_metadata
    noted = _about.get({})
    is_same = error.provider in {None, noted.get("provider")}
    return {
        "type": type(error).__name__,
        "message": error_text(error),
        "code": error.code,
        "field": error.field,
        "hints": [_hint(hint) for hint in error.hints],
        "provider": error.provider or noted.get("provider"),
        "model": error.model or (noted.get("model") if is_same else None),
        "request_id": error.request_id,
        "retryable": error.retryable,
        "retry_after": error.retry_after,
        "submission": error.submission,
        "status_code": getattr(error, "status_code", None),
        "operation": None if error.operation is None else dict(error.operation),
        "attempts": []
        if ended is None
        else [attempt.model_dump(mode="json") for attempt in ended.attempts],
    }


def _hint(hint: Hint) -> dict[str, Any]:
    return {
        "action": hint.action,
        "text": advice_of(hint),
        "setting": hint.setting,
        "value": hint.value,
    }


def document(error: CommandError) -> dict[str, Any]:
    """Return an error of the command itself as a JSON object of the same shape."""
    fields = {"type": error.kind, "message": str(error), "attempts": []}
    return {**SHAPE, **_about.get({}), **fields, **error.facts, "exit_code": int(error.code)}


def misuse(error: pydantic.ValidationError) -> list[str]:
    """Return what pydantic found, in the words of the command line: one line an option."""
    lines = []
    for finding in error.errors(include_url=False, include_context=False, include_input=False):
        field = str(finding["loc"][0]) if finding["loc"] else "arguments"
        lines.append(f"{option(field)}: {rule(finding['msg'])}")

    return lines


def rule(message: str) -> str:
    """Return one of pydantic's messages without its talk of inputs."""
    message = message.removeprefix("Value error, ")
    message = message.removeprefix("base_url ")
    message = re.sub(r"^(?:Input|String) should be ", "must be ", message)
    message = message.replace("a valid number, unable to parse string as a number", "a number")
    message = message.replace(
        "a valid integer, unable to parse string as an integer", "a whole number"
    )
    return re.sub(r"^(?:Input|String) should ", "must ", message)
