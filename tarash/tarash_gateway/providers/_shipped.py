"""The folders of the providers that ship with the package; each holds a row."""

from __future__ import annotations

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
