"""What a wire may use of the simulator, its memory, media and addresses, and what most share."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tarash.tarash_gateway.testing._job_record import JobRecord, Phase
from tarash.tarash_gateway.testing._public import MediaStore
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._state import OriginState
from tarash.tarash_gateway.testing._wire import Handler, Reply


@dataclass(frozen=True, slots=True)
class WireContext:
    """One wire's view of the simulator.

    Attributes:
        state: The provider's jobs, scripts and tokens.
        media: Where produced files are kept.
        urls: The origins by name, `media` and `foreign` included; filled when the ports are open.
        keys: Reads the keys that are allowed at the moment; none where any is.
    """

    state: OriginState
    media: MediaStore
    urls: Mapping[str, str]
    keys: Callable[[], Collection[str]] = tuple

    @property
    def origin(self) -> str:
        """The provider's own origin."""
        return self.urls[self.state.name]

    def publish(self, job_id: str, name: str, content: bytes) -> str:
        """Keep a produced file and return its public URL."""
        return self.urls["media"] + self.media.put(self.state.name, job_id, name, content)

    async def until_ended(self, job: JobRecord) -> None:
        """Wait until a job has ended: for providers whose submit answers with the result.

        One that goes on by polls ends now, since nobody can poll it meanwhile.
        """
        waits_for_polls = job.script.by_polls or job.script.outcome == "lost"
        if waits_for_polls and job.script.outcome != "never":
            job.end(self.state.clock(), cancelled=False)

        while job.phase(self.state.clock()) != "ended":
            await self.until_changed(job)

    async def until_changed(self, job: JobRecord) -> None:
        """Wait until a job's phase may have changed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(job.seconds_to_next_phase(self.state.clock())):
                await job.changed.wait()


def always(body: Any) -> Handler:
    """Return what answers with the same JSON each time."""

    async def answer(_request: RecordedRequest) -> Reply:
        return Reply.json(body)

    return answer


class BaseWire:
    """What most wires share: a key as `Bearer <key>`, and answers that are the result itself.

    Args:
        context: The view of the simulator.
    """

    credential_header = "Authorization"
    """In any other the key stands alone."""
    schemes: tuple[str, ...] = ("bearer",)
    """What may stand before the key in `Authorization`, in lower case."""
    nowhere = "Not Found"
    """What is said of a path that leads nowhere; `{path}` and `{method}` are the request's."""

    def __init__(self, context: WireContext) -> None:
        self._context = context

    def credential(self, headers: Mapping[str, str]) -> str:
        """Read the key: in a header of its own, or behind its scheme."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        has_own = self.credential_header != "Authorization"
        alone = headers.get(self.credential_header.lower(), "").strip() if has_own else ""
        return alone or (key.strip() if scheme.lower() in self.schemes else "")

    def error(self, status: int, message: str) -> Reply:
        """Answer as FastAPI does, in which many vendors' servers are written."""
        return Reply.json({"detail": message}, status)

    def not_found(self, request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere."""
        return self.error(404, self.nowhere.format(path=request.path, method=request.method))

    def _phase(self, job: JobRecord) -> Phase:
        return job.phase(self._context.state.clock())

    def _urls(self, job_id: str, content: bytes, count: int) -> list[str]:
        """Keep an image so many times, and return the public URLs."""
        return [self._context.publish(job_id, f"{place}.png", content) for place in range(count)]

    async def _at_once(
        self,
        job_id: str,
        endpoint: str,
        body: Any,
        request: RecordedRequest,
        result: Callable[[Script], tuple[int, Any]],
    ) -> Reply:
        """Answer a submit with what it came to, when it has ended; arguments as of `accept`."""
        job = self._context.state.accept(job_id, endpoint, body, request, result)
        await self._context.until_ended(job)
        return Reply.json(job.result_body, job.result_status)
