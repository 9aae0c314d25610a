"""The folders of the providers that ship with the package; each holds a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._provider import Provider

FOLDERS = (
    "alibaba",
    "azure_openai",
    "bfl",
    "bytedance",
    "comfyui",
    "fal",
    "google",
    "ideogram",
    "kling",
    "localai",
    "luma",
    "minimax",
    "openai",
    "openai_compatible",
    "openrouter",
    "recraft",
    "replicate",
    "runway",
    "sglang",
    "stability",
    "together",
    "vllm",
    "wavespeed",
    "xai",
)

NAMES = {
    **{folder.replace("_", "-"): folder for folder in FOLDERS},
    "azure_openai": "azure_openai",
    "black-forest-labs": "bfl",
    "byteplus": "bytedance",
    "dashscope": "alibaba",
    "hailuo": "minimax",
    "klingai": "kling",
    "openai_compatible": "openai_compatible",
    "togetherai": "together",
    "vllm-omni": "vllm",
    "vllm_omni": "vllm",
    "volcengine": "bytedance",
}
"""Which folder a name or an alias leads to, without importing any: `test_rooms` holds it."""


class _Shipped(Mapping[str, "Provider"]):
    """The rows by name and alias; each is imported when it is first asked for."""

    def __getitem__(self, name: str) -> Provider:
        row = row_of(name)
        if row is None:
            raise KeyError(name)

        return row

    def __contains__(self, name: object) -> bool:
        return name in NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


_rows: dict[str, Provider] = {}
_shipped = _Shipped()


def row_of(name: str) -> Provider | None:
    """Return the row of this name or alias; None where none that ships has it."""
    row = _rows.get(name)
    if row is None and name in NAMES:
        row = _rows[name] = import_module(f".{NAMES[name]}", __package__).provider

    return row


def shipped() -> Mapping[str, Provider]:
    """Return the rows of the providers that ship with the package, by name and alias."""
    return _shipped
