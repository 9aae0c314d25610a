"""A process of our own has its cycles collected seldom, and gives the collector back as it was."""

from __future__ import annotations

import gc

from tarash.tarash_gateway._support._collector import YOUNG, collecting_seldom


def test_the_collector_is_given_back_as_it_was() -> None:
    gc.unfreeze()  # the tests themselves, which are kept out of collections
    before = gc.get_threshold()
    with collecting_seldom():
        assert gc.get_threshold() == (YOUNG, *before[1:])
        assert gc.get_freeze_count() > 0

    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    gc.freeze()
