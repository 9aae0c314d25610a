"""The house: where a provider is named, and what the page on contributing says of the rooms."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway.catalog._lifecycle import LIFECYCLES
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.providers._shipped import FOLDERS
from tools.rooms import PAGE, filled

PACKAGE = Path(tarash.tarash_gateway.__file__).parent
# What may name a provider beside its own folder and its wire, and why.
ELSEWHERE = {
    "providers/_shipped.py": "the line that makes a folder one of ours",
    "cli/": "examples in help texts, and the models that a command takes by default",
    "testing/": "the simulator's side, which shares no code with the adapters",
    "_jobs/_catalogue.py": "the provider that `refresh_models` asks where none is given",
    "_data/_sendable.py": "the prefix that Google's own lists put before ids",
    "_support/_tracebacks.py": "the modules of vendors' SDKs, whose frames hold headers",
    "providers/_openai": "what OpenAI and Azure OpenAI share",
    "providers/azure_openai/__init__.py": "the extra that it shares with OpenAI",
}


def named_in(name: str) -> set[str]:
    """Return the files whose code, not its comments, holds a provider's name as a string."""
    quoted = re.compile(rf"""["']{re.escape(name)}["']""")
    own = f"providers/{name.replace('-', '_')}/"
    found = set()
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).as_posix()
        if not place.startswith((own, *ELSEWHERE)) and quoted.search(path.read_text("utf-8")):
            found.add(place)

    return found


def test_the_page_draws_the_rooms_as_the_contracts_have_them() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == filled(page), "run: python tools/rooms.py"


def test_every_folder_is_a_provider_and_has_a_row() -> None:
    rooms = PACKAGE / "providers"
    by_hand = {path.parent.name for path in rooms.glob("*/adapter.py")}
    declared = {path.parent.name for path in rooms.glob("*/provider.toml")}
    assert by_hand | declared == set(FOLDERS)
    assert not by_hand & declared
    places = [str(row.adapter) for row in shipped().values()]
    modules = {one.split(".")[-1 if "_folders:" in one else -2] for one in places}
    assert modules == by_hand | declared


def test_each_name_of_a_provider_leads_to_its_folder() -> None:
    rows = {folder: shipped()[folder.replace("_", "-")] for folder in FOLDERS}
    assert all(row.name.replace("-", "_") == folder for folder, row in rows.items())
    assert {name: shipped()[name] for name in shipped()} == {
        name: row for row in rows.values() for name in (row.name, *row.aliases)
    }


@pytest.mark.parametrize("name", sorted({row.name for row in shipped().values()}))
def test_a_provider_is_named_in_its_own_rooms(name: str) -> None:
    assert named_in(name) == set()


@pytest.mark.parametrize("name", sorted({row.name for row in shipped().values()}))
def test_a_provider_has_a_page(name: str) -> None:
    page = PAGE.parent / "providers" / f"{name}.md"
    assert page.is_file(), f"{page.name} is missing: write what users of {name} have to know"


LARGEST = {"adapter.py": 190, "errors.py": 60}


@pytest.mark.parametrize("file", LARGEST)
def test_the_files_of_a_provider_stay_small(file: str) -> None:
    over = {
        path.relative_to(PACKAGE / "providers").as_posix()
        for path in (PACKAGE / "providers").glob(f"*/{file}")
        if len(path.read_text(encoding="utf-8").splitlines()) > LARGEST[file]
    }
    assert not over


def test_what_4k_means_is_known_in_one_place() -> None:
    lines = re.compile(r"(?<![\dx])2160(?![\dx])")
    texts = {path.relative_to(PACKAGE): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    # The simulator shares nothing with what it tests.
    known = [place.as_posix() for place, text in texts.items() if lines.search(text)]
    assert [place for place in known if not place.startswith("testing/")] == [
        "_support/_resolutions.py"
    ]


def test_the_ends_of_models_stand_beside_them() -> None:
    dated = {row.name: row.models for row in shipped().values() if LIFECYCLES.get(row.name)}
    assert {"openai", "google", "runway"} <= dated.keys() <= {*LIFECYCLES}
    for name, models in dated.items():
        module = import_module(models) if isinstance(models, str) else models
        assert LIFECYCLES[name] == vars(module)["ENDS"]
