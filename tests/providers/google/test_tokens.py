"""Access tokens for Vertex AI, made from credentials against the simulator's token endpoint."""

from __future__ import annotations

import json
import logging
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2 import credentials, service_account

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    HTTPConnectionError,
    TarashException,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.providers.google._tokens import _from_file
from tarash.tarash_gateway.testing import Fault, Simulator

from .conftest import OMNI, VEO, Make

CAT = VideoGenerationRequest(prompt="A cat")
MAIL = "robot@a-project.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def account(simulator: Simulator, private_key: str) -> dict[str, str]:
    """Return what stands in a service account's file."""
    return {
        "type": "service_account",
        "project_id": "a-project",
        "private_key": private_key,
        "client_email": MAIL,
        "token_uri": f"{simulator.base_url('google')}/token",
    }


def write(folder: Path, facts: object) -> str:
    path = folder / f"{uuid.uuid4()}.json"
    path.write_text(json.dumps(facts), encoding="utf-8")
    return str(path)


def own(**settings: Any) -> dict[str, Any]:
    return {"gcp_project": "a-project", **settings}


def bearers(simulator: Simulator) -> set[str]:
    sent = (request.headers.get("authorization") for request in simulator.requests("google"))
    return {header for header in sent if header}


@pytest.mark.parametrize("model", [OMNI, VEO])
async def test_a_service_accounts_file(  # noqa: PLR0913, PLR0917 (fixtures)
    simulator: Simulator,
    gateway: Gateway,
    video: Make,
    account: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    model: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator.keys["google"] = set()  # only tokens that it has given out itself
    config = video(model, provider_config=own(credentials_path=write(tmp_path, account)))
    for _ in range(2):
        response = await gateway.generate_video_async(config, CAT)

    (bearer,) = bearers(simulator)
    assert bearer.startswith("Bearer ya29.")
    token = bearer.removeprefix("Bearer ")
    assert token not in response.model_dump_json()
    ours = [record for record in caplog.records if record.name.startswith("tarash")]
    assert ours
    assert not any(token in str(vars(record)) for record in ours)
    exchanges = [one for one in simulator.requests("google") if one.path == "/token"]
    assert len(exchanges) == 1


async def test_a_users_credentials_count_against_their_quota_project(
    simulator: Simulator, gateway: Gateway, video: Make
) -> None:
    simulator.keys["google"] = set()
    make: Any = credentials.Credentials
    made = make(
        token=None,
        refresh_token="a-refresh-token",
        client_id="client",
        client_secret="a-long-secret",
        token_uri=f"{simulator.base_url('google')}/token",
        quota_project_id="who-pays",
    )
    await gateway.generate_video_async(video(VEO, provider_config=own(credentials=made)), CAT)
    calls = [one for one in simulator.requests("google") if one.path != "/token"]
    assert {one.headers.get("x-goog-user-project") for one in calls} == {"who-pays"}


async def test_the_machines_default_credentials(  # noqa: PLR0913, PLR0917 (fixtures)
    simulator: Simulator,
    gateway: Gateway,
    video: Make,
    account: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.keys["google"] = set()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", write(tmp_path, account))
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-of-something-else")
    response = await gateway.generate_video_async(video(OMNI, provider_config=own()), CAT)
    assert response.status == "completed"
    assert len(bearers(simulator)) == 1


async def test_a_credentials_object(
    simulator: Simulator, gateway: Gateway, video: Make, account: dict[str, str]
) -> None:
    simulator.keys["google"] = set()
    make: Any = service_account.Credentials
    made = make.from_service_account_info(
        account, scopes=["https://www.googleapis.com/auth/cloud-platform"]
    )
    config = video(VEO, provider_config=own(credentials=made))
    assert "Credentials object" not in repr(config)
    assert "credentials" not in config.model_dump_json()
    assert (await gateway.generate_video_async(config, CAT)).status == "completed"


@pytest.mark.parametrize("facts", [{"type": "service_account"}, {}, [], "no credentials"])
async def test_a_file_that_holds_no_credentials(
    simulator: Simulator, gateway: Gateway, video: Make, tmp_path: Path, facts: Any
) -> None:
    config = video(VEO, provider_config=own(credentials_path=write(tmp_path, facts)))
    with pytest.raises(AuthenticationError, match="credentials_path") as caught:
        await gateway.generate_video_async(config, CAT)

    assert caught.value.submission == "not_sent"
    assert simulator.counters("google").submits == 0


async def test_a_file_that_is_not_there(gateway: Gateway, video: Make) -> None:
    config = video(VEO, provider_config=own(credentials_path="/nowhere/credentials.json"))
    with pytest.raises(AuthenticationError, match="FileNotFoundError"):
        await gateway.generate_video_async(config, CAT)


async def test_a_token_endpoint_that_refuses_or_is_away(  # noqa: PLR0913, PLR0917 (fixtures)
    simulator: Simulator,
    gateway: Gateway,
    video: Make,
    account: dict[str, str],
    tmp_path: Path,
    private_key: str,
) -> None:
    away = {**account, "token_uri": "http://127.0.0.1:9/token"}
    refusing = {**account, "token_uri": f"{simulator.base_url('google')}/v1/nothing"}
    for facts, kind in ((away, HTTPConnectionError), (refusing, AuthenticationError)):
        path = write(tmp_path, facts)
        config = video(VEO, provider_config=own(credentials_path=path), max_retries=0)
        with pytest.raises(TarashException) as caught:
            await gateway.generate_video_async(config, CAT)

        assert isinstance(caught.value, kind)
        assert caught.value.submission == "not_sent"
        link: BaseException | None = caught.value
        while link is not None:
            assert private_key[40:80] not in f"{link!s}{link!r}{vars(link)!r}"
            link = link.__cause__ or link.__context__

    assert simulator.counters("google").submits == 0


async def test_an_echoed_token_is_masked(
    simulator: Simulator, gateway: Gateway, video: Make, account: dict[str, str], tmp_path: Path
) -> None:
    """A minted token is in no setting, and masked all the same."""
    simulator.keys["google"] = set()
    config = video(VEO, provider_config=own(credentials_path=write(tmp_path, account)))
    await gateway.generate_video_async(config, CAT)
    (bearer,) = bearers(simulator)
    body = {"error": {"code": 400, "message": f"Header {bearer} is bad"}}
    simulator.fail("google", "submit", Fault.status(400, body))
    with pytest.raises(TarashException) as caught:
        await gateway.generate_video_async(config, CAT)

    assert "***" in caught.value.message
    assert bearer.removeprefix("Bearer ") not in repr(vars(caught.value))


def test_a_users_file_is_read(tmp_path: Path) -> None:
    """Its token endpoint is Google's own and can't be another, so it is only loaded here."""
    facts = {
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "a-long-secret",
        "refresh_token": "a-refresh-token",
        "quota_project_id": "who-pays",
    }
    loaded = _from_file(write(tmp_path, facts))
    assert (loaded.refresh_token, loaded.quota_project_id) == ("a-refresh-token", "who-pays")
