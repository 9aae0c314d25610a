"""What a wire may use of the simulator: its memory, the media, the addresses."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._public import MediaStore
from tarash.tarash_gateway.testing._state import OriginState


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
