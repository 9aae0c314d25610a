"""Many videos from a CSV, a few at a time; started again after a crash, it goes on where it was.

The CSV is UTF-8 and has the columns `id` and `prompt`; ids are unique. Into the folder come one
file a video, the ledger that makes starting again safe, and `failed.csv` where rows have failed:
whatever happened, no prompt is bought twice. Ctrl-C leaves accepted jobs running, and the next
start waits for them. Where the key or the account can't buy, it stops with one word of it.

Without a key, at no cost, from the mock, into the folder `videos/rehearsal`:

    python examples/batch.py examples/prompts.csv --limit 20

With a real one: pip install ".[fal]" in the clone, set FAL_KEY, and add `--live`. More than one
video is bought only where somebody says yes, on the terminal or with `--yes`. `tarash simulate
--provider fal --run-seconds 3` prints the lines with which `--live` asks a simulator instead. A row
that has failed stays failed, since a failed job may be billed: to buy it again, give the row
another id.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    MockConfig,
    MockPollingConfig,
    QuotaExceededError,
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
REHEARSAL = CONFIG.model_copy(
    update={"mock": MockConfig(enabled=True, polling=MockPollingConfig(delay_between_updates=0.1))}
)


@dataclass(frozen=True)
class Row:
    """One line of the CSV."""

    id: str
    prompt: str


def read(path: Path) -> list[Row]:
    """Return the rows of the CSV.

    Raises:
        OSError: It can't be read.
        ValueError: It is no CSV, or lacks a column or a value, or two rows have the same id.
    """
    try:
        # Spreadsheets put a mark before the first line, which is no part of it.
        text = path.read_text(encoding="utf-8-sig")
        table = csv.DictReader(io.StringIO(text))
        if not {"id", "prompt"} <= {*(table.fieldnames or ())}:
            first = text.partition("\n")[0]
            raise ValueError(
                f"{path}: the first line has to name the columns id and prompt, separated by a "
                f"comma; it is {first!r}"
            )

        rows = [Row(line["id"] or "", line["prompt"] or "") for line in table]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{path} can't be read as CSV: {error}") from error

    if not rows:
        raise ValueError(f"{path} has no rows beneath its first line")

    if not all(row.id and row.prompt.strip() for row in rows):
        raise ValueError(f"{path}: every row needs an id and a prompt")

    if not all(row.id.replace("-", "").replace("_", "").isalnum() for row in rows):
        raise ValueError(f"{path}: an id becomes a file's name: letters, digits, - and _ only")

    if len({row.id for row in rows}) < len(rows):
        raise ValueError(f"{path}: every row needs an id of its own")

    return rows


class Batch:
    """The rows, and how far they are."""

    def __init__(
        self, rows: Sequence[Row], folder: Path, at_once: int, config: VideoGenerationConfig
    ) -> None:
        self._rows = rows
        self._config = config
        self._folder = folder
        self._places = asyncio.Semaphore(at_once)
        self._done = 0
        self._is_watched = sys.stderr.isatty()
        self.failed: dict[str, str] = {}
        self.refusal: TarashException | None = None
        """Why nothing more can be bought."""
        self.is_read = True
        """Whether somebody still reads what is printed."""

    async def run(self) -> None:
        """Make every video that is not there yet."""
        async with Gateway(ledger=f"sqlite:///{self._folder / 'jobs.db'}") as gateway:
            try:
                async with asyncio.TaskGroup() as tasks:
                    for row in self._rows:
                        tasks.create_task(self._take(row, gateway))
            except* BrokenPipeError:
                self.is_read = False

    def keep_failures(self) -> None:
        """Write down what has failed; nothing, where nothing has."""
        path = self._folder / "failed.csv"
        path.unlink(missing_ok=True)
        if self.failed:
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("id", "error"), *self.failed.items()])

    @property
    def left(self) -> int:
        """How many rows nothing has become of yet."""
        return len(self._rows) - self._done

    async def _take(self, row: Row, gateway: Gateway) -> None:
        path = self._folder / f"{row.id}.mp4"
        outcome = f"{path.name} was there already"
        async with self._places:
            if not path.exists():
                if self.refusal is not None:
                    return

                try:
                    await self._make(row, path, gateway)
                except TarashException as error:
                    if _refused(error):
                        self.refusal = error
                        return

                    self.failed[row.id] = str(error)

                outcome = self.failed.get(row.id, path.name)

        self._done += 1
        print(f"{self._done}/{len(self._rows)} {row.id}: {outcome}", flush=True)

    async def _make(self, row: Row, path: Path, gateway: Gateway) -> None:
        # A line for each job under way, at the bottom of a terminal; what is done stands above.
        bar = progress_bar(row.id, keep=False) if self._is_watched else None
        response = await gateway.generate_video_async(
            self._config,
            VideoGenerationRequest(prompt=row.prompt),
            on_progress=bar,
            idempotency_key=row.id,
        )
        await response.save_async(path)


def _refused(error: TarashException) -> bool:
    """Tell whether the account can't buy, this row or any other; nothing was bought then."""
    is_ours = isinstance(error, AuthenticationError | QuotaExceededError)
    return is_ours and error.submission not in ("accepted", "unknown")


def run(batch: Batch) -> int:
    """Make the videos; return the exit code."""
    try:
        asyncio.run(batch.run())
    except KeyboardInterrupt:
        print("Stopped; start it again to go on.", file=sys.stderr)
        return 130
    finally:
        batch.keep_failures()

    if not batch.is_read:  # `| head`, say: what was accepted goes on, and the next start waits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1

    if batch.refusal is not None:
        print(batch.refusal, file=sys.stderr)
        print(f"{batch.left} rows were not bought; start it again to go on.", file=sys.stderr)
        return 1

    return 1 if batch.failed else 0


def at_least_one(text: str) -> int:
    """Return the number that an argument says.

    Raises:
        argparse.ArgumentTypeError: It is none, or less than 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; a number from 1 on is")

    return int(text)


def agreed(count: int) -> bool:
    """Ask whether so many videos may be bought; on no terminal, say what would be a yes."""
    if count <= 1:
        return True

    what = f"{count} videos of {CONFIG.model}, each of which {CONFIG.provider} bills"
    if not sys.stdin.isatty():
        print(f"This buys {what}; add --yes, or --limit 1", file=sys.stderr)
        return False

    try:
        return input(f"Buy {what}? [y/N] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt):
        return False


def main() -> int:
    """Read what is wanted, and make it; return the exit code."""
    parser = argparse.ArgumentParser(description="Make many videos, by the mock or by fal")
    parser.add_argument("prompts", type=Path, help="a CSV with the columns id and prompt")
    parser.add_argument("--folder", type=Path, default=Path("videos"), help="where they go")
    parser.add_argument("--limit", type=at_least_one, help="how many rows, from the first on")
    parser.add_argument("--live", action="store_true", help="let fal make them, and bill them")
    parser.add_argument("--yes", action="store_true", help="buy them without asking")
    parser.add_argument("--at-once", type=at_least_one, default=8, help="jobs at the same time")
    arguments = parser.parse_args()
    # A rehearsal's videos must not pass for those that are to be bought.
    folder = arguments.folder if arguments.live else arguments.folder / "rehearsal"
    try:
        rows = read(arguments.prompts)[: arguments.limit]
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        print(f"--folder: {error.filename} can't be a folder", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2

    missing = sum(not (folder / f"{row.id}.mp4").exists() for row in rows)
    if arguments.live and not arguments.yes and not agreed(missing):
        return 2

    if not arguments.live:
        print("From the mock, at no cost; --live lets fal make them.", file=sys.stderr)

    config = CONFIG if arguments.live else REHEARSAL
    return run(Batch(rows, folder, arguments.at_once, config))


if __name__ == "__main__":
    sys.exit(main())
