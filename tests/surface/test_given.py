"""What type checkers are told that a model takes is what it takes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._data import _types


def told(model: type) -> set[str]:
    """Return the keywords of the signature that stands under TYPE_CHECKING."""
    folder = Path(_types.__file__).parent
    files = [folder / f"{name}.py" for name in ("_configs", "_requests")]
    nodes = [node for file in files for node in ast.parse(file.read_text(encoding="utf-8")).body]
    (found,) = [one for one in nodes if getattr(one, "name", "") == model.__name__]
    (signature,) = [one for one in ast.walk(found) if isinstance(one, ast.FunctionDef)]
    return {argument.arg for argument in signature.args.kwonlyargs}


@pytest.mark.parametrize("model", [VideoGenerationRequest, ImageGenerationRequest])
def test_the_signature_of_a_request_has_its_fields(
    model: type[VideoGenerationRequest | ImageGenerationRequest],
) -> None:
    assert told(model) == set(model.model_fields)


@pytest.mark.parametrize("model", [VideoGenerationConfig, ImageGenerationConfig])
def test_the_signature_of_a_config_has_its_settings(
    model: type[VideoGenerationConfig | ImageGenerationConfig],
) -> None:
    assert told(model) | set(_types.GivenSettings.__annotations__) == set(model.model_fields)


def test_every_documented_form_is_taken() -> None:
    from tests.surface import documented_forms as forms

    assert forms.CONFIGS[0].api_key == "any-key"
    assert forms.REQUESTS[-1].extra_params == {"guidance_scale": 3.5}
    assert len(forms.REQUESTS[0].image_list) == 3
