"""What is public can be read by frameworks: each annotation means something at run time."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import create_model, validate_call

import tarash.tarash_gateway as package
from tarash.tarash_gateway import MockConfig, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.policies import PolicyCall


def _public() -> Iterator[tuple[str, Any]]:
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isclass(value):
            yield name, value
            for method, function in inspect.getmembers(value, inspect.isroutine):
                is_ours = str(getattr(function, "__module__", "")).startswith(package.__name__)
                is_handle = method == "__init__" and name.endswith("Job")  # users make none
                if is_ours and not is_handle and (method[0] != "_" or method == "__init__"):
                    yield f"{name}.{method}", function
        elif inspect.isfunction(value):
            yield name, value


PUBLIC = dict(_public())


@pytest.mark.parametrize("name", PUBLIC)
def test_the_annotations_of_what_is_public_can_be_read(name: str) -> None:
    typing.get_type_hints(PUBLIC[name], include_extras=True)


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
