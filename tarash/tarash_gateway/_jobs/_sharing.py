"""Equal configs of stored jobs are one object: a worker holds thousands of jobs with a few."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from .._data._exchange import Config

_configs: WeakValueDictionary[bytes, Any] = WeakValueDictionary()
"""By what they were made of; no longer than a job has one. A config is frozen."""


def shared(config: Config, stored: Mapping[str, Any]) -> Config:
    """Return the config of another job that was made of the same, else this one.

    Args:
        config: Just made. That of a mock, which draws from its own seed, stays its own.
        stored: What it was made of, with its key.
    """
    if config.mock is not None:
        return config

    text = json.dumps([type(config).__name__, stored], sort_keys=True, default=repr)
    kept: Config = _configs.setdefault(hashlib.sha256(text.encode()).digest(), config)
    return kept
