"""The options of `tarash video` and `tarash image`: their names, help and values as typed in.

Only what the terminal gave; what it means is read in `_inputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from .._data._types import Kind
from ._errors import CommandError
from ._traffic_options import LIMITS, HedgeAfter, InFlight, OnOpen, QueueTimeout

__all__ = ["HedgeAfter", "InFlight", "OnOpen", "Options", "QueueTimeout", "of_kind"]

WHO = "Who makes it"
WHAT = "What to make"
RESULT = "Result"

Prompt = Annotated[
    str, typer.Argument(metavar="PROMPT", help="What to show; - reads it from standard input.")
]

Provider = Annotated[
    str,
    typer.Option(
        "--provider", help="The provider; `tarash providers` lists them.", rich_help_panel=WHO
    ),
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="The model's id at the provider.", rich_help_panel=WHO),
]
Fallback = Annotated[
    list[str] | None,
    typer.Option(
        "--fallback",
        metavar="PROVIDER:MODEL",
        help="Provider and model to try if the first one fails; repeatable.",
        rich_help_panel=WHO,
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="Replaces the provider's host.", rich_help_panel=WHO),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="A file with the provider's key, instead of its environment variable.",
        rich_help_panel=WHO,
    ),
]
Mock = Annotated[
    bool,
    typer.Option("--mock", help="Make it here: no network, no key, no cost.", rich_help_panel=WHO),
]

MadeKind = Annotated[
    str,
    typer.Option("--kind", metavar="video|image", help="What it makes.", rich_help_panel=WHAT),
]
Duration = Annotated[
    float | None, typer.Option("--duration", help="Seconds.", rich_help_panel=WHAT)
]
AspectRatio = Annotated[
    str | None,
    typer.Option("--aspect-ratio", metavar="W:H", help="Such as 16:9.", rich_help_panel=WHAT),
]
Resolution = Annotated[
    str | None,
    typer.Option("--resolution", help="Such as 720p, 1080p or 4k.", rich_help_panel=WHAT),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size", metavar="WxH", help="In pixels, such as 1024x768.", rich_help_panel=WHAT
    ),
]
Quality = Annotated[
    str | None,
    typer.Option("--quality", help="The provider's word for it.", rich_help_panel=WHAT),
]
Style = Annotated[
    str | None, typer.Option("--style", help="The provider's word for it.", rich_help_panel=WHAT)
]
Count = Annotated[int, typer.Option("--n", help="How many.", rich_help_panel=WHAT)]
Image = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="[ROLE=]URL|FILE",
        help="An input image; roles are reference (without one), first_frame, last_frame, asset "
        "and style; repeatable.",
        rich_help_panel=WHAT,
    ),
]
Video = Annotated[
    str | None,
    typer.Option(
        "--video", metavar="URL|FILE", help="A video to edit or extend.", rich_help_panel=WHAT
    ),
]
ContinueFrom = Annotated[
    str | None,
    typer.Option(
        "--continue-from",
        metavar="TOKEN|FILE",
        help="An earlier job to go on from: its token, or a file with what --json printed.",
        rich_help_panel=WHAT,
    ),
]
Mask = Annotated[
    str | None,
    typer.Option(
        "--mask", metavar="URL|FILE", help="Where to change the image.", rich_help_panel=WHAT
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", help="For repeatable results.", rich_help_panel=WHAT)
]
Audio = Annotated[
    bool | None,
    typer.Option("--audio/--no-audio", help="Whether to make a sound track.", rich_help_panel=WHAT),
]
NegativePrompt = Annotated[
    str | None, typer.Option("--negative-prompt", help="What to avoid.", rich_help_panel=WHAT)
]
Enhance = Annotated[
    bool | None,
    typer.Option(
        "--enhance/--no-enhance",
        help="Whether the provider may rewrite the prompt.",
        rich_help_panel=WHAT,
    ),
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        help="One of the provider's own parameters, sent untouched; the value is read as JSON, "
        "else as text; repeatable.",
        rich_help_panel=WHAT,
    ),
]

Timeout = Annotated[
    float | None,
    typer.Option("--timeout", help="Seconds for each attempt.", rich_help_panel=LIMITS),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Refuse what the model can't make as asked.", rich_help_panel=LIMITS
    ),
]
FitImages = Annotated[
    bool,
    typer.Option(
        "--fit-images",
        help="Convert or scale images that the provider would refuse.",
        rich_help_panel=LIMITS,
    ),
]
Failover = Annotated[
    str,
    typer.Option(
        "--failover",
        metavar="always|when_safe",
        help="Whether a fallback is tried where an earlier job may still be billed.",
        rich_help_panel=LIMITS,
    ),
]
MaxCost = Annotated[
    str | None,
    typer.Option(
        "--max-cost",
        metavar="DOLLARS",
        help="The most that it may cost, with all fallbacks: what could cost more is not sent.",
        rich_help_panel=LIMITS,
    ),
]
AllowUnpriced = Annotated[
    bool,
    typer.Option(
        "--allow-unpriced",
        help="With --max-cost, also send what has no known price.",
        rich_help_panel=LIMITS,
    ),
]
OnTimeout = Annotated[
    str,
    typer.Option(
        "--on-timeout",
        metavar="cancel|detach",
        help="What becomes of the job at the deadline and on Ctrl-C.",
        rich_help_panel=LIMITS,
    ),
]

Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PLACE",
        help="Where to save it: a file, a folder, s3://… or - (standard output), also with "
        "{provider}, {model}, {request_id}, {index}, {ext}; several are numbered (cat-1.png).",
        rich_help_panel=RESULT,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files.", rich_help_panel=RESULT)]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Compare the result with what was asked for, and warn of differences.",
        rich_help_panel=RESULT,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show what would be sent; no key.", rich_help_panel=RESULT),
]
AskProvider = Annotated[
    bool,
    typer.Option(
        "--ask-provider",
        help="Ask the provider, where it quotes for free; needs a key, buys nothing.",
        rich_help_panel=RESULT,
    ),
]
Ledger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="Where jobs are written down before they are bought: sqlite:///jobs.db, or memory:. "
        "By default TARASH_LEDGER, else a file in your data folder. What leads to this machine "
        "only goes to rehearsals, a file beside it.",
        rich_help_panel=LIMITS,
    ),
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="Makes the command safe to repeat: one job for a key.",
        rich_help_panel=LIMITS,
    ),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="NAME=TEXT",
        help="A word of your own for whom or what it is, kept with the job; repeatable.",
        rich_help_panel=LIMITS,
    ),
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach",
        help="Leave when the provider has accepted; `tarash jobs` goes on.",
        rich_help_panel=RESULT,
    ),
]
Enqueue = Annotated[
    bool,
    typer.Option(
        "--enqueue",
        help="Write the job down, print its id and leave: `tarash worker` sends it.",
        rich_help_panel=RESULT,
    ),
]
Priority = Annotated[
    int,
    typer.Option(
        "--priority", help="Of those that wait, the higher goes first.", rich_help_panel=LIMITS
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on standard output.", rich_help_panel=RESULT),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What was typed in; what a command has no option for keeps its default."""

    kind: Kind
    prompt: str
    provider: str
    model: str | None
    fallback: list[str] | None
    base_url: str | None
    key_file: Path | None
    mock: bool
    duration: float | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    size: str | None = None
    quality: str | None = None
    style: str | None = None
    n: int = 1
    image: list[str] | None = None
    video: str | None = None
    continue_from: str | None = None
    mask: str | None = None
    seed: int | None = None
    audio: bool | None = None
    negative_prompt: str | None = None
    enhance: bool | None = None
    param: list[str] | None = None
    timeout: float | None = None
    strict: bool = False
    fit_images: bool = False
    failover: str = "always"
    max_cost: str | None = None
    allow_unpriced: bool = False
    hedge_after: str | None = None
    in_flight: int | None = None
    queue_timeout: float | None = None
    on_open: str | None = None
    on_timeout: str = "cancel"
    ledger: str | None = None
    idempotency_key: str | None = None
    label: list[str] | None = None
    detach: bool = False
    enqueue: bool = False
    priority: int = 0
    output: str | None = None
    force: bool = False
    verify: bool = False
    dry_run: bool = False
    as_json: bool = False


def of_kind(kind: str, given: Mapping[str, Any]) -> Options:
    """Return the options of a command that is for videos and images alike.

    Raises:
        CommandError: The kind is neither, or an option is the other kind's.
    """
    if kind not in NOT_OF:
        raise CommandError(f"--kind: {kind!r} is neither video nor image")

    foreign = [name for name in NOT_OF[kind] if given.get(name) is not None]
    if foreign:
        name = foreign[0].replace("_", "-")
        raise CommandError(
            f"--{name} is not for {kind}s; say --kind {OTHER[kind]}, or leave it out"
        )

    known = {name: value for name, value in given.items() if name in Options.__slots__}
    return Options(**{**known, "kind": cast("Kind", kind)})


NOT_OF = {
    "video": ("size", "quality"),
    "image": ("duration", "resolution", "video", "audio"),
}
OTHER = {"video": "image", "image": "video"}
