"""All cases on two event loops, one after the other, then from the blocking API; for -W error.

Starts no simulator of its own: standard input names the origins, standard output counts results.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tarash.tarash_gateway import (
    generate_image,
    generate_image_async,
    generate_video,
    generate_video_async,
)
from tests.contract.cases import CASES, Case

KEY = "canary-6be0a913d7"
BLOCKING: dict[str, Any] = {"video": generate_video, "image": generate_image}
ASYNC: dict[str, Any] = {"video": generate_video_async, "image": generate_image_async}
ORIGINS: dict[str, str] = json.load(sys.stdin)


def asked(case: Case) -> tuple[Any, Any]:
    return case.config(KEY, ORIGINS[case.provider]), case.request()


async def all_at_once() -> list[str]:
    made = await asyncio.gather(*(ASYNC[case.kind](*asked(case)) for case in CASES))
    return [response.status for response in made]


statuses = [*asyncio.run(all_at_once()), *asyncio.run(all_at_once())]
statuses += [BLOCKING[case.kind](*asked(case)).status for case in CASES]
sys.stdout.write(json.dumps(statuses))
