"""Threads that race for the last cent of a budget; a process of them is run by `test_races`.

For each number on standard input, every thread tries to reserve a cent of a budget that has one
left; the answer is how many could. `7 die` is the seventh round, and whoever wins it is killed on
the spot, as it would be between its reservation and its settlement.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from decimal import Decimal
from typing import Any

from tarash.tarash_gateway.ledger import open_ledger
from tarash.tarash_gateway.ledger._contract import (
    BudgetWindow,
    Intent,
    JobRecord,
    OverBudgetError,
)

CENT = Decimal("0.01")
MOST = 600
"""Seconds for a round; a limit, not a wait: rounds of half a minute were seen on a busy machine."""


def intent(name: str, job: str, number: int) -> Intent:
    """Return a submit of a cent, in the budget of which the rounds before have left one."""
    quote = {"low": str(CENT), "high": str(CENT), "currency": "USD"}
    window = BudgetWindow(CENT * number, "the last cent")
    return Intent(name, "video", "acme", "m", 1, job, quote=quote, budgets=(window,))


class Racers:
    """Threads that each hold a job, and try to buy with it in each round."""

    def __init__(self, ledger: Any, threads: int, name: str) -> None:
        self._ledger = ledger
        self._name = name
        self._gate = threading.Barrier(threads + 1)
        self._round: tuple[int, bool] | None = None
        self._won: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(threads)
        ]
        for one in self._threads:
            one.start()

        self._gate.wait(MOST)  # all jobs are open

    def race(self, number: int, *, deadly: bool = False) -> list[str]:
        """Return the submits that were let through in a round."""
        self._won = []
        self._round = (number, deadly)
        self._gate.wait(MOST)
        self._gate.wait(MOST)
        return self._won

    def end(self) -> None:
        """Let the threads end."""
        self._round = None
        self._gate.wait(MOST)
        for one in self._threads:
            one.join(MOST)

    def _run(self, number: int) -> None:
        try:
            self._race(number)
        except BaseException:
            self._gate.abort()  # nobody waits for this thread
            raise

    def _race(self, number: int) -> None:
        job = f"job-{self._name}-{number}"
        with asyncio.Runner() as runner:
            record = JobRecord(job, "video", ({},), {"prompt": "x"}, "f")
            runner.run(self._ledger.open(record, job, {}))
            self._gate.wait(MOST)
            while True:
                self._gate.wait(MOST)
                if self._round is None:
                    return

                if runner.run(self._try(job)) and self._round[1]:
                    os.kill(os.getpid(), signal.SIGKILL)

                self._gate.wait(MOST)

    async def _try(self, job: str) -> bool:
        assert self._round is not None
        wanted = intent(f"round{self._round[0]}-{job}", job, self._round[0])
        try:
            let_through = bool(await self._ledger.intend(wanted, job))
        except OverBudgetError:
            return False

        if let_through:
            self._won.append(wanted.id)

        return let_through


def main() -> None:
    """Race for each line of the input."""
    url, threads, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    racers = Racers(open_ledger(url), threads, name)
    print_line("ready")
    for line in sys.stdin:
        number, _, deadly = line.strip().partition(" ")
        print_line(len(racers.race(int(number), deadly=bool(deadly))))

    racers.end()


def print_line(answer: Any) -> None:
    """Answer the test."""
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
