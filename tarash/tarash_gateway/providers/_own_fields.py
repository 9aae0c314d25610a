"""By which fields of its own a provider's error bodies are known, from its declared paths. Pure.

With a 500 or a 503, an error object of the provider's own says that nothing was bought; whatever a
front or a job's body may have, too, proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

FRONTS = frozenset(
    {"message", "msg", "reason", "description", "details", "status", "state", "path"}
)
"""What gateways in front of a provider say of themselves."""
JOBS = frozenset({"data", "job", "output", "outputs", "response", "result", "results", "task"})
"""Where bodies have jobs, and what was made."""
JOB_IDS = ("id", "job_id", "task_id")
OF_FAILED_JOBS = ("fail", "reject")
APIGEE = "faultstring"
"""A gateway's word in its `fault`, also where the provider had the request already."""


def own_fields(paths: Collection[str]) -> frozenset[str]:
    """Return the first names of paths to a provider's words, without those of fronts and of jobs.

    Args:
        paths: Where the words of its errors stand.
    """
    names = {path.partition(".")[0].removesuffix("[]") for path in paths}
    return frozenset(name for name in names - FRONTS - JOBS if not name.startswith(OF_FAILED_JOBS))


def is_own_error(body: Any, fields: Collection[str]) -> bool:
    """Tell whether a body is an error object by one of these fields, and speaks of no job."""
    if not isinstance(body, Mapping) or body.get("cloudflare_error"):
        return False

    if any(body.get(name) for name in JOB_IDS) or isinstance(body.get("status"), str):
        return False

    values = (body.get(name) for name in fields)
    return any(value and not (isinstance(value, Mapping) and APIGEE in value) for value in values)
