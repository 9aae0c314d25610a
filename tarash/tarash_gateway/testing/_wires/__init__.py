"""The providers that the simulator speaks for: one file each, one line here.

What a wire gets from the simulator is in `_context`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tarash.tarash_gateway.testing._wire import Wire
from tarash.tarash_gateway.testing._wires._context import WireContext
from tarash.tarash_gateway.testing._wires.azure_openai import AzureOpenAIWire
from tarash.tarash_gateway.testing._wires.fal import FalWire
from tarash.tarash_gateway.testing._wires.google import GoogleWire
from tarash.tarash_gateway.testing._wires.luma import LumaWire
from tarash.tarash_gateway.testing._wires.openai import OpenAIWire
from tarash.tarash_gateway.testing._wires.replicate import ReplicateWire
from tarash.tarash_gateway.testing._wires.runway import RunwayWire
from tarash.tarash_gateway.testing._wires.stability import StabilityWire
from tarash.tarash_gateway.testing._wires.xai import XaiWire

__all__ = ["WIRES", "WireContext"]

WIRES: Mapping[str, Callable[[WireContext], Wire]] = MappingProxyType(
    {
        "azure-openai": AzureOpenAIWire,
        "fal": FalWire,
        "runway": RunwayWire,
        "luma": LumaWire,
        "replicate": ReplicateWire,
        "stability": StabilityWire,
        "xai": XaiWire,
        "openai": OpenAIWire,
        "google": GoogleWire,
    }
)
