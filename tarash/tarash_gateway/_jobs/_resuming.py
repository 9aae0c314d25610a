"""The part of a gateway that takes up jobs which were begun before, by this or another process."""

from __future__ import annotations

from typing import Any, cast

from .._data._types import ApiKeys
from .._support._secrets import Keys
from ..ledger._contract import AnyLedger
from ._entry_points import blocking
from ._handles import ImageJob, VideoJob
from ._resources import GatewayContext


class Resuming:
    """What `Gateway` has of it."""

    _shared: GatewayContext

    async def resume_all_async(
        self,
        ledger: AnyLedger | None = None,
        *,
        api_keys: ApiKeys | None = None,
        max_media_bytes: int | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[VideoJob | ImageJob]:
        """Return every job that is unfinished, oldest first: after a crash, say.

        Those are open in the ledger, and no living process drives them. Waiting for one goes on
        where it was left: what was accepted is waited for; what may have been accepted is looked
        for in the provider's list, and never sent again.

        Args:
            ledger: Where the jobs are written down, in place of the gateway's ledger.
            api_keys: Keys that the environment doesn't hold, by provider, or by provider and base
                URL. A job is asked after with the key that bought it, and with no other.
            max_media_bytes: Bytes that a result may have that comes as bytes, in place of the limit
                of the config with which the job was submitted.
            limit: The most to return, 1 or more; None for all. A page that is empty is the last.
            after: The `id` of the job behind which to begin, in whatever state it is by now: the
                last one of the page before.

        Raises:
            TarashException: The ledger can't be read.
            ValidationError: `max_media_bytes` or `limit` is less than 1, or the ledger doesn't know
                the job that `after` names.
        """
        from ._arguments import with_limit
        from ._handles import unfinished_handles

        keys = Keys.taken(api_keys)
        del api_keys  # errors' frames are shown
        resources = with_limit(self._shared.resources(ledger), max_media_bytes)
        return await unfinished_handles(self._shared, resources, keys, limit, after)

    def resume_all(
        self,
        ledger: AnyLedger | None = None,
        *,
        api_keys: ApiKeys | None = None,
        max_media_bytes: int | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[VideoJob | ImageJob]:
        """Blocking form of `resume_all_async`."""
        keys = Keys.taken(api_keys)
        del api_keys
        asked: Any = {"max_media_bytes": max_media_bytes, "limit": limit, "after": after}
        jobs = blocking(lambda _: self.resume_all_async(ledger, api_keys=keys, **asked))
        return cast("list[VideoJob | ImageJob]", jobs)

    async def resume_async(
        self,
        job_id: str,
        ledger: AnyLedger | None = None,
        *,
        api_keys: ApiKeys | None = None,
        max_media_bytes: int | None = None,
    ) -> VideoJob | ImageJob:
        """Return the handle on one job of a ledger, in whatever state; as `resume_all_async`.

        Args:
            job_id: The `id` of a handle, or the provider's job id.
            ledger: Where the job is written down, in place of the gateway's ledger.
            api_keys: As in `resume_all_async`.
            max_media_bytes: As in `resume_all_async`.

        Raises:
            ValidationError: The ledger doesn't know the job, or `max_media_bytes` is less than 1.
        """
        from ._arguments import with_limit
        from ._handles import known

        keys = Keys.taken(api_keys)
        del api_keys
        return await known(
            job_id, self._shared, with_limit(self._shared.resources(ledger), max_media_bytes), keys
        )

    def resume(
        self,
        job_id: str,
        ledger: AnyLedger | None = None,
        *,
        api_keys: ApiKeys | None = None,
        max_media_bytes: int | None = None,
    ) -> VideoJob | ImageJob:
        """Blocking form of `resume_async`."""
        keys = Keys.taken(api_keys)
        del api_keys
        job = blocking(
            lambda _caller: self.resume_async(
                job_id, ledger, api_keys=keys, max_media_bytes=max_media_bytes
            )
        )
        return cast("VideoJob | ImageJob", job)
