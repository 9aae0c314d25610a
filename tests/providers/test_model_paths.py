"""A model's id in a path is a part of that path: it leads nowhere else, and adds no query."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tarash.tarash_gateway import Gateway, ValidationError, list_providers
from tarash.tarash_gateway._http._urls import segment, segments
from tarash.tarash_gateway.models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.providers._declared._account import DeclaredAccount
from tarash.tarash_gateway.providers._shipped import FOLDERS

BASE = "https://provider.example.com"
IMAGE = "https://example.com/image.png"
GATEWAY = Gateway()
OWN_NAMES: dict[str, Any] = {
    "fal": ("fal-ai/acme/made", "fal-ai/acme/made"),
    "replicate": ("acme/made", "acme/made"),
    "stability": (None, "edit/made"),
    "google": ("veo-made", "imagen-made"),
}
"""Ids of the form that a provider has, for videos and images; nobody knows them."""
IN_THE_PATH = {
    "azure-openai", "bfl", "fal", "google", "ideogram", "kling", "recraft", "replicate",
    "stability", "wavespeed",
}  # fmt: skip
SETTINGS = {"azure-openai": {"api_version": "2025-04-01-preview"}}
"""Others have the model in the body."""
LEADING = ["/..", "/../../keys", "/%2e%2e/keys", "/%252E%252e/x", "/./x", "//x", "\\..\\x"]
QUOTED = ["?delete=1", "#part", "%3Fa=b", " spaced", "?a=b&c=d#e", "é"]


def endpoint(provider: str, kind: str, model: str) -> str:
    facts: dict[str, Any] = {"provider": provider, "model": model, "api_key": "key"}
    facts |= {"base_url": BASE, **SETTINGS.get(provider, {})}
    if kind == "video":
        request = VideoGenerationRequest(prompt="a tin toy")
        return GATEWAY.plan_video(VideoGenerationConfig(**facts), request).endpoint

    pictures: Any = [{"image": IMAGE, "type": "reference"}] if "edit/" in model else []
    images = ImageGenerationRequest(prompt="a tin toy", image_list=pictures)
    return GATEWAY.plan_image(ImageGenerationConfig(**facts), images).endpoint


def ways() -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for row in list_providers():
        if row.name.replace("-", "_") not in {*FOLDERS} - {"comfyui"}:  # its models are files
            continue

        names = OWN_NAMES.get(row.name, ("made-9", "made-9"))
        found += [
            (row.name, kind, names[kind == "image"])
            for kind in row.modalities
            if names[kind == "image"] is not None
        ]

    return found


WAYS = ways()


def is_in_path(provider: str, kind: str, model: str) -> bool:
    try:
        return model.rpartition("/")[2] in endpoint(provider, kind, model)
    except ValidationError:  # it takes no ids but its own
        return False


def test_the_providers_are_known_that_have_the_model_in_the_path() -> None:
    found = {provider for provider, kind, model in WAYS if is_in_path(provider, kind, model)}

    assert found == IN_THE_PATH


@pytest.mark.parametrize(("provider", "kind", "model"), WAYS)
def test_no_model_leads_elsewhere(provider: str, kind: str, model: str) -> None:
    if not is_in_path(provider, kind, model):
        return

    plain = urlsplit(endpoint(provider, kind, model))
    for addition in LEADING:
        with pytest.raises(ValidationError) as caught:
            endpoint(provider, kind, f"{model}{addition}")

        assert repr(f"{model}{addition}") in str(caught.value)
        assert caught.value.submission in (None, "not_sent")

    for addition in QUOTED:
        if provider == "replicate" and not addition.isalpha():  # there are no such ids
            with pytest.raises(ValidationError, match="no model of Replicate"):
                endpoint(provider, kind, f"{model}{addition}")

            continue

        made = urlsplit(endpoint(provider, kind, f"{model}{addition}"))
        assert (made.query, made.fragment) == (plain.query, plain.fragment)
        assert made.path.count("/") == plain.path.count("/")
        assert f"{model}{addition}" in unquote(made.path)


@pytest.mark.parametrize(
    "name",
    [
        "fal-ai/veo3.1/fast",
        "owner/name:ab12",
        "acme@1/model_2",
        "a-b.c~d",
        "/fal-ai/x",
        "fal-ai/x/",
    ],
)
def test_a_usual_id_stays_as_it_is(name: str) -> None:
    assert segments(name) == name


@pytest.mark.parametrize("name", ["", "a\nb", "a\x7f", "a%0Ab", "a//b", "/"])
def test_no_id_is_made_of_what_no_address_holds(name: str) -> None:
    with pytest.raises(ValidationError, match="part of an address"):
        segments(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "..\\a", "%2e%2e", "a//b"])
def test_no_name_leads_elsewhere(name: str) -> None:
    with pytest.raises(ValidationError, match="part of an address"):
        segment(name)


def test_a_name_may_have_anything_else() -> None:
    assert segment("ab/c=?#") == "ab%2Fc%3D%3F%23"


def test_what_is_declared_of_a_path_and_of_its_query_is_quoted_apart() -> None:
    values = {"model": "a/b", "id": "c/d"}

    assert DeclaredAccount.path_of("{model}/{id}?m={model}", values) == "a/b/c%2Fd?m=a%2Fb"
