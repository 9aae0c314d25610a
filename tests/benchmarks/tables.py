"""The tables: which measurements are taken, and what of them is shown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.callers import MODELS, VENDORS
from tests.benchmarks.imports import OURS
from tests.benchmarks.overhead import IMAGES
from tests.benchmarks.report import Table, span
from tests.benchmarks.starting import THEIRS
from tests.benchmarks.worker import run

SECONDS_OF_A_CROWD = 5.0
WHOLE = "whole time, of the helper's"
WAYS = {
    "ours": "gateway",
    "alone": "gateway, no shared polls",
    "called": "gateway, called back",
    "theirs": "SDK's helper",
    "bare": "bare client",
}
SHARING, CALLING = ("openai", "replicate"), ("fal", "openai", "replicate")
"""Who lists jobs, and who calls back."""
TOLD, CROWD = 4, 1000
"""What the page begins with: jobs of so many seconds, and so many at once."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: all of it for the page, a little of it in every run of the tests."""

    vendors: tuple[str, ...] = tuple(VENDORS)
    providers: tuple[str, ...] = tuple(MODELS)
    started: tuple[str, ...] = tuple(THEIRS)
    imports: int = 5
    rounds: int = 5
    calls: int = 40
    noticed: tuple[tuple[tuple[float, ...], float, int], ...] = (
        *(((2,), 1, 5), ((4,), 1, 6), ((10,), 1, 4), ((60,), 10, 5)),
        ((1, 4, 12), 1, 7),
    )
    """Seconds of jobs, of which some may be side by side; speed of the clock, rounds of ours."""
    noticed_jobs: int = 4
    crowds: tuple[int, ...] = (1, 100, 1000, 5000)
    largest_vendor_crowd: int = 1000
    smallest_bare_crowd: int = 1000
    crowd_seconds: float = SECONDS_OF_A_CROWD
    threads: int = 64
    thread_calls: int = 20
    mappings: int = 400
    waiting: int = 2000
    interval: float = 5.0
    intervals: int = 2


SHORT = Scale(
    vendors=("replicate",),
    providers=("replicate",),
    started=("replicate",),
    imports=1,
    rounds=1,
    calls=2,
    noticed=(((2,), 20, 3), ((1, 2), 20, 3)),
    noticed_jobs=1,
    crowds=(3,),
    smallest_bare_crowd=3,
    crowd_seconds=0.2,
    threads=2,
    thread_calls=2,
    mappings=20,
    waiting=5,
    interval=0.3,
    intervals=1,
)


def imports(scale: Scale) -> Table:
    """Measure cold imports."""
    found = run("imports", runs=scale.imports, beside=scale.imports > 1)
    ours = found[OURS]
    rows = [
        [name, taken, None if name == "bare" else ours / taken]
        for name, taken in sorted(found.items(), key=lambda item: item[1])
    ]
    return Table(
        "Cold import",
        "Milliseconds over a bare interpreter, the fastest of some processes. The gateway loads an "
        "HTTP library, or a vendor's SDK, with the first call that needs it; one row has a first "
        "blocking generation, by the mock, in it. LiteLLM, told not to fetch its prices, and "
        "huggingface_hub are measured over the bare interpreter of an environment of their own.",
        ("import", "ms", "ours is … times that"),
        rows,
        "Importing it takes "
        + ", ".join(
            f"{ours / found[name]:.2f} times what {name} takes"
            for name in ("openai", "google.genai", "litellm")
            if name in found
        )
        + ".",
    )


def overhead(scale: Scale) -> Table:
    """Measure one generation beside the vendor's own calls."""
    rows = []
    for provider in (*scale.vendors, IMAGES):
        found = run("overhead", provider=provider, rounds=scale.rounds, calls=scale.calls)
        (wall, cpu), (their_wall, their_cpu) = found["ours"], found["theirs"]
        anew, anew_cpu = found["anew"]
        rows.append(
            [provider, wall, wall / their_wall, cpu, cpu / their_cpu, wall / anew, cpu / anew_cpu]
        )

    return Table(
        "One generation",
        "Milliseconds of one generation whose job ends at once, from the call to the response, "
        "without any pause; beside the same exchanges through the vendor's SDK with its client at "
        "hand, and with a client made for each call. The gateway keeps clients by itself.",
        ("provider", "wall", "of the SDK's", "CPU", "of the SDK's", "wall, of a new client's",
         "CPU, of a new client's"),
        rows,
        f"One generation takes {span([row[2] for row in rows])} times what the vendor's SDK takes "
        f"with its client at hand, and {span([row[5] for row in rows])} times what it takes with a "
        "new one.",
    )  # fmt: skip


def starting(scale: Scale) -> Table:
    """Measure how long it takes from the interpreter's start to the first accepted job."""
    found = run("starting", providers=scale.started, runs=scale.imports)
    rows: list[list[Any]] = []
    for name, ways in found.items():
        ours, theirs = ways["ours"], ways.get("theirs")
        shares = [None, None] if theirs is None else [ours[0] / theirs[0], ours[1] / theirs[1]]
        rows.append([name, ours[0], shares[0], ours[1], shares[1]])

    return Table(
        "From the start to the first submit",
        "Milliseconds from the interpreter's start until the first job is accepted, the least of "
        "some processes; beside the script that the SDK's documentation begins with. The last row "
        "is a whole command, with its file.",
        ("script", "wall", "of the SDK's", "CPU", "of the SDK's"),
        rows,
        "From the interpreter's start to the first submit it takes "
        f"{span([row[2] for row in rows if row[2] is not None])} times what a script of the SDK's "
        f"takes, and a video of the mock on the command line {rows[-1][1] / 1e3:.2f} s.",
    )


def noticing(scale: Scale) -> Table:
    """Measure how soon the end of a job is noticed."""

    def take(case: tuple[tuple[float, ...], float, int]) -> dict[str, Any]:
        seconds, speed, rounds = case
        return run(
            "noticing",
            providers=scale.vendors,
            seconds=seconds,
            speed=speed,
            rounds=rounds,
            jobs=scale.noticed_jobs,
        )

    rows: list[list[Any]] = []
    gist = ""
    for (seconds, _, _), found in zip(
        scale.noticed, _side_by_side(take, scale.noticed), strict=True
    ):
        for provider, ways in found.items():
            shown = [
                f"{_mean(delays):.2f} / {max(delays):.2f} s, {_mean(looks):.1f} / {max(looks)}"
                for delays, looks in (
                    zip(*ways[way], strict=True) for way in ("first", "ours", "theirs", "fixed")
                )
            ]
            ours, theirs = (_mean([at for at, _ in ways[way]]) for way in ("ours", "theirs"))
            mean = _mean(seconds)
            rows.append([_lengths(seconds), provider, *shown, (mean + ours) / (mean + theirs)])

        if seconds == (TOLD,):
            gist = "; ".join(
                f"{provider} in {_mean([at for at, _ in ways['ours']]):.2f} s, with "
                f"{_mean([looks for _, looks in ways['ours']]):.1f} status requests (its SDK's "
                f"helper: {_mean([at for at, _ in ways['theirs']]):.2f} s, "
                f"{_mean([looks for _, looks in ways['theirs']]):.1f})"
                for provider, ways in found.items()
            )

    return Table(
        "From done to noticed",
        "The mean and the longest time between the provider's end of a job and the caller's result,"
        " and the mean and the largest number of status requests, by jobs that take what is said, "
        "10 % more or less; of several lengths, jobs of each are under way side by side, in any "
        "order. *First* are the first jobs of their kind in a process, *later* those "
        "after the second round: the gateway then knows how long they take. Runway asks for five "
        "seconds between two looks; OpenAI gets half a second at least; fal tells by its status "
        "stream. The last column is the whole time of a later job over that with the "
        "SDK's helper. The minute is taken on a clock that runs ten times faster, so that what a "
        "request takes counts tenfold there.",
        ("job", "provider", "first", "later", "SDK's helper", "a look each 5 s", WHOLE),
        rows,
        f"The end of a {TOLD} s job, once such jobs are known, is noticed: {gist}." if gist else "",
    )


def crowds(scale: Scale) -> Table:
    """Measure many jobs at once."""

    def take(case: tuple[str, str, int]) -> dict[str, Any]:
        provider, way, jobs = case
        return run("crowd", provider=provider, way=way, jobs=jobs, seconds=scale.crowd_seconds)

    cases = [
        (provider, way, jobs)
        for jobs in scale.crowds
        for provider in scale.vendors
        for way in WAYS
        if _is_taken(way, provider, jobs, scale)
    ]
    few = [case for case in cases if case[2] < scale.smallest_bare_crowd]
    found = dict(zip(few, _side_by_side(take, few), strict=True))
    found |= {case: take(case) for case in cases if case not in found}
    rows = [
        [
            f"{jobs:,}",
            provider,
            WAYS[way],
            measured["over"],
            (scale.crowd_seconds + measured["over"])
            / (scale.crowd_seconds + found[provider, "theirs", jobs]["over"])
            if way == "ours" and (provider, "theirs", jobs) in found
            else None,
            measured["lost"],
            measured["processor"] * 1e3,
            None if jobs == 1 else measured["memory"],
            measured["looks"],
            measured["connections"],
        ]
        for (provider, way, jobs), measured in found.items()
    ]
    return Table(
        "Many jobs at once",
        f"Jobs of {scale.crowd_seconds:g} s that all start at the same moment in one process: by "
        "how many seconds the last is had later than if starting and looking took no time, and what"
        " each costs the process. The gateway has not seen such jobs before. The *bare client* is "
        "aiohttp alone, asks for as little as can be asked, knows when each job is done, and shows "
        "what the simulator itself leaves of the ideal. Jobs not had a minute after it count as "
        "lost. Where a provider lists jobs, those that wait share polls, unless the row says so; "
        "and where it calls back, one row has an inbox in the same process, which it calls.",
        ("jobs", "provider", "way", "s over the ideal", WHOLE, "lost",
         "CPU ms a job", "KiB a job", "looks a job", "connections"),
        rows,
        _crowds_gist(found),
    )  # fmt: skip


def _is_taken(way: str, provider: str, jobs: int, scale: Scale) -> bool:
    """Tell whether a crowd is measured: what is beside ours only where it makes a difference."""
    if way == "ours":
        return True

    if way == "theirs":
        return jobs <= scale.largest_vendor_crowd

    has = {"alone": SHARING, "called": CALLING}.get(way, (provider,))
    return provider in has and jobs >= scale.smallest_bare_crowd


def _crowds_gist(found: Mapping[Any, Mapping[str, Any]]) -> str:
    ours, theirs = (
        [one for (_, way, jobs), one in found.items() if (way, jobs) == (whose, CROWD)]
        for whose in ("ours", "theirs")
    )
    if not ours or not theirs:
        return ""

    lost = sum(one["lost"] for one in theirs)
    return (
        f"{CROWD:,} jobs at once are had {span([one['over'] for one in ours])} s after the ideal, "
        f"for {span([one['processor'] * 1e3 for one in ours])} ms of processor and "
        f"{span([one['memory'] for one in ours])} KiB each; with the SDKs' helpers "
        f"{span([one['over'] for one in theirs])} s after it"
        + (f", and {lost} jobs lost." if lost else ".")
    )


def waiting(scale: Scale) -> Table:
    """Measure many jobs that wait."""

    def take(provider: str) -> dict[str, Any]:
        return run(
            "waiting",
            provider=provider,
            jobs=scale.waiting,
            interval=scale.interval,
            intervals=scale.intervals,
        )

    found = list(zip(scale.providers, _side_by_side(take, scale.providers), strict=True))
    return Table(
        f"{scale.waiting:,} jobs that wait",
        f"One process, one loop, every job looked at each {scale.interval:g} s: the memory of each "
        "over the empty process, and the share of one core that all looks together take. fal's 32 "
        "status streams are among them. OpenAI's and Azure's submits leave through the SDK, and "
        "leave more behind.",
        ("provider", "KiB a job", "share of a core, %", "CPU ms a look", "connections"),
        [
            [name, one["memory"], one["share"] * 100, one["look"], one["connections"]]
            for name, one in found
        ],
        f"{scale.waiting:,} jobs that wait, looked at each {scale.interval:g} s, take "
        f"{span([one['share'] * 100 for _, one in found])} % of a core.",
    )


def blocking(scale: Scale) -> Table:
    """Measure the blocking functions."""
    found = run("blocking", threads=scale.threads, calls=scale.thread_calls, rounds=scale.rounds)
    alone, many = "one caller, ms a call", f"{scale.threads} callers at once, ms a call"
    processor = f"{scale.threads} callers at once, CPU ms a call"
    pairs = (
        (alone, "async", "blocking"),
        (many, "tasks", "threads"),
        (processor, "tasks_cpu", "threads_cpu"),
    )
    return Table(
        "The blocking functions",
        "A generation by the mock, which answers at once, so that nothing hides what the background"
        " loop adds; beside the async form.",
        ("", "async", "blocking", "added", "blocking over async"),
        [
            [name, found[one], found[two], found[two] - found[one], found[two] / found[one]]
            for name, one, two in pairs
        ],
    )


RATIOS = ("next over first", "quote over plan")


def mapping(scale: Scale) -> Table:
    """Measure look-ups and mappings."""
    found = run("mapping", times=scale.mappings)
    return Table(
        "Look-up and mapping",
        "Microseconds: a model's first look-up in the catalogue, the next, and a whole plan: "
        "looking up, adapting a request with four values to the model, building the payload and "
        "checking it against the model's schema; and of that plan its quote.",
        ("provider", "first look-up", "next look-up", "plan", "quote", *RATIOS),
        [
            [
                name,
                *(one[part] for part in ("first", "next", "plan", "quote")),
                one["next"] / one["first"],
                one["quote"] / one["plan"],
            ]
            for name, one in found.items()
        ],
    )


ALL: tuple[Callable[[Scale], Table], ...] = (
    *(imports, starting, overhead, noticing, crowds, waiting, blocking, mapping),
)


def _side_by_side(take: Callable[[Any], dict[str, Any]], cases: Sequence[Any]) -> list[Any]:
    """Take what mostly waits two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(take, cases))


def _lengths(seconds: Sequence[float]) -> str:
    *all_but_one, last = (f"{one:g}" for one in seconds)
    return f"{', '.join(all_but_one)} and {last} s" if all_but_one else f"{last} s"


def _mean(values: Sequence[float]) -> float:
    return statistics.mean(values)
