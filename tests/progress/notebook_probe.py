"""Draws progress bars in IPython's shell, as a notebook's kernel does, and prints what is shown."""

from __future__ import annotations

import gc
import json
import sys
from importlib import import_module
from typing import Any

from tarash.tarash_gateway import (
    MockConfig,
    MockPollingConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
    progress_bar,
)


def main() -> None:
    """Draw with ipywidgets and without."""
    shell: Any = import_module("IPython.core.interactiveshell").InteractiveShell.instance()
    shell.kernel = object()  # by which a notebook's shell is told from a terminal's
    shown: Any = import_module("IPython.core.displaypub").CapturingDisplayPublisher()
    shell.display_pub = shown
    ipywidgets: Any = import_module("ipywidgets")
    mock = MockConfig(enabled=True, polling=MockPollingConfig(delay_between_updates=0))
    config = VideoGenerationConfig(provider="fal", model="<m>", mock=mock)
    request = VideoGenerationRequest(prompt="A cat")

    generate_video(config, request, progress_bar())
    (box,) = [one for one in gc.get_objects() if type(one) is ipywidgets.HBox]
    bar, text = box.children
    found: dict[str, Any] = {
        "with": [bar.bar_style, bar.value, text.value],
        "displayed": len(shown.outputs),
    }

    shown.outputs.clear()
    vars(sys)["modules"]["ipywidgets"] = None  # as where it is not installed
    generate_video(config, request, progress_bar())
    found["without"] = [
        [output["data"]["text/plain"], output["data"]["text/html"]] for output in shown.outputs
    ]
    found["places"] = len({output["transient"]["display_id"] for output in shown.outputs})
    shown.outputs.clear()
    fitted = config.model_copy(update={"model": "fal-ai/veo3.1"})
    generate_video(fitted, request.model_copy(update={"duration_seconds": 7}), progress_bar("<l>"))
    said = [output["data"] for output in shown.outputs]
    found["adjusted"] = [one for one in said if "asked 7" in one["text/plain"]]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
