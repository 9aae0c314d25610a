"""What the declaration of ByteDance can't say: where a model lives, finals of drafts, series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Payload
    from ...catalog import ModelSpec

CHINA = "cn-beijing"
OF_THE_DRAFT = {"duration", "ratio", "seed", "generate_audio", "omni_reference_task_type"}
"""What a final takes over from its draft: saying it again is an error, even with equal values."""


def _region(config: Config) -> Any:
    """Return the region: as given, else that of the cloud which alone has such models."""
    found = config.provider_config.get("region")
    return found or (CHINA if config.model.startswith("doubao-") else None)


def find_key(adapter: Any, config: Config, environment: Mapping[str, str]) -> str | None:
    """Return the key; of the clouds' own variables, that of the cloud which is asked."""
    own = environment.get("VOLCENGINE_ARK_API_KEY") if _region(config) == CHINA else None
    usual: str | None = type(adapter).find_key(adapter, config, environment)
    return usual if config.api_key or environment.get("ARK_API_KEY") else own or usual


def resolve_base_url(adapter: Any, config: Config, custom: str | None) -> str:
    """Return the address of the region; where none is named, a model says which cloud has it."""
    settings = {**config.provider_config, "region": _region(config)}
    located = config.model_copy(update={"provider_config": settings})
    return str(type(adapter).resolve_base_url(adapter, located, custom))


def build(adapter: Any, call: Call, spec: ModelSpec) -> Payload:
    """Return the body; that of a draft's final repeats nothing of the draft."""
    payload: Payload = type(adapter).build(adapter, call, spec)
    parts = [one for one in payload.body.get("content", ()) if isinstance(one, Mapping)]
    if not any(one.get("type") == "draft_task" for one in parts):
        return payload

    own = call.request.extra_params
    out = OF_THE_DRAFT - own.keys()
    body = {one: payload.body[one] for one in payload.body if one not in out}
    body["content"] = [
        one for one in parts if one.get("type") != "text" or one in own.get("content", ())
    ]
    return replace(payload, body=body)


def series(_request: Any, n: int) -> str:
    """Return whether several images are made: there is no other way to ask for more than one."""
    return "auto" if n > 1 else "disabled"


def most_images(_request: Any, n: int) -> dict[str, int] | None:
    """Return how many images a series has at most."""
    return {"max_images": n} if n > 1 else None
