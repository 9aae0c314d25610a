"""`tarash video` and `tarash image` from the arguments to the files."""

from __future__ import annotations

import base64
import inspect
import io
import json
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from tarash.tarash_gateway import ImageGenerationRequest, VideoGenerationRequest
from tarash.tarash_gateway._data._base import Data
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._jobs._tokens import write as write_token
from tarash.tarash_gateway.cli._app import app, run
from tarash.tarash_gateway.testing import Script, Simulator
from tests.cli.conftest import CANARY, Command

URL = "https://example.org/cat.png"
# As from a shell, where warnings are shown.
RUN = """
import sys, warnings
warnings.resetwarnings()
from tarash.tarash_gateway.cli import main
sys.exit(main())
"""


def frames(path: Path) -> int:
    with av.open(path) as video:
        return sum(1 for _ in video.decode(video=0))


def pixels(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


# ------------------------------------------------------------------------------------------ mock
def test_the_mock_makes_a_video_without_a_key(command: Command) -> None:
    ran = command("video", "a cat", "--mock", "-o", "cat.mp4", code=0)
    assert ran.out == "cat.mp4\n"
    assert "video/mp4" in ran.err
    assert frames(command.folder / "cat.mp4") > 0
    assert [path.name for path in command.folder.iterdir()] == ["cat.mp4"]


def test_the_mock_makes_images_of_the_asked_size(command: Command) -> None:
    command("image", "a cat", "--mock", "-o", "cat.png", "--size", "320x200", code=0)
    assert pixels(command.folder / "cat.png") == (320, 200)


def test_a_name_that_promises_something_else_is_kept_and_told(command: Command) -> None:
    ran = command.code(RUN, "image", "a cat", "--mock", "-o", "cat.mp4")
    assert ran.out == "cat.mp4\n"
    assert (
        " ".join(ran.err.split()).count("is named as video/mp4, and what it holds is image/") == 1
    )
    assert pixels(command.folder / "cat.mp4") > (0, 0)


def test_bytes_without_a_name_are_saved_under_the_request_id(command: Command) -> None:
    ran = command("video", "a cat", "--mock", code=0)
    (made,) = command.folder.iterdir()
    assert ran.out == f"{made.name}\n"
    assert made.suffix == ".mp4"
    assert made.stem in ran.err
    assert frames(made) > 0


def test_several_images_without_a_name_are_numbered(command: Command) -> None:
    ran = command("image", "a cat", "--mock", "--n", "2", "--json", code=0)
    made = sorted(command.folder.iterdir())
    assert [file["path"] for file in ran.json()["files"]] == [path.name for path in made]
    assert [path.name[-6:] for path in made] == ["-1.png", "-2.png"]
    assert ran.json()["images"] == [None, None]  # not once more: they are in the files


def test_names_follow_what_was_asked_for(command: Command) -> None:
    """Veo makes one video at a time, which is known beforehand: it needs no number."""
    ran = command("video", "a cat", "--mock", "--n", "2", "-o", "cat.mp4", code=0)
    assert ran.out == "cat.mp4\n"
    assert "--n: asked 2, left out" in ran.err
    ran = command("video", "a cat", "--mock", "--n", "2", "-o", "cat.mp4", code=2)
    assert "'cat.mp4' exists" in ran.err


def test_a_result_goes_down_a_pipe(command: Command) -> None:
    source = "import sys; from tarash.tarash_gateway.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source, "image", "a cat", "--mock", "-o", "-"],
        cwd=command.folder,
        env=command.environment | {"TMPDIR": str(command.folder)},
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.startswith(b"\x89PNG")
    assert done.stdout.endswith(b"IEND\xaeB`\x82")
    assert b"standard output: image/png" in done.stderr
    assert list(command.folder.iterdir()) == []


def test_what_a_full_disk_does_not_take_from_the_pipe_is_kept(command: Command) -> None:
    source = "import sys; from tarash.tarash_gateway.cli import main; sys.exit(main())"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", source, "image", "a cat", "--mock", "-o", "-"],
            cwd=command.folder,
            env=command.environment | {"TMPDIR": str(command.folder)},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )

    (kept,) = command.folder.rglob("*.png")
    assert done.returncode == 10
    assert kept.name.encode() in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("image", "a cat", "--mock", "-o", "-", "--n", "2"), "takes one result"),
        (("image", "a cat", "--mock", "-o", "-", "--json"), "the document of --json"),
        (("jobs", "wait", "any", "-o", "-", "--json"), "the document of --json"),
        (("jobs", "fetch", "any", "-o", "-", "--json"), "the document of --json"),
        (("jobs", "resume", "-o", "-"), "several jobs need a folder"),
    ],
)
def test_a_pipe_that_can_t_take_it_is_refused(
    arguments: tuple[str, ...], said: str, command: Command
) -> None:
    ran = command(*arguments, code=2)
    assert said in ran.out + ran.err


def test_a_dash_reads_the_prompt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("two cats\non a piano\n"))
    assert run(["video", "-", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["payload"] == {"prompt": "two cats\non a piano"}
    for nothing in (io.StringIO(" \n"), None):
        monkeypatch.setattr(sys, "stdin", nothing)
        assert run(["video", "-", "--dry-run"]) == 2
        assert "standard input" in capsys.readouterr().err


def test_a_result_is_looked_at_where_asked(tarash_command: Command, simulator: Simulator) -> None:
    tarash_command("video", "a cat", code=0)
    assert simulator.counters("fal").downloads == 0
    ran = tarash_command("video", "a cat", "--duration", "8", "--verify", "--json", code=0)
    assert simulator.counters("fal").downloads >= 1
    assert ran.json()["mismatches"] == []


def test_a_terminal_without_unicode_gets_escapes(command: Command) -> None:
    command.environment["PYTHONIOENCODING"] = "ascii"
    assert command.afresh("image", "a cat", "--mock", "-o", "ü.png", code=0).out == "\\xfc.png\n"
    ran = command.afresh("image", "a cat", "--mock", "-o", "é.png", "--json", code=0)
    assert ran.json()["files"][0]["path"] == "é.png"


def test_control_characters_do_not_reach_the_terminal(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="failed", error_message="\x1b[2Jgone\nfor good"))
    ran = tarash_command("video", "a cat", code=5)
    assert "\x1b" not in ran.err
    assert "[2Jgone for good" in ran.err


def test_a_provider_that_looks_mistyped_is_warned_of(command: Command) -> None:
    command.environment["PYTHONWARNINGS"] = "default"
    ran = command.code(RUN, "video", "a cat", "--mock", "--provider", "opnai", "-o", "cat.mp4")
    assert ran.code == 0
    lines = ran.err.splitlines()
    assert lines[0].startswith("warning: Unknown provider 'opnai'; did you mean 'openai'?")
    assert "opnai'" not in "".join(lines[1:])


# ------------------------------------------------------------------------------------- simulator
def test_a_video_is_saved(tarash_command: Command, simulator: Simulator) -> None:
    ran = tarash_command("video", "a cat", "-o", "cat.mp4", code=0)
    (job,) = simulator.jobs("fal")
    assert job.endpoint == "fal-ai/veo3.1"
    assert job.payload == {"prompt": "a cat"}
    assert ran.out == "cat.mp4\n"
    assert job.id in ran.err
    assert (tarash_command.folder / "cat.mp4").read_bytes()[4:8] == b"ftyp"


def test_without_a_name_the_url_is_printed(tarash_command: Command, simulator: Simulator) -> None:
    ran = tarash_command("video", "a cat", code=0)
    assert ran.out.startswith(simulator.media_url)
    assert ran.out.count("\n") == 1
    assert list(tarash_command.folder.iterdir()) == []


def test_a_folder_and_a_template_are_filled_in(tarash_command: Command) -> None:
    """And what was saved is told as it was read from the file, for people and for programs."""
    ran = tarash_command("video", "a cat", "-o", "new/", "--json", code=0)
    (saved,) = ran.json()["files"]
    assert saved["path"] == f"new/fal-{ran.json()['request_id']}.mp4"
    assert (saved["width"], saved["duration"], saved["has_audio"]) == (1280, 8.0, False)
    assert f"{saved['path']}: video/mp4, " in ran.err
    assert "1280x720, 8 s, 24 fps, h264, no sound" in ran.err

    ran = tarash_command("image", "a cat", "--n", "2", "-o", "{model}/{index}", code=0)
    assert ran.out.split() == ["fal-ai_flux_dev/1.png", "fal-ai_flux_dev/2.png"]


def test_several_images_are_numbered(tarash_command: Command) -> None:
    ran = tarash_command("image", "a cat", "--n", "3", "-o", "cat.png", code=0)
    assert ran.out.split() == ["cat-1.png", "cat-2.png", "cat-3.png"]
    assert all(min(pixels(tarash_command.folder / name)) > 0 for name in ran.out.split())


def test_json_is_one_document_and_the_rest_is_elsewhere(tarash_command: Command) -> None:
    ran = tarash_command("video", "a cat", "--json", "-o", "cat.mp4", "--duration", "7", code=0)
    told = ran.json()
    (saved,) = told["files"]
    assert saved["path"] == "cat.mp4"
    assert saved["bytes"] == (tarash_command.folder / "cat.mp4").stat().st_size
    assert told["saved"] == ["cat.mp4"]
    assert told["execution_metadata"]["attempts"][0]["billing"] == "certain"
    assert told["adjustments"][0]["sent"] == 8
    assert "adjusted: --duration: asked 7, sending 8" in ran.err


def test_every_option_arrives(tarash_command: Command, simulator: Simulator) -> None:
    (tarash_command.folder / "last").write_bytes(base64.b64decode(PNG))
    tarash_command(
        *("video", "a cat", "--model", "fal-ai/veo3.1/first-last-frame-to-video"),
        *("--duration", "6", "--aspect-ratio", "9:16", "--resolution", "1080p", "--no-audio"),
        *("--seed", "7", "--negative-prompt", "dogs", "--param", "auto_fix=true"),
        *(
            "--no-enhance",
            "--param",
            "safety_tolerance=4",
            "--param",
            "note=a=b",
            "--param",
            'text="4"',
        ),
        *("--image", f"first_frame={URL}?x=y", "--image", "last_frame=last"),
        code=0,
    )
    (job,) = simulator.jobs("fal")
    assert job.payload == {
        "prompt": "a cat",
        "duration": "6s",
        "aspect_ratio": "9:16",
        "resolution": "1080p",
        "generate_audio": False,
        "seed": 7,
        "negative_prompt": "dogs",
        "auto_fix": True,
        "safety_tolerance": 4,
        "note": "a=b",
        "text": "4",
        "first_frame_url": f"{URL}?x=y",
        "last_frame_url": f"data:image/png;base64,{PNG}",
    }


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_what_is_sent_as_it_is_and_may_be_a_mistake_is_not_called_adjusted(
    command: Command, options: list[str]
) -> None:
    model = "fal-ai/veo31"
    ran = command("video", "a cat", "--model", model, "--mock", *options, code=0)
    text = " ".join(f"{ran.out} {ran.err}".split())
    assert f"--model {model} is sent as it is: the catalogue has no such" in text
    ran = command("video", "a cat", "--mock", "--param", "durration=5", *options, code=0)
    text = f"{text} {ran.out} {ran.err}"
    assert "--param durration is sent as it is: fal-ai/veo3.1 has no parameter" in text
    assert "adjusted" not in text


@pytest.mark.parametrize(
    ("name", "request_type"), [("video", VideoGenerationRequest), ("image", ImageGenerationRequest)]
)
def test_every_field_of_a_request_has_an_option(name: str, request_type: type[Data]) -> None:
    (made,) = [
        one.callback
        for one in app.registered_commands
        if one.callback is not None and one.callback.__name__ == name
    ]
    parameters = {*inspect.signature(made).parameters}
    shorter = {
        "duration_seconds": "duration", "generate_audio": "audio", "enhance_prompt": "enhance",
        "image_list": "image", "mask_image": "mask", "number_of_videos": "n",
        "extra_params": "param",
    }  # fmt: skip
    wanted = {shorter.get(field, field) for field in request_type.model_fields}
    # No provider goes on from an image, so nobody need type it; and a terminal shows no images.
    unneeded = {"continue_from", "partial_images"}
    assert wanted - parameters == (set() if name == "video" else unneeded)


def test_an_earlier_job_is_named_by_its_token_or_a_file(command: Command, tmp_path: Path) -> None:
    operation = Operation("luma", "ray-2", "video", "made-before", "2026-11-29T00:00:00+00:00")
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"operation": operation.to_json()}))
    asked = ("video", "it rains", "--provider", "luma", "--model", "ray-2", "--dry-run")
    for source in (write_token(operation), str(path)):
        assert "made-before" in command(*asked, "--continue-from", source, code=0).out


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tg1.damaged", "--continue-from: This is no job token"),
        ("nowhere.json", "'nowhere.json' is no token, and can't be read as a file"),
        ("{HERE}", "holds no JSON"),
    ],
)
def test_an_earlier_job_that_is_none_is_named(
    command: Command, tmp_path: Path, source: str, message: str
) -> None:
    (tmp_path / "odd.json").write_text("{")
    given = source.replace("{HERE}", str(tmp_path / "odd.json"))
    ran = command("video", "it rains", "--dry-run", "--continue-from", given, code=2)
    assert message in ran.err


def test_a_parameter_that_looks_like_a_typo_is_warned_of(command: Command) -> None:
    ran = command("video", "a cat", "--dry-run", "--param", "duraton_seconds=8", code=0)
    assert "warning: 'duraton_seconds'" in ran.err
    assert "is no option, and goes to the provider as it is; did you mean --duration?" in ran.err


def test_a_fallback_delivers_and_the_attempts_are_told(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="failed"), Script())
    ran = tarash_command("video", "a cat", "--fallback", "fal:fal-ai/veo3", "--duration", "7")
    assert ran.code == 0
    assert [job.endpoint for job in simulator.jobs("fal")] == ["fal-ai/veo3.1", "fal-ai/veo3"]
    told = [line for line in ran.err.splitlines() if "GenerationFailedError" in line]
    assert [line.startswith("warning: attempt 1, fal fal-ai/veo3.1") for line in told] == [True]
    reason = told[0].split("GenerationFailedError: ")[1].split(" (request")[0]
    assert ran.err.count(reason) == 1
    assert "sending 8: fal-ai/veo3 takes" in ran.err


def test_a_change_of_status_is_one_line(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(run_polls=1, stream=False))
    lines = tarash_command("video", "a cat", code=0).err.splitlines()
    assert sum("queued" in line for line in lines) == 1
    assert sum("processing" in line for line in lines) == 1


def test_a_key_comes_from_a_file(tarash_command: Command) -> None:
    del tarash_command.environment["FAL_KEY"]
    path = tarash_command.folder / "key"
    path.write_text(f"{CANARY}\n")
    path.chmod(0o600)
    ran = tarash_command("image", "a cat", "--key-file", "key", code=0)
    assert "warning" not in ran.err
    path.chmod(0o644)
    assert "chmod 600 key" in tarash_command("image", "a cat", "--key-file", "key", code=0).err


def test_a_base_url_replaces_the_host(tarash_command: Command) -> None:
    there = tarash_command.environment.pop("TARASH_FAL_BASE_URL")
    tarash_command("image", "a cat", "--base-url", there, code=0)


# ---------------------------------------------------------------------------------------- dry run
def test_a_dry_run_needs_no_key_and_sends_nothing(command: Command, simulator: Simulator) -> None:
    command.environment["TARASH_FAL_BASE_URL"] = simulator.base_url("fal")
    ran = command("video", "a [bold]cat", "--dry-run", "--duration", "7", "-o", "no.mp4", code=0)
    assert f"POST {simulator.base_url('fal')}/fal-ai/veo3.1" in ran.out
    assert '"duration": "8s"' in ran.out
    assert '"prompt": "a [bold]cat"' in ran.out
    assert "asked 7, sending 8" in ran.out
    assert simulator.requests("fal") == []
    assert list(command.folder.iterdir()) == []


def test_a_dry_run_says_what_of_its_cost_is_not_known(command: Command) -> None:
    model = ("--provider", "openai", "--model", "chatgpt-image-latest")
    ran = command("image", "a cat", "--dry-run", *model, code=0)
    said = " ".join(ran.out.split())
    assert "cost unknown unknown output: the tokens of its output are not known before" in said


def test_a_dry_run_shows_the_whole_chain_as_json(command: Command) -> None:
    ran = command("image", "a cat", "--dry-run", "--json", "--fallback", "fal:fal-ai/x", code=0)
    assert ran.json()["payload"]["prompt"] == "a cat"
    assert [plan["model"] for plan in ran.json()["fallbacks"]] == ["fal-ai/x"]


def test_an_adjustment_names_the_option(command: Command) -> None:
    ran = command("image", "a cat", "--n", "9", "--mock", "-o", "cat.png", code=0)
    assert "adjusted: --n: asked 9" in ran.err


def test_an_image_is_made_to_fit_when_told(command: Command, simulator: Simulator) -> None:
    Image.new("RGB", (64, 64)).save(command.folder / "photo.bmp")
    command.environment |= {
        "XAI_API_KEY": "xai-key",
        "TARASH_XAI_BASE_URL": simulator.base_url("xai"),
    }
    asked = ("image", "a cat", "--provider", "xai", "--model", "grok-imagine-image-2.0")
    ran = command(*asked, "--image", "photo.bmp", code=2)
    assert "this is image/bmp; --fit-images lets" in ran.err

    ran = command(*asked, "--image", "photo.bmp", "--fit-images", "-o", "cat.png", code=0)
    assert "adjusted: --image[0]: asked image/bmp" in ran.err


@pytest.mark.parametrize("name", ["photo.jpeg", "photo"])
def test_a_file_is_known_by_its_content_first(command: Command, name: str) -> None:
    (command.folder / name).write_bytes(base64.b64decode(PNG))
    model = "fal-ai/flux/dev/image-to-image"
    ran = command("image", "a cat", "--model", model, "--image", name, "--dry-run", code=0)
    assert "<image/png, 67 bytes>" in ran.out


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


def test_a_model_that_looks_mistyped_is_told_of_once(tarash_command: Command) -> None:
    asked = ("video", "a cat", "--model", "fal-ai/veo3.11", "--mock")
    told = tarash_command(*asked, code=0).err
    assert told.count("did you mean fal-ai/veo3.1") == 1


def test_a_pipe_is_told_now_and_then_that_a_job_goes_on(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", Script(run_seconds=0.5, stream=False))
    often = "from tarash.tarash_gateway.cli import _progress; _progress.REMIND_SECONDS = 0.05"
    told = tarash_command("video", "a cat", code=0, before=often).err
    usual = tarash_command("video", "a cat", code=0).err
    assert told.count("fal fal-ai/veo3.1  ") > usual.count("fal fal-ai/veo3.1  ") + 1, told
