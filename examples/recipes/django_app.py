"""Django under ASGI: a client that leaves ends its request, and so its job.

    pip install ".[fal]" django uvicorn
    FAL_KEY=… uvicorn django_app:application --app-dir examples/recipes \
        --timeout-graceful-shutdown 20

Django cancels an async view when its client disconnects; the gateway then asks the provider to stop
the job. The settings stand here, so that one file is the whole of it.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY") or os.urandom(32).hex(),
    )

from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)

CONFIG = VideoGenerationConfig(
    provider="fal",
    model="fal-ai/veo3.1",
    timeout=300,
    save_to="videos/{request_id}.{ext}",
)
gateway = Gateway(untrusted_requests=True)


@csrf_exempt  # of a view that takes no cookies
async def make(request: HttpRequest) -> JsonResponse:
    """Make the video of a prompt."""
    try:
        order = VideoGenerationRequest(prompt=request.POST.get("prompt", ""))
        response = await gateway.generate_video_async(CONFIG, order)
    except (ContentModerationError, ValidationError, ValueError):
        return JsonResponse({"error": "this can't be made as it was asked for"}, status=422)
    except TarashException:
        return JsonResponse({"error": "the video could not be made"}, status=502)

    return JsonResponse({"request_id": response.request_id, "saved": list(response.saved)})


urlpatterns = [path("videos", make)]
django = get_asgi_application()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Add to Django what it lacks: the server's word that it is about to end."""
    if scope["type"] != "lifespan":
        await django(scope, receive, send)
        return

    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await gateway.aclose(grace=0)

        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
