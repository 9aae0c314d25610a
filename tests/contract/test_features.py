"""Whatever the documentation's table of features claims is true, for each field and provider.

The table is read as users read it; for every row there is a test of the field's name, and for every
mark in the row a case of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelDescription,
    ModelInfo,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    list_models,
    plan_image,
    plan_video,
)
from tools import tables
from tools.tables import FEATURES

PAGE = Path(__file__).parents[2] / "docs" / "providers" / "index.md"
IMAGE, VIDEO, MASK = (f"https://example.com/{name}" for name in ("a.png", "b.mp4", "c.png"))
KINDS = {marked: kinds for kinds, marked in tables.KINDS.items()}
VALUES: dict[str, tuple[Any, ...]] = {
    "prompt": (None,),
    "aspect_ratio": ("1:1", "9:16", "16:9"),
    "resolution": ("480p", "540p", "720p", "1080p", "4k"),
    "size": ("1024x1024", "1536x1024", "1280x720", "1536x864", "1920x1080", "2048x2048"),
    "seed": (7,),
    "n": (2,),
    "number_of_videos": (2,),
    "negative_prompt": ("dogs",),
    "video": (VIDEO,),
}


def marks() -> Iterator[tuple[str, str, str]]:
    """Yield each claim of the table: field, provider, kind."""
    page = PAGE.read_text(encoding="utf-8").partition("<!-- generated: features -->")[2]
    head, _, *rows = [line for line in page.partition("<!-- end -->")[0].splitlines() if line]
    providers = re.findall(r"`([\w-]+)`", head)
    names = {feature.shown: name for name, feature in FEATURES.items()}
    for row in rows:
        shown, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        for provider, cell in zip(providers, cells, strict=True):
            for kind in KINDS[cell]:
                yield names[shown], provider, kind


MARKS = list(marks())


def wishes(field: str, model: ModelDescription) -> Iterator[dict[str, Any]]:
    """Yield what to ask for; one of them at least has to go out as it is."""
    roles = {"first_frame", "last_frame", "reference", "style_image"}
    if field in roles:
        # A last frame goes out beside a first one where a model knows both.
        role = field.removesuffix("_image")
        yield {"image_list": [{"image": IMAGE, "type": role}]}
        if role == "last_frame":
            first = {"image": "https://example.com/first.png", "type": "first_frame"}
            yield {"image_list": [first, {"image": IMAGE, "type": role}]}
        elif role == "style":
            # Some give a style to an image that is to be changed.
            changed = {"image": "https://example.com/first.png", "type": "reference"}
            yield {"image_list": [changed, {"image": IMAGE, "type": role}]}
    elif field == "mask_image":
        yield {"mask_image": MASK, "image_list": [{"image": IMAGE}]}
        yield {"mask_image": MASK}
    else:
        yield from ({} if value is None else {field: value} for value in values(field, model))


def values(field: str, model: ModelDescription) -> Iterator[Any]:
    """Yield values of a field that some model may take as they are."""
    span = model.duration_range
    ends = () if span is None else (span.low, span.high)
    of_model: dict[str, tuple[Any, ...]] = {
        "duration_seconds": (*model.durations, *(end for end in ends if end)),
        "quality": model.qualities,
        "style": model.styles,
    }
    yield from of_model.get(field) or VALUES.get(field) or (True, False)


def plan(model: ModelDescription, kind: str, asked: dict[str, Any]) -> Any:
    settings = {"provider": model.provider, "model": model.model, "strict": True}
    if kind == "video":
        return plan_video(
            VideoGenerationConfig.model_validate(settings),
            VideoGenerationRequest.model_validate(asked),
        )

    return plan_image(
        ImageGenerationConfig.model_validate(settings), ImageGenerationRequest.model_validate(asked)
    )


def needed(model: ModelDescription) -> dict[str, Any]:
    """Return the least that the model takes."""
    images = [
        {"image": f"https://example.com/needed-{number}.png", "type": image.role}
        for number, image in enumerate(model.images)
        if image.required
    ]
    asked: dict[str, Any] = {"prompt": "A lighthouse"}
    if images and images[0]["type"] != "asset":
        asked["image_list"] = images[:1]

    return {**asked, **({"video": VIDEO} if model.needs_video else {})}


def goes_out(field: str, kind: str, model: ModelDescription, wish: dict[str, Any]) -> bool:
    """Tell whether a model sends a wish as it was asked, beside the least that it needs."""
    least = needed(model)
    sent = planned(model, kind, least | wish)
    without = planned(model, kind, least) if field != "prompt" else None
    if sent is None:
        return False

    if sent == without:
        # Nothing to say to a model that always makes sound, and refuses to be silent.
        silent = planned(model, kind, least | {"generate_audio": False})
        return wish == {"generate_audio": True} and silent is None

    media = [wish.get("video"), wish.get("mask_image"), *_images(wish)]
    return all(url in str(sent) for url in media if url)


def planned(model: ModelDescription, kind: str, asked: dict[str, Any]) -> Any:
    """Return the payload of a request; None where the model can't take all of it."""
    try:
        return plan(model, kind, asked).payload
    except TarashException:
        return None


def _images(wish: dict[str, Any]) -> list[str]:
    return [image["image"] for image in wish.get("image_list", ())]


@cache
def models_of(provider: str) -> list[ModelInfo]:
    """Return a provider's models, the well-known ones first."""
    return sorted(list_models(provider), key=lambda one: not one.model.startswith(tables.SHOWN))


def contract(field: str) -> Any:
    """Return the test of a field: some model of each provider that claims it sends it."""
    claimed = [pytest.param(p, kind, id=f"{p}-{kind}") for f, p, kind in MARKS if f == field]

    @pytest.mark.parametrize(("provider", "kind"), claimed)
    def test(provider: str, kind: Any) -> None:
        tried = []
        for info in models_of(provider):
            if kind not in info.outputs:
                continue

            model = describe_model(provider, info.model, kind)
            if FEATURES[field].taken(model):
                tried.append(model.model)
                if any(goes_out(field, kind, model, wish) for wish in wishes(field, model)):
                    return

        pytest.fail(f"{field} is claimed, and goes out with none of {tried}")

    return test


# One test for each field of the table, of the same name.
for _field in FEATURES:
    globals()[f"test_{_field}"] = contract(_field)


def test_every_row_of_the_table_has_a_test() -> None:
    assert {field for field, _, _ in MARKS} == set(FEATURES)
    assert all(callable(globals()[f"test_{field}"]) for field in FEATURES)
