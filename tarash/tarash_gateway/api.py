"""The public functions: the methods of one gateway that all of them share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ._jobs._gateway import Gateway
from ._jobs._resources import default
from ._support._secrets import Keys

__all__ = [
    "Gateway",
    "aclose",
    "close",
    "describe_model",
    "enqueue_image",
    "enqueue_image_async",
    "enqueue_video",
    "enqueue_video_async",
    "find_job",
    "find_job_async",
    "generate_image",
    "generate_image_async",
    "generate_video",
    "generate_video_async",
    "list_jobs",
    "list_jobs_async",
    "list_models",
    "plan_image",
    "plan_image_async",
    "plan_video",
    "plan_video_async",
    "quote_image",
    "quote_image_async",
    "quote_video",
    "quote_video_async",
    "refresh_costs",
    "refresh_costs_async",
    "resume",
    "resume_all",
    "resume_all_async",
    "resume_async",
    "submit_image",
    "submit_image_async",
    "submit_video",
    "submit_video_async",
    "work",
    "work_async",
]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_default = Gateway(shared=default)


def _of_default(
    method: Callable[Concatenate[Gateway, Arguments], Result],
) -> Callable[Arguments, Result]:
    """Return a method of the default gateway as a function, with its signature and docstring.

    A function and no bound method, so that it can be pickled and copied: a worker process is handed
    its name.
    """
    signature = inspect.signature(method)
    own = signature.replace(parameters=list(signature.parameters.values())[1:])
    function: Any
    if inspect.iscoroutinefunction(method):

        @wraps(method)
        async def function(*values: Any, **named: Any) -> Any:
            return await method(_default, *values, **_hidden(named))

    else:

        @wraps(method)
        def function(*values: Any, **named: Any) -> Any:
            return method(_default, *values, **_hidden(named))

    function.__qualname__ = function.__name__
    function.__signature__ = own
    return cast("Callable[Arguments, Result]", function)


def _hidden(named: dict[str, Any]) -> dict[str, Any]:
    """Return arguments with the keys among them masked, since errors' frames are shown."""
    if "api_keys" in named:
        named["api_keys"] = Keys.taken(named["api_keys"])

    return named


async def aclose(grace: float | None = None) -> None:
    """End what the module's functions have under way; they may be used again afterwards.

    For the end of a service or a worker that has no `Gateway` of its own: see `Gateway.aclose`.

    Args:
        grace: Seconds that calls may go on, those of the running loop and the blocking ones; after
            them each is cancelled, and its job stopped or left running as its config's `on_timeout`
            says. None ends no call, and waits only for those that are cancelled already.
    """
    await default.aclose(grace, blocking=False, for_good=False)


def close(grace: float | None = None) -> None:
    """Blocking form of `aclose`, for the blocking calls."""
    from ._support import _portal

    _portal.call(lambda _caller: aclose(grace))


generate_video = _of_default(Gateway.generate_video)
generate_video_async = _of_default(Gateway.generate_video_async)
generate_image = _of_default(Gateway.generate_image)
generate_image_async = _of_default(Gateway.generate_image_async)
submit_video = _of_default(Gateway.submit_video)
submit_video_async = _of_default(Gateway.submit_video_async)
submit_image = _of_default(Gateway.submit_image)
submit_image_async = _of_default(Gateway.submit_image_async)
refresh_costs = _of_default(Gateway.refresh_costs)
refresh_costs_async = _of_default(Gateway.refresh_costs_async)
resume = _of_default(Gateway.resume)
resume_async = _of_default(Gateway.resume_async)
resume_all = _of_default(Gateway.resume_all)
resume_all_async = _of_default(Gateway.resume_all_async)
plan_video = _of_default(Gateway.plan_video)
plan_video_async = _of_default(Gateway.plan_video_async)
plan_image = _of_default(Gateway.plan_image)
plan_image_async = _of_default(Gateway.plan_image_async)
quote_video = _of_default(Gateway.quote_video)
quote_video_async = _of_default(Gateway.quote_video_async)
quote_image = _of_default(Gateway.quote_image)
quote_image_async = _of_default(Gateway.quote_image_async)
describe_model = _of_default(Gateway.describe_model)
list_models = _of_default(Gateway.list_models)
enqueue_image = _of_default(Gateway.enqueue_image)
enqueue_image_async = _of_default(Gateway.enqueue_image_async)
enqueue_video = _of_default(Gateway.enqueue_video)
enqueue_video_async = _of_default(Gateway.enqueue_video_async)
find_job = _of_default(Gateway.find_job)
find_job_async = _of_default(Gateway.find_job_async)
list_jobs = _of_default(Gateway.list_jobs)
list_jobs_async = _of_default(Gateway.list_jobs_async)
work = _of_default(Gateway.work)
work_async = _of_default(Gateway.work_async)
