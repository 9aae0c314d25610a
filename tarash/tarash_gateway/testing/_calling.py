"""Calls back, as providers do: what an event holds, how it is signed, and how it is delivered.

Shares no code with what verifies webhooks. The wires answer what an event shows of a job.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest, SentWebhook
from tarash.tarash_gateway.testing._state import OriginState
from tarash.tarash_gateway.testing._wire import ProviderWire

_TRIES = 3
_TRY_SECONDS = 15.0
_BETWEEN_SECONDS = 0.2
_REDIRECT, _FAILURE = 300, 500
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_OLD_KLING = "v1/"
_REFUSED = 400


def secret_of(provider: str) -> str:
    """Return what a provider's webhooks are signed with, as its console shows it."""
    raw = hashlib.sha256(b"simulated " + provider.encode()).digest()
    return f"whsec_{base64.b64encode(raw).decode()}"


def published_keys() -> dict[str, Any]:
    """Return fal's public keys, as it publishes them."""
    raw = _private_key().public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "simulated", "x": x}]}


class Calls:
    """The webhooks of one origin.

    Args:
        state: Its jobs.
        wire: What shows a job.
    """

    def __init__(self, state: OriginState, wire: ProviderWire) -> None:
        self._state = state
        self._wire = wire
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def submitted(self, request: RecordedRequest) -> None:
        """Call back about the job of a submit, once it has ended; now where it is to come early."""
        job = self._state.job_of(request)
        url = None if job is None else _address(self._state, request)
        if job is None or url is None or job.script.webhook == "never":
            return

        if job.script.webhook == "early":
            await self._call(job, url)
            return

        task = asyncio.get_running_loop().create_task(self._call(job, url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def is_answered(self, request: RecordedRequest) -> bool:
        """Tell whether whoever is to be called sends a challenge back, where the provider asks."""
        url = _address(self._state, request)
        if self._state.name != "minimax" or url is None:
            return True

        challenge = uuid.uuid4().hex
        body = json.dumps({"challenge": challenge}).encode()
        try:
            status, answer = await self._post(url, body, {})
            return status < _REDIRECT and json.loads(answer).get("challenge") == challenge
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
            return False

    async def stop(self) -> None:
        """Call nobody any more."""
        for task in self._tasks:
            task.cancel()

        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _call(self, job: JobRecord, url: str) -> None:
        while job.phase(self._state.clock()) != "ended":
            try:
                async with asyncio.timeout(job.seconds_to_next_phase(self._state.clock())):
                    await job.changed.wait()
            except TimeoutError:
                continue

        await asyncio.sleep(job.script.webhook_seconds)
        event = json.dumps(await self._event(job)).encode()
        for _ in range(2 if job.script.webhook == "twice" else 1):
            await self._deliver(job, url, event)

    async def _deliver(self, job: JobRecord, url: str, body: bytes) -> None:
        """Deliver one webhook, again where that may help: a redirect is final, as at fal."""
        is_forged = job.script.webhook == "forged"
        name = job.id if self._state.name == "fal" else f"msg_{uuid.uuid4().hex}"
        for _ in range(_TRIES):
            headers = _signed(self._state.name, name, body, is_forged=is_forged)
            target = f"{url[:-4]}AAAA" if is_forged and not headers else url
            status = 0
            try:
                status, _answer = await self._post(target, body, headers)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_BETWEEN_SECONDS)

            self._state.webhooks.append(SentWebhook(job.id, target, headers, body, status))
            if 0 < status < _FAILURE:
                return

            await asyncio.sleep(_BETWEEN_SECONDS)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=_TRY_SECONDS)
            self._session = aiohttp.ClientSession(timeout=limit, trust_env=False)

        own = {"Content-Type": "application/json", **headers}
        async with self._session.post(url, data=body, headers=own, allow_redirects=False) as answer:
            return answer.status, await answer.read()

    async def _event(self, job: JobRecord) -> Any:
        return await _EVENTS[self._state.name](self, job)

    async def shown(self, job: JobRecord, path: str, query: Mapping[str, str]) -> Any:
        """Return what the wire answers to whoever asks for a job."""
        asked = replace(job.request, method="GET", path=path, query=query, body=b"")
        for route in self._wire.routes:
            values = route.match("GET", path)
            if values is not None:
                reply = await route.handler(replace(asked, path_values=values))
                return json.loads(reply.body)

        return {}


async def _of_fal(_calls: Calls, job: JobRecord) -> Any:
    is_good = job.result_status < _REFUSED and not job.cancelled
    return {
        "request_id": job.id,
        "gateway_request_id": str(uuid.uuid4()),
        "status": "OK" if is_good else "ERROR",
        "payload": job.result_body,
        "error": None if is_good else f"Invalid status code: {job.result_status}",
    }


async def _of_bfl(_calls: Calls, job: JobRecord) -> Any:
    return job.result_body


async def _of_ideogram(calls: Calls, job: JobRecord) -> Any:
    shown = await calls.shown(job, f"/v2/generations/{job.id}", {})
    return {"generation_id": job.id, "created": shown.get("created"), "data": shown.get("data")}


async def _of_kling(calls: Calls, job: JobRecord) -> Any:
    if job.endpoint.startswith(_OLD_KLING):
        return (await calls.shown(job, f"/{job.endpoint}/{job.id}", {}))["data"]

    return (await calls.shown(job, "/tasks", {"task_ids": job.id}))["data"][0]


async def _of_minimax(calls: Calls, job: JobRecord) -> Any:
    if job.request.path.startswith("/v1/"):
        return await calls.shown(job, "/v1/query/video_generation", {"task_id": job.id})

    return await calls.shown(job, f"/v2/query/video_generation/{job.id}", {})


async def _of_openai(_calls: Calls, job: JobRecord) -> Any:
    is_good = job.script.outcome not in ("failed", "moderated")
    kind = "video.completed" if is_good else "video.failed"
    created = int(time.time())
    about = {"id": job.id}
    event = {"id": f"evt_{uuid.uuid4().hex}", "object": "event", "created_at": created}
    return {**event, "type": kind, "data": about}


def _shown_at(path: str) -> Callable[[Calls, JobRecord], Awaitable[Any]]:
    """Return what makes an event of a job as whoever asks for it is shown it."""
    return lambda calls, job: calls.shown(job, path.format(job.id), {})


_EVENTS: dict[str, Callable[[Calls, JobRecord], Awaitable[Any]]] = {
    "bfl": _of_bfl,
    "bytedance": _shown_at("/api/v3/contents/generations/tasks/{}"),
    "fal": _of_fal,
    "ideogram": _of_ideogram,
    "kling": _of_kling,
    "luma": _shown_at("/dream-machine/v1/generations/{}"),
    "minimax": _of_minimax,
    "openai": _of_openai,
    "replicate": _shown_at("/v1/predictions/{}"),
}


def _address(state: OriginState, request: RecordedRequest) -> str | None:
    """Return where to call about a submit; nobody but this machine is ever called."""
    url = _asked(state, request)
    if not isinstance(url, str) or urlsplit(url).hostname not in _HERE:
        return None

    # Nobody on this machine has a certificate: who demands https calls over http here.
    return urlunsplit(urlsplit(url)._replace(scheme="http"))


def _asked(state: OriginState, request: RecordedRequest) -> str | None:
    """Return where a submit asks to be called, or where this account always is."""
    if state.name not in _EVENTS:
        return None

    if state.name == "openai":
        return state.webhook_endpoint

    if state.name == "fal":
        return request.query.get("fal_webhook")

    try:
        body = request.json()
    except ValueError:  # a form, which its wire has read
        job = state.job_of(request)
        body = None if job is None else job.payload

    return _named_in(body) if isinstance(body, dict) else None


def _named_in(body: Mapping[str, Any]) -> str | None:
    inner = body.get("options")
    options = inner if isinstance(inner, dict) else {}
    named = (body.get(name) for name in ("webhook", "callback_url", "webhook_url"))
    return next((url for url in named if url), None) or options.get("callback_url")


def _signed(provider: str, name: str, body: bytes, *, is_forged: bool) -> dict[str, str]:
    """Return the headers of a webhook; none where the provider does not sign."""
    at = str(int(time.time()))
    if provider == "fal":
        digest = hashlib.sha256(body).hexdigest()
        message = f"{name}\nsimulated-user\n{at}\n{digest}".encode()
        signature = _private_key().sign(b"forged" if is_forged else message)
        return {
            "X-Fal-Webhook-Request-Id": name,
            "X-Fal-Webhook-User-Id": "simulated-user",
            "X-Fal-Webhook-Timestamp": at,
            "X-Fal-Webhook-Signature": signature.hex(),
        }

    if provider not in ("replicate", "openai"):
        return {}

    secret = base64.b64decode(secret_of("forged" if is_forged else provider).removeprefix("whsec_"))
    digest_of = hmac.new(secret, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(digest_of).decode()}",
    }


def _private_key() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise RuntimeError(
            "The simulator signs fal's webhooks with the package cryptography; install the extra "
            "`webhooks`, or use Script(webhook='never')."
        ) from error

    seed = hashlib.sha256(b"the simulator's own key").digest()
    return Ed25519PrivateKey.from_private_bytes(seed)
