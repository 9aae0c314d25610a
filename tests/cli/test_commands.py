"""The other commands, the help, and an installation without the extra."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tarash.tarash_gateway import __version__
from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.cli._errors import MEANINGS
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.cli.conftest import AS_IN_A_TERMINAL, CANARY, LIMIT, Command

# As where it is not installed: no finder knows it.
WITHOUT = """
import sys
import time

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name.partition(".")[0] == "{name}" else self.finder.find_spec(name, *rest)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
from tarash.tarash_gateway.cli import main
sys.exit(main())
"""


def test_the_version(command: Command) -> None:
    assert __version__ in command.afresh("--version", code=0).out


def test_help_tells_the_exit_codes(command: Command) -> None:
    told = " ".join(command("--help", code=0).out.split())
    for code, meaning in MEANINGS.items():
        assert f"{int(code)} {meaning}" in told


def test_the_documentation_tells_the_same_exit_codes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE))
    assert rows == {str(int(code)): meaning for code, meaning in MEANINGS.items()}


def test_every_command_has_help(command: Command) -> None:
    names = ("video", "image", "providers", "doctor", "simulate")
    every, *each = command.each([["--help"], *([name, "-h"] for name in names)])
    for name, ran in zip(names, each, strict=True):
        assert name in every.out
        assert (ran.code, f"tarash {name}" in ran.out) == (0, True)


def test_no_command_is_no_traceback(command: Command) -> None:
    assert "Usage: tarash" in command(code=2).out
    assert "No such command 'vidoe'" in command("vidoe", code=2).err


@pytest.mark.parametrize("group", ["jobs", "keys", "ledger", "models"])
def test_a_group_alone_shows_its_help_and_no_error(command: Command, group: str) -> None:
    ran = command(group, code=2)
    assert f"Usage: tarash {group}" in ran.out
    assert ran.err == ""


def test_help_shows_no_value_for_what_takes_none(command: Command) -> None:
    for arguments in (("video",), ("jobs", "wait"), ("models", "list"), ("doctor",), ()):
        assert "bool" not in command(*arguments, "--help", code=0).out.lower()


@pytest.mark.parametrize("name", ["typer", "rich"])
def test_a_missing_extra_is_named(command: Command, name: str) -> None:
    ran = command.code(WITHOUT.format(name=name), "video", "a cat", "--mock")
    assert ran.code == 2
    assert 'pip install ".[cli]"' in ran.err
    assert ran.err.count("\n") == 1


def test_a_missing_sdk_is_named(tarash_command: Command) -> None:
    ran = tarash_command.code(WITHOUT.format(name="fal_client"), "video", "a cat")
    assert ran.code == 2
    assert 'pip install ".[fal]"' in ran.err


INTERRUPTED = """
import sys
import time

class Interrupting:
    def find_spec(self, name, *rest):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from tarash.tarash_gateway.cli import main
sys.exit(main())
"""


def test_ctrl_c_while_the_command_starts_is_no_traceback(command: Command) -> None:
    ran = command.code(INTERRUPTED, "video", "a cat", "--mock")
    assert (ran.code, ran.out, ran.err) == (130, "", "error: Interrupted\n")


LEFT_BEHIND = """
import os, sys, tempfile
folder = tempfile.mkdtemp()
os.chdir(folder)
os.rmdir(folder)
from tarash.tarash_gateway.cli import main
sys.exit(main())
"""


def test_a_folder_that_is_gone_is_said(command: Command) -> None:
    ran = command.code(LEFT_BEHIND, "video", "a cat", "--mock", "-o", "cat.mp4")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: the folder that this terminal is in is gone: change to")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["video", "a cat", "--duration", "five"], "--duration: must be a number (see"),
        (["video", "a cat", "--seed", "1.5"], "--seed: must be a whole number (see"),
        (["spend", "--by", "modle"], "--by: 'modle' is none of what rows are made by; did you"),
        (["models", "show", "fal", "veo3"], "write the provider with a slash before the model"),
        (["video", "K\udce4tze", "--mock"], "PROMPT: it is no UTF-8 text; set the terminal to"),
    ],
)
def test_what_is_typed_wrong_is_said_plainly(
    command: Command, arguments: list[str], said: str
) -> None:
    ran = command(*arguments, code=2)
    assert said in ran.err
    assert "Input" not in ran.err


def test_a_prompt_in_utf_8_is_read_so_whatever_python_takes_the_terminal_for(
    command: Command,
) -> None:
    command.environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = command.afresh("video", "Katze über 猫", "--mock", "--dry-run", "--json", code=0)
    assert ran.json()["payload"]["prompt"] == "Katze über 猫"


# ------------------------------------------------------------------------------ providers, doctor
def test_providers_are_listed(command: Command) -> None:
    assert re.search(r"fal +video, image +FAL_KEY +no: set FAL_KEY", command("providers").out)
    for key, present in ((None, False), (CANARY, True)):
        if key is not None:
            command.environment["FAL_KEY"] = key

        listed = {one["name"]: one for one in command("providers", "--json", code=0).json()}
        assert listed["fal"]["key_present"] is present


def test_every_key_of_a_provider_is_shown(command: Command) -> None:
    for one in ("LUMAAI_API_KEY", "LUMA_AGENTS_API_KEY"):
        command.environment.pop(one, None)

    keys = r"luma +video, image +LUMAAI_API_KEY, LUMA_AGENTS_API_KEY +"
    told = command("providers").out
    assert re.search(keys + "no: set LUMAAI_API_KEY or LUMA_AGENTS_API_KEY", told)
    assert "azure_openai" not in told

    command.environment["LUMA_AGENTS_API_KEY"] = CANARY
    ran = command("providers")
    assert re.search(keys + "yes, but for models that need LUMAAI_API_KEY", ran.out)
    ran = command("doctor", code=0)
    assert re.search(r"LUMA_AGENTS_API_KEY +ok +set", ran.out)
    assert re.search(r"LUMAAI_API_KEY +missing", ran.out)


def test_doctor_tells_of_a_host_that_is_no_url(command: Command) -> None:
    command.environment["TARASH_AZURE_OPENAI_BASE_URL"] = "example.org"
    ran = command("doctor", code=2)
    assert re.search(r"TARASH_AZURE_OPENAI_BASE_URL +problem +must begin with http", ran.out)


def test_a_missing_extra_is_shown_with_its_brackets(command: Command) -> None:
    ran = command.code(WITHOUT.format(name="fal_client"), "providers")
    assert 'pip install ".[fal]"' in ran.out


def test_doctor_tells_which_keys_are_set(command: Command) -> None:
    assert re.search(r"FAL_KEY +missing", command("doctor", code=0).out)
    command.environment |= {"FAL_KEY_ID": CANARY.split(":")[0], "FAL_KEY_SECRET": CANARY[-13:]}
    assert re.search(r"FAL_KEY +ok +set", command("doctor", code=0).out)
    command.environment["FAL_KEY"] = f"Bearer {CANARY}"
    ran = command("doctor", code=3)
    assert re.search(r"FAL_KEY +problem +its key begins with the word 'Bearer'", ran.out)


def test_doctor_tells_once_of_a_key_that_has_several_names(command: Command) -> None:
    said = command("doctor", code=0).out
    assert re.search(r"KLINGAI_API_KEY +missing +not set; .*\(or KLING_API_KEY\)", said)
    assert not re.search(r"^KLING_API_KEY", said, re.MULTILINE)
    assert "models such as ray-3.2" in said
    command.environment["KLING_API_KEY"] = "one"
    said = command("doctor", code=0).out
    assert re.search(r"KLINGAI_API_KEY +ok +not needed: KLING_API_KEY is set", said)


def test_doctor_tells_who_is_down_by_the_ledger(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "traffic.db"
    kept = {
        "is_open": True, "opened": 1, "until": 4102444800.0, "last_error": "HTTP 502",
        "changed_at": 1.0,
    }  # fmt: skip
    name = json.dumps(["fal", "https://queue.fal.run", "fal-ai/veo3.1"])
    asyncio.run(SqliteLedger(path).write_state("breakers", name, kept))
    command.environment["TARASH_LEDGER"] = f"sqlite:///{path}"
    ran = command("doctor", code=5)
    assert re.search(r"fal fal-ai/veo3.1 +problem +counts as down \(HTTP 502\)", ran.out)


def test_doctor_tells_which_keys_work_and_buys_nothing(
    tarash_command: Command, simulator: Simulator
) -> None:
    assert "the key is accepted" in tarash_command("doctor", "--live", code=0).out
    simulator.keys["fal"] = ["another"]
    assert "the key is refused" in tarash_command("doctor", "--live", code=3).out
    simulator.fail("fal", "poll", Fault.reset_before(), times=None)
    found = {
        one["what"]: one for one in tarash_command("doctor", "--live", "--json", code=7).json()
    }
    assert found["live fal"]["code"] == 7
    del tarash_command.environment["FAL_KEY"]
    assert "no key to check" in tarash_command("doctor", "--live", code=0).out
    assert simulator.counters("fal").submits == 0


def test_doctor_fails_where_what_is_needed_is_not_there(command: Command) -> None:
    told = command("doctor", "--provider", "fal", code=3).out
    assert re.search(r"ready: fal +problem +no: its key", told)
    command.environment |= {"FAL_KEY": CANARY}
    told = command("doctor", "--provider", "fal", code=0).out
    assert re.search(r"ready +ok +fal", told)
    assert "REPLICATE_API_TOKEN" not in told
    assert "did you mean 'fal'?" in command("doctor", "--provider", "fla", code=2).err
    for extra in ("images", "storage"):
        assert f"extra {extra}" in told


# --------------------------------------------------------------------------------------- simulate
@contextmanager
def simulating(
    command: Command, *options: str, provider: str = "fal"
) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Run `tarash simulate` meanwhile; yield the variables to export, and what it says at last."""
    said: list[str] = []
    with subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            AS_IN_A_TERMINAL,
            "simulate",
            "--provider",
            provider,
            *options,
        ],
        cwd=command.folder,
        env=command.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = "".join(process.stdout.readline() for _ in range(2))
            yield dict(re.findall(r"^export (\w+)=(\S+)$", lines, re.MULTILINE)), said
            process.send_signal(signal.SIGINT)
            said.append(process.communicate(timeout=LIMIT)[1])
            assert process.returncode == 0, said
        finally:
            process.kill()


AT_ONCE = ("--queue-seconds", "0", "--run-seconds", "0")


def test_simulate_serves_until_it_is_stopped(command: Command) -> None:
    with simulating(command, *AT_ONCE) as (variables, said):
        assert set(variables) == {"FAL_KEY", "TARASH_FAL_BASE_URL"}
        command.environment |= variables
        command("video", "a cat", "-o", "cat.mp4", code=0)

    assert "fal: 1 submit, 1 job" in said[0]


def test_simulate_follows_its_script(command: Command) -> None:
    with simulating(command, "--outcome", "moderated", *AT_ONCE) as (variables, _):
        command.environment |= variables
        command("video", "a cat", code=4)


def test_simulate_refuses_what_it_has_not(command: Command) -> None:
    assert "error: --outcome must be one of" in command("simulate", "--outcome", "x", code=2).err
    endless = command("simulate", "--run-seconds", "-1", code=2).err
    assert endless.startswith("error: --run-seconds must be a finite number")
    assert endless.rstrip().endswith("is --outcome never")
    assert re.search(r"it has: .*fal", command("simulate", "--provider", "bogus", code=2).err)


def test_simulate_names_variables_that_a_shell_can_set(command: Command) -> None:
    with simulating(command, provider="azure-openai") as (variables, _):
        assert set(variables) == {"AZURE_OPENAI_API_KEY", "TARASH_AZURE_OPENAI_BASE_URL"}


# --------------------------------------------------------------------------------------- terminal
def test_a_terminal_shows_one_moving_line(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(queue_polls=1, run_polls=1, stream=False))
    told = tarash_command.drawn("video", "a cat", "-o", "cat.mp4", "--fallback", "fal:fal-ai/veo3")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told)
    assert "attempt 1/2  fal fal-ai/veo3.1  queued, position 1  " in text
    assert "processing" in text
    assert re.search(r"[^\n]\r(?!\n)", text)  # drawn over, and not below
    assert "\x1b[?25h" in told[told.rindex("\x1b[?25l") :]  # the cursor is back
    assert told.rstrip().endswith("cat.mp4")
    assert CANARY not in told


def test_simulate_keeps_its_variables_in_a_file_meanwhile(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = command("simulate", "--provider", "fal", "--port", str(port), code=2)
        assert "--port: it can't be listened on" in ran.err

    mine = command.folder / "mine.env"
    mine.write_text("export MINE=1\n")
    assert "exists" in command("simulate", "--env-file", "mine.env", code=2).err
    assert mine.read_text() == "export MINE=1\n"


def test_a_model_is_found_whoever_has_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["models", "show", "gen4.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["provider"] == "runway"
    assert run(["models", "show", "fal-ai/veo3.1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["provider"] == "fal"
    assert run(["models", "find", "gen4.5", "--json"]) == 0
    assert [one["model"] for one in json.loads(capsys.readouterr().out)] == ["gen4.5"]
    assert run(["models", "show", "gn4.5"]) == 2
    assert "did you mean gen4.5 (runway)" in " ".join(capsys.readouterr().err.split())
    assert run(["models", "show", "gpt-image-2"]) == 2
    assert "azure-openai, ideogram, openai" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("typed", "provider", "model"),
    [
        ("luma/ray-2", "luma", "ray-2"),
        ("luma:ray-2", "luma", "ray-2"),
        ("aster/clip-1", "aster", "clip-1"),
        ("aster:clip-1", "aster", "clip-1"),
        ("fal:fal-ai/veo3.1", "fal", "fal-ai/veo3.1"),
        ("fal-ai/veo3.1", "fal", "fal-ai/veo3.1"),
        ("replicate/luma/ray", "replicate", "luma/ray"),
    ],
)
def test_a_model_may_be_written_behind_its_provider(
    typed: str, provider: str, model: str, command: Command
) -> None:
    aster = Path(__file__).parents[1] / "contract" / "declared" / "aster.toml"
    (command.folder / "own").mkdir()
    (command.folder / "own" / "aster.toml").write_bytes(aster.read_bytes())
    command.environment["TARASH_PROVIDERS"] = str(command.folder / "own")
    shown = command("models", "show", typed, "--json", code=0).json()
    assert (shown["provider"], shown["model"]) == (provider, model)


@pytest.mark.parametrize(
    ("typed", "completed"), [("tarash mod", "models"), ("tarash sim", "simulate")]
)
def test_the_shell_completes(typed: str, completed: str, command: Command) -> None:
    command.environment |= {
        "_TARASH_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": "1",
    }
    assert completed in command.afresh(code=0).out.split()


def test_simulate_plays_a_file(command: Command) -> None:
    path = Path(__file__).parents[1] / "contract" / "declared" / "aster.toml"
    command.environment["TARASH_PROVIDERS"] = str(path.parent)
    with simulating(command, *AT_ONCE, provider=str(path)) as (variables, said):
        assert set(variables) == {"ASTER_KEY", "TARASH_ASTER_BASE_URL"}
        command.environment |= variables
        options = ("--provider", "aster", "--model", "clip-1", "-o", "kite.mp4")
        command("video", "a kite", *options, code=0)

    assert "aster: 1 submit, 1 job" in said[0]
