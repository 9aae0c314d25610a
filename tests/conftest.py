"""What holds for all tests: the network ends at this machine, except for tests marked `live`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104  (nothing is bound to it)
_guard = {"is_up": False}


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _guard["is_up"]:
        return

    address = arguments[1]
    # A local socket's address is a path; a resolved one is (host, port, …).
    if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
        message = f"A test wanted to connect to {address}; run it against the simulator."
        raise PermissionError(message)


# An audit hook, since it sees every connection of every library, and patches none of them.
sys.addaudithook(_refuse_the_network)


@pytest.fixture(autouse=True)
def _network_ends_here(request: pytest.FixtureRequest) -> Iterator[None]:
    _guard["is_up"] = request.node.get_closest_marker("live") is None
    yield
    _guard["is_up"] = False


@pytest.fixture(scope="session", autouse=True)
def _own_cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what a user fetched into the real cache directory out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TARASH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
