"""Links between pages lead somewhere, and the reference leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tarash.tarash_gateway as gateway
from tarash.tarash_gateway import observability, policies, providers, testing, webhooks
from tarash.tarash_gateway.providers import field_mappers

ROOT = Path(__file__).parents[2]
PACKAGE = Path(gateway.__file__).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
BUILT_ELSEWHERE = ("CHANGELOG.md", "LICENSE")
"""Files of the repository that an installed copy of the tests has not."""


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in a URL."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#{1,3} (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target, anchor in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        place = (page.parent / target).resolve() if target else page
        known = place.exists() or target.endswith(BUILT_ELSEWHERE)
        if not known or (anchor and anchor not in anchors(place)):
            lost.append(f"{target}#{anchor}")

    assert lost == []


def test_the_guide_on_logging_names_every_event() -> None:
    page = (ROOT / "docs" / "guides" / "logging.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", page, re.MULTILINE))
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py")))
    logged = re.findall(r"""(?:\(\s*|return )logging\.(\w+),\s*"(\w+)\"""", code)
    assert told.keys() == {name for _, name in logged}
    assert [(name, level) for level, name in logged if level not in told[name]] == []


def test_the_reference_names_everything_that_is_public() -> None:
    pages = "\n".join(
        page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "api").glob("*.md"))
    )
    documented = set(re.findall(r"^\.\. auto\w+:: (\w+)$", pages, re.MULTILINE))
    public = {*gateway.__all__, "TimeoutError", *testing.__all__, *field_mappers.__all__}
    public |= {*policies.__all__, *providers.__all__, *webhooks.__all__, *observability.__all__}
    assert public - documented == {"__version__", "Scheme", "Step"}
    assert documented <= public | {"MemoryLedger", "SqliteLedger", "open_ledger"}
