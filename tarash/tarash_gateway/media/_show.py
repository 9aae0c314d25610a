"""Opens a result with what the system shows such files with. Decides nothing; waits for nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import MediaError
from ._formats import HEAD_BYTES, extension, type_of
from ._local_media import URL, LocalMedia, NoMedium, locate
from ._probe import result_of
from ._saving import names_files

if TYPE_CHECKING:
    from .._data._exchange import Response

OPENERS = {"darwin": "open", "linux": "xdg-open"}
viewers: list[subprocess.Popen[bytes]] = []
"""Those that may still run: nobody waits for a viewer to be closed."""


def show(response: Response, index: int) -> str:
    """Open one result; the first is 1.

    Returns:
        What was opened: a URL or a path.

    Raises:
        ValidationError: There is no such result.
        MediaError: There is nothing to show it with.
    """
    media = result_of(response, index)
    saved = response.saved[index - 1] if len(response.saved) >= index else ""
    if saved and Path(saved).is_file():
        return _open(str(Path(saved).resolve()))

    if isinstance(media, str) and URL.match(media):
        return _open(media)

    try:
        located = locate(media, paths=names_files(response))
        place = str(_file(located, response) if isinstance(located, LocalMedia) else located)
    except (NoMedium, OSError) as error:
        raise MediaError(f"There is nothing to show: {error}") from error

    return _open(place)


def _file(medium: LocalMedia, response: Response) -> Path:
    """Return the file that a result is, or one that is written for the viewer and stays."""
    if isinstance(medium.media, Path):
        return medium.media.resolve()

    blocks = medium.blocks()
    first = next(blocks, b"")
    kind = type_of(first[:HEAD_BYTES], medium.content_type or response.content_type)
    handle, name = tempfile.mkstemp(f".{extension(kind)}", "tarash-gateway-")
    with os.fdopen(handle, "wb") as file:
        file.writelines(chain((first,), blocks))

    return Path(name)


def _open(place: str) -> str:
    """Hand a URL to the browser, and a file to whatever is registered for its kind."""
    is_file = Path(place).is_absolute()
    if is_file and sys.platform == "win32":
        os.startfile(place)  # noqa: S606  (how Windows opens a file)
        return place

    opener = shutil.which(OPENERS.get(sys.platform, "xdg-open"))
    if is_file and opener is not None:
        viewers[:] = [viewer for viewer in viewers if viewer.poll() is None]
        viewer = subprocess.Popen(  # noqa: S603  (the system's own program, and an absolute path)
            [opener, place],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        viewers.append(viewer)
        return place

    if not webbrowser.open(Path(place).as_uri() if is_file else place):
        raise MediaError(f"This system has nothing to show it with; it is at {place}")

    return place
