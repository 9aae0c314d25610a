"""Slots of accounts: who may have a job at a provider, and who is next. Pure: no clock, no store.

A ledger keeps the rows and asks `allocate_slots` within one write; so all ledgers take turns alike.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

MINUTE = 60.0
"""Seconds that a slot counts for `per_minute`, also when it is free again."""
ENDED = frozenset({"completed", "failed", "cancelled", "stopped"})


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """What an attempt needs before it may submit: a place among the jobs of its account."""

    id: str
    """Its intent's, before a space and whose limit it is, where one job has several places: so a
    ledger knows whether its job may still run when its process is gone."""
    line: str
    """Stands for the account: whatever shares its limits, in all processes. Never a key."""
    model: str = ""
    group: str = ""
    """Who takes turns with others of the same priority, such as a user."""
    priority: int = 0
    """The higher goes first."""
    most: int | None = None
    """Jobs in flight of the account; None for no limit."""
    most_of_model: int | None = None
    per_minute: int | None = None
    """Slots that the account may take within a minute; None for no limit."""
    per_minute_of_model: int | None = None
    kept_seconds: float = 600
    """How long it counts after the last word of its holder, where its job may still run."""
    is_bought: bool = False
    """Whether its job is at the provider already: it counts at once, whatever the limits are."""

    @property
    def intent_id(self) -> str:
        """The intent's id."""
        return self.id.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """One slot as a ledger keeps it: somebody who waits, a job in flight, or one just ended."""

    request: SlotRequest
    number: int
    """The order in which they came."""
    turn: int | None = None
    """The order in which they were taken; None while it waits."""
    taken_ago: float | None = None
    """Seconds since then."""
    silent: float = 0.0
    """Seconds since the last word of its holder."""
    is_free: bool = False
    """Whether its job has ended; it stays for a minute, and for its group's turn."""
    is_alive: bool = True
    """Whether its holder has said so within the lease."""
    may_run: bool = False
    """Whether a submit was written down for it of which a job may run."""

    @property
    def counts(self) -> bool:
        """Whether it is a job in flight, as far as can be known."""
        if self.turn is None or self.is_free:
            return False

        return self.is_alive or (self.may_run and self.silent < self.request.kept_seconds)


@dataclass(frozen=True, slots=True)
class SlotAnswer:
    """Where one holder's slots stand."""

    taken: frozenset[str] = frozenset()
    """Which of the asked ones have their place now."""
    positions: Mapping[str, int] = field(default_factory=dict)
    """The place in line of those that wait, from 1."""
    lost: frozenset[str] = frozenset()
    """Which of the held ones are gone: their holder was silent for longer than the lease."""
    in_flight: Mapping[str, int] = field(default_factory=dict)
    """How many slots count, by model, and `""` for all of them."""


@dataclass(frozen=True, slots=True)
class SlotChanges:
    """What a ledger has to do to the rows of one line, in this order, within one write."""

    drop: tuple[str, ...]
    """Rows to delete."""
    insert: tuple[SlotRequest, ...]
    """Rows to write down, in the order of their numbers; nobody has taken them."""
    touch: tuple[str, ...]
    """Rows that have a word of their holder now, who is the caller from now on."""
    take: Mapping[str, int]
    """Rows that are taken now, with their turns."""
    answer: SlotAnswer


def may_run(submission: str | None, outcome: str | None) -> bool:
    """Tell whether the job of a submit that was written down may be running at its provider."""
    return submission not in ("not_sent", "rejected") and outcome not in ENDED


def allocate_slots(
    records: Sequence[SlotRecord], requests: Sequence[SlotRequest], held: Collection[str]
) -> SlotChanges:
    """Return what follows when one holder asks for slots, and says that it holds others.

    Whoever waits takes a slot by itself, when it asks: what is free is kept for those before it in
    line as long as they are alive. So nothing is given to somebody who has just died.

    Args:
        records: All rows of the line.
        requests: What the holder waits for; those that are new get in line.
        held: The ids of slots that it has taken before.
    """
    known = {record.request.id: record for record in records}
    stays = {request.id for request in requests if _goes_on(known.get(request.id))}
    touch = (*stays, *(name for name in held if name in known and known[name].counts))
    asked = {request.id: request for request in requests}
    alive = [
        replace(
            record, request=asked.get(record.request.id, record.request), is_alive=True, silent=0.0
        )
        if record.request.id in touch
        else record
        for record in records
        if record.request.id not in asked or record.request.id in stays
    ]
    number = max((record.number for record in records), default=0)
    insert = tuple(request for request in requests if request.id not in stays)
    line = [*alive, *(SlotRecord(request, number + at) for at, request in enumerate(insert, 1))]
    rooms, waiting, drop = _Rooms(), [], [request.id for request in insert if request.id in known]
    turns = _turns(line)
    for slot in line:
        if slot.counts:
            rooms.fill(slot.request, is_new=_is_new(slot))
        elif slot.turn is None and slot.is_alive:
            waiting.append(slot)
        elif _is_of_use(slot, turns):
            rooms.note(slot.request)
        else:
            drop.append(slot.request.id)

    in_flight = Counter(rooms.in_flight)
    take, positions = _served(turns, waiting, rooms, asked)
    for name in take:
        in_flight.update({"", asked[name].model})

    taken = frozenset(take) | {slot.request.id for slot in alive if slot.counts} & set(asked)
    lost = frozenset(name for name in held if name not in touch)
    answer = SlotAnswer(taken, positions, lost, dict(in_flight))
    return SlotChanges(tuple(drop), insert, touch, take, answer)


def _goes_on(slot: SlotRecord | None) -> bool:
    """Tell whether a row is still what somebody waits for, or is a job in flight."""
    return slot is not None and (slot.counts or (slot.turn is None and slot.is_alive))


def _turns(line: Sequence[SlotRecord]) -> dict[str, int]:
    """Return when each group was served last."""
    turns: dict[str, int] = {}
    for slot in line:
        if slot.turn is not None:
            turns[slot.request.group] = max(slot.turn, turns.get(slot.request.group, 0))

    return turns


def _is_of_use(slot: SlotRecord, turns: Mapping[str, int]) -> bool:
    """Tell whether a slot that is free again still counts, for a rate or for its group's turn."""
    if slot.turn is None or not _is_new(slot):
        return False

    request = slot.request
    has_rate = request.per_minute is not None or request.per_minute_of_model is not None
    return has_rate or slot.turn == turns[request.group]


def _served(
    turns: Mapping[str, int],
    waiting: Sequence[SlotRecord],
    rooms: _Rooms,
    asked: Collection[str],
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the turns of those that are served now, and the positions of those that wait on."""
    turn = itertools.count(max(turns.values(), default=0) + 1)
    take: dict[str, int] = {}
    positions: dict[str, int] = {}
    bought = [slot for slot in waiting if slot.request.is_bought]
    others = [slot for slot in waiting if not slot.request.is_bought]
    for slot in bought:  # which are in flight already
        rooms.fill(slot.request, is_new=False)
        if slot.request.id in asked:
            take[slot.request.id] = next(turn)

    for place, slot in enumerate(_in_turn(others, turns), 1):
        is_mine = slot.request.id in asked
        has_room = rooms.has_room(slot.request)
        if has_room:
            rooms.fill(slot.request, is_new=True)

        if is_mine and has_room:
            take[slot.request.id] = next(turn)
        elif is_mine:
            positions[slot.request.id] = max(1, place - len(take))

    return take, positions


def _is_new(slot: SlotRecord) -> bool:
    return slot.taken_ago is not None and slot.taken_ago < MINUTE


def _in_turn(waiting: Sequence[SlotRecord], turns: Mapping[str, int]) -> Iterator[SlotRecord]:
    """Yield those who wait in the order in which they are served.

    By priority; within one, the groups take turns, and the one that was served the longest ago is
    next. Within a group the first come is the first.
    """
    by_priority: defaultdict[int, defaultdict[str, deque[SlotRecord]]] = defaultdict(
        lambda: defaultdict(deque)
    )
    for slot in sorted(waiting, key=lambda slot: slot.number):
        by_priority[slot.request.priority][slot.request.group].append(slot)

    last = dict(turns)
    counter = itertools.count(max(turns.values(), default=0) + 1)
    for priority in sorted(by_priority, reverse=True):
        groups = by_priority[priority]
        heap = [(last.get(name, 0), line[0].number, name) for name, line in groups.items()]
        heapq.heapify(heap)
        while heap:
            _, _, name = heapq.heappop(heap)
            line = groups[name]
            yield line.popleft()
            last[name] = next(counter)
            if line:
                heapq.heappush(heap, (last[name], line[0].number, name))


class _Rooms:
    """How many slots of a line are used, in all and by model; `""` stands for all."""

    def __init__(self) -> None:
        self.in_flight: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()

    def fill(self, request: SlotRequest, *, is_new: bool) -> None:
        """Count a job in flight."""
        for name in {"", request.model}:
            self.in_flight[name] += 1

        if is_new:
            self.note(request)

    def note(self, request: SlotRequest) -> None:
        """Count a slot that was taken within the last minute."""
        for name in {"", request.model}:
            self._taken[name] += 1

    def has_room(self, request: SlotRequest) -> bool:
        """Tell whether one more fits."""
        used = (
            (self.in_flight[""], request.most),
            (self.in_flight[request.model], request.most_of_model),
            (self._taken[""], request.per_minute),
            (self._taken[request.model], request.per_minute_of_model),
        )
        return all(most is None or number < most for number, most in used)
