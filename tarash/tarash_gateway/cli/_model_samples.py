"""A sample request for a model, and tests that plan and run it. Writes files; runs nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from pprint import pformat
from typing import Any

from .._data._types import Kind
from ..catalog import document_of, lookup
from ..models import GenerationPlan, ModelDescription

PROMPT = "A lighthouse at dusk, waves against the rocks"
IMAGE = "https://storage.googleapis.com/falserverless/example_inputs/veo31_i2v_input.jpg"
VIDEO = "https://storage.googleapis.com/falserverless/model_tests/gallery/veo3-1-i2v.mp4"
VALUES: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}

UNIT_TEST = '''"""What {model} is sent; needs no key and no network.

The schema beside it is the model's as it was on the day this was written.
"""

import json
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    {config},
    {request},
    add_model,
    {plan},
)

SCHEMA = Path(__file__).with_name({schema!r})
CONFIG = {config}(provider={provider!r}, model={model!r})
REQUEST = {request}(
{fields}
)
PAYLOAD = {payload}


@pytest.fixture
def known(tmp_path, monkeypatch):
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path))
    document = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return add_model(CONFIG.provider, CONFIG.model, schema=document)


def test_the_plan_is_as_expected(known):
    plan = {plan}(CONFIG, REQUEST)
    assert plan.payload == PAYLOAD
    assert plan.adjustments == ()
'''
LIVE_TEST = '''"""{model} for real: it costs money, so it runs only where TARASH_LIVE is set."""

import os

import pytest

from tarash.tarash_gateway import {generate}
from {unit} import CONFIG, REQUEST, known  # noqa: F401


@pytest.mark.skipif(not os.environ.get("TARASH_LIVE"), reason="TARASH_LIVE is not set")
@pytest.mark.usefixtures("known")
def test_it_makes_{kind}s():
    assert {generate}(CONFIG, REQUEST).status == "completed"
'''


def sample_fields(described: ModelDescription) -> dict[str, Any]:
    """Return the fields of a small request that the model can take as it is.

    Args:
        described: The model.
    """
    fields: dict[str, Any] = {"prompt": PROMPT}
    images = [
        {"image": f"{IMAGE}?{image.role}={number}", "type": image.role}
        for image in described.images
        if image.required
        for number in range(image.least)
    ]
    if images:
        fields["image_list"] = images
    if described.needs_video and described.kind == "video":
        fields["video"] = VIDEO
    if described.needs_mask and described.kind == "image":
        fields["mask_image"] = IMAGE
    if described.durations:
        fields["duration_seconds"] = described.durations[0]

    ratios = [ratio for ratio in described.aspect_ratios if re.fullmatch(r"\d+:\d+", ratio)]
    if ratios:
        fields["aspect_ratio"] = ratios[0]

    extra = {
        parameter.name: _value(parameter)
        for parameter in described.parameters
        if _needs(described, parameter)
    }
    return {**fields, "extra_params": extra} if extra else fields


def _needs(described: ModelDescription, parameter: Any) -> bool:
    return parameter.name in described.needs_extra


def _value(parameter: Any) -> Any:
    if parameter.allowed:
        return parameter.allowed[0]

    return VALUES.get(parameter.type.partition("|")[0], IMAGE)


def write_tests(
    folder: Path, described: ModelDescription, fields: dict[str, Any], plan: GenerationPlan
) -> tuple[Path, Path]:
    """Write a unit test (plans) and an opt-in live test; return both files.

    Args:
        folder: Where; made if it isn't there.
        described: The model.
        fields: The sample request's.
        plan: What would be sent for it.
    """
    kind: Kind = described.kind
    stem = re.sub(r"\W+", "_", f"{described.provider}_{described.model}").strip("_").lower()
    name = kind.capitalize()
    words = {
        "provider": described.provider,
        "model": described.model,
        "kind": kind,
        "config": f"{name}GenerationConfig",
        "request": f"{name}GenerationRequest",
        "plan": f"plan_{kind}",
        "generate": f"generate_{kind}",
        "unit": f"test_{stem}",
        "schema": f"{stem}.openapi.json",
        "payload": pformat(plan.payload, width=95, sort_dicts=False),
        "fields": "\n".join(f"    {field}={value!r}," for field, value in fields.items()),
    }
    folder.mkdir(parents=True, exist_ok=True)
    spec = lookup(described.provider, described.model, kind)
    document = document_of(described.model, spec.schema or {}, spec.outputs)
    text = json.dumps(document, indent=1)
    (folder / f"{stem}.openapi.json").write_text(text, encoding="utf-8")
    unit, live = folder / f"test_{stem}.py", folder / f"test_{stem}_live.py"
    unit.write_text(UNIT_TEST.format(**words), encoding="utf-8")
    live.write_text(LIVE_TEST.format(**words), encoding="utf-8")
    return unit, live
