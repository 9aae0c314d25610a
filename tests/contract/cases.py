"""The table of the contract: one row for each protocol that the providers speak.

Where a provider legitimately differs, its row says so and why; the tests have no word for it.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

from tarash.tarash_gateway import HTTPError, register_provider_file
from tarash.tarash_gateway.testing import Script, Simulator

from . import rows_by_hand, rows_declared, rows_of_servers
from .case import (
    BYTES,
    FORM_EXTRA,
    ONE_REFUSAL,
    ROLES,
    WORKFLOWS,
    Case,
    Images,
    alone,
    by_key,
    forms_of,
)

__all__ = [
    "ADOPTED",
    "AT_ONCE",
    "BYTES",
    "CASES",
    "FILES",
    "JOBS",
    "LISTED",
    "ROLES",
    "WORKFLOWS",
    "Case",
    "Images",
    "by_key",
    "everyone",
    "forms_of",
    "wire_of",
]

FILES = {path.stem: path for path in (Path(__file__).parent / "declared").glob("*.toml")}
"""Providers as users declare them, each played by what its own file says."""
for _path in FILES.values():
    register_provider_file(_path)

ROWS = {**rows_by_hand.ROWS, **rows_of_servers.ROWS, **rows_declared.ROWS}
ORDER = (
    "fal", "openai", "azure-openai", "vllm", "sglang", "openai-compatible", "localai",
    "comfyui", "google", "kling", "minimax", "runway", "replicate", "luma", "alibaba",
    "bytedance", "ideogram", "bfl", "recraft", "wavespeed", "openrouter", "together",
    "stability", "xai",
)  # fmt: skip
"""Samples are drawn in this order: whoever adds a provider puts it at the end."""
CASES: tuple[Case, ...] = (
    *(case for provider in ORDER for case in ROWS[provider]),
    Case(
        provider="aster",
        kind="video",
        model="clip-1",
        other_model="clip-1-fast",
        cancel="requested",
        images=alone("reference", "first_frame", "asset"),
    ),
    Case(
        provider="boreal",
        kind="image",
        model="aurora-1",
        at_once=True,
        images=alone("reference", "style"),
        pictures=BYTES,
        extra_sent=FORM_EXTRA,
        failure=HTTPError,
        refused_failure=True,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="flag")),
        why="the submit's answer holds the images; a form holds text",
    ),
    Case(
        provider="cirrus",
        kind="image",
        model="cumulus",
        own_id=True,
        images=alone("reference"),
        pictures=BYTES,
        why="its cancel stops what waits in the queue, and nothing that runs",
    ),
)
if "TARASH_CONTRACT_CASES" in os.environ:
    # Providers of other packages: a module's rows, as keyword arguments of `Case`.
    _others = import_module(os.environ["TARASH_CONTRACT_CASES"])
    CASES = (*CASES, *(Case(**row) for row in _others.CASES))

JOBS = tuple(case for case in CASES if not case.at_once)
LISTED = tuple(case for case in CASES if case.other_model is not None)
ADOPTED = tuple(case for case in CASES if case.own_id or case in LISTED)
"""Those whose lost jobs are found again."""
AT_ONCE = tuple(case for case in CASES if case.at_once)


def wire_of(provider: str) -> str | Path:
    """Return what the simulator plays a provider by."""
    return FILES.get(provider, provider)


def everyone() -> Simulator:
    """Return a simulator of all providers, the declared ones too."""
    return Simulator([*Simulator().providers, *FILES.values()])
