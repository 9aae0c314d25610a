"""Tokens: nothing but what we gave out is taken, and no key leaves for anywhere else."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageJob,
    MockConfig,
    MockPollingConfig,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._jobs import _tokens
from tarash.tarash_gateway._jobs._tokens import _seal
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import JOBS, Case
from tests.jobs.conftest import BY_NAME, KEY, config_for
from tests.jobs.processes import Zygote

SECRET = "TARASH_TOKEN_SECRET"
HANDLES: dict[str, Any] = {"video": VideoJob, "image": ImageJob}
FAL = BY_NAME["fal-video-veo3.1"]
OPERATION = Operation(
    provider="fal",
    model="fal-ai/veo3.1",
    kind="video",
    id="7a1f",
    submitted_at="2026-01-01T00:00:00+00:00",
    urls={"status": "https://queue.fal.run/fal-ai/veo3.1/requests/7a1f/status"},
)
PROTOCOLS = [case for case in JOBS if case.kind == "video"]
TRICKS = (
    "..",
    "../../balance",
    "a/../../b",
    ".",
    "./..",
    "%2e%2e/x",
    "..%2fx",
    "a\r\nX-Key: 1",
    "a\\..\\b",
    "",
    "a\x00b",
    "x" * 1000,
)


@pytest.fixture(params=["plain", "signed"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "signed":
        monkeypatch.setenv(SECRET, "a secret of ours")
    else:
        monkeypatch.delenv(SECRET, raising=False)

    return str(request.param)


@pytest.fixture(autouse=True)
def _no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET, raising=False)


def altered(token: str) -> Iterator[str]:
    """Yield the token with each of its characters changed, dropped and doubled."""
    letters = string.ascii_letters + string.digits + "-_."
    for index, found in enumerate(token):
        for other in {letters[(letters.index(found) + step) % len(letters)] for step in (1, 7, 33)}:
            yield token[:index] + other + token[index + 1 :]

        yield token[:index] + token[index + 1 :]
        yield token[:index] + found + token[index:]


def test_every_changed_byte_is_refused(form: str) -> None:
    token = _tokens.write(OPERATION)
    assert _tokens.read(token) == OPERATION
    assert _tokens.read(f" {token}\n") == OPERATION  # as it comes out of a file
    assert token.startswith("tg1s." if form == "signed" else "tg1.")
    for wrong in altered(token):
        if wrong == token:
            continue

        with pytest.raises(ValidationError):
            _tokens.read(wrong)


def test_the_last_characters_of_a_seal_count(form: str) -> None:
    """Base64 has bits that stand for nothing: they must not let two tokens be one."""
    del form
    token = _tokens.write(OPERATION)
    for letter in string.ascii_letters + string.digits + "-_":
        if letter != token[-1]:
            with pytest.raises(ValidationError):
                _tokens.read(token[:-1] + letter)


@pytest.mark.parametrize("secret", [None, "ours"])
async def test_a_token_in_the_place_of_an_id_is_told_where_it_belongs(
    monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    if secret is not None:
        monkeypatch.setenv(SECRET, secret)

    token = _tokens.write(OPERATION)
    async with Gateway(ledger=MemoryLedger()) as gateway:
        with pytest.raises(ValidationError, match=r"VideoJob\.from_token") as caught:
            await gateway.resume_async(token)

    assert token not in str(caught.value)


def test_with_a_secret_only_its_own_tokens_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _tokens.write(OPERATION)
    monkeypatch.setenv(SECRET, "ours")
    ours = _tokens.write(OPERATION)
    with pytest.raises(ValidationError, match="not signed"):
        VideoJob.from_token(plain)

    monkeypatch.setenv(SECRET, "theirs")
    theirs = _tokens.write(OPERATION)
    monkeypatch.setenv(SECRET, "ours")
    with pytest.raises(ValidationError, match="another"):
        VideoJob.from_token(theirs)

    # A plain seal does not become a signature by its head, nor the other way round.
    for forged in (plain.replace("tg1.", "tg1s."), ours.replace("tg1s.", "tg1.")):
        with pytest.raises(ValidationError):
            VideoJob.from_token(forged)

    monkeypatch.delenv(SECRET)
    with pytest.raises(ValidationError, match=f"{SECRET} is not set"):
        VideoJob.from_token(ours)


def test_a_token_is_of_one_kind() -> None:
    with pytest.raises(ValidationError, match="video"):
        ImageJob.from_token(_tokens.write(OPERATION))


@pytest.mark.parametrize(
    "wrong", ["", ".", "..", "tg1", "tg1..", "tg2.a.b", "a.b.c", None, 7, b"tg1"]
)
def test_what_is_no_token_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="token"):
        VideoJob.from_token(wrong)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff", b"[]", b"7", b"null", b"{}", b"{" * 5000, b"NaN",
        b'{"provider":"fal"}', json.dumps({**OPERATION.to_json(), "id": 7}).encode(),
        json.dumps({**OPERATION.to_json(), "kind": "song"}).encode(),
        json.dumps({**OPERATION.to_json(), "more": 1}).encode(),
        json.dumps({**OPERATION.to_json(), "urls": {"status": 7}}).encode(),
        json.dumps({**OPERATION.to_json(), "urls": {"status": None}}).encode(),
        b"[" * 60_000,
    ],
)  # fmt: skip
def test_a_sealed_body_of_another_shape_is_refused(body: bytes) -> None:
    encoded = base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    with pytest.raises(ValidationError):
        VideoJob.from_token(f"tg1.{encoded}.{_seal('tg1', encoded)}")


@pytest.mark.parametrize("provider", ["nobody", "", "mine"])
def test_a_token_of_an_unknown_provider_is_refused(provider: str) -> None:
    token = _tokens.write(Operation(**{**OPERATION.to_json(), "provider": provider}))
    with pytest.raises(ValidationError):
        VideoJob.from_token(token).status()


async def test_a_mocked_job_can_be_waited_for_by_its_token() -> None:
    polling = MockPollingConfig(enabled=True, delay_between_updates=0.01)
    mock = MockConfig(enabled=True, polling=polling)
    config = VideoGenerationConfig(provider="fal", model="m", mock=mock)
    async with Gateway(ledger=MemoryLedger()) as gateway:
        job = await gateway.submit_video_async(config, VideoGenerationRequest(prompt="A cat"))
        response = await VideoJob.from_token(job.to_token()).wait_async()
        assert response.request_id == job.request_id
        assert (await job.wait_async()).request_id == job.request_id


async def _submitted(case: Case, simulator: Simulator) -> Any:
    gateway = Gateway(ledger=MemoryLedger())
    submit = getattr(gateway, f"submit_{case.kind}_async")
    config = config_for(case, simulator)
    job = await submit(config, case.request())
    await gateway.aclose()
    return job


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_a_token_is_enough_for_another_process(
    case: Case, zygote: Zygote, simulator: Simulator
) -> None:
    job = await _submitted(case, simulator)
    token = job.to_token()
    read = json.dumps(_tokens.read(token).to_json())
    assert KEY not in read
    assert KEY not in token

    config = config_for(case, simulator)
    settings = config.model_dump(mode="json", exclude_unset=True)
    given = {"api_key": KEY} if config.api_key else {"provider_config": config.provider_config}
    child = zygote.start("by_token", kind=case.kind, token=token, config={**settings, **given})
    (end,) = [one for one in child.join() if "response" in one or "error" in one]
    assert end.get("response") == job.request_id, end
    assert simulator.counters(case.provider).submits == 1


def _leaks(simulator: Simulator) -> list[str]:
    """Return where the key has been, but at its provider's."""
    seen = [*simulator.requests("foreign"), *simulator.requests("media")]
    return [f"{one.method} {one.path}" for one in seen if KEY in str(one)]


def _twisted(value: Any, twist: str) -> Iterator[Any]:
    """Yield a value with each of its texts replaced, or put behind another one."""
    if isinstance(value, str):
        yield twist
        yield f"{value}{twist}"
        yield f"{twist}{value}"
    elif isinstance(value, dict):
        for name, one in value.items():
            for twisted in _twisted(one, twist):
                yield {**value, name: twisted}


@pytest.mark.parametrize("case", PROTOCOLS, ids=str)
async def test_an_operation_that_leads_elsewhere_takes_no_key_there(
    case: Case, simulator: Simulator
) -> None:
    simulator.script(case.provider, Script(run_seconds=0))
    job = await _submitted(case, simulator)
    operation = job.operation
    assert operation is not None
    simulator.reset()
    foreign = simulator.foreign_url
    host = foreign.removeprefix("http://")
    origin = simulator.base_url(case.provider)
    twists = (
        foreign, f"{foreign}/", f"//{host}/x", f"@{host}/", f"{origin}@{host}/", f".{host}",
        f"\\\\{host}/", f"{origin}\\@{host}/",
    )  # fmt: skip
    config = config_for(case, simulator)
    tried = 0
    for twist in twists:
        for name in ("id", "urls", "data", "model"):
            for twisted in _twisted(operation[name], twist):
                changed = Operation(**{**operation, name: twisted})
                handle = HANDLES[case.kind].from_token(_tokens.write(changed), config)
                for ask in (handle.status_async, handle.cancel_async):
                    tried += 1
                    try:
                        await ask()
                    except TarashException:
                        continue

    assert tried
    assert simulator.requests("foreign") == []
    assert _leaks(simulator) == []


@pytest.mark.parametrize("case", PROTOCOLS[:3], ids=str)
async def test_ids_with_tricks_are_refused_before_anything_is_sent(
    case: Case, simulator: Simulator
) -> None:
    job = await _submitted(case, simulator)
    simulator.reset()
    config = config_for(case, simulator)
    for trick in (*TRICKS, f"{job.operation['id']}/../../x", f"{job.operation['id']}/."):
        changed = Operation(**{**job.operation, "id": trick})
        handle = HANDLES[case.kind].from_token(_tokens.write(changed), config)
        for ask in (handle.status_async, handle.cancel_async, handle.wait_async):
            with pytest.raises(TarashException, match="is none that"):
                await ask()

    assert simulator.requests(case.provider) == []
