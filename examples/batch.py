"""Many videos from a CSV, a few at a time; started again after a crash, it goes on where it was.

The CSV has the columns `id` and `prompt`; ids are unique. Into the folder come one file a video,
`failed.csv`, and the ledger that makes starting again safe: whatever happened, no prompt is bought
twice. Ctrl-C leaves accepted jobs running, and the next start waits for them.

Without a key, against simulated providers:

    tarash simulate --provider fal --run-seconds 3   # prints lines for the second terminal
    python examples/batch.py examples/prompts.csv

With a real one: pip install "tarash-gateway[fal]", and set FAL_KEY. A row that has failed stays
failed, since a failed job may be billed: to buy it again, give the row another id.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    progress_bar,
)

CONFIG = VideoGenerationConfig(
    provider="fal",
    model="fal-ai/veo3.1",
    timeout=1800,
    # What was ordered is paid for: a stop of this program leaves it running for the next start.
    on_timeout="detach",
)


@dataclass(frozen=True)
class Row:
    """One line of the CSV."""

    id: str
    prompt: str


def read(path: Path) -> list[Row]:
    """Return the rows of the CSV.

    Raises:
        ValueError: It lacks a column or a value, or two rows have the same id.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        rows = [
            Row(line.get("id") or "", line.get("prompt") or "") for line in csv.DictReader(lines)
        ]

    if not all(row.id and row.prompt.strip() for row in rows):
        raise ValueError(f"{path}: every row needs an id and a prompt")

    if not all(row.id.replace("-", "").replace("_", "").isalnum() for row in rows):
        raise ValueError(f"{path}: an id becomes a file's name: letters, digits, - and _ only")

    if len({row.id for row in rows}) < len(rows):
        raise ValueError(f"{path}: every row needs an id of its own")

    return rows


class Batch:
    """The rows, and how far they are."""

    def __init__(self, rows: Sequence[Row], folder: Path, at_once: int) -> None:
        self._rows = rows
        self._folder = folder
        self._places = asyncio.Semaphore(at_once)
        self._done = 0
        self._is_watched = sys.stderr.isatty()
        self.failed: dict[str, str] = {}

    async def run(self) -> None:
        """Make every video that is not there yet."""
        ledger = f"sqlite:///{self._folder / 'jobs.db'}"
        async with Gateway(ledger=ledger) as gateway, asyncio.TaskGroup() as tasks:
            for row in self._rows:
                tasks.create_task(self._make(row, gateway))

    async def _make(self, row: Row, gateway: Gateway) -> None:
        path = self._folder / f"{row.id}.mp4"
        # A line for each job under way, at the bottom of a terminal; what is done stands above.
        bar = progress_bar(row.id, keep=False) if self._is_watched else None
        async with self._places:
            try:
                if not path.exists():
                    response = await gateway.generate_video_async(
                        CONFIG,
                        VideoGenerationRequest(prompt=row.prompt),
                        on_progress=bar,
                        idempotency_key=row.id,
                    )
                    await response.save_async(path)
            except TarashException as error:
                self.failed[row.id] = str(error)

        self._done += 1
        outcome = self.failed.get(row.id, path.name)
        print(f"{self._done}/{len(self._rows)} {row.id}: {outcome}", flush=True)


def main() -> int:
    """Make the videos; return the exit code."""
    parser = argparse.ArgumentParser(description="Make many videos")
    given = Path(__file__).with_name("prompts.csv")
    parser.add_argument("prompts", type=Path, nargs="?", default=given)
    parser.add_argument("--folder", type=Path, default=Path("videos"), help="where they go")
    parser.add_argument("--at-once", type=int, default=8, help="jobs at the same time")
    arguments = parser.parse_args()
    try:
        rows = read(arguments.prompts)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2

    arguments.folder.mkdir(parents=True, exist_ok=True)
    batch = Batch(rows, arguments.folder, arguments.at_once)
    try:
        asyncio.run(batch.run())
    except KeyboardInterrupt:
        print("Stopped; start it again to go on.", file=sys.stderr)
        return 130

    with (arguments.folder / "failed.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "error"), *batch.failed.items()])

    return 1 if batch.failed else 0


if __name__ == "__main__":
    sys.exit(main())
