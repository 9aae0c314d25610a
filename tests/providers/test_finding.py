"""What a list shows of a job is compared with what was sent: what counts, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway._data._exchange import Payload
from tarash.tarash_gateway.providers import _openai_results, luma
from tarash.tarash_gateway.providers._declared._asked import is_same
from tarash.tarash_gateway.providers._finding import is_shown, is_since, moment
from tarash.tarash_gateway.providers._folders import declaration
from tarash.tarash_gateway.providers.replicate import listing as _replicate_list

HASH = "0123456789abcdef" * 4
INLINE = "data:image/png;base64,AAAA"
SENT = {"prompt": "A cat", "image": INLINE}
SHOWN = {"prompt": "A cat", "image": "https://replicate.delivery/a.png"}


@pytest.mark.parametrize(
    ("path", "version", "shown", "same"),
    [
        ("v1/models/me/mine/predictions", None, {"model": "me/mine"}, True),
        ("v1/models/me/mine/predictions", None, {"model": "me/other"}, False),
        ("v1/predictions", HASH, {"model": "me/mine", "version": HASH}, True),
        ("v1/predictions", HASH, {"model": "me/mine", "version": "hidden"}, False),
        ("v1/deployments/me/mine/predictions", None, {"model": "a/b", "deployment": "mine"}, True),
        ("v1/deployments/me/mine/predictions", None, {"deployment": "me/mine"}, True),
        ("v1/deployments/me/mine/predictions", None, {"model": "me/mine"}, False),
    ],
)
def test_a_prediction_is_known_by_what_makes_it(
    path: str, version: str | None, shown: dict[str, Any], same: bool
) -> None:
    body: dict[str, Any] = {"input": SENT, **({"version": version} if version else {})}
    prediction = {"id": "p", "input": SHOWN, **shown}
    assert _replicate_list.is_same(prediction, Payload(path, body)) is same


@pytest.mark.parametrize(
    "given", [{**SHOWN, "seed": 7}, {"prompt": "A cat"}, {**SHOWN, "prompt": "A dog"}, None]
)
def test_a_prediction_with_another_input_is_another_one(given: Any) -> None:
    prediction = {"id": "p", "model": "me/mine", "input": given}
    payload = Payload("v1/models/me/mine/predictions", {"input": SENT})
    assert not _replicate_list.is_same(prediction, payload)


@pytest.mark.parametrize(
    ("path", "video", "same"),
    [
        ("videos", {"model": "sora-2-2025-12-08", "prompt": "A cat", "seconds": "8"}, True),
        ("videos", {"model": "sora-2-pro", "prompt": "A cat", "seconds": "8"}, False),
        ("videos", {"prompt": "A cat", "seconds": 4}, False),
        ("videos", {"model": "sora-2", "remixed_from_video_id": "video_1"}, False),
        ("videos", {"status": "queued"}, False),
        ("v1/videos/video_1/remix", {"prompt": "A cat", "remixed_from_video_id": "video_1"}, True),
        ("videos/video_1/remix?api-version=preview", {"prompt": "A cat"}, True),
        ("videos/video_1/remix", {"prompt": "A cat", "remixed_from_video_id": None}, False),
        ("videos/video_1/remix", {"prompt": "A cat", "remixed_from_video_id": "video_2"}, False),
    ],
)
def test_a_video_is_known_by_what_a_server_shows_of_it(
    path: str, video: dict[str, Any], same: bool
) -> None:
    body = {"prompt": "A cat", "seconds": "8"}
    model = {} if "remix" in path else {"model": "sora-2"}
    assert _openai_results.is_same(video, Payload(path, {**model, **body})) is same


@pytest.mark.parametrize(
    ("request_shown", "same"),
    [
        ({"prompt": "A cat", "duration": "5s", "loop": False, "keyframes": None}, True),
        ({"prompt": "A cat", "loop": True}, False),
        ({"prompt": "A cat", "keyframes": {"frame0": {"type": "image", "url": "u"}}}, False),
        ({"prompt": "A dog"}, False),
        (None, False),
    ],
)
def test_a_generation_is_known_by_its_request(request_shown: Any, same: bool) -> None:
    generation = {"id": "g", "model": "ray-2", "request": request_shown}
    (listing,) = declaration(luma.__name__).list
    assert is_same(listing, generation, {"model": "ray-2", "prompt": "A cat"}) is same


def test_what_was_sent_may_come_back_as_lists_with_more_in_them() -> None:
    sent = {"refs": ({"url": "u", "weight": 1},), "seed": 3}
    shown = {"refs": [{"url": "u", "weight": 1.0, "more": None}], "seed": 3, "usual": True}
    assert is_shown(sent, shown)
    assert not is_shown(sent, {**shown, "refs": []})


@pytest.mark.parametrize("value", [None, "yesterday", "", {}, 1e300])
def test_a_date_that_can_not_be_read_is_no_date(value: Any) -> None:
    now = moment("2026-11-20T12:00:00Z")
    assert now is not None
    assert moment(value) is None
    assert not is_since(value, now)
    assert is_since("2026-11-20T11:59:55", now)
    assert not is_since(1795175994, now)
