"""Ledgers whose calls fail when a test wants them to, before they have done their work or after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tarash.tarash_gateway import StorageError, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.ledger import MemoryLedger, PostgresLedger, SqliteLedger
from tarash.tarash_gateway.testing import Simulator

if TYPE_CHECKING:
    import pytest

REQUEST = VideoGenerationRequest(prompt="a cat")
How = Literal["before", "after"]
"""Whether a call fails before it has done its work, or only its answer is lost."""
CALLS = (
    "intend", "note", "accept", "settle", "close", "keep", "claim", "get", "renew", "due_tasks",
    "seek_slots", "read_state", "write_state", "list_states", "media", "open", "enqueue",
)  # fmt: skip


class Trouble:
    """Which calls of a ledger fail, and how."""

    def __init__(self) -> None:
        self.of: Callable[[str], How | None] = lambda _: None
        self.failed: list[str] = []


def failing(kind: type[Any]) -> type[Any]:
    """Return a kind of ledger whose calls may fail as its `trouble` says."""

    def wrapped(name: str) -> Any:
        work = getattr(kind, name)

        @wraps(work)
        async def call(self: Any, *given: Any, **named: Any) -> Any:
            how = self.trouble.of(name)
            if how is None:
                return await work(self, *given, **named)

            self.trouble.failed.append(name)
            if how == "after":
                await work(self, *given, **named)

            is_new = name in {"open", "enqueue"} and how == "after"
            raise StorageError("The ledger is away", submission="unknown" if is_new else "not_sent")

        return call

    return type(
        f"Troubled{kind.__name__}",
        (kind,),
        {name: wrapped(name) for name in CALLS if hasattr(kind, name)},
    )


@asynccontextmanager
async def troubled(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Any]:
    """Yield the ledger of the kind that a fixture is parametrised with; its `trouble` is none."""
    made: Any
    if request.param == "memory":
        made = failing(MemoryLedger)()
    elif request.param == "sqlite":
        made = failing(SqliteLedger)(folder / "jobs.db")
    else:
        made = failing(PostgresLedger)(request.getfixturevalue("postgres_url"))

    made.trouble = Trouble()
    yield made
    made.trouble.of = lambda _: None
    await made.aclose()


def config(simulator: Simulator, **facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="runway",
        model="gen4.5",
        base_url=simulator.base_url("runway"),
        poll_interval=0.01,
        provider_config={"min_poll_interval": 0.01},
        **facts,
    )


def first(times: int, name: str, how: How) -> Callable[[str], How | None]:
    """Let the first calls of a name fail."""
    left = [times]

    def of(called: str) -> How | None:
        if called != name or not left[0]:
            return None

        left[0] -= 1
        return how

    return of
