"""What a file of a provider could say and doesn't, or says in a way that may cost money."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..providers import ProviderDeclaration

NAMED = re.compile(r"\{(\w+)\}")
OURS = {"id", "model", "path", "own_id", "page", "cursor", "file_id"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark, and the line that it is about; None for something that is not there."""

    line: int | None
    told: str


def remarks(said: ProviderDeclaration, text: str) -> Iterator[Remark]:
    """Yield what is worth a second thought. Nothing of it keeps the file from being used."""
    for base in said.account.bases:
        parts = urlsplit(base)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            yield Remark(_line(text, base), f"the key goes to {base} in clear: use https")

    for path in _paths(said):
        unknown = [one for one in NAMED.findall(path) if one not in OURS | {*said.account.settings}]
        if unknown:
            told = f"{{{unknown[0]}}} in {path!r} is no setting, and stays as it is"
            yield Remark(_line(text, path), told)

    yield from _of_jobs(said, text)
    if said.account.check is None:
        yield Remark(
            None, "no account.check: `tarash doctor --live` can't tell whether a key works"
        )

    if not any(one.means == "moderation" for one in said.errors.rules):
        yield Remark(None, "no rule means moderation: refused content ends as a plain failure")

    if said.errors.failed_billing is None:
        yield Remark(None, "no errors.failed_billing: nobody knows whether failed jobs are billed")


def _of_jobs(said: ProviderDeclaration, text: str) -> Iterator[Remark]:
    for poll in said.poll:
        if "failed" not in poll.statuses.values() and not any(
            one.ends_job for one in said.errors.rules
        ):
            told = "no status means failed: a job that fails is waited for until the deadline"
            yield Remark(_line(text, "statuses"), told)

    for how in said.cancel:
        if how.method == "DELETE" and not how.look_first and len(how.states) > 1:
            told = "a DELETE may erase a job that has ended: look_first = true asks before"
            yield Remark(_line(text, how.path), told)

    if said.poll and not said.list:
        told = "no [list]: a job whose answer is lost is not found again"
        yield Remark(None, f"{told}, and its submission stays unknown")


def _paths(said: ProviderDeclaration) -> Iterator[str]:
    yield from (one.path for one in said.submit)
    yield from (one.path for one in said.poll)
    yield from (one.path for one in said.cancel)
    yield from (one.path for one in said.list)
    yield from (one.fetch for one in said.result if one.fetch)


def _line(text: str, part: str) -> int | None:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if part in line), None)
