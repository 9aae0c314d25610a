"""Saving what a response holds: every form of media, every form of place, nothing half or lost."""

from __future__ import annotations

import asyncio
import base64
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationResponse,
    MockConfig,
    MockResponse,
    SaveError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_video,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.models import AttemptMetadata, ExecutionMetadata
from tarash.tarash_gateway.testing import Fault, Simulator
from tests.media.conftest import KEY

CLIP = samples.videos()[0]
CONTENT = CLIP.read()
PNG = samples.make_png(40, 30, seed=1)


def holding(*media: Any, **facts: Any) -> VideoGenerationResponse:
    """Return a response that holds these videos."""
    given = {"request_id": "r-1", "status": "completed", "raw_response": None, **facts}
    return VideoGenerationResponse(video=media[0], videos=media, **given)


def files(folder: Path) -> list[str]:
    """Return the names of all files below a folder, hidden and temporary ones too."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def test_a_name_that_is_taken_gets_a_number_where_that_is_asked_for(tmp_path: Path) -> None:
    response = holding(held_forms()["bytes"])
    options: Any = {"on_exists": "number"}
    saved = [response.save(tmp_path / "cat.mp4", **options) for _ in range(3)]
    assert saved == [tmp_path / name for name in ("cat.mp4", "cat-2.mp4", "cat-3.mp4")]
    assert files(tmp_path) == ["cat-2.mp4", "cat-3.mp4", "cat.mp4"]

    several = holding(held_forms()["bytes"], held_forms()["base64"])
    assert several.save(tmp_path / "cat.mp4", **options) == [
        tmp_path / "cat-1.mp4",
        tmp_path / "cat-2-2.mp4",
    ]
    with pytest.raises(ValidationError, match="on_exists is 'fail' or 'number'"):
        response.save(tmp_path / "cat.mp4", **{**options, "on_exists": "rename"})


async def test_of_many_that_are_numbered_each_has_a_name(tmp_path: Path) -> None:
    response = holding(held_forms()["bytes"])
    saving = (response.save_async(tmp_path / "a.mp4", on_exists="number") for _ in range(8))
    assert len({str(place) for place in await asyncio.gather(*saving)}) == 8
    assert len(files(tmp_path)) == 8


def test_a_result_that_is_not_saved_can_be_found_again_by_the_error_alone(
    tmp_path: Path, simulator: Simulator, video_config: Callable[..., VideoGenerationConfig]
) -> None:
    """A script ends here: with the response goes what says where the paid result is."""
    response = generate_video(video_config(), VideoGenerationRequest(prompt="x"))
    (tmp_path / "cat.mp4").write_bytes(b"of the first run")
    with pytest.raises(SaveError, match="exists: choose another name") as caught:
        response.save(tmp_path / "cat.mp4")

    assert str(response.video) in str(caught.value)
    assert response.request_id == simulator.jobs("fal")[0].id
    assert response.request_id in str(caught.value)
    assert "made and paid for" in str(caught.value)


# ----------------------------------------------------------------------------------------- forms
def held_forms() -> dict[str, Any]:
    encoded = base64.b64encode(CONTENT).decode()
    return {
        "bytes": {"content": CONTENT, "content_type": "video/mp4"},
        "base64": encoded,
        "lines": base64.encodebytes(CONTENT).decode(),
        "url-safe": base64.urlsafe_b64encode(CONTENT).decode().rstrip("="),
        "data-uri": f"data:video/mp4;base64,{encoded}",
        "path": str(CLIP.path),
        "file-uri": CLIP.path.as_uri(),
    }


@pytest.mark.parametrize("form", held_forms())
def test_every_form_that_a_response_holds_is_saved(tmp_path: Path, form: str) -> None:
    place = holding(held_forms()[form]).save(tmp_path / "new" / "clip")
    assert place == tmp_path / "new" / "clip.mp4"
    assert isinstance(place, Path)
    assert place.read_bytes() == CONTENT
    assert files(tmp_path) == ["new/clip.mp4"]


def test_base64_is_decoded_across_the_borders_of_its_slices(tmp_path: Path) -> None:
    content = bytes(range(256)) * 6000
    text = base64.encodebytes(content).decode().replace("\n", "\r\n")
    holding(text).save(tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == content


@pytest.mark.parametrize("output_type", ["url", "content", "file"])
def test_what_the_mock_made_is_saved(tmp_path: Path, output_type: Any) -> None:
    outcome = MockResponse(output_type=output_type)
    mock = MockConfig(enabled=True, responses=(outcome,))
    # Its own URL is on this machine, and needs no permission.
    config = VideoGenerationConfig(provider="fal", model="x", mock=mock, allow_private_urls=False)
    response = generate_video(config, VideoGenerationRequest(prompt="A lighthouse"))
    assert response.save(tmp_path / "a.mp4") == tmp_path / "a.mp4"
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_real_providers_answer_can_not_name_a_file_of_this_machine(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    operation = {"provider": "fal", "model": "m", "kind": "video", "id": "1", "submitted_at": ""}
    for named in (str(secret), secret.as_uri()):
        with pytest.raises(SaveError, match="neither a URL"):
            holding(named, operation=operation).save(tmp_path / "out.mp4")

    assert files(tmp_path) == ["secret"]


@pytest.mark.parametrize(
    ("media", "said"),
    [
        ("nothing at all", "neither a URL, a data URI, base64 nor a file"),
        ("nothing", "neither a URL, a data URI, base64 nor a file"),
        ("A" * 2000 + "=AAA", "neither a URL nor base64"),
        ({"content": b"", "content_type": "video/mp4"}, "it is empty"),
        ("https:///x", "no http(s) address"),
    ],
)
def test_what_can_not_be_saved_says_why(tmp_path: Path, media: Any, said: str) -> None:
    with pytest.raises(SaveError) as caught:
        holding(media).save(tmp_path / "a.mp4")

    assert said in str(caught.value)
    assert caught.value.retryable is False
    assert files(tmp_path) == []


# ---------------------------------------------------------------------------------------- places
MADE = AttemptMetadata.model_validate(
    {
        "provider": "fal",
        "model": "fal-ai/veo3.1",
        "attempt_number": 1,
        "started_at": "2026-01-01T00:00:00Z",
        "ended_at": "2026-01-01T00:00:01Z",
        "elapsed_seconds": 1,
        "status": "success",
    }
)
CHAIN = ExecutionMetadata(
    total_attempts=1,
    successful_attempt=1,
    attempts=(MADE,),
    fallback_triggered=False,
    configs_in_chain=1,
    total_elapsed_seconds=1,
)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{provider}/{model}/{request_id}.mp4", "fal/fal-ai_veo3.1/r_1.mp4"),
        ("{model}", "fal-ai_veo3.1.mp4"),
        ("{index}.{ext}", "1.mp4"),
        ("clip.final", "clip.final"),
        ("clip.webm", "clip.webm"),
        ("v1.5", "v1.5.mp4"),
        ("a{{b}}", "a{b}.mp4"),
        ("new/", "new/fal-r_1.mp4"),
        ("", "fal-r_1.mp4"),
    ],
)
def test_a_template_is_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    response = holding(held_forms()["bytes"], request_id="r/1", execution_metadata=CHAIN)
    assert response.save(template or ".") == Path(name)
    assert files(tmp_path) == [name]


def test_a_folder_with_a_brace_in_its_name_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a{b").mkdir()
    response = holding(held_forms()["bytes"], request_id="r/1", execution_metadata=CHAIN)
    assert response.save("a{{b") == Path("a{b/fal-r_1.mp4")
    assert files(tmp_path) == ["a{b/fal-r_1.mp4"]


def test_a_home_folder_that_is_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError, match="there is no home folder '~nobody-of-this-name'"):
        holding(held_forms()["bytes"]).save("~nobody-of-this-name/cat.mp4")

    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("request_id", "name"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("a\\b:c\n*?", "a_b_c_"),
        ("NUL", "_NUL"),
        ("x" * 300, "x" * 80),
        ("häuser 3", "häuser_3"),
    ],
)
def test_what_is_filled_in_stays_one_safe_name(tmp_path: Path, request_id: str, name: str) -> None:
    response = holding(held_forms()["bytes"], request_id=request_id)
    assert response.save(f"{tmp_path}/{{request_id}}.mp4") == tmp_path / f"{name}.mp4"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("", "the place to save to is empty"),
        ("{seed}.mp4", "there is no {seed}; there are {provider}, {model}"),
        ("{.mp4", "a single '{' stands for nothing"),
        ("https://example.com/a.mp4", "to a file, or to an object store"),
        ("s3:///a.mp4", "names no bucket"),
        (Path("s3://bucket/a.mp4"), "as str, not Path"),
    ],
)
def test_a_place_that_is_none_is_told_at_once_and_by_the_config_too(place: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        holding(held_forms()["bytes"]).save(place)

    assert said in str(caught.value)
    if isinstance(place, str):
        with pytest.raises(ValueError, match="save_to"):
            VideoGenerationConfig(provider="fal", model="x", save_to=place)


def test_the_extension_is_that_of_the_bytes(tmp_path: Path) -> None:
    """Whatever the provider calls it."""
    response = ImageGenerationResponse(
        request_id="r",
        status="completed",
        raw_response=None,
        content_type="image/jpeg",
        images=(base64.b64encode(PNG).decode(),),
    )
    assert response.save(tmp_path / "a") == tmp_path / "a.png"


# ----------------------------------------------------------------------------------- overwriting
def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    response = holding(held_forms()["bytes"])
    target = tmp_path / "a.mp4"
    target.write_text("mine")
    said = "exists: choose another name, or pass overwrite=True"
    with pytest.raises(SaveError, match=said) as caught:
        response.save(target)

    assert caught.value.__cause__ is caught.value.__context__ is None
    assert target.read_text() == "mine"
    assert response.save(target, overwrite=True) == target
    assert target.read_bytes() == CONTENT
    assert files(tmp_path) == ["a.mp4"]


async def test_of_many_that_save_to_one_name_one_wins(tmp_path: Path) -> None:
    """The name is taken in one step, not looked at first and taken then."""
    ends = await asyncio.gather(
        *(holding(held_forms()["bytes"]).save_async(tmp_path / "a.mp4") for _ in range(8)),
        return_exceptions=True,
    )
    assert [end for end in ends if not isinstance(end, SaveError)] == [tmp_path / "a.mp4"]
    assert files(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder.{ext}", "a folder of this name is there"),
        ("file/a.mp4", "a file is in the place of its folder"),
    ],
)
def test_a_place_that_is_taken_otherwise(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SaveError, match=said):
        holding(held_forms()["bytes"]).save(f"{tmp_path}/{name}", overwrite=True)

    assert files(tmp_path) == ["file"]


# --------------------------------------------------------------------------------- several results
def test_several_results_are_numbered_and_keep_their_order(
    tmp_path: Path, images: ImageGenerationResponse
) -> None:
    names = ["a-1.png", "a-2.png", "a-3.png"]
    assert images.save(tmp_path / "a.png") == [tmp_path / name for name in names]
    assert images.save(tmp_path / "b") == [tmp_path / f"b-{number}.png" for number in (1, 2, 3)]
    places = images.save(f"{tmp_path}/{{index}}/c.png")
    assert places == [tmp_path / str(number) / "c.png" for number in (1, 2, 3)]
    assert files(tmp_path) == sorted(
        [*names, "b-1.png", "b-2.png", "b-3.png", "1/c.png", "2/c.png", "3/c.png"]
    )


def test_one_that_fails_loses_none_of_the_others(tmp_path: Path) -> None:
    good = held_forms()["bytes"]
    with pytest.raises(SaveError) as caught:
        holding(good, "nonsense!", good).save(tmp_path / "a.mp4")

    error = caught.value
    assert error.saved == (str(tmp_path / "a-1.mp4"), str(tmp_path / "a-3.mp4"))
    assert "1 of 3 videos could not be saved: video 2: 'nonsense!' is neither" in str(error)
    assert len(error.failures) == 1
    assert files(tmp_path) == ["a-1.mp4", "a-3.mp4"]
    again = pickle.loads(pickle.dumps(error))
    assert (again.saved, again.failures) == (error.saved, error.failures)


def test_one_download_that_fails_loses_none_of_the_others(
    tmp_path: Path, simulator: Simulator, images: ImageGenerationResponse
) -> None:
    simulator.fail("fal", "download", Fault.status(400))
    with pytest.raises(SaveError, match="1 of 3 images could not be saved") as caught:
        images.save(tmp_path / "a.png")

    assert len(caught.value.saved) == 2
    assert len(files(tmp_path)) == 2


# ----------------------------------------------------------------------------------- where it runs
def test_it_can_be_called_from_many_threads_at_once(
    tmp_path: Path, video: VideoGenerationResponse
) -> None:
    threads = [
        threading.Thread(target=video.save, args=(tmp_path / f"{number}.mp4",))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(files(tmp_path)) == 8


async def test_it_can_be_called_within_a_running_loop(
    tmp_path: Path, video: VideoGenerationResponse
) -> None:
    assert video.save(tmp_path / "a.mp4") == tmp_path / "a.mp4"
    assert await video.save_async(tmp_path / "b.mp4") == tmp_path / "b.mp4"


async def test_a_cancelled_save_leaves_nothing_behind(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse
) -> None:
    simulator.fail("fal", "download", Fault.hang())
    saving = asyncio.create_task(video.save_async(tmp_path / "a.mp4"))
    while not simulator.counters("fal").downloads:  # noqa: ASYNC110  (in another thread)
        await asyncio.sleep(0.01)

    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving

    assert files(tmp_path) == []


def test_a_response_never_tells_its_key(
    video: VideoGenerationResponse, video_config: Callable[..., VideoGenerationConfig]
) -> None:
    """It remembers its config to ask for fresh URLs, and shows, dumps and pickles nothing of it."""
    from tarash.tarash_gateway._data._made_by import config_of

    assert config_of(video) == video_config()
    told = [repr(video), str(vars(video)), video.model_dump_json(), repr(video.model_dump())]
    told += [repr(pickle.dumps(video)), video._repr_html_(), repr(video.model_copy(deep=True))]
    assert not [text for text in told for part in (KEY, *KEY.split(":")) if part in text]

    again = pickle.loads(pickle.dumps(video))
    assert again == video == VideoGenerationResponse.model_validate_json(video.model_dump_json())
    assert config_of(again) is None
    assert config_of(video.model_copy(deep=True)) == video_config()
