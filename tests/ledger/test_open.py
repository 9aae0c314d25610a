"""How a ledger is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    resume,
    resume_all,
    spend,
)
from tarash.tarash_gateway.exceptions import ValidationError
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger, open_ledger

CANARY = "canary-9b1d"


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_lease_is_a_positive_number(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ValidationError, match="lease_seconds"):
        SqliteLedger(tmp_path / "jobs.db", lease_seconds=seconds)


def test_a_url_names_a_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative = open_ledger("sqlite:///jobs.db")
    assert isinstance(relative, SqliteLedger)
    assert relative.path == tmp_path / "jobs.db"
    assert open_ledger(f"sqlite:///{tmp_path}/jobs.db") is relative
    assert open_ledger("sqlite:///others.db") is not relative
    assert isinstance(open_ledger("memory:"), MemoryLedger)
    assert open_ledger("memory:") is open_ledger("memory:")
    assert list(tmp_path.iterdir()) == []


def test_a_path_names_a_ledger(tmp_path: Path) -> None:
    found = open_ledger(tmp_path / "what?.db")
    assert isinstance(found, SqliteLedger)
    assert found.path == tmp_path / "what?.db"
    assert open_ledger(tmp_path / "what?.db") is found


@pytest.mark.parametrize("place", ["a path", "an object"])
async def test_calls_take_a_path_and_refuse_what_is_no_ledger(tmp_path: Path, place: str) -> None:
    config = ImageGenerationConfig(provider="fal", model="m", mock=MockConfig(enabled=True))
    request = ImageGenerationRequest(prompt="x")
    if place == "a path":
        path = tmp_path / "jobs.db"
        async with Gateway(ledger=path) as gateway:
            await gateway.generate_image_async(config, request)
            await gateway.generate_image_async(config, request, ledger=path)

        assert len(await open_ledger(path).jobs()) == 2
    else:
        wrong: Any = {"jobs": 1}
        with pytest.raises(ValidationError, match=r"not as a dict: use sqlite:///jobs\.db"):
            await Gateway().generate_image_async(config, request, ledger=wrong)


@pytest.mark.parametrize(
    "url",
    [
        "", "jobs.db", "sqlite:jobs.db", "sqlite://jobs.db", "sqlite:///", "sqlite:///folder/",
        "sqlite:///:memory:", "sqlite:///jobs.db?mode=ro", "memory",
        f"mysql://user:{CANARY}@host/jobs",
    ],
)  # fmt: skip
def test_what_names_no_ledger_is_refused_with_examples(url: str) -> None:
    with pytest.raises(ValidationError, match=re.escape("sqlite:///jobs.db")) as caught:
        open_ledger(url)

    assert CANARY not in str(caught.value)


def test_no_file_is_made_by_looking(tmp_path: Path) -> None:
    """A mistyped path was a new, empty ledger from then on, with nothing unfinished in it."""
    path = tmp_path / "folder" / "jobs.db"
    with pytest.warns(
        UserWarning, match="there is no ledger at .*jobs.db.*check the path"
    ) as caught:
        assert resume_all(path) == []

    assert {one.filename for one in caught} == {__file__}
    with pytest.raises(ValidationError, match="knows no job"):
        resume("fal-1", path)

    assert spend(path) == []
    gateway = Gateway(ledger=path)
    assert gateway.list_jobs() == []
    gateway.close()
    assert list(tmp_path.iterdir()) == []
