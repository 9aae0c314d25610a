"""What the declaration of ByteDance can't say: where a model lives, kinds of tasks, series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...exceptions import ValidationError

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Payload
    from ...catalog import ModelSpec

CHINA = "cn-beijing"
EUROPE = "eu-west"
OF_CHINA = "doubao-"
ELSEWHERE = ("dreamina-", "dola-")
"""How the ids of a cloud's models begin, where the other cloud has other ids for them."""
MOST_IN_ALL = 15
"""Images that a series takes and makes."""
OF_THE_SOURCE: Mapping[str, Mapping[str, Any]] = {"edit": {"duration": -1}, "extend": {}}
"""Kinds of tasks whose ratio is that of their source, and what else has to be said of them."""
OF_THE_DRAFT = {"duration", "ratio", "seed", "generate_audio", "omni_reference_task_type"}
"""What a final takes over from its draft: saying it again is an error, even with equal values."""


def _region(config: Config) -> Any:
    """Return the region: as given, else that of the cloud which alone has such models."""
    region = config.provider_config.get("region")
    return region or (CHINA if config.model.startswith(OF_CHINA) else None)


def find_key(adapter: Any, config: Config, environment: Mapping[str, str]) -> str | None:
    """Return the key; of the clouds' own variables, that of the cloud which is asked."""
    own = environment.get("VOLCENGINE_ARK_API_KEY") if _region(config) == CHINA else None
    usual: str | None = type(adapter).find_key(adapter, config, environment)
    return usual if config.api_key or environment.get("ARK_API_KEY") else own or usual


def resolve_base_url(adapter: Any, config: Config, custom: str | None) -> str:
    """Return the address of the region; where none is named, a model says which cloud has it."""
    region = _region(config)
    if custom is None:
        _check_cloud(config.model, region)

    settings = {**config.provider_config, "region": region}
    located = config.model_copy(update={"provider_config": settings})
    return str(type(adapter).resolve_base_url(adapter, located, custom))


def _check_cloud(model: str, region: Any) -> None:
    """Refuse a model in a region whose cloud doesn't have it.

    Raises:
        ValidationError: It would be unknown there.
    """
    is_chinese = region == CHINA
    if is_chinese and model.startswith(ELSEWHERE):
        text = f"{model} is an id of BytePlus, and {CHINA} has ids that begin with {OF_CHINA}"
    elif not is_chinese and model.startswith(OF_CHINA):
        text = f"{model} is an id of Volcengine, and {region} has other ids"
    elif region == EUROPE and "seedance" in model:
        text = f"{EUROPE} makes images only"
    else:
        return

    raise ValidationError(
        f"{text}; give the id that this region has, or another region in provider_config",
        field="model",
    )


def build(adapter: Any, call: Call, spec: ModelSpec) -> Payload:
    """Return the body of the kind of task that the user's own parameters name.

    A draft is made in 480p, a draft's final repeats nothing of the draft, and an edit is as long as
    its source.
    """
    payload: Payload = type(adapter).build(adapter, call, spec)
    own = call.request.extra_params
    kind = own.get("omni_reference_task_type")
    by_kind: dict[str, Any] = dict(OF_THE_SOURCE.get(kind, {}) if isinstance(kind, str) else {})
    if own.get("draft") is True:
        by_kind["resolution"] = "480p"

    left = {name: value for name, value in by_kind.items() if name not in own}
    if left:
        payload = replace(payload, body={**payload.body, **left})

    parts = [part for part in payload.body.get("content", ()) if isinstance(part, Mapping)]
    if not any(part.get("type") == "draft_task" for part in parts):
        return payload

    out = OF_THE_DRAFT - own.keys()
    body = {name: payload.body[name] for name in payload.body if name not in out}
    written = own.get("content", ())
    body["content"] = [part for part in parts if part.get("type") != "text" or part in written]
    return replace(payload, body=body)


def series(_request: Any, n: int) -> str:
    """Return whether several images are made: there is no other way to ask for more than one."""
    return "auto" if n > 1 else "disabled"


def most_images(request: Any, n: int) -> dict[str, int] | None:
    """Return how many images a series has at most.

    Raises:
        ValidationError: There are more, with those that it is made from, than the vendor allows.
    """
    given = len(request.image_list)
    if n > 1 and n + given > MOST_IN_ALL:
        raise ValidationError(
            f"a series has at most {MOST_IN_ALL} images with those that it is made from: {given} "
            f"are given, which leaves {max(MOST_IN_ALL - given, 1)}, and n is {n}",
            field="n",
        )

    return {"max_images": n} if n > 1 else None
