"""The options of `tarash video` and `tarash image`: their names, help and values as typed in.

Only what the terminal gave; what it means is read in `_inputs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import timedelta
from functools import partial
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

import typer

from .._data._types import Kind
from ._errors import CommandError

WHO = "Who makes it"
WHAT = "What to make"
LIMITS = "Limits and failures"
RESULT = "Result"

who = partial(typer.Option, rich_help_panel=WHO)
what = partial(typer.Option, rich_help_panel=WHAT)
limit = partial(typer.Option, rich_help_panel=LIMITS)
result = partial(typer.Option, rich_help_panel=RESULT)

Prompt = Annotated[
    str, typer.Argument(metavar="PROMPT", help="What to show; - reads it from standard input.")
]

Provider = Annotated[str, who("--provider", help="The provider; `tarash providers` lists them.")]
Model = Annotated[str | None, who("--model", help="The model's id at the provider.")]
Fallback = Annotated[
    list[str] | None,
    who(
        "--fallback",
        metavar="PROVIDER:MODEL",
        help="Provider and model to try if the first one fails; repeatable.",
    ),
]
BaseUrl = Annotated[str | None, who("--base-url", help="Replaces the provider's host.")]
KeyFile = Annotated[
    Path | None,
    who(
        "--key-file",
        metavar="FILE",
        help="A file with the provider's key, instead of its environment variable.",
    ),
]
Mock = Annotated[bool, who("--mock", help="Make it here: no network, no key, no cost.")]

MadeKind = Annotated[str, what("--kind", metavar="video|image", help="What it makes.")]
Duration = Annotated[float | None, what("--duration", help="Seconds.")]
AspectRatio = Annotated[str | None, what("--aspect-ratio", metavar="W:H", help="Such as 16:9.")]
Resolution = Annotated[str | None, what("--resolution", help="Such as 720p, 1080p or 4k.")]
Size = Annotated[str | None, what("--size", metavar="WxH", help="In pixels, such as 1024x768.")]
Quality = Annotated[str | None, what("--quality", help="The provider's word for it.")]
Style = Annotated[str | None, what("--style", help="The provider's word for it.")]
Count = Annotated[int, what("--n", help="How many.")]
Image = Annotated[
    list[str] | None,
    what(
        "--image",
        metavar="[ROLE=]URL|FILE",
        help="An input image; roles are reference (without one), first_frame, last_frame, asset "
        "and style; repeatable.",
    ),
]
Video = Annotated[
    str | None, what("--video", metavar="URL|FILE", help="A video to edit or extend.")
]
ContinueFrom = Annotated[
    str | None,
    what(
        "--continue-from",
        metavar="TOKEN|FILE",
        help="An earlier job to go on from: its token, or a file with what --json printed.",
    ),
]
Mask = Annotated[str | None, what("--mask", metavar="URL|FILE", help="Where to change the image.")]
Seed = Annotated[int | None, what("--seed", help="For repeatable results.")]
Audio = Annotated[bool | None, what("--audio/--no-audio", help="Whether to make a sound track.")]
NegativePrompt = Annotated[str | None, what("--negative-prompt", help="What to avoid.")]
Enhance = Annotated[
    bool | None, what("--enhance/--no-enhance", help="Whether the provider may rewrite the prompt.")
]
Param = Annotated[
    list[str] | None,
    what(
        "--param",
        metavar="NAME=VALUE",
        help="One of the provider's own parameters, sent untouched; the value is read as JSON, "
        "else as text; repeatable.",
    ),
]

Timeout = Annotated[float | None, limit("--timeout", help="Seconds for each attempt.")]
Strict = Annotated[bool, limit("--strict", help="Refuse what the model can't make as asked.")]
FitImages = Annotated[
    bool, limit("--fit-images", help="Convert or scale images that the provider would refuse.")
]
Failover = Annotated[
    str,
    limit(
        "--failover",
        metavar="always|when_safe",
        help="Whether a fallback is tried where an earlier job may still be billed.",
    ),
]
MaxCost = Annotated[
    str | None,
    limit(
        "--max-cost",
        metavar="DOLLARS",
        help="The most that it may cost, with all fallbacks: what could cost more is not sent.",
    ),
]
AllowUnpriced = Annotated[
    bool, limit("--allow-unpriced", help="With --max-cost, also send what has no known price.")
]
HedgeAfter = Annotated[
    str | None,
    limit(
        "--hedge-after",
        metavar="SECONDS|p90",
        help="Start the first --fallback beside a job that has not ended by then, and stop the "
        "slower one; p90 is what nine of ten such jobs took.",
    ),
]
InFlight = Annotated[
    int | None,
    limit(
        "--in-flight",
        metavar="JOBS",
        help="Wait while the account has so many jobs at its provider, all commands' together.",
    ),
]
QueueTimeout = Annotated[
    float | None,
    limit(
        "--queue-timeout",
        metavar="SECONDS",
        help="With --in-flight: how long to wait; then the next --fallback is tried.",
    ),
]
OnOpen = Annotated[
    str | None,
    limit(
        "--on-open",
        metavar="try|fail",
        help="Skip providers that count as down, by what all commands have seen of late; where no "
        "--fallback is left, try all the same, or fail at once.",
    ),
]
OnTimeout = Annotated[
    str,
    limit(
        "--on-timeout",
        metavar="cancel|detach",
        help="What becomes of the job at the deadline and on Ctrl-C.",
    ),
]

Output = Annotated[
    str | None,
    result(
        "--output",
        "-o",
        metavar="PLACE",
        help="Where to save it: a file, a folder, s3://… or - (standard output), also with "
        "{provider}, {model}, {request_id}, {index}, {ext}; several are numbered (cat-1.png).",
    ),
]
Force = Annotated[bool, result("--force", help="Overwrite files.")]
Verify = Annotated[
    bool,
    result("--verify", help="Compare the result with what was asked for, and warn of differences."),
]
DryRun = Annotated[bool, result("--dry-run", help="Show what would be sent; no key.")]
AskProvider = Annotated[
    bool,
    result(
        "--ask-provider",
        help="Ask the provider, where it quotes for free; needs a key, buys nothing.",
    ),
]
Ledger = Annotated[
    str | None,
    limit(
        "--ledger",
        metavar="URL",
        help="Where jobs are written down before they are bought: sqlite:///jobs.db, or memory:. "
        "By default TARASH_LEDGER, else a file in your data folder. What leads to this machine "
        "only goes to rehearsals, a file beside it.",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    limit(
        "--idempotency-key",
        metavar="KEY",
        help="Makes the command safe to repeat: one job for a key.",
    ),
]
Label = Annotated[
    list[str] | None,
    limit(
        "--label",
        metavar="NAME=TEXT",
        help="A word of your own for whom or what it is, kept with the job; repeatable.",
    ),
]
Detach = Annotated[
    bool, result("--detach", help="Leave when the provider has accepted; `tarash jobs` goes on.")
]
Enqueue = Annotated[
    bool,
    result(
        "--enqueue", help="Write the job down, print its id and leave: `tarash worker` sends it."
    ),
]
Priority = Annotated[int, limit("--priority", help="Of those that wait, the higher goes first.")]
Json = Annotated[bool, result("--json", help="One JSON document on standard output.")]
LACKS: Mapping[str, frozenset[str]] = {
    "video": frozenset({"size", "quality", "style", "mask"}),
    "image": frozenset(
        {"duration", "resolution", "video", "continue_from", "audio", "enhance"},
    ),
}
"""The options that are the other kind's."""
OTHER = {"video": "image", "image": "video"}
AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST = timedelta(days=36_500)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What was typed in; what a command has no option for keeps its default."""

    kind: Kind
    prompt: Prompt
    provider: Provider = "fal"
    model: Model = None
    fallback: Fallback = None
    base_url: BaseUrl = None
    key_file: KeyFile = None
    mock: Mock = False
    duration: Duration = None
    size: Size = None
    aspect_ratio: AspectRatio = None
    resolution: Resolution = None
    quality: Quality = None
    style: Style = None
    n: Count = 1
    image: Image = None
    video: Video = None
    continue_from: ContinueFrom = None
    mask: Mask = None
    seed: Seed = None
    audio: Audio = None
    negative_prompt: NegativePrompt = None
    enhance: Enhance = None
    param: Param = None
    timeout: Timeout = None
    strict: Strict = False
    fit_images: FitImages = False
    failover: Failover = "always"
    max_cost: MaxCost = None
    allow_unpriced: AllowUnpriced = False
    hedge_after: HedgeAfter = None
    in_flight: InFlight = None
    queue_timeout: QueueTimeout = None
    on_open: OnOpen = None
    on_timeout: OnTimeout = "cancel"
    ledger: Ledger = None
    idempotency_key: IdempotencyKey = None
    label: Label = None
    detach: Detach = False
    enqueue: Enqueue = False
    priority: Priority = 0
    output: Output = None
    force: Force = False
    verify: Verify = False
    dry_run: DryRun = False
    as_json: Json = False


def command_of(kind: Kind, run: Callable[[Options], int], about: str) -> Callable[..., int]:
    """Return a command that takes all options that a kind has.

    Args:
        kind: What it makes.
        run: Does it, and returns the exit code.
        about: What the help says of it.
    """
    types = get_type_hints(Options, include_extras=True)
    taken = [field for field in fields(Options) if field.name not in {"kind", *LACKS[kind]}]

    def command(**typed: Any) -> int:
        return run(Options(kind=kind, **typed))

    command.__name__, command.__doc__ = kind, about
    command.__annotations__ = {option.name: types[option.name] for option in taken}
    command.__dict__["__signature__"] = Signature(
        [
            Parameter(
                option.name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if option.default is MISSING else option.default,
                annotation=types[option.name],
            )
            for option in taken
        ]
    )
    return command


def of_kind(kind: str, given: Mapping[str, Any]) -> Options:
    """Return the options of a command that is for videos and images alike.

    Raises:
        CommandError: The kind is neither, or an option is the other kind's.
    """
    if kind not in LACKS:
        raise CommandError(f"--kind: {kind!r} is neither video nor image")

    foreign = [name for name in given if name in LACKS[kind] and given[name] is not None]
    if foreign:
        name = foreign[0].replace("_", "-")
        raise CommandError(
            f"--{name} is not for {kind}s; say --kind {OTHER[kind]}, or leave it out"
        )

    known = {name: value for name, value in given.items() if name in Options.__slots__}
    return Options(**{**known, "kind": cast("Kind", kind)})


def age_of(text: str, option: str = "--older-than", what: str = "age") -> timedelta:
    """Return an age that was typed in: 30d, 12h, 2w; a number alone is days.

    Raises:
        CommandError: It is none.
    """
    match = AGE.fullmatch(text.strip())
    if match is None:
        raise CommandError(f"{option}: {text!r} is no {what}; use 30d, 12h or 2w")

    seconds = min(float(match[1]), 1e9) * SECONDS[match[2] or "d"]
    return min(timedelta(seconds=seconds), LONGEST)
