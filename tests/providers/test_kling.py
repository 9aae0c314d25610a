"""Kling: both designs, its defaults, and the traps that its pages and others' logs tell of."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError as RawError
from urllib.request import Request, urlopen

import pytest
from aiohttp import ClientSession, web

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    generate_video,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator

FIRST = {"image": "https://example.com/a.png", "type": "first_frame"}
LAST = {"image": "https://example.com/b.png", "type": "last_frame"}
REFERENCE = {"image": "https://example.com/r.png"}
VIDEO = "https://example.com/v.mp4"
OWN = {"external_task_id", "options"}
NEW = ("kling-3.0-turbo", "kling-3.0", "kling-3.0-omni", "kling-o1", "kling-2.6", "kling-2.5-turbo")
OLD = (
    *("kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1"),
    *("kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6", "kling-v3", "kling-v3-omni"),
    "kling-video-o1",
)
IMAGES = (
    *("kling-v3", "kling-v2-1", "kling-v2", "kling-v2-new", "kling-v1-5", "kling-v1"),
    *("kling-v3-omni", "kling-image-o1"),
    *("kolors-virtual-try-on-v1", "kolors-virtual-try-on-v1-5"),
)


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["kling"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    return _running


def config(simulator: Simulator, model: str = "kling-3.0", **changes: Any) -> Any:
    given = {
        "provider": "kling",
        "model": model,
        "api_key": "a-key-of-ours",
        "base_url": simulator.base_url("kling"),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }
    return VideoGenerationConfig.model_validate(given)


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A boat", **fields})


def planned(model: str, **fields: Any) -> Any:
    plan = plan_video(VideoGenerationConfig(provider="kling", model=model), request(**fields))
    return plan.endpoint.partition(".com/")[2], plan.payload


# ------------------------------------------------------------------------------------------- models
def test_the_catalogue_has_the_models_of_both_designs() -> None:
    listed = {one.model for one in list_models("kling")}
    assert listed == {*NEW, *OLD, *IMAGES}
    assert describe_model("kling", "kling-3.0").resolutions == ("720p", "1080p", "4k")
    assert describe_model("kling", "kling-2.6").durations == (5, 10)
    assert describe_model("kling", "kling-v3", "image").most_outputs == 9
    assert describe_model("kling", "kling-3.0").takes == ("first_frame", "last_frame", "video")


FULLEST: dict[str, Any] = {
    "duration_seconds": 15,
    "resolution": "4k",
    "aspect_ratio": "9:16",
    "generate_audio": True,
    "negative_prompt": "dogs",
    "seed": 7,
    "number_of_videos": 1,
    "enhance_prompt": True,
}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"duration_seconds": 1, "resolution": "360p", "generate_audio": False},
    FULLEST,
    {"image_list": [FIRST]},
    {**FULLEST, "image_list": [FIRST]},
    {"image_list": [FIRST, LAST]},
    {**FULLEST, "image_list": [FIRST, LAST]},
    {"image_list": [LAST]},
    {"image_list": [REFERENCE]},
    {"image_list": [REFERENCE] * 4, "generate_audio": True},
    {"image_list": [FIRST, REFERENCE], "duration_seconds": 8},
    {"video": VIDEO},
    {"video": VIDEO, "image_list": [REFERENCE] * 4, "generate_audio": False},
    {**FULLEST, "video": VIDEO, "image_list": [FIRST], "character_orientation": "video"},
)


@pytest.mark.parametrize("model", [*NEW, *OLD])
async def test_whatever_is_asked_of_a_video_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    simulator.script("kling", Script(run_polls=0))
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            try:
                await gateway.generate_video_async(config(simulator, model), request(**asked))
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("kling").accepted == made > 0


def test_a_model_that_nobody_knows_is_sent_as_the_newest_of_its_design() -> None:
    assert planned("kling-9.0")[0] == "text-to-video/kling-9.0"
    assert planned("kling-9.0", image_list=[FIRST])[0] == "image-to-video/kling-9.0"
    assert planned("kling-v9")[1]["model_name"] == "kling-v9"


@pytest.mark.parametrize("model", ["kolors-virtual-try-on-v1", "kolors-virtual-try-on-v1-5"])
def test_what_is_worn_is_an_asset_and_who_wears_it_a_reference(
    simulator: Simulator, model: str
) -> None:
    """There is no prompt, no watermark and no number of images; and a default model, never left."""
    given = config(simulator, model).model_dump() | {"api_key": "a-key-of-ours"}
    kept = {name: given[name] for name in ("provider", "model", "api_key", "base_url")}
    cloth = {"image": "https://example.com/coat.png", "type": "asset"}
    worn = ImageGenerationRequest.model_validate({"prompt": "x", "image_list": [REFERENCE, cloth]})
    plan = plan_image(ImageGenerationConfig.model_validate(kept), worn)
    assert plan.endpoint.endswith("/v1/images/kolors-virtual-try-on")
    body = dict(plan.payload)
    assert body.pop("external_task_id")
    assert body == {
        "model_name": model,
        "human_image": REFERENCE["image"],
        "cloth_image": cloth["image"],
    }
    assert [one.field for one in plan.adjustments] == ["prompt"]
    alone = worn.model_copy(update={"image_list": worn.image_list[:1]})
    with pytest.raises(ValidationError, match="'asset'"):
        plan_image(ImageGenerationConfig.model_validate(kept), alone)


@pytest.mark.parametrize("model", IMAGES)
async def test_whatever_is_asked_of_an_image_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    simulator.script("kling", Script(run_polls=0))
    full = {"n": 9, "aspect_ratio": "21:9", "quality": "4k", "negative_prompt": "dogs", "seed": 3}
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"n": 2, "size": "1024x1024"},
        full,
        {**full, "image_list": [REFERENCE]},
        {"image_list": [{**REFERENCE, "type": "asset"}] * 4},
        {"image_list": [REFERENCE, {**REFERENCE, "type": "asset"}]},
    )
    given = config(simulator, model).model_dump() | {"api_key": "a-key-of-ours"}
    kept = {name: given[name] for name in ("provider", "model", "api_key", "base_url")}
    often = {"poll_interval": 0.02, "provider_config": {"min_poll_interval": 0.02}}
    image = ImageGenerationConfig.model_validate({**kept, **often})
    async with Gateway() as gateway:
        for one in asked:
            try:
                wanted = ImageGenerationRequest.model_validate({"prompt": "A boat", **one})
                response = await gateway.generate_image_async(image, wanted)
            except ValidationError as error:
                assert error.submission is None, (one, error)  # noqa: PT017
            else:
                assert len(response.images) == one.get("n", 1)


SETTINGS = {
    "kling-3.0-turbo": {"resolution": "720p", "aspect_ratio": "16:9", "duration": 5},
    "kling-3.0": {
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "duration": 5,
        "audio": "off",
        "multi_shot": False,
    },
    "kling-2.6": {"resolution": "720p", "aspect_ratio": "16:9", "duration": 5, "audio": "off"},
    "kling-2.5-turbo": {"resolution": "720p", "aspect_ratio": "16:9", "duration": 5},
}


@pytest.mark.parametrize("model", SETTINGS)
def test_what_costs_or_changes_the_result_is_always_said(model: str) -> None:
    path, payload = planned(model)
    assert path == f"text-to-video/{model}"
    assert payload["settings"] == SETTINGS[model]
    assert payload["options"].pop("external_task_id")
    assert payload["options"] == {"watermark_info": {"enabled": False}}
    assert payload.keys() == {"prompt", "settings", "options"}

    framed, payload = planned(model, image_list=[FIRST])
    assert framed == f"image-to-video/{model}"
    assert payload["settings"] == {k: v for k, v in SETTINGS[model].items() if k != "aspect_ratio"}
    assert payload["contents"][0] == {"type": "prompt", "text": "A boat"}
    assert payload["contents"][1] == {"type": "first_frame", "url": FIRST["image"]}


def test_the_older_api_is_always_told_its_model() -> None:
    """Else the vendor takes the first version, at its price."""
    for model in OLD:
        asked = {} if model not in {"kling-v1-5", "kling-v2-1"} else {"image_list": [FIRST]}
        _, payload = planned(model, **asked)
        assert payload["model_name"] == model
        assert payload["duration"] == "5"
        assert payload["watermark_info"] == {"enabled": False}
        assert "model" not in payload

    plan = plan_image(
        ImageGenerationConfig(provider="kling", model="kling-v3"),
        ImageGenerationRequest(prompt="A boat"),
    )
    pinned = {"n": 1, "aspect_ratio": "16:9", "resolution": "1k", "model_name": "kling-v3"}
    assert pinned.items() <= plan.payload.items()


def test_sound_and_last_frames_choose_the_resolution_that_they_need() -> None:
    assert planned("kling-2.6", generate_audio=True)[1]["settings"]["resolution"] == "1080p"
    both = planned("kling-2.6", image_list=[FIRST, LAST], generate_audio=True)[1]["settings"]
    assert (both["resolution"], both["audio"]) == ("1080p", "off")
    assert planned("kling-v2-6", generate_audio=True)[1]["mode"] == "pro"
    assert planned("kling-o1", image_list=[FIRST], duration_seconds=7)[1]["settings"][
        "duration"
    ] in {5, 10}


def test_a_plan_says_what_units_come_to() -> None:
    """At 0.14 USD a unit: 0.6 of them for a silent second in 720p, 0.9 for one with sound."""
    asked = VideoGenerationConfig(provider="kling", model="kling-3.0")
    for sound, price in ((None, "0.42"), (False, "0.42"), (True, "0.63")):
        quote = plan_video(asked, request(generate_audio=sound)).quote
        assert quote is not None
        assert (quote.low, quote.high) == (Decimal(price), Decimal(price))


def test_an_own_parameter_goes_to_its_place() -> None:
    hook = "https://hooks.example/kling"
    extra = {"callback_url": hook, "multi_shot": True, "settings": {"cfg": 1}}
    _, payload = planned("kling-3.0", extra_params=extra)
    assert payload["options"]["callback_url"] == hook
    assert payload["settings"]["multi_shot"] is True
    assert payload["settings"]["cfg"] == 1
    with pytest.raises(ValidationError, match="character_orientation"):
        planned("kling-3.0", video=VIDEO, image_list=[FIRST])


def test_a_video_goes_out_by_its_url_and_bytes_are_refused(tmp_path: Path) -> None:
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200)
    (tmp_path / "a.mp4").write_bytes(film)
    for model in ("kling-3.0-omni", "kling-v3-omni"):
        assert VIDEO in json.dumps(planned(model, video=VIDEO)[1])
        for given in (film, tmp_path / "a.mp4"):
            with pytest.raises(ValidationError, match="public URL only"):
                planned(model, video=given)


# ------------------------------------------------------------------------------------------ account
@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "https://api-singapore.klingai.com"),
        ({"provider_config": {"region": "china"}}, "https://api-beijing.klingai.com"),
        ({"base_url": "https://api-beijing.klingai.com/"}, "https://api-beijing.klingai.com"),
        ({"base_url": "https://proxy.example/v1"}, "https://proxy.example"),
        ({"base_url": "https://proxy.example/v1/v1"}, "https://proxy.example"),
    ],
)
def test_regions_and_version_segments(given: dict[str, Any], place: str) -> None:
    for model, path in (
        ("kling-3.0", "text-to-video/kling-3.0"),
        ("kling-v3", "v1/videos/text2video"),
    ):
        asked = VideoGenerationConfig(provider="kling", model=model, **given)
        assert plan_video(asked, request()).endpoint == f"{place}/{path}"


def claims(header: str, secret: str) -> dict[str, Any]:
    """Return what a token claims, once its signature is found to be right."""
    scheme, _, token = header.partition(" ")
    assert scheme == "Bearer"
    head, body, mark = token.split(".")
    due = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)) == due
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_an_id_and_a_secret_sign_tokens_for_the_older_api_alone(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLINGAI_ACCESS_KEY", "an-id")
    monkeypatch.setenv("KLINGAI_SECRET_KEY", "a-secret-of-theirs")
    response = generate_video(config(simulator, "kling-v2-6", api_key=None), request())
    assert response.video
    headers = [one.headers["authorization"] for one in simulator.requests("kling")]
    for header in headers:
        told = claims(header, "a-secret-of-theirs")
        assert told["iss"] == "an-id"
        assert told["exp"] - told["nbf"] in {1805, 1806}

    with pytest.raises(ValidationError, match="plain API key") as caught:
        generate_video(config(simulator, api_key=None), request())

    assert caught.value.submission == "not_sent"
    assert len(simulator.requests("kling")) == len(headers)


# ------------------------------------------------------------------------------------------- errors
REFUSALS: tuple[tuple[int, int, type[TarashException], bool], ...] = (
    (429, 1100, AuthenticationError, False),
    (429, 1101, QuotaExceededError, False),
    (429, 1102, QuotaExceededError, False),
    (403, 1103, AuthenticationError, False),
    (400, 1201, ValidationError, False),
    (400, 1300, ContentModerationError, False),
    (400, 1301, ContentModerationError, False),
    (429, 1302, RateLimitError, True),
    (429, 1303, RateLimitError, True),
    (429, 1304, AuthenticationError, False),
    (401, 1004, AuthenticationError, False),
)


@pytest.mark.parametrize(("status", "code", "kind", "again"), REFUSALS)
@pytest.mark.parametrize("model", ["kling-3.0", "kling-v3"])
def test_a_refusal_is_read_by_its_code(  # noqa: PLR0913, PLR0917  (a row, and fixtures)
    simulator: Simulator,
    model: str,
    status: int,
    code: int,
    kind: type[TarashException],
    again: bool,
) -> None:
    """A 429 may be about money, and a 200 may be a refusal."""
    for sent in (status, 200):
        body = {"code": code, "message": "no", "request_id": "r"}
        simulator.fail("kling", "submit", Fault.status(sent, body))
        with pytest.raises(kind) as caught:
            generate_video(config(simulator, model), request())

        assert caught.value.retryable is again
        assert caught.value.submission in {"rejected", None}

    assert simulator.counters("kling").accepted == 0


def test_the_reason_of_a_failed_job_is_its_own_and_not_the_envelopes(simulator: Simulator) -> None:
    simulator.script("kling", Script(outcome="failed", error_message="Image pixel is invalid"))
    for model in ("kling-3.0", "kling-v3"):
        with pytest.raises(GenerationFailedError, match="Image pixel is invalid"):
            generate_video(config(simulator, model), request())


def test_what_stands_beside_a_result(simulator: Simulator) -> None:
    for model in ("kling-3.0", "kling-v3"):
        response = generate_video(config(simulator, model), request(duration_seconds=5))
        beside = response.provider_metadata
        ends = datetime.fromisoformat(beside["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=29) < ends <= timedelta(days=30)
        assert beside["cost"] == {"amount": 1.0, "unit": "unit"}
        assert beside["video_id"].startswith("9")
        assert response.duration == 5.041


@pytest.mark.parametrize(
    ("status", "code", "submits"),
    [
        (500, 5000, 2),  # the task may be there: it is looked for
        (504, 5002, 2),
        (503, 5001, 4),  # under maintenance: it is tried again, and refused as a second one
    ],
)
async def test_a_second_try_after_a_lost_first_is_found_and_not_bought_again(
    simulator: Simulator, status: int, code: int, submits: int
) -> None:
    """The first was taken, and answered with an error."""
    broken: list[str] = []

    async def between(asked: web.Request) -> web.StreamResponse:
        body = await asked.read()
        async with (
            ClientSession() as session,
            session.request(
                asked.method,
                f"{simulator.base_url('kling')}{asked.path_qs}",
                data=body or None,
                headers={k: v for k, v in asked.headers.items() if k.lower() != "host"},
            ) as found,
        ):
            told = await found.json()
            if asked.method == "POST" and not broken:
                broken.append(asked.path)
                said = {"code": code, "message": "Server error", "request_id": "r"}
                return web.json_response(said, status=status)

            return web.json_response(told, status=found.status)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", between)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    place = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Gateway() as gateway:
            for model in ("kling-3.0", "kling-v3"):
                broken.clear()
                asked = config(simulator, model, base_url=place, max_retries=2)
                response = await gateway.generate_video_async(asked, request())
                assert response.execution_metadata is not None
                assert response.execution_metadata.attempts[0].adopted
    finally:
        await runner.cleanup()

    assert simulator.counters("kling").submits == submits
    assert simulator.counters("kling").accepted == 2


# -------------------------------------------------------------------------------------------- wire
EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "text-to-video/kling-3.0-turbo",
        {
            "prompt": "a paper boat on a rainy street",
            "settings": {"resolution": "1080p", "aspect_ratio": "9:16", "duration": 5},
            "options": {"external_task_id": "tg-0001", "callback_url": "https://hooks.example/k"},
        },
    ),
    (
        "omni-video/kling-3.0-omni",
        {
            "contents": [
                {"type": "prompt", "text": "@hero walks into the @place"},
                {"type": "refer_image", "url": "https://cdn.example/hero.png", "id": "hero"},
                {"type": "refer_image", "url": "https://cdn.example/place.jpg", "id": "place"},
            ],
            "settings": {
                "resolution": "720p",
                "aspect_ratio": "16:9",
                "duration": 8,
                "audio": "native",
                "multi_shot": False,
            },
            "options": {"external_task_id": "tg-0002"},
        },
    ),
    (
        "v1/videos/image2video",
        {
            "model_name": "kling-v2-6",
            "image": "iVBORw0KGgo=",
            "prompt": "slow push in",
            "mode": "pro",
            "duration": "5",
            "sound": "off",
            "external_task_id": "tg-0003",
        },
    ),
    (
        "v1/images/generations",
        {
            "model_name": "kling-v3",
            "prompt": "tin robot, studio light",
            "resolution": "2k",
            "aspect_ratio": "3:2",
            "n": 2,
        },
    ),
)
WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("text-to-video/kling-3.0", {"contents": []}),
    ("text-to-video/kling-3.0", {"prompt": "a", "settings": {"duration": "5"}}),
    ("text-to-video/kling-3.0", {"prompt": "a", "negative_prompt": "b"}),
    ("text-to-video/kling-3.0-turbo", {"prompt": "a", "settings": {"audio": "off"}}),
    ("omni-video/kling-o1", {"prompt": "a"}),
    ("image-to-video/kling-3.0", {"contents": [{"type": "prompt", "text": "a"}]}),
    ("v1/videos/text2video", {"prompt": "a", "duration": 5, "model_name": "kling-v3"}),
    ("v1/videos/text2video", {"prompt": "a", "mode": "standard", "model_name": "kling-v3"}),
    ("v1/videos/image2video", {"image": "data:image/png;base64,aaaa", "model_name": "kling-v3"}),
    ("v1/videos/image2video", {"image": "aaaa", "aspect_ratio": "1:1", "model_name": "kling-v3"}),
)


def posted(
    simulator: Simulator, path: str, body: dict[str, Any], scheme: str = "Bearer"
) -> tuple[int, Any]:
    asked = Request(  # noqa: S310  (to this machine)
        f"{simulator.base_url('kling')}/{path}",
        json.dumps(body).encode(),
        {"Authorization": f"{scheme} a-key", "Content-Type": "application/json"},
    )
    try:
        with urlopen(asked) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except RawError as error:
        with error:
            return error.code, json.load(error)


def test_the_wire_takes_the_vendors_examples_and_nothing_else(simulator: Simulator) -> None:
    for path, body in EXAMPLES:
        status, told = posted(simulator, path, body)
        assert (status, told["code"]) == (200, 0), told
        named = "task_id" if path.startswith("v1") else "id"
        assert told["data"][named].isdigit()

    status, told = posted(simulator, *EXAMPLES[0])
    assert (status, told["code"]) == (400, 1201)
    assert "already exists" in told["message"]
    for path, body in WRONG:
        status, told = posted(simulator, path, body)
        assert (status, told["code"]) == (400, 1201), (path, body)

    assert posted(simulator, *EXAMPLES[3], scheme="Key")[0] == 401
    assert simulator.counters("kling").accepted == len(EXAMPLES)
