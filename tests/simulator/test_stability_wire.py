"""Stability AI's wire through raw requests: forms, both kinds of answers, envelopes."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Script, Simulator

SD3 = "/v2beta/stable-image/generate/sd3"
CREATIVE = "/v2beta/stable-image/upscale/creative"


@pytest.fixture
async def session(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        simulator.base_url("stability"), headers={"Authorization": "Bearer sk-canary"}
    ) as session:
        yield session


def form(**fields: Any) -> aiohttp.FormData:
    made = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if isinstance(value, bytes):
            made.add_field(name, io.BytesIO(value), filename="a.png", content_type="image/png")
        else:
            made.add_field(name, value)

    return made


async def post(
    session: aiohttp.ClientSession, path: str, accept: str = "application/json", **options: Any
) -> tuple[int, Any]:
    async with session.post(path, headers={"Accept": accept}, **options) as response:
        return response.status, await response.json()


async def test_json_holds_the_image(simulator: Simulator, session: aiohttp.ClientSession) -> None:
    async with session.post(
        SD3, data=form(prompt="a kite", seed="5"), headers={"Accept": "application/json"}
    ) as response:
        assert response.headers["Content-Type"] == "application/json; type=image/png"
        body = await response.json()

    assert base64.b64decode(body["image"]).startswith(b"\x89PNG")
    assert (body["finish_reason"], body["seed"]) == ("SUCCESS", 5)
    (job,) = simulator.jobs("stability")
    assert (job.endpoint, job.payload, job.result_body) == (
        "generate/sd3",
        {"prompt": "a kite", "seed": "5"},
        body,
    )


async def test_bytes_have_their_facts_in_headers(session: aiohttp.ClientSession) -> None:
    async with session.post(
        SD3, data=form(prompt="a kite"), headers={"Accept": "image/*"}
    ) as response:
        assert response.content_type == "image/png"
        assert response.headers["finish-reason"] == "SUCCESS"
        assert response.headers["seed"].isdigit()
        assert (await response.read()).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "prompt: is required"),
        ({"prompt": "a", "model": "sd9"}, "model:"),
        ({"prompt": "a", "aspect_ratio": "7:1"}, "aspect_ratio:"),
        ({"prompt": "a", "mode": "image-to-image", "strength": "1"}, "image: is required"),
        ({"prompt": "a", "image": b"\x89PNG"}, "image: is not allowed"),
        ({"prompt": "a", "image": b"\x89PNG", "mode": "image-to-image"}, "strength: is required"),
        (
            {
                "prompt": "a",
                "image": b"\x89PNG",
                "mode": "image-to-image",
                "strength": "1",
                "aspect_ratio": "1:1",
            },
            "aspect_ratio: is not allowed",
        ),
    ],
)
async def test_fields_are_checked(
    simulator: Simulator, session: aiohttp.ClientSession, fields: dict[str, Any], told: str
) -> None:
    status, body = await post(session, SD3, data=form(**fields))
    assert (status, body["name"]) == (400, "bad_request")
    assert body["errors"][0].startswith(told)
    assert simulator.counters("stability").accepted == 0


async def test_only_multipart_is_taken(session: aiohttp.ClientSession) -> None:
    sent: dict[str, Any]
    for sent in ({"json": {"prompt": "a"}}, {"data": {"prompt": "a"}}):
        status, body = await post(session, SD3, "application/json", **sent)
        assert (status, body["errors"]) == (400, ["content-type: must be multipart/form-data"])

    assert (await post(session, SD3, "text/html", data=form(prompt="a")))[0] == 400
    too_large = form(prompt="a", image=bytes(11 * 1024 * 1024))
    assert (await post(session, SD3, data=too_large))[0] == 413


async def test_keys_and_paths(simulator: Simulator, session: aiohttp.ClientSession) -> None:
    simulator.keys = {"stability": {"sk-other"}}
    status, body = await post(session, SD3, data=form(prompt="a"))
    assert (status, body["name"]) == (401, "unauthorized")
    simulator.keys = {}
    assert (await post(session, "/v2beta/stable-image/sd3"))[0] == 404
    async with session.get("/v1/user/balance") as response:
        assert "credits" in await response.json()


async def test_both_faces_of_moderation(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    simulator.script(
        "stability",
        Script(outcome="moderated"),
        Script(outcome="moderated", error_type="CONTENT_FILTERED"),
    )
    status, body = await post(session, SD3, data=form(prompt="a"))
    assert (status, body["name"]) == (403, "content_moderation")
    status, body = await post(session, SD3, data=form(prompt="a"))
    assert (status, body["finish_reason"]) == (200, "CONTENT_FILTERED")
    assert body["image"]


async def test_a_slow_endpoint_makes_a_job(
    simulator: Simulator, session: aiohttp.ClientSession
) -> None:
    simulator.script("stability", Script(run_polls=2))
    image = samples.make_png(64, 64, seed=0)
    assert (await post(session, CREATIVE, data=form(prompt="a")))[0] == 400
    status, submitted = await post(session, CREATIVE, data=form(prompt="a", image=image))
    assert (status, list(submitted)) == (200, ["id"])
    path = f"/v2beta/results/{submitted['id']}"
    seen = []
    while True:
        async with session.get(path, headers={"Accept": "application/json"}) as response:
            seen.append(response.status)
            body = await response.json()
            if response.status == 200:
                break

        assert body == {"id": submitted["id"], "status": "in-progress"}

    assert (seen, body["finish_reason"]) == ([202, 202, 200], "SUCCESS")
    assert simulator.counters("stability").polls == 3
    async with session.get("/v2beta/results/other") as response:
        assert response.status == 404
