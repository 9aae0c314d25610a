"""The addresses of a job: as fal makes them, and as it gives them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._http._client import join
from ..._http._urls import quoted

if TYPE_CHECKING:
    from ..._http._client import HttpClient

NAMESPACES = ("workflows", "comfy")


def built_urls(base_url: str, endpoint: str, job_id: str) -> dict[str, str]:
    """Return the addresses of a job's status, result and cancel, as fal makes them."""
    parts = endpoint.strip("/").split("/")
    # Jobs live under the owner and the name of an endpoint.
    app = "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])
    root = join(base_url, f"{app}/requests/{quoted(job_id)}")
    return {"status": f"{root}/status", "response": root, "cancel": f"{root}/cancel"}


def given_urls(
    client: HttpClient, accepted: Mapping[str, Any], built: Mapping[str, str]
) -> dict[str, str]:
    """Return the addresses that an accepted answer gives; ours where our key must not go there."""
    given = {name: accepted.get(f"{name}_url") for name in built}
    return {
        name: url if isinstance(url, str) and client.trusts(url) else built[name]
        for name, url in given.items()
    }
