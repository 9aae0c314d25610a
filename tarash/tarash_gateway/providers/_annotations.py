"""Makes the annotations of what adapters are made of readable at run time.

The package's import needs the contract and the row of a provider, and none of what these name: HTTP
and the exchange. Whoever writes an adapter loads that anyway.
"""

from __future__ import annotations

from types import ModuleType

from .. import exceptions, models
from .._data import _exchange, _money, _types, _webhooks
from .._http import _client, _credentials
from ..catalog import ModelSpec
from . import _contract, _error_rules, _finding, _provider, _rest, _rest_results

_NAMED: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (
        _exchange,
        (
            *("Begun", "Call", "MediaSupport", "Operation", "PartialImage", "Payload"),
            *("RawResult", "Snapshot", "Stopped", "Together"),
        ),
    ),
    (_types, ("Billing", "CancelAnswer", "JobStatus")),
    (_money, ("Asked", "Reported")),
    (_webhooks, ("WebhookFacts",)),
    (_client, ("Classify", "HttpResponse", "Transport")),
    (_credentials, ("Credentials",)),
    (_contract, ("Ability", "Adapter")),
    (_error_rules, ("ErrorRules",)),
    (exceptions, ("TarashException",)),
)
_NAMES = {
    "Config": models.VideoGenerationConfig | models.ImageGenerationConfig,
    "ModelSpec": ModelSpec,
    "Response": models.VideoGenerationResponse | models.ImageGenerationResponse,
    **{name: getattr(module, name) for module, names in _NAMED for name in names},
}
for _module in (_contract, _finding, _provider, _rest, _rest_results):
    for _name, _value in _NAMES.items():
        vars(_module).setdefault(_name, _value)
