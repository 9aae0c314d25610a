"""How a declared provider is asked: every form of body, key, upload and list that files can say."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    QuotaExceededError,
    RateLimitError,
    Registry,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.catalog import describe
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers import Provider, declared_provider, read_declaration
from tarash.tarash_gateway.providers._folders import declared_folder

KEY = "key-of-boreal-0123456789"
PICTURE = {"content": samples.make_png(64, 64, 1), "content_type": "image/png"}
PROMPT = {"from": "prompt", "required": True}


class Boreal:
    """A vendor that keeps what it was sent, and answers what it is given."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.answers: dict[str, list[Any]] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = request.content_type.startswith(("multipart/", "application/x-www-form"))
        sent: Any = None
        if form:
            fields = await request.post()
            sent = [
                (name, (one.filename, one.file.read()) if isinstance(one, web.FileField) else one)
                for name, one in fields.items()
            ]
        elif request.can_read_body:
            content = await request.read()
            sent = json.loads(content) if request.content_type == "application/json" else content

        self.seen.append(
            {"path": request.path_qs, "body": sent, "type": request.content_type}
            | {"headers": dict(request.headers), "method": request.method}
        )
        queue = self.answers[request.path]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        answer = answer() if callable(answer) else answer
        status = 200
        if isinstance(answer, tuple):
            status, answer = answer

        if isinstance(answer, str):
            return web.Response(text=answer, content_type="application/x-ndjson", status=status)

        return web.json_response(answer, status=status)


@pytest.fixture
async def boreal() -> AsyncIterator[Boreal]:
    vendor = Boreal()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", vendor.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield vendor
    await runner.cleanup()


def image_maker(url: str, **changes: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": "boreal",
        "title": "Boreal",
        "account": {"base_url": url, "variables": ["BOREAL_KEY"]},
        "submit": {"path": "make", "at_once": True},
        "result": {"media": {"image": ["data[].url"]}},
        "models": [
            {
                "ids": ["aurora-1"],
                "kind": "image",
                "takes": {"prompt": PROMPT, "picture": {"from": "image_list"}},
            }
        ],
    }
    return said | changes


def video_maker(url: str, **changes: Any) -> dict[str, Any]:
    said = image_maker(
        url,
        submit={"path": "make"},
        poll={
            "path": "jobs/{id}",
            "statuses": {"on": "processing", "ok": "completed", "lost": "gone"},
            "pace": 0.01,
        },
        result={"media": {"video": ["url"]}},
        models=[{"ids": ["aurora-v"], "kind": "video", "takes": {"prompt": PROMPT}}],
    )
    return said | changes


def gateway(said: dict[str, Any]) -> Gateway:
    registry = Registry()
    registry.register(declared_provider(said))
    return Gateway(registry=registry)


def image_config(**changes: Any) -> ImageGenerationConfig:
    given = {"provider": "boreal", "model": "aurora-1", "api_key": KEY, **changes}
    return ImageGenerationConfig.model_validate(given)


def video_config(**changes: Any) -> VideoGenerationConfig:
    given = {"provider": "boreal", "model": "aurora-v", "api_key": KEY, "poll_interval": 0.02}
    return VideoGenerationConfig.model_validate({**given, **changes})


IMAGES = {"data": [{"url": "https://cdn.example/a.png"}]}
WITH_PICTURES = ImageGenerationRequest.model_validate(
    {"prompt": "Ice", "image_list": [{"image": PICTURE}, {"image": PICTURE}]}
)
DONE = {"status": "ok", "url": "https://cdn.example/a.mp4"}
REQUEST = VideoGenerationRequest(prompt="Ice")


@pytest.mark.parametrize("names", ["name", "name[]"])
async def test_a_form_has_files_text_and_json(boreal: Boreal, names: str) -> None:
    boreal.answers["/make"] = [IMAGES]
    said = image_maker(
        boreal.url,
        submit={"path": "make", "at_once": True, "sends": "multipart", "file_lists": names}
        | {"body": {"count": 2, "safe": False, "more": {"a": 1}}},
        media={"inline": "part", "url": False},
    )
    async with gateway(said) as one:
        await one.generate_image_async(image_config(), WITH_PICTURES)

    (seen,) = boreal.seen
    assert seen["type"] == "multipart/form-data"
    part = "picture" if names == "name" else "picture[]"
    assert seen["body"] == [
        ("count", "2"),
        ("safe", "false"),
        ("more", '{"a": 1}'),
        ("model", "aurora-1"),
        ("prompt", "Ice"),
        (part, ("picture-0.png", PICTURE["content"])),
        (part, ("picture-1.png", PICTURE["content"])),
    ]


@pytest.mark.parametrize(("sends", "sent"), [("form", "form"), ("array", "array")])
async def test_plain_forms_and_arrays(boreal: Boreal, sends: str, sent: str) -> None:
    boreal.answers["/make"] = [IMAGES]
    said = image_maker(boreal.url, submit={"path": "make", "at_once": True, "sends": sends})
    async with gateway(said) as one:
        await one.generate_image_async(image_config(), ImageGenerationRequest(prompt="Ice"))

    body = {"model": "aurora-1", "prompt": "Ice"}
    expected: Any = [body] if sent == "array" else list(body.items())
    assert boreal.seen[0]["body"] == expected


async def test_a_key_in_the_query_goes_to_the_provider_and_nobody_else(boreal: Boreal) -> None:
    boreal.answers["/make"] = [(400, {"error": f"no: {KEY}"})]
    said = image_maker(boreal.url)
    said["account"]["auth"] = {"type": "query", "parameter": "token"}
    async with gateway(said) as one:
        with pytest.raises(HTTPError) as caught:
            await one.generate_image_async(image_config(), ImageGenerationRequest(prompt="Ice"))

    assert boreal.seen[0]["path"] == f"/make?token={KEY}"
    assert "Authorization" not in boreal.seen[0]["headers"]
    assert KEY not in f"{caught.value!r} {caught.value.raw_response} {caught.value.__cause__!r}"


async def test_the_last_event_counts_and_all_are_kept(boreal: Boreal) -> None:
    events = [{"type": "part", "data": []}, {"type": "whole", **IMAGES}]
    text = "".join(f"data: {json.dumps(one)}\n\n" for one in events)
    boreal.answers["/make"] = [f": hello\n\n{text}data: [DONE]\n\n", IMAGES]
    said = image_maker(boreal.url, submit={"path": "make", "at_once": True, "answers": "events"})
    async with gateway(said) as one:
        for _ in range(2):  # as events, then as JSON
            made = await one.generate_image_async(
                image_config(), ImageGenerationRequest(prompt="Ice")
            )
            assert made.images == ("https://cdn.example/a.png",)
            if "events" in made.raw_response:
                assert made.raw_response["events"] == events


@pytest.mark.parametrize(("name", "reads"), [("open", 0), ("closed", 1)])
async def test_only_the_named_addresses_want_the_key(boreal: Boreal, name: str, reads: int) -> None:
    place = f"{boreal.url}/film"
    boreal.answers = {"/make": [{"id": "1"}], "/film": ["text"]}
    boreal.answers["/jobs/1"] = [{"status": "ok", name: [place]}]
    said = video_maker(
        boreal.url,
        result={"media": {"video": ["open[]", "closed[]"]}, "authorised": ["closed[]"]},
    )
    asked = video_config(max_poll_attempts=2, on_timeout="detach")
    async with gateway(said) as one:
        if reads:
            with pytest.raises(TarashException):  # what is read there is no video
                await one.generate_video_async(asked, REQUEST)
        else:
            assert (await one.generate_video_async(asked, REQUEST)).video == place

    assert (sum(seen["path"] == "/film" for seen in boreal.seen) > 0) is bool(reads)


async def test_an_error_beside_a_status_of_the_job_is_the_jobs(boreal: Boreal) -> None:
    failed = {"status": "bad", "error": {"code": "x9", "message": "no such style"}}
    boreal.answers = {"/make": [{"id": "1"}], "/jobs/1": [failed]}
    said = video_maker(boreal.url, errors={"inside": {"at": "error.code"}})
    said["poll"]["statuses"]["bad"] = "failed"
    async with gateway(said) as one:
        with pytest.raises(GenerationFailedError, match="no such style"):
            await one.generate_video_async(video_config(max_poll_attempts=3), REQUEST)


@pytest.mark.parametrize(
    ("fields", "sides"),
    [({}, (640, 360)), ({"aspect_ratio": "9:16"}, (360, 640)), ({"size": "2000x2000"}, (512, 512))],
)
@pytest.mark.parametrize("form", ["apart", "object"])
async def test_sides_that_are_sent_apart_are_one_of_the_listed_sizes(
    boreal: Boreal, form: str, fields: dict[str, Any], sides: tuple[int, int]
) -> None:
    boreal.answers["/make"] = [IMAGES]
    size = {"from": "size", "allowed": ["640x360", "360x640", "512x512"], "default": "640x360"}
    names = ["size"] if form == "object" else ["width", "height"]
    said = image_maker(boreal.url)
    said["models"][0]["takes"] |= {
        name: {**size, "form": name if form == "apart" else "object"} for name in names
    }
    async with gateway(said) as one:
        asked = ImageGenerationRequest.model_validate({"prompt": "Ice", **fields})
        await one.generate_image_async(image_config(), asked)

    body = boreal.seen[0]["body"]
    sent = body["size"] if form == "object" else body
    assert (sent["width"], sent["height"]) == sides


async def test_several_images_have_names_with_numbers(boreal: Boreal) -> None:
    boreal.answers["/make"] = [IMAGES]
    said = image_maker(boreal.url, media={"inline": "base64"})
    take = {"from": "image_list", "at": "in.picture", "numbered": "in.picture_{number}"}
    said["models"][0]["takes"]["picture"] = take
    async with gateway(said) as one:
        await one.generate_image_async(image_config(), WITH_PICTURES)

    assert boreal.seen[0]["body"]["in"].keys() == {"picture", "picture_2"}
    with pytest.raises(ValidationError, match="numbered needs a"):
        read_declaration(image_maker("https://boreal.example", models=[{
            "ids": ["a"], "kind": "image", "takes": {"picture": {**take, "numbered": "more"}},
        }]))  # fmt: skip


@pytest.mark.parametrize(("later", "cost", "state"), [(None, 0.5, "reported"), (0, 0, "settled")])
async def test_a_cost_that_is_told_before_serves_where_none_comes_after(
    boreal: Boreal, later: int | None, cost: float, state: str
) -> None:
    boreal.answers = {"/make": [{"id": "1", "price": 50}], "/jobs/1": [{**DONE, "price": later}]}
    said = video_maker(
        boreal.url,
        submit={"path": "make", "cost": "price"},
        result={"media": {"video": ["url"]}, "cost": "price", "cost_scale": 0.01},
    )
    async with gateway(said) as one:
        made = await one.generate_video_async(video_config(), REQUEST)

    assert made.cost is not None
    assert (float(made.cost.amount), made.cost.state) == (cost, state)


async def test_the_last_line_counts(boreal: Boreal) -> None:
    boreal.answers["/make"] = ['{"progress": 1}\n' + json.dumps(IMAGES) + "\n"]
    said = image_maker(boreal.url, submit={"path": "make", "at_once": True, "answers": "lines"})
    async with gateway(said) as one:
        made = await one.generate_image_async(image_config(), ImageGenerationRequest(prompt="Ice"))

    assert made.images == ("https://cdn.example/a.png",)


async def test_a_stream_of_lines_that_breaks_off_is_no_answer() -> None:
    """Its first line is a whole object; what was bought is not bought again elsewhere."""
    posts = 0

    async def broken(request: web.Request) -> web.StreamResponse:
        nonlocal posts
        posts += 1
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        await answer.write(b'{"status": "starting"}\n')
        await asyncio.sleep(0.01)
        assert request.transport is not None
        request.transport.abort()
        return answer

    app = web.Application()
    app.router.add_post("/make", broken)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    said = image_maker(url, submit={"path": "make", "at_once": True, "answers": "lines"})
    config = image_config().model_copy(
        update={"failover": "when_safe", "fallback_configs": (image_config(),)}
    )
    try:
        async with gateway(said) as one:
            with pytest.raises(TarashException) as caught:
                await one.generate_image_async(config, ImageGenerationRequest(prompt="Ice"))
    finally:
        await runner.cleanup()

    assert (caught.value.submission, posts) == ("unknown", 1)


@pytest.mark.parametrize("way", ["multipart", "body", "put"])
async def test_bytes_are_handed_over_first(boreal: Boreal, way: str) -> None:
    upload: dict[str, Any] = {"path": "files", "reference": "file.id", "prefix": "boreal://"}
    upload |= {"submit_headers": {"X-Stored": "yes"}, "fields": {"purpose": "input"}}
    upload |= {"sends": way} if way != "put" else {"sends": "json", "put_to": "to"}
    boreal.answers["/make"] = [IMAGES]
    boreal.answers["/files"] = [{"file": {"id": 7}, "to": f"{boreal.url}/put"}]
    boreal.answers["/put"] = [{}]
    said = image_maker(boreal.url, upload=upload, media={"inline": "none"})
    async with gateway(said) as one:
        request = {"prompt": "Ice", "image_list": [{"image": PICTURE}]}
        await one.generate_image_async(
            image_config(), ImageGenerationRequest.model_validate(request)
        )

    submit = boreal.seen[-1]
    assert submit["body"]["picture"] == ["boreal://7"]
    assert submit["headers"]["X-Stored"] == "yes"
    handed = boreal.seen[-2]
    content = handed["body"][-1][1][1] if way == "multipart" else handed["body"]
    assert content == PICTURE["content"]
    if way == "multipart":
        assert handed["body"][0] == ("purpose", "input")


async def test_an_answer_that_is_a_job_or_the_result(boreal: Boreal) -> None:
    boreal.answers["/make"] = [{"url": "https://cdn.example/now.mp4"}, {"id": "j1"}]
    boreal.answers["/jobs/j1"] = [DONE]
    async with gateway(video_maker(boreal.url, submit={"path": "make", "may_answer": True})) as one:
        now = await one.generate_video_async(video_config(), REQUEST)
        later = await one.generate_video_async(video_config(), REQUEST)

    assert (now.video, later.video) == ("https://cdn.example/now.mp4", DONE["url"])


async def test_a_young_job_may_be_unknown(boreal: Boreal) -> None:
    boreal.answers["/make"] = [{"id": "j1"}]
    boreal.answers["/jobs/j1"] = [(404, {"error": "what?"}), {"status": "lost"}, DONE]
    said = video_maker(boreal.url)
    said["poll"]["missing_for"] = 600
    async with gateway(said) as one:
        made = await one.generate_video_async(video_config(), REQUEST)

    assert made.video == DONE["url"]


async def test_each_model_has_its_own_stages_and_its_path(boreal: Boreal) -> None:
    """As where a vendor's older models have an API of their own."""
    old = {"models": ["old-*"], "path": "{path}/{id}", "status": "task.state", "pace": 0.01}
    old["statuses"] = {"succeed": "completed"}
    said = video_maker(boreal.url)
    said["submit"] = [{"path": "v1/old", "models": ["old-*"], "id": "task_id"}, {"path": "make"}]
    said["poll"] = [old, said["poll"]]
    said["result"] = [{"models": ["old-*"], "media": {"video": ["task.url"]}}, said["result"]]
    said["models"][0]["ids"] = ["aurora-v", "old-1"]
    boreal.answers["/make"] = [{"id": "j1"}]
    boreal.answers["/jobs/j1"] = [DONE]
    boreal.answers["/v1/old"] = [{"task_id": "t1"}]
    boreal.answers["/v1/old/t1"] = [{"task": {"state": "succeed", "url": "https://cdn.example/o"}}]
    async with gateway(said) as one:
        new = await one.generate_video_async(video_config(), REQUEST)
        older = await one.generate_video_async(video_config(model="old-1"), REQUEST)

    assert (new.video, older.video) == (DONE["url"], "https://cdn.example/o")


async def test_a_lost_job_is_found_on_a_later_page(boreal: Boreal) -> None:
    def second_page() -> Any:
        return {"jobs": [{"id": "j9", "ref": boreal.seen[0]["body"]["ref"]}]}

    said = video_maker(boreal.url, submit={"path": "make", "own_id": "ref"})
    said["list"] = {"path": "all?after={cursor}", "items": "jobs", "own_id": "ref", "next": "next"}
    boreal.answers["/make"] = [(504, {"error": "late"})]
    boreal.answers["/jobs/j9"] = [DONE]
    boreal.answers["/all"] = [{"jobs": [{"id": "j1", "ref": "other"}], "next": "c2"}, second_page]
    async with gateway(said) as one:
        made = await one.generate_video_async(video_config(), REQUEST)

    assert made.video == DONE["url"]
    assert "/all?after=c2" in [one["path"] for one in boreal.seen]


# --------------------------------------------------------------------------------- what models take
def plan(said: dict[str, Any], **request: Any) -> Any:
    kind = said["models"][0]["kind"]
    maker = gateway(said)
    if kind == "image":
        asked = ImageGenerationRequest.model_validate({"prompt": "Ice", **request})
        return maker.plan_image(image_config(), asked)

    video = VideoGenerationRequest.model_validate({"prompt": "Ice", **request})
    return maker.plan_video(video_config(), video)


def takes(**parameters: Any) -> dict[str, Any]:
    said = video_maker("https://boreal.example")
    said["models"][0]["takes"] = {"prompt": PROMPT, **parameters}
    return said


@pytest.mark.parametrize(
    ("wish", "sent", "bent"),
    [
        ({"resolution": "1080p", "aspect_ratio": "9:16"}, "1080*1920", []),
        ({"resolution": "720p"}, "1280*720", []),
        ({"aspect_ratio": "1:1", "resolution": "1080p"}, "1440*1440", ["resolution"]),
        ({}, "1280*720", []),
    ],
)
def test_a_size_of_resolution_and_aspect_ratio(
    wish: dict[str, Any], sent: str, bent: list[str]
) -> None:
    sizes = ["1280*720", "720*1280", "1920*1080", "1080*1920", "1440*1440"]
    said = takes(size={"from": "size", "allowed": sizes, "default": "1280*720"})
    made = plan(said, **wish)
    assert made.payload["size"] == sent
    assert [one.field for one in made.adjustments] == bent


def test_what_the_vendor_spells_in_its_own_way_is_no_adjustment() -> None:
    said = takes(
        resolution={"from": "resolution", "allowed": ["768P", "2K"]},
        ratio={"from": "aspect_ratio", "allowed": ["16:9", "1:1", "adaptive"]},
    )
    made = plan(said, resolution="1440p", aspect_ratio="1:1")
    assert (made.payload["resolution"], made.payload["ratio"]) == ("2K", "1:1")
    assert made.adjustments == ()
    assert [one.sent for one in plan(said, resolution="720p").adjustments] == ["768P"]


def test_conditions_limits_and_what_is_always_sent() -> None:
    said = takes(
        ratio={"from": "aspect_ratio", "default": "16:9", "lacks": ["first_frame"]},
        frame={"from": "image_list", "roles": ["first_frame"], "most": 1},
        refs={"from": "image_list", "roles": ["reference"]},
        seconds={"from": "duration_seconds", "low": 3, "high": 15, "form": "text", "default": "5"},
        lines={"from": "resolution", "allowed": ["720p", "1080p"]},
    )
    model = said["models"][0]
    model["body"] = {"multi_shot": False, "options": {"watermark": False}}
    model["sent_as"] = "aurora-video"
    model["limits"] = [
        {"when": "resolution", "values": ["1080p"], "limits": "duration_seconds", "to": [6]}
    ]
    model["apart"] = [{"these": ["first_frame"], "those": ["reference"]}]
    model["totals"] = [{"of": ["reference"], "most": 2}]
    assert plan(said).payload == {
        "model": "aurora-video",
        "prompt": "Ice",
        "ratio": "16:9",
        "seconds": "5",
        "multi_shot": False,
        "options": {"watermark": False},
    }
    url = "https://example.com/a.png"
    frame = {"image": url, "type": "first_frame"}
    framed = plan(said, image_list=[frame], duration_seconds=7.4, aspect_ratio="1:1")
    assert "ratio" not in framed.payload
    assert framed.payload["seconds"] == "7"
    assert [one.field for one in framed.adjustments] == ["duration_seconds", "aspect_ratio"]
    assert plan(said, resolution="1080p", duration_seconds=10).payload["seconds"] == "6"
    with pytest.raises(ValidationError, match="not both"):
        plan(said, image_list=[frame, {"image": url}])

    with pytest.raises(ValidationError, match="takes 2 media of reference together"):
        plan(said, image_list=[{"image": url}] * 3)


def test_parts_of_a_message() -> None:
    said = image_maker("https://boreal.example")
    said["submit"]["body"] = {"input": {"messages": [{"role": "user"}]}}
    said["models"][0]["takes"] = {
        "words": {"from": "prompt", "at": "input.messages.0.content[]", "value_at": "text"},
        "shown": {"from": "image_list", "at": "input.messages.0.content[]", "value_at": "image"},
        "size": {"from": "size", "at": "parameters.size", "allowed": ["1024*1024", "1664*928"]},
    }
    url = "https://example.com/a.png"
    made = plan(said, image_list=[{"image": url}], aspect_ratio="16:9")
    content = [{"text": "Ice"}, {"image": url}]
    assert made.payload["input"] == {"messages": [{"role": "user", "content": content}]}
    assert made.payload["parameters"] == {"size": "1664*928"}
    assert plan(said, size="1024x1024").payload["parameters"] == {"size": "1024*1024"}


def test_a_schema_beside_the_file(tmp_path: Path) -> None:
    said = video_maker("https://boreal.example")
    schema = {
        "type": "object",
        "required": ["prompt"],
        "properties": {
            "prompt": {"type": "string"},
            "duration": {"type": "integer", "enum": [4, 8]},
            "style": {"type": "string", "enum": ["noir", "ink"]},
        },
    }
    said["models"][0] = {"ids": ["aurora-v"], "kind": "video", "schema": "aurora.json"}
    path = tmp_path / "boreal.toml"
    path.write_text(as_toml(said), encoding="utf-8")
    with pytest.raises(ValidationError, match=r"boreal.toml:\d+: the schema 'aurora.json' can't"):
        read_declaration(path)

    (tmp_path / "aurora.json").write_text(json.dumps(schema), encoding="utf-8")
    registry = Registry()
    registry.register(declared_provider(path))
    asked = VideoGenerationRequest(prompt="Ice", duration_seconds=5, extra_params={"stlye": "ink"})
    made = Gateway(registry=registry).plan_video(video_config(), asked)
    assert made.payload == {"model": "aurora-v", "prompt": "Ice", "duration": 4, "stlye": "ink"}
    assert "style" in str(made.adjustments)


def as_toml(said: dict[str, Any]) -> str:
    """Write a declaration as TOML, as far as these tests need it."""
    lines = [f"{name} = {inline(one)}" for name, one in said.items()]
    return "\n".join(lines) + "\n"


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{name}" = {inline(one)}' for name, one in value.items()) + "}"

    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"

    return json.dumps(value)


# -------------------------------------------------------------------------------------- the account
ADDRESS = {
    "base_url": "https://api.boreal.example/api/v1",
    "variables": ["BOREAL_KEY"],
    "region": "south",
    "settings": {"workspace": {"variable": "BOREAL_WORKSPACE"}},
    "regions": {
        "south": [
            "https://{workspace}.south.boreal.example/api/v1",
            "https://south.boreal.example/api/v1",
        ],
        "north": "https://{workspace}.north.boreal.example/api/v1",
    },
}


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ({}, "https://south.boreal.example/api/v1"),
        ({"workspace": "w1"}, "https://w1.south.boreal.example/api/v1"),
        ({"workspace": "w1", "region": "north"}, "https://w1.north.boreal.example/api/v1"),
        ({"region": "north"}, "needs workspace"),
        ({"workspace": "evil.example/"}, "no part of a host's name"),
        ({"region": "west"}, "no region 'west'; it has: south, north"),
    ],
)
def test_regions_and_settings_in_the_address(config: dict[str, Any], address: str) -> None:
    said = video_maker("https://x.example")
    said["account"] = ADDRESS
    maker = gateway(said)
    asked = video_config(provider_config=config)
    if not address.startswith("https"):
        with pytest.raises(ValidationError, match=address):
            maker.plan_video(asked, REQUEST)
    else:
        assert maker.plan_video(asked, REQUEST).endpoint == f"{address}/make"


@pytest.mark.parametrize(
    ("declared", "given", "address"),
    [
        ("https://a.example/api/v3", "https://b.example", "https://b.example/api/v3/make"),
        ("https://a.example/api/v3", "https://b.example/api/v3/", "https://b.example/api/v3/make"),
        ("https://a.example/v1", "https://b.example/v1/v1", "https://b.example/v1/make"),
        ("https://a.example", "https://b.example/v1", "https://b.example/make"),
        ("https://a.example/v1", "https://b.example/proxy", "https://b.example/proxy/make"),
    ],
)
def test_a_version_is_forgiven(declared: str, given: str, address: str) -> None:
    maker = gateway(video_maker(declared))
    assert maker.plan_video(video_config(base_url=given), REQUEST).endpoint == address


def test_the_end_of_a_model_is_known() -> None:
    said = video_maker("https://boreal.example", name="boreal-ends")
    said["models"].append(
        {"ids": ["aurora-0*"], "kind": "video", "takes": {"prompt": PROMPT}}
        | {"shutdown": "2020-01-02", "successor": "aurora-v"}
    )
    registry = Registry()
    registry.register(declared_provider(said))
    with registry.in_force():
        found = describe("boreal-ends", "aurora-0-lite")

    assert (str(found.shutdown), found.successor, found.retired) == ("2020-01-02", "aurora-v", True)


def test_a_hook_replaces_one_stage_and_may_use_the_declared_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("boreal_hooks")
    module.__dict__["resolve_spec"] = lambda adapter, call, spec: type(adapter).resolve_spec(
        adapter, call, spec
    )
    module.__dict__["shout"] = lambda _request, value: value.upper()
    monkeypatch.setitem(sys.modules, "boreal_hooks", module)
    said = takes(prompt={**PROMPT, "convert": "boreal_hooks:shout"})
    said["hooks"] = {"resolve_spec": "boreal_hooks:resolve_spec"}
    assert plan(said).payload["prompt"] == "ICE"


FOLDER = """
from tarash.tarash_gateway.providers._folders import declared_folder
provider = declared_folder(__name__, "folded", "Folded", keys=("FOLDED_KEY",))
"""


def test_a_folder_of_the_package_is_read_when_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folded_vendor").mkdir()
    said = video_maker("https://folded.example", name="folded", title="Folded")
    (tmp_path / "folded_vendor" / "__init__.py").write_text(FOLDER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    row: Provider = __import__("folded_vendor").provider
    with pytest.raises(ValidationError, match=r"folded_vendor/provider.toml can't be read"):
        row.load()

    path = tmp_path / "folded_vendor" / "provider.toml"
    path.write_text(as_toml(said), encoding="utf-8")
    assert row.load().base_url == "https://folded.example"
    assert row.load() is row.load()
    registry = Registry()
    registry.register(row)
    config = VideoGenerationConfig(provider="folded", model="aurora-v")
    assert Gateway(registry=registry).plan_video(config, REQUEST).payload["prompt"] == "Ice"
    assert declared_folder("x", "y", "Y", keys=()).open_settings == ("region",)


# ------------------------------------------------------------------- lists, addresses, masks, rules
async def test_a_list_is_asked_by_post_and_shows_all_that_was_sent(boreal: Boreal) -> None:
    """A job of another input is not ours, and one that shows more than we said may be."""

    def page() -> Any:
        sent = boreal.seen[0]["body"]
        others = [
            {"id": "j1", "at": "2999-01-01T00:00:00Z", "input": {**sent, "prompt": "Fire"}},
            {"id": "j2", "at": "2020-01-01T00:00:00Z", "input": sent},
        ]
        if boreal.seen[-1]["body"]["page"] == 1:
            return {"jobs": others}

        return {"jobs": [{"id": "j9", "at": "2999-01-01T00:00:00Z", "input": {**sent, "seed": 1}}]}

    said = video_maker(boreal.url)
    said["list"] = {"path": "mine", "method": "POST", "items": "jobs", "page_size": 2}
    said["list"] |= {"body": {"page": "{page}", "of": ["{model}"], "from": "since {since}"}}
    said["list"] |= {"created": "at", "sent": "input"}
    boreal.answers["/make"] = [(504, {"error": "late"})]
    boreal.answers["/mine"] = [page]
    boreal.answers["/jobs/j9"] = [DONE]
    async with gateway(said) as one:
        made = await one.generate_video_async(video_config(), REQUEST)

    assert made.video == DONE["url"]
    asked = [each["body"] for each in boreal.seen if each["path"] == "/mine"]
    assert [each["page"] for each in asked] == [1, 2]
    assert asked[0]["of"] == ["aurora-v"]
    assert re.fullmatch(r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked[0]["from"])


@pytest.mark.parametrize("answer", [{}, {"hint": "soon"}])
async def test_a_list_that_is_none_is_told(
    boreal: Boreal, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    said = video_maker(boreal.url, submit={"path": "make", "own_id": "ref"})
    said["list"] = {"path": "all", "items": "jobs", "own_id": "ref"}
    boreal.answers["/make"] = [(504, {"error": "late"})]
    boreal.answers["/all"] = [answer]
    async with gateway(said) as one:
        with pytest.raises(HTTPError) as caught:
            await one.generate_video_async(video_config(), REQUEST)

    assert caught.value.submission == "unknown"
    assert "search_failed" in caplog.text


@pytest.mark.parametrize(
    ("listing", "wrong"),
    [
        ({"created": "at"}, "created and sent"),
        ({"sent": "input"}, "created and sent"),
        ({"created": "at", "sent": "input", "next": "more"}, "needs a {cursor}"),
    ],
)
def test_a_list_without_proof_is_refused(listing: dict[str, Any], wrong: str) -> None:
    said = video_maker("https://boreal.example", list={"path": "mine", "items": "jobs", **listing})
    with pytest.raises(ValidationError, match=wrong):
        read_declaration(said)


async def test_own_parameters_may_stand_in_the_address(boreal: Boreal) -> None:
    boreal.answers["/make"] = [IMAGES]
    way = {"path": "make", "at_once": True, "in_query": ["hook"]}
    own = {"hook": "https://a.example/b?c=d&e", "other": 1}
    async with gateway(image_maker(boreal.url, submit=way)) as one:
        await one.generate_image_async(
            image_config(), ImageGenerationRequest(prompt="Ice", extra_params=own)
        )

    (seen,) = boreal.seen
    assert parse_qsl(seen["path"].partition("?")[2]) == [("hook", own["hook"])]
    assert seen["body"] == {"model": "aurora-1", "prompt": "Ice", "other": 1}


async def test_a_ticket_for_storage_says_what_will_come_and_which_headers(boreal: Boreal) -> None:
    fields: dict[str, Any] = {
        "file": "{name}",
        "kind": "{content_type}",
        "bytes": "{size}",
        "more": ["a", 1],
    }
    upload: dict[str, Any] = {"path": "files", "sends": "json", "put_to": "to"}
    upload |= {"reference": "final"}
    upload |= {"fields": fields, "put_headers": "with"}
    headers = {"content-type": "image/x-own", "x-signed": "yes"}
    boreal.answers["/make"] = [IMAGES]
    boreal.answers["/put"] = [{}]
    boreal.answers["/files"] = [
        {"to": f"{boreal.url}/put", "final": "https://cdn.example/in.png", "with": headers}
    ]
    said = image_maker(boreal.url, upload=upload, media={"inline": "none"})
    pictures = [{"image": PICTURE}]
    request = ImageGenerationRequest.model_validate({"prompt": "Ice", "image_list": pictures})
    async with gateway(said) as one:
        await one.generate_image_async(image_config(), request)

    ticket, put, submit = boreal.seen
    size = len(PICTURE["content"])
    assert ticket["body"] == {"file": "input.png", "kind": "image/png", "bytes": size} | {
        "more": ["a", 1]
    }
    assert (put["method"], put["body"]) == ("PUT", PICTURE["content"])
    assert (put["headers"]["X-Signed"], put["type"]) == ("yes", "image/x-own")
    assert submit["body"]["picture"] == ["https://cdn.example/in.png"]


@pytest.mark.parametrize(("billing", "costs"), [("certain", "certain"), (None, "none")])
async def test_what_was_kept_back_is_counted_and_may_be_billed(
    boreal: Boreal, billing: str | None, costs: str
) -> None:
    said = image_maker(boreal.url, errors={"failed_billing": "none"})
    said["result"] |= {"refused": [{"at": "data[].safe", "values": [False]}]}
    said["result"] |= {"refused_billing": billing}
    held = {"url": None, "safe": False}
    boreal.answers["/make"] = [{"data": [{**IMAGES["data"][0], "safe": True}, held, held]}]
    async with gateway(said) as one:
        made = await one.generate_image_async(image_config(), ImageGenerationRequest(prompt="Ice"))
        boreal.answers["/make"] = [{"data": [held]}]
        with pytest.raises(ContentModerationError) as caught:
            await one.generate_image_async(image_config(), ImageGenerationRequest(prompt="Ice"))

    assert made.provider_metadata["kept_back"] == 2
    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing == costs


async def test_a_rule_may_ask_for_a_value_and_give_advice(boreal: Boreal) -> None:
    rules = [
        {"means": "quota", "at": "why", "value": "money|cred", "advice": "feed the meter"},
        {"means": "rate", "at": "why"},
    ]
    said = image_maker(boreal.url, errors={"message": ["said"], "rules": rules})
    async with gateway(said) as one:
        for why, kind in (("credits", QuotaExceededError), ("credo", QuotaExceededError)):
            boreal.answers["/make"] = [(400, {"why": why, "said": "no"})]
            with pytest.raises(kind, match="feed the meter"):
                await one.generate_image_async(image_config(), ImageGenerationRequest(prompt="Ice"))

        boreal.answers["/make"] = [(400, {"why": "hurry", "said": "no"})]
        with pytest.raises(RateLimitError):
            await one.generate_image_async(
                image_config(max_retries=0), ImageGenerationRequest(prompt="Ice")
            )

    with pytest.raises(ValidationError, match="give at"):
        read_declaration(image_maker("x://", errors={"rules": [{"means": "rate", "value": "a"}]}))


async def test_a_failed_job_is_heard_inside_an_error_and_a_good_code_is_none(
    boreal: Boreal,
) -> None:
    said = video_maker(boreal.url, errors={"message": ["why"], "code": ["code"]})
    said["errors"]["inside"] = {"at": "code", "unless": [0]}
    said["poll"]["statuses"]["bad"] = "failed"
    boreal.answers["/make"] = [{"id": "j1", "code": 0}]
    async with gateway(said) as one:
        for code in (0, 7):
            boreal.answers["/jobs/j1"] = [{"status": "bad", "code": code, "why": "too dark"}]
            with pytest.raises(GenerationFailedError, match="too dark") as caught:
                await one.generate_video_async(video_config(timeout=20), REQUEST)

            assert ("(7)" in caught.value.message) is bool(code)
            assert "(0)" not in caught.value.message


@pytest.mark.parametrize("mask", ["white", "black", "transparent", None])
def test_a_model_says_which_pixels_of_a_mask_are_changed(mask: str | None) -> None:
    said = image_maker("https://boreal.example")
    said["models"][0] |= {"mask": mask} if mask else {}
    said["models"][0]["takes"]["mask"] = {"from": "mask_image"}
    models: Any = declared_provider(said).models
    assert ({"aurora-1": mask} if mask else {}) == models.MASKS


@pytest.mark.parametrize("most", [1, 3])
def test_a_place_for_several_roles_holds_so_many_of_them_together(most: int) -> None:
    """Else what is too much would be left out, or sent and refused."""
    images = {"from": "image_list", "roles": ["reference", "asset"], "most": most}
    said = image_maker("https://boreal.example")
    said["models"][0]["takes"] = {"prompt": PROMPT, "images": images}
    pictures = [{"image": "https://cdn.example/a.png", "type": "asset"}] * most
    assert plan(said, image_list=pictures).payload["images"]
    with pytest.raises(ValidationError, match=f"takes {most} media of reference and asset"):
        plan(said, image_list=[*pictures, {"image": "https://cdn.example/b.png"}])


# ------------------------------------------------------------------ what hand-written adapters said
async def test_a_body_without_a_status_says_by_other_means_where_the_job_stands(
    boreal: Boreal,
) -> None:
    said = video_maker(boreal.url)
    said["poll"] |= {"completed_with": {"at": "url"}, "failed_with": {"at": "failure"}}
    boreal.answers = {
        "/make": [{"id": "1"}],
        "/jobs/1": [(202, ""), {"url": "https://cdn.example.com/a.mp4"}],
    }
    made = gateway(said)
    request = VideoGenerationRequest(prompt="x")
    assert (await made.generate_video_async(video_config(), request)).video
    boreal.answers["/jobs/1"] = [{"status": "on", "failure": "odd"}, {"failure": "out of ink"}]
    with pytest.raises(GenerationFailedError, match="out of ink"):
        await made.generate_video_async(video_config(), request)


async def test_an_error_that_anybody_may_send_fails_a_job_only_with_its_id(boreal: Boreal) -> None:
    said = video_maker(boreal.url)
    said["poll"]["failed_with"] = {"at": "error"}
    nobodys, its_own = {"error": "no upstream"}, {"id": "1", "error": "out of ink"}
    boreal.answers = {"/make": [{"id": "1"}], "/jobs/1": [nobodys, nobodys, its_own]}
    request = VideoGenerationRequest(prompt="x")
    with pytest.raises(GenerationFailedError, match="out of ink"):
        await gateway(said).generate_video_async(video_config(), request)


async def test_a_file_says_where_each_answer_has_the_jobs_id(boreal: Boreal) -> None:
    """A gateway's object has a status of its own, and a cache hands out another job's."""
    said = video_maker(boreal.url)
    said["poll"]["job_id"] = "job.id"
    word = {"status": "ok", "url": "https://cdn.example.com/a.mp4"}
    boreal.answers = {
        "/make": [{"id": "1"}],
        "/jobs/1": [
            {"status": "bad", "error": "no upstream"},
            {"status": "on", "job": {"id": 1}},
            {"status": "bad", "error": "of another", "job": {"id": 2}},
            {**word, "job": {"id": 1}},
        ],
    }
    request = VideoGenerationRequest(prompt="x")
    response = await gateway(said).generate_video_async(video_config(), request)
    assert response.video == "https://cdn.example.com/a.mp4"


async def test_a_status_that_denies_a_job_is_borne_at_first(boreal: Boreal) -> None:
    said = video_maker(boreal.url)
    said["poll"]["missing"] = [400]
    denied = (400, {"error": "no such job"})
    boreal.answers = {
        "/make": [{"id": "1"}],
        "/jobs/1": [denied, {"status": "ok", "url": "https://cdn.example.com/a.mp4"}],
    }
    response = await gateway(said).generate_video_async(
        video_config(), VideoGenerationRequest(prompt="x")
    )
    assert response.video


@pytest.mark.parametrize(("cost", "billing"), [(3, "certain"), (0, "none"), (None, "possible")])
async def test_a_refusal_says_what_it_cost_and_what_it_objects_to(
    boreal: Boreal, cost: int | None, billing: str
) -> None:
    rules = [
        {"means": "invalid", "words": "refused", "of": "answers"},
        {"means": "moderation", "words": "refused", "of": "jobs", "of_output": True},
    ]
    errors = {"rules": rules, "cost": "cost", "categories": "check: (\\w+)"}
    boreal.answers = {
        "/make": [{"id": "1"}, (400, {"error": "refused"})],
        "/jobs/1": [{"status": "bad", "error": "refused, check: hats", "cost": cost}],
    }
    said = video_maker(boreal.url, errors=errors)
    said["poll"]["statuses"] = {"ok": "completed", "bad": "failed"}
    made = gateway(said)
    with pytest.raises(ContentModerationError) as caught:
        await made.generate_video_async(video_config(), VideoGenerationRequest(prompt="x"))

    error = caught.value
    assert (error.categories, error.stage) == (("hats",), "output")
    assert error.execution_metadata is not None
    assert error.execution_metadata.attempts[0].billing == billing
    with pytest.raises(ValidationError, match="refused"):
        await made.generate_video_async(video_config(), VideoGenerationRequest(prompt="x"))


async def test_facts_that_the_answer_does_not_say(boreal: Boreal) -> None:
    result = {
        "media": {"video": ["url"]},
        "content_type": "video/webm",
        "expires_at": ["first", "second"],
        "metadata": {"hidden": {"at": "parts[].shown", "values": [False]}},
    }
    parts = [{"shown": False}, {"shown": True}, {"shown": False}]
    url = "https://cdn.example.com/a"
    body = {"status": "ok", "url": url, "second": 1_800_000_000, "parts": parts}
    boreal.answers = {"/make": [{"id": "1"}], "/jobs/1": [body]}
    response = await gateway(video_maker(boreal.url, result=result)).generate_video_async(
        video_config(), VideoGenerationRequest(prompt="x")
    )
    assert response.content_type == "video/webm"
    assert response.provider_metadata["hidden"] == 2
    assert response.provider_metadata["expires_at"].startswith("2027-01-15")


def test_media_have_a_place_by_their_form() -> None:
    picture = {"from": "image_list", "most": 3, "several_at": "pictures", "value_at": "url"}
    picture |= {"part": {"kind": "link"}, "inline_at": "data", "type_at": "type"}
    picture |= {"reference_at": "id"}
    said = image_maker("https://boreal.example", media={"references": ["boreal://"]})
    said["models"] = [
        {"ids": ["aurora-1"], "kind": "image", "takes": {"prompt": PROMPT, "picture": picture}}
    ]
    uri = "data:image/png;base64,iVBORw0KGgo="
    link = {"image": "https://example.com/a.png"}
    one = plan(said, image_list=[link]).payload
    assert one["picture"] == {"kind": "link", "url": "https://example.com/a.png"}
    several = plan(said, image_list=[link, {"image": PICTURE}, {"image": "boreal://7"}]).payload
    assert several["pictures"][1:] == [
        {"data": f"<image/png, {len(PICTURE['content'])} bytes>", "type": "image/png"},
        {"id": "7"},
    ]
    assert "picture" not in several
    inline = plan(said, image_list=[{"image": uri}]).payload["picture"]
    assert inline == {"data": "iVBORw0KGgo=", "type": "image/png"}


def test_flags_of_a_pattern_stand_with_their_part() -> None:
    rules = [{"means": "rate", "code": "(?i)busy"}]
    with pytest.raises(ValidationError, match=r"code: .*flags.*\(\?i:"):
        declared_provider(image_maker("https://boreal.example", errors={"rules": rules}))


@pytest.mark.parametrize("value", [{}, [], {"a": 1}])
def test_a_listed_value_is_plain(value: Any) -> None:
    sound = {"from": "prompt", "allowed": ["x", value]}
    said = image_maker("https://boreal.example")
    said["models"] = [
        {"ids": ["aurora-1"], "kind": "image", "has": [role], "takes": {"prompt": sound}}
        for role in ("reference", "style")
    ]
    with pytest.raises(ValidationError, match=r"allowed\.1: a value is a text, a number"):
        declared_provider(said)
