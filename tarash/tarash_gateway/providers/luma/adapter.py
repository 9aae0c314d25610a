"""Luma's two products under one name: the Dream Machine API by its SDK, the Agents API over HTTP.

The model decides which; each has its own key. The first takes media by public URL only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from anyio import to_thread

from ..._data._exchange import MediaSupport, Operation, Payload, Snapshot, Together
from ..._data._webhooks import WebhookFacts
from ..._http._client import join, unreadable
from ...exceptions import UnsupportedOperationError, ValidationError
from ...mapping import apply_field_mappers, own
from ...media import data_uri
from .._rest import RestAdapter
from .client import DREAM_MACHINE, LumaClient
from .errors import classify_answer
from .listing import PAGE, is_same, newest
from .models import AGENTS_MODELS
from .payloads import NESTED, check_source, check_urls, merged, modification, nested

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config
    from ..._data._types import JobStatus, MediaContent
    from ..._http._client import Classify, HttpResponse, Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

AGENTS_URL = "https://agents.lumalabs.ai/v1"
VARIABLE = "LUMAAI_API_KEY"
AGENTS_VARIABLE = "LUMA_AGENTS_API_KEY"
TOGETHER = Together(PAGE)
WEBHOOK = WebhookFacts(parameter="callback_url", status=("state",))
OF_OTHER_KIND = {"video": ("photon", "uni-"), "image": ("ray-",)}
ALIASES = {"photon": "photon-1", "photon-flash": "photon-flash-1"}
SIGNED = timedelta(hours=1)
"""URLs of the Agents API open for so long."""
LARGEST_INLINE = 32 * 1024 * 1024
"""A request may have 50 MB, and base64 makes four bytes of three."""


class LumaAdapter(RestAdapter):
    """Luma's generations; deleting one is not said to stop it, so there is no cancel."""

    abilities: frozenset[Ability] = frozenset(
        {
            "find_submitted",
            "key_variable",
            "poll_many",
            "read_status",
            "resolve_base_url",
            "upload",
            "verify_credentials",
            "webhook",
        }
    )
    name = "luma"
    # The Agents API takes bytes inline, which `upload` makes of them; the other takes none.
    accepts = MediaSupport(content=None, upload=True)
    min_poll_interval = 2.0
    base_url = f"https://api.lumalabs.ai{DREAM_MACHINE}"
    trusted_hosts = ()
    modules = ("lumaai", "lumaai.resources.generations", "httpx")
    errors = classify_answer
    read_status = RestAdapter.seen
    job_path = "generations/{id}"
    status = "state"
    statuses: ClassVar[Mapping[str, JobStatus]] = {
        "queued": "queued",
        "dreaming": "processing",
        "processing": "processing",
        "completed": "completed",
        "failed": "failed",
    }
    failures = ("error", "failure_reason")
    repeats = ("id",)
    continues = "ray-2, ray-flash-2: longer"

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

    def webhook(self, kind: str = "", model: str = "") -> WebhookFacts | None:
        """Return how the Dream Machine API calls back, unsigned; the Agents API does not."""
        del kind
        return None if model.startswith(AGENTS_MODELS) else WEBHOOK

    def connect(self, account: Credentials, transport: Transport) -> LumaClient:
        """Make a client over the loop's connections."""
        return LumaClient(account, transport)

    def together(self, operation: Operation) -> Together | None:
        """Return that a page of Dream Machine's list answers for a hundred generations."""
        return None if operation.model.startswith(AGENTS_MODELS) else TOGETHER

    async def poll_many(
        self, client: LumaClient, operations: Sequence[Operation], after: Operation | None
    ) -> Mapping[str, Snapshot]:
        """Return where generations stand, by the first page of the list."""
        del after
        url = join(client.account.base_url, f"generations?limit={PAGE}&offset=0")
        answer = await client.get(url)
        listed = answer.object().get("generations")
        if not isinstance(listed, list):
            raise unreadable(answer.status, answer.body)

        return self.listed_statuses(listed, operations)

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the generation's parameters, and the endpoint that takes them."""
        if spec.model.startswith(OF_OTHER_KIND[call.kind]):
            made = "images" if call.kind == "video" else "videos"
            raise ValidationError(f"{spec.model} makes {made}; use another model")

        request = call.request
        mapped = apply_field_mappers(
            {
                name: mapper
                for name, mapper in spec.mappers.items()
                if own(request, name) is None or name in NESTED
            },
            request,
        )
        check_source(mapped)
        extra = nested(request.extra_params)
        body = {"model": ALIASES.get(spec.model, spec.model)}
        if spec.model.startswith(AGENTS_MODELS):
            kind = "video_edit" if "source" in mapped else call.kind
            return Payload("generations", merged(body | {"type": kind} | nested(mapped), extra))

        check_urls(mapped)
        if "media" in mapped:
            return Payload("generations/video/modify", merged(body | modification(mapped), extra))

        return Payload(f"generations/{call.kind}", merged(body | mapped, extra))

    async def send(self, client: LumaClient, payload: Payload, classify: Classify) -> HttpResponse:
        """Start the generation."""
        if client.is_dream_machine:
            return await client.generate(payload, classify)

        return await super().send(client, payload, classify)

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

        jobs = await newest(client.get, join(client.account.base_url, "generations"), since)
        return self.listed(client, call, since, jobs, lambda job: is_same(job, payload.body))

    def metadata(self, operation: Operation) -> dict[str, Any]:
        """Return until when URLs of the Agents API open; the other's stay."""
        agents = operation.model.startswith(AGENTS_MODELS)
        return {"expires_at": (datetime.now(UTC) + SIGNED).isoformat()} if agents else {}

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

    async def verify_credentials(self, client: LumaClient) -> None:
        """Ask for the credit; the Agents API has none to ask for, so after what nobody has."""
        await self.check(client, "credits" if client.is_dream_machine else "generations/{nobody}")

    def output(self, body: Any, kind: str) -> Any:
        """Return the places of the media: one for each kind, or a list."""
        del kind
        return {name: body[name] for name in ("assets", "output") if name in body}

    def facts(self, body: Any, kind: str) -> dict[str, Any]:
        """Return the generation's id."""
        del kind
        return {"request_id": body.get("id")}

    def beside(self, body: Any) -> dict[str, Any]:
        """Return what a generation says of itself."""
        names = ("model", "created_at", "type", "generation_type")
        return {name: body[name] for name in names if body.get(name)}


adapter = LumaAdapter()
