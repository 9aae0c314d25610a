"""The pytest plugin: one fixture that gives a test its own running simulator.

The option `tarash_providers` names files that declare providers; each is played too.

Every pytest run of an environment with this package imports it, so it imports nothing but pytest
until a test asks for the fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tarash.tarash_gateway.testing import Simulator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with the files of providers."""
    parser.addini("tarash_providers", "Files that declare providers for the simulator", "paths", [])


@pytest.fixture
def tarash_simulator(request: pytest.FixtureRequest) -> "Iterator[Simulator]":
    """Give a fresh, started `Simulator` of all providers and files, and stop it after the test."""
    from tarash.tarash_gateway.testing import Simulator

    names = Simulator().providers
    with Simulator([*names, *request.config.getini("tarash_providers")]) as simulator:
        yield simulator
