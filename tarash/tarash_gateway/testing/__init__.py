"""A local stand-in for the providers, for tests of code that generates media.

`Simulator` speaks the providers' wire protocols on loopback, with scripted timings and faults, so
that the official SDKs run against it for real. Importing this package costs next to nothing (the
pytest plugin is loaded by every pytest run): the server is imported when a name is first used.
It must not import anything else of the gateway but the mock's own media.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarash.tarash_gateway.testing._fault import Fault
    from tarash.tarash_gateway.testing._media import image_bytes, video_bytes
    from tarash.tarash_gateway.testing._records import (
        Counters,
        Job,
        RecordedRequest,
        SentWebhook,
        Step,
    )
    from tarash.tarash_gateway.testing._script import Script
    from tarash.tarash_gateway.testing._simulator import Simulator
    from tarash.tarash_gateway.testing._wire import ProviderWire, Reply, Route, WireError
    from tarash.tarash_gateway.testing._wires import WireContext

__all__ = [
    "Counters",
    "Fault",
    "Job",
    "ProviderWire",
    "RecordedRequest",
    "Reply",
    "Route",
    "Script",
    "SentWebhook",
    "Simulator",
    "Step",
    "WireContext",
    "WireError",
    "image_bytes",
    "video_bytes",
]

_HOMES = {
    "Counters": "_records",
    "Fault": "_fault",
    "Job": "_records",
    "RecordedRequest": "_records",
    "Reply": "_wire",
    "Route": "_wire",
    "Script": "_script",
    "SentWebhook": "_records",
    "Simulator": "_simulator",
    "Step": "_records",
    "ProviderWire": "_wire",
    "WireContext": "_wires",
    "WireError": "_wire",
    "image_bytes": "_media",
    "video_bytes": "_media",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
