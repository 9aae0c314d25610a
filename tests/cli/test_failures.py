"""What the command says, and how it exits, when something is wrong."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.cli.conftest import CANARY, Command

CAT = ("video", "a cat")


# ----------------------------------------------------------------------------------------- usage
MISUSE = [
    (["--duration", "0"], "error: --duration: must be greater than 0"),
    (["--duration", "x"], "error: --duration: "),
    (["--resolution", "9p"], "error: --resolution: must be '360p'"),
    (["--aspect-ratio", "wide"], "error: --aspect-ratio: an aspect ratio is written"),
    (["--timeout", "-1"], "error: --timeout: must be greater than 0"),
    (["--failover", "never"], "error: --failover: must be 'always' or 'when_safe'"),
    (["--base-url", "example.org"], "error: --base-url: must be a URL that begins with http"),
    (["--n", "0"], "error: --n: must be greater than or equal to 1"),
    (
        ["--image", "cover=https://example.org/a.png"],
        "error: --image: there is no role 'cover'",
    ),
    (["--image", "nowhere.png"], "error: --image: 'nowhere.png' is no URL"),
    (["--model", "fal-ai/veo3.1/image-to-video", "--image", "."], "file '.' can't be read"),
    (
        ["--model", "fal-ai/veo3.1/image-to-video", "--image", __file__],
        f"error: --image[0] ('{__file__}'): this is no known kind of media",
    ),
    (["--param", "loose"], "error: --param: 'loose' is not NAME=VALUE"),
    (["--provider", "replicate"], "error: --model: say which; there is no default for videos"),
    (["--fallback", "replicate"], "error: --fallback: write replicate:MODEL; there is no default"),
    (["--fallback", ":x"], "error: --fallback: ':x' is not PROVIDER:MODEL"),
    (["--provider", "fall"], "did you mean 'fal'?"),
    (["--provider", "fall", "--model", "x"], "did you mean 'fal'?"),
    (["--key-file", "nowhere"], "error: --key-file: 'nowhere' can't be read"),
    (["--bogus"], "error: No such option: --bogus"),
    (["playing", "piano"], "(playing piano); put the whole prompt into quotes"),
    (["--prompt", "x"], "the prompt has no option: write it in quotes"),
    (["--size", "1280x720"], "of a video, give --aspect-ratio and --resolution"),
    (["--image", ""], "error: --image: it is empty; give a URL"),
    (["--image", "first_frame="], "error: --image: it is empty; give a URL"),
    (
        ["--strict", "--duration", "7"],
        "error: --strict allows no changes, and fal-ai/veo3.1 can't take --dur",
    ),
    (["--video", "https://example.org/a.mp4"], "error: "),
    (["-o", "{seed}.mp4"], "there is no {seed}; there are {provider}, "),
    (["-o", "http://example.org/"], "can be saved to a file, or to an object store"),
    (["-o", "/dev/null/cat.mp4"], "is no folder"),
    (["-o", "/dev/null", "--force"], "is no regular file"),
]


def test_misuse_is_told_in_a_line_and_nothing_is_sent(
    tarash_command: Command, simulator: Simulator
) -> None:
    all_ran = tarash_command.each([[*CAT, *arguments] for arguments, _ in MISUSE])
    for (arguments, said), ran in zip(MISUSE, all_ran, strict=True):
        assert said in ran.err, arguments
        assert (ran.code, ran.err.count("\n"), ran.out) == (2, 1, ""), arguments

    assert simulator.requests("fal") == []


def test_all_that_is_wrong_is_told_at_once(command: Command) -> None:
    ran = command(*CAT, "--duration", "-1", "--seed", "1", "--timeout", "0", code=2)
    assert ran.err.splitlines() == [
        "error: --duration: must be greater than 0",
        "error: --timeout: must be greater than 0",
    ]


def test_misuse_is_json_where_json_is_asked_for(command: Command) -> None:
    ran = command(*CAT, "--duration", "x", "--json", code=2)
    assert ran.json()["error"]["exit_code"] == 2
    assert "--duration" in ran.json()["error"]["message"]


def test_a_file_is_not_overwritten_unasked(tarash_command: Command, simulator: Simulator) -> None:
    path = tarash_command.folder / "cat.png"
    path.write_text("mine")
    ran = tarash_command("image", "a cat", "-o", "cat.png", code=2)
    assert "--force" in ran.err
    assert path.read_text() == "mine"
    assert simulator.requests("fal") == []

    (tarash_command.folder / "dog-2.png").write_text("mine")
    assert "dog-2.png" in tarash_command("image", "x", "--n", "2", "-o", "dog.png", code=2).err

    tarash_command("image", "a cat", "-o", "cat.png", "--force", code=0)
    assert path.read_bytes()[:4] == b"\x89PNG"


# ------------------------------------------------------------------------------------------- keys
def test_a_key_on_the_command_line_is_refused(command: Command) -> None:
    options = [["--api-key", CANARY], [f"--api-key={CANARY}"]]
    commands = [both for option in options for both in ([*CAT, *option], [*option, *CAT])]
    all_ran = command.each(commands)
    assert {ran.code for ran in all_ran} == {2}
    assert len({ran.err for ran in all_ran}) == 1
    assert "never taken from the command line" in all_ran[0].err


def test_a_missing_key_is_told_with_its_variable(command: Command) -> None:
    ran = command(*CAT, code=3)
    assert "FAL_KEY" in ran.err
    assert "--mock" in ran.err


@pytest.mark.parametrize("content", ["", "one two", f"FAL_KEY={CANARY}"])
def test_a_key_file_holds_a_key(command: Command, content: str) -> None:
    (command.folder / "key").write_text(content)
    assert "must hold the key" in command(*CAT, "--key-file", "key", code=2).err


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_key_that_the_provider_repeats_is_masked(
    tarash_command: Command, simulator: Simulator, status: int
) -> None:
    simulator.fail("fal", "submit", Fault.echo_key(status), times=None)
    told = tarash_command(*CAT, "--json", code={400: 2, 401: 3, 500: 5}[status])
    assert "***" in told.json()["error"]["message"]


# ------------------------------------------------------------------------------------- exit codes
def test_a_refused_key(tarash_command: Command, simulator: Simulator) -> None:
    simulator.keys["fal"] = ["another"]
    ran = tarash_command(*CAT, "--json", code=3)
    error = ran.json()["error"]
    assert (error["type"], error["submission"]) == ("AuthenticationError", "rejected")
    assert error["attempts"][0]["billing"] == "none"


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_request_that_the_provider_refuses(
    tarash_command: Command, simulator: Simulator, status: int
) -> None:
    simulator.fail("fal", "submit", Fault.status(status), times=None)
    error = tarash_command(*CAT, "--json", code=2).json()["error"]
    assert (error["status_code"], error["submission"]) == (status, "rejected")


def test_moderation(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="moderated"))
    assert "content filter" in tarash_command(*CAT, code=4).err


def test_a_failed_generation(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="failed"))
    ran = tarash_command(*CAT, "--json", code=5)
    error = ran.json()["error"]
    (job,) = simulator.jobs("fal")
    assert (error["request_id"], error["operation"]["id"]) == (job.id, job.id)
    assert (error["provider"], error["model"]) == ("fal", "fal-ai/veo3.1")
    assert error["exit_code"] == 5
    assert error["message"] in ran.err


def test_a_chain_that_fails_tells_every_attempt(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="failed"))
    ran = tarash_command(*CAT, "--fallback", "fal:fal-ai/veo3", code=5)
    assert "attempt 1, fal fal-ai/veo3.1: GenerationFailedError" in ran.err
    assert "fal fal-ai/veo3, request" in ran.err


def test_a_deadline(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never", stream=False))
    ran = tarash_command.leaping(lambda: simulator.counters("fal").polls > 0, *CAT, code=6)
    assert "within 600 s" in ran.err
    assert simulator.counters("fal").cancels == 1

    ran = tarash_command.leaping(
        lambda: simulator.counters("fal").accepted == 2, *CAT, "--on-timeout", "detach", code=6
    )
    assert simulator.counters("fal").cancels == 1
    _, left = simulator.jobs("fal")
    assert f"to wait for it: tarash jobs wait {left.id} -o FILE\n" in ran.err
    assert "operation" not in ran.err


def test_no_connection(tarash_command: Command, simulator: Simulator) -> None:
    simulator.fail("fal", "submit", Fault.reset_after())
    ran = tarash_command(*CAT, code=7)
    assert "submission: unknown, billed: possible" in ran.err
    assert simulator.counters("fal").submits == 1


# ----------------------------------------------------------------------------------------- saving
@pytest.mark.parametrize(
    "fault",
    [Fault.status(503), Fault.truncate(), Fault.foreign_body(), Fault.reset_before()],
    ids=lambda fault: str(fault.kind),
)
def test_a_failed_download_does_not_lose_the_result(
    tarash_command: Command, simulator: Simulator, fault: Fault
) -> None:
    simulator.fail("fal", "download", fault, times=None)
    ran = tarash_command(*CAT, "-o", "cat.mp4", code=8)
    (job,) = simulator.jobs("fal")
    assert ran.out.startswith(simulator.media_url)
    assert job.id in ran.err
    assert "could not be saved" in ran.err
    assert "the response" not in ran.err
    assert f"to get it again: tarash jobs fetch {job.id} -o FILE\n" in ran.err
    assert list(tarash_command.folder.iterdir()) == []


def test_a_failed_download_is_told_with_the_result_as_json(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "download", Fault.foreign_body(), times=None)
    told = tarash_command(*CAT, "-o", "cat.mp4", "--json", code=8).json()
    assert told["error"]["type"] == "SaveError"
    assert told["response"]["video"].startswith(simulator.media_url)


def test_what_was_saved_before_a_failure_is_told(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "download", Fault.status(400), skip=1)
    ran = tarash_command("image", "a cat", "--n", "2", "-o", "cat.png", code=8)
    (saved,) = tarash_command.folder.iterdir()
    assert saved.name in ("cat-1.png", "cat-2.png")
    assert f"saved all the same: {saved.name}" in ran.err


# ---------------------------------------------------------------------------------------- signals
@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_job_once_and_tells_the_answer(
    tarash_command: Command, simulator: Simulator, by: int, code: int
) -> None:
    simulator.script("fal", Script(outcome="never"))

    def polled() -> bool:
        return simulator.counters("fal").streams > 0

    ran = tarash_command.interrupted(polled, *CAT, "--json", by=by)
    (job,) = simulator.jobs("fal")
    assert ran.code == code
    assert job.cancel_requested
    assert simulator.counters("fal").cancels == 1
    error = ran.json()["error"]
    assert (error["type"], error["request_id"]) == ("Interrupted", job.id)
    assert (error["outcome"], error["submission"]) == ("stopped", "accepted")
    (attempt,) = error["attempts"]
    assert attempt["request_id"] == job.id
    assert (attempt["billing"], attempt["cancel"]) == ("possible", "requested")
    assert (attempt["error_type"], attempt["status"]) == ("Interrupted", "failed")
    assert f"interrupted: Cancelled; fal answered for job {job.id}: requested" in ran.err

    # It did stop: that is no failure of anybody's, and nobody wants another one in its place.
    told = tarash_command("jobs", "resume", code=12)
    assert f"stopped: the job {job.id} was stopped, as somebody had asked" in told.err
    assert "error" not in told.err
    (listed,) = tarash_command("jobs", "ls", "--all", "--json", code=0).json()
    assert listed["state"] == "cancelled"
    again = tarash_command("jobs", "wait", job.id, "--json", code=12).json()["error"]
    assert (again["type"], again["exit_code"], again["request_id"]) == ("Cancelled", 12, job.id)
    assert simulator.counters("fal").submits == 1


def test_a_second_signal_leaves_at_once(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never"))
    simulator.fail("fal", "cancel", Fault.hang())
    ran = tarash_command.interrupted(
        (
            lambda: simulator.counters("fal").streams > 0,
            lambda: simulator.counters("fal").cancels > 0,
        ),
        *CAT,
    )
    assert ran.code == 130
    assert "Left at once" in ran.err


def test_a_signal_while_saving_does_not_lose_the_result(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.fail("fal", "download", Fault.hang(), times=None)
    ran = tarash_command.interrupted(
        lambda: simulator.counters("fal").downloads > 0, *CAT, "-o", "cat.mp4"
    )
    assert ran.code == 130
    assert ran.out.startswith(simulator.media_url)
    assert list(tarash_command.folder.iterdir()) == []


def test_a_detached_job_goes_on(tarash_command: Command, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never"))
    ran = tarash_command.interrupted(
        lambda: simulator.counters("fal").streams > 0,
        *(*CAT, "--on-timeout", "detach", "-o", "cat.mp4", "--ledger", "sqlite:///own.db"),
    )
    assert ran.code == 130
    (job,) = simulator.jobs("fal")
    assert f"interrupted: Cancelled; the job {job.id} goes on at fal" in ran.err
    after = f"to wait for it: tarash jobs wait {job.id} --ledger sqlite:///own.db -o cat.mp4\n"
    assert after in ran.err
    assert simulator.counters("fal").cancels == 0


def test_bytes_that_find_no_room_are_saved_elsewhere(command: Command, tmp_path: Path) -> None:
    """The folder is taken away while the mock works; what it made is in the temporary folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command.environment["TMPDIR"] = str(elsewhere)
    gone = (
        "import asyncio, os, sys, tarash.tarash_gateway.cli as cli; "
        "os.rmdir(os.getcwd()); sys.exit(cli.main())"
    )
    ran = command.code(gone, "image", "a cat", "--mock")
    (rescued,) = elsewhere.iterdir()
    assert ran.code == 8
    assert ran.out == f"{rescued}\n"
    assert rescued.read_bytes()[:4] == b"\x89PNG"
