"""Every public model does what models do: a JSON schema, pickling, copying and a round trip."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pydantic
import pytest
from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel

import tarash.tarash_gateway as package
from tarash.tarash_gateway import (
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    models,
)

MODELS: list[type[BaseModel]] = [
    found
    for name in sorted({*package.__all__, *models.__all__})
    if isinstance(found := getattr(package, name, None) or getattr(models, name), type)
    and issubclass(found, BaseModel)
]
BYTES = b"\xff\xfb\x00media\xfe"
VIDEO = VideoGenerationResponse(
    request_id="a",
    status="completed",
    raw_response={"a": [1, None]},
    video={"content": BYTES, "content_type": "video/mp4"},
)
FULL: list[BaseModel] = [
    VIDEO,
    ImageGenerationResponse(
        request_id="a", status="completed", raw_response=None, images=["http://a/b.png"]
    ),
    VideoGenerationRequest.model_validate(
        {
            "prompt": "x",
            "image_list": [BYTES, {"image": "http://a/b.png", "type": "first_frame"}],
            "video": BYTES,
            "seed": 2**64 - 1,
            "extra_params": {"camera": {"zoom": 1.5}},
        }
    ),
    ImageGenerationRequest.model_validate({"prompt": "x", "mask_image": BYTES, "n": 2}),
    VideoGenerationRequest(prompt="x", continue_from={"provider": "luma", "id": "1"}),
    models.Continuation(provider="kling", id="1", ids={"video_id": "2"}, host="h:1"),
    VideoGenerationConfig.model_validate(
        {
            "provider": "fal",
            "model": "m",
            "save_to": Path("clips/{index}.mp4"),
            "provider_config": {"min_poll_interval": 3},
            "fallback_configs": [{"provider": "runway", "model": "m"}],
            "mock": MockConfig(
                enabled=True,
                responses=[
                    MockResponse(mock_response=VIDEO),
                    MockResponse(output_video={"content": BYTES, "content_type": "video/mp4"}),
                ],
                polling=MockPollingConfig(progress_percentages=[0, 50, 100]),
            ),
        }
    ),
    ImageGenerationConfig(provider="fal", model="m", timeout=55),
]
MADE: dict[Any, Any] = {
    AwareDatetime: datetime(2026, 1, 2, tzinfo=UTC),
    date: date(2026, 1, 2),
    Decimal: Decimal("1.20"),
    dict[str, str]: {"a": "b"},
}


def smallest(model: type[BaseModel]) -> BaseModel:
    """Make a model of nothing but what it must have."""
    fields = model.model_fields.items()
    return model(**{name: _value(field) for name, field in fields if field.is_required()})


def _value(field: Any) -> Any:
    kind = field.annotation
    if get_origin(kind) is Literal:
        return get_args(kind)[0]

    if isinstance(kind, type) and issubclass(kind, bool):
        return True

    if type(None) in get_args(kind):
        return None

    if kind in MADE:
        return MADE[kind]

    return {str: "16:9", int: 1, float: 1.0, Any: {"a": 1}}.get(kind, _listed(kind))


def _listed(kind: Any) -> Any:
    if get_origin(kind) in {tuple, list} or "Sequence" in str(kind):
        return ()

    return "http://a/b"


def each() -> Iterator[Any]:
    for model in MODELS:
        yield pytest.param(smallest(model), id=model.__name__)

    for one in FULL:
        yield pytest.param(one, id=f"{type(one).__name__} in full")


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_it_has_a_json_schema(
    model: type[BaseModel], mode: Literal["validation", "serialization"]
) -> None:
    schema = model.model_json_schema(mode=mode)
    names = {*model.model_fields} - {
        name for name, field in model.model_fields.items() if field.exclude
    }
    schema = schema.get("$defs", {}).get(
        model.__name__, schema
    )  # as those are that hold their like
    assert names - {"api_key"} <= {*schema["properties"]}
    assert mode == "validation" or "api_key" not in schema["properties"]


@pytest.mark.parametrize("value", [*each()])
def test_it_pickles_copies_and_comes_back_from_json(value: BaseModel) -> None:
    kind = type(value)
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.copy(value) == copy.deepcopy(value) == value.model_copy(deep=True) == value
    assert kind.model_validate(value.model_dump()) == value
    assert kind.model_validate(value.model_dump(mode="json")) == value
    assert kind.model_validate_json(value.model_dump_json()) == value


def test_a_service_with_every_model_in_its_routes_has_a_schema() -> None:
    app = FastAPI()
    for model in MODELS:

        def route(body: Any) -> Any:
            return body

        route.__annotations__ = {"body": model, "return": model}
        app.post(f"/{model.__name__}")(route)

    schemas = app.openapi()["components"]["schemas"]
    assert all(any(model.__name__ in name for name in schemas) for model in MODELS)


def test_an_error_of_a_mock_stays_out_of_json_and_survives_pickling() -> None:
    outcome = MockResponse(error=HTTPError("no", status_code=500))
    assert "error" not in outcome.model_dump_json()
    again = pickle.loads(pickle.dumps(outcome))
    assert isinstance(again.error, HTTPError)
    assert again.error.status_code == 500
    with pytest.raises(pydantic.ValidationError):
        MockResponse.model_validate({"error": "a text"})
