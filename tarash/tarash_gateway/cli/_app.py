"""The commands and their arguments, as typer wants them; each hands over to a module beside.

Keys are never taken from the command line: other users of the machine can read it, and shells
remember it.
"""

from __future__ import annotations

import platform
import re
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from .._version import __version__
from ..exceptions import TarashException
from . import _options as o
from . import _report as report
from . import _streams as streams
from . import _terminal as terminal
from ._errors import MEANINGS, CommandError, Exit, begin, exit_code, rule
from ._shape import App, help_alone
from ._words import offer_all
from .jobs import jobs_app
from .keys import keys_app
from .ledger import ledger_app
from .mcp import mcp
from .models import models_app
from .providers import providers_app
from .serve import serve
from .simulate import simulate
from .webhooks import webhooks_app
from .worker import worker

PROGRAM = "tarash"
KEY_OPTION = re.compile(r"--?(?:api[-_]?key|key|token)(?:=.*)?", re.IGNORECASE | re.DOTALL)
# One paragraph, since releases of typer differ in what they make of line breaks.
EXIT_CODES = "Exit codes: " + " · ".join(
    f"[bold]{int(code)}[/] {meaning}" for code, meaning in MEANINGS.items()
)
SEE_ABOVE = "Exit codes: see tarash --help"
IN_QUOTES = "put the whole prompt into quotes"
MEANT = {
    "--prompt": 'the prompt has no option: write it in quotes, as "A cat playing piano"',
    "--size": "of a video, give --aspect-ratio and --resolution",
}
"""What to say of options that somebody might expect, where there is a prompt."""
# What any release of typer raises for arguments that it can't take.
UsageError: Any = typer.BadParameter.__bases__[0]

app = App(
    name=PROGRAM,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models_app, name="models")
app.add_typer(jobs_app, name="jobs")
app.add_typer(ledger_app, name="ledger")
app.add_typer(providers_app, name="providers")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(keys_app, name="keys")


FOLDER_IS_GONE = (
    "the folder that this terminal is in is gone: change to another one (cd), and give the command "
    "again"
)


def run(arguments: list[str]) -> int:
    """Run one command; return its exit code."""
    json = "--json" in arguments
    with streams.kept(), warnings.catch_warnings():
        warnings.showwarning = terminal.show_each_warning_once()
        code = _run(arguments, json=json)
        failure = streams.lost()
        if failure is None:
            return code

        report.unwritten(failure, streams.written())
        return code or Exit.OUTPUT


def _run(arguments: list[str], *, json: bool) -> int:
    begin()
    offer_all()
    try:
        _refuse_keys(arguments)
        return int(app(args=arguments, prog_name=PROGRAM, standalone_mode=False) or Exit.DONE)
    except CommandError as error:
        report.misused(error, json=json)
        return error.code
    except UsageError as error:
        report.misused(CommandError(_usage(error)), json=json)
        return Exit.USAGE
    except TarashException as error:
        code = exit_code(error)
        report.failure(error, code, json=json)
        return code
    except FileNotFoundError:
        if _is_somewhere():
            raise

        report.misused(CommandError(FOLDER_IS_GONE), json=json)
        return Exit.USAGE
    except (KeyboardInterrupt, typer.Abort):
        terminal.print_line("Interrupted", label="error", style="bold red")
        return Exit.INTERRUPTED


def _is_somewhere() -> bool:
    """Tell whether the working directory is there still."""
    try:
        return Path.cwd().exists()
    except FileNotFoundError:
        return False


def _refuse_keys(arguments: list[str]) -> None:
    before = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if any(KEY_OPTION.fullmatch(argument) for argument in before):
        raise CommandError(
            "a key is never taken from the command line, where others can read it: put it into "
            "the provider's environment variable (`tarash providers` names it), or into a file "
            "for --key-file"
        )


def _usage(error: Any) -> str:
    message = str(error.format_message())
    match = re.match(r"Invalid value for '(--?[\w-]+)'[^:]*: (.*)", message, re.DOTALL)
    if match:
        message = f"{match[1]}: {rule(match[2])}"

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    message = message.rstrip(".")
    if context is not None and any(param.name == "prompt" for param in context.command.params):
        advice = MEANT.get(getattr(error, "option_name", ""))
        advice = IN_QUOTES if message.startswith("Got unexpected extra argument") else advice
        message = f"{message}; {advice}" if advice else message

    elif path.endswith("models show") and message.startswith("Got unexpected extra argument"):
        message += "; write the provider with a slash before the model, as in fal/fal-ai/veo3.1"

    return f"{message} (see {path} --help)"


def _show_version(asked: bool) -> None:
    if asked:
        terminal.result(f"tarash-gateway {__version__} (Python {platform.python_version()})")
        raise typer.Exit


@app.callback(invoke_without_command=True, epilog=EXIT_CODES)
def root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """Videos and images from any provider: one request in, one result out."""
    help_alone(context)


def _make(options: o.Options) -> int:
    from ._generate import generate

    return generate(options)


app.command(epilog=SEE_ABOVE)(o.command_of("video", _make, "Make a video."))
app.command(epilog=SEE_ABOVE)(o.command_of("image", _make, "Make an image, or several."))


@app.command(epilog=SEE_ABOVE)
def quote(  # noqa: PLR0913  (each is an option of the command)
    prompt: o.Prompt,
    *,
    kind: o.MadeKind = "video",
    provider: o.Provider = "fal",
    model: o.Model = None,
    fallback: o.Fallback = None,
    base_url: o.BaseUrl = None,
    key_file: o.KeyFile = None,
    duration: o.Duration = None,
    aspect_ratio: o.AspectRatio = None,
    resolution: o.Resolution = None,
    size: o.Size = None,
    quality: o.Quality = None,
    n: o.Count = 1,
    image: o.Image = None,
    video: o.Video = None,
    audio: o.Audio = None,
    param: o.Param = None,
    ask_provider: o.AskProvider = False,
    as_json: o.Json = False,
) -> int:
    """Say what a video or an image would cost; buys nothing and needs no key."""
    given = {**locals(), "mock": False}
    del given["ask_provider"]
    from ._quotes import show_quote

    return show_quote(o.of_kind(kind, given), ask_provider=ask_provider)


@app.command("compare-prices", epilog=SEE_ABOVE)
def compare_prices(  # noqa: PLR0913  (each is an option of the command)
    prompt: o.Prompt,
    *,
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="PROVIDER:MODEL",
            help="Who might make it; repeatable.",
            rich_help_panel=o.WHO,
        ),
    ],
    kind: o.MadeKind = "video",
    duration: o.Duration = None,
    aspect_ratio: o.AspectRatio = None,
    resolution: o.Resolution = None,
    size: o.Size = None,
    quality: o.Quality = None,
    n: o.Count = 1,
    image: o.Image = None,
    video: o.Video = None,
    audio: o.Audio = None,
    as_json: o.Json = False,
) -> int:
    """Compare what several models would cost for one request, cheapest first."""
    given = {**locals(), "provider": "", "fallback": None}
    given |= {"base_url": None, "key_file": None, "mock": False}
    models = given.pop("model")
    from ._quotes import compare

    return compare(o.of_kind(kind, {**given, "model": None}), models)


@app.command("spend", epilog=SEE_ABOVE)
def spend(
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="What rows are made by: provider, model, kind, state, day, month or label.NAME; "
            "repeatable.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Such as 7d, 12h, or 2026-11-01."),
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="First ask providers for figures that may have moved."),
    ] = False,
    ledger: o.Ledger = None,
    as_json: o.Json = False,
) -> int:
    """Say what was spent, from the ledger."""
    from ._spend import show_spend

    groups = by or ["provider", "model"]
    return show_spend(ledger, since, groups, json=as_json, refresh=refresh)


@app.command(epilog=SEE_ABOVE)
def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Ask the providers whether the keys work; costs nothing.")
    ] = False,
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider",
            help="Only this one, which has to be ready: an extra or a key that is missing ends "
            "in another exit code; repeatable.",
        ),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            metavar="URL",
            help="Look at this ledger in place of the installation: tables, clock, NOTIFY, who "
            "holds jobs, what has stalled.",
        ),
    ] = None,
    as_json: o.Json = False,
) -> int:
    """Look at this installation: extras, keys (never shown), folder."""
    if ledger is not None:
        from ._doctor_ledger import examine_ledger

        return examine_ledger(ledger, json=as_json)

    from ._doctor import examine

    return examine(live=live, only=provider, json=as_json)


# Help lists commands in this order: what makes something comes first.
for command in (serve, worker, mcp, simulate):
    app.command()(command)
