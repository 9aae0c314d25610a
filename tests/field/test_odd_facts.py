"""What stands beside a paid result is of an odd type: each provider's job delivers all the same."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationRequest
from tarash.tarash_gateway.media import samples
from tests.field.test_bodies_of_providers import ACCEPTED, OPERATION, config_of, said
from tests.media.raw import Asked, serving
from tests.providers.test_results_parsed import BODIES, V, changed

CLIP = base64.b64encode(samples.videos()[0].path.read_bytes()).decode()
OPENAI = {**BODIES["openai", "video"], "id": "j1"}
DONE: dict[str, dict[str, Any]] = {
    "azure-openai": OPENAI,
    "fal": BODIES["fal", "video"],
    "google": {
        "name": OPERATION,
        "done": True,
        "metadata": {"progress": 1},
        "response": {
            "videos": [{"bytesBase64Encoded": CLIP, "mimeType": "video/mp4"}],
            "raiMediaFilteredCount": 0,
            "raiMediaFilteredReasons": [],
        },
    },
    "google-omni": {
        "id": "j1",
        "status": "completed",
        "created": "x",
        "updated": "x",
        "model": "m",
        "usage": {"total_output_tokens": 1},
        "steps": [
            {
                "type": "model_output",
                "content": [{"type": "video", "data": CLIP, "mime_type": "video/mp4"}],
            }
        ],
    },
    "luma": {**BODIES["luma", "video"], "id": "j1"},
    "luma-agents": {
        "id": "j1",
        "type": "video",
        "state": "completed",
        "model": "ray-3.2",
        "created_at": "x",
        "output": [{"type": "video", "url": V, "layer": 1}],
        "failure_reason": None,
        "failure_code": None,
    },
    "openai": OPENAI,
    "replicate": {**BODIES["replicate", "video"], "id": "j1"},
    "runway": {**BODIES["runway", "video"], "id": "j1"},
    "xai": BODIES["xai", "video"],
}
"""What each provider says of a job that is done, with what may stand beside the media."""
ODD: tuple[Any, ...] = ("abc", -1, [], {"a": [{"b": [1]}]}, 10**40, True, None, "")
SAYS_DONE = frozenset({"status", "state", "done", "type", "respect_moderation"})
"""Facts that decide whether there is a result: what contradicts them is no side fact."""


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of a body without which the media are still there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for name, one in pairs:
        if V in str(one) or CLIP in str(one):
            found += places(one, (*place, name)) if isinstance(one, dict | list) else []
        elif name not in SAYS_DONE:
            found.append((*place, name))

    return found


@pytest.mark.parametrize("name", DONE)
async def test_a_side_fact_of_an_odd_type_costs_no_job_its_result(name: str) -> None:
    body: list[Any] = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [said(ACCEPTED[name])]

        if name == "fal" and "/status" in asked.target:
            return [said({"status": "COMPLETED"})]

        return [said(body[0])]

    lost = []
    with serving(answers) as server:
        config = config_of(name, server)
        async with Gateway() as gateway:
            for number, place in enumerate(places(DONE[name])):
                for odd in (ODD[(number + step) % len(ODD)] for step in (0, 3)):
                    body[:] = [changed(DONE[name], place, odd)]
                    try:
                        response = await gateway.generate_video_async(
                            config, VideoGenerationRequest(prompt="A cat")
                        )
                    except Exception as error:  # noqa: BLE001  (each of them is told)
                        lost.append((place, odd, repr(error)[:200]))
                    else:
                        assert response.videos

    assert lost == []


def numbered(value: Any) -> Any:
    """Return a body whose ids are numbers."""
    if isinstance(value, dict):
        return {name: numbered(one) for name, one in value.items()}

    return 359690885259366 if value == "j1" else value


@pytest.mark.parametrize("name", sorted(ACCEPTED.keys() - {"google"}))  # whose ids are paths
async def test_an_id_that_is_a_number_is_an_id(name: str) -> None:
    asked_for = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        asked_for.append(f"{asked.method} {asked.target}")
        if asked.method == "POST":
            return [said(numbered(ACCEPTED[name]))]

        looks = name == "fal" and "/status" in asked.target
        return [said({"status": "COMPLETED"} if looks else numbered(DONE[name]))]

    with serving(answers) as server:
        config = config_of(name, server)
        async with Gateway() as gateway:
            request = VideoGenerationRequest(prompt="A cat")
            assert (await gateway.generate_video_async(config, request)).videos

    posts = [one for one in asked_for if one.startswith("POST")]
    looks = [one for one in asked_for if "359690885259366" in one]
    assert len(posts) == 1
    assert looks
