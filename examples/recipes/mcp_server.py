"""An MCP server whose tools order a video and ask after it.

    pip install ".[fal]" mcp
    FAL_KEY=… TARASH_LEDGER=sqlite:///videos.db python examples/recipes/mcp_server.py

Models call tools again when an answer takes long, so the order returns at once, and its `order` is
the key by which a repeated call finds the job that is there. What a model asks for counts as other
people's request: no files of yours, no private addresses.
"""

from __future__ import annotations

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tarash.tarash_gateway import (
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
    submit_video_async,
)

CONFIG = VideoGenerationConfig(
    provider="fal", model="fal-ai/veo3.1", on_timeout="detach", untrusted_requests=True
)
server = MCPServer("videos")


@server.tool()
async def order_video(request: VideoGenerationRequest, order: str) -> str:
    """Order a video; returns a token to ask after it with.

    Args:
        request: What to make.
        order: A name of your own for this order; repeat it when you repeat the call.
    """
    try:
        job = await submit_video_async(CONFIG, request, idempotency_key=f"mcp-{order}")
    except TarashException as error:
        raise ToolError(str(error)) from error  # which the model may read, and mend

    return job.to_token()


@server.tool()
async def video_status(token: str) -> dict[str, str | None]:
    """Say where an order stands, and the video's address once it is completed."""
    try:
        update = await VideoJob.from_token(token, CONFIG).status_async()
    except TarashException as error:
        raise ToolError(str(error)) from error

    video = None if update.result is None else update.result.video
    return {"status": update.status, "video": video if isinstance(video, str) else None}


if __name__ == "__main__":
    server.run()
