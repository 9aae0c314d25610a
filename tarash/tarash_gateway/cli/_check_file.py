"""`tarash providers check`: lints a file of a provider, says what it derives, and plays it."""

from __future__ import annotations

import asyncio
import json as json_codec
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._jobs._gateway import Gateway
from ..exceptions import ValidationError
from ..providers import Provider, ProviderDeclaration, Registry, declared_provider, read_declaration
from ..providers._registry import default_registry
from . import _terminal as terminal
from ._doctor import Finding, live_findings
from ._errors import CommandError, Exit, exit_code
from ._rehearse import CONFIGS, REQUESTS, Rehearsal, Scene, first_models, least_request

LONGEST_SHOWN = 72
NAMED = re.compile(r"\{(\w+)\}")
OURS = {"id", "model", "path", "own_id", "page", "cursor", "file_id"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Derived:
    """What the package makes of one model."""

    model: str
    kind: str
    endpoint: str
    takes: Mapping[str, str]
    payload: Mapping[str, Any]


def check_file(file: Path, *, live: bool, json: bool) -> int:
    """Lint, derive, play, and ask; return the exit code.

    Raises:
        ValidationError: The file can't be read, or declares no provider, which as JSON is one text.
        CommandError: What it declares can't be used.
    """
    try:
        declaration = read_declaration(file)
    except ValidationError as error:
        first, *places = error.message.split("\n  ")
        if json or not places:
            raise

        terminal.print_line(first, label="error", style="bold red")
        for place in places:
            terminal.print_line(f"  {place}")

        return exit_code(error)

    row = declared_provider(declaration)
    text = file.read_text("utf-8")
    raw = tomllib.loads(text)
    with first_models(declaration) as models:
        noted = list(remarks(declaration, text))
        derived = [_derived(declaration, row, kind, model) for kind, model in models]
        scenes = [
            scene
            for kind, model in models
            for scene in asyncio.run(Rehearsal(declaration, row, raw, kind, model).play())
        ]

    findings = _live(declaration, row) if live else []
    if json:
        terminal.document(
            {
                "provider": declaration.name,
                "remarks": [asdict(remark) for remark in noted],
                "derived": [asdict(made) for made in derived],
                "scenes": [asdict(scene) for scene in scenes],
                "live": [{**asdict(finding), "code": int(finding.ends_in)} for finding in findings],
            }
        )
    else:
        _show(declaration, file, noted, derived, scenes, findings)

    failed = [scene for scene in scenes if scene.trouble is not None]
    return max((finding.ends_in for finding in findings), default=Exit.DONE) or (
        Exit.PROVIDER if failed else Exit.DONE
    )


def _live(declaration: ProviderDeclaration, row: Provider) -> list[Finding]:
    default_registry.register(row)
    return asyncio.run(live_findings([declaration.name]))


def _derived(declaration: ProviderDeclaration, row: Provider, kind: str, model: str) -> Derived:
    registry = Registry()
    registry.register(row)
    given = least_request(declaration, kind, model)
    settings = {
        "provider": declaration.name,
        "model": model,
        "provider_config": dict.fromkeys(declaration.account.settings, "rehearsed"),
    }
    try:
        plan = getattr(Gateway(registry=registry), f"plan_{kind}")(
            CONFIGS[kind].model_validate(settings), REQUESTS[kind].model_validate(given)
        )
    except ValidationError as error:
        raise CommandError(f"{model}: the least request does not go out: {error}") from None

    takes: dict[str, str] = {}
    for form in declaration.forms_of(kind, model):
        for name, take in form.takes.items():
            limits = [str(list(take.allowed))] if take.allowed else []
            if take.low is not None or take.high is not None:
                limits = [f"{take.low or 0:g} to {take.high or 0:g}"]

            roles = [f"as {' or '.join(take.roles)}"] if take.roles else []
            needed = ["needed"] if take.required else []
            parts = [take.source, *roles, *limits, *needed]
            place_taken = ", ".join(parts)
            place = take.at or name
            known = takes.get(place)
            takes[place] = (
                place_taken if known in {None, place_taken} else f"{known}; {place_taken}"
            )

    return Derived(model, kind, plan.endpoint, takes, plan.payload)


def _show(  # noqa: PLR0913, PLR0917  (the parts of a report, one after the other)
    declaration: ProviderDeclaration,
    file: Path,
    noted: list[Remark],
    derived: list[Derived],
    scenes: list[Scene],
    findings: list[Finding],
) -> None:
    kinds = " and ".join(f"{kind}s" for kind in declaration.makes)
    terminal.result(f"{file} declares {declaration.title}: {kinds}")
    for remark in noted:
        terminal.result(f"  {file}:{remark.line}: {remark.told}" if remark.line else remark.told)

    for made in derived:
        terminal.result(f"\n{made.model} ({made.kind}) goes to {made.endpoint}")
        for name, where in made.takes.items():
            terminal.result(f"  {name}: {where}")

        payload = json_codec.dumps(made.payload, ensure_ascii=False, default=str)
        terminal.result(f"  sends {_cut(payload)}")

    terminal.result("\nplayed on the simulator:")
    for line in _lines(scenes):
        terminal.result(f"  {line}")

    for finding in findings:
        terminal.result(f"  {finding.state}: {finding.what}: {finding.told}")


def _lines(scenes: list[Scene]) -> Iterator[str]:
    for scene in scenes:
        yield (
            f"ok: {scene.what}"
            if scene.trouble is None
            else f"NOT SO: {scene.what}: {scene.trouble}"
        )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


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
            name
            for name in NAMED.findall(path)
            if name not in OURS | {*declaration.account.settings}
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
    yield from (stage.path for stage in declaration.poll)
    yield from (stage.path for stage in declaration.cancel)
    yield from (stage.path for stage in declaration.list)
    yield from (stage.fetch for stage in declaration.result if stage.fetch)


def _line(text: str, part: str) -> int | None:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if part in line), None)
