"""Who refuses an address for calls back is not asked to call: no paid job fails for it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway._engine._callbacks import lacking
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.testing import Simulator
from tests.contract.cases import CASES, Case

KEY = "demanding-key"
SECRET = "a secret of the tests"
HTTP = "http://127.0.0.1:9/webhooks"


def facts_of(case: Case) -> Any:
    adapter: Any = shipped()[case.provider].load()
    asks = "webhook" in adapter.abilities
    return adapter.webhook(case.kind, case.model) if asks else None


ASKED = [
    case
    for case in CASES
    if case.provider in shipped() and getattr(facts_of(case), "parameter", None)
]
DEMANDING = [case for case in ASKED if facts_of(case).demands]


def test_these_demand_https() -> None:
    """As their pages say; a page that says nothing demands nothing."""
    named = {"bfl", "ideogram", "openrouter", "replicate", "wavespeed"}
    assert {case.provider for case in DEMANDING} >= named - {"bfl"}
    bfl: Any = shipped()["bfl"].load()
    assert bfl.webhook("image", "flux-2-pro").demands == ("https",)


# MiniMax asks an address itself before it takes a job; here nobody listens.
@pytest.mark.parametrize("case", [one for one in ASKED if not facts_of(one).challenge], ids=str)
async def test_a_submit_passes_whatever_the_address(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    with Simulator([case.provider]) as simulator:
        simulator.keys[case.provider] = {KEY}
        config = case.config(KEY, simulator.base_url(case.provider))
        caplog.set_level(logging.WARNING, "tarash.tarash_gateway")
        async with Gateway(webhook_url=HTTP, webhook_secret=SECRET) as gateway:
            video, image = gateway.generate_video_async, gateway.generate_image_async
            made: Any = video if case.kind == "video" else image
            assert (await made(config, case.request())).status == "completed"
            await made(config, case.request())

        submit = next(one for one in simulator.requests(case.provider) if one.method == "POST")
        sent = HTTP in f"{submit.query} {submit.body!r}"
        said = [one for one in caplog.records if "callback_not_asked_for" in one.getMessage()]
        assert (sent, len(said)) == ((False, 1) if facts_of(case).demands else (True, 0))


@pytest.mark.parametrize(
    ("url", "demands", "base_url", "lacks"),
    [
        ("http://hooks.example.com", ("https",), None, "https"),
        ("https://hooks.example.com", ("https", "public"), None, None),
        ("https://10.0.0.5/x", ("https", "public"), None, "public"),
        ("https://localhost/x", ("public",), None, "public"),
        ("https://box.internal/x", ("public",), None, "public"),
        ("https://[fd00::1]/x", ("public",), None, "public"),
        ("https://10.0.0.5/x", ("https",), None, None),
        ("https://10.0.0.5/x", ("public",), "http://127.0.0.1:8080", None),
        ("https://10.0.0.5/x", ("public",), "https://api.ideogram.ai", "public"),
        ("http://10.0.0.5/x", (), None, None),
    ],
)
def test_what_an_address_lacks(
    url: str, demands: Any, base_url: str | None, lacks: str | None
) -> None:
    found = lacking(url, demands, base_url)
    assert found is None if lacks is None else lacks in str(found)
