"""What each provider reports of a cost, read from bodies like theirs: absent is not zero.

One row for each provider that reports anything: the body of the exchange that settles a job, where
its figure stands, and what that comes to. Each is read again with the figure missing, null, and as
text where the vendor writes a number; never is it 0 then.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Cost,
    ImageGenerationConfig,
    ImageGenerationRequest,
    Registry,
    VideoGenerationConfig,
    VideoGenerationRequest,
    register_prices,
)
from tarash.tarash_gateway._data._exchange import Call, RawResult
from tarash.tarash_gateway._engine import checked_payload, fitted_call, quoted
from tarash.tarash_gateway._engine._attempt import Attempt
from tarash.tarash_gateway._engine._result import read_result
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.providers._declared._adapter import DeclaredAdapter

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
VIDEO, PICTURE = "https://cdn.example/a.mp4", "https://cdn.example/a.png"
PIXELS = "iVBORw0KGgo="
IN_4K = {"size": "4096x4096"}


@dataclass(frozen=True)
class Row:
    """A body of one provider, and what it says that the job has cost."""

    provider: str
    model: str
    kind: str
    body: Any
    at: tuple[Any, ...]
    """Where the figure stands in the body."""
    amount: str
    state: str
    quantity: str | None = None
    unit: str | None = None
    wishes: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    """What stood beside the body, such as a header."""
    is_text: bool = False
    """Whether the vendor writes the figure as text."""
    lines: tuple[dict[str, Any], ...] = ()
    """Prices that a user has to give."""

    def __str__(self) -> str:
        return f"{self.provider}-{self.kind}-{self.model.rpartition('/')[2]}"


def tokens(*, text: int, image: int, made: int) -> dict[str, Any]:
    """Return the usage of an answer with images, as OpenAI writes it."""
    details = {"text_tokens": text, "image_tokens": image}
    return {
        "input_tokens": text + image,
        "output_tokens": made,
        "total_tokens": text + image + made,
        "input_tokens_details": details,
    }


def gemini(prompt: int, image: int, text: int, thoughts: int) -> dict[str, Any]:
    """Return an answer of Gemini with an image."""
    part = {"inlineData": {"mimeType": "image/png", "data": PIXELS}}
    details = [
        {"modality": "IMAGE", "tokenCount": image},
        {"modality": "TEXT", "tokenCount": text},
    ]
    return {
        "candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": prompt,
            "candidatesTokenCount": image + text,
            "thoughtsTokenCount": thoughts,
            "candidatesTokensDetails": details,
        },
    }


FIVE = {"duration_seconds": 5}
HD = {**FIVE, "resolution": "720p", "aspect_ratio": "16:9"}
SINGAPORE = {**HD, "region": "ap-southeast-1"}
GPU = {"unit": "gpu_second", "rate": "0.0014"}
FAL_UNIT = {"unit": "credit", "rate": "0.14", "role": "settlement"}
ANSWER: dict[str, Any] = {"created": 1, "data": [{"b64_json": PIXELS}]}
ROWS = (
    # the header of the result, in units of the endpoint; its body says nothing
    Row(
        "fal", "fal-ai/kling-video/v3/pro/text-to-video", "video", {"video": {"url": VIDEO}}, (),
        "0.84", "settled", "6", "fal_unit", FIVE, {"billable_units": 6}, lines=(FAL_UNIT,),
    ),
    Row(
        "openai", "gpt-image-2", "image",
        {**ANSWER, "usage": tokens(text=150, image=1290, made=4160)}, ("usage", "output_tokens"),
        "0.13587", "settled", "5600", "token",
    ),
    Row(
        "azure-openai", "gpt-image-1", "image",
        {**ANSWER, "usage": tokens(text=150, image=0, made=1000)}, ("usage", "output_tokens"),
        "0.04075", "settled", "1150", "token",
    ),
    # 1,120 tokens of an image, 10 of words and 90 of thoughts at the rate of text, 7 of the prompt
    Row(
        "google", "gemini-3-pro-image", "image", gemini(7, 1120, 10, 90),
        ("usageMetadata", "candidatesTokenCount"), "0.135614", "settled", "1227", "token",
    ),
    Row(
        "runway", "gen4.5", "video",
        {"id": "t", "status": "SUCCEEDED", "output": [VIDEO], "cost": {"credits": 120}},
        ("cost", "credits"), "1.20", "reported", "120", "runway_credit", FIVE,
    ),
    Row(
        "replicate", "acme/clip", "video",
        {"id": "p", "status": "succeeded", "output": VIDEO, "metrics": {"predict_time": 12.5}},
        ("metrics", "predict_time"), "0.0175", "settled", "12.5", "gpu_second", lines=(GPU,),
    ),
    Row(
        "xai", "grok-imagine-video", "video",
        {"status": "done", "video": {"url": VIDEO}, "usage": {"cost_in_usd_ticks": 520_000_000}},
        ("usage", "cost_in_usd_ticks"), "0.052", "settled", wishes=FIVE,
    ),
    Row(
        "xai", "grok-imagine-image", "image",
        {"data": [{"url": PICTURE}], "usage": {"cost_in_usd_ticks": 200_000_000}},
        ("usage", "cost_in_usd_ticks"), "0.02", "settled",
    ),
    Row(
        "kling", "kling-3.0", "video",
        {
            "status": "succeeded", "outputs": [{"url": VIDEO, "type": "video"}],
            "billing": [{"charge_type": "unit", "amount": "5", "package_type": "video"}],
        },
        ("billing", 0, "amount"), "0.70", "settled", "5", "unit", FIVE, is_text=True,
    ),
    Row(
        "kling", "kling-v3", "image",
        {"data": {
            "task_status": "succeed", "final_unit_deduction": "8",
            "task_result": {"images": [{"url": PICTURE}]},
        }},
        ("data", "final_unit_deduction"), "0.028", "settled", "8", "unit", is_text=True,
    ),
    Row(
        "kling", "kling-v3", "video",
        {"data": {
            "task_status": "succeed", "final_unit_deduction": "3",
            "task_result": {"videos": [{"url": VIDEO}]},
        }},
        ("data", "final_unit_deduction"), "0.42", "settled", "3", "unit", FIVE, is_text=True,
    ),
    Row(
        "minimax", "MiniMax-H3", "video",
        {"task": {"content": {"url": VIDEO}, "usage": {"output_seconds": 6}}},
        ("task", "usage", "output_seconds"), "0.48", "settled", "6", "seconds",
        {"duration_seconds": 5, "resolution": "720p"},
    ),
    Row(
        "bytedance", "dreamina-seedance-2-0-260128", "video",
        {
            "status": "succeeded", "content": {"video_url": VIDEO},
            "usage": {"completion_tokens": 108_900, "total_tokens": 108_900},
        },
        ("usage", "total_tokens"), "0.7623", "settled", "108900", "tokens", HD,
    ),
    Row(
        "bytedance", "seedream-4-5-251128", "image",
        {"data": [{"url": PICTURE}, {"error": {"code": "x"}}], "usage": {"generated_images": 1}},
        ("usage", "generated_images"), "0.04", "settled", "1", "images", {"n": 2},
    ),
    Row(
        "alibaba", "wan3.0-video", "video",
        {"output": {"video_url": VIDEO}, "usage": {"duration": 6, "SR": 720}},
        ("usage", "duration"), "0.60", "settled", "6", "seconds", SINGAPORE,
    ),
    Row(
        "alibaba", "qwen-image-2.0", "image",
        {
            "output": {"choices": [{"message": {"content": [{"image": PICTURE}]}}]},
            "usage": {"image_count": 1},
        },
        ("usage", "image_count"), "0.035", "settled", "1", "images", {"n": 2},
    ),
    Row(
        "bfl", "flux-pro-1.1", "image",
        {"status": "Ready", "result": {"sample": PICTURE}, "cost": 4.5}, ("cost",),
        "0.045", "settled",
    ),
    Row(
        "recraft", "recraftv4_1_pro", "image", {"data": [{"url": PICTURE}], "credits": 210},
        ("credits",), "0.21", "settled",
    ),
    Row(
        "openrouter", "google/veo-3.1", "video",
        {"status": "completed", "unsigned_urls": [VIDEO], "usage": {"cost": 0.28}},
        ("usage", "cost"), "0.28", "settled", wishes={"duration_seconds": 4},
    ),
    # by a key of the user's own at the maker's, which bills what OpenRouter doesn't
    Row(
        "openrouter", "google/veo-3.1", "video",
        {"status": "completed", "unsigned_urls": [VIDEO], "usage": {
            "cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 1.6},
        }},
        ("usage", "cost_details", "upstream_inference_cost"), "1.6", "settled",
        wishes={"duration_seconds": 4},
    ),
    Row(
        "together", "openai/sora-2", "video",
        {"status": "completed", "outputs": {"video_url": VIDEO, "cost": 0.8}},
        ("outputs", "cost"), "0.8", "settled",
    ),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_prices() -> Iterator[None]:
    yield
    prices.reset()


def cost_of(row: Row, body: Any, metadata: dict[str, Any]) -> tuple[Cost | None, Decimal | None]:
    """Return what a body comes to, and what our own estimate was."""
    lines = [{"provider": row.provider, "model": row.model, **one} for one in row.lines]
    register_prices(lines)
    wishes = dict(row.wishes)
    own = {"provider_config": {"region": wishes.pop("region")}} if "region" in wishes else {}
    given: Any = {"provider": row.provider, "model": row.model, "api_key": "k:k", **own}
    request: Any
    if row.kind == "video":
        config: Any = VideoGenerationConfig(**given)
        request = VideoGenerationRequest(prompt="x", **wishes)
    else:
        config = ImageGenerationConfig(**given)
        request = ImageGenerationRequest(prompt="x", **wishes)

    registry = Registry()
    adapter = registry.adapter(row.provider, need_extra=False)
    kind: Any = row.kind
    call, spec = fitted_call(Call(kind, config, request, "ours"), registry, adapter)
    attempt = Attempt(call, submission="accepted")
    attempt.money.quote = quoted(call, spec, checked_payload(adapter, call, spec))
    # What a declared provider says stands beside the media when they are found.
    if isinstance(adapter, DeclaredAdapter):
        metadata = {**metadata, **adapter.beside(body, row.kind, row.model)}

    response = read_result(adapter, attempt, call, RawResult(body, metadata))
    return response.cost, attempt.money.quote.high


def changed(row: Row, to: Any) -> tuple[Any, dict[str, Any]]:
    """Return a row's body and metadata with another figure; `...` leaves it out."""
    body, metadata = copy.deepcopy(row.body), copy.deepcopy(row.metadata)
    place, name = (metadata, "billable_units") if not row.at else (body, row.at[-1])
    for step in row.at[:-1]:
        place = place[step]

    if to is ...:
        del place[name]
    else:
        place[name] = to

    return body, metadata


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_provider_reports_is_what_it_cost(row: Row) -> None:
    cost, _ = cost_of(row, row.body, row.metadata)

    assert cost is not None
    assert (cost.amount, cost.state) == (Decimal(row.amount), row.state)
    assert cost.unit == row.unit
    assert cost.quantity == (None if row.quantity is None else Decimal(row.quantity))


@pytest.mark.parametrize(
    "odd", [..., None, True, "NaN", float("nan"), -1, [], {}, "many"], ids=repr
)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_is_no_figure_leaves_our_estimate_and_is_never_nothing(row: Row, odd: Any) -> None:
    cost, estimated = cost_of(row, *changed(row, odd))

    assert (cost is None) == (estimated is None), cost
    if cost is not None:
        assert (cost.amount, cost.state) == (estimated, "estimated")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_figure_as_text_is_that_figure_or_none(row: Row) -> None:
    cost, estimated = cost_of(row, *changed(row, "7"))
    prices.reset()
    as_number, _ = cost_of(row, *changed(row, 7))

    ours = cost is None if estimated is None else cost is not None and cost.amount == estimated
    assert ours or cost == as_number
    if row.is_text:
        assert cost is not None
        assert cost.quantity == 7


@pytest.mark.parametrize("row", [one for one in ROWS if one.provider != "replicate"], ids=str)
def test_nothing_is_a_figure_too(row: Row) -> None:
    """A whole refund, or a free job, is said by a 0."""
    cost, _ = cost_of(row, *changed(row, "0" if row.is_text else 0))

    assert cost is not None
    assert cost.state in {"settled", "reported"}
    assert cost.amount < Decimal("0.02")  # a prompt's tokens, or what is fixed
