"""An adapter's class attribute that nobody reads is probably misspelt, and is said to be."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any, ClassVar

import pytest

from tarash.tarash_gateway.providers import RestAdapter


def warned(**attributes: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        type("AcmeAdapter", (RestAdapter,), attributes)

    return [str(one.message) for one in caught]


async def cancell(self: Any, client: Any, operation: Any) -> str:
    del self, client, operation
    return "cancelled"


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("id_path", "clip_id", "job_id"),
        ("jobid", "clip_id", "job_id"),
        ("job_paths", "v1/{id}", "job_path"),
        ("state", "state", "status"),
        ("statusses", {}, "statuses"),
        ("status_words", {}, "status"),
        ("key_variable_names", (), "key_variables"),
        ("mediums", {}, "media"),
        ("repeat", ("id",), "repeats"),
        ("cancell", cancell, "cancel"),
    ],
)
def test_a_misspelt_name_is_said_with_what_is_meant(name: str, value: Any, meant: str) -> None:
    (said,) = warned(**{name: value})
    assert f"AcmeAdapter.{name} has no effect" in said
    assert meant in said.partition("did you mean ")[2].rstrip("?").split(" or ")


def test_data_that_a_method_reads_are_in_order() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Base(RestAdapter):
            id_path: ClassVar[str] = "id"
            status_words: ClassVar[dict[str, str]] = {}
            _job_paths = "private"

            def id_in(self, answer: Any) -> str:
                return str([answer.body[one] for one in (self.id_path,)])

            @property
            def trusted_hosts(self) -> tuple[str, ...]:
                return tuple(self.status_words)

        class Child(Base):
            id_path: ClassVar[str] = "clip"
            own_table: ClassVar[dict[str, str]] = {}  # read by another module

            def find_all(self) -> None:
                """A helper that resembles nothing of ours."""

    assert Child.id_path == "clip"


def test_a_filter_that_raises_warnings_loses_no_adapter() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = type("AcmeAdapter", (RestAdapter,), {"id_path": "clip_id"})

    assert vars(made)["id_path"] == "clip_id"


def test_no_adapter_that_ships_is_warned_about() -> None:
    script = (
        "from tarash.tarash_gateway.providers._shipped import FOLDERS\n"
        "from tarash.tarash_gateway.providers import Registry\n"
        "from tarash.tarash_gateway import list_providers\n"
        "from tarash.tarash_gateway.providers._registry import default_registry\n"
        "for one in FOLDERS: default_registry.adapter(one.replace('_', '-'), need_extra=False)\n"
    )
    command = [sys.executable, "-W", "always", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "has no effect" not in done.stderr
