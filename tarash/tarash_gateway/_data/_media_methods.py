"""What a response can do with its media: `save`, `probe` and `show`, which `media` does."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ._media_info import MediaInfo
from ._template import SaveLimits
from ._types import OnExists

if TYPE_CHECKING:
    from ._configs import ImageGenerationConfig, VideoGenerationConfig


class MediaMethods:
    """The methods of every response."""

    async def save_async(
        self,
        to: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_exists: OnExists = "fail",
        config: VideoGenerationConfig | ImageGenerationConfig | None = None,
        **limits: Unpack[SaveLimits],
    ) -> Path | Any:
        """Save all results to files, or to an object store.

        A file has its name only when it is complete. Downloads go on where they broke off, and an
        expired URL is asked for again where the provider signs new ones, which takes its key.

        Args:
            to: A file (`out/cat.mp4`), a folder (`out/`), or the address of an object
                (`s3://bucket/cat.mp4`; needs the extra `storage`). May hold `{provider}`,
                `{model}`, `{request_id}`, `{index}` (from 1) and `{ext}`. Folders are made. A name
                without an extension gets one; several without `{index}` are numbered.
            overwrite: Replace what is there.
            on_exists: What a name does that is taken: `fail`, or get a `number` (`cat-2.mp4`).
            config: Whose key asks for fresh URLs; by default the one that made this, which a
                response that was unpickled or read from JSON has not.
            **limits: `max_bytes` of a result (8 GiB) and `timeout` for all, in seconds (an hour).

        Returns:
            The path, or as text the address in an object store; of several results a list of
            them, which `save_all_async` always returns. Type checkers take it for whichever of
            them is used.

        Raises:
            ValidationError: Nothing can be saved there; the message says why.
            SaveError: A result could not be saved; `saved` has those that were.
        """
        options: Any = {"overwrite": overwrite, "on_exists": on_exists, "config": config, **limits}
        places = await self.save_all_async(to, **options)
        return places[0] if len(places) == 1 else places

    def save(
        self,
        to: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_exists: OnExists = "fail",
        config: VideoGenerationConfig | ImageGenerationConfig | None = None,
        **limits: Unpack[SaveLimits],
    ) -> Path | Any:
        """Blocking form of `save_async`."""
        from .._support import _portal

        options: Any = {"overwrite": overwrite, "on_exists": on_exists, "config": config, **limits}
        return _portal.call(lambda _caller: self.save_async(to, **options))

    async def save_all_async(
        self,
        to: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_exists: OnExists = "fail",
        config: VideoGenerationConfig | ImageGenerationConfig | None = None,
        **limits: Unpack[SaveLimits],
    ) -> list[Path | Any]:
        """Save all results, and return a list of where they are, also of a single one.

        Arguments and errors are those of `save_async`.
        """
        options: Any = {"overwrite": overwrite, "on_exists": on_exists, "config": config, **limits}
        saved = await _media("_saving").save(self, to, **options)
        return [result.place for result in saved]

    def save_all(
        self,
        to: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_exists: OnExists = "fail",
        config: VideoGenerationConfig | ImageGenerationConfig | None = None,
        **limits: Unpack[SaveLimits],
    ) -> list[Path | Any]:
        """Blocking form of `save_all_async`."""
        from .._support import _portal

        options: Any = {"overwrite": overwrite, "on_exists": on_exists, "config": config, **limits}
        return _portal.call(lambda _caller: self.save_all_async(to, **options))

    async def probe_async(self, index: int = 1) -> MediaInfo:
        """Return what a result really is, read from the file itself.

        Of a URL, only the headers of the file are fetched where its server can do that.

        Args:
            index: Which result, from 1.

        Raises:
            ValidationError: There is no such result.
            ProbeError: It can't be read, or is no video or image.
        """
        info: MediaInfo = await _media("_probe").probe_response(self, index)
        return info

    def probe(self, index: int = 1) -> MediaInfo:
        """Blocking form of `probe_async`."""
        from .._support import _portal

        return _portal.call(lambda _caller: self.probe_async(index))

    def show(self, index: int = 1) -> str:
        """Open a result with what this system shows such files with.

        Args:
            index: Which result, from 1.

        Returns:
            The URL or the path that was opened. Bytes are written to a temporary file first.

        Raises:
            ValidationError: There is no such result.
            MediaError: There is nothing to show it with.
        """
        opened: str = _media("_show").show(self, index)
        return opened

    def _repr_html_(self) -> str:
        page: str = _media("_html").page(self)
        return page

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        del include, exclude  # whoever asks picks from what there is
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def _media(name: str) -> Any:
    """Return a module of `media`, which is above this one and not to be loaded before it is used.

    By name, so that type checkers don't see everything here as one circle of imports.
    """
    return import_module(f"..media.{name}", __package__)
