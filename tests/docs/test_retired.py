"""Examples and pages advise no model that is gone, or has a day when it will be."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tarash.tarash_gateway.catalog._check import check_files

ROOT = Path(__file__).parents[2]
# Pages that tell which models are gone, or which of them a server of one's own may still have.
TELL_OF_THEM = {
    "docs/models.md",
    "docs/providers/azure-openai.md",
    "docs/providers/fal-models.md",
    "docs/providers/google.md",
    "docs/providers/openai.md",
    "docs/providers/prices.md",
    "docs/providers/runway.md",
    "docs/providers/stability.md",
    "docs/providers/together.md",
    "docs/providers/xai.md",
}
NAMED_ON_PURPOSE = {("docs/guides/migrating.md", "sora-2")}


@pytest.mark.parametrize("place", ["README.md", "docs", "examples"])
def test_no_model_is_advised_whose_end_is_known(place: str) -> None:
    # By the last of all days, so that what has an end is found before it comes.
    found = {
        (Path(one.path).relative_to(ROOT).as_posix(), one.model)
        for one in check_files(ROOT / place, date.max)
        if not Path(one.path).is_relative_to(ROOT / "docs" / "_build")  # where the site is made
    }
    assert {one for one in found if one[0] not in TELL_OF_THEM} <= NAMED_ON_PURPOSE


def test_pages_that_are_exempt_need_it() -> None:
    for page in [*TELL_OF_THEM, *(page for page, _ in NAMED_ON_PURPOSE)]:
        assert [*check_files(ROOT / page, date.max)], page
