"""A status is the same word in whatever case it comes: proxies and new versions spell it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tarash.tarash_gateway.providers._openai_wire import STATUSES
from tarash.tarash_gateway.providers._registry import default_registry, shipped
from tarash.tarash_gateway.providers._result_facts import among
from tests.field.test_answers_on_the_way import Queue, said, video
from tests.media.raw import Asked

VIDEO = "https://example.com/cat.mp4"


def tables() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every table of statuses that an adapter has."""
    yield "openai", STATUSES
    for name in sorted(shipped()):
        adapter: Any = default_registry.adapter(name)
        if getattr(adapter, "statuses", None):
            yield name, adapter.statuses

        said_of = getattr(adapter, "said", None)
        for number, poll in enumerate(getattr(said_of, "poll", ())):
            yield f"{name} {number}", poll.statuses


@pytest.mark.parametrize(("name", "words"), list(tables()))
def test_every_word_is_known_in_every_case(name: str, words: Mapping[str, Any]) -> None:
    for word, meaning in words.items():
        for spelt in (word.upper(), word.lower(), word.title(), f" {word} "):
            assert among(words, spelt) == words.get(spelt, meaning), (name, spelt)

        for one, other in (("cancelled", "canceled"), ("CANCELLED", "CANCELED")):
            assert among(words, word.replace(one, other)) == meaning
            assert among(words, word.replace(other, one)) == meaning

    assert among(words, "a-word-of-tomorrow") is None


@pytest.mark.parametrize(
    ("provider", "model", "done"),
    [
        ("runway", "gen4.5", {"id": "j1", "status": "succeeded", "output": [VIDEO]}),
        ("replicate", "google/veo-3.1", {"id": "j1", "status": "SUCCEEDED", "output": VIDEO}),
        ("luma", "ray-2", {"id": "j1", "state": "Completed", "assets": {"video": VIDEO}}),
        ("xai", "grok-imagine-video", {"status": "DONE", "video": {"url": VIDEO}}),
    ],
)
def test_a_result_under_another_spelling_is_delivered(
    provider: str, model: str, done: dict[str, Any]
) -> None:
    accepted = {"id": "j1", "request_id": "j1", "status": "starting", "state": "queued"}

    def answers(asked: Asked, _number: int) -> bytes:
        return said(accepted if asked.method == "POST" else done)

    assert video(answers, provider, model).video == VIDEO


def test_fals_status_under_another_spelling_is_done() -> None:
    made = Queue([said({"status": "Completed"})], [said({"video": {"url": VIDEO}})])
    assert video(made, "fal", "fal-ai/veo3.1").video == VIDEO


def test_googles_operation_with_its_video_is_done_whatever_else_it_lacks() -> None:
    response = {"videos": [{"bytesBase64Encoded": "AAAAGGZ0eXBpc29t", "mimeType": "video/mp4"}]}

    def answers(asked: Asked, _number: int) -> bytes:
        name = {"name": "models/veo-3.1-generate-preview/operations/o1"}
        return said(name if asked.method == "POST" else {**name, "response": response})

    made = video(answers, "google", "veo-3.1-generate-preview").video
    assert isinstance(made, dict)
    assert made["content_type"] == "video/mp4"
