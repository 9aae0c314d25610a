"""How long to wait: before the next poll of a job, before a refused submit leaves again. Pure."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

FIRST_LOOK = 0.5
"""Seconds; quick models are done by then, and a poll costs nothing."""
LATEST = 1.0
"""A job's end is noticed so many seconds late at most, or the share below of what it took."""
SHARE = 0.08
"""Of the time that a job has taken so far: noticed no later than that, and half of it as a rule."""
OFTEN, SELDOM = 0.5, 1.0
"""Seconds a poll, over the whole life of a job: what vendors' own helpers take. The first where the
provider lets polls be closer than half a second, and the second with one poll at the start."""
AT_THE_START = 0.7
"""Of a poll a second: so much of the one at the start is left for the end of short jobs."""
GROWTH = 1.5
"""Of the pauses after polls that failed, and after the end was expected in vain."""
JITTER = 0.1
NEAR_SHARE = 0.25
"""Of the time between two polls: by no more do jobs differ that are expected to end soon."""
FIRST_RETRY = 0.5
LONGEST_RETRY = 30.0

REMEMBERED = 64
"""Jobs that an expectation is made of: enough to know of all lengths that a model's jobs have."""
NEWEST = 8
"""Of those of one length, so many; and a length that none of so many jobs had is no goal for now.
Few, so that it follows a model that gets faster."""
JOINED = 0.25
"""Jobs whose times differ by no larger share of them are of one length."""
SOONEST = 0.35
"""Nor does a job end sooner than the earliest that is remembered, by more than this share."""
WORTH = 0.05
"""Seconds: with it, a poll more costs as much as a fortieth of a second of somebody's waiting."""
FINEST = 0.02
"""Polls are no closer than this share of what a job takes: so exact nobody can know it."""
CLOSEST = 0.05
"""Nor closer than so many seconds."""
CERTAIN = 0.5
"""When jobs of one length end is known between bounds: certainly within the inner ones, and not
beyond the outer ones. So far from the outer ones to the inner ones they are expected to end."""
SURE = 16
"""After so many jobs of which none ended nearly as soon, polls are fewer."""
APPROACH = 3
"""Their pauses may be so many times longer."""
APPROACH_SECONDS = 1.5
"""Or so long."""
LOOKS_A_SECOND = 1500
"""Where more jobs of a kind wait, each is polled less often: more polls than a process can make
bring no job sooner, and providers count requests.
"""
SOONER = 0.2
"""Of the time between the last two polls of a job: so early in it the job counts as ended, where
its polls are compared with those that a helper would have made."""
MORE, CLOSER = 1.5, 0.7
"""As long as polls were saved at the jobs before, a job may make so many more than a helper, and so
close, as a share of the time between a helper's polls, while its end is expected."""
STRICTER, STRICTEST = 0.3, 1.5
"""Of the polls that were too many at the jobs before, by how many less a job makes, and at most."""
MOST_SAVED = 10
"""So many polls are remembered as saved, or as too many."""
LISTED_A_SECOND = 3000
"""The same where one request answers for many of them."""

Random = random.Random


class Span(NamedTuple):
    """The seconds after its submit between which jobs of one length end."""

    early: float
    late: float


class History:
    """When jobs of one kind were done, as far as polls can tell: between two of them.

    Attributes:
        waiting: How many such jobs are waited for.
        on_first: Called, once each, when the first job has shown how long such jobs take.
        jobs: How many have been seen, here or by others.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self.on_first: set[Callable[[], None]] = set()
        self.jobs = 0.0
        self.saved = 0.0
        """Polls fewer than a vendor's own helper would have made for the jobs that were seen."""
        self._seen: deque[Span] = deque(maxlen=REMEMBERED)
        self._told: Sequence[Span] = ()
        self._spans: Sequence[Span] = ()
        self._goals: Sequence[Span] = ()
        self._earliest = 0.0
        self._is_known = True

    @property
    def spans(self) -> Sequence[Span]:
        """Of each length of such jobs, when they are expected to end; the shortest first."""
        self._make()
        return self._spans

    @property
    def goals(self) -> Sequence[Span]:
        """Those of the spans in which a job has ended of late."""
        self._make()
        return self._goals

    @property
    def earliest(self) -> float:
        """Before that no such job has ended, as far as is remembered; 0 until that is known."""
        self._make()
        return self._earliest if self.jobs >= SURE else 0.0

    @property
    def window(self) -> Span | None:
        """The seconds between which all are expected to end; None while nothing is known."""
        spans = self.spans
        return Span(spans[0].early, spans[-1].late) if spans else None

    def expect(self, spans: Sequence[Span], jobs: float) -> None:
        """Take what others have seen, in place of what they had seen before.

        Args:
            spans: When jobs of each length end.
            jobs: How many they have seen.
        """
        self._told, self.jobs = spans, len(self._seen) + jobs
        self._is_known = False

    def record(self, after: float, by: float) -> None:
        """Remember a job that was still running at one poll and done at the next."""
        self._seen.append(Span(after, by))
        self.jobs += 1
        self._is_known = False
        while self.on_first:
            self.on_first.pop()()

    def _make(self) -> None:
        if self._is_known:
            return

        self._is_known = True
        seen = list(self._seen)
        own, newest = _spans_of(seen), seen[-NEWEST:]
        if not seen and not self._told:
            return

        others = [one for one in self._told if not any(_are_one(one, span) for span in own)]
        recent = [span for span in own if any(_meet(span, one) for one in newest)]
        self._spans = sorted([*own, *others])
        sharp = [seen[number] for number in _sharp(seen)]
        self._earliest = min(one.early for one in [*sharp, *others])
        self._goals = sorted([*recent, *(others if len(seen) < NEWEST else [])])


def _spans_of(seen: Sequence[Span]) -> list[Span]:
    """Return when jobs of each length end: those whose times are not far apart are of one."""
    groups: list[list[int]] = []
    last = -math.inf
    for number in _sharp(seen):
        if not groups or seen[number].early > last * (1 + JOINED):
            groups.append([])

        groups[-1].append(number)
        last = seen[number].late

    if len(groups) > 1 and len(groups[-1]) == 1 and len(seen) > NEWEST:
        del groups[-1]  # one that took much longer, behind a queue perhaps, is no rule

    return [_span_of([seen[number] for number in sorted(group)[-NEWEST:]]) for group in groups]


def _sharp(seen: Sequence[Span]) -> list[int]:
    """Return the places of those within which no other one lies, in the order of their times."""
    numbers: list[int] = []
    for number in sorted(range(len(seen)), key=lambda at: (-seen[at].early, seen[at].late)):
        span = seen[number]
        if not numbers or span.late < seen[numbers[-1]].late or span == seen[numbers[-1]]:
            numbers.append(number)

    return numbers[::-1]


def _span_of(seen: Sequence[Span]) -> Span:
    latest_running = max(one.early for one in seen)
    earliest_done = min(one.late for one in seen)
    if latest_running < earliest_done:
        return Span(latest_running, earliest_done)  # all may have taken the same time

    earliest, latest = min(one.early for one in seen), max(one.late for one in seen)
    early = earliest + CERTAIN * (earliest_done - earliest)
    return Span(early, latest - CERTAIN * (latest - latest_running))


def _meet(one: Span, other: Span) -> bool:
    """Tell whether a job may have ended in both."""
    return one.early <= other.late and other.early <= one.late


def _are_one(one: Span, other: Span) -> bool:
    """Tell whether jobs of two spans may be of one length."""
    first, second = sorted((one, other))
    return second.early <= first.late * (1 + JOINED)


class PollSchedule:
    """The pauses between polls of one job.

    No pause is longer than `LATEST` or its `SHARE` of what the job has taken, up to the poll
    interval: whatever a job's length, its end is noticed by then. What was seen of such jobs puts
    polls where they end, within as many as a vendor's own helper makes.
    """

    def __init__(
        self, poll_interval: float, floor: float, rng: Random, history: History | None = None
    ) -> None:
        """Start anew.

        Args:
            poll_interval: Seconds that no pause goes beyond, but for the floor.
            floor: Seconds that no pause goes under: the provider's own limit.
            rng: Makes the jitter that keeps many jobs from looking at once.
            history: What was seen of such jobs before, and meanwhile.
        """
        self._longest = max(poll_interval, floor)
        self._floor = floor
        self._shortest = max(min(FIRST_LOOK, self._longest), floor)
        self._rate = min(OFTEN if floor < OFTEN else SELDOM, self._longest)
        self._after_failure = self._shortest
        self._rng = rng
        self._history = history or History()
        self.is_shared = False
        """Whether polls are made for many jobs at once."""
        self._phase = rng.random()
        self._overdue = 0.0
        self._aimed: Span | None = None
        self._is_far = False
        self._polls = 0
        self._due = math.inf

    def pause(
        self, elapsed: float, retry_after: float | None = None, *, failed: bool = False
    ) -> float:
        """Return the seconds until the next poll.

        Args:
            elapsed: Seconds since the job was accepted.
            retry_after: The provider's own word, which wins over ours.
            failed: Whether the last poll brought no answer: then the pauses only grow.
        """
        if elapsed >= self._due:
            self._polls += 1

        seconds = self._pause(elapsed, retry_after, failed=failed)
        self._due = elapsed + seconds
        return seconds

    def _pause(self, elapsed: float, retry_after: float | None, *, failed: bool) -> float:
        if retry_after is not None and (retry_after > 0 or not failed):
            # After a refusal never less, and not all waits of an account in the same moment.
            spread = self._rng.uniform(1, 1 + JITTER) if failed else 1.0
            return max(retry_after * spread, self._floor, CLOSEST)

        usual = max(SHARE * elapsed, self._busy)
        if failed:
            self._after_failure = min(self._after_failure * GROWTH, self._longest)
            seconds = max(min(max(usual, self._shortest), self._longest), self._after_failure)
            return max(seconds * self._rng.uniform(1 - JITTER, 1 + JITTER), self._floor)

        self._after_failure = self._shortest
        most = min(max(usual, LATEST), self._longest)
        if self._history.goals:
            seconds = self._towards(elapsed, most)
        else:
            seconds = min(max(usual, self._shortest), most) * self._rng.uniform(1 - JITTER, 1)

        return max(seconds, min(self._allowed_in(elapsed), most), self._floor)

    def record(self, after: float, by: float) -> None:
        """Remember the job, which was still running at one poll and done at the last."""
        ended = after + SOONER * (by - after)
        theirs = math.ceil(ended / self._rate) + (self._rate > OFTEN)
        saved = self._history.saved + theirs - self._polls - 1
        self._history.saved = min(max(saved, -MOST_SAVED), MOST_SAVED)
        self._history.record(after, by)

    @property
    def _more(self) -> float:
        """Polls that a job may make more than a helper, since they were saved before."""
        return MORE if self._history.saved > 1 else 0.0

    @property
    def _busy(self) -> float:
        """The seconds in which all jobs that are waited for can be polled."""
        return self._history.waiting / (LISTED_A_SECOND if self.is_shared else LOOKS_A_SECOND)

    def _allowed_in(self, elapsed: float) -> float:
        """Return in how many seconds a poll is none too many."""
        if not self._polls:
            return 0.0

        # By a share that is each job's own, so that many don't look at once.
        share = self._phase * (1 if self._is_far else NEAR_SHARE)
        # Helpers that poll seldom begin with a poll at the start, and ours are saved for the end.
        further = share + (0.5 if self._rate <= OFTEN else -AT_THE_START)
        too_many = min(max(0.0, -STRICTER * self._history.saved), STRICTEST)
        allowed = (self._polls + further + too_many) * self._rate - elapsed
        if not self._more or not any(
            goal.early <= elapsed < goal.late for goal in self._history.goals
        ):
            return allowed

        return min(allowed, CLOSER * self._rate)

    def _towards(self, elapsed: float, most: float) -> float:
        """Return the pause on the way to the moment at which such jobs end, and through it.

        Polls whose distance goes with the root of the uncertainty cost least, taken together with
        what is waited for nothing (`WORTH` weighs the two).
        """
        goals = self._history.goals
        span = next((goal for goal in goals if goal.late > elapsed), goals[-1])
        farthest = self._farthest(elapsed, most)
        gap = self._gap(span, elapsed, farthest, most)
        is_narrow = span.late - span.early <= gap
        first = max(span.early + self._phase * gap, min(FIRST_LOOK, span.late))
        left = (span.late if is_narrow else first) - elapsed
        aimed, self._aimed = self._aimed, span
        self._is_far = left > farthest
        if self._is_far and aimed != span:  # from here on, each job by its own beat
            return self._rng.uniform(0.5, 1) * farthest

        if left > 0:
            return self._part(left, farthest)

        if aimed is None:
            return gap * self._phase  # noted in the midst of it, like others at the same moment

        if elapsed < span.late:
            return gap

        self._overdue = min(max(gap, self._overdue * GROWTH), most)
        return self._overdue

    def _gap(self, span: Span, elapsed: float, farthest: float, most: float) -> float:
        """Return how far apart polls are while the end is expected: no more than there may be."""
        width = span.late - span.early
        on_the_way = math.ceil(max(0.0, span.early - elapsed) / farthest)
        may_be = 1 + self._more + span.late / self._rate - self._polls - on_the_way
        gap = max(math.sqrt(WORTH * width), FINEST * span.late, CLOSEST, self._busy, self._floor)
        return min(max(gap, width / max(1.0, may_be)), most)

    def _farthest(self, elapsed: float, most: float) -> float:
        """Return how long a pause may be before the end is expected."""
        sure = self._history.earliest / (1 + SOONEST) - elapsed
        longest = min(max(APPROACH_SECONDS, APPROACH * SHARE * elapsed), self._longest)
        return max(most, min(longest, sure))

    def _part(self, left: float, most: float) -> float:
        """Return the longest equal part of what is left that is neither too long nor too short."""
        parts = math.ceil(left / most)
        if self._floor > 0:
            parts = max(1, min(parts, int(left / self._floor)))

        return left / parts


def retry_pause(attempt: int, retry_after: float | None, rng: Random) -> float:
    """Return the seconds before a refused submit leaves again.

    Args:
        attempt: How many were refused so far, from 1.
        retry_after: What the provider asked for, which wins where it is longer; up to 10 % more.
            "At once", or a date that has passed by our clock, is no reason to hurry.
        rng: Spreads many callers, so that they don't all come back at once.
    """
    longest = min(FIRST_RETRY * 2.0 ** (attempt - 1), LONGEST_RETRY)
    own = longest * rng.uniform(0.5, 1)
    if retry_after is None or not retry_after > own:
        return own

    return retry_after * rng.uniform(1, 1 + JITTER)
