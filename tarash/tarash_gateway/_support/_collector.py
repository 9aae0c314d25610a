"""The garbage collector in a process that is ours alone, such as a worker, and holds many jobs.

A job that waits is some hundred objects that stay, and each poll replaces a few of them. By
Python's own thresholds that is growth: with 2,000 jobs it walked through all objects every
five seconds, a third of a worker's processor time, and found nothing. A job that has ended leaves
no cycles behind, so that what is collected seldom is not held for longer.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 10_000
"""Objects more than were let go of, before the young ones are walked through: more than all polls
of one host that are under way take together. Python's own is 700."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Let the collector run seldom meanwhile, and not walk through what is loaded so far.

    For a process of our own. A library leaves the collector to whoever runs the process.
    """
    before = gc.get_threshold()
    gc.collect()  # what is frozen is not looked at again
    gc.freeze()
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
