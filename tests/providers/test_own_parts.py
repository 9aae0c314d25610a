"""Parts of a list that `extra_params` give stand beside the request's own: no image is dropped."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_video,
)

FIRST = "https://example.com/a.png"
VOICE = {"type": "voice", "voice_id": "v1"}
SOUND = {"type": "audio_url", "role": "reference_audio", "audio_url": {"url": "https://e.com/a"}}
LAST = {"type": "image_url", "frame_type": "last_frame", "image_url": {"url": "https://e.com/b"}}


def planned(provider: str, model: str, **extra: Any) -> Any:
    config = VideoGenerationConfig(provider=provider, model=model)
    request = VideoGenerationRequest(
        prompt="a kite", image_list=[{"image": FIRST, "type": "first_frame"}], extra_params=extra
    )
    return plan_video(config, request).payload


@pytest.mark.parametrize(
    ("provider", "model", "name", "part"),
    [
        ("kling", "kling-2.6", "contents", VOICE),
        ("bytedance", "dreamina-seedance-2-0-260128", "content", SOUND),
        ("minimax", "MiniMax-H3", "content", SOUND),
        ("openrouter", "google/veo-3.1", "frame_images", LAST),
    ],
)
def test_a_part_of_ones_own_stands_beside_those_of_the_request(
    provider: str, model: str, name: str, part: dict[str, Any]
) -> None:
    plain = planned(provider, model)[name]
    assert FIRST in str(plain)
    assert planned(provider, model, **{name: [part]})[name] == [*plain, part]


def test_words_of_ones_own_replace_those_of_the_request() -> None:
    words = {"type": "prompt", "text": "a boat"}
    assert planned("kling", "kling-2.6", contents=[words])["contents"] == [
        {"type": "first_frame", "url": FIRST},
        words,
    ]


def test_an_image_of_ones_own_in_the_one_place_of_another_is_refused() -> None:
    own = {"type": "first_frame", "url": "https://example.com/b.png"}
    with pytest.raises(ValidationError, match="first_frame from image_list and from extra_params"):
        planned("kling", "kling-2.6", contents=[own])
