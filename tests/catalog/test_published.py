"""The last days of models, as providers' own lists tell them: fetched, kept, told before a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    HTTPConnectionError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    TarashException,
    ValidationError,
    check_models,
    describe_model,
    generate_image,
    plan_image,
    refresh_models,
)
from tarash.tarash_gateway.catalog import ending, forget, lifecycle, schema_source
from tarash.tarash_gateway.cli._app import run
from tests.media.raw import Asked, Raw, answer, serving

IN_DAYS = 12
TODAY = datetime.now(UTC).date()
SOON = TODAY + timedelta(days=IN_DAYS)
"""These two are of the day of each test: a run may begin before midnight."""
KEY = "canary-key-of-a-list"
VARIABLE = {
    "openai": "OPENAI_API_KEY",
    "azure-openai": "AZURE_OPENAI_API_KEY",
    "google": "GEMINI_API_KEY",
}


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    today = datetime.now(UTC).date()
    monkeypatch.setitem(globals(), "TODAY", today)
    monkeypatch.setitem(globals(), "SOON", today + timedelta(days=IN_DAYS))
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path / "cache"))
    for name in (*VARIABLE.values(), "GOOGLE_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    for name in VARIABLE.values():
        monkeypatch.setenv(name, f"{KEY}\n")

    yield
    for provider in VARIABLE:
        forget(provider)


def listing(rows: list[Any], **more: Any) -> bytes:
    return json.dumps({"object": "list", "data": rows, **more}).encode()


def saying(body: bytes, status: str = "200 OK") -> Any:
    def answers(_asked: Asked, _before: int) -> Iterator[bytes]:
        yield answer(body, status, content_type="application/json")

    return answers


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[Raw]:
    rows: list[Any] = [
        {"id": "gpt-image-2", "object": "model", "shutdown_date": SOON.isoformat()},
        {"id": "gpt-image-2.6-flare", "object": "model", "shutdown_date": None},
        {"id": "gpt-6-luna", "object": "model", "shutdown_date": "2026-12-11"},
    ]
    with serving(saying(listing(rows))) as server:
        monkeypatch.setenv("TARASH_OPENAI_BASE_URL", server.url)
        yield server


def config(model: str, **more: Any) -> ImageGenerationConfig:
    return ImageGenerationConfig(provider="openai", model=model, api_key="any", **more)


def test_what_the_list_says_is_told_before_a_call(openai: Raw, tmp_path: Path) -> None:
    assert ending("openai", "gpt-image-2") is None
    assert refresh_models("openai") == 2
    assert openai.targets == ["/v1/models"]
    assert openai.seen[0].headers["authorization"] == f"Bearer {KEY}"

    said = f"gpt-image-2 will be shut down on {SOON.isoformat()}; see what replaces it there"
    request = ImageGenerationRequest(prompt="a cat")
    with pytest.warns(UserWarning, match=said):
        plan = plan_image(config("openai/gpt-image-2"), request)

    assert plan.warnings == (said.replace("gpt-image-2", "openai/gpt-image-2", 1),)
    with pytest.warns(UserWarning, match=said):
        generate_image(config("gpt-image-2", mock=MockConfig(enabled=True)), request)

    described = describe_model("openai", "gpt-image-2")
    assert described.shutdown == SOON
    assert not described.retired
    found = lifecycle("openai", "gpt-image-2")
    assert found is not None
    assert found.source == f"openai's list of models, read on {TODAY.isoformat()}"

    path = tmp_path / "app.py"
    path.write_text('CONFIG = dict(provider="openai", model="gpt-image-2")  # gpt-6-luna\n')
    assert check_models(path, within_days=11) == []
    (use,) = check_models(path, within_days=12)
    assert use.model == "gpt-image-2"
    assert run(["models", "check", str(path), "--within", "12"]) == 1
    assert run(["models", "check", str(path), "--within", "11"]) == 0


def test_the_provider_s_later_word_replaces_what_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    later = TODAY + timedelta(days=400)
    rows = [{"id": "gpt-image-1.5", "shutdown_date": later.isoformat()}]
    with serving(saying(listing(rows))) as server:
        monkeypatch.setenv("TARASH_OPENAI_BASE_URL", server.url)
        refresh_models("openai")
        assert ending("openai", "gpt-image-1.5") is None
        note = ending("openai", "gpt-image-1.5", within=500)

    assert note is not None
    assert note.endswith("use gpt-image-2.6-sunburst")


def test_another_host_s_list_is_not_taken_for_the_provider_s(
    openai: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_models("openai")
    monkeypatch.delenv("TARASH_OPENAI_BASE_URL")
    for _ in range(2):
        assert ending("openai", "gpt-image-2") is None
        with schema_source(openai.url):
            assert ending("openai", "gpt-image-2") is not None

        forget("openai")  # as another process would see it


ODD = {
    "null": None,
    "nothing": "",
    "a word": "soon",
    "a month": "2026-12",
    "yes": True,
    "milliseconds": 1_765_000_000_000,
    "beyond all numbers": 1e300,
    "below nothing": -(10**18),
    "an object": {"date": "2026-12-01"},
    "a list": ["2026-12-01"],
    "the beginning of time": "0001-01-01",
    "the end of time": "9999-12-31",
}


@pytest.mark.parametrize("odd", ODD)
def test_a_day_that_is_none_is_left_out(odd: str) -> None:
    rows = [
        {"id": "gpt-image-2", "shutdown_date": ODD[odd]},
        {"id": "gpt-image-3", "shutdown_date": f"{SOON.isoformat()}T00:00:00Z"},
        {"id": None},
        {"shutdown_date": SOON.isoformat()},
        {"id": 3},
        "gpt-image-2",
        None,
    ]
    with serving(saying(listing(rows, has_more=True))) as server:
        assert refresh_models("openai", base_url=f"{server.url}/v1/") == 2
        with schema_source(server.url):
            assert ending("openai", "gpt-image-2") is None
            assert ending("openai", "gpt-image-3") is not None


UNREADABLE = {
    "no list": (b'{"object": "error"}', "200 OK", HTTPError, "no list of models"),
    "a list alone": (b"[]", "200 OK", HTTPError, "no list of models"),
    "data that is none": (b'{"data": {}}', "200 OK", HTTPError, "no list of models"),
    "a page": (b"<html>Sign in</html>", "200 OK", HTTPError, "."),
    "half": (b'{"data": [{"id": "gpt-im', "200 OK", HTTPError, "."),
    "empty": (listing([]), "200 OK", TarashException, "listed no model"),
    "texts only": (listing([{"id": "gpt-6"}]), "200 OK", TarashException, "listed no model"),
    "refused": (b'{"error": {"message": "no"}}', "401 Unauthorized", AuthenticationError, "."),
    "not there": (b"{}", "404 Not Found", HTTPError, "no list of models"),
    "broken": (b"{}", "503 Service Unavailable", HTTPError, "503"),
    "elsewhere": (b"{}", "302 Found", HTTPError, "302"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.usefixtures("openai")
def test_a_list_that_can_t_be_read_leaves_what_was_there(kind: str) -> None:
    refresh_models("openai")
    body, status, error, said = UNREADABLE[kind]
    with serving(saying(body, status)) as server, pytest.raises(error, match=said) as caught:
        refresh_models("openai", base_url=server.url)

    assert KEY not in str(caught.value)
    assert ending("openai", "gpt-image-2") is not None


@pytest.mark.usefixtures("openai")
def test_nobody_there_leaves_what_was_there() -> None:
    refresh_models("openai")
    with pytest.raises(HTTPConnectionError, match="what was stored before stays"):
        refresh_models("openai", base_url="http://127.0.0.1:9")

    assert ending("openai", "gpt-image-2") is not None


@pytest.mark.parametrize("provider", VARIABLE)
def test_a_list_that_needs_a_key_says_so(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE[provider])
    with pytest.raises(AuthenticationError, match="set the environment variable"):
        refresh_models(provider, base_url="http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["azure-openai", "azure_openai"])
def test_azure_tells_seconds_and_snapshots(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = int(datetime(SOON.year, SOON.month, SOON.day, 5, tzinfo=UTC).timestamp())
    rows = [
        {
            "id": "gpt-image-9-2026-01-15",
            "deprecation": {"inference": at - 864_000},
        },
        {"id": "gpt-image-9-2026-04-21", "deprecation": {"inference": at}},
        {"id": "gpt-image-8-2026-01-15", "deprecation": {"inference": at}},
        {"id": "gpt-image-8-2026-04-21", "deprecation": {}},
        {"id": "gpt-image-7", "deprecation": None},
        {"id": "gpt-image-6"},
    ]
    with serving(saying(listing(rows))) as server:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{server.url}/openai/v1/")
        assert refresh_models(name) == 6
        (asked,) = server.seen
        assert asked.target == "/openai/models?api-version=2024-10-21"
        assert asked.headers["api-key"] == KEY
        with schema_source(server.url):
            ends = {
                model: getattr(lifecycle(name, model), "shutdown", None)
                for model in ("gpt-image-9", "gpt-image-9-2026-01-15", "gpt-image-8", "gpt-image-7")
            }

    assert ends == {
        "gpt-image-9": SOON,
        "gpt-image-9-2026-01-15": SOON - timedelta(days=10),
        "gpt-image-8": None,
        "gpt-image-7": None,
    }


def test_azure_needs_to_know_the_resource() -> None:
    with pytest.raises(ValidationError, match="AZURE_OPENAI_ENDPOINT"):
        refresh_models("azure-openai")


def test_google_lists_ids_page_by_page_and_no_days(capsys: pytest.CaptureFixture[str]) -> None:
    def answers(asked: Asked, _before: int) -> Iterator[bytes]:
        first = "pageToken" not in asked.target
        rows: list[Any] = [{"name": "models/gemini-3.1-flash-image"}, {"name": 7}, None]
        page: dict[str, Any] = {"models": rows if first else [{"name": "models/veo-9"}]}
        page |= {"nextPageToken": "two&more" if first else ""}
        yield answer(json.dumps(page).encode(), content_type="application/json")

    with serving(answers) as server:
        assert run(["models", "refresh", "google", "--base-url", server.url, "--json"]) == 0

    assert [asked.target for asked in server.seen] == [
        "/v1beta/models?pageSize=1000",
        "/v1beta/models?pageSize=1000&pageToken=two%26more",
    ]
    assert server.seen[1].headers["x-goog-api-key"] == KEY
    found = json.loads(capsys.readouterr().out)
    assert found["models"] == 2
    assert found["ends"] == {}
    assert "gemini-3.1-flash-image" not in found["unlisted"]
    assert "gemini-3-pro-image" in found["unlisted"]


@pytest.mark.usefixtures("openai")
def test_the_command_tells_the_days(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "refresh", "openai"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "openai: 2 models",
        f"gpt-image-2 ends on {SOON.isoformat()}",
    ]
    assert "not in the list: " in told.err


@pytest.mark.parametrize("provider", ["luma", "runway", "stability", "xai"])
def test_who_publishes_nothing_is_told_with_those_who_do(provider: str) -> None:
    with pytest.raises(ValidationError, match=r"fal.*azure-openai, google, openai"):
        refresh_models(provider)
