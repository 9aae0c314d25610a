"""Counts the lines of the package by what they are for: `python tools/lines.py`.

What is seen by the files' names is counted by its purpose, and the rest by its room. All lines of
Python count, empty ones too.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import tarash.tarash_gateway

PACKAGE = Path(tarash.tarash_gateway.__file__).parent
VENDORS = (
    "alibaba", "bfl", "bytedance", "comfyui", "ideogram", "kling", "localai", "minimax",
    "openai_compatible", "openrouter", "recraft", "sglang", "together", "vllm", "wavespeed",
)  # fmt: skip
PURPOSES: dict[str, tuple[str, ...]] = {
    "the server and MCP": (
        "server/**/*.py", "mcp/*.py", "cli/serve.py", "cli/_serve.py", "cli/mcp.py", "cli/_mcp.py",
        "cli/keys.py", "cli/_keys.py",
    ),
    "PostgreSQL, the queue, slots and states of ledgers": (
        "ledger/postgres/*.py", "ledger/_slots.py", "ledger/_memory_*.py",
        "ledger/_write_batching.py",
        "ledger/_sql/_slots.py", "ledger/_sql/_queue.py", "ledger/_sql/_states.py",
        "ledger/sqlite/_write_lock.py", "ledger/sqlite/_backup.py", "cli/worker.py",
        "cli/_worker.py",
        "cli/ledger.py",
        "cli/_upkeep.py", "cli/_doctor_ledger.py", "_jobs/_queue.py", "_jobs/_working.py",
    ),
    "webhooks": (
        "_signatures/*.py", "webhooks.py", "_jobs/_inbox*.py", "_jobs/_callbacks.py",
        "_engine/_callbacks.py", "_engine/_cross_process_wakeups.py",
        "_data/_webhooks.py", "cli/webhooks.py",
        "cli/_listen.py", "testing/_calling.py",
    ),
    "prices, costs and budgets": (
        "catalog/prices/*.py", "catalog/_refresh_prices.py", "_engine/_asking.py",
        "_engine/_budgets.py", "_engine/_costing.py", "_engine/_money.py", "_engine/_quoting.py",
        "_engine/_spending.py", "_data/_money.py", "_data/_budgets.py", "_jobs/_late_costs.py",
        "_jobs/_prices.py", "_jobs/_spend.py", "_jobs/_asking.py",
        "cli/_quotes.py", "cli/_spend.py", "providers/*/costs.py", "providers/*/prices.py",
        "ledger/*/_spending.py", "ledger/_sql/_costs.py",
    ),
    "traffic: limits, breakers, hedges, shared polls": (
        "_engine/_accounts.py", "_engine/_admission.py", "_engine/_breakers.py",
        "_engine/_circuit.py", "_engine/_learned_limits.py", "_engine/_slot_queue.py",
        "_engine/_shared_polls.py", "_engine/_limit_rules.py", "_engine/_concurrency_limits.py",
        "_data/_limits.py", "_data/_policies.py", "policies.py",
        "_jobs/_hedging.py", "_jobs/_traffic_report.py", "cli/_traffic.py",
    ),
    "declared providers, and what checks and plays them": (
        "providers/_declared/*.py", "testing/_declarations/*.py", "cli/_check_file.py",
        "cli/_new_file.py", "cli/_rehearse.py",
        "providers/_folders.py", "providers/_own_server.py", "providers/_server_*.py",
        *(f"providers/{name}/*.py" for name in VENDORS),
        *(f"testing/_wires/{name}.py" for name in VENDORS),
        *(f"testing/_wires/_{name}*.py" for name in VENDORS),
        "testing/_wires/_video_server.py",
    ),
    "observers, events and frozen programs": (
        "observability/*.py", "events.py", "_data/_events.py",
        "_pyinstaller/*.py",
    ),
}  # fmt: skip


def counted(paths: set[Path]) -> int:
    """Return the lines of files."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def report() -> Iterator[str]:
    """Yield a line for each purpose, then one for each room of the rest."""
    left = set(PACKAGE.rglob("*.py"))
    whole = counted(left)
    for purpose, patterns in PURPOSES.items():
        taken = {path for pattern in patterns for path in PACKAGE.glob(pattern)} & left
        left -= taken
        yield f"{counted(taken):7,}  {purpose}"

    yield f"{counted(left):7,}  everything else, by room"
    rooms = Counter[str]()
    for path in left:
        place = path.relative_to(PACKAGE).parts
        rooms[place[0] if len(place) > 1 else "(flat)"] += counted({path})

    yield from (f"{lines:15,}  {room}" for room, lines in rooms.most_common())
    yield f"{whole:7,}  all"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in report())
