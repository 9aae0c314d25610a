"""How many exchanges with one host begin at a time, on one event loop."""

from __future__ import annotations

import asyncio

from anyio.lowlevel import RunVar

from ._urls import Origin, origin

POOL_SIZE = 100
"""Connections to one host, for submits and for polls each."""
STREAMS_PER_ORIGIN = 32

_gates: RunVar[dict[tuple[str, Origin], asyncio.Semaphore]] = RunVar("_gates")


def connection_slot(purpose: str, url: str) -> asyncio.Semaphore:
    """Return what lets as many exchanges begin as there are connections for them.

    The connector would let the others wait too, but with their whole request made: for a thousand
    of them that is most of the memory they take.
    """
    try:
        gates = _gates.get()
    except LookupError:
        gates = {}
        _gates.set(gates)

    place = (purpose, origin(url))
    slot = gates.get(place)
    if slot is None:
        size = STREAMS_PER_ORIGIN if purpose == "stream" else POOL_SIZE
        slot = gates[place] = asyncio.Semaphore(size)

    return slot
