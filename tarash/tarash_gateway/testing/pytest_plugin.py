"""The pytest plugin: one fixture that gives a test its own running simulator.

Every pytest run of an environment with this package imports it, so it imports nothing but pytest
until a test asks for the fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tarash.tarash_gateway.testing import Simulator


@pytest.fixture
def tarash_simulator() -> "Iterator[Simulator]":
    """Give a fresh, started `Simulator`, and stop it after the test."""
    from tarash.tarash_gateway.testing import Simulator

    with Simulator() as simulator:
        yield simulator
