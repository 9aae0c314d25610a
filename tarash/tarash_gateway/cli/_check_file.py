"""`tarash providers check`: lints a file of a provider, says what it derives, and plays it."""

from __future__ import annotations

import asyncio
import json as json_codec
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._jobs._gateway import Gateway
from ..exceptions import ValidationError
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ..providers import Provider, ProviderDeclaration, Registry, declared_provider, read_declaration
from ..providers._registry import default_registry
from . import _terminal as terminal
from ._doctor import Finding, live_findings
from ._errors import CommandError, Exit, exit_code
from ._lint import Remark, remarks
from ._rehearse import Rehearsal, Scene, first_models, least_request

LONGEST_SHOWN = 72


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

        terminal.say(first, label="error", style="bold red")
        for place in places:
            terminal.say(f"  {place}")

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
                "remarks": [asdict(one) for one in noted],
                "derived": [asdict(one) for one in derived],
                "scenes": [asdict(one) for one in scenes],
                "live": [{**asdict(finding), "code": int(finding.ends_in)} for finding in findings],
            }
        )
    else:
        _show(declaration, file, noted, derived, scenes, findings)

    failed = [one for one in scenes if one.trouble is not None]
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
        if kind == "video":
            plan = Gateway(registry=registry).plan_video(
                VideoGenerationConfig.model_validate(settings),
                VideoGenerationRequest.model_validate(given),
            )
        else:
            plan = Gateway(registry=registry).plan_image(
                ImageGenerationConfig.model_validate(settings),
                ImageGenerationRequest.model_validate(given),
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

    for one in derived:
        terminal.result(f"\n{one.model} ({one.kind}) goes to {one.endpoint}")
        for name, where in one.takes.items():
            terminal.result(f"  {name}: {where}")

        payload = json_codec.dumps(one.payload, ensure_ascii=False, default=str)
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
