"""A declared provider against a vendor that shares no code with the adapter.

It signs nothing and parses nothing with the package: tokens are checked, and jobs kept, by hand.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    HTTPError,
    Registry,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.providers import declared_provider
from tarash.tarash_gateway.testing import video_bytes

ID, SECRET = "access-id-of-atlas", "signing-secret-of-atlas-0123456789"
KEY = "plain-key-of-atlas-0123456789"
REQUEST = VideoGenerationRequest(prompt="A kite", duration_seconds=8)
"""The vendor takes 4 and 8 seconds."""


class Atlas:
    """A vendor with jobs in a list, results behind a second request, and an envelope of its own."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.bodies: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.cancels: list[str] = []
        self.polls = 0
        self.ends_after = 2
        self.loses_answers = 0
        self.breaks_files = 0
        self.ends_as = "done"
        self.url = ""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/eu/v2/{model}/create", self.create),
            web.post("/eu/v2/query", self.query),
            web.get("/eu/v2/mine", self.mine),
            web.get("/eu/v2/files/{file}", self.file),
            web.delete("/eu/v2/tasks/{task}", self.delete),
        ]

    async def create(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers["Authorization"])
        body = await request.json()
        self.bodies.append(body)
        if "forbidden" in json.dumps(body):
            return web.json_response({"base": {"code": 1026, "msg": f"not so: {SECRET} {ID}"}})

        if "odd" in json.dumps(body):
            return web.json_response({"base": {"code": 9999, "msg": "who knows"}})

        task = f"t{len(self.jobs) + 1}"
        model = request.match_info["model"]
        self.jobs[task] = {"id": task, "ref": body["ref"], "model": model, "seen": 0}
        if self.loses_answers:
            self.loses_answers -= 1
            assert request.transport is not None
            request.transport.close()

        return web.json_response({"base": {"code": 0}, "data": {"task": {"id": task}}})

    def _state(self, job: dict[str, Any]) -> str:
        return self.ends_as if job["seen"] > self.ends_after else "running"

    async def query(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers["Authorization"])
        asked = await request.json()
        self.polls += 1
        job = self.jobs[asked["id"]]
        job["seen"] += 1
        other = {"id": "somebody-else", "state": "failed"}
        mine = {"id": job["id"], "state": self._state(job), "share": 0.5, "file": "f1"}
        return web.json_response({"base": {"code": 0}, "items": [other, mine]})

    async def mine(self, _: web.Request) -> web.StreamResponse:
        listed = [{"id": one["id"], "ref": one["ref"]} for one in self.jobs.values()]
        return web.json_response({"base": {"code": 0}, "list": listed})

    async def file(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers["Authorization"])
        if self.breaks_files:
            self.breaks_files -= 1
            return web.json_response({"base": {"code": 0}, "hint": "soon"})

        if request.match_info["file"] == "f1":
            return web.json_response({"base": {"code": 0}, "url": f"{self.url}/eu/v2/files/raw"})

        return web.Response(body=video_bytes(), content_type="video/mp4")

    async def delete(self, request: web.Request) -> web.StreamResponse:
        task = request.match_info["task"]
        self.cancels.append(task)
        self.jobs[task]["seen"] = -99
        return web.json_response({"base": {"code": 0}})


def declaration(url: str, **changes: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": "atlas",
        "title": "Atlas",
        "account": {
            "base_url": "https://us.atlas.example/v2",
            "variables": ["ATLAS_KEY"],
            "auth": {"type": "jwt", "id_setting": "ak", "secret_setting": "sk", "lifetime": 60},
            "regions": {"eu": f"{url}/eu/v2"},
            "settings": {"ak": {"variable": "ATLAS_AK"}, "sk": {"variable": "ATLAS_SK"}},
        },
        "submit": [
            {"path": "{model}/create", "model_at": "", "own_id": "ref", "id": "data.task.id"}
        ],
        "errors": {
            "message": ["base.msg"],
            "code": ["base.code"],
            "inside": {"at": "base.code", "unless": [0]},
            "rules": [{"means": "moderation", "code": "1026"}],
        },
        "poll": {
            "path": "query",
            "method": "POST",
            "items": "items",
            "item_id": "id",
            "status": "state",
            "statuses": {"running": "processing", "done": "completed", "failed": "failed"},
            "progress": "share",
            "whole_progress": 1,
            "pace": 0.01,
        },
        "result": {
            "media": {"video": ["result.url"]},
            "fetch": "files/{file_id}",
            "fetch_id": "file",
            "authorised": True,
        },
        "cancel": {"path": "tasks/{id}", "look_first": True, "means": "cancelled"},
        "list": {"path": "mine", "items": "list", "own_id": "ref"},
        "models": [
            {
                "ids": ["kite-1"],
                "kind": "video",
                "takes": {
                    "prompt": {"from": "prompt", "required": True},
                    "seconds": {"from": "duration_seconds", "form": "text", "allowed": [4, 8]},
                },
            }
        ],
    }
    for path, value in changes.items():
        *outer, last = path.split("__")
        part = said
        for name in outer:
            part = part[name]

        part[last] = value

    return said


@pytest.fixture
async def atlas() -> AsyncIterator[Atlas]:
    vendor = Atlas()
    app = web.Application()
    app.add_routes(vendor.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield vendor
    await runner.cleanup()


Config = Callable[..., VideoGenerationConfig]


@pytest.fixture
def config() -> Config:
    def make(**changes: Any) -> VideoGenerationConfig:
        settings = {"region": "eu", "ak": ID, "sk": SECRET}
        return VideoGenerationConfig(
            provider="atlas",
            model="kite-1",
            poll_interval=0.05,
            **{"provider_config": settings, **changes},
        )

    return make


def gateway(atlas: Atlas, **changes: Any) -> Gateway:
    registry = Registry()
    registry.register(declared_provider(declaration(atlas.url, **changes)))
    return Gateway(registry=registry)


def claims(header: str) -> dict[str, Any]:
    """Return what a token claims, once its signature is found to be right."""
    scheme, _, token = header.partition(" ")
    assert scheme == "Bearer"
    head, body, mark = token.split(".")
    due = hmac.new(SECRET.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)) == due
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


async def test_region_token_listed_polls_a_second_request_and_bytes(
    atlas: Atlas, config: Config
) -> None:
    percents: list[float | None] = []
    async with gateway(atlas) as one:
        response = await one.generate_video_async(
            config(), REQUEST, lambda update: percents.append(update.progress_percent)
        )

    assert isinstance(response.video, dict)
    assert response.video["content"] == video_bytes()
    assert atlas.bodies == [{"prompt": "A kite", "seconds": "8", "ref": atlas.bodies[0]["ref"]}]
    assert 50 in percents
    assert len(atlas.jobs) == 1
    for header in atlas.tokens:
        told = claims(header)
        assert told["iss"] == ID
        assert told["exp"] - told["nbf"] in (65, 66)  # the lifetime and the skew, in whole seconds


async def test_a_lost_answer_is_found_by_our_own_id(atlas: Atlas, config: Config) -> None:
    atlas.loses_answers = 1
    async with gateway(atlas) as one:
        response = await one.generate_video_async(config(), REQUEST)

    assert response.execution_metadata is not None
    assert response.execution_metadata.attempts[0].adopted
    assert len(atlas.bodies) == len(atlas.jobs) == 1


async def test_an_answer_that_is_no_medium_is_asked_for_again(atlas: Atlas, config: Config) -> None:
    atlas.breaks_files = 2
    async with gateway(atlas) as one:
        response = await one.generate_video_async(config(), REQUEST)

    assert isinstance(response.video, dict)
    assert response.video["content"] == video_bytes()
    assert len(atlas.bodies) == 1


async def test_a_job_that_is_done_is_never_deleted(atlas: Atlas, config: Config) -> None:
    atlas.ends_after = 0
    atlas.breaks_files = 10_000
    async with gateway(atlas) as one:
        with pytest.raises(TimeoutError, match="done and paid for") as caught:
            await one.generate_video_async(config(timeout=0.6), REQUEST)  # waited for

    assert atlas.cancels == []
    assert caught.value.operation is not None
    metadata = caught.value.execution_metadata
    assert metadata is not None
    assert metadata.attempts[0].billing == "certain"


async def test_a_running_job_is_stopped_at_the_deadline(atlas: Atlas, config: Config) -> None:
    atlas.ends_after = 10_000
    async with gateway(atlas) as one:
        with pytest.raises(TimeoutError):
            await one.generate_video_async(config(timeout=0.5), REQUEST)  # waited for

    assert atlas.cancels == ["t1"]


@pytest.mark.parametrize("word", ["forbidden", "odd"])
async def test_an_error_inside_a_good_answer(atlas: Atlas, config: Config, word: str) -> None:
    async with gateway(atlas) as one:
        with pytest.raises(TarashException) as caught:
            await one.generate_video_async(config(), VideoGenerationRequest(prompt=word))

    error = caught.value
    assert isinstance(error, ContentModerationError if word == "forbidden" else HTTPError)
    # What no rule names may have bought something, and is not sent again.
    assert error.submission == ("rejected" if word == "forbidden" else "unknown")
    assert len(atlas.bodies) == 1
    shown = f"{error!r} {error} {error.raw_response} {error.__dict__}"
    assert SECRET not in shown
    assert ID not in shown


async def test_flags_beside_no_media_are_a_refusal(atlas: Atlas, config: Config) -> None:
    refused = {"refused": [{"at": "share"}], "media": {"video": ["nowhere"]}}
    async with gateway(atlas, result=refused) as one:
        with pytest.raises(ContentModerationError) as caught:
            await one.generate_video_async(config(), REQUEST)

    assert caught.value.stage == "output"


@pytest.mark.parametrize("way", ["jwt", "basic", "header", "bearer", "query"])
async def test_what_is_made_of_a_key_is_shown_nowhere(
    atlas: Atlas, config: Config, way: str
) -> None:
    """A vendor that repeats the header it was sent: in its words, and in the whole body."""

    async def echo(request: web.Request) -> web.StreamResponse:
        in_header = request.headers.get("Authorization") or request.headers.get("X-Key")
        in_query = request.rel_url.raw_query_string.partition("=")[2]
        atlas.tokens.append(in_header or in_query)
        return web.json_response({"base": {"code": 7, "msg": atlas.tokens[-1]}}, status=401)

    app = web.Application()
    app.router.add_post("/eu/v2/{model}/create", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    atlas.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    auth = {"type": way, "id_setting": "ak", "secret_setting": "sk"}
    auth |= {"header": "X-Key"} if way == "header" else {}
    # In an address, what a key is made of may be written in another way.
    key = {} if way == "jwt" else {"api_key": "canary+key/of=the&tests" if way == "query" else KEY}
    try:
        async with gateway(atlas, account__auth=auth) as one:
            with pytest.raises(AuthenticationError) as caught:
                await one.generate_video_async(config(**key), REQUEST)
    finally:
        await runner.cleanup()

    error = caught.value
    sent = atlas.tokens[-1].rpartition(" ")[2]
    assert len(sent) > 20
    assert sent not in f"{error!r} {error} {error.raw_response} {error.__dict__}"


def test_what_signs_a_token_is_secret_also_where_nobody_says_so(config: Config) -> None:
    Registry().register(declared_provider(declaration("http://127.0.0.1:9")))
    made = config()
    assert SECRET not in repr(made)
    assert SECRET not in made.model_dump_json()
    assert "eu" in repr(made)
