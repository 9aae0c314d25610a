"""Which of Google's two services a config means, and the addresses there. Pure.

With `gcp_project` in `provider_config` it is Vertex AI, else the Gemini API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..._http._urls import segments
from ..._support._dataclass import dataclass
from ...exceptions import ValidationError

if TYPE_CHECKING:
    from ..._data._types import Kind

GEMINI_API = "https://generativelanguage.googleapis.com"
STORAGE = "https://storage.googleapis.com"
MULTI_REGIONS = frozenset({"us", "eu"})
VERTEX_SETTINGS = ("location", "credentials_path", "credentials", "access_token")
VERSION_AT_THE_END = re.compile(r"/v\d+((alpha|beta)\d*)?$")

Surface = Literal["interactions", "operations", "content", "predict"]
VERBS: Mapping[Surface, str] = {
    "operations": ":predictLongRunning",
    "content": ":generateContent",
    "predict": ":predict",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A service with its addresses; `project` is None for the Gemini API."""

    project: str | None
    location: str
    version: str | None

    @property
    def host(self) -> str:
        """Return the service's base URL."""
        if self.project is None:
            return GEMINI_API

        if self.location == "global":
            return "https://aiplatform.googleapis.com"

        if self.location in MULTI_REGIONS:
            return f"https://aiplatform.{self.location}.rep.googleapis.com"

        return f"https://{self.location}-aiplatform.googleapis.com"

    def root(self, surface: Surface) -> str:
        """Return the version, and on Vertex AI the project, that a surface's paths begin with."""
        if self.project is not None:
            return f"{self.version or 'v1beta1'}/projects/{self.project}/locations/{self.location}"

        # Long-running operations and Imagen never left the beta of the Gemini API.
        beta = surface in ("operations", "predict")
        return self.version or ("v1beta" if beta else "v1")

    def path(self, surface: Surface, model: str) -> str:
        """Return the path of a submit."""
        if surface == "interactions":
            return f"{self.root(surface)}/interactions"

        publisher = "publishers/google/" if self.project is not None else ""
        return f"{self.root(surface)}/{publisher}models/{segments(model)}{VERBS[surface]}"


def surface_of(model: str, kind: Kind) -> Surface:
    """Return which of Google's protocols a model is spoken to in."""
    if model.startswith("veo"):
        return "operations"

    if model.startswith("imagen"):
        return "predict"

    return "interactions" if kind == "video" else "content"


def place_of(settings: Mapping[str, Any], model: str = "", version: str | None = None) -> Place:
    """Return where a config's requests go.

    Raises:
        ValidationError: There are settings for Vertex AI and no project.
    """
    project = settings.get("gcp_project")
    if project is None:
        given = [name for name in VERTEX_SETTINGS if settings.get(name) is not None]
        del settings  # one of them may be a token, and errors' frames are shown
        if given:
            raise ValidationError(
                f"provider_config has {given[0]!r}, which is for Vertex AI, and no 'gcp_project'; "
                "add it, or remove the other"
            )

        return Place(None, "", version)

    # Veo and Imagen are served by region; what is newer is served globally, Omni only so.
    regional = model.startswith(("veo", "imagen"))
    location = settings.get("location") or ("us-central1" if regional else "global")
    return Place(str(project), str(location), version)


def bare(base_url: str) -> str:
    """Return a base URL without a version at its end: our paths bring their own."""
    return VERSION_AT_THE_END.sub("", base_url.rstrip("/"))
