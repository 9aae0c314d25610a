"""The examples that are scripts, and the notebook: from the mock, and by simulated providers."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.examples.conftest import EXAMPLES, ROOT, environment

SCRIPTS = sorted(EXAMPLES.glob("*.py"))
WITHOUT_KEY = ["compare_providers", "custom_provider", "fallback_chain", "quickstart"]
BATCH = ["batch", str(EXAMPLES / "prompts.csv"), "--limit", "20"]

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run an example in an empty folder, and return what it has printed."""
    monkeypatch.chdir(tmp_path)

    def start(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        try:
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        except SystemExit as end:
            assert not end.code, capsys.readouterr().err  # noqa: PT017  (its exit code)

        return capsys.readouterr().out

    return start


@pytest.fixture
def keys(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(simulator).items():
        monkeypatch.setenv(name, value)


def test_every_script_says_how_to_run_it_with_and_without_a_key() -> None:
    assert {path.stem for path in SCRIPTS} == {*WITHOUT_KEY, "batch"}
    for path in [*SCRIPTS, EXAMPLES / "fastapi_service" / "app.py"]:
        text = path.read_text(encoding="utf-8").split('"""')[1]
        assert re.search(r"Without a key.*With (?:a )?real one", text, re.DOTALL), path.name
        assert re.search("--live|tarash simulate", text), path.name


@pytest.mark.parametrize(
    "line", [*([name] for name in WITHOUT_KEY), BATCH], ids=lambda line: line[0]
)
def test_it_runs_without_a_key(line: list[str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("FAL_KEY", "GOOGLE_API_KEY", "XAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)

    assert run(*line).strip()


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    "line", [*([name] for name in WITHOUT_KEY), BATCH], ids=lambda line: line[0]
)
def test_a_key_alone_buys_nothing(line: list[str], run: Run, simulator: Simulator) -> None:
    run(*line)
    assert [simulator.counters(one).submits for one in simulator.providers if one != "mock"] == [
        0 for _ in simulator.providers
    ]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("arguments", [["--help"], ["--hlep"]], ids=" ".join)
@pytest.mark.parametrize("name", [*WITHOUT_KEY, "batch"])
def test_asking_for_help_buys_nothing(
    name: str,
    arguments: list[str],
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")

    assert ended.value.code == (0 if arguments == ["--help"] else 2)
    assert sum(simulator.counters(one).submits for one in simulator.providers) == 0
    assert [*tmp_path.iterdir()] == []


@pytest.mark.usefixtures("keys")
def test_quickstart_says_where_the_video_is(simulator: Simulator, run: Run, tmp_path: Path) -> None:
    said = run("quickstart", "--live").splitlines()
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.glob("videos/*.mp4")] == said
    assert simulator.counters("fal").accepted == 1


@pytest.mark.usefixtures("keys")
def test_fallback_chain_accounts_for_each_attempt(simulator: Simulator, run: Run) -> None:
    simulator.script("fal", Script(outcome="failed"))
    first, error, second, _ = run("fallback_chain", "--live").splitlines()
    assert re.match(r"1\. fal .*: failed after .* s, billed: (?:none|possible|certain)", first)
    assert "GenerationFailedError" in error
    assert re.match(r"2\. google .*: success .*, billed: certain", second)


@pytest.mark.usefixtures("keys")
def test_compare_providers_shows_what_each_has_made_and_who_has_failed(
    simulator: Simulator, run: Run, tmp_path: Path
) -> None:
    simulator.script("xai", Script(outcome="failed", error_message="<no> machine left"))
    assert run("compare_providers", "a <b>", "--live").startswith("3 of 4 videos")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert "<h1>a &lt;b&gt;</h1>" in page
    assert "duration_seconds: 5 → 6" in page
    assert "&lt;no&gt; machine left" in page
    assert page.count("s until it was there") == 3
    assert page.count("failed after") == 1
    shown = re.findall('<video src="([^"]*)"', page)
    assert len(shown) == 3
    assert {tmp_path / name for name in shown} == {*tmp_path.glob("comparison-videos/*.mp4")}


@pytest.mark.usefixtures("keys")
def test_compare_providers_shows_what_could_not_be_saved(
    simulator: Simulator, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "comparison-videos").write_text("no folder")
    simulator.fail("fal", "submit", Fault.status(402), times=2)
    assert run("compare_providers", "--live").startswith("2 of 4 videos")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    sources = sorted(one[:5] for one in re.findall('<video src="([^"]*)"', page))
    assert sources == ["data:", "http:"]
    assert page.count("comparison-videos") == 2


@pytest.mark.usefixtures("keys")
def test_compare_providers_overwrites_no_page(run: Run, tmp_path: Path) -> None:
    (tmp_path / "comparison.html").write_text("what was paid for before")
    (tmp_path / "comparison-2.html").write_text("and then")
    assert run("compare_providers").endswith("comparison-3.html\n")
    assert (tmp_path / "comparison.html").read_text() == "what was paid for before"
    assert (tmp_path / "comparison-2.html").read_text() == "and then"
    assert len([*tmp_path.glob("comparison-3-videos/*.mp4")]) == 4


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("place", ["a_folder", "a_file/page.html"])
def test_compare_providers_buys_nothing_for_a_page_that_it_can_not_write(
    simulator: Simulator, run: Run, tmp_path: Path, place: str
) -> None:
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "a_file").write_text("no folder")
    with pytest.raises(AssertionError, match=place.partition("/")[0]):
        run("compare_providers", "--page", place, "--live")

    assert all(simulator.counters(name).submits == 0 for name in ("fal", "google", "xai"))


@pytest.mark.usefixtures("keys")
def test_compare_providers_that_has_made_nothing_fails(
    simulator: Simulator, tmp_path: Path
) -> None:
    for name in ("fal", "google", "xai"):
        simulator.script(name, Script(outcome="failed"))

    command = [sys.executable, str(EXAMPLES / "compare_providers.py"), "--live"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout[:6]) == (1, "0 of 4"), ended.stderr


def end(simulator: Simulator, job_id: str) -> None:
    """Let a job be done, if it isn't."""
    state = simulator._state("fal")  # noqa: SLF001  (jobs that end when a test says so)
    found = state.find(job_id)
    if found is not None and found.ended_at is None:
        found.end(state.clock(), cancelled=False)


def batch(
    simulator: Simulator, folder: Path, *more: str, **variables: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / "batch.py"), "--live", *more],
        cwd=folder,
        env={**environment(simulator), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_batch_that_is_killed_goes_on_and_buys_nothing_twice(
    simulator: Simulator, tmp_path: Path
) -> None:
    with (EXAMPLES / "prompts.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len({row["id"] for row in rows}) == len({row["prompt"] for row in rows}) == 200

    prompts = tmp_path / "some.csv"
    first = [f'{row["id"]},"{row["prompt"]}"' for row in rows[:24]]
    prompts.write_text("\n".join(["id,prompt", *first]), encoding="utf-8")
    simulator.script("fal", *[Script()] * 6, Script(outcome="never"))
    killed = batch(simulator, tmp_path, str(prompts), "--at-once", "6", "--yes")
    # Six are done, and six more are watched.
    while min((seen := simulator.counters("fal")).accepted, seen.streams) < 12:
        assert killed.poll() is None
        time.sleep(0.01)

    killed.send_signal(signal.SIGKILL)
    assert "6/24 " in killed.communicate()[0]
    assert simulator.counters("fal").accepted < 24
    for job in simulator.jobs("fal"):
        end(simulator, job.id)

    simulator.script("fal", Script())
    told = batch(simulator, tmp_path, str(prompts), "--at-once", "6", "--yes").communicate()[0]
    bought = [job.payload["prompt"] for job in simulator.jobs("fal")]
    assert len(bought) == len(set(bought))
    # A kill between the provider's answer and the ledger's commit leaves one that nobody may send
    # again; it is told by name.
    kept = tmp_path / "videos" / "failed.csv"
    table = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    failed = {row["id"]: row["error"] for row in csv.DictReader(table)}
    assert all("may run and be billed" in error for error in failed.values()), failed
    made = {path.stem for path in (tmp_path / "videos").glob("*.mp4")}
    assert made | failed.keys() == {row["id"] for row in rows[:24]}
    assert "24/24 " in told


ROWS = "id,prompt\na,A cat\nb,A dog\nc,A fox\nd,An owl\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,prompt\n1,A cat\n1,A dog\n", "an id of its own"),
        (b"id;prompt\n1;A cat\n", "columns id and prompt, separated by a comma; it is 'id;prompt'"),
        ("id,prompt\n1,Une forêt\n".encode("latin-1"), "is not UTF-8"),
        ("id,prompt\n1,A cat\n".encode("utf-16"), "is not UTF-8"),
        (b"id,prompt\n", "has no rows"),
        (b"", "columns id and prompt"),
        (b"id,prompt\n1, \n", "an id and a prompt"),
        (b"id,prompt\n1\n", "an id and a prompt"),
        (b"id,prompt\n../1,A cat\n", "a file's name"),
    ],
    ids=["twice", "semicolons", "latin-1", "utf-16", "no-rows", "empty", "blank", "short", "path"],
)
def test_batch_says_what_is_wrong_with_a_csv(
    run: Run, tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "some.csv").write_bytes(content)
    with pytest.raises(AssertionError) as refused:
        run("batch", "some.csv")

    assert "some.csv" in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--at-once", "0"], "'0' is not possible"),
        (["--at-once=-1"], "'-1' is not possible"),
        (["--at-once", "many"], "'many' is not possible"),
        (["--folder", "some.csv"], "some.csv/rehearsal can't be a folder"),
        (["--folder", "some.csv", "--live"], "some.csv can't be a folder"),
        (["--folder", "some.csv/below"], "some.csv/below"),
    ],
)
def test_batch_says_what_is_wrong_with_an_argument(
    run: Run, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "some.csv").write_text(ROWS)
    with pytest.raises(AssertionError, match=told):
        run("batch", "some.csv", *arguments)


@pytest.mark.usefixtures("keys")
def test_batch_takes_what_a_spreadsheet_has_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_bytes(ROWS.replace("\n", "\r\n").encode("utf-8-sig"))
    assert "4/4 " in run("batch", "some.csv", "--live", "--yes")
    assert {path.name for path in tmp_path.glob("videos/*.*")} >= {"a.mp4", "b.mp4", "c.mp4"}
    assert not (tmp_path / "videos" / "failed.csv").exists()


@pytest.mark.usefixtures("keys")
def test_batch_buys_many_only_where_somebody_says_yes(
    run: Run, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On no terminal it names the option; on one it asks; one is what the option asked for."""
    (tmp_path / "some.csv").write_text(ROWS)
    monkeypatch.setattr(sys, "stdin", Terminal("", is_one=False))
    with pytest.raises(AssertionError, match=r"4 videos of .* bills; add --yes, or --limit 1"):
        run("batch", "some.csv", "--live")

    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        with pytest.raises(AssertionError):
            run("batch", "some.csv", "--live")

    assert simulator.counters("fal").submits == 0
    assert "1/1 a: a.mp4" in run("batch", "some.csv", "--live", "--limit", "1")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert "1/4 a: a.mp4 was there already" in run("batch", "some.csv", "--live")
    assert simulator.counters("fal").submits == 4

    monkeypatch.setattr(sys, "stdin", Terminal("", is_one=False))
    assert "4/4 " in run("batch", "some.csv", "--live", "--folder", "more", "--yes")


@pytest.mark.usefixtures("keys")
def test_videos_of_a_rehearsal_do_not_pass_for_bought_ones(
    run: Run, simulator: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "some.csv").write_text(ROWS)
    assert "4/4 " in run("batch", "some.csv")
    assert simulator.counters("fal").submits == 0
    assert "1/1 a: a.mp4\n" in run("batch", "some.csv", "--live", "--limit", "1")
    assert simulator.counters("fal").submits == 1


class Terminal(io.StringIO):
    """Standard input with somebody at it, or nobody."""

    def __init__(self, typed: str, *, is_one: bool = True) -> None:
        super().__init__(typed)
        self._is_one = is_one

    def isatty(self) -> bool:
        return self._is_one


def test_batch_stops_where_nothing_more_can_be_bought(simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text(ROWS)
    keyless = batch(simulator, tmp_path, "some.csv", "--yes", FAL_KEY="")
    said, error = keyless.communicate()
    assert (keyless.returncode, said, error.count("FAL_KEY")) == (1, "", 1)
    assert "4 rows were not bought" in error

    # One at a time: the first is bought, the account is empty at the second, and the others wait.
    simulator.script("fal", Script())
    simulator.fail("fal", "submit", Fault.status(402), skip=1)
    poor = batch(simulator, tmp_path, "some.csv", "--yes", "--at-once", "1")
    said, error = poor.communicate()
    assert (poor.returncode, said) == (1, "1/4 a: a.mp4\n"), error
    assert "3 rows were not bought" in error
    assert simulator.counters("fal").submits == 2
    assert not (tmp_path / "videos" / "failed.csv").exists()

    rich = batch(simulator, tmp_path, "some.csv", "--yes")
    assert "4/4 " in rich.communicate()[0]
    assert simulator.counters("fal").accepted == 4


@pytest.mark.skipif(os.name != "posix", reason="pipes break otherwise on Windows")
def test_batch_whose_reader_has_left_ends_quietly_and_can_go_on(
    simulator: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "some.csv").write_text(ROWS)
    with batch(simulator, tmp_path, "some.csv", "--yes") as unread:
        assert unread.stdout is not None
        assert unread.stderr is not None
        unread.stdout.close()
        assert unread.stderr.read() == ""

    assert unread.returncode == 1
    assert simulator.counters("fal").cancels == 0

    assert "4/4 " in batch(simulator, tmp_path, "some.csv", "--yes").communicate()[0]
    assert simulator.counters("fal").accepted == 4


WIDGET = "application/vnd.jupyter.widget-view+json"
CHANGED = "fal-ai/veo3.1 takes [4, 6, 8]"


@pytest.mark.parametrize("mocked", [True, False])
def test_the_notebook_runs_from_its_first_cell_to_its_last(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocked: bool
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    for name, value in environment(simulator).items():
        monkeypatch.setenv(name, value)

    monkeypatch.delenv("TARASH_LIVE", raising=False)
    if not mocked:
        monkeypatch.setenv("TARASH_LIVE", "1")

    read: Any = nbformat.read
    notebook = read(EXAMPLES / "notebook.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    setup, progress, video, comparison = (
        [output.get("data", output) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    )
    assert setup == []
    assert drawn(notebook, progress) == ["Veo 3.1"]
    assert [CHANGED in line for line in said(progress)] == [True]
    source = "data:video/mp4;base64," if mocked else simulator.media_url
    (shown,) = video
    assert shown["text/html"].count(f'src="{source}') == 1
    assert len(shown["text/plain"]) < 4000
    *bars, table = comparison
    assert [CHANGED in line for line in said(bars)] == [True]
    assert drawn(notebook, bars) == [
        "fal-ai/veo3.1",
        "fal-ai/kling-video/v2.5-turbo/pro/text-to-video",
        "fal-ai/wan/v2.7/text-to-video",
    ]
    assert table["text/html"].count(f'<video src="{source}') == 3
    assert "duration_seconds: 5 → 6" in table["text/html"]
    assert simulator.counters("fal").accepted == (0 if mocked else 4)


def said(outputs: list[Any]) -> list[str]:
    """Return the lines under a cell that are no progress bars."""
    return [output["text/plain"] for output in outputs if WIDGET not in output]


def drawn(notebook: Any, bars: list[Any]) -> list[str]:
    """Return the labels of progress bars that stand as completed under a cell."""
    widgets = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    labels = []
    for bar in (output for output in bars if WIDGET in output):
        box = widgets[bar[WIDGET]["model_id"]]["state"]
        line, text = (widgets[name.removeprefix("IPY_MODEL_")]["state"] for name in box["children"])
        assert (line["bar_style"], line["value"]) == ("success", 1)
        found = re.fullmatch(
            r"<b>(.*)</b>  <span[^>]*>completed</span>(?: after .*)?", text["value"]
        )
        assert found, text["value"]
        labels.append(found[1])

    return labels


def test_the_notebook_has_no_stored_outputs() -> None:
    notebook: dict[str, Any] = json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


def test_the_examples_are_listed_in_the_docs() -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    names = [*(path.name for path in SCRIPTS), "fastapi_service", "notebook.ipynb"]
    assert [name for name in names if f"examples/{name}" not in page] == []
