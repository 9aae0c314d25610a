"""What the first submit of a process loads: of ours, and of what is large of others."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.contract.cases import CASES

PROGRAM = """
import json, sys
import tarash.tarash_gateway as gateway

at_import = len([name for name in sys.modules if name.startswith("tarash.tarash_gateway")])
provider, kind, model = sys.argv[1:]
config = getattr(gateway, f"{kind.title()}GenerationConfig")(
    provider=provider, model=model, api_key="id:secret", base_url="http://127.0.0.1:9",
    max_retries=0,
)
request = getattr(gateway, f"{kind.title()}GenerationRequest")(prompt="A cat")
try:
    getattr(gateway, f"submit_{kind}")(config, request)
except gateway.HTTPConnectionError:
    ours = [name for name in sys.modules if name.startswith("tarash.tarash_gateway")]
    print(json.dumps([at_import, ours, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
AT_IMPORT = 125
"""Modules of ours that an import loads: the data, and the doors."""
MOST = {"luma": 285}
"""Of ours, up to the first submit; one that is declared needs what reads a declaration."""
MOST_ELSEWHERE = 272
LARGE = {
    *("aiohttp", "click", "cryptography", "email_validator", "fal_client", "fastapi", "google"),
    *("httpx", "httpx2", "jsonschema", "lumaai", "mcp", "numpy", "obstore", "openai", "PIL"),
    *("psycopg", "pygments", "replicate", "requests", "rich", "runwayml", "sqlite3", "starlette"),
    *("structlog", "typer", "uvicorn", "yaml"),
}
OF_HTTPX = {"click", "httpx", "pygments", "rich"}
"""`httpx` looks for what its command line is made of, and loads it where it is installed."""
LOADED = {
    "google": {"PIL", "google", "httpx2", *OF_HTTPX},
    "openai": {"httpx2", "openai"},
}
"""What is sent through an SDK, and what that brings along; others go through `aiohttp` alone."""
FIRST = {case.provider: case for case in reversed(CASES)}


@pytest.mark.parametrize("provider", ["fal", "google", "luma", "openai", "replicate", "runway"])
def test_a_first_submit_loads_what_it_needs(provider: str) -> None:
    case = FIRST[provider]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, provider, case.kind, case.model],
        capture_output=True,
        text=True,
        check=True,
    )
    at_import, ours, loaded = json.loads(ran.stdout)
    assert at_import <= AT_IMPORT
    assert len(ours) <= MOST.get(provider, MOST_ELSEWHERE), f"{len(ours)} modules of ours"
    assert LARGE.intersection(loaded) <= LOADED.get(provider, set()) | {"aiohttp"}
