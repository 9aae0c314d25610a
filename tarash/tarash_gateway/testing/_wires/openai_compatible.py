"""A server of which nothing is known but that it speaks OpenAI's wire, and wants no key."""

from tarash.tarash_gateway.testing._wires.openai import OpenAIWire


class CompatibleWire(OpenAIWire):
    """One server; it takes any model and any field."""

    keyless = True


wire = CompatibleWire
