"""Images by OpenAI's routes: JSON, forms, links, events; and answers that take their time."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import openai
import pytest

from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.server.conftest import ADMIN, Start, Started

GPT = "openai/gpt-image-2"
FLUX = "fal/fal-ai/flux/dev"
KINDS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
PNG = make_png(64, 64)


def is_image(content: bytes) -> bool:
    """Tell whether these are the bytes of an image."""
    return content.startswith(KINDS)


@pytest.mark.parametrize("model", [GPT, FLUX])
def test_images_as_base64_and_as_links(served: Started, model: str) -> None:
    client = served.client(served.key())
    made = client.images.generate(model=model, prompt="A cat", response_format="b64_json")
    assert made.data is not None
    assert is_image(base64.b64decode(made.data[0].b64_json or ""))
    assert made.data[0].url is None

    linked = client.images.generate(model=model, prompt="A cat", response_format="url")
    assert linked.data is not None
    assert linked.data[0].b64_json is None
    answer = httpx.get(linked.data[0].url or "")
    assert answer.status_code == 200
    assert is_image(answer.content)
    part = httpx.get(linked.data[0].url or "", headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, answer.content[1:4])


async def test_the_async_client(served: Started) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key=served.key()) as client:
        made = await client.images.generate(model=GPT, prompt="A cat", n=2, size="1024x1024")
        assert made.data is not None
        assert len(made.data) == 2


def test_a_link_is_good_for_its_result_only_and_for_a_time(served: Started) -> None:
    made = served.ask("POST", "/v1/images/generations", json={"model": GPT, "prompt": "A cat"})
    url = httpx.URL(made.json()["data"][0]["url"])
    assert httpx.get(url).status_code == 200
    other = served.ask("POST", "/v1/images/generations", json={"model": GPT, "prompt": "B"})
    changed: dict[str, Any] = {
        "another job": url.copy_with(path=f"/links/{other.json()['job']}/1"),
        "another result": url.copy_with(path=f"/links/{made.json()['job']}/2"),
        "longer": url.copy_set_param("expires", int(url.params["expires"]) + 1),
        "unsigned": url.copy_set_param("signature", "0" * 64),
        "odd": url.copy_set_param("signature", "\u0430" * 64),
    }
    for name, one in changed.items():
        assert httpx.get(one).status_code == 403, name

    assert httpx.get(url.copy_remove_param("signature")).status_code == 400


def test_a_stream_ends_with_the_image(served: Started) -> None:
    client = served.client()
    with client.images.generate(model=GPT, prompt="A cat", stream=True, partial_images=2) as stream:
        events = list(stream)

    last = events[-1]
    assert last.type == "image_generation.completed"
    assert is_image(base64.b64decode(last.b64_json))

    with client.images.edit(model=GPT, prompt="A cat", image=PNG, stream=True) as edited:
        assert [one.type for one in edited][-1] == "image_edit.completed"


@pytest.mark.parametrize("edits", [False, True])
def test_images_on_the_way_come_before_the_last(
    served: Started, simulator: Simulator, edits: bool
) -> None:
    simulator.script("openai", Script(run_seconds=0.3))
    images = served.client().images
    asked: dict[str, Any] = {"model": GPT, "prompt": "A cat", "stream": True, "partial_images": 2}
    verb = "image_edit" if edits else "image_generation"
    with images.edit(image=PNG, **asked) if edits else images.generate(**asked) as stream:
        first = next(stream)
        job = stream.response.headers["x-tarash-job"]
        assert served.ask("GET", f"/api/jobs/{job}").json()["status"] == "in_progress"
        events = [first, *stream]

    told = [one.type.removeprefix(f"{verb}.") for one in events]
    assert told == ["partial_image", "partial_image", "completed"]
    assert [one.partial_image_index for one in events[:-1]] == [0, 1]
    assert all(is_image(base64.b64decode(one.b64_json)) for one in events)
    assert events[-1].usage.total_tokens > 0


@pytest.mark.parametrize(
    ("model", "count"),
    [(GPT, 2), ("openrouter/openai/gpt-image-1", 1), ("google/gemini-3.1-flash-image", 0)],
)
@pytest.mark.parametrize("edits", [False, True])
def test_the_mock_shows_images_on_the_way_where_the_model_does(
    mocked: Started, model: str, count: int, edits: bool
) -> None:
    images = mocked.client(mocked.key()).images
    asked: dict[str, Any] = {"model": model, "prompt": "A cat", "stream": True}
    asked |= {"partial_images": count or 2, "size": "256x256"}
    with images.edit(image=PNG, **asked) if edits else images.generate(**asked) as stream:
        events = list(stream)

    assert [one.type.rpartition(".")[2] for one in events] == [
        *["partial_image"] * count,
        "completed",
    ]
    shown = [base64.b64decode(one.b64_json) for one in events]
    assert all(is_image(one) for one in shown)
    assert len({*shown}) == len(shown)


def test_who_leaves_a_stream_finds_the_image_again(served: Started, simulator: Simulator) -> None:
    simulator.script("openai", Script(run_seconds=0.3))
    body = {"model": GPT, "prompt": "A cat", "stream": True, "partial_images": 1}
    headers = {"Idempotency-Key": "left", "Authorization": f"Bearer {ADMIN}"}
    path = "/v1/images/generations"
    with served.http.stream("POST", path, json=body, headers=headers) as left:
        assert "partial_image" in next(one for one in left.iter_text() if "data:" in one)

    again = served.ask("POST", path, json=body, headers=headers)
    assert "image_generation.completed" in again.text
    assert simulator.counters("openai").submits == 1


def test_a_stream_that_the_provider_breaks_off_is_not_bought_again(
    served: Started, simulator: Simulator
) -> None:
    simulator.fail("openai", "submit", Fault.truncate(), times=None)
    client = served.client()
    with (
        pytest.raises(openai.APIError) as raised,
        client.images.generate(model=GPT, prompt="A cat", stream=True, partial_images=2) as stream,
    ):
        list(stream)

    assert isinstance(raised.value.body, dict)
    assert raised.value.body["submission"] == "unknown"
    assert simulator.counters("openai").submits == 1


def test_a_list_of_images_and_a_mask_are_all_used(served: Started, simulator: Simulator) -> None:
    client = served.client()
    many = [("a.png", make_png(64, 64, 1)), ("b.png", make_png(64, 64, 2))]
    made = client.images.edit(model=GPT, prompt="A cat", image=many, mask=("mask.png", PNG))
    assert made.data is not None
    body = simulator.requests("openai")[-1].body
    assert body.count(b'name="image[]"') == 2
    assert b'name="mask"' in body
    client.images.edit(model=GPT, prompt="A cat", image=("a.png", PNG))
    assert b'name="mask"' not in simulator.requests("openai")[-1].body


def test_edits_as_json(served: Started, simulator: Simulator) -> None:
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    answer = served.ask(
        "POST",
        "/v1/images/edits",
        json={"model": GPT, "prompt": "A cat", "images": [{"image_url": uri}, {"image_url": uri}]},
    )
    assert answer.status_code == 200, answer.text
    assert simulator.requests("openai")[-1].body.count(b'name="image[]"') == 2
    none = served.ask("POST", "/v1/images/edits", json={"model": GPT, "prompt": "A cat"})
    assert (none.status_code, none.json()["error"]["param"]) == (400, "image")


def test_the_cost_is_in_headers_and_body(served: Started) -> None:
    answer = served.ask(
        "POST",
        "/v1/images/generations",
        json={"model": GPT, "prompt": "A cat", "size": "auto", "quality": "auto"},
    )
    cost = answer.json()["cost"]
    assert float(cost["amount"]) > 0
    assert answer.headers["x-tarash-cost"] == answer.headers["x-litellm-response-cost"]
    assert float(answer.headers["x-tarash-cost"]) == float(cost["amount"])
    assert answer.json()["usage"]["total_tokens"] > 0


def slow_server(start: Start) -> Started:
    """Start a server whose images take longer than its answers may."""
    return start(answer_seconds=0.01, alive_seconds=0.01)


@pytest.mark.parametrize("stream", [False, True])
def test_what_takes_long_says_that_it_is_alive(
    start: Start, simulator: Simulator, stream: bool
) -> None:
    simulator.script("fal", Script(run_seconds=0.5))
    served = slow_server(start)
    body = {"model": FLUX, "prompt": "A cat", "stream": stream}
    answer = served.ask("POST", "/v1/images/generations", json=body)
    assert answer.status_code == 200
    if stream:
        assert answer.text.startswith(": begun\n\n: alive\n\n")
        data = answer.text.rpartition("data: ")[2]
        assert json.loads(data)["type"] == "image_generation.completed"
    else:
        assert answer.text.startswith("\n ")
        assert is_image(base64.b64decode(answer.json()["data"][0]["b64_json"]))


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_after_the_answer_has_begun_is_in_it(
    start: Start, simulator: Simulator, stream: bool
) -> None:
    simulator.script("fal", Script(run_seconds=0.5, outcome="failed", error_message="Out of ink"))
    served = slow_server(start)
    body = {"model": FLUX, "prompt": "A cat", "stream": stream}
    text = served.ask("POST", "/v1/images/generations", json=body).text
    error = json.loads(text.rpartition("data: ")[2] if stream else text)["error"]
    assert "Out of ink" in error["message"]
    assert error["submission"] == "accepted"


def test_the_official_client_raises_for_a_failed_stream(start: Start, simulator: Simulator) -> None:
    simulator.script("fal", Script(run_seconds=0.3, outcome="failed", error_message="Out of ink"))
    client = slow_server(start).client()
    with (
        pytest.raises(openai.APIError, match="Out of ink"),
        client.images.generate(model=FLUX, prompt="A cat", stream=True) as stream,
    ):
        list(stream)


def test_a_refused_image_has_its_status(served: Started, simulator: Simulator) -> None:
    simulator.fail("openai", "submit", Fault.status(429), times=None)
    answer = served.ask("POST", "/v1/images/generations", json={"model": GPT, "prompt": "A cat"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")


def test_a_repeated_image_is_the_same_and_bought_once(
    served: Started, simulator: Simulator
) -> None:
    body = {"model": GPT, "prompt": "A cat"}
    headers = {"Idempotency-Key": "image-1"}
    made = [
        served.ask("POST", "/v1/images/generations", json=body, headers=headers) for _ in range(2)
    ]
    assert made[0].json()["data"][0]["b64_json"] == made[1].json()["data"][0]["b64_json"]
    assert made[0].json()["job"] == made[1].json()["job"]
    assert simulator.counters("openai").accepted == 1


def test_parameters_of_openai_go_through_and_others_do_not(
    served: Started, simulator: Simulator
) -> None:
    client = served.client()
    client.images.generate(
        model=GPT, prompt="A cat", background="transparent", output_format="webp", user="u"
    )
    sent = simulator.requests("openai")[-1].json()
    assert (sent["background"], sent["output_format"]) == ("transparent", "webp")
    with pytest.raises(openai.BadRequestError, match="webhook"):
        client.images.generate(model=GPT, prompt="A", extra_body={"webhook": "https://x.example"})


def test_what_openai_does_anyway_is_sent_to_nobody(served: Started, simulator: Simulator) -> None:
    usual = {"moderation": "auto", "background": "auto", "quality": "auto", "size": "auto"}
    for model in (GPT, FLUX):
        body = {"model": model, "prompt": "A cat", **usual}
        answer = served.ask("POST", "/v1/images/generations", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["adjustments"] == []

    served.client().images.generate(model=GPT, prompt="A cat", moderation="low")
    sent = [simulator.requests("openai")[0], simulator.requests("openai")[-1]]
    assert [one.json().get("moderation") for one in sent] == [None, "low"]
    assert "auto" not in str(simulator.jobs("fal")[0].payload)


def test_images_are_no_videos(mocked: Started) -> None:
    made = mocked.ask("POST", "/v1/images/generations", json={"model": GPT, "prompt": "A cat"})
    job = made.json()["job"]
    assert mocked.ask("GET", f"/v1/videos/{job}").status_code == 404
    assert mocked.ask("GET", "/v1/videos").json()["data"] == []


def test_the_mock_answers_images_too(mocked: Started) -> None:
    made = mocked.client().images.generate(model=FLUX, prompt="A cat", n=3)
    assert made.data is not None
    assert len({one.b64_json for one in made.data}) == 3
