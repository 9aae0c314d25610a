"""Hears, over one connection of its own, which jobs have changed; a poll stays the backstop.

A pooler that hands out connections by transaction delivers no notifications: then nobody is woken,
and whoever waits polls as often as without.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
import uuid
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from .._sql._submits import CHANGED
from ._errors import LateError
from ._pool import LimitedConnection, close, connect

if TYPE_CHECKING:
    from ._address import Address

LISTEN_SECONDS = 0.5
"""How often the thread sees whether it is still wanted."""
PAUSES = (0.5, 30.0)
"""Seconds between two tries to connect: at first, and at most."""
PROVE_SECONDS = 60.0
"""Between two proofs that notifications still arrive."""
PROOF_SECONDS = 5.0
"""A notification of our own has to arrive within so many seconds."""
IDLE_SECONDS = 60.0
"""Where nobody has waited for so long, the connection is given back."""

Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class Listener:
    """One thread for all who wait in this process."""

    def __init__(self, address: Address) -> None:
        """Note the address; nothing is connected before somebody waits."""
        self._address = address
        self.begin_anew()

    def begin_anew(self) -> None:
        """Go on in a forked child, which has no such thread."""
        self._lock = threading.Lock()
        self._waiters: dict[str, set[Waiter]] = defaultdict(set)
        self._thread: threading.Thread | None = None
        self._is_stopped = threading.Event()
        self._asked = 0.0
        self.hears = False
        """Whether notifications do arrive."""

    async def wait(self, name: str, seconds: float, deaf_seconds: float) -> None:
        """Wait until something of this name has changed, or the time is over.

        Args:
            name: What was notified: the id of a job.
            seconds: How long at most.
            deaf_seconds: How long where no notifications arrive.
        """
        waiter: Waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiters[name].add(waiter)
            self._start()

        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds if self.hears else deaf_seconds):
                    await waiter[1].wait()
        finally:
            with self._lock:
                self._waiters[name].discard(waiter)
                if not self._waiters[name]:
                    del self._waiters[name]

    async def proves(self) -> bool:
        """Tell whether notifications arrive, as soon as that is known."""
        until = time.monotonic() + PROOF_SECONDS + 1
        while not self.hears and time.monotonic() < until:
            await self.wait("nobody", 0.05, 0.05)

        return self.hears

    def stop(self) -> None:
        """Let go of the connection; the next one who waits makes another."""
        with self._lock:
            self._is_stopped.set()
            self._thread = None
            self._is_stopped = threading.Event()
            self.hears = False

    def _start(self) -> None:
        self._asked = time.monotonic()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._listen, args=(self._is_stopped,), name="tarash-listen", daemon=True
            )
            self._thread.start()

    def _listen(self, is_stopped: threading.Event) -> None:
        pause = PAUSES[0]
        while not (is_stopped.is_set() or self._is_idle()):
            connection = None
            try:
                connection = connect(self._address, seconds=float("inf"))
                self._hear(connection, is_stopped)
                pause = PAUSES[0]
            except (psycopg.Error, LateError, OSError):
                # Whoever waits polls by itself meanwhile.
                is_stopped.wait(pause)
                pause = min(pause * 2, PAUSES[1])
            finally:
                if not is_stopped.is_set() and self.hears:
                    self.hears = False
                    self._wake_all()  # who counts on being woken polls by itself from now on

                if connection is not None:
                    close(connection)

    def _hear(self, connection: LimitedConnection, is_stopped: threading.Event) -> None:
        connection.execute(f"LISTEN {CHANGED}".encode())
        proof, until = self._ask()
        again = math.inf
        while not (is_stopped.is_set() or self._is_idle()):
            for notify in connection.notifies(timeout=LISTEN_SECONDS):
                if notify.payload == proof:
                    again, until = time.monotonic() + PROVE_SECONDS, math.inf
                    if not self.hears:
                        self.hears = True
                        self._wake_all()  # what has changed meanwhile was not heard
                else:
                    self._wake(notify.payload)

            if time.monotonic() > until:
                raise LateError("no notification has arrived")

            if time.monotonic() > again:
                # A connection may be dead for hours, and nobody says so.
                (proof, until), again = self._ask(), math.inf

    def _ask(self) -> tuple[str, float]:
        """Send a notification; return its text, and until when it has to arrive."""
        proof = uuid.uuid4().hex
        # Over another connection: a pooler may hand the answer on by chance where we ask ourselves.
        other = connect(self._address, PROOF_SECONDS)
        try:
            other.execute("SELECT pg_notify(%s, %s)", (CHANGED, proof))
        finally:
            close(other)

        return proof, time.monotonic() + PROOF_SECONDS

    def _is_idle(self) -> bool:
        return not self._waiters and time.monotonic() - self._asked > IDLE_SECONDS

    def _wake(self, name: str) -> None:
        with self._lock:
            waiters = list(self._waiters.get(name, ()))

        for loop, event in waiters:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)

    def _wake_all(self) -> None:
        with self._lock:
            names = list(self._waiters)

        for name in names:
            self._wake(name)
