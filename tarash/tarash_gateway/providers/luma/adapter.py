"""Luma's two products under one name: the Dream Machine API by its SDK, the Agents API over HTTP.

The model decides which; each has its own key. The first takes media by public URL only.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from anyio import to_thread

from ..._data._exchange import MediaSupport, Operation, Payload, RawResult, Snapshot
from ..._http._client import HttpClient, HttpResponse, join, status_error, unreadable
from ..._http._credentials import Credentials
from ..._http._sdk import exchange, http_client
from ..._support._secrets import bearer
from ...exceptions import UnsupportedOperationError, ValidationError
from ...mapping import apply_field_mappers, own
from ...media import data_uri
from ...models import ImageGenerationResponse, VideoGenerationResponse
from .._contract import AdapterDefaults
from .._facts import response_facts
from .._filters import refusal, sift
from .._finding import is_since, moment
from .._outputs import as_text, content_of, find, no_media
from .errors import classify_answer, failure
from .listing import is_same, newest
from .models import AGENTS_MODELS

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Response
    from ..._data._types import CancelAnswer, JobStatus, MediaContent
    from ..._http._client import Transport
    from ...catalog import ModelSpec
    from .._contract import Ability

DREAM_MACHINE = "/dream-machine/v1"
AGENTS_URL = "https://agents.lumalabs.ai/v1"
VARIABLE = "LUMAAI_API_KEY"
AGENTS_VARIABLE = "LUMA_AGENTS_API_KEY"
IMAGE_MODELS = ("photon", "uni-")
VIDEO_MODELS = ("ray-",)
ALIASES = {"photon": "photon-1", "photon-flash": "photon-flash-1"}

STATUSES: Mapping[str, JobStatus] = {"queued": "queued"}
SIGNED = timedelta(hours=1)
"""URLs of the Agents API open for so long."""
USUAL_MODE = "flex_1"
"""How freely a source video is changed, where the user doesn't say."""
SAME_AS_SOURCE = {
    "media": ("duration", "resolution", "aspect_ratio"),
    "source": ("video.duration",),
}
"""What an edited video has from its source, so that nothing else can be asked for."""
NESTED = ("keyframes", "video")
"""Objects that are made of wishes and of `extra_params` at once."""
FRAMES = frozenset({"frame0", "frame1", "start_frame", "end_frame", "keyframes"})
FIRST_ERROR = 300
NOT_FOUND = 404
LARGEST_INLINE = 32 * 1024 * 1024
"""A request may have 50 MB, and base64 makes four bytes of three."""


class LumaClient:
    """One account of one product."""

    def __init__(self, account: Credentials, transport: Transport) -> None:
        self.account = account
        self.http = HttpClient(account, transport, bearer(account.key), classify_answer)
        self._transport = transport
        self._sdk: Any = None

    @property
    def is_dream_machine(self) -> bool:
        """Whether this is the Dream Machine API, else the Agents API."""
        return self.account.base_url.endswith(DREAM_MACHINE)

    @property
    def sdk(self) -> Any:
        """The Dream Machine API's own client, which retries nothing here."""
        if self._sdk is None:
            import httpx
            import lumaai

            self._sdk = lumaai.AsyncLumaAI(
                auth_token=self.account.key.reveal(),
                base_url=self.account.base_url,
                max_retries=0,
                http_client=http_client(httpx, self._transport),
            )

        return self._sdk

    def url(self, *path: str) -> str:
        """Return a URL of the product."""
        return join(self.account.base_url, "/".join(path))

    async def aclose(self) -> None:
        """Close the SDK's connections."""
        if self._sdk is not None:
            await self._sdk.close()


class LumaAdapter(AdapterDefaults):
    """Luma's generations, by the contract of adapters."""

    abilities: frozenset[Ability] = frozenset(
        {"find_submitted", "key_variable", "resolve_base_url", "upload", "verify_credentials"}
    )
    name = "luma"
    # The Agents API takes bytes inline, which `upload` makes of them; the other takes none.
    accepts = MediaSupport(content=None, upload=True)
    min_poll_interval = 2.0
    base_url = f"https://api.lumalabs.ai{DREAM_MACHINE}"
    trusted_hosts = ()
    modules = ("lumaai", "httpx")

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else that of the model's product."""
        return config.api_key or environment.get(self.key_variable(config))

    def key_variable(self, config: Config) -> str:
        """Return where the key of the model's product is read from."""
        return AGENTS_VARIABLE if config.model.startswith(AGENTS_MODELS) else VARIABLE

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return the product's base URL; on a custom host it may be written with or without it."""
        if custom is None:
            return AGENTS_URL if config.model.startswith(AGENTS_MODELS) else self.base_url

        root = re.sub(r"(?:/dream-machine|/v1|/)+$", "", custom)
        return root + ("/v1" if config.model.startswith(AGENTS_MODELS) else DREAM_MACHINE)

    def connect(self, account: Credentials, transport: Transport) -> LumaClient:
        """Make a client over the loop's connections."""
        return LumaClient(account, transport)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the generation's parameters, and the endpoint that takes them."""
        wrong = IMAGE_MODELS if call.kind == "video" else VIDEO_MODELS
        if spec.model.startswith(wrong):
            made = "images" if call.kind == "video" else "videos"
            raise ValidationError(f"{spec.model} makes {made}; use another model")

        extra = _inside(call.request.extra_params)
        mapped = apply_field_mappers(
            {
                name: mapper
                for name, mapper in spec.mappers.items()
                if own(call.request, name) is None or name in NESTED
            },
            call.request,
        )
        _check_source(mapped)
        body = {"model": ALIASES.get(spec.model, spec.model)}
        if spec.model.startswith(AGENTS_MODELS):
            kind = "video_edit" if "source" in mapped else call.kind
            return Payload("generations", _merged(body | {"type": kind} | _nested(mapped), extra))

        _check_urls(mapped)
        if "media" in mapped:
            return Payload("generations/video/modify", _merged(body | _modify(mapped), extra))

        return Payload(f"generations/{call.kind}", _merged(body | mapped, extra))

    async def submit(self, client: LumaClient, payload: Payload, call: Call) -> Operation:
        """Start the generation."""
        if client.is_dream_machine:
            answer = await _through_sdk(client, payload)
        else:
            answer = await client.http.submit(payload.path, json=payload.body)

        generation = answer.object()
        job_id = generation.get("id")
        if not isinstance(job_id, str) or not job_id:
            raise unreadable(answer.status, answer.body)

        return _operation(client, call, job_id, datetime.now(UTC))

    async def find_submitted(
        self, client: LumaClient, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the generations since then of this model, with all that was asked for.

        Luma shows the request, with its own defaults filled in: those are passed over.

        Raises:
            UnsupportedOperationError: It is a generation of the Agents API, which has no list.
        """
        if not client.is_dream_machine:
            raise UnsupportedOperationError("Luma's Agents API lists no generations")

        return [
            _operation(client, call, str(one["id"]), moment(one.get("created_at")) or since)
            for one in await newest(client.http.get, client.url("generations"), since)
            if is_since(one.get("created_at"), since) and is_same(one, payload.body)
        ]

    async def poll(self, client: LumaClient, operation: Operation) -> Snapshot:
        """Look at the generation, which holds its media when it is done."""
        answer = await client.http.get(client.url("generations", quote(operation.id, safe="")))
        generation = answer.object()
        state = generation.get("state")
        if not isinstance(state, str):
            if generation.get("error") or generation.get("failure_reason"):
                return Snapshot("failed", raw=generation, error=failure(generation))

            raise unreadable(answer.status, answer.body)

        if state == "failed":
            return Snapshot("failed", raw=generation, error=failure(generation))

        if state != "completed":
            return Snapshot(STATUSES.get(state, "processing"), raw=generation)

        metadata = {"expires_at": (datetime.now(UTC) + SIGNED).isoformat()}
        finished = RawResult(generation, {} if client.is_dream_machine else metadata)
        return Snapshot("completed", raw=generation, progress=100, finished=finished)

    async def upload(self, client: LumaClient, media: MediaContent) -> str:
        """Return media as a data URI, for the Agents API: it takes them inside the request.

        Raises:
            ValidationError: It is for the Dream Machine API, or too large.
        """
        size = len(media["content"])
        most = 0 if client.is_dream_machine else LARGEST_INLINE
        if size > most:
            raise ValidationError(
                f"Luma takes {f'at most {most}' if most else 'no'} bytes here, and these are "
                f"{size}; put the file where Luma can fetch it, and give its public URL"
            )

        return await to_thread.run_sync(data_uri, media)

    async def cancel(self, _client: LumaClient, _operation: Operation) -> CancelAnswer:
        """Tell that Luma can't: deleting a generation is not said to stop it, and would lose it."""
        return "unsupported"

    async def verify_credentials(self, client: LumaClient) -> None:
        """Ask for the credit; the Agents API has none to ask for, so after what nobody has."""
        if client.is_dream_machine:
            await client.http.get(client.url("credits"))
            return

        answer = await client.http.get(client.url("generations", str(uuid4())), any_status=True)
        if answer.status >= FIRST_ERROR and answer.status != NOT_FOUND:
            raise classify_answer(answer) or status_error(answer)

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; what stands beside the media goes into `provider_metadata`."""
        generation, kind = finished.raw, call.kind
        # The first product has one place for each kind, the second a list.
        places = {name: generation[name] for name in ("assets", "output") if name in generation}
        found = find(places, kind)
        sifted = sift(places, found.media)
        if not sifted.media and sifted.refused:
            raise refusal("Luma", sifted, kind, generation)

        if not sifted.media:
            raise no_media("Luma", kind, found, generation)

        names = ("model", "created_at", "type", "generation_type")
        facts = response_facts(
            call,
            {
                **{name: generation[name] for name in names if generation.get(name)},
                **sifted.note,
                **finished.metadata,
            },
            request_id=generation.get("id"),
            content_type=sifted.media[0].content_type,
        )
        media = tuple(map(content_of, sifted.media))
        if kind == "image":
            return ImageGenerationResponse(
                images=tuple(map(as_text, media)), raw_response=generation, **facts
            )

        return VideoGenerationResponse(
            video=media[0], videos=media, raw_response=generation, **facts
        )


def _operation(client: LumaClient, call: Call, job_id: str, submitted_at: datetime) -> Operation:
    return Operation(
        provider=client.account.provider,
        model=call.config.model,
        kind=call.kind,
        id=job_id,
        submitted_at=submitted_at.isoformat(),
    )


def _check_urls(value: Any) -> None:
    """Refuse bytes, which stand in a plan too, where only URLs are taken."""
    if isinstance(value, Mapping) and "media_type" in value and "url" not in value:
        raise ValidationError(
            "Luma's Dream Machine API takes media by public URL only; put the file where Luma can "
            "fetch it, and give its URL"
        )

    inner = value.values() if isinstance(value, Mapping) else value
    for one in inner if isinstance(value, Mapping | list) else ():
        _check_urls(one)


def _check_source(mapped: Mapping[str, Any]) -> None:
    """Refuse wishes that an edit of a source video can't have."""
    for source, taken in SAME_AS_SOURCE.items():
        asked = [name.rpartition(".")[2] for name in taken if name in mapped]
        if source in mapped and asked:
            raise ValidationError(
                f"an edited video has the {' and '.join(asked)} of its source; leave that out, or "
                "leave 'video' out"
            )


def _modify(mapped: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters for changing a source video."""
    frames = mapped.get("keyframes", {})
    if "frame1" in frames:
        raise ValidationError(
            "an edited video takes no last_frame; give a first_frame, or leave 'video' out"
        )

    kept = {name: value for name, value in mapped.items() if name != "keyframes"}
    first = {"first_frame": {"url": frames["frame0"]["url"]}} if frames else {}
    return {"generation_type": "modify_video", "mode": USUAL_MODE, **kept, **first}


def _nested(mapped: Mapping[str, Any]) -> dict[str, Any]:
    """Put `video.<name>` into the object `video`."""
    body = {name: value for name, value in mapped.items() if not name.startswith("video")}
    inner = {name[6:]: value for name, value in mapped.items() if name.startswith("video.")}
    video = {**mapped.get("video", {}), **inner}
    return {**body, "video": video} if video else body


def _inside(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Put the user's `video.<name>` into their object `video`, as our own names have it."""
    flat = {name: value for name, value in extra.items() if not name.startswith("video.")}
    inner = {name[6:]: value for name, value in extra.items() if name.startswith("video.")}
    given = flat.get("video", {})
    return {**flat, "video": {**given, **inner}} if inner and isinstance(given, dict) else flat


def _merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Let the user's own parameters win, inside the objects that both of us fill too."""
    merged = {**body, **extra}
    for name in NESTED:
        ours, theirs = body.get(name), extra.get(name)
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            continue

        twice = FRAMES & ours.keys() & theirs.keys()
        if twice:
            raise ValidationError(
                f"{name}.{min(twice)} comes from 'image_list' and from extra_params; give one"
            )

        merged[name] = {**ours, **theirs}

    return merged


async def _through_sdk(client: LumaClient, payload: Payload) -> HttpResponse:
    import lumaai

    generations = client.sdk.generations
    named: tuple[str, ...] = ("model",)
    send: Callable[..., Awaitable[Any]]
    if payload.path.endswith("/modify"):
        named = ("generation_type", "media", "mode", "model")
        send = generations.video.with_raw_response.modify
    elif payload.path.endswith("/image"):
        send = generations.image.with_raw_response.create
    else:
        send = generations.video.with_raw_response.create

    required = {name: payload.body[name] for name in named}
    rest = {name: value for name, value in payload.body.items() if name not in named}
    return await exchange(
        lambda: send(**required, extra_body=rest),
        client.account,
        lumaai.APIConnectionError,
        classify_answer,
    )


adapter = LumaAdapter()
