"""Run a notebook's cells as Jupyter does, in this process, and print what each of them shows.

A script of its own, since IPython takes over its process. One line of JSON for each code cell: the
HTML that it displays, as it stands in the end. The first error ends it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output


def shown(outputs: list[RichOutput]) -> list[str]:
    """Return the displays' HTML: of one that was updated, the last."""
    displays: dict[object, str] = {}
    for number, output in enumerate(outputs):
        place = (output.transient or {}).get("display_id", number)
        displays[place] = output.data.get("text/html", "")

    return list(displays.values())


def main() -> None:
    """Run the notebook that the first argument names."""
    notebook = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    shell: Any = InteractiveShell.instance()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            with capture_output() as captured:
                result = shell.run_cell("".join(cell["source"]))

            result.raise_error()
            html = shown(captured.outputs)
            if result.result is not None:  # the cell's last line
                html.append(shell.display_formatter.format(result.result)[0]["text/html"])

            sys.stdout.write(json.dumps(html) + "\n")


if __name__ == "__main__":
    main()
