"""What a declared vendor answers when it is asked for a list of jobs."""

from collections.abc import Callable, Sequence
from typing import Any

from tarash.tarash_gateway.testing._declarations._bodies import Bodies
from tarash.tarash_gateway.testing._declarations._paths import place, read_at
from tarash.tarash_gateway.testing._declarations._reading import Table
from tarash.tarash_gateway.testing._job_record import JobRecord

_PAGE = 100


def page_of(
    bodies: Bodies,
    table: Table,
    jobs: Sequence[JobRecord],
    asked: dict[str, str],
    item: Callable[[JobRecord], dict[str, Any]],
) -> dict[str, Any]:
    """Return the page of a list that a request is for, by `page`, `offset` or `cursor`.

    Args:
        bodies: Makes what stands around a list.
        table: The declared list, of `list` or of a poll's `many`.
        jobs: What there is, newest first.
        asked: What the request says in the places of the list's names.
        item: Makes a job as the list shows it.
    """
    size = int(table.get("most") or table.get("page_size") or _PAGE)
    stated = asked.get("page") or asked.get("cursor") or ""
    first = (int(stated) - 1) * size if stated.isdigit() else 0
    if asked.get("offset", "").isdigit():
        first = int(asked["offset"])

    further = len(jobs) > first + size
    body = bodies.good()
    place(body, table["items"], [item(job) for job in jobs[first : first + size]])
    if table.get("more"):
        place(body, table["more"], further)

    if table.get("next") and further:
        place(body, table["next"], str(first // size + 2))

    return body


def status_item(poll: Table, job_id: str, body: Any) -> dict[str, Any]:
    """Return a job as a poll's `many` shows it: its id, and where it stands by what a poll says."""
    many, at = poll["many"], poll.get("status", "status")
    item: dict[str, Any] = {}
    place(item, many.get("id", "id"), job_id)
    place(item, many.get("status") or at, read_at(body, at))
    return item
