"""What clients may name as a model, and what they hear of a name that is none for them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Collection
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, ModelInfo, list_providers
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.server import ServerSettings
from tarash.tarash_gateway.server._model_names import ModelNames
from tests.server.conftest import MODEL, Start, Started

WORKFLOW = {
    "1": {"class_type": "CLIPTextEncode", "inputs": {"text": ""}, "_meta": {"title": "prompt"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
}
IMAGES = "/v1/images/generations"
CREATES = ("/v1/videos", IMAGES, "/api/jobs", "/api/plan", "/api/quote", "/v1/videos/extensions")


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the relative path of a workflow in the server's folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "picture.json").write_text(json.dumps(WORKFLOW))
    return "flows/picture.json"


def test_which_providers_have_files_for_models() -> None:
    assert {row.name for row in shipped().values() if row.models_are_files} == {"comfyui"}


@pytest.mark.parametrize("mock", [False, True])
def test_clients_name_workflows_by_aliases_only(start: Start, workflow: str, *, mock: bool) -> None:
    alias = {"chain": [f"comfyui/{workflow}"]}
    accounts = [
        {"provider": "comfyui", "name": name, "base_url": "http://127.0.0.1:9"}
        for name in ("", "two")
    ]
    served = start(mock=mock, aliases={"picture": alias}, accounts=accounts)
    body = {"prompt": "A cat", "video": "https://example.com/a.mp4"}
    for name in (f"comfyui/{workflow}", f"comfyui@two/{workflow}", "comfyui/nowhere.json"):
        for fields in ({"model": name}, {"model": MODEL, "fallbacks": [name]}):
            for path in CREATES:
                answer = served.ask("POST", path, json={**body, **fields})
                assert answer.status_code == 404, (path, answer.text)
                assert "files of the gateway" in answer.json()["error"]["message"]

    shown = served.ask("POST", "/api/plan", json={
        "kind": "image", "model": "picture", "prompt": "A cat"
    })  # fmt: skip
    assert shown.status_code == 200, shown.text


def test_the_mock_knows_no_providers_that_nobody_knows(mocked: Started) -> None:
    body = {"prompt": "A cat", "video": "https://example.com/a.mp4"}
    unknown: dict[str, Any] = {"model": "fall/x"}
    for path, fields in product(CREATES, (unknown, {"model": MODEL, "fallbacks": ["fall/x"]})):
        answer = mocked.ask("POST", path, json={**body, **fields})
        assert answer.status_code == 404, answer.text
        error = answer.json()["error"]
        assert error["code"] == "unknown_provider"
        assert "did you mean 'fal'?" in error["message"]
        assert "register_provider" not in error["message"]


MISTYPED = {
    "fal/fal-ai/veo3.1-fats": ["fal/fal-ai/veo3.1/fast"],
    "fal/fal-ai/veo31": ["fal/fal-ai/veo3.1"],
    "openai/sora2": ["openai/sora-2"],
    "runway@two/gen4_trubo": ["runway@two/gen4_turbo"],
}
MAY_BE = ("fal/fal-ai/veo3.2", "fal/fal-ai/veo3.1/lite", "openai/sora-3", "runway/gen5_turbo")


def test_a_mistyped_model_is_said_to_be_none(start: Start) -> None:
    """It was ordered, and its provider's 404 came only after the answer."""
    served = start(mock=True, accounts=[{"provider": "runway", "name": "two"}])
    body = {"prompt": "A cat", "video": "https://example.com/a.mp4"}
    fallback: dict[str, Any] = {"model": MODEL, "fallbacks": ["openai/sora2"]}
    for path in ("/v1/videos", "/api/jobs", "/api/quote"):
        for fields in [*({"model": one} for one in MISTYPED), fallback]:
            answer = served.ask("POST", path, json={**body, **fields})
            assert answer.status_code == 404, (fields, answer.text)
            assert answer.headers["x-should-retry"] == "false"
            error = answer.json()["error"]
            assert error["code"] == "model_not_found"
            name = str(fields["model"])
            assert error["suggestions"] == MISTYPED.get(name, MISTYPED["openai/sora2"])
            assert f"did you mean {error['suggestions'][0]}" in error["message"]
            assert error["param"] == ("model" if name in MISTYPED else "fallbacks")


def test_what_may_be_a_new_model_is_ordered(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue is older than the newest models; another server calls them as it likes."""
    own = [{"provider": "openai", "name": "own", "base_url": "http://127.0.0.1:9/v1"}]
    served = start(mock=True, aliases={"cat": {"chain": ["openai/sora2"]}}, accounts=own)
    for model in (*MAY_BE, "cat", "openai@own/sora2"):
        assert served.create(model=model).status_code == 200, model

    monkeypatch.setenv("TARASH_OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert served.create(model="openai/sora2").status_code == 200


WITHOUT_PROVIDER = {
    "sora-2": "openai/sora-2",
    "gpt-image-2": "openai/gpt-image-2",
    "fal-ai/veo3.1": "fal/fal-ai/veo3.1",
    "veo-3.1-generate-preview": "google/veo-3.1-generate-preview",
}


def test_a_model_without_its_provider_is_told_who_has_it(mocked: Started) -> None:
    """Clients that are made for OpenAI name its models as OpenAI does."""
    for name, meant in WITHOUT_PROVIDER.items():
        answer = mocked.create(model=name)
        error = answer.json()["error"]
        assert (answer.status_code, answer.headers["x-should-retry"]) == (404, "false")
        assert meant in error["suggestions"], name
        assert meant in error["message"]

        assert error["message"].count("?") == 1
        assert "lists them" not in error["message"]

    assert "suggestions" not in mocked.create(model="no-such-model").json()["error"]


def test_only_those_that_can_be_asked_are_suggested_where_one_can(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure, which nobody had set up, came first, and cut off one that was."""
    for provider in list_providers():
        for variable in provider.environment_variables:
            monkeypatch.delenv(variable, raising=False)

    served = start()
    every = served.create(model="sora-2").json()["error"]["suggestions"]
    assert "azure-openai/sora-2" in every
    for variable, meant in (
        ("REPLICATE_API_TOKEN", "replicate/openai/sora-2"),
        ("OPENAI_API_KEY", "openai/sora-2"),
    ):
        monkeypatch.setenv(variable, "canary-key")
        error = served.create(model="sora-2").json()["error"]
        assert meant in error["suggestions"]
        providers = {one.partition("/")[0] for one in error["suggestions"]}
        assert providers <= {"openai", "replicate"}, error


OTHERS = (
    ("/v1/videos", "openai/gpt-image-2", "image"),
    ("/v1/videos", "fal/fal-ai/flux/dev", "image"),
    ("/v1/videos", "recraft/recraftv3", "image"),
    (IMAGES, "openai/sora-2", "video"),
    (IMAGES, MODEL, "video"),
    (IMAGES, "runway/gen4_turbo", "video"),
    ("/api/jobs", "google/gemini-2.5-flash-image", "image"),
)


@pytest.mark.parametrize("mock", [False, True])
def test_a_model_of_the_other_kind_is_named_for_what_it_makes(start: Start, *, mock: bool) -> None:
    served = start(mock=mock)
    for path, model, made in OTHERS:
        answer = served.ask("POST", path, json={"model": model, "prompt": "A cat"})
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert (error["param"], error["makes"]) == ("model", [made])
        assert f"{model} makes {made}s" in error["message"]


class Slow(Gateway):
    """Takes some time to list its models, and counts how often it does."""

    def __init__(self) -> None:
        super().__init__(ledger=MemoryLedger())
        self.count = 0
        self.begun = asyncio.Event()
        self.others = threading.Event()
        self.loop = asyncio.get_running_loop()

    def list_models(
        self,
        provider: str | None = None,
        *,
        output: str | None = None,
        takes: str | Collection[str] = (),
        duration: float | None = None,
        search: str | None = None,
    ) -> list[ModelInfo]:
        del provider, output, takes, duration, search
        self.count += 1
        self.loop.call_soon_threadsafe(self.begun.set)
        self.others.wait(5)
        return []


def test_the_catalogue_is_read_once_however_many_ask() -> None:
    async def count() -> int:
        gateway = Slow()
        names = ModelNames(gateway, ServerSettings())
        reads = [asyncio.create_task(names.read()) for _ in range(5)]
        await gateway.begun.wait()
        await asyncio.sleep(0.01)
        gateway.others.set()
        await asyncio.gather(*reads)
        return gateway.count

    assert asyncio.run(count()) == 1
