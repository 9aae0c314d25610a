"""What is public can be read by frameworks: each annotation means something at run time."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model, validate_call

import tarash.tarash_gateway as package
from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    server,
)
from tarash.tarash_gateway.policies import PolicyCall

ROOT = Path(__file__).parents[2]
NAMED = re.compile(
    r"^(?:\.\. (?:currentmodule|automodule):: |from )(tarash\.tarash_gateway[a-z_.]*)", re.MULTILINE
)


def documented() -> list[str]:
    """Return the modules that the pages and the examples name."""
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.py")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    return sorted({name for name in NAMED.findall(text) if "._" not in name})


def _public() -> Iterator[tuple[str, Any]]:
    for home in documented():
        module = import_module(home)
        for name in module.__all__:
            value = getattr(module, name)
            where = f"{home.removeprefix(package.__name__)}.{name}".lstrip(".")
            if inspect.isclass(value):
                yield where, value
                yield from _methods(value, where)
            elif inspect.isfunction(value):
                yield where, value


def _methods(public: type[Any], where: str) -> Iterator[tuple[str, Any]]:
    for method, value in inspect.getmembers_static(public):
        function = value.fget if isinstance(value, property) else getattr(public, method)
        is_ours = str(getattr(function, "__module__", "")).startswith(package.__name__)
        is_handle = method == "__init__" and where.endswith("Job")  # users make none
        is_public = method[0] != "_" or method == "__init__"
        if callable(function) and is_ours and not is_handle and is_public:
            yield f"{where}.{method}", function


PUBLIC = dict(_public())


def test_what_stands_outside_the_package_itself_is_found() -> None:
    assert {
        "ledger.open_ledger",
        "ledger.PostgresLedger.seek_slots",
        "mcp.create_mcp_server",
        "mcp.mount_mcp",
        "observability.OpenTelemetryObserver.__init__",
        "policies.Policy.observe",
        "providers.RestAdapter.build",
        "server.create_app",
        "testing.Simulator.base_url",
        "webhooks.WebhookInbox.__init__",
    } <= set(PUBLIC)


def test_the_annotations_of_what_is_public_can_be_read() -> None:
    unread = {}
    for name, public in PUBLIC.items():
        try:
            typing.get_type_hints(public, include_extras=True)
        except NameError as error:
            unread[name] = str(error)

    assert not unread


def test_readers_of_annotations_get_the_class_of_an_extra_or_a_reference_to_it() -> None:
    hints = typing.get_type_hints(server.create_app)
    assert "FastAPI" in str(hints["return"])
    assert hints["gateway"] == Gateway | None


@pytest.mark.parametrize("public", [package.Budget, package.Limits, package.Breaker])
def test_what_is_no_model_can_be_part_of_one(public: type[Any]) -> None:
    order = create_model("Order", part=(public, ...))
    assert order.model_json_schema()["properties"]["part"]


def test_a_class_reads_as_before() -> None:
    assert typing.get_type_hints(PolicyCall)["attempt_number"] is int
    hints = typing.get_type_hints(package.AttemptMetadata)
    assert hints["attempt_number"] is int


def test_our_functions_can_be_validated_and_wrapped() -> None:
    checked = validate_call(package.plan_video)
    plan = checked(
        VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=MockConfig(enabled=True)),
        VideoGenerationRequest(prompt="A cat"),
    )
    assert plan.provider == "fal"
