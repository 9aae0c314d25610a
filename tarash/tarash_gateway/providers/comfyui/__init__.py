"""ComfyUI: a user's own server, whose models are workflow files."""

from __future__ import annotations

from .._provider import Provider

__all__ = ["provider"]

provider = Provider(
    name="comfyui",
    title="ComfyUI",
    adapter=f"{__name__}.adapter:adapter",
    keys=(),
    own_server=True,
    models_are_files=True,
    models=f"{__name__}.slots",
    open_settings=("workflow", "slots", "output"),
)
