"""The addresses of a job, and what fal's answers about it mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._data._exchange import RawResult, Snapshot, Stopped
from ..._http._answer import says_nothing
from ..._http._client import (
    HttpClient,
    HttpResponse,
    checked,
    join,
    shorten,
    status_error,
    unreadable,
)
from ..._http._send_state import fetching_result
from ..._http._urls import quoted
from ...exceptions import TarashException
from .._result_facts import amount, mapping
from .errors import REFUSED, classify_answer

if TYPE_CHECKING:
    from ..._data._exchange import Operation
    from ..._data._types import Billing, CancelAnswer

ABOUT_THE_CALL = frozenset({401, 402, 403, 404, 408, 425, 429})
STILL_AT_WORK = "in progress"
FIRST_ERROR = 300
FIRST_SERVER_ERROR = 500
BAD_REQUEST = 400
NOT_FOUND = 404


async def result_of(
    client: HttpClient, operation: Operation, status: Mapping[str, Any]
) -> Snapshot:
    """Fetch the result of a job whose status says that it has completed."""
    if not (status.get("error") or status.get("error_type")):
        fetching_result()

    try:
        answer = await client.get(operation.urls["response"], any_status=True)
    except TarashException as trouble:
        return Snapshot("processing", raw=status, trouble=trouble)

    return verdict(answer, status)


def verdict(answer: HttpResponse, status: Mapping[str, Any]) -> Snapshot:
    """Return what the answer says about the job: its result, its failure, or nothing of it.

    Args:
        answer: To the request for the result.
        status: What the job's status said before.
    """
    if answer.status < FIRST_ERROR:
        return _result(answer, status)

    body = mapping(answer.body)
    failed = bool(status.get("error") or status.get("error_type"))
    in_progress = answer.status == BAD_REQUEST and STILL_AT_WORK in str(body.get("detail"))
    if in_progress and not failed:
        # Status and result may come from machines that do not agree yet.
        return Snapshot("processing", raw=status)

    if _about_the_call(answer, body, status, failed=failed):
        trouble = classify_answer(answer) or status_error(answer)
        # Some endpoints put a model's refusal into a sentence: believed where it stays.
        denied = answer.is_json and answer.status in REFUSED
        pause = trouble.retry_after
        return Snapshot("processing", raw=status, retry_after=pause, trouble=trouble, denied=denied)

    # https://fal.ai/docs/faq: errors of fal's side are never billed, a 422 may be.
    billing: Billing = "none" if answer.status >= FIRST_SERVER_ERROR else "possible"
    error = _error(answer, body, status)
    return Snapshot("failed", raw=status, error=error, billing=billing, certain=True)


def _result(answer: HttpResponse, status: Mapping[str, Any]) -> Snapshot:
    if not answer.is_json or says_nothing(answer.body):
        odd = unreadable(answer.status, answer.body)
        return Snapshot("processing", raw=status, trouble=odd)

    metadata: dict[str, Any] = {}
    units = answer.headers.get("X-Fal-Billable-Units")
    if units:
        read = amount(units)
        metadata["billable_units"] = units if read is None else read

    metrics = mapping(status.get("metrics"))
    if "inference_time" in metrics:
        metadata["inference_time"] = metrics["inference_time"]

    finished = RawResult(answer.body, metadata)
    return Snapshot("completed", raw=status, progress=100, finished=finished)


def _about_the_call(
    answer: HttpResponse, body: Mapping[str, Any], status: Mapping[str, Any], *, failed: bool
) -> bool:
    """Tell a failed call for a result from the result of a failed job: both are an error status."""
    if failed:
        of_job, of_result = status.get("error_type"), body.get("error_type")
        return bool(of_job and of_result and of_job != of_result)

    # Only a model's own words are a verdict, and those are a list; or the status has said it.
    return answer.status in ABOUT_THE_CALL or not isinstance(body.get("detail"), list)


def _error(
    answer: HttpResponse, body: Mapping[str, Any], status: Mapping[str, Any]
) -> TarashException:
    """Return the error of a failed job, by the words of its result and those of its status."""
    detail = body.get("detail")
    rule = classify_answer.first(classify_answer.refusal_in(body, answer.status))
    if rule is not None:
        return classify_answer.made(*rule, classify_answer.refusal_in(body, answer.status))

    if isinstance(detail, str) and answer.status in REFUSED:
        # A sentence on the request: another provider would be asked for the same.
        return status_error(answer)

    words = {"detail": shorten(status), "error_type": f"HTTP {answer.status}", **status}
    error = classify_answer.failure(words if detail is None else {**words, "detail": detail})
    error.raw_response = status if detail is None else answer.body
    return error


def cancelled(answer: HttpResponse) -> CancelAnswer | Stopped:
    """Return what the answer to a cancel says; a job that runs already only gets a signal."""
    if answer.status == BAD_REQUEST:
        return "too_late"

    if answer.status == NOT_FOUND:
        return "unsupported"  # fal does not know the job, which says nothing of its end

    # Only fal's own word counts: a job taken for stopped may be bought again elsewhere.
    body = checked(answer, classify_answer).object()
    # `OK` is its word for a job that it has taken out of its queue, which is free.
    return Stopped("cancelled", "none") if body.get("status") == "OK" else "requested"


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
