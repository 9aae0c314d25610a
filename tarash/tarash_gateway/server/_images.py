"""OpenAI's routes for images: made from words, or from other images; as JSON, or as events."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from ..exceptions import TarashException
from ._app_state import AppState
from ._authorization import Caller, CallerHere, FrontHere
from ._content import link_to
from ._creating import Order, create, labels_of, named
from ._forms import fields_of
from ._openapi_docs import ERRORS, body_of
from ._refusals import Refusal, final, missing, refusal_of, sendable
from ._requests import AUTO, PASSED, ImageCreate, ImageEdit, parsed
from ._shapes import cost_headers, cost_of, model_of
from ._uploads import filled

if TYPE_CHECKING:
    from pathlib import Path

    from .._data._job_info import JobInfo
    from ._driving import Driven

log = logging.getLogger(__name__)
NO_BUFFERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
TOKENS = ("input_tokens", "output_tokens", "total_tokens")
router = APIRouter(prefix="/v1/images", tags=["Images"], responses=ERRORS)


class ImageAnswer:
    """What a client gets for one request for images, now or when they are done."""

    def __init__(
        self, app_state: AppState, request: Request, wanted: ImageCreate, driven: Driven, verb: str
    ) -> None:
        self._app_state = app_state
        self._request = request
        self._wanted = wanted
        self._driven = driven
        self._verb = verb
        """What the events begin with: `image_generation` or `image_edit`."""

    async def answer(self) -> Response:
        """Return the answer; one that takes long begins at once, and says that it is alive."""
        headers = {"x-tarash-job": self._driven.handle.id}
        if self._wanted.stream:
            return StreamingResponse(
                self._events(), media_type="text/event-stream", headers={**headers, **NO_BUFFERS}
            )

        if await self._ended_within(self._app_state.settings.answer_seconds):
            job, body = await self._done()
            return JSONResponse(body, headers={**headers, **cost_headers(job)})

        return StreamingResponse(
            self._late(), media_type="application/json", headers={**headers, **NO_BUFFERS}
        )

    async def _ended_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._driven.ended.wait()
        except TimeoutError:
            return False

        return True

    async def _late(self) -> AsyncIterator[bytes]:
        """Yield white space, which JSON may begin with, and then the answer."""
        yield b"\n"
        while not await self._ended_within(self._app_state.settings.alive_seconds):
            yield b" "

        try:
            _, body = await self._done()
        except Exception as error:  # noqa: BLE001  (the status has gone out)
            body = _error_body(error)

        yield json.dumps(body).encode()

    async def _events(self) -> AsyncIterator[bytes]:
        yield b": begun\n\n"
        shown = 0
        while True:
            # Whether it has ended is asked first: what it has shown by then is all there.
            has_ended = self._driven.ended.is_set()
            for update in self._driven.partial_images[shown:]:
                shown += 1
                yield self._partial(update)

            if has_ended:
                break

            if len(self._driven.partial_images) > shown:
                continue  # which came while the others were sent

            if not await self._driven.changed(self._app_state.settings.alive_seconds):
                yield b": alive\n\n"

        try:
            _, body = await self._done(links=False)
        except Exception as error:  # noqa: BLE001  (as above)
            yield _event("error", _error_body(error))
            return

        kind = f"{self._verb}.completed"
        shared = {k: v for k, v in body.items() if k not in ("created", "data")}
        for image in body["data"]:
            data = {"type": kind, "created_at": body["created"], **shared, **image}
            yield _event(kind, data)

    def _partial(self, update: Any) -> bytes:
        """Return the event of an image on the way."""
        content = update.partial_image["content"]
        wanted = self._wanted
        kind = f"{self._verb}.partial_image"
        data = {
            "type": kind,
            "b64_json": base64.b64encode(content).decode(),
            "partial_image_index": update.partial_image_index,
            "created_at": int(time.time()),
            "output_format": update.partial_image["content_type"].partition("/")[2],
            "size": wanted.size or AUTO,
            "quality": wanted.quality or AUTO,
            "background": wanted.background or AUTO,
        }
        return _event(kind, data)

    async def _done(self, *, links: bool = True) -> tuple[JobInfo, dict[str, Any]]:
        """Return the job, and the answer that holds its images.

        Raises:
            TarashException: It ended in this error.
            Refusal: Its images can't be had.
        """
        response = await self._driven.until_ended()
        job = await self._app_state.gateway.find_job_async(self._driven.handle.id)
        if job is None:
            raise missing("job")

        job = job.model_copy(update={"cost": job.cost or response.cost})
        files = await self._app_state.result_folder.files(
            job
        ) or await self._app_state.result_folder.save(job, response)
        data = [
            await self._image(job, path, number, links=links)
            for number, path in enumerate(files, 1)
        ]
        if response.revised_prompt:
            data = [{**image, "revised_prompt": response.revised_prompt} for image in data]

        return job, sendable(self._body(job, response, data, files))

    def _body(
        self, job: JobInfo, response: Any, data: list[dict[str, Any]], files: list[Path]
    ) -> dict[str, Any]:
        wanted = self._wanted
        body: dict[str, Any] = {
            "created": int(time.time()),
            "data": data,
            "job": job.id,
            "model": model_of(job),
            "output_format": files[0].suffix.removeprefix(".").replace("jpg", "jpeg"),
            "cost": cost_of(job),
            "usage": _usage(response.raw_response),
            "adjustments": [
                adjustment.model_dump(mode="json") for adjustment in response.adjustments
            ],
        }
        named = {"size": wanted.size, "quality": wanted.quality, "background": wanted.background}
        return {**body, **{name: value for name, value in named.items() if value is not None}}

    async def _image(self, job: JobInfo, path: Path, number: int, *, links: bool) -> dict[str, str]:
        fields = {}
        if self._wanted.response_format != "url" or not links:
            content = await to_thread.run_sync(path.read_bytes)
            fields["b64_json"] = base64.b64encode(content).decode()

        if self._wanted.response_format != "b64_json" and links:
            fields["url"], _ = await link_to(self._app_state, self._request, job.id, number)

        return fields


def _usage(raw: Any) -> dict[str, Any] | None:
    """Return the tokens that a provider of images reports, in its answer or its last event."""
    last = raw[-1] if isinstance(raw, list) and raw else raw
    usage = last.get("usage") if isinstance(last, dict) else None
    return usage if isinstance(usage, dict) and any(name in usage for name in TOKENS) else None


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(sendable(data))}\n\n".encode()


def _error_body(error: Exception) -> dict[str, Any]:
    """Return an error as the body of an answer whose status has gone out."""
    if isinstance(error, Refusal):
        return error.body()

    if isinstance(error, TarashException):
        return refusal_of(error).body()

    log.error("An answer failed", exc_info=error)
    return final(500, "internal", "The gateway failed").body()


@router.post("/generations", openapi_extra=body_of(ImageCreate))
async def create_images(request: Request, app_state: FrontHere, caller: CallerHere) -> Response:
    """Make images from words, and answer with them."""
    return await _made(request, app_state, caller, ImageCreate, "image_generation")


@router.post("/edits", openapi_extra=body_of(ImageEdit, files=("image", "mask"), image="image[]"))
async def edit_images(request: Request, app_state: FrontHere, caller: CallerHere) -> Response:
    """Make images from others, with a mask where only a part of the first is to change."""
    return await _made(request, app_state, caller, ImageEdit, "image_edit")


async def _made(
    request: Request, app_state: AppState, caller: Caller, model: type[ImageCreate], verb: str
) -> Response:
    fields = await fields_of(request)
    wanted: ImageCreate = parsed(model, await filled(request, app_state, caller.id, fields))
    config = app_state.models.config(
        "image", wanted.wanted(), caller, app_state.result_folder.place(), allowed=PASSED
    )
    order = Order("image", config, wanted.request(), labels_of(wanted.metadata, wanted.model))
    name = await named(app_state, caller, request, fields)
    driven = await create(app_state, caller, order, name)
    return await ImageAnswer(app_state, request, wanted, driven, verb).answer()
