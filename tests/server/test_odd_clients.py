"""What clients of other makers send, as the trackers of other gateways have it."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import ADMIN, MODEL, Start, Started
from tests.server.test_hardening import connect

GPT = "openai/gpt-image-2"
PNG = base64.b64encode(make_png(64, 64)).decode()
URI = f"data:image/png;base64,{PNG}"
EDITS: dict[str, Any] = {
    "a text": {"image": URI},
    "a list": {"image": [URI, URI]},
    "texts in images": {"images": [URI, URI]},
    "objects in images": {"images": [{"image_url": URI}]},
    "objects in objects": {"images": [{"type": "image_url", "image_url": {"url": URI}}]},
    "base64 by its name": {"images": [{"b64_json": PNG}]},
    "bare base64": {"image": PNG},
}


@pytest.mark.parametrize("form", EDITS)
def test_images_of_an_edit_come_in_many_forms(
    served: Started, simulator: Simulator, form: str
) -> None:
    body = {"model": GPT, "prompt": "Red", **EDITS[form]}
    answer = served.ask("POST", "/v1/images/edits", json=body)
    assert answer.status_code == 200, answer.text
    sent = simulator.requests("openai")[-1].body
    assert sent.count(b"Content-Type: image/png") == (
        2 if form in ("a list", "texts in images") else 1
    )


def test_a_file_of_openais_is_refused_in_words(served: Started, simulator: Simulator) -> None:
    body = {"model": GPT, "prompt": "Red", "images": [{"file_id": "file-1"}]}
    answer = served.ask("POST", "/v1/images/edits", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "image")
    assert simulator.counters("openai").submits == 0


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/videos"])
def test_fields_that_are_written_out_as_null_are_left_out(served: Started, path: str) -> None:
    unset = dict.fromkeys(
        ("fallbacks", "max_cost", "metadata", "n", "seed", "size", "stream", "user", "seconds",
         "frame_images", "input_reference", "input_references", "partial_images", "quality",
         "response_format", "style")
    )  # fmt: skip
    model = MODEL if path.endswith("videos") else GPT
    answer = served.ask("POST", path, json={**unset, "model": model, "prompt": "A cat"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("size", ["1080p", "1920x1080"])
def test_a_size_may_be_a_resolution(served: Started, simulator: Simulator, size: str) -> None:
    made = served.create(size=size)
    assert made.status_code == 200, made.text
    assert made.json()["size"] == size
    assert simulator.jobs("fal")[0].payload["resolution"] == "1080p"
    refused = served.create(size="huge")
    assert refused.status_code == 400
    said = refused.json()["error"]["message"]
    assert said == "size: it has to be WIDTHxHEIGHT in pixels, such as 1280x720"


@pytest.mark.parametrize("path", ["/v1/videos/", "//v1/videos", "/v1/videos//"])
def test_slashes_too_many_lead_nowhere_else(mocked: Started, path: str) -> None:
    """A redirection would name the server as it sees itself: behind TLS, without it."""
    body = {"model": MODEL, "prompt": "A cat"}
    made = mocked.ask("POST", f"{mocked.url}{path}", json=body, follow_redirects=False)
    assert (made.status_code, made.json()["object"]) == (200, "video")
    assert mocked.ask("GET", "/v1/models/").json()["object"] == "list"


@pytest.mark.parametrize("path", ["/videos", "/v1/v1/videos", "/v1/chat/completions", "/v1"])
def test_a_wrong_base_url_is_said(mocked: Started, path: str) -> None:
    answer = mocked.ask("POST", path, json={"model": MODEL, "prompt": "A cat"})
    assert answer.status_code == 404
    assert "base_url ends in /v1, once" in answer.json()["error"]["message"]


def test_empty_fields_of_a_form_are_left_out(mocked: Started) -> None:
    form = {"model": MODEL, "prompt": "A cat", "seconds": "", "size": "", "input_reference": ""}
    assert mocked.ask("POST", "/v1/videos", data=form).status_code == 200
    none = mocked.ask("POST", "/v1/videos", data={**form, "prompt": ""})
    assert (none.status_code, none.json()["error"]["param"]) == (400, "prompt")


WAN = "fal/fal-ai/wan/v2.2-a14b/text-to-video"


def test_an_empty_negative_prompt_is_sent(served: Started, simulator: Simulator) -> None:
    """It was left out, and what the model avoids by itself was avoided."""
    body: Any = {"model": WAN, "prompt": "A cat", "negative_prompt": "", "seed": "", "style": ""}
    for how in ("json", "data"):
        answer = served.ask("POST", "/v1/videos", **{how: body})
        assert answer.status_code == 200, answer.text
        assert simulator.jobs("fal")[-1].payload == {"prompt": "A cat", "negative_prompt": ""}

    none = served.create(model="openai/sora-2", negative_prompt="")  # which takes none
    assert none.status_code == 200, none.text


def test_an_empty_parameter_of_a_providers_own_is_sent(start: Start, simulator: Simulator) -> None:
    served = start(allowed_extra_params=("style_code",))
    body: Any = {"model": WAN, "prompt": "A cat", "style_code": ""}
    for how in ("json", "data"):
        answer = served.ask("POST", "/v1/videos", **{how: body})
        assert answer.status_code == 200, answer.text
        assert simulator.jobs("fal")[-1].payload["style_code"] == ""

    odd = served.create(colour="").json()["error"]["message"]
    assert odd.startswith("There is no field 'colour'")


def test_what_can_not_be_read_is_said_so(mocked: Started) -> None:
    kind = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    packed = mocked.ask("POST", "/v1/videos", content=gzip.compress(b"{}"), headers=kind)
    assert packed.status_code == 400
    assert "send it uncompressed" in packed.json()["error"]["message"]
    odd = mocked.create(width=640, height=384).json()["error"]
    assert odd["message"].startswith("There are no fields 'height', 'width'")


def test_a_field_that_is_none_names_the_one_that_is_meant(mocked: Started) -> None:
    odd = mocked.create(secs="4", aspect="9:16", colour="red").json()["error"]["message"]
    assert "did you mean 'aspect_ratio' by 'aspect' and 'seconds' by 'secs'?" in odd
    assert (
        "There is no field 'quality'. Fields of"
        in (mocked.create(quality="hd").json()["error"]["message"])
    )


def test_a_mistyped_filter_is_no_filter_that_is_left_out(mocked: Started) -> None:
    for path, query, meant in (
        ("/api/jobs", "stat=failed", "state"),
        ("/api/jobs", "states=failed", "state"),
        ("/api/jobs", "status=failed", "state"),
        ("/api/jobs", "limits=3", "limit"),
        ("/api/jobs", "lim=3", "limit"),
        ("/api/jobs", "labels=a:b", "label"),
        ("/api/models", "read=true", "ready"),
        ("/api/models", "kinds=video", "kind"),
    ):
        answer = mocked.ask("GET", f"{path}?{query}")
        assert answer.status_code == 400, (path, query)
        assert f"did you mean {meant!r}?" in answer.json()["error"]["message"]

    # What is nothing like ours, as caches and proxies add it, harms nobody; OpenAI's are theirs.
    for path in (
        "/api/jobs?_=1731&utm_source=x",
        "/api/jobs?filter=x&static=1",
        "/api/models?status=x",
        "/v1/videos?limits=3",
    ):
        assert mocked.ask("GET", path).status_code == 200


def test_a_failed_job_gives_its_budget_back(served: Started, simulator: Simulator) -> None:
    """What costs nothing in the end does not count: four are tried, of which each could be all."""
    simulator.script("fal", *[Script(outcome="failed", error_message="Out of ink")] * 3, Script())
    key = served.key(budget={"amount": "3.30"})
    ends = []
    for _ in range(4):
        made = served.create(key)
        assert made.status_code == 200, made.text
        ends.append(served.until_ended(made.json()["id"], key)["status"])

    assert ends == ["failed"] * 3 + ["completed"]
    assert served.create(key).status_code == 402


@pytest.mark.parametrize("names", [("image[0]", "image[1]"), ("images[1]", "images[0]")])
def test_lists_of_a_form_may_have_their_places(
    served: Started, simulator: Simulator, names: tuple[str, str]
) -> None:
    files = [(name, (f"{name[-2]}.png", make_png(64, 64, int(name[-2])))) for name in names]
    form = {"model": GPT, "prompt": "Red", "metadata[0]": "mine"}
    answer = served.ask("POST", "/v1/images/edits", data=form, files=files)
    assert answer.status_code == 200, answer.text
    sent = simulator.requests("openai")[-1].body
    assert 0 < sent.index(make_png(64, 64, 0)) < sent.index(make_png(64, 64, 1))
    (job,) = served.ask("GET", "/api/jobs").json()["data"]
    assert job["labels"]["0"] == "mine"


HEADS = (
    *("/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/models", "/v1/videos", "/api/jobs"),
    "/",
)


@pytest.mark.parametrize("path", HEADS)
def test_monitors_may_ask_for_the_head_alone(mocked: Started, path: str) -> None:
    whole, head = (mocked.ask(method, path) for method in ("GET", "HEAD"))
    assert (whole.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


def test_a_head_wants_a_key_as_well_and_begins_no_stream(mocked: Started) -> None:
    for path in ("/v1/models", "/api/jobs", "/metrics"):
        assert mocked.http.head(path, headers={"Authorization": ""}).status_code == 401

    assert mocked.ask("HEAD", "/api/events").status_code == 405


@pytest.mark.parametrize("path", ["/v1//models", "//v1/models/", "/v1/models///"])
def test_slashes_too_many_are_left_out(mocked: Started, path: str) -> None:
    assert exchanged(mocked, f"GET {path} HTTP/1.1", "").startswith(b"HTTP/1.1 200")


def exchanged(served: Started, line: str, more: str, body: str = "") -> bytes:
    """Return the beginning of what is answered to a request, as it stands."""
    head = f"{line}\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n{more}Connection: close\r\n\r\n"
    with connect(served) as client:
        client.sendall((head + body).encode())
        return client.recv(65536)


CHUNKS = "".join(f"{len(part):x}\r\n{part}\r\n" for part in ('{"model": "', MODEL, '", '))
CHUNKED = f'{CHUNKS}11\r\n"prompt": "A cat"\r\n1\r\n}}\r\n0\r\n\r\n'
JSON = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"


def test_a_body_may_come_in_chunks_and_has_one_length(mocked: Started) -> None:
    line = "POST /v1/videos HTTP/1.1"
    assert exchanged(mocked, line, JSON, CHUNKED).startswith(b"HTTP/1.1 200")
    two = f"{JSON}Content-Length: 5\r\n"
    assert exchanged(mocked, line, two, CHUNKED).startswith(b"HTTP/1.1 400")
    assert len(mocked.ask("GET", "/v1/videos").json()["data"]) == 1


@pytest.mark.parametrize("origin", ["http://[", "null", "://", "http://a]b", "\xff"])
def test_an_origin_that_is_none_is_a_foreign_one(mocked: Started, origin: str) -> None:
    """Half an address of IPv6 can't be read, and was an error of the server's."""
    asked = mocked.http.post(
        "/api/session", json={"key": ADMIN}, headers={b"Origin": origin.encode("latin-1")}
    )
    assert (asked.status_code, asked.json()["error"]["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize("line", ["GET /v1/videos", "POST /v1/videos", "GET /api/events?job=x"])
def test_nobody_is_handed_to_another_protocol(mocked: Started, line: str) -> None:
    """A library of WebSockets, where there is one, took such a connection and held it for ever."""
    with connect(mocked) as client:
        client.sendall(
            f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nUpgrade: websocket\r\n"
            "Connection: close, Upgrade\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n{}".encode()
        )
        status = int(client.recv(65536).split()[1])

    assert status in (200, 400, 404)


def test_json_may_write_out_what_it_leaves_out(mocked: Started) -> None:
    """Forms may, too: no-code tools and chat front ends send each of their settings."""
    for empty in (None, ""):
        left = dict.fromkeys(("size", "seconds", "seed", "quality", "input_reference"), empty)
        assert mocked.create(**left).status_code == 200, empty

    missing = mocked.create(prompt="").json()["error"]
    assert (missing["param"], missing["message"]) == ("prompt", "prompt: it is missing")


def test_json_without_its_header_is_called_so_at_every_route(
    served: Started, simulator: Simulator
) -> None:
    """`curl -d` and PowerShell send the header of a form by themselves."""
    routes = [
        path.replace("{video_id}", "video_1").replace("{job_id}", "job_1")
        for path, methods in served.app.openapi()["paths"].items()
        if "application/json" in methods.get("post", {}).get("requestBody", {}).get("content", {})
    ]
    assert {"/v1/videos", "/v1/images/generations", "/v1/images/edits", "/api/jobs"} <= {*routes}
    for path in routes:
        for body in (b'{"model": "fal/x", "prompt": "a & b = c"}', b' \n{"model": 1}'):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = served.ask("POST", path, content=body, headers=headers)
            assert answer.status_code in (400, 422), (path, answer.text)
            assert "send the header Content-Type: application/json" in answer.text, path

    assert not [*simulator.requests("fal"), *simulator.requests("openai")]
    form = {"model": MODEL, "prompt": "{a cat}"}
    assert served.ask("POST", "/v1/videos", data=form).status_code == 200
