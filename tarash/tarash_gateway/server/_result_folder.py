"""The folder where results are kept: each under a name that its job has written down before."""

from __future__ import annotations

import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from .._http._sniff import sniff

if TYPE_CHECKING:
    from .._data._job_info import JobInfo

MARK = "-{index}.{ext}"
TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
}
"""What is served as what it is; a page or a drawing from here would run as ours."""
BYTES = "application/octet-stream"


def usual_folder() -> Path:
    """Return the folder where nobody has named one: in the user's data folder."""
    import platformdirs

    return Path(platformdirs.user_data_dir("tarash", appauthor=False)) / "media"


class ResultFolder:
    """Where the server's results are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().absolute()

    def prepare(self) -> None:
        """Make the folder, for this user only."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def place(self) -> str:
        """Return where the results of a new job are saved, as a config's `save_to`."""
        folder = str(self._folder).replace("{", "{{").replace("}", "}}")
        return f"{folder}/{uuid.uuid4().hex}{MARK}"

    async def files(self, job: JobInfo) -> list[Path]:
        """Return the results of a job that are here, in their order."""
        return await to_thread.run_sync(self._files, self._name(job))

    async def save(self, job: JobInfo, response: Any) -> list[Path]:
        """Save the results of a job that are not here any more, or were made elsewhere."""
        name = self._name(job) or uuid.uuid4().hex
        folder = str(self._folder).replace("{", "{{").replace("}", "}}")
        await response.save_async(f"{folder}/{name}{MARK}", overwrite=True)
        return await to_thread.run_sync(self._files, name)

    async def drop(self, job: JobInfo) -> None:
        """Delete the results of a job."""
        for path in await self.files(job):
            await to_thread.run_sync(partial(path.unlink, missing_ok=True))

    def _files(self, name: str) -> list[Path]:
        if not name:
            return []

        paths = {path.stem.rpartition("-")[2]: path for path in self._folder.glob(f"{name}-*")}
        return [paths[number] for number in sorted(filter(str.isdigit, paths), key=int)]

    def _name(self, job: JobInfo) -> str:
        """Return what the files of a job begin with."""
        head = job.chain[0] if job.chain else {}
        name = Path(str(head.get("save_to") or "")).name
        bare = name.removesuffix(MARK)
        return bare if name.endswith(MARK) and bare.isalnum() else ""


def served_type(content: str | bytes) -> str:
    """Return the content type that bytes are served as."""
    content_type = sniff(content) if isinstance(content, bytes) else None
    return content_type if content_type is not None and content_type in TYPES.values() else BYTES


def type_of(path: Path) -> str:
    """Return the content type that a file is served as."""
    return TYPES.get(path.suffix.lower(), BYTES)
