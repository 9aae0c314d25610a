"""Flask: a route that makes a video and sends it.

`gunicorn_conf.py` says how to serve it, so that a shutdown leaves no job running by accident. Each
request holds a thread for as long as its video takes; the FastAPI example shows tokens instead.
"""

from __future__ import annotations

from flask import Flask, abort, request
from flask.wrappers import Response

from tarash.tarash_gateway import (
    ContentModerationError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)

CONFIG = VideoGenerationConfig(
    provider="fal",
    model="fal-ai/veo3.1",
    timeout=300,
    save_to="videos/{request_id}.{ext}",  # kept, also where the client has left
    untrusted_requests=True,  # they are other people's: no files of this server, no private hosts
)
app = Flask(__name__)


@app.post("/videos")
def make() -> Response:
    """Make the video of a prompt."""
    try:
        order = VideoGenerationRequest(prompt=request.form.get("prompt", ""))
    except ValueError:  # pydantic's, of a blank prompt for instance
        abort(422)

    try:
        response = generate_video(CONFIG, order)
    except (ValidationError, ContentModerationError) as error:
        app.logger.warning("%s", error)
        abort(422)
    except TarashException as error:
        app.logger.error("%s", error)  # noqa: TRY400  (its words are enough)
        abort(502)

    if not response.saved:
        app.logger.error("%s is made, but could not be saved", response.request_id)
        abort(500)

    with open(response.saved[0], "rb") as video:  # noqa: PTH123  (what was saved has a name as text)
        return Response(video.read(), mimetype=response.content_type or "video/mp4")
