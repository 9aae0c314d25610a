"""What calls would cost, against amounts worked out by hand from vendors' price tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    Quote,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
    quote_image,
    quote_image_async,
    quote_video,
    quote_video_async,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # retired models have prices, too
DATA_URI = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/"
    "iZk9HQAAAABJRU5ErkJggg=="
)


def video(provider: str, model: str, **wishes: Any) -> Quote:
    """Return what a video costs."""
    return quote_video(
        VideoGenerationConfig(provider=provider, model=model),
        VideoGenerationRequest(prompt="A tram in the rain", **wishes),
    )


def image(provider: str, model: str, **wishes: Any) -> Quote:
    """Return what images cost."""
    return quote_image(
        ImageGenerationConfig(provider=provider, model=model),
        ImageGenerationRequest(prompt="A tram in the rain", **wishes),
    )


@pytest.mark.parametrize(
    ("provider", "model", "wishes", "dollars"),
    [
        (
            "google",
            "veo-3.1-generate-preview",
            {"duration_seconds": 8, "resolution": "720p"},
            "3.2",
        ),
        ("google", "veo-3.1-generate-preview", {"duration_seconds": 8, "resolution": "4k"}, "4.8"),
        (
            "google",
            "veo-3.1-fast-generate-preview",
            {"duration_seconds": 8, "resolution": "1080p"},
            "0.96",
        ),
        ("runway", "gen4.5", {"duration_seconds": 10}, "1.2"),
        ("openai", "sora-2", {"duration_seconds": 12, "resolution": "720p"}, "1.2"),
        (
            "openai",
            "sora-2-pro",
            {"duration_seconds": 8, "resolution": "1080p", "aspect_ratio": "16:9"},
            "4.0",
        ),
        ("xai", "grok-imagine-video-1.5", {"duration_seconds": 6, "resolution": "480p"}, "0.48"),
        (
            "fal",
            "bytedance/seedance-2.0/text-to-video",
            {"duration_seconds": 5, "resolution": "480p"},
            "0.673",
        ),
    ],
)
def test_a_video_costs_what_its_seconds_cost(
    provider: str, model: str, wishes: dict[str, Any], dollars: str
) -> None:
    quote = video(provider, model, **wishes)

    assert (quote.low, quote.high, quote.currency) == (Decimal(dollars), Decimal(dollars), "USD")
    assert quote.unknown == ()


@pytest.mark.parametrize(
    ("provider", "model", "wishes", "dollars"),
    [
        ("stability", "stable-image-core", {}, "0.03"),
        ("stability", "sd3.5-large", {}, "0.065"),
        ("fal", "fal-ai/flux/schnell", {"n": 4}, "0.012"),
        ("fal", "fal-ai/nano-banana-2", {"n": 2}, "0.16"),
        ("xai", "grok-imagine-image", {"n": 3}, "0.06"),
    ],
)
def test_images_cost_what_each_of_them_costs(
    provider: str, model: str, wishes: dict[str, Any], dollars: str
) -> None:
    quote = image(provider, model, **wishes)

    assert (quote.low, quote.high) == (Decimal(dollars), Decimal(dollars))


def test_a_length_that_is_left_to_the_provider_is_quoted_from_its_least_to_its_greatest() -> None:
    quote = video("google", "veo-3.1-fast-generate-preview", resolution="720p")

    # 4, 6 or 8 seconds at 0.10 a second
    assert (quote.low, quote.high) == (Decimal("0.4"), Decimal("0.8"))


def test_a_quality_that_is_left_to_the_provider_is_quoted_over_all_of_them() -> None:
    quote = image("openai", "gpt-image-1", size="1024x1024")

    assert quote.low is not None
    assert quote.high is not None
    assert Decimal("0.011") < quote.low < Decimal("0.012")  # low, and the prompt's tokens
    assert Decimal("0.167") < quote.high < Decimal("0.168")  # high


def test_what_has_no_price_is_unknown_and_not_free() -> None:
    quote = video("luma", "ray-1-6", duration_seconds=5)

    assert (quote.low, quote.high, quote.currency) == (None, None, None)
    assert "no price of luma ray-1-6 is known" in quote.unknown[0]
    assert str(quote) == "unknown"


def test_a_part_without_a_price_leaves_the_whole_without_an_upper_end() -> None:
    quote = image("openai", "chatgpt-image-latest", size="1024x1024")

    assert quote.low is not None
    assert quote.high is None
    assert quote.unknown == ("output: the tokens of its output are not known before",)
    # A few tokens of the prompt, whose price is no figure to go by.
    assert str(quote) == "unknown"
    assert str(quote.model_copy(update={"low": Decimal("0.25")})) == "at least $0.25"


def test_the_mock_costs_nothing() -> None:
    config = VideoGenerationConfig(provider="luma", model="ray-2", mock=MockConfig(enabled=True))
    quote = quote_video(config, VideoGenerationRequest(prompt="A tram"))

    assert (quote.low, quote.high, quote.unknown) == (Decimal(0), Decimal(0), ())


def test_a_plan_has_a_quote_for_each_config_of_the_chain() -> None:
    config = VideoGenerationConfig(
        provider="runway",
        model="gen4.5",
        fallback_configs=[VideoGenerationConfig(provider="luma", model="ray-1-6")],
    )
    plan = plan_video(config, VideoGenerationRequest(prompt="A tram", duration_seconds=5))

    assert plan.quote.high == Decimal("0.6")
    assert plan.fallbacks[0].quote.high is None
    assert plan.model_dump(mode="json")["quote"]["high"] == "0.60"
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan


def test_what_the_model_makes_is_quoted_and_not_what_was_asked_for() -> None:
    # Sora makes 4, 8 or 12 seconds: 11 become 12.
    quote = video("openai", "sora-2", duration_seconds=11, resolution="720p")

    assert quote.high == Decimal("1.2")


def test_a_parameter_of_the_providers_own_counts_like_a_field() -> None:
    quote = video(
        "google",
        "veo-3.1-fast-generate-preview",
        extra_params={"durationSeconds": 4, "resolution": "1080p"},
    )

    assert quote.high == Decimal("0.48")


def test_inputs_that_are_billed_are_part_of_the_sum() -> None:
    plain = video("xai", "grok-imagine-video", duration_seconds=5, resolution="480p")
    with_image = video(
        "xai",
        "grok-imagine-video",
        duration_seconds=5,
        resolution="480p",
        image_list=[{"image": DATA_URI, "type": "first_frame"}],
    )

    assert plain.high == Decimal("0.25")
    assert with_image.high == Decimal("0.252")
    assert [one.billable for one in with_image.lines] == ["output", "input_image"]


async def test_the_async_forms_say_the_same() -> None:
    of_video = VideoGenerationConfig(provider="runway", model="gen4.5")
    of_image = ImageGenerationConfig(provider="stability", model="stable-image-core")
    video_request = VideoGenerationRequest(prompt="A tram", duration_seconds=5)
    image_request = ImageGenerationRequest(prompt="A tram")

    assert await quote_video_async(of_video, video_request) == quote_video(of_video, video_request)
    assert (
        await quote_image_async(of_image, image_request)
        == plan_image(of_image, image_request).quote
    )


def test_what_counts_nothing_of_a_request_is_no_least_price() -> None:
    config = VideoGenerationConfig(provider="xai", model="grok-imagine-video")
    request = VideoGenerationRequest(prompt="A tram", video="https://example.com/a.mp4")
    quote = quote_video(config, request)

    assert (quote.low, quote.high, quote.currency) == (None, None, None)
    assert str(quote) == "unknown"
    assert "the provider chooses the length" in quote.unknown[0]


@pytest.mark.parametrize(
    ("named", "variable", "due"),
    [
        ({}, None, "0.50"),  # where the provider's file sends it
        ({"region": "cn-beijing"}, None, "0.43"),
        ({}, "cn-beijing", "0.43"),
        ({"region": "ap-southeast-1"}, "cn-beijing", "0.50"),
    ],
)
def test_a_price_is_that_of_the_region_where_the_call_goes(
    named: dict[str, str], variable: str | None, due: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a region in the config it was from the cheapest of all regions to the dearest."""
    monkeypatch.delenv("DASHSCOPE_API_REGION", raising=False)
    if variable is not None:
        monkeypatch.setenv("DASHSCOPE_API_REGION", variable)

    config = VideoGenerationConfig(
        provider="alibaba", model="wan2.7-t2v", provider_config={**named}
    )
    request = VideoGenerationRequest(prompt="A tram", duration_seconds=5, resolution="720p")
    quote = quote_video(config, request)
    assert (quote.low, quote.high) == (Decimal(due), Decimal(due))


SINGAPORE, BEIJING = "https://dashscope-intl.aliyuncs.com/api/v1", "https://dashscope.aliyuncs.com"
BOTH = ("0.43", "0.50")


@pytest.mark.parametrize("by_variable", [False, True])
@pytest.mark.parametrize(
    ("host", "region", "due"),
    [
        (SINGAPORE, None, ("0.50", "0.50")),
        (SINGAPORE, "cn-beijing", ("0.50", "0.50")),
        (BEIJING, None, ("0.43", "0.43")),
        (BEIJING, "ap-southeast-1", ("0.43", "0.43")),
        ("https://proxy.example", None, BOTH),
        ("https://proxy.example", "cn-beijing", ("0.43", "0.43")),
    ],
)
def test_a_host_that_is_named_decides_on_the_region(
    host: str,
    region: str | None,
    due: tuple[str, str],
    by_variable: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The call goes there, whichever region is asked for beside it."""
    monkeypatch.delenv("DASHSCOPE_API_REGION", raising=False)
    if by_variable:
        monkeypatch.setenv("TARASH_ALIBABA_BASE_URL", host)

    config = VideoGenerationConfig(
        provider="alibaba",
        model="wan2.7-t2v",
        base_url=None if by_variable else host,
        provider_config={} if region is None else {"region": region},
    )
    request = VideoGenerationRequest(prompt="A tram", duration_seconds=5, resolution="720p")
    quote = quote_video(config, request)
    assert (quote.low, quote.high) == tuple(map(Decimal, due))


def test_a_price_of_another_region_is_none_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_REGION", raising=False)
    config = VideoGenerationConfig(provider="alibaba", model="wan2.5-t2v-preview")
    request = VideoGenerationRequest(prompt="A tram", duration_seconds=5, resolution="720p")
    quote = quote_video(config, request)
    assert (quote.low, quote.high) == (None, None)
    assert quote.unknown == ("no price of its output holds for this request",)
