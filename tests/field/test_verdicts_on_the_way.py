"""What an answer says of the job itself, wherever it stands: verdicts, flags, money, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import ContentModerationError, TarashException
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._support._secrets import Key, Secrets
from tests.field.test_answers_on_the_way import (
    DONE,
    VIDEO_PLACE,
    Answers,
    Queue,
    image,
    said,
    video,
)
from tests.media.raw import Asked

REFUSED = "The prompt violates our usage guidelines. Support codes: 17301594"


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden"])
@pytest.mark.parametrize("model", ["veo-3.1-generate-preview", "gemini-omni-1.1-flash"])
@pytest.mark.filterwarnings("ignore:.*shut down")
def test_googles_refusal_with_an_error_status_is_the_jobs_verdict(model: str, status: str) -> None:
    looks = []

    def answers(asked: Asked, _number: int) -> bytes:
        if asked.method == "POST":
            return said({"name": f"models/{model}/operations/o1", "id": "i1"})

        looks.append(asked.target)
        return said({"error": {"code": int(status[:3]), "message": REFUSED}}, status)

    with pytest.raises(ContentModerationError, match="17301594"):
        video(answers, "google", model)

    assert len(looks) == 1


def test_an_empty_list_in_the_place_of_an_output_is_waited_out() -> None:
    made = Queue([said(DONE)], [said([]), said(None), said({"video": VIDEO_PLACE})])
    assert video(made, "fal", "fal-ai/veo3.1").video == VIDEO_PLACE["url"]


def images_with(**facts: Any) -> Answers:
    data = [{"url": f"https://example.com/{name}.png"} for name in "ab"]
    return lambda _asked, _number: said({"created": 1, "data": data, **facts})


@pytest.mark.parametrize("name", ["has_nsfw_concepts", "nsfw_content_detected"])
def test_a_flag_beside_the_images_of_a_compatible_server_is_seen(name: str) -> None:
    made = image(images_with(**{name: [True, False]}), "openai", "z-image-turbo")
    assert made.images == ("https://example.com/b.png",)
    assert made.provider_metadata["filtered"] == {"count": 1, "reasons": [name]}
    with pytest.raises(ContentModerationError, match=name):
        image(images_with(**{name: [True, True]}), "openai", "z-image-turbo")


@pytest.mark.parametrize("flags", [[True, False, False], [False]])
def test_flags_that_are_not_one_for_each_cost_no_image(flags: list[bool]) -> None:
    made = image(images_with(has_nsfw_concepts=flags), "openai", "z-image-turbo")
    assert len(made.images) == 2
    assert ("filtered" in made.provider_metadata) is any(flags)


@pytest.mark.parametrize(("ticks", "billing"), [(2_000_000_000, "certain"), (0, "none")])
def test_a_refused_image_costs_what_its_answer_says(ticks: int, billing: str) -> None:
    kept_back = {"data": [{"respect_moderation": False}], "usage": {"cost_in_usd_ticks": ticks}}
    with pytest.raises(TarashException) as caught:
        image(lambda _asked, _number: said(kept_back), "xai", "grok-imagine-image")

    assert caught.value.execution_metadata is not None
    (attempt,) = caught.value.execution_metadata.attempts
    assert attempt.billing == billing


def test_every_setting_that_is_not_known_to_be_harmless_is_masked() -> None:
    settings = {"their_own_name": "a-hidden-value", "base_model": "gpt-image-2"}
    secrets = Credentials("azure-openai", "https://x", Key("key-of-a-test"), settings=settings)
    shown = secrets.secrets.text("a-hidden-value, gpt-image-2 and key-of-a-test")
    assert "hidden" not in shown
    assert "key-of" not in shown
    assert "gpt-image-2" in shown


def test_secrets_of_two_places_are_masked_together() -> None:
    both = Secrets(["first-secret"]).and_of(Secrets(["second-secret-and-longer", "second-secret"]))
    shown = both.text("first-secret second-secret-and-longer")
    assert "secret" not in shown
    assert "longer" not in shown
