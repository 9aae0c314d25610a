"""A gateway with a registry of its own: the server shows its providers, models and prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tarash.tarash_gateway import Gateway, Registry, list_providers
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.providers import declared_provider
from tarash.tarash_gateway.server import ServerSettings
from tests.server.conftest import Started

OWN: dict[str, Any] = {
    "name": "house",
    "title": "House",
    "account": {"base_url": "https://house.example", "auth": {"type": "bearer"}},
    "submit": [{"path": "v1/clips", "kind": "video"}],
    "poll": {"path": "v1/clips/{id}", "statuses": {"done": "completed"}},
    "result": {"media": {"video": ["url"]}},
    "models": [{"ids": ["clip-1"], "kind": "video", "takes": {"words": {"from": "prompt"}}}],
    "prices": [{"model": "clip-1", "unit": "second", "rate": "0.07"}],
}
"""A provider that no other gateway knows."""


def test_the_catalogue_and_health_are_the_gateways_own(tmp_path: Path) -> None:
    registry = Registry()
    registry.register(declared_provider(OWN))
    assert "house" not in {one.name for one in list_providers()}
    gateway = Gateway(registry=registry, ledger=MemoryLedger())
    served = Started(gateway, ServerSettings(media=tmp_path, mock=True))
    shown = served.http.get("/api/models/house/clip-1").json()
    assert (shown["ready"], shown["provider"]) == (True, "house")
    assert shown["price"]["low"] == shown["prices"][0]["rate"] == "0.07"
    (found,) = served.http.get("/api/models?q=house/clip-1").json()["data"]
    assert found["price"] == shown["price"]
    providers = served.http.get("/api/health").json()["providers"]
    assert "house" in {one["name"] for one in providers if one["ready"]}
    served.stop()
