"""A LangChain tool that makes a video: for agents, chains and graphs.

    pip install ".[fal]" langchain-core

`make_video.invoke({...})` and `await make_video.ainvoke({...})` work, and
`bind_tools([make_video])` shows a model the fields that it may fill in. What a model asks for
counts as other people's request.
"""

from __future__ import annotations

from langchain_core.tools import StructuredTool, ToolException

from tarash.tarash_gateway import (
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
    generate_video_async,
)

CONFIG = VideoGenerationConfig(
    provider="fal", model="fal-ai/veo3.1", save_to="videos/{request_id}.{ext}",
    untrusted_requests=True,
)  # fmt: skip


def _make(prompt: str, duration_seconds: int | None = None, aspect_ratio: str = "16:9") -> str:
    """Make a video of a prompt, which takes minutes; returns the file where it is."""
    try:
        order = VideoGenerationRequest(
            prompt=prompt, duration_seconds=duration_seconds, aspect_ratio=aspect_ratio
        )
        return generate_video(CONFIG, order).saved[0]
    except (TarashException, ValueError) as error:  # what the model may read, and mend
        raise ToolException(str(error)) from error


async def _make_async(
    prompt: str, duration_seconds: int | None = None, aspect_ratio: str = "16:9"
) -> str:
    """Make a video without a thread; cancelling its task stops the job."""
    try:
        order = VideoGenerationRequest(
            prompt=prompt, duration_seconds=duration_seconds, aspect_ratio=aspect_ratio
        )
        return (await generate_video_async(CONFIG, order)).saved[0]
    except (TarashException, ValueError) as error:
        raise ToolException(str(error)) from error


make_video = StructuredTool.from_function(
    _make, _make_async, name="make_video", handle_tool_error=True
)
