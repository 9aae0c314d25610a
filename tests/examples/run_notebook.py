"""Run a notebook's cells as Jupyter does, in this process, and print what each of them shows.

A script of its own, since IPython takes over its process. One line of JSON for each code cell: the
HTML that it displays, as it stands in the end. The first error ends it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell


def shown(outputs: list[dict[str, Any]]) -> list[str]:
    """Return the displays' HTML: of one that was updated, the last."""
    displays: dict[object, str] = {}
    for number, output in enumerate(outputs):
        place = (output.get("transient") or {}).get("display_id", number)
        displays[place] = output["data"].get("text/html", "")

    return list(displays.values())


def main() -> int:
    """Run the notebook that the first argument names."""
    notebook = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    shell = InteractiveShell.instance()
    shell.display_pub = CapturingDisplayPublisher(parent=shell)
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue

        outputs: list[dict[str, Any]] = []
        shell.display_pub.outputs = outputs
        shell.displayhook = CapturingDisplayHook(shell=shell, outputs=outputs)
        with shell.display_trap:
            sys.displayhook = shell.displayhook
            result = shell.run_cell("".join(cell["source"]))
        if not result.success:
            return 1

        sys.stdout.write(json.dumps(shown(outputs)) + "\n")

    return 0


if __name__ == "__main__":
    sys.exit(main())
