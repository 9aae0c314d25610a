"""`tarash quote` and `tarash compare-prices`: what a request would cost. Buys nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from ..api import plan_image, plan_video, quote_image, quote_video
from ..exceptions import TarashException
from ..models import GenerationPlan, Quote
from . import _report as report
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._inputs import prompt_of, read
from ._options import Options
from ._words import error_text, in_options


def show_quote(options: Options, *, ask_provider: bool = False) -> int:
    """Say what a request would cost, part by part; return the exit code."""
    options = replace(options, prompt=prompt_of(options.prompt))
    plan = _plan(options)
    plans = [plan, *plan.fallbacks]
    if ask_provider:
        plans = [_asked(*pair, options) for pair in zip(_configs(options), plans, strict=True)]

    if options.as_json:
        documents = [_document(priced) for priced in plans]
        terminal.document(documents if plan.fallbacks else documents[0])
        return Exit.DONE

    for number, priced in enumerate(plans):
        if number:
            terminal.result("")

        _show(priced)

    return Exit.DONE


def _plan(options: Options) -> GenerationPlan:
    config, request = read(options)
    plan = cast("Any", plan_video if options.kind == "video" else plan_image)
    made: GenerationPlan = plan(config, request)
    return made


def _configs(options: Options) -> list[Any]:
    head = read(options)[0]
    return [head.model_copy(update={"fallback_configs": ()}), *head.fallback_configs]


def _asked(config: Any, plan: GenerationPlan, options: Options) -> GenerationPlan:
    """Return a plan with what the provider itself quotes, where it does."""
    ask = cast("Any", quote_video if options.kind == "video" else quote_image)
    quote = ask(config, read(options)[1], ask_provider=True)
    return plan.model_copy(update={"quote": quote})


def _document(plan: GenerationPlan) -> dict[str, Any]:
    quote = plan.quote.model_dump(mode="json")
    return {"provider": plan.provider, "model": plan.model, **quote}


def _show(plan: GenerationPlan) -> None:
    table = terminal.facts_table()
    table.add_row("provider", plan.provider)
    table.add_row("model", plan.model)
    table.add_row("cost", str(plan.quote))
    for line in plan.quote.lines:
        part = Quote(low=line.low, high=line.high, currency=plan.quote.currency)
        count = _between(line.quantity_low, line.quantity_high)
        amount = f"{part}: {count} {line.basis or line.unit}"
        source = f" ({line.source}, {line.date}, {line.confidence})" if line.source else ""
        table.add_row(line.billable.replace("_", " "), amount + source)

    for reason in plan.quote.unknown:
        table.add_row("unknown", in_options(reason))

    for note in plan.quote.notes:
        table.add_row("note", note)

    for adjustment in plan.adjustments:
        table.add_row(report.label(adjustment), report.adjusted(adjustment))

    terminal.show(table)


def _between(low: Any, high: Any) -> str:
    return f"{low:f}" if low == high else f"{low:f} to {high:f}"


def compare(options: Options, models: Sequence[str]) -> int:
    """Say what each model would cost for one request, cheapest first; return the exit code."""
    options = replace(options, prompt=prompt_of(options.prompt))
    plans, refused = [], []
    for name in dict.fromkeys(models):
        provider, _, model = name.partition(":")
        if not model:
            raise CommandError(
                f"--model: {name!r} is not PROVIDER:MODEL, such as fal:fal-ai/veo3.1"
            )

        try:
            plans.append(_plan(replace(options, provider=provider, model=model)))
        except TarashException as error:
            refused.append((provider, model, error_text(error)))

    plans.sort(key=_dearness)
    if options.as_json:
        answers = [_document(plan) for plan in plans]
        answers += [{"provider": p, "model": m, "error": reason} for p, m, reason in refused]
        terminal.document(answers)
        return Exit.DONE

    table = terminal.plain_table("provider", "model", "cost", "what is not certain")
    for plan in plans:
        table.add_row(
            plan.provider, plan.model, str(plan.quote), in_options("; ".join(plan.quote.unknown))
        )

    for provider, model, reason in refused:
        table.add_row(provider, model, "-", reason)

    terminal.show(table)
    return Exit.DONE


def _dearness(plan: GenerationPlan) -> tuple[int, Any]:
    """Order by the worst case; what has none comes after, and what has no price at all comes last.

    Prices in several currencies can't be compared: each currency has its own place.
    """
    quote = plan.quote
    if quote.low is None:
        return 2, ("", 0)

    return (0 if quote.high is not None else 1), (quote.currency, quote.high or quote.low)
