"""Videos that are made from others: remix, edit, extend."""

from __future__ import annotations

import base64
import re
from typing import Any

import openai
import pytest

from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.testing import Simulator
from tests.server.conftest import MODEL, Started
from tests.server.test_content import made

EDITS = "fal/decart/lucy-edit/pro"


def test_a_remix_uses_the_video_that_it_names(served: Started, simulator: Simulator) -> None:
    key = served.key()
    client = served.client(key)
    first = client.videos.create_and_poll(model="fal/fal-ai/veo3.1", prompt="A cat")
    assert first.status == "completed"
    made = client.videos.remix(first.id, prompt="A dog", extra_body={"model": EDITS})
    assert made.remixed_from_video_id == first.id
    assert made.model == EDITS
    sent = simulator.jobs("fal")[-1].payload
    assert sent["prompt"] == "A dog"
    assert sent["video_url"]
    with pytest.raises(openai.NotFoundError):
        served.client(served.key()).videos.remix(first.id, prompt="A dog")


@pytest.mark.parametrize("path", ["edits", "extensions"])
def test_an_edit_takes_a_file_an_address_or_an_id(
    served: Started, simulator: Simulator, path: str
) -> None:
    first = served.create().json()["id"]
    assert served.until_ended(first)["status"] == "completed"
    content = served.ask("GET", f"/v1/videos/{first}/content").content
    fields = {"model": EDITS, "prompt": "A dog"}
    files: Any = {"video": ("a.mp4", content, "video/mp4")}
    answers = [
        served.ask("POST", f"/v1/videos/{path}", data=fields, files=files),
        served.ask("POST", f"/v1/videos/{path}", json={**fields, "video": {"id": first}}),
        served.ask(
            "POST", f"/v1/videos/{path}", json={**fields, "video": "https://example.com/a.mp4"}
        ),
    ]
    assert [one.status_code for one in answers] == [200, 200, 200], [one.text for one in answers]
    assert answers[1].json()["remixed_from_video_id"] == first
    assert simulator.jobs("fal")[-1].payload["video_url"] == "https://example.com/a.mp4"


def test_a_model_that_takes_no_video_says_so(served: Started) -> None:
    first = served.create().json()["id"]
    served.until_ended(first)
    answer = served.ask("POST", f"/v1/videos/{first}/remix", json={"prompt": "A dog"})
    assert answer.status_code == 400
    said = answer.json()["error"]["message"]
    assert "can't take 'video'" in said
    assert f"{MODEL} was asked since it made the video" in said


def test_what_is_no_video_is_400(served: Started) -> None:
    wrong: list[Any] = [None, 5, {}, {"id": 5}, [], "http://10.0.0.1/a.mp4", "/etc/passwd"]
    for video in wrong:
        body = {"model": EDITS, "prompt": "A dog", "video": video}
        assert served.ask("POST", "/v1/videos/edits", json=body).status_code == 400, video


@pytest.mark.parametrize("path", ["/v1/videos/extensions", "/api/plan", "/v1/videos"])
def test_the_model_that_can_is_named_as_clients_name_it(mocked: Started, path: str) -> None:
    field = "input_reference" if path == "/v1/videos" else "video"
    kind, content = "image/png", make_png(64, 64)
    if field == "video":
        kind, content = "video/mp4", mocked.ask("GET", made(mocked)).content

    uri = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    body = {"model": MODEL, "prompt": "It goes on", field: uri}
    error = mocked.ask("POST", path, json=body).json()["error"]
    assert error["param"] == field
    named = re.search(r"; use (\S+)$", error["message"])
    assert named is not None, error
    assert mocked.ask("POST", path, json={**body, "model": named[1]}).is_success, named[1]
