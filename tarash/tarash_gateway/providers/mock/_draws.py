"""Which outcome a mocked call has, by weight and seed. Makes nothing and raises nothing drawn.

Each `MockConfig` object walks a sequence of its own, which its seed decides. So ten calls with one
config draw ten outcomes, the same ten in every run; another object of equal value starts anew.
"""

from __future__ import annotations

import copy
import weakref
from random import Random
from typing import TYPE_CHECKING

from ..._support._dataclass import dataclass
from ...exceptions import TarashException
from ...models import MockConfig, MockResponse

if TYPE_CHECKING:
    from ..._data._exchange import Call

SEED_BITS = 32
ALWAYS_SUCCEEDS = MockResponse()

_chances: dict[int, Random] = {}


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn for one call."""

    outcome: int | None
    """Which of `MockConfig.responses`; None where there are none."""
    seed: int
    """For the media."""


def settings(call: Call) -> MockConfig:
    """Return the mock's settings."""
    # `provider="mock"` without settings means the same as the plainest ones.
    return call.config.mock or MockConfig(enabled=True)


def outcome_of(mock: MockConfig, index: int | None) -> MockResponse:
    """Return the outcome that a draw stands for."""
    if index is None or mock.responses is None:
        return ALWAYS_SUCCEEDS

    return mock.responses[index]


def _chance(mock: MockConfig) -> Random:
    """Return the dice of this very object: equal ones may belong to unrelated tests."""
    key = id(mock)
    chance = _chances.get(key)
    if chance is None:
        chance = _chances.setdefault(key, Random(mock.seed))
        weakref.finalize(mock, _chances.pop, key, None).atexit = False

    return chance


def draw_for(mock: MockConfig, call: Call) -> Draw:
    """Draw for one call: an outcome, and a seed for its media unless the request has one."""
    chance = _chance(mock)
    point, seed = chance.random(), chance.getrandbits(SEED_BITS)
    asked = call.request.seed
    return Draw(_weighted(mock, point), seed if asked is None else asked)


def _weighted(mock: MockConfig, point: float) -> int | None:
    if mock.responses is None:
        return None

    left = point * sum(response.weight for response in mock.responses)
    possible = [index for index, response in enumerate(mock.responses) if response.weight]
    for index in possible:
        left -= mock.responses[index].weight
        if left < 0:
            return index

    return possible[-1]  # sums of floats may fall short of the total


def fresh(error: Exception) -> Exception:
    """Return the error to raise: what one call adds to it must not show in the next."""
    if isinstance(error, TarashException):
        return copy.copy(error)

    return error.with_traceback(None)
