"""Stops our own run and never another's: which call does that depends on the server's version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..._http._client import HttpClient, checked, join
from .._facts import mapping
from .errors import classify_answer
from .queue import entry_of, has_failed, place_of

if TYPE_CHECKING:
    from ..._data._types import CancelAnswer

OWN_CANCEL = (0, 26)
"""The first version with a call that stops one job, wherever it is."""
AIMED_INTERRUPT = (0, 3, 64)
"""From here on an interrupt is known to heed the id beside it; older ones stop whatever runs."""


async def stop(client: HttpClient, job_id: str) -> CancelAnswer:
    """Take our run out of the queue, or interrupt it: ours alone, or not at all."""
    base = client.account.base_url
    place = await place_of(client, job_id)
    if place is None:
        return "too_late" if await entry_of(client, job_id) else "unsupported"

    version = await _version(client)
    if version >= OWN_CANCEL:
        url = join(base, f"api/jobs/{quote(job_id, safe='')}/cancel")
        checked(await client.stop(url, json={}), classify_answer)
    elif place.status == "queued":
        checked(await client.stop(join(base, "queue"), json={"delete": [job_id]}))
    elif version >= AIMED_INTERRUPT:
        checked(await client.stop(join(base, "interrupt"), json={"prompt_id": job_id}))
    else:
        return "unsupported"

    if await place_of(client, job_id) is not None:
        return "requested"

    entry = await entry_of(client, job_id)
    return "too_late" if entry is not None and not has_failed(entry) else "cancelled"


async def _version(client: HttpClient) -> tuple[int, ...]:
    answer = await client.get(join(client.account.base_url, "system_stats"))
    version = str(mapping(answer.object().get("system")).get("comfyui_version"))
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
