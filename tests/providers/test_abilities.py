"""What an adapter can do beside its duties is declared; nothing asks whether a method is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tarash.tarash_gateway as package
from tarash.tarash_gateway import ValidationError
from tarash.tarash_gateway.providers import RestAdapter
from tarash.tarash_gateway.providers._contract import ABILITIES
from tarash.tarash_gateway.providers._provider import Provider
from tarash.tarash_gateway.providers._registry import Registry, default_registry
from tarash.tarash_gateway.providers._shipped import FOLDERS

if TYPE_CHECKING:
    from tarash.tarash_gateway.providers._contract import Ability

PROBES = re.compile(r"(?:getattr|hasattr)\(\s*[\w.]*adapter\b")


class Quiet(RestAdapter):
    """Has an upload, and doesn't say so."""

    name = "quiet"
    base_url = "https://api.quiet.example"

    async def upload(self, client: Any, media: Any) -> str:
        del client, media
        return ""


class Boastful(RestAdapter):
    """Says that it has a stream, and has none."""

    name = "boastful"
    base_url = "https://api.boastful.example"
    abilities: frozenset[Ability] = frozenset({"stream", "verify_credentials"})


@pytest.mark.parametrize("name", FOLDERS)
def test_a_built_in_adapter_declares_what_it_has(name: str) -> None:
    adapter = default_registry.adapter(name.replace("_", "-"), need_extra=False)
    assert adapter.abilities == {one for one in ABILITIES if hasattr(adapter, one)}


@pytest.mark.parametrize(("made", "named"), [(Quiet, "upload"), (Boastful, "stream")])
def test_an_adapter_that_declares_something_else_is_refused(
    made: type[RestAdapter], named: str
) -> None:
    with pytest.raises(ValidationError, match=rf"abilities.*{named}"):
        Registry().register_provider(made.name, made())

    row = Provider(name=made.name, title="X", adapter=made(), keys=())
    with pytest.raises(ValidationError, match=rf"abilities.*{named}"):
        row.load()


def test_no_code_asks_an_adapter_for_a_method() -> None:
    root = Path(package.__path__[0])
    probing = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if PROBES.search(path.read_text(encoding="utf-8"))
    ]
    assert probing == ["providers/_handler_checks.py"]
