"""How a provider calls back: facts as data, which its adapter states and the inbox goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ._types import JsonObject

SchemeName = Literal[
    "standard_hmac",
    "standard_hmac_raw",
    "standard_ed25519",
    "timestamped_hmac",
    "digest_ed25519",
    "derived_hmac",
    "unsigned",
]

Demand = Literal["https", "public"]


@dataclass(frozen=True, slots=True)
class WebhookFacts:
    """How a provider is asked to call back, how it signs, and what it sends."""

    scheme: SchemeName = "unsigned"
    parameter: str | None = None
    """What carries the address: a dotted path in the body. None where it is set up elsewhere."""
    in_query: bool = False
    """Whether `parameter` is a name in the query of the submit."""
    beside: JsonObject = field(default_factory=dict)
    """What else is sent, so that it calls only when there is something to tell."""
    job_id: tuple[str, ...] = ("id",)
    """Where an event holds the job's id: the first of these dotted paths that is there."""
    status: tuple[str, ...] = ("status",)
    """Where it holds the provider's word for how the job stands."""
    variable: str | None = None
    """The environment variable of the secret that it signs with."""
    keys_url: str | None = None
    """Where it publishes the keys that it signs with."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the scheme needs beside that: `prefix`, `header`, `separator`, …"""
    challenge: str | None = None
    """What a first request holds that has to be sent back."""
    demands: tuple[Demand, ...] = ()
    """What it wants of an address, and refuses a whole submit for: `https`, a `public` host."""
