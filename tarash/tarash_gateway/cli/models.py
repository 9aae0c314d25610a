"""`tarash models`: list, show, refresh, add, check. Draws what the public functions return.

Wired with `app.add_typer(models_app, name="models")`.
"""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .._jobs._catalogue import add_model, check_models, refresh_models, refresh_prices
from .._support._words import counted
from ..api import describe_model, list_models, plan_image, plan_video
from ..catalog import last_days, schema_source, unlisted
from ..exceptions import ValidationError
from ..models import (
    GenerationPlan,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelDescription,
    ModelInfo,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ..registry import list_providers
from . import _terminal as terminal
from ._errors import Exit
from ._model_samples import sample_fields, write_tests
from ._model_tables import show_description, show_list
from ._shape import App, help_alone

DONE, FAILED = 0, 1

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="Ask this host instead.")]
Provider = Annotated[
    str, typer.Option("--provider", help="The provider's name; replicate/owner/name has it too.")
]

models_app = App()
Prices = Annotated[
    bool, typer.Option("--prices", help="Fetch prices: of fal's units, of OpenRouter's models.")
]
FAL = "fal"
OTHERS = ("replicate/",)
"""What may stand before a model's id in place of `--provider`."""


@models_app.callback(invoke_without_command=True)
def alone(context: typer.Context) -> None:
    """Models: what they take, and which are gone."""
    help_alone(context)


@models_app.command("list")
def list_command(  # noqa: PLR0913  (each is an option of the command)
    search: Annotated[str | None, typer.Argument(help="Text in the id or the name.")] = None,
    *,
    provider: Annotated[str | None, typer.Option("--provider", help="Only this one's.")] = None,
    output: Annotated[str | None, typer.Option("--output", help="video or image.")] = None,
    takes: Annotated[
        list[str] | None,
        typer.Option("--takes", help="first_frame, last_frame, reference, video, mask …"),
    ] = None,
    duration: Annotated[
        float | None, typer.Option("--duration", help="Seconds that it must be able to make.")
    ] = None,
    as_json: Json = False,
) -> int:
    """List the models that can do what is asked."""
    models = list_models(
        provider, output=output, takes=takes or (), duration=duration, search=search
    )
    return _list(search, models, provider, as_json=as_json)


def _list(
    search: str | None, models: list[ModelInfo], provider: str | None, *, as_json: bool
) -> int:
    if as_json:
        terminal.document([model.model_dump(mode="json", exclude_none=True) for model in models])
        return DONE

    if not models:
        terminal.hint(none_found(provider, search))
        return DONE

    show_list(models)
    return DONE


@models_app.command("show")
def show_command(
    model: Annotated[
        str, typer.Argument(help="The model's id, such as fal-ai/veo3.1; or PROVIDER:MODEL.")
    ],
    *,
    provider: Annotated[
        str | None, typer.Option("--provider", help="Whose it is, where several have it.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show what a model takes and makes."""
    if provider is None:
        provider, model = named_provider(model) or (owner_of(model), model)

    provider, model = split_id(provider, model)
    described = describe_model(provider, model)
    if as_json:
        terminal.document(described.model_dump(mode="json"))
    else:
        show_description(described)

    return DONE


@models_app.command("find")
def find_command(
    text: Annotated[str, typer.Argument(help="Text in the id or the name.")],
    *,
    as_json: Json = False,
) -> int:
    """List the models of all providers with this text in id or name, as `list TEXT` does."""
    return _list(text, list_models(search=text), None, as_json=as_json)


@models_app.command("refresh")
def refresh_command(
    provider: Annotated[
        str, typer.Argument(help="fal, openai, azure-openai, google, openrouter or wavespeed.")
    ] = "fal",
    *,
    prices: Prices = False,
    base_url: BaseUrl = None,
    as_json: Json = False,
) -> int:
    """Fetch what a provider publishes: fal's schemas, others' models and their last days; prices.

    Without a connection, what was there stays.
    """
    if prices:
        return show_prices(provider, base_url, as_json=as_json)

    count = refresh_models(provider, base_url=base_url)
    with schema_source(base_url):
        ends = last_days(provider)
        missing = unlisted(provider)

    if as_json:
        days = {model: day.isoformat() for model, day in ends.items()}
        counts = {"provider": provider, "models": count, "ends": days, "unlisted": missing}
        terminal.document(counts)
        return DONE

    terminal.result(f"{provider}: {counted(count, 'model')}")
    for model, day in ends.items():
        terminal.result(f"{model} ends on {day.isoformat()}")

    if missing:
        terminal.hint(f"in the catalogue, and not in the list: {', '.join(missing)}")

    return DONE


@models_app.command("add")
def add_command(  # noqa: PLR0913  (each is an option of the command)
    model: Annotated[str, typer.Argument(help="The model's id.")],
    *,
    provider: Provider = "fal",
    schema: Annotated[
        Path | None, typer.Option("--schema", help="Its OpenAPI document, instead of fetching it.")
    ] = None,
    tests: Annotated[
        Path | None, typer.Option("--tests", help="Write tests into this folder and run them.")
    ] = None,
    base_url: BaseUrl = None,
    as_json: Json = False,
) -> int:
    """Fetch one model's schema, show what it takes, and plan a sample request."""
    provider, model = split_id(provider, model)
    document = None if schema is None else _read(schema)
    described = add_model(provider, model, schema=document, base_url=base_url)
    fields = sample_fields(described)
    with schema_source(base_url):
        plan = _plan(described, fields)
        files = () if tests is None else write_tests(tests, described, fields, plan)

    code = _run_test(files[0]) if files else DONE
    if as_json:
        terminal.document(
            {
                "model": described.model_dump(mode="json"),
                "request": fields,
                "plan": plan.model_dump(mode="json"),
                "tests": [str(path) for path in files],
                "tests_passed": code == DONE if files else None,
            }
        )
        return code

    show_description(described)
    terminal.result(f"\nA sample request sends:\n{terminal.json_of(plan.payload)}")
    for path in files:
        terminal.result(f"Wrote {path}")
    if files:
        terminal.result("The unit test passes." if code == DONE else "The unit test fails.")

    return code


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValidationError(f"{path} can't be read as JSON: {error}") from error


def _plan(described: ModelDescription, fields: dict[str, Any]) -> GenerationPlan:
    provider, model = described.provider, described.model
    if described.kind == "image":
        return plan_image(
            ImageGenerationConfig(provider=provider, model=model), ImageGenerationRequest(**fields)
        )

    return plan_video(
        VideoGenerationConfig(provider=provider, model=model), VideoGenerationRequest(**fields)
    )


def _run_test(path: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        sys.stderr.write(run.stdout + run.stderr)

    return DONE if run.returncode == 0 else FAILED


@models_app.command("check")
def check_command(
    places: Annotated[
        list[Path], typer.Argument(help="Configuration files, or projects' folders.")
    ],
    *,
    within: Annotated[
        int, typer.Option("--within", metavar="DAYS", min=0, help="Also those that end by then.")
    ] = 30,
    as_json: Json = False,
) -> int:
    """Find models that end in a project's own files; exit code 1 where there are any."""
    for place in places:
        if not place.exists():
            raise ValidationError(f"{place} does not exist; name a file or a folder")

    uses = check_models(*places, within_days=within)
    if as_json:
        terminal.document([use.model_dump(mode="json") for use in uses])
    else:
        for use in uses:
            terminal.result(f"{use.path}:{use.line}: {use.provider}: {use.note}")
        if not uses:
            terminal.result(f"No model that has ended, or will within {within} days.")

    return FAILED if uses else DONE


def show_prices(provider: str, base_url: str | None, *, as_json: bool) -> int:
    """Fetch a provider's prices and say how many there were; return the exit code."""
    read = refresh_prices(provider, base_url=base_url)
    if as_json:
        terminal.document({"provider": provider, "prices": read})
    else:
        terminal.result(f"{provider}: {counted(read, 'price')}")

    return Exit.DONE


def owner_of(model: str) -> str:
    """Return whose model an id is; fal's where nobody has it, or where fal has it too.

    Raises:
        ValidationError: Several others have it, or nobody has it and others have one like it.
    """
    if model.startswith(OTHERS):
        return FAL

    everything = list_models()
    owners = sorted({info.provider for info in everything if info.model == model})
    if len(owners) > 1 and FAL not in owners:
        raise ValidationError(
            f"{model!r} is a model of {', '.join(owners)}; say whose you mean with --provider"
        )

    if owners:
        return FAL if FAL in owners else owners[0]

    if "/" not in model:
        ids = {info.model: info.provider for info in everything}
        near = difflib.get_close_matches(model, ids, n=3)
        if near:
            meant = " or ".join(f"{close} ({ids[close]})" for close in near)
            raise ValidationError(
                f"no provider has a model {model!r} in the catalogue; did you mean {meant}?"
            )

    return FAL


def named_provider(model: str) -> tuple[str, str] | None:
    """Return provider and id of `PROVIDER/MODEL` or `PROVIDER:MODEL`; None for a plain id.

    An id that somebody has is a plain one, whatever its parts are: Replicate's have owners.
    """
    place = re.search(r"[/:]", model)
    if place is None or not model[place.end() :] or model.startswith(OTHERS):
        return None

    provider = model[: place.start()]
    if provider not in {info.name for info in list_providers()}:
        return None

    is_id = any(info.model == model for info in list_models())
    return None if is_id else (provider, model[place.end() :])


def split_id(provider: str, model: str) -> tuple[str, str]:
    """Return provider and id of a model that may be written with its provider before it."""
    if model.startswith(OTHERS):
        provider, _, model = model.partition("/")

    return provider, model


def none_found(provider: str | None, search: str | None) -> str:
    """Return that no model can do what is asked, and what is written like text that none has."""
    meant: list[str] = []
    if search is not None and not list_models(provider, search=search):
        ids = {model.model for model in list_models(provider)}
        words = ids if "/" in search else {word for model in ids for word in model.split("/")}
        meant = difflib.get_close_matches(search.lower(), words, n=3)

    asked = "" if search is None else f" and has {search!r} in its id or name"
    hint = f"; did you mean {' or '.join(meant)}?" if meant else ""
    return f"no model of the catalogue can do what is asked{asked}{hint}"
