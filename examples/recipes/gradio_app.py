"""Gradio: the token of the order lives in the browser, so a page that is loaded again has it.

pip install ".[fal]" gradio
FAL_KEY=… TARASH_TOKEN_SECRET=… python examples/recipes/gradio_app.py
"""

from __future__ import annotations

from typing import Any

import gradio as gr

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


async def order(prompt: str) -> str:
    """Submit, and return the token."""
    try:
        request = VideoGenerationRequest(prompt=prompt)
        return (await submit_video_async(CONFIG, request)).to_token()
    except (TarashException, ValueError) as error:
        raise gr.Error(str(error)) from error


async def watch(token: str) -> tuple[str, str | None]:
    """Return where the order stands, and the video's address if it is done."""
    if not token:
        return "Nothing is ordered.", None

    try:
        update = await VideoJob.from_token(token, CONFIG).status_async()
    except TarashException as error:
        return f"No news: {error}", None

    video: Any = None if update.result is None else update.result.video
    return update.error or update.status, video if isinstance(video, str) else None


with gr.Blocks() as page:
    token = gr.BrowserState("")
    prompt = gr.Textbox(label="What to make")
    state = gr.Textbox(label="State", interactive=False)
    video = gr.Textbox(label="Address", interactive=False)
    gr.Button("Make it").click(order, prompt, token)
    gr.Timer(3).tick(watch, token, [state, video])

if __name__ == "__main__":
    page.launch()
