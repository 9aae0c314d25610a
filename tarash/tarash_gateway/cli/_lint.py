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


def remarks(declaration: ProviderDeclaration, text: str) -> Iterator[Remark]:
    """Yield what is worth a second thought. Nothing of it keeps the file from being used."""
    for base in declaration.account.bases:
        parts = urlsplit(base)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            yield Remark(_line(text, base), f"the key goes to {base} in clear: use https")

    for path in _paths(declaration):
        unknown = [
            one for one in NAMED.findall(path) if one not in OURS | {*declaration.account.settings}
        ]
        if unknown:
            remark = f"{{{unknown[0]}}} in {path!r} is no setting, and stays as it is"
            yield Remark(_line(text, path), remark)

    yield from _of_jobs(declaration, text)
    if declaration.account.check is None:
        yield Remark(
            None, "no account.check: `tarash doctor --live` can't tell whether a key works"
        )

    if not any(rule.means == "moderation" for rule in declaration.errors.rules):
        yield Remark(None, "no rule means moderation: refused content ends as a plain failure")

    if declaration.errors.failed_billing is None:
        yield Remark(None, "no errors.failed_billing: nobody knows whether failed jobs are billed")


def _of_jobs(declaration: ProviderDeclaration, text: str) -> Iterator[Remark]:
    for poll in declaration.poll:
        if "failed" not in poll.statuses.values() and not any(
            rule.ends_job for rule in declaration.errors.rules
        ):
            remark = "no status means failed: a job that fails is waited for until the deadline"
            yield Remark(_line(text, "statuses"), remark)

    for how in declaration.cancel:
        if how.method == "DELETE" and not how.look_first and len(how.states) > 1:
            remark = "a DELETE may erase a job that has ended: look_first = true asks before"
            yield Remark(_line(text, how.path), remark)

    if declaration.poll and not declaration.list:
        remark = "no [list]: a job whose answer is lost is not found again"
        yield Remark(None, f"{remark}, and its submission stays unknown")


def _paths(declaration: ProviderDeclaration) -> Iterator[str]:
    yield from (path for way in declaration.submit for path in (way.path, *way.paths.values()))
    yield from (one.path for one in declaration.poll)
    yield from (one.path for one in declaration.cancel)
    yield from (one.path for one in declaration.list)
    yield from (one.fetch for one in declaration.result if one.fetch)


def _line(text: str, part: str) -> int | None:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if part in line), None)
