"""`progress_bar()` draws what the gateway tells, in files, on terminals and in notebooks."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import tarash.tarash_gateway
from tarash.tarash_gateway import (
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationUpdate,
    generate_image,
    generate_video,
    generate_video_async,
    progress_bar,
)
from tarash.tarash_gateway._support import _durations
from tarash.tarash_gateway.progress._row import Row
from tarash.tarash_gateway.progress._terminal import BAR_CELLS, Board, fitted
from tarash.tarash_gateway.testing import Script, Simulator

ABOVE = Path(tarash.tarash_gateway.__file__).parents[2]
HERE = Path(__file__).parent
REQUEST = VideoGenerationRequest(prompt="A cat")
POLLING = MockPollingConfig(delay_between_updates=0)
FAILING = MockResponse(error=GenerationFailedError("It came to nothing"))
CHANGED = "duration_seconds: asked 7, sending 8"
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def mocked(*responses: MockResponse, model: str = "m", **more: Any) -> VideoGenerationConfig:
    mock = MockConfig(enabled=True, polling=POLLING, responses=responses or None)
    return VideoGenerationConfig(provider="fal", model=model, mock=mock, **more)


def without_times(text: str) -> list[str]:
    return [line.partition(" after ")[0] for line in text.splitlines()]


# ----------------------------------------------------------------------------- files and pipes
def blocking(config: VideoGenerationConfig, bar: Any) -> None:
    generate_video(config, REQUEST, bar)


def in_a_loop(config: VideoGenerationConfig, bar: Any) -> None:
    asyncio.run(generate_video_async(config, REQUEST, bar))


@pytest.mark.parametrize("generate", [blocking, in_a_loop])
def test_a_file_gets_a_line_for_each_change(generate: Callable[..., None]) -> None:
    file = io.StringIO()
    generate(mocked(), progress_bar(file=file))
    assert without_times(file.getvalue()) == [
        "fal m  queued",
        "fal m  processing, 50 %",
        "fal m  completed",
    ]
    assert "\x1b" not in file.getvalue()


def test_every_attempt_is_told_with_its_end() -> None:
    file = io.StringIO()
    chain = mocked(FAILING, fallback_configs=[mocked(model="n")])
    generate_video(chain, REQUEST, progress_bar(file=file))
    assert without_times(file.getvalue())[-1] == "attempt 2  fal n  completed"
    (failed,) = [line for line in file.getvalue().splitlines() if "failed" in line]
    assert failed.startswith("fal m  failed")
    assert failed.endswith(": It came to nothing")


def test_what_was_changed_to_fit_the_model_is_said_once_for_each_attempt() -> None:
    file = io.StringIO()
    failing = MockConfig(enabled=True, polling=POLLING, responses=(FAILING,))
    config = VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        mock=failing,
        fallback_configs=(mocked(model="fal-ai/veo3.1/fast"),),
    )
    request = VideoGenerationRequest(prompt="A cat", duration_seconds=7)
    generate_video(config, request, progress_bar(file=file))
    lines = [line for line in file.getvalue().splitlines() if "asked" in line]
    assert [line.partition("  ")[0] for line in lines] == [
        "fal fal-ai/veo3.1",
        "fal fal-ai/veo3.1/fast",
    ]
    assert all(f"  {CHANGED}: " in line for line in lines)
    assert file.getvalue().splitlines()[0] == lines[0]


def test_a_terminal_keeps_what_was_changed(board: Board, screen: io.StringIO) -> None:
    board.print_line([("fal m", "bold"), ("  ", ""), (CHANGED, "yellow")])
    assert CHANGED in screen.getvalue()


def test_a_failure_is_the_last_word() -> None:
    file = io.StringIO()
    with pytest.raises(GenerationFailedError):
        generate_video(mocked(FAILING), REQUEST, progress_bar(file=file))

    assert file.getvalue().splitlines()[-1].endswith(": It came to nothing")


def test_nothing_is_kept_where_that_is_asked_for() -> None:
    file = io.StringIO()
    config = ImageGenerationConfig(provider="fal", model="m", mock=MockConfig(enabled=True))
    request = ImageGenerationRequest(prompt="A cat")
    generate_image(config, request, progress_bar(file=file, keep=False))
    assert file.getvalue() == ""
    generate_image(config, request, progress_bar("my cat", file=file))
    assert file.getvalue() == "my cat  completed\n"


def test_standard_error_is_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    generate_video(mocked(), REQUEST, progress_bar())
    said = capsys.readouterr()
    assert "fal m  completed" in said.err
    assert said.out == ""


class Broken(io.StringIO):
    """A file that takes nothing, as a closed pipe or a full disk."""

    def __init__(self, error: OSError, *, terminal: bool) -> None:
        super().__init__()
        self._error = error
        self._terminal = terminal
        self.tries = 0

    def write(self, text: str) -> int:
        del text
        self.tries += 1
        raise self._error

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("error", [BrokenPipeError(32, "closed"), OSError(28, "no room")])
def test_a_file_that_breaks_ends_nothing(
    error: OSError, *, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    file = Broken(error, terminal=terminal)
    response = generate_video(mocked(), REQUEST, progress_bar(file=file))
    assert response.status == "completed"
    assert file.tries > 0


def test_a_file_that_is_closed_ends_nothing() -> None:
    file = io.StringIO()
    bar = progress_bar(file=file)
    file.close()
    generate_video(mocked(), REQUEST, bar)


# ----------------------------------------------------------------------------------- terminals
@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def board(screen: io.StringIO) -> Iterator[Board]:
    board = Board(Console(file=screen, force_terminal=True, width=60, height=6))
    yield board
    board.close()


def following(status: str, number: int = 1) -> Row:
    row = Row()
    row.follow(
        VideoGenerationUpdate.model_validate(
            {"request_id": str(number), "status": status, "provider": "p", "model": f"m{number}"}
        )
    )
    return row


def test_a_terminal_is_left_as_it_was(board: Board, screen: io.StringIO) -> None:
    row = following("processing")
    board.show(row)
    board.end(row, row.closing_line())
    told = screen.getvalue()
    assert told.count(HIDE) == told.count(SHOW) == 1
    # What stays is one line, below nothing that moves.
    assert told[told.rindex(SHOW) :].count("\n") == 1
    assert told.rstrip().endswith("m1\x1b[0m  \x1b[36mprocessing\x1b[0m")


def test_calls_at_once_have_a_line_each_and_no_more_than_there_is_room(
    board: Board, screen: io.StringIO
) -> None:
    rows = [following("queued", number) for number in range(1, 8)]
    for row in rows:
        board.show(row)

    while "and 3 more" not in screen.getvalue():
        time.sleep(0.01)  # until the next frame

    told = screen.getvalue()
    assert "m4" in told
    assert "m7" not in told
    for row in rows:
        board.end(row)

    assert screen.getvalue().count(HIDE) == screen.getvalue().count(SHOW) == 1


@pytest.mark.parametrize("share", [True, False])
def test_what_is_too_long_shortens_the_name_then_the_bar_and_never_status_or_time(
    *, share: bool
) -> None:
    model = "fal-ai/kling-video/v2.1/master/image-to-video"
    for _ in range(3):
        _durations.record_duration("long", model, 190)

    row = Row(["fal first", f"fal {model}"])
    facts = {"request_id": "1", "status": "queued", "provider": "long", "model": model}
    row.follow(VideoGenerationUpdate.model_validate({**facts, "attempt_number": 2}))
    for width in range(18, 120):
        said, cells, times = fitted(row, width, bar=share)
        line = "".join(text for text, _ in said)
        assert len(line) + (cells and cells + 2) + len(f"  {times}") <= width
        assert "queued" in line
        assert times.startswith("0 s")
        if width >= 60:  # before anything else gives way
            assert "left" in times
            assert line.startswith("attempt 2/2  fal")
        if cells < BAR_CELLS and share:
            assert model not in line
        if 100 > width >= 80 and share:
            assert (cells, "…" in line) == (BAR_CELLS, True)


def test_a_remark_shortens_the_name_too() -> None:
    row = Row(["fal a-model-with-a-name-that-is-long"])
    row.note = "stopping; Ctrl-C again leaves at once"
    said, cells, times = fitted(row, 72, bar=True)
    assert ("".join(text for text, _ in said), cells, times) == (
        "fal a-model-with-…  starting",
        0,
        "0 s",
    )


LEAVES = """
import sys
from rich.console import Console
from tarash.tarash_gateway.progress._row import Row
from tarash.tarash_gateway.progress._terminal import board_of
board_of(Console(stderr=True, force_terminal=True)).show(Row(["cut off"]))
print("to a pipe")
sys.exit("the end")
"""


def test_the_cursor_comes_back_at_exit_and_a_pipe_gets_what_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LEAVES],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ABOVE), "TERM": "xterm"},
    )
    assert done.stdout == "to a pipe\n"
    assert "the end" in done.stderr
    assert done.stderr.rindex(SHOW) > done.stderr.rindex(HIDE)
    assert "Traceback" not in done.stderr


# ----------------------------------------------------------------------------------- notebooks
def test_a_notebook_shows_a_bar_under_the_cell(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "notebook_probe.py")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(ABOVE)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["displayed"] == 1
    style, value, text = found["with"]
    assert (style, value) == ("success", 1)
    assert text.startswith("<b>fal &lt;m&gt;</b>  <span")

    # Without ipywidgets, one piece of HTML is shown anew with each update.
    assert found["places"] == 1
    assert "<progress" in found["without"][0][1]
    plain, html = found["without"][-1]
    assert plain.startswith("fal <m>  completed after")
    assert html.startswith("<b>fal &lt;m&gt;</b>")
    assert "<progress" not in html

    # What was changed is said once, and stays.
    (changed,) = found["adjusted"]
    assert changed["text/plain"].startswith(f"<l>  {CHANGED}")
    assert changed["text/html"].startswith("<b>&lt;l&gt;</b>")


# ------------------------------------------------------------------------------- what is usual
async def test_what_the_gateway_has_seen_is_remembered_and_mocks_are_not() -> None:
    with Simulator(["fal"]) as simulator:
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/pixverse/v5/text-to-video",
            api_key="any:key",
            base_url=simulator.base_url("fal"),
        )
        simulator.script("fal", Script(outcome="failed"), Script())
        with pytest.raises(GenerationFailedError):
            await generate_video_async(config, REQUEST)

        assert _durations.typical(config.provider, config.model) is None
        rehearsal = config.model_copy(update={"mock": MockConfig(enabled=True)})
        await generate_video_async(rehearsal, REQUEST)
        assert _durations.typical(config.provider, config.model) is None
        response = await generate_video_async(config, REQUEST)

    assert response.execution_metadata is not None
    (attempt,) = response.execution_metadata.attempts
    seen = _durations.typical(config.provider, config.model)
    assert seen is not None
    assert 0 < seen <= attempt.elapsed_seconds
