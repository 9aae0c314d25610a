"""One request, several providers at once, and a page to compare what they made of it.

Without a key, at no cost, from the mock:

    python examples/compare_providers.py

With real ones: pip install ".[fal,google]" in the clone, set FAL_KEY, GOOGLE_API_KEY and
XAI_API_KEY, and add `--live`. Each provider bills for its video. The page is written to
comparison.html, and the videos into comparison-videos beside it; where there is one, to
comparison-2.html and so on, since a page is the record of what was paid for.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tarash.tarash_gateway import (
    Adjustment,
    Gateway,
    MockConfig,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    progress_bar,
)

MODELS = [
    ("fal", "fal-ai/veo3.1"),
    ("fal", "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"),
    ("google", "gemini-omni-1.2-flash"),
    ("xai", "grok-imagine-video"),
]

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Comparison</title>
<style>
  :root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }}
  body {{ margin: 2rem; }}
  main {{ display: grid; gap: 1.5rem; }}
  main {{ grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }}
  figure {{ margin: 0; padding: 1rem; border: 1px solid #8886; border-radius: .5rem; }}
  video {{ width: 100%; border-radius: .25rem; background: #000; }}
  .failed {{ color: #c33; }}
</style>
<h1>{prompt}</h1>
<main>
{cards}
</main>
</html>
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one config."""

    config: VideoGenerationConfig
    seconds: float
    response: VideoGenerationResponse | None = None
    error: TarashException | None = None


async def measured(
    gateway: Gateway, config: VideoGenerationConfig, request: VideoGenerationRequest
) -> Outcome:
    """Make the video with one config; a failure is an outcome too."""
    began = time.monotonic()
    try:
        response = await gateway.generate_video_async(config, request, on_progress=progress_bar())
    except TarashException as error:
        return Outcome(config, time.monotonic() - began, error=error)

    return Outcome(config, time.monotonic() - began, response)


def source(response: VideoGenerationResponse, folder: Path) -> str:
    """Return what a page in this folder can play: the file, else the URL or the bytes."""
    if response.saved:
        return quote(Path(os.path.relpath(response.saved[0], folder)).as_posix())

    video = response.video
    if isinstance(video, str):
        return video

    content = base64.b64encode(video["content"]).decode()
    return f"data:{video['content_type']};base64,{content}"


def written(value: Any) -> str:
    """Return a value as people write it: 5 seconds, not 5.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def bent(wish: Adjustment) -> str:
    """Return a wish that the model could not take, and what became of it."""
    sent = "left out" if wish.sent is None else written(wish.sent)
    return escape(f"{wish.field}: {written(wish.requested)} → {sent} ({wish.reason})")


def card(outcome: Outcome, folder: Path) -> str:
    """Return the part of the page that shows one outcome."""
    title = f"{outcome.config.provider} · {outcome.config.model}"
    took = "failed after {:.1f} s" if outcome.error else "{:.1f} s until it was there"
    lines = [f"<strong>{escape(title)}</strong>", took.format(outcome.seconds)]
    media = ""
    if outcome.response is not None:
        address = escape(source(outcome.response, folder))
        media = f'<video src="{address}" controls loop muted></video>'
        if outcome.response.duration is not None:
            lines.append(f"{outcome.response.duration:g} s long")

        lines += map(bent, outcome.response.adjustments)
        lines += map(escape, outcome.response.save_errors)

    if outcome.error is not None:
        lines.append(f'<span class="failed">{escape(str(outcome.error))}</span>')

    return f"<figure>{media}<figcaption>{'<br>'.join(lines)}</figcaption></figure>"


async def compare(
    configs: Sequence[VideoGenerationConfig], request: VideoGenerationRequest
) -> list[Outcome]:
    """Ask everybody at once."""
    async with Gateway() as gateway:
        asked = (measured(gateway, config, request) for config in configs)
        return await asyncio.gather(*asked)


def claim(wanted: Path) -> Path:
    """Make an empty page, with a number where its name is taken, and return its path.

    Raises:
        OSError: No page can be written there.
    """
    if wanted.is_dir():
        raise IsADirectoryError(f"{wanted} is a folder; name a file for the page")

    wanted.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        page = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}-{number}")
        try:
            page.touch(exist_ok=False)
        except FileExistsError:
            continue

        break

    return page


def main() -> int:
    """Ask everybody, and write the page; return the exit code."""
    parser = argparse.ArgumentParser(description="Compare providers")
    parser.add_argument("prompt", nargs="?", default="A paper boat crosses a puddle, macro shot")
    parser.add_argument("--live", action="store_true", help="buy them from the providers")
    parser.add_argument("--page", type=Path, default=Path("comparison.html"))
    arguments = parser.parse_args()
    try:
        request = VideoGenerationRequest(
            prompt=arguments.prompt, duration_seconds=5, aspect_ratio="16:9", resolution="720p"
        )
        # Before anything is bought: what was paid for must not end without a page.
        page = claim(arguments.page.resolve())
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2

    videos = page.with_name(f"{page.stem}-videos")
    configs = [
        VideoGenerationConfig(
            provider=provider,
            model=model,
            # URLs expire; what is saved is there tomorrow, too.
            save_to=f"{videos}/{{provider}}-{{request_id}}.{{ext}}",
            mock=MockConfig(enabled=not arguments.live),
        )
        for provider, model in MODELS
    ]
    try:
        outcomes = asyncio.run(compare(configs, request))
    except KeyboardInterrupt:
        page.unlink()
        print("Stopped; the providers were asked to stop, too.", file=sys.stderr)
        return 130

    cards = "\n".join(card(outcome, page.parent) for outcome in outcomes)
    page.write_text(PAGE.format(prompt=escape(request.prompt), cards=cards), "utf-8")
    made = sum(outcome.response is not None for outcome in outcomes)
    print(f"{made} of {len(outcomes)} videos: {page.as_uri()}")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main())
