"""What comes in the place of a submit's answer, and is no word of the provider's.

It buys nothing twice, and nobody calls it free.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.testing import Fault, Simulator

from .cases import CASES, Case, everyone
from .conftest import KEY

SAMPLE = 2
"""Answers of each case in every run."""
PAGE = "<html><head><title>Just a moment...</title></head><body>One moment</body></html>"
DEEP = f"{'[' * 5000}{']' * 5000}"
JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}
NEVER_HANDED_ON = {407, 411, 413, 414, 431, 511, 521, 522, 523, 525, 526, 530}
"""Said by those who took nothing in, or reached nobody."""
BY_ITS_WORDS = {400, 415}
"""Some providers say these with a `message` and nothing else, or in plain text, as gateways do."""
BY_A_BARE_STATUS = {401, 402, 403, 404, 422, 425, 429}
"""What these mean without a page needs no word."""
CODES = [
    *range(300, 309), *range(400, 419), *range(421, 427), 428, 429, 431, 451, 499, *range(500, 512),
    *range(520, 531), 598, 599,
]  # fmt: skip
BODIES: dict[str, tuple[str, dict[str, str]]] = {
    "page": (PAGE, HTML),
    "page that calls itself JSON": (PAGE, JSON),
    "empty page": ("", HTML),
    "empty object": ("{}", JSON),
    "word of a gateway": ('{"message": "no route"}', JSON),
    "plain word": ("Not now", {"Content-Type": "text/plain"}),
}
UNREADABLE = {
    "empty object": "{}",
    "empty list": "[]",
    "null": "null",
    "empty text": '""',
    "number": "7",
    "word of a gateway": '{"message": "Internal server error"}',
    "half of JSON": '{"id": "',
    "deep": DEEP,
    "page": PAGE,
    "nothing": "",
}
FOREIGN: dict[str, Fault] = {
    **{
        f"{code} with a {name}": Fault.status(code, body, headers)
        for code in CODES
        for name, (body, headers) in BODIES.items()
    },
    **{
        f"{code} with a good status: {name}": Fault.status(code, body, JSON)
        for code in (200, 201, 202, 206)
        for name, body in UNREADABLE.items()
    },
}


def due(code: int, name: str) -> str:
    """Return what a submit with this answer has to count as."""
    is_page = "page" in name and "empty" not in name
    safe = NEVER_HANDED_ON | (set() if is_page else BY_A_BARE_STATUS)
    return "rejected" if code in safe else "unknown"


def may_be_own(code: int, name: str) -> bool:
    """Tell whether the words may be as the provider's own."""
    return code in BY_ITS_WORDS and ("gateway" in name or "plain" in name)


async def wrong_of(case: Case, simulator: Simulator, gateway: Gateway, name: str) -> str | None:
    """Submit under an answer; return what is wrong with what comes of it."""
    simulator.reset()
    fault = FOREIGN[name]
    simulator.fail(case.provider, "submit", fault, times=None)
    config = case.config(KEY, simulator.base_url(case.provider), max_retries=0)
    with pytest.raises(TarashException) as caught:
        await getattr(gateway, f"generate_{case.kind}_async")(config, case.request())

    metadata, submission = caught.value.execution_metadata, caught.value.submission
    billing = [] if metadata is None else [one.billing for one in metadata.attempts]
    came = (submission, *billing, simulator.counters(case.provider).submits)
    said = submission if may_be_own(fault.code, name) else due(fault.code, name)
    wanted = (said, "none" if said == "rejected" else "possible", 1)
    return None if came == wanted else f"{case}, {name}: {came} is not {wanted}"


def chosen() -> Iterator[tuple[Case, str]]:
    for case in CASES:
        for name in random.Random(str(case)).sample(list(FOREIGN), SAMPLE):
            yield case, name


async def test_some_answers_that_are_no_word_of_the_provider() -> None:
    with everyone() as simulator:
        async with Gateway() as gateway:
            found = [await wrong_of(case, simulator, gateway, name) for case, name in chosen()]

    assert [one for one in found if one] == []


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_every_answer_that_is_no_word_of_the_provider(case: Case) -> None:
    with everyone() as simulator:
        async with Gateway() as gateway:
            found = [await wrong_of(case, simulator, gateway, name) for name in FOREIGN]

    assert [one for one in found if one] == []
