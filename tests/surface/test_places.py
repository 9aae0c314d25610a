"""Where people run it: users without a home, old SDKs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest

from tarash.tarash_gateway._support import _extras
from tarash.tarash_gateway.exceptions import ValidationError
from tarash.tarash_gateway.providers import _registry as registry

HOMELESS = """
import pwd, sys

def nobody(_):
    raise KeyError("no such user")

pwd.getpwuid = nobody
from tarash.tarash_gateway import *
from tarash.tarash_gateway.cli import main

config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1")
request = VideoGenerationRequest(prompt="A cat")
print(plan_video(config, request).model)
mocked = config.model_copy(update={"mock": MockConfig(enabled=True)})
print(generate_video(mocked, request).status)
print(len(list_models()) > 100)
sys.argv = ["tarash", "jobs", "ls"]
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="users have no entry there")
def test_a_user_without_a_home_needs_none() -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "HOME" and not name.startswith(("XDG_", "TARASH_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS], env=kept, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["fal-ai/veo3.1", "completed", "True"], done.stderr
    assert "set TARASH_LEDGER" in done.stderr
    assert done.returncode == 2


def test_an_sdk_that_is_too_old_is_told_with_both_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = metadata.version

    def older(name: str) -> str:
        return "0.4.1" if name == "fal-client" else known(name)

    monkeypatch.setattr(metadata, "version", older)
    _extras.too_old.cache_clear()
    try:
        with pytest.raises(ValidationError, match=r"fal-client 0\.4\.1 is installed, and .* need"):
            registry.default_registry.adapter("fal")

        assert not next(one for one in registry.list_providers() if one.name == "fal").installed
        registry.default_registry.adapter("runway")
    finally:
        _extras.too_old.cache_clear()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, '".[fal]"'),
        ({"upgrade": True}, '".[fal]"'),
        ({"distribution": "others-gateway"}, '"others-gateway[fal]"'),
    ],
)
def test_a_frozen_program_is_not_told_to_run_pip(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], named: str
) -> None:
    assert "pip install" in _extras.how_to_install("fal", **options)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    said = _extras.how_to_install("fal", **options)
    assert "pip" not in said
    assert said.startswith("build this program again")
    assert named in said
