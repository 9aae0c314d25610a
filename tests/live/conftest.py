"""Says what the live tests will buy before the first of them does."""

from __future__ import annotations

import pytest

from .cheapest import CHEAPEST, with_key


@pytest.fixture(scope="session", autouse=True)
def _spending_note(request: pytest.FixtureRequest) -> None:
    lines = [
        f"  {one.provider}: one image with {one.chosen_model}, {one.costs}"
        for one in CHEAPEST
        if with_key(one.provider)
    ]
    note = "\n".join(["", "THIS COSTS MONEY. Each of these is bought once:", *lines, ""])
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(note if lines else "\nNo provider's key is set: nothing is bought.")  # noqa: T201
