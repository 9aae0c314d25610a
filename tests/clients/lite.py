"""LiteLLM's client; prints as JSON what each step came to. Run by a Python of its own."""

import asyncio
import base64
import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

import litellm

litellm.suppress_debug_info = True
WHERE = {"api_base": os.environ["TARASH_URL"], "api_key": os.environ["TARASH_KEY"]}
GPT = "openai/openai/gpt-image-2"
FLUX = "openai/fal/fal-ai/flux/dev"
VEO = "openai/fal/fal-ai/veo3.1"
EDITS = {"model": "fal/decart/lucy-edit/pro"}
found: dict[str, Any] = {}


def step(name: str, work: Callable[[], Any]) -> None:
    """Take a step, and keep what it came to."""
    try:
        found[name] = work()
    except Exception as error:  # noqa: BLE001  (LiteLLM's own)
        status = getattr(error, "status_code", None)
        found[name] = {"error": type(error).__name__, "status": status, "message": str(error)}


def files(count: int) -> list[io.BytesIO]:
    """Return images as files with names."""
    made = litellm.image_generation(model=GPT, prompt="A cat", **WHERE)
    content = base64.b64decode(made.data[0].b64_json)
    opened = []
    for number in range(count):
        one = io.BytesIO(content)
        one.name = f"{number}.png"
        opened.append(one)

    return opened


def images(model: str) -> Any:
    """Make two images; return how many there are, and whether LiteLLM knows what they cost."""
    made = litellm.image_generation(model=model, prompt="A cat", n=2, size="1024x1024", **WHERE)
    return [
        len([one for one in made.data if one.b64_json]),
        made._hidden_params["response_cost"] > 0,
    ]


async def a_video() -> Any:
    """Make a video the asynchronous way."""
    video = await litellm.avideo_generation(model=VEO, prompt="A cat", **WHERE)
    while (seen := await litellm.avideo_status(video_id=video.id, **WHERE)).status in RUNNING:
        await asyncio.sleep(0.05)

    content = await litellm.avideo_content(video_id=video.id, **WHERE)
    return [seen.status, content[4:8].decode()]


RUNNING = ("queued", "in_progress")
step("images", lambda: images(GPT))
step("images of another provider", lambda: images(FLUX))
step(
    "edit one",
    lambda: len(litellm.image_edit(model=GPT, image=files(1)[0], prompt="Red", **WHERE).data),
)
first, second, mask = files(3)
step(
    "edit two with a mask",
    lambda: len(
        litellm.image_edit(model=GPT, image=[first, second], mask=mask, prompt="Red", **WHERE).data
    ),
)
video = litellm.video_generation(model=VEO, prompt="A cat", seconds="8", size="1280x720", **WHERE)


def ended() -> str:
    """Poll the video until it has ended."""
    while (seen := litellm.video_status(video_id=video.id, **WHERE)).status in RUNNING:
        time.sleep(0.05)

    return str(seen.status)


step("video", ended)
step("content", lambda: litellm.video_content(video_id=video.id, **WHERE)[4:8].decode())
step("list", lambda: len(litellm.video_list(custom_llm_provider="openai", **WHERE)["data"]))
step(
    "remix",
    lambda: litellm.video_remix(video_id=video.id, prompt="Red", extra_body=EDITS, **WHERE).status,
)
step(
    "edit",
    lambda: litellm.video_edit(video_id=video.id, prompt="Red", extra_body=EDITS, **WHERE).status,
)
step(
    "extension",
    lambda: (
        litellm.video_extension(
            video_id=video.id, prompt="On", seconds="4", extra_body=EDITS, **WHERE
        ).status
    ),
)
step(
    "reference",
    lambda: (
        litellm.video_generation(
            model=f"{VEO}/image-to-video", prompt="A cat", input_reference=files(1)[0], **WHERE
        ).status
    ),
)
step(
    "frames",
    lambda: (
        litellm.video_generation(
            model=f"{VEO}/first-last-frame-to-video",
            prompt="A cat",
            extra_body={
                "duration": 8,
                "aspect_ratio": "16:9",
                "generate_audio": False,
                "seed": 3,
                "frame_images": [
                    {
                        "type": "image_url",
                        "frame_type": kind,
                        "image_url": {"url": f"https://example.com/{kind}.png"},
                    }
                    for kind in ("first_frame", "last_frame")
                ],
            },
            **WHERE,
        ).status
    ),
)
step("asynchronous", lambda: asyncio.run(a_video()))
step(
    "no such model",
    lambda: litellm.video_generation(model="openai/none/such", prompt="A cat", **WHERE),
)
step(
    "no such key",
    lambda: litellm.image_generation(
        model=GPT, prompt="A cat", api_base=WHERE["api_base"], api_key="tg_none"
    ),
)
print(json.dumps(found))
